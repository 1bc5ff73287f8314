"""What configuration files say: `imagelint.toml`, `[tool.imagelint]` of `pyproject.toml`, and hadolint's own.

The nearest of `imagelint.toml` and `pyproject.toml`, from the working folder upwards to the repository's root, holds;
where there is none, the user's own. What the command line says comes before a file, a file of imagelint's before
hadolint's. A key, a level or a rule that does not exist is an error: a file that is silently passed over is worse than
none.
"""

from __future__ import annotations

import os
from types import MappingProxyType

from imagelint import files
from imagelint.errors import InputError, UsageError
from imagelint.finding import Persona, Severity
from imagelint.graph import Demands
from imagelint.output.formats import NAMES as FORMATS
from imagelint.pathglobs import PathGlobs
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.selection import Layer, PerFile, Selection
from imagelint.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeVar

    Value = TypeVar("Value")
    Default = TypeVar("Default")


LEVELS: Mapping[str, Severity] = MappingProxyType({each.label: each for each in Severity})
LABEL_TYPES = ("text", "rfc3339", "semver", "url", "hash", "spdx", "email")
_NAMES = ("imagelint.toml", ".imagelint.toml", "pyproject.toml")
#: Reading TOML takes the square of a key's parts, and YAML is read slowly: what is larger, or denser, is an attack.
_MAX_BYTES, _MAX_BYTES_SHARED, _MAX_DOTS = 64_000, 1_000_000, 1_000


class Settings(NamedTuple):
    """Everything that a run of `check` is told by files; `sources` are the files that told it, `notes` what to say.

    Paths are relative to the working folder. `local_rules` are folders or files of rules; `trusted` says that the
    user's own file names them, so that they may run.
    """

    selection: Selection = Selection()
    demands: Demands = Demands()
    fail_on: Severity | None = None
    output_format: str | None = None
    baseline: str | None = None
    exclude: PathGlobs | None = None
    local_rules: tuple[str, ...] = ()
    trusted: bool = False
    pragmas: bool = True
    exit_zero: bool = False
    colour: bool = True
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def load(explicit: str | None = None) -> Settings:
    """The settings that hold in the working folder, or those of one file; raises UsageError and InputError.

    Patterns of files begin in the folder of a file that was found, else in the working folder.
    """
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
        path, table = found
        return _read(path, table, settings, folder=os.path.dirname(path) or os.curdir)
    own = os.path.join(_user_folder(), "imagelint", "imagelint.toml")
    table = _table(own) if os.path.lexists(own) else None
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
            if os.path.lexists(path) and (table := _table(path)) is not None:
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
            if os.path.lexists(path):  # a link that leads nowhere is no file that is not there
                return path
    return None


def _hadolint(path: str, settings: Settings) -> Settings:
    from imagelint import hadolintconfig  # YAML is read only where there is such a file

    return hadolintconfig.read(path, settings)


def _table(path: str) -> dict[str, Any] | None:
    """The table of a file that is about imagelint; None for a `pyproject.toml` that does not mention it."""
    shared = os.path.basename(path) == "pyproject.toml"
    data = files.read(path, limit=_MAX_BYTES_SHARED if shared else _MAX_BYTES)
    if shared and b"imagelint" not in data:
        return None
    if any(line.count(b".") > _MAX_DOTS for line in data.split(b"\n")):
        raise InputError(f"{path}: a line has more than {_MAX_DOTS} dots")
    import tomllib

    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not TOML: {error}") from error
    if not shared:
        return document
    tool = document.get("tool")
    table = tool.get("imagelint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{path}: tool.imagelint must be a table")
    return table


