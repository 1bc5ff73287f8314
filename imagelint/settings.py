"""What a run of `check` is told by files, and reading it from tables: TOML's, or those of hadolint's YAML."""

from __future__ import annotations

from types import MappingProxyType

from imagelint.errors import UsageError
from imagelint.finding import Severity
from imagelint.graph import Demands
from imagelint.pathglobs import PathGlobs
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.selection import Selection
from imagelint.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeVar

    Value = TypeVar("Value")
    Default = TypeVar("Default")

LEVELS: Mapping[str, Severity] = MappingProxyType({each.label: each for each in Severity})
LABEL_TYPES = ("text", "rfc3339", "semver", "url", "hash", "spdx", "email")


class Settings(NamedTuple):
    """Everything that a run of `check` is told by files; `sources` are the files that told it, `notes` what to say.

    `gate` is the table of budgets and the file that has it.

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
    gate: tuple[str, dict[str, Any]] | None = None


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

    def number(self, key: str, called: str) -> float | None:
        """A number, with or without a fraction, or None."""
        kind = int if type(self.table.get(key)) is int else float
        value: float | None = self.get(key, kind, called)
        return value

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
