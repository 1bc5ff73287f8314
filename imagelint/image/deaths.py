"""What an image's layers hide of the ones below them, in columns: many images hide as many files as they show."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import repeat

from imagelint.records import NamedTuple

NOTHING = -2
"""In the place of a successor, in its column."""


class Cause(IntEnum):
    """Why a path went away. An inode that loses several paths in one layer tells the first of these."""

    REPLACED = 0
    """Another entry has its path."""
    REMOVED = 1
    """A whiteout names it or a directory above it."""
    OPAQUE = 2
    """A directory above it is opaque."""
    COVERED = 3
    """A directory above it was replaced by something that is none."""


_CAUSES = tuple(Cause)


class Death(NamedTuple):
    """An inode with bytes to which no path leads any more, and the layer that took its last path.

    `successor` is the node that has `path` once that layer is applied: what the layer put there (-1 for a directory
    that no entry names), None where there is nothing.
    """

    node: int
    path: str
    layer: int
    cause: Cause
    successor: int | None


class Deaths:
    """All deaths, in order. A column each; a `Death` is made of a row when it is its turn.

    `layers` and `successors` are shorter than the others while a layer is being applied: `settle` says what they are.
    """

    __slots__ = ("causes", "layers", "nodes", "paths", "successors")

    def __init__(self) -> None:
        self.nodes = array("q")
        self.paths: list[str] = []
        self.layers = array("I")
        self.causes = bytearray()
        self.successors = array("q")

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Death]:
        successors = (successor if successor != NOTHING else None for successor in self.successors)
        causes = map(_CAUSES.__getitem__, self.causes)
        yield from map(Death._make, zip(self.nodes, self.paths, self.layers, causes, successors, strict=True))

    def add(self, nodes: Iterable[int], paths: Iterable[str], cause: Cause) -> None:
        """Inodes that die of one cause, with the paths that they lost last."""
        before = len(self.nodes)
        self.nodes.extend(nodes)
        self.paths.extend(paths)
        self.causes.extend(bytes((cause,)) * (len(self.nodes) - before))

    def settle(self, layer: int, paths: dict[str, int]) -> None:
        """Says of what has died since the last time that a layer took it, and what is at its path in `paths` now."""
        dead = self.paths[len(self.layers) :]
        self.layers.extend(repeat(layer, len(dead)))
        self.successors.extend(map(paths.get, dead, repeat(NOTHING)))
