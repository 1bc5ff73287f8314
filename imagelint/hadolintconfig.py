"""`.hadolint.yaml`, read so that a team can change tools and keep it.

What it says holds as in hadolint: its default set, its severities, `ignored` before `override`. Unlike there a file
that is broken, or a key that does not exist, is an error and not passed over.
"""

from __future__ import annotations

from imagelint import files, hadolint
from imagelint.errors import InputError
from imagelint.finding import Severity
from imagelint.records import TYPE_CHECKING
from imagelint.selection import Layer
from imagelint.settings import LABEL_TYPES, LEVELS, Reader, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: hadolint's formats, by ours; those without one of ours are said on standard error.
_FORMATS = {
    "tty": "text", "gnu": "text", "json": "hadolint-json", "sarif": "sarif", "checkstyle": "checkstyle",
    "junit": "junit", "gitlab_codeclimate": "gitlab", "codeclimate": "gitlab", "codacy": None, "sonarqube": None,
}  # fmt: skip
#: A higher level overrides a lower one where a rule is named under both.
_BY_WEIGHT = ("style", "info", "warning", "error")
_TRUE = ("1", "y", "on", "true", "yes")
#: What is larger takes long to read, and is no such file.
_MAX_BYTES = 64_000


def read(path: str, settings: Settings) -> Settings:
    """Settings with what hadolint's file says put over them; raises InputError and UsageError."""
    reader = Reader(path, _document(path))
    override: Mapping[str, Any] = reader.get("override", dict, "a table") or {}
    by_level = Reader(f"{path}: override", {str(key): value for key, value in override.items()})
    severities = {code: LEVELS[level] for level in _BY_WEIGHT for code in _codes(by_level, level)}
    by_level.finish()
    # An override turns a rule on; what is on by default needs no turning on, ShellCheck's least of all.
    turned_on = tuple(code for code in severities if code in hadolint.OFF)
    layer = Layer(None, turned_on, _codes(reader, "ignored"), severities, path)
    levels = {**LEVELS, "ignore": Severity.STYLE, "none": Severity.STYLE}
    known_types = {"": "text", **{each: each for each in LABEL_TYPES}}
    registries = reader.texts("trustedRegistries")
    labels = reader.mapping("label-schema", lambda key, value: reader.choice(key, value or "", known_types))
    _flag(reader, "verbose")
    out = settings._replace(
        selection=settings.selection._replace(hadolint=True, layers=(*settings.selection.layers, layer)),
        demands=settings.demands._replace(
            registries=registries, labels=labels, strict_labels=_flag(reader, "strict-labels")
        ),
        fail_on=reader.one("failure-threshold", levels, settings.fail_on),
        output_format=_format(reader),
        pragmas=not _flag(reader, "disable-ignore-pragma"),
        exit_zero=_flag(reader, "no-fail"),
        colour=not _flag(reader, "no-color"),
        sources=(*settings.sources, path),
    )
    reader.finish()
    return out._replace(notes=(*settings.notes, *by_level.notes, *reader.notes))


def _document(path: str) -> dict[str, Any]:
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's, without `<<`: some lines of such merges stand for more keys than any memory holds."""

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
                raise yaml.MarkedYAMLError(problem="merge keys (<<) are not read", problem_mark=node.start_mark)
            super().flatten_mapping(node)

    try:
        document = yaml.load(files.read(path, limit=_MAX_BYTES), Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        lines = str(error).splitlines()
        raise InputError(f"{path}: is not YAML: {' '.join(line.strip() for line in lines)[:300]}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InputError(f"{path}: must be a mapping of hadolint's keys")
    return {str(key): value for key, value in document.items()}


def _codes(reader: Reader, key: str) -> tuple[str, ...]:
    """A list of rules; one that never was hadolint's is said, and left out: hadolint itself takes anything."""
    codes = reader.texts(key)
    for code in codes:
        if not hadolint.is_code(code):
            reader.notes.append(f"{reader.path}: {key}: there is no rule {code[:60]}")
    return tuple(code for code in codes if hadolint.is_code(code))


def _flag(reader: Reader, key: str) -> bool:
    """True or false, which hadolint also takes as a text."""
    value = reader.table.get(key)
    if isinstance(value, str):
        reader.known.append(key)
        return value.lower() in _TRUE
    return reader.flag(key, False)


def _format(reader: Reader) -> str | None:
    single, several = reader.text("format"), reader.texts("formats")
    wanted = [*([single] if single else []), *several]
    ours = [reader.choice("format", each, _FORMATS) for each in wanted]
    if len(wanted) > 1:
        reader.notes.append(f"{reader.path}: of several formats the first holds, {wanted[0]}")
    if wanted and ours[0] is None:
        reader.notes.append(f"{reader.path}: there is no format {wanted[0]} here; the report is text")
    return ours[0] if ours else None
