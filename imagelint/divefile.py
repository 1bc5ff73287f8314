"""dive's CI configuration (`.dive-ci`), read as dive 0.13.1 reads it, but for what it silently passes over."""

from __future__ import annotations

import math

import yaml

from imagelint import files, sizes
from imagelint.errors import InputError, UsageError
from imagelint.gate import DiveRules
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = ".dive-ci"
_KEYS = ("lowestEfficiency", "highestWastedBytes", "highestUserWastedPercent")
_DISABLED = "disabled"


def rules(path: str | None, given: Mapping[str, str | None]) -> DiveRules:
    """The rules: of the command line (`given`, by key), else of the file, else dive's defaults.

    Raises UsageError for a key that dive does not know, which it would pass over in silence, and for values that are
    none.
    """
    found: dict[str, object] = dict(_of_file(path)) if path is not None else {}
    found |= {key: value for key, value in given.items() if value is not None}
    defaults = DiveRules()
    where = path or "--lowestEfficiency and its like"
    return DiveRules(
        _ratio(found, _KEYS[0], defaults.lowest_efficiency, where),
        _bytes(found, _KEYS[1], where),
        _ratio(found, _KEYS[2], defaults.highest_user_wasted_percent, where),
    )


def _of_file(path: str) -> Mapping[str, object]:
    content = files.read(path, limit=64_000)
    try:
        document = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not YAML: {str(error).splitlines()[0]}") from error
    if document is None:
        return {}
    if not isinstance(document, dict) or set(document) - {"rules"}:
        raise UsageError(f"{path}: has keys beside `rules`, which dive passes over", hint="rules: …")
    table = document.get("rules")
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise UsageError(f"{path}: rules must be a mapping")
    for key in table:
        if key not in _KEYS:
            raise UsageError(f"{path}: dive has no rule {str(key)[:60]}", hint=f"rules: {', '.join(_KEYS)}")
    return table


def _ratio(found: Mapping[str, object], key: str, default: float | None, where: str) -> float | None:
    value = found.get(key, default)
    if value is None or value == _DISABLED:
        return None
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise UsageError(f"{where}: {key} must be a number from 0 to 1, or {_DISABLED}")
    return number


def _bytes(found: Mapping[str, object], key: str, where: str) -> int | None:
    value = found.get(key)
    if value is None or value == _DISABLED:
        return None
    try:
        return sizes.parse_size(str(value))
    except UsageError as error:
        raise UsageError(f"{where}: {key}: {error.message}") from None
