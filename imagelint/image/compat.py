"""dive's three numbers, as dive 0.13.1 computes them: for those whose thresholds are set by it, not for what they say.

They are what dive says, its mistakes included: a removed directory costs nothing, a live copy counts as wasted, an
opaque directory hides nothing, and a whiteout of a path that is not there ends the reckoning of its layer. The
formulae are those of dive's `filetree/efficiency.go` and `image/analysis.go`. A layer that comes twice is empty the
second time: an archive of Docker before 25 has a symbolic link for it, which dive reads as an empty tar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from imagelint.image.index import OPAQUE, WHITEOUT, LayerIndex
from imagelint.image.report import DiveNumbers
from imagelint.image.tar import DIRECTORY

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
            for path in least.keys() & counted.keys():
                total[path] = total.get(path, least[path]) + counted[path]
                counted[path] = min(least[path], counted[path])
            least.update(counted)
        if number < last:  # only whiteouts ask what lies below
            below.put(tree)
    wasted = sum(total.values())
    found = wasted + sum(size for path, size in least.items() if path not in total)
    # A path that dive did not find has the size -1 to it, unless another layer has it.
    smallest = sum(least.values()) - len(not_found - least.keys())
    return (float(smallest) / float(found) if found else 1.0), wasted


def _has_whiteouts(layer: LayerIndex) -> bool:
    return any(layer.types[row] == WHITEOUT for row in layer.markers)


class _LayerTree:
    """A layer as dive's tree has it: every path with its size, the parents that no entry names, whiteouts apart."""

    def __init__(self, index: LayerIndex) -> None:
        sizes = [_DIRECTORY if kind == DIRECTORY else size for kind, size in zip(index.types, index.sizes, strict=True)]
        entries: Iterable[tuple[str, int]] = zip(index.paths, sizes, strict=True)
        markers = [(index.types[row], index.paths[row]) for row in index.markers]
        if markers:
            rows = set(index.markers)
            entries = (entry for row, entry in enumerate(entries) if row not in rows)
        self.nodes = dict(entries)
        for kind, path in markers:
            if kind == OPAQUE:  # of which dive sees no more than the directory
                self.nodes.setdefault(path, 0)
        self.nodes.pop("", None)
        self.whiteouts = list(dict.fromkeys(path for kind, path in markers if kind == WHITEOUT))
        parents = {path.rpartition("/")[0] for path in self.nodes}
        parents.update(path.rpartition("/")[0] for path in self.whiteouts)
        for parent in tuple(parents):
            while parent and parent not in self.nodes:
                self.nodes[parent] = 0
                parent = parent.rpartition("/")[0]
                parents.add(parent)
        self.leaves = self.nodes.keys() - parents

    def counted(self, below: _Stack, not_found: set[str]) -> Iterator[dict[str, int]]:
        """What counts in this layer, with its bytes: files, links and empty directories, then what is removed."""
        added = {path: max(self.nodes[path], 0) for path in self.leaves}
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
        self._sizes: dict[str, int] = {}
        self._children: dict[str, set[str]] = {}
        if nodes:
            self._add(nodes)

    def put(self, tree: _LayerTree) -> None:
        """Stacks a layer on top. A whiteout beside an entry of its path wins only if its name sorts behind."""
        late = [path for path in tree.whiteouts if path in tree.nodes and _sorts_before_whiteout(path)]
        for path in tree.whiteouts:
            self._remove(path)
        self._add(tree.nodes)
        for path in late:
            self._remove(path)

    def removed_bytes(self, path: str) -> int | None:
        """What dive counts for a whiteout: a directory's files, nothing for a file, None for what is not there."""
        if path not in self._sizes:
            return None
        if self._sizes[path] != _DIRECTORY:
            return 0
        return sum(max(self._sizes[below], 0) for below in self._subtree(path))

    def _add(self, nodes: dict[str, int]) -> None:
        for path in nodes:
            self._children.setdefault(path.rpartition("/")[0], set()).add(path)
        self._sizes.update(nodes)

    def _remove(self, path: str) -> None:
        if path in self._sizes:
            self._children[path.rpartition("/")[0]].discard(path)
            for gone in self._subtree(path):
                del self._sizes[gone]
                self._children.pop(gone, None)

    def _subtree(self, path: str) -> list[str]:
        found = [path]
        for node in found:
            found.extend(self._children.get(node, ()))
        return found


def _components(path: str, *, whiteout: bool = False) -> list[bytes]:
    names = path.encode("utf-8", "surrogateescape").split(b"/")
    if whiteout:
        names[-1] = b".wh." + names[-1]
    return names


def _sorts_before_whiteout(path: str) -> bool:
    name = _components(path)[-1]
    return name < b".wh." + name
