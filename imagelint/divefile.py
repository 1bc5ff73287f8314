"""dive's CI configuration (`.dive-ci`), read as dive 0.13.1 reads it, but for what it silently passes over.

Keys are the same in any case, a key without a value is as good as none, and sizes are go-humanize's.
"""

from __future__ import annotations

import re

import yaml

from imagelint import files
from imagelint.errors import InputError, UsageError
from imagelint.gate import DiveRules
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = ".dive-ci"
_KEYS = ("lowestEfficiency", "highestWastedBytes", "highestUserWastedPercent")
_DISABLED = "disabled"
_BY_LOWER = {key.lower(): key for key in _KEYS}
# What Go's ParseFloat takes, but for hexadecimal numbers and those that no ratio is.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SIZE = re.compile(r"(\d[\d,]*\.?\d*|\.\d+) *([kmgtpe]?i?b?)", re.ASCII | re.IGNORECASE)
_LARGEST = 2**64


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
    if not isinstance(document, dict) or [str(key).lower() for key in document] != ["rules"]:
        raise UsageError(f"{path}: has keys beside `rules`, which dive passes over", hint="rules: …")
    (table,) = document.values()
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise UsageError(f"{path}: rules must be a mapping")
    found: dict[str, object] = {}
    for key, value in table.items():
        name = _BY_LOWER.get(str(key).lower())
        if name is None:
            raise UsageError(f"{path}: dive has no rule {str(key)[:60]}", hint=f"rules: {', '.join(_KEYS)}")
        if name in found:
            raise UsageError(f"{path}: {name} is there twice")
        found[name] = value
    return {key: value for key, value in found.items() if value is not None}


def _ratio(found: Mapping[str, object], key: str, default: float | None, where: str) -> float | None:
    value = found.get(key, default)
    if value is None or value == _DISABLED:
        return None
    if not _NUMBER.fullmatch(str(value)) or not 0 <= float(str(value)) <= 1:
        raise UsageError(f"{where}: {key} must be a number from 0 to 1, or {_DISABLED}")
    return float(str(value))


def _bytes(found: Mapping[str, object], key: str, where: str) -> int | None:
    value = found.get(key)
    if value is None or value == _DISABLED:
        return None
    size = _SIZE.fullmatch(str(value)[:100])
    unit = size[2].lower().removesuffix("b") if size else ""
    scale = (1024 if unit.endswith("i") else 1000) ** " kmgtpe".index(unit[:1] or " ")
    if not size or unit == "i" or (count := float(size[1].replace(",", "")) * scale) >= _LARGEST:
        hint = "write 20MB (20,000,000 bytes) or 20MiB (20,971,520 bytes)"
        raise UsageError(f"{where}: {key}: {str(value)[:60]!r} is no size", hint=hint)
    return int(count)
