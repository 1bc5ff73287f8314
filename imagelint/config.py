"""What configuration files say: `imagelint.toml`, `[tool.imagelint]` of `pyproject.toml`, and hadolint's own.

The nearest of `imagelint.toml` and `pyproject.toml`, from the working folder upwards to the repository's root, holds;
where there is none, the user's own. What the command line says comes before a file, a file of imagelint's before
hadolint's. A key, a level or a rule that does not exist is an error: a file that is silently passed over is worse than
none.
"""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from imagelint import files
from imagelint.errors import InputError, UsageError
from imagelint.finding import Persona, Severity
from imagelint.graph import Demands
from imagelint.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value = TypeVar("Value")

LEVELS: Mapping[str, Severity] = MappingProxyType({each.label: each for each in Severity})
LABEL_TYPES = ("text", "rfc3339", "semver", "url", "hash", "spdx", "email")
_NAMES = ("imagelint.toml", ".imagelint.toml", "pyproject.toml")


class Settings(NamedTuple):
    """Everything that a run of `check` is told by files; `sources` are the files that told it.

    Paths are relative to the working folder. `local_rules` are folders or files of rules; `trusted` says that the
    user's own file names them, so that they may run.
    """

    selection: Selection = Selection()
    demands: Demands = Demands()
    fail_on: Severity | None = None
    output_format: str | None = None
    baseline: str | None = None
    exclude: tuple[str, ...] = ()
    local_rules: tuple[str, ...] = ()
    trusted: bool = False
    pragmas: bool = True
    exit_zero: bool = False
    colour: bool = True
    sources: tuple[str, ...] = ()


def load(explicit: str | None = None) -> Settings:
    """The settings that hold in the working folder, or those of one file; raises UsageError and InputError."""
    settings = Settings()
    if explicit is not None:
        if _is_hadolint(explicit):
            return _hadolint(explicit, settings)
        table = _table(explicit)
        if table is None:
            raise UsageError(f"{explicit}: has no [tool.imagelint]")
        return _read(explicit, table, settings)
    from_hadolint = _find_hadolint()
    if from_hadolint is not None:
        settings = _hadolint(from_hadolint, settings)
    found = _find()
    if found is not None:
        return _read(*found, settings)
    own = os.path.join(_user_folder(), "imagelint", "imagelint.toml")
    table = _table(own) if os.path.isfile(own) else None
    return _read(own, table, settings)._replace(trusted=True) if table is not None else settings


def _is_hadolint(path: str) -> bool:
    return path.endswith((".yaml", ".yml"))


def _user_folder() -> str:
    return os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")


def _find() -> tuple[str, dict[str, Any]] | None:
    """The nearest file from here upwards that configures imagelint, up to the repository's root."""
    folder = os.getcwd()
    near = ""
    while True:
        for name in _NAMES:
            path = os.path.join(near, name)
            if os.path.isfile(path) and (table := _table(path)) is not None:
                return path, table
        parent = os.path.dirname(folder)
        if parent == folder or os.path.exists(os.path.join(folder, ".git")):
            return None
        folder, near = parent, os.path.join(near, os.pardir)


def _find_hadolint() -> str | None:
    """The file that hadolint would read: of the working folder, or of the user."""
    home = os.path.expanduser("~")
    places = (
        ("", ".hadolint"),
        (_user_folder(), "hadolint"),
        (os.path.join(home, ".hadolint"), "hadolint"),
        (os.path.join(home, ".hadolint"), "config"),
        (home, ".hadolint"),
    )
    for folder, stem in places:
        for ending in (".yaml", ".yml"):
            path = os.path.join(folder, stem + ending)
            if os.path.isfile(path):
                return path
    return None


def _hadolint(path: str, settings: Settings) -> Settings:
    from imagelint import hadolintconfig  # YAML is read only where there is such a file

    return hadolintconfig.read(path, settings)


def _table(path: str) -> dict[str, Any] | None:
    """The table of a file that is about imagelint; None for a `pyproject.toml` that does not mention it."""
    data = files.read(path)
    shared = os.path.basename(path) == "pyproject.toml"
    if shared and b"imagelint" not in data:
        return None
    import tomllib

    try:
        document = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is not TOML: {error}") from error
    if not shared:
        return document
    tool = document.get("tool")
    table = tool.get("imagelint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{path}: tool.imagelint must be a table")
    return table


