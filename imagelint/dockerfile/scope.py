"""Which value a variable has at an instruction."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from imagelint.dockerfile.words import SubstitutionError, expand
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A value that grows past this while it is put together counts as unknown: `ENV A=$A$A` doubles it each time.
MAX_VALUE = 1 << 16


class Scope:
    """The variables of one stage: every definition with its place, and those of the stage that it is built on.

    Places are numbers that grow with the file. Lookups cost the logarithm of a name's definitions.
    """

    __slots__ = ("_places", "_values", "parent")

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self._places: dict[str, list[float]] = {}
        self._values: dict[str, list[str | None]] = {}

    def define(self, name: str, value: str | None, place: float, *, escape: str = "\\") -> None:
        """Set a variable from `place` on; the value is expanded with what was known before it."""
        if value is not None:
            try:
                value = expand(value, self.at(place), escape=escape)
            except SubstitutionError:
                value = None
        if value is not None and len(value) > MAX_VALUE:
            value = None
        self.put(name, value, place)

    def put(self, name: str, value: str | None, place: float) -> None:
        """Set a variable from `place` on, to a value that stands as it is."""
        self._places.setdefault(name, []).append(place)
        self._values.setdefault(name, []).append(value)

    def get(self, name: str, place: float | None = None) -> str | None:
        """The value just before `place` (None: at the end); None where it is unset or unknown."""
        scope: Scope | None = self
        while scope is not None:
            places = scope._places.get(name)
            if places:
                index = len(places) if place is None else bisect_left(places, place)
                if index:
                    return scope._values[name][index - 1]
            scope, place = scope.parent, None
        return None

    def at(self, place: float | None = None) -> Mapping[str, str]:
        """The variables just before `place`, for `expand`."""
        return _View(self, place)

    def names(self) -> set[str]:
        """Every name that is ever defined here or in a parent."""
        out = set(self._places)
        scope = self.parent
        while scope is not None:
            out |= scope._places.keys()
            scope = scope.parent
        return out


class _View(Mapping[str, str]):
    """A scope at a place, as a mapping."""

    def __init__(self, scope: Scope, place: float | None) -> None:
        self._scope, self._place = scope, place

    def __getitem__(self, name: str) -> str:
        value = self._scope.get(name, self._place)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._scope.names() if self._scope.get(name, self._place) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)
