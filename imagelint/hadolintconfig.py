"""`.hadolint.yaml`, read so that a team can change tools and keep it.

What it says holds as in hadolint: its default set, its severities, `ignored` before `override`. Unlike there a file
that is broken, or a key that does not exist, is an error and not passed over.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from imagelint import files, hadolint
from imagelint.config import LABEL_TYPES, LEVELS, Reader, Settings
from imagelint.errors import InputError
from imagelint.finding import Severity
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

#: hadolint's formats, by ours; those without one of ours are said on standard error.
_FORMATS = {
    "tty": "text", "gnu": "text", "json": "hadolint-json", "sarif": "sarif", "checkstyle": "checkstyle",
    "junit": "junit", "gitlab_codeclimate": "gitlab", "codeclimate": "gitlab", "codacy": None, "sonarqube": None,
}  # fmt: skip
#: A higher level overrides a lower one where a rule is named under both.
_BY_WEIGHT = ("style", "info", "warning", "error")
_TRUE = ("1", "y", "on", "true", "yes")


def read(path: str, settings: Settings) -> Settings:
    """Settings with what hadolint's file says put over them; raises InputError and UsageError."""
    reader = Reader(path, _document(path))
    override: Mapping[str, Any] = reader.get("override", dict, "a table") or {}
    by_level = Reader(f"{path}: override", dict(override))
    severities = {code: LEVELS[level] for level in _BY_WEIGHT for code in _codes(by_level, level)}
    by_level.finish()
    ignored = _codes(reader, "ignored")
    threshold = reader.text("failure-threshold")
    levels = {**LEVELS, "ignore": Severity.STYLE, "none": Severity.STYLE}
    labels = reader.mapping("label-schema", _label_type(reader))
    no_fail, no_colour = _flag(reader, "no-fail"), _flag(reader, "no-color")
    pragmas = not _flag(reader, "disable-ignore-pragma")
    strict = _flag(reader, "strict-labels")
    _flag(reader, "verbose")
    registries = reader.texts("trustedRegistries")
    output_format = _format(reader)
    reader.finish()
    return settings._replace(
        selection=settings.selection._replace(
            hadolint=True, ignore=ignored, severities=severities, extend_select=tuple(severities)
        ),
        demands=settings.demands._replace(registries=registries, labels=labels, strict_labels=strict),
        fail_on=reader.choice("failure-threshold", threshold, levels) if threshold is not None else settings.fail_on,
        output_format=output_format,
        pragmas=pragmas,
        exit_zero=no_fail,
        colour=not no_colour,
        sources=(*settings.sources, path),
    )


def _document(path: str) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(files.read(path))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        lines = str(error).splitlines()
        raise InputError(f"{path}: is not YAML: {' '.join(line.strip() for line in lines)[:300]}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InputError(f"{path}: must be a mapping of hadolint's keys")
    return {str(key): value for key, value in document.items()}


def _codes(reader: Reader, key: str) -> tuple[str, ...]:
    """A list of rules; one that never was hadolint's is said, and left out: hadolint itself takes anything."""
    out: list[str] = []
    for code in reader.texts(key):
        if hadolint.is_code(code):
            out.append(code)
        else:
            print(f"imagelint: note: {reader.path}: {key}: there is no rule {printable(code)}", file=sys.stderr)
    return tuple(out)


def _flag(reader: Reader, key: str) -> bool:
    """True or false, which hadolint also takes as a text."""
    value = reader.table.get(key)
    if isinstance(value, str):
        reader.known.append(key)
        return value.lower() in _TRUE
    return reader.flag(key, False)


def _label_type(reader: Reader) -> Any:
    known = {**{each: each for each in LABEL_TYPES}, "": "text"}
    return lambda key, value: reader.choice(key, value or "", known)


def _format(reader: Reader) -> str | None:
    single, several = reader.text("format"), reader.texts("formats")
    wanted = [*([single] if single else []), *several]
    if not wanted:
        return None
    ours = reader.choice("format", wanted[0], _FORMATS)
    if ours is None or len(wanted) > 1:
        print(
            f"imagelint: note: {reader.path}: the format {', '.join(map(printable, wanted))} is"
            f" {'not there; the report is text' if ours is None else 'several: the first one holds'}",
            file=sys.stderr,
        )
    return ours