def _read(path: str, table: dict[str, Any], settings: Settings) -> Settings:
    """Settings with what a table says put over them."""
    reader = Reader(path, table)
    selection, demands = settings.selection, settings.demands
    folder = os.path.dirname(path)
    selection = selection._replace(
        select=reader.texts("select") or selection.select,
        extend_select=selection.extend_select + reader.texts("extend-select"),
        ignore=selection.ignore + reader.texts("ignore"),
        persona=reader.one("persona", {each.value: each for each in Persona}) or selection.persona,
        severities={**selection.severities, **reader.mapping("severity", reader.level)},
        options={**selection.options, **reader.mapping("rules", reader.table_of)},
        per_file=selection.per_file + tuple(reader.mapping("per-file-ignores", reader.texts_of).items()),
        minimum=selection.minimum if (least := reader.one("min-severity", LEVELS)) is None else least,
    )
    demands = demands._replace(
        registries=demands.registries + reader.texts("trusted-registries"),
        labels={**demands.labels, **reader.mapping("labels", reader.label_type)},
        strict_labels=reader.flag("strict-labels", demands.strict_labels),
    )
    baseline = reader.text("baseline")
    read = settings._replace(
        selection=selection,
        demands=demands,
        fail_on=reader.one("fail-on", LEVELS) if "fail-on" in table else settings.fail_on,
        output_format=reader.text("output-format") or settings.output_format,
        baseline=os.path.join(folder, baseline) if baseline else settings.baseline,
        exclude=settings.exclude + reader.texts("exclude"),
        local_rules=tuple(os.path.join(folder, each) for each in reader.texts("local-rules")),
        pragmas=reader.flag("pragmas", settings.pragmas),
        sources=(*settings.sources, path),
    )
    reader.finish()
    return read


class Reader:
    """A table read key by key: each is checked, and `finish` complains of those that nobody asked for."""

    def __init__(self, path: str, table: dict[str, Any]) -> None:
        self.path, self.table = path, table
        self.known: list[str] = []

    def get(self, key: str, kind: type, called: str) -> Any:
        """The value of a key, or None; raises UsageError where it is of another type."""
        self.known.append(key)
        value = self.table.get(key)
        if value is not None and type(value) is not kind:
            raise self.wrong(key, f"must be {called}, not {_shown(value)}")
        return value

    def wrong(self, key: str, message: str, hint: str | None = None) -> UsageError:
        """The error of a key."""
        return UsageError(f"{self.path}: {key} {message}", hint=hint)

    def text(self, key: str) -> str | None:
        """A text, or None."""
        value: str | None = self.get(key, str, "a text")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.get(key, bool, "true or false")
        return default if value is None else bool(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; none where the key is missing."""
        value = self.get(key, list, "a list of texts")
        return self.texts_of(key, value) if value is not None else ()

    def texts_of(self, key: str, value: object) -> tuple[str, ...]:
        """A value that must be a list of texts."""
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.wrong(key, f"must be a list of texts, not {_shown(value)}")
        return tuple(value)

    def table_of(self, key: str, value: object) -> dict[str, object]:
        """A value that must be a table."""
        if not isinstance(value, dict):
            raise self.wrong(key, f"must be a table, not {_shown(value)}")
        return value

    def mapping(self, key: str, of: Callable[[str, object], Value]) -> dict[str, Value]:
        """A table whose values are all of one kind."""
        value = self.get(key, dict, "a table") or {}
        return {name: of(f"{key}.{name}", each) for name, each in value.items()}

    def one(self, key: str, known: Mapping[str, Value]) -> Value | None:
        """One of a few words, as what it stands for; None where the key is missing."""
        value = self.text(key)
        return None if value is None else self.choice(key, value, known)

    def choice(self, key: str, value: object, known: Mapping[str, Value]) -> Value:
        """A value that must be one of a few words."""
        if not isinstance(value, str) or value not in known:
            raise self.wrong(key, f"must be one of {', '.join(known)}, not {_shown(value)}")
        return known[value]

    def level(self, key: str, value: object) -> Severity:
        """A value that must be a severity."""
        return self.choice(key, value, LEVELS)

    def label_type(self, key: str, value: object) -> str:
        """A value that must be the type of a label."""
        return self.choice(key, value, {each: each for each in LABEL_TYPES})

    def finish(self) -> None:
        """Raise UsageError for a key that nobody asked for."""
        for key in self.table:
            if key not in self.known:
                import difflib

                close = difflib.get_close_matches(str(key), self.known, n=1, cutoff=0.5)
                hint = f"did you mean {close[0]}?" if close else f"keys: {', '.join(self.known)}"
                raise UsageError(f"{self.path}: there is no key {_shown(key)}", hint=hint)


def _shown(value: object) -> str:
    if isinstance(value, list | dict):  # a short YAML file can mean a very long list
        return "a list" if isinstance(value, list) else "a table"
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