def _read(path: str, table: dict[str, Any], settings: Settings, *, folder: str = os.curdir) -> Settings:
    """Settings with what a table says put over them; patterns of files begin in `folder`."""
    reader = Reader(path, table)
    before, demands = settings.selection, settings.demands
    select = reader.texts("select")
    layer = Layer(
        select if "select" in table else None,  # an empty list is said, and means nothing
        reader.texts("extend-select"),
        reader.texts("ignore"),
        reader.mapping("severity", reader.level),
        path,
    )
    per_file = reader.mapping("per-file-ignores", reader.texts_of)
    selection = before._replace(
        layers=(*before.layers, layer),
        persona=reader.one("persona", {each.value: each for each in Persona}, before.persona),
        options=reader.mapping("rules", reader.table_of),
        per_file=tuple(
            PerFile(reader.globs("per-file-ignores", [pattern], folder), names) for pattern, names in per_file.items()
        ),
        minimum=reader.one("min-severity", LEVELS, before.minimum),
        source=path,
    )
    demands = demands._replace(
        registries=demands.registries + reader.texts("trusted-registries"),
        labels={**demands.labels, **reader.mapping("labels", reader.label_type)},
        strict_labels=reader.flag("strict-labels", demands.strict_labels),
    )
    beside = os.path.dirname(path)
    baseline = reader.text("baseline")
    read = settings._replace(
        selection=selection,
        demands=demands,
        fail_on=reader.one("fail-on", LEVELS, settings.fail_on),
        output_format=reader.one("output-format", {each: each for each in FORMATS}, settings.output_format),
        baseline=os.path.join(beside, baseline) if baseline else settings.baseline,
        exclude=reader.globs("exclude", reader.texts("exclude"), folder),
        local_rules=tuple(os.path.join(beside, each) for each in reader.texts("local-rules")),
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
        self.notes: list[str] = []

    def get(self, key: str, kind: type, called: str) -> Any:
        """The value of a key, or None; raises UsageError where it is of another type."""
        self.known.append(key)
        value = self.table.get(key)
        if value is not None and type(value) is not kind:
            raise self.wrong(key, f"must be {called}, not {shown(value)}")
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
            raise self.wrong(key, f"must be a list of texts, not {shown(value)}")
        return tuple(value)

    def table_of(self, key: str, value: object) -> dict[str, object]:
        """A value that must be a table."""
        if not isinstance(value, dict):
            raise self.wrong(key, f"must be a table, not {shown(value)}")
        return value

    def mapping(self, key: str, of: Callable[[str, object], Value]) -> dict[str, Value]:
        """A table whose values are all of one kind."""
        value = self.get(key, dict, "a table") or {}
        return {name: of(f"{key}.{name}", each) for name, each in value.items()}

    def one(self, key: str, known: Mapping[str, Value], default: Default) -> Value | Default:
        """One of a few words, as what it stands for; the default where the key is missing."""
        value = self.text(key)
        return default if value is None else self.choice(key, value, known)

    def choice(self, key: str, value: object, known: Mapping[str, Value]) -> Value:
        """A value that must be one of a few words."""
        if not isinstance(value, str) or value not in known:
            hint = _meant(value, known) if isinstance(value, str) else None
            raise self.wrong(key, f"must be one of {', '.join(filter(None, known))}, not {shown(value)}", hint)
        return known[value]

    def globs(self, key: str, patterns: Sequence[str], folder: str) -> PathGlobs:
        """Patterns of files that begin in a folder."""
        try:
            return PathGlobs(patterns, folder)
        except ValueError as error:
            raise self.wrong(key, f"holds no pattern of files: {error}") from error

    def level(self, key: str, value: object) -> Severity:
        """A value that must be a severity."""
        return self.choice(key, value, LEVELS)

    def label_type(self, key: str, value: object) -> str:
        """A value that must be the type of a label."""
        return self.choice(key, value, {each: each for each in LABEL_TYPES})

    def finish(self) -> None:
        """Raise UsageError for a key that nobody asked for."""
        for key, value in self.table.items():
            if key not in self.known:
                hint = _meant(key, self.known) or f"keys: {', '.join(self.known)}"
                if key == "tool" and isinstance(value, dict) and "imagelint" in value:
                    hint = "[tool.imagelint] is for pyproject.toml; here its keys stand at the top"
                raise UsageError(f"{self.path}: there is no key {shown(key)}", hint=hint)


def _meant(word: str, known: Iterable[str]) -> str | None:
    """A hint at what a misspelt word was meant to be."""
    import difflib

    close = difflib.get_close_matches(word[:80].lower(), known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else None
