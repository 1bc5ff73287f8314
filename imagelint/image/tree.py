"""The file system that an image's layers make, and what each of them hides of the ones below.

Layers are applied as a runtime does (OCI image specification, layer.md): a layer's whiteouts and opaque markers act on
the layers below and never on the layer's own entries, wherever in the tar they stand; then its entries come in order.
A whiteout of nothing does nothing. Only two directories merge: whatever else meets at a path, the newer replaces the
older with all that was in it. Hard links are one inode; its bytes are live while any of its paths is. Links are never
followed, so an entry below a symbolic link makes a directory of it, as it does where each layer is unpacked by itself.

The work is linear in the entries: a path is added once for each entry, and removed at most as often.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from imagelint.errors import BrokenImageError
from imagelint.image.index import BOOKKEEPING, OPAQUE, WHITEOUT, LayerIndex, marker_name
from imagelint.image.limits import DEFAULT_LIMITS, Limits
from imagelint.image.tar import DIRECTORY, HARD_LINK

_IMPLIED = -1  # the node of a directory that no entry names
_MARKERS = frozenset((WHITEOUT, OPAQUE, BOOKKEEPING))


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


@dataclass(frozen=True, slots=True)
class Death:
    """An inode with bytes to which no path leads any more, and the layer that took its last path.

    `successor` is the node that has `path` once that layer is applied: what the layer put there (-1 for a directory
    that no entry names), None where there is nothing.
    """

    node: int
    path: str
    layer: int
    cause: Cause
    successor: int | None


@dataclass(slots=True)
class Counts:
    """How many files and links a layer adds to what is below it, replaces, and removes; directories do not count."""

    added: int = 0
    changed: int = 0
    removed: int = 0


class Tree:
    """The merged file system of the layers applied so far.

    A node is the number of an entry, counted through all layers; a hard link has the node of the file it leads to.
    `paths` has the node of every path (-1 for a directory that no entry names), `sizes` the bytes of every node,
    `deaths` what was hidden, in order, `counts` what each layer did.
    """

    def __init__(self, layers: Iterable[LayerIndex] = (), *, limits: Limits = DEFAULT_LIMITS) -> None:
        self.paths: dict[str, int] = {}
        self.sizes = array("q")
        self.deaths: list[Death] = []
        self.counts: list[Counts] = []
        self._starts: list[int] = []
        self._children: dict[str, set[str]] = {"": set()}  # its keys are the directories
        self._links: dict[int, int] = {}  # of an inode with several paths: how many are left
        self._lost: dict[int, tuple[int, Cause, str]] = {}  # and the one it lost last
        self._dying: list[tuple[int, Cause, str]] = []
        self._implied_bytes = limits.implied_bytes
        for layer in layers:
            self.apply(layer)

    def start(self, layer: int) -> int:
        """The node of a layer's first entry; the others follow in the order of the index."""
        return self._starts[layer]

    def place(self, node: int) -> tuple[int, int]:
        """The layer of a node, and its row in the layer's index."""
        layer = bisect_right(self._starts, node) - 1
        return layer, node - self._starts[layer]

    def is_directory(self, path: str) -> bool:
        """Whether a directory is live at a path."""
        return path in self._children

    def children(self, path: str) -> frozenset[str]:
        """The paths in a directory; none where it is none."""
        return frozenset(self._children.get(path, ()))

    def files(self, least: int = 1) -> dict[int, str]:
        """The live files of at least so many bytes, by node; one with several paths has the first by name."""
        sizes = self.sizes
        found: dict[int, str] = {}
        for path, node in self.paths.items():
            if node >= 0 and sizes[node] >= least and (node not in found or path < found[node]):
                found[node] = path
        return found

    def apply(self, layer: LayerIndex) -> None:
        """Puts a layer on top."""
        start = len(self.sizes)
        self._starts.append(start)
        self.counts.append(Counts())
        self.sizes.extend(layer.sizes)
        self._hide(layer)
        self._add(layer, start)
        number = len(self._starts) - 1
        for node, cause, path in self._dying:
            self.deaths.append(Death(node, path, number, cause, self.paths.get(path)))
        self._dying.clear()

    def _hide(self, layer: LayerIndex) -> None:
        """What the layer's markers remove; whiteouts first, so that the order of the tar does not show."""
        paths, types = layer.paths, layer.types
        for row in layer.markers:
            if types[row] == WHITEOUT and paths[row] in self.paths:
                self._remove(paths[row], Cause.REMOVED)
        for row in layer.markers:
            if types[row] == OPAQUE:
                for child in tuple(self._children.get(paths[row], ())):
                    self._remove(child, Cause.OPAQUE)

    def _add(self, layer: LayerIndex, start: int) -> None:
        """What the layer's entries put in place."""
        nodes, children, links = self.paths, self._children, layer.links
        added = changed = 0
        for node, (path, kind) in enumerate(zip(layer.paths, layer.types, strict=True), start):
            if kind in _MARKERS or not path:
                self._add_marker(node, path, kind)
                continue
            parent = path.rpartition("/")[0]
            if parent not in children:
                self._imply(parent)
            if kind == HARD_LINK:
                node = self._link(node, path, links[node - start])
            if path not in nodes:
                nodes[path] = node
                children[parent].add(path)
                if kind == DIRECTORY:
                    children[path] = set()
                else:
                    added += 1
            elif nodes[path] != node:
                changed += kind != DIRECTORY
                self._replace(path, node, kind == DIRECTORY)
        counts = self.counts[-1]
        counts.added += added
        counts.changed += changed

    def _add_marker(self, node: int, path: str, kind: int) -> None:
        """Markers and the root are no nodes, but the directory that a marker is in is there; their bytes never are."""
        directory = path if kind == OPAQUE else path.rpartition("/")[0]
        if directory not in self._children:
            self._imply(directory)
        if self.sizes[node]:
            self._dying.append((node, Cause.REMOVED, marker_name(kind, path) if kind in _MARKERS else path))

    def _link(self, node: int, path: str, target: str) -> int:
        """The node that a hard link leads to; its own where there is no such file, as links to nothing have none."""
        found = self.paths.get(target, _IMPLIED)
        if found == _IMPLIED or target in self._children:
            return node
        if self.paths.get(path) != found:
            self._links[found] = self._links.get(found, 1) + 1
        return found

    def _imply(self, directory: str) -> None:
        """Makes a directory that no entry names, and those above it, in the place of whatever else is there."""
        missing = []
        while directory not in self._children:
            missing.append(directory)
            self._implied_bytes -= len(directory)
            if self._implied_bytes < 0:
                raise BrokenImageError("the image's entries imply too many directories")
            directory = directory.rpartition("/")[0]
        for path in reversed(missing):
            if path in self.paths:
                self._replace(path, _IMPLIED, True)
            else:
                self.paths[path] = _IMPLIED
                self._children[path.rpartition("/")[0]].add(path)
                self._children[path] = set()

    def _replace(self, path: str, node: int, is_directory: bool) -> None:
        old = self.paths[path]
        if path not in self._children:
            self._lose(old, Cause.REPLACED, path)
            if is_directory:
                self._children[path] = set()
        elif not is_directory:
            for child in tuple(self._children[path]):
                self._remove(child, Cause.COVERED)
            del self._children[path]
        self.paths[path] = node

    def _remove(self, path: str, cause: Cause) -> None:
        """Takes a path away with all that is below it."""
        self._children[path.rpartition("/")[0]].discard(path)
        stack = [path]
        while stack:
            path = stack.pop()
            self._lose(self.paths.pop(path), cause, path)
            if path in self._children:
                stack.extend(self._children.pop(path))
            else:
                self.counts[-1].removed += 1

    def _lose(self, node: int, cause: Cause, path: str) -> None:
        """Takes one path from an inode, which dies of its last."""
        if node < 0 or not self.sizes[node]:
            return
        if node in self._links:
            layer = len(self._starts) - 1
            last = self._lost.get(node)
            if last is not None and last[0] == layer and last[1:] < (cause, path):
                _, cause, path = last
            self._links[node] -= 1
            if self._links[node]:
                self._lost[node] = (layer, cause, path)
                return
        self._dying.append((node, cause, path))
