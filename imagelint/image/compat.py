"""dive's three numbers, as dive 0.13.1 computes them: for those whose thresholds are set by it, not for what they say.

They are what dive says, its mistakes included: a removed directory costs nothing, a live copy counts as wasted, an
opaque directory hides nothing, and a whiteout of a path that is not there ends the reckoning of its layer. The
formulae are those of dive's `filetree/efficiency.go` and `image/analysis.go`. A layer that comes twice is empty the
second time: an archive of Docker before 25 has a symbolic link for it, which dive reads as an empty tar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

from imagelint.image.index import ARE_DIRECTORIES, ARE_NODES, OPAQUE, WHITEOUT, LayerIndex
from imagelint.image.listing import Listing
from imagelint.image.report import DiveNumbers

_DIRECTORY = -1  # in the place of a directory's size, which is 0


def dive_numbers(layers: Iterable[tuple[str, LayerIndex]]) -> DiveNumbers:
    """dive's efficiency, wasted bytes and user-wasted percent (which is a fraction) of layers, given with diff_ids."""
    distinct: dict[str, tuple[int, LayerIndex]] = {}
    for number, (diff_id, index) in enumerate(layers):
        distinct.setdefault(diff_id, (number, index))
    user_bytes = sum(index.layer_bytes for number, index in distinct.values() if number > 0)
    efficiency, wasted_bytes = _efficiency([index for _, index in distinct.values()])
    return DiveNumbers(efficiency, wasted_bytes, wasted_bytes / user_bytes if user_bytes else None)


def _efficiency(layers: Sequence[LayerIndex]) -> tuple[float, int]:
    """The least that the paths could take by what they do take, and the bytes of paths that come more than once."""
    least: dict[str, int] = {}
    total: dict[str, int] = {}  # of the paths that came more than once
    not_found: set[str] = set()
    below = _Stack()
    last = max((number for number, layer in enumerate(layers) if _has_whiteouts(layer)), default=0)
    for number, layer in enumerate(layers):
        tree = _LayerTree(layer)
        # dive looks for what the first layer removes in that layer itself.
        lower = _Stack(tree.nodes) if number == 0 and tree.whiteouts else below
        for counted in tree.counted(lower, not_found):
            olds = list(map(least.get, counted))
            if olds.count(None) < len(olds):
                for old, (path, size) in zip(olds, counted.items(), strict=True):
                    if old is not None:
                        total[path] = total.get(path, old) + size
                        counted[path] = min(old, size)
            least.update(counted)
        if number < last:  # only whiteouts ask what lies below
            below.put(tree)
    wasted = sum(total.values())
    found = wasted + sum(least.values()) - sum(map(least.__getitem__, total))
    # A path that dive did not find has the size -1 to it, unless another layer has it.
    smallest = sum(least.values()) - len(not_found - least.keys())
    return (float(smallest) / float(found) if found else 1.0), wasted


def _has_whiteouts(layer: LayerIndex) -> bool:
    return any(layer.types[row] == WHITEOUT for row in layer.markers)


class _LayerTree:
    """A layer as dive's tree has it: every path with its size, the parents that no entry names, whiteouts apart."""

    def __init__(self, index: LayerIndex) -> None:
        paths, sizes = index.paths, index.sizes[:]
        are_directories = index.types.translate(ARE_DIRECTORIES)
        for row in compress(range(len(paths)), are_directories):
            sizes[row] = _DIRECTORY
        entries: Iterable[tuple[str, int]] = zip(paths, sizes, strict=True)
        if index.markers:
            entries = compress(entries, index.types.translate(ARE_NODES))
        self.nodes = dict(entries)
        for row in index.markers:
            if index.types[row] == OPAQUE:  # of which dive sees no more than the directory
                self.nodes.setdefault(paths[row], 0)
        self.nodes.pop("", None)
        self.whiteouts = list(dict.fromkeys(paths[row] for row in index.markers if index.types[row] == WHITEOUT))
        self._parents = {path.rpartition("/")[0] for path in self.nodes}
        self._parents.update(path.rpartition("/")[0] for path in self.whiteouts)
        for parent in tuple(self._parents):
            while parent and parent not in self.nodes:
                self.nodes[parent] = 0
                parent = parent.rpartition("/")[0]
                self._parents.add(parent)
        self._empty = set(compress(paths, are_directories)) - self._parents

    def counted(self, below: _Stack, not_found: set[str]) -> Iterator[dict[str, int]]:
        """What counts in this layer, with its bytes: files, links and empty directories, then what is removed."""
        added = self.nodes.copy()
        for path in self._parents:
            added.pop(path, None)
        for path in self._empty:
            if added.get(path) == _DIRECTORY:
                added[path] = 0
        removed = {path: below.removed_bytes(path) for path in self.whiteouts}
        missing = [path for path, size in removed.items() if size is None]
        if missing:
            # dive goes depth first, by the bytes of the names, and gives up at the first that it does not find.
            end, path = min((_components(path, whiteout=True), path) for path in missing)
            not_found.add(path)
            added = {path: size for path, size in added.items() if _components(path) < end}
            removed = {path: size for path, size in removed.items() if _components(path, whiteout=True) < end}
        yield added
        yield {path: size for path, size in removed.items() if size is not None}


class _Stack:
    """Layers on top of each other as dive stacks them: type changes and opaque directories hide nothing."""

    def __init__(self, nodes: dict[str, int] | None = None) -> None:
        self._sizes: dict[str, int] = nodes.copy() if nodes else {}
        self._listing = Listing(self._sizes)

    def put(self, tree: _LayerTree) -> None:
        """Stacks a layer on top. A whiteout beside an entry of its path wins only if its name sorts behind."""
        late = [path for path in tree.whiteouts if path in tree.nodes and _sorts_before_whiteout(path)]
        for path in tree.whiteouts:
            self._remove(path)
        self._sizes.update(tree.nodes)
        self._listing.add(tree.nodes)
        for path in late:
            self._remove(path)

    def removed_bytes(self, path: str) -> int | None:
        """What dive counts for a whiteout: a directory's files, nothing for a file, None for what is not there."""
        if path not in self._sizes:
            return None
        if self._sizes[path] != _DIRECTORY:
            return 0
        return sum(max(self._sizes[below], 0) for below in self._subtree(path))

    def _remove(self, path: str) -> None:
        if path in self._sizes:
            for gone in self._subtree(path):
                del self._sizes[gone]
                self._listing.take(gone)

    def _subtree(self, path: str) -> list[str]:
        """A path that is there, and all below it."""
        found = {path: None}
        todo = [path]
        for folder in todo:
            below = [child for child in self._listing.of(folder) if child in self._sizes and child not in found]
            found.update(dict.fromkeys(below))
            todo.extend(below)
        return list(found)


def _components(path: str, *, whiteout: bool = False) -> list[bytes]:
    names = path.encode("utf-8", "surrogateescape").split(b"/")
    if whiteout:
        names[-1] = b".wh." + names[-1]
    return names


def _sorts_before_whiteout(path: str) -> bool:
    name = _components(path)[-1]
    return name < b".wh." + name
