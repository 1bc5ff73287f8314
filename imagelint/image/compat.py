"""dive's three numbers, as dive 0.13.1 computes them: for those whose thresholds are set by it, not for what they say.

They are what dive says, its mistakes included: a removed directory costs nothing, a live copy counts as wasted, an
opaque directory hides nothing, and a whiteout of a path that is not there ends the reckoning of its layer. The
formulae are those of dive's `filetree/efficiency.go` and `image/analysis.go`. A layer that comes twice is empty the
second time: an archive of Docker before 25 has a symbolic link for it, which dive reads as an empty tar.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, compress

from imagelint.image.index import ARE_NODES, BOOKKEEPING, OPAQUE, WHITEOUT, LayerIndex
from imagelint.image.report import DiveNumbers
from imagelint.image.tar import DIRECTORY
from imagelint.image.tree import Tree

_MARKERS = frozenset((WHITEOUT, OPAQUE, BOOKKEEPING))
_DIRECTORY = -1  # in the place of a directory's size, which is 0


def dive_numbers(layers: Sequence[tuple[str, LayerIndex]], tree: Tree) -> DiveNumbers:
    """dive's efficiency, wasted bytes and user-wasted percent (which is a fraction) of layers, given with diff_ids.

    `tree` has the layers merged: most paths are in one of them alone, and are but a sum here.
    """
    distinct: dict[str, tuple[int, LayerIndex]] = {}
    for number, (diff_id, index) in enumerate(layers):
        distinct.setdefault(diff_id, (number, index))
    user_bytes = sum(index.layer_bytes for number, index in distinct.values() if number > 0)
    trees = [_LayerTree(index, tangled=number in tree.tangled) for number, index in distinct.values()]
    again = tree.named_again().union(*(layer_tree.hidden for layer_tree in trees))
    efficiency, wasted_bytes = _efficiency(trees, again)
    return DiveNumbers(efficiency, wasted_bytes, wasted_bytes / user_bytes if user_bytes else None)


def _efficiency(trees: Sequence[_LayerTree], again: set[str]) -> tuple[float, int]:
    """The least that the paths could take by what they do take, and the bytes of paths that come more than once.

    All that do are among `again`; what counts of the others is added up.
    """
    once = 0
    least: dict[str, int] = {}
    total: dict[str, int] = {}  # of the paths that came more than once
    not_found: set[str] = set()
    below = _Stack(_Asked(path for tree in trees for path in tree.whiteouts))
    last = max((number for number, tree in enumerate(trees) if tree.whiteouts), default=0)
    for number, tree in enumerate(trees):
        # dive looks for what the first layer removes in that layer itself.
        lower = _Stack(_Asked(tree.whiteouts), tree) if number == 0 and tree.whiteouts else below
        others, *counts = tree.counted(lower, again, not_found)
        once += others
        for counted in counts:
            olds = list(map(least.get, counted))
            if olds.count(None) < len(olds):
                repeated = [(path, old) for path, old in zip(counted, olds, strict=True) if old is not None]
                for path, old in repeated:
                    size = counted[path]
                    total[path] = total.get(path, old) + size
                    if old < size:
                        counted[path] = old
            least.update(counted)
        if number < last:  # only whiteouts ask what lies below
            below.put(tree)
    wasted = sum(total.values())
    found = once + wasted + sum(least.values()) - sum(map(least.__getitem__, total))
    # A path that dive did not find has the size -1 to it, unless another layer has it.
    smallest = once + sum(least.values()) - len(not_found - least.keys())
    return (float(smallest) / float(found) if found else 1.0), wasted


class _Asked:
    """Which paths whiteouts ask for: their own, and all that are below."""

    def __init__(self, whiteouts: Iterable[str]) -> None:
        self.whiteouts = frozenset(whiteouts)
        self._below = {"": False, **dict.fromkeys(self.whiteouts, True)}

    def about(self, path: str, folder: str) -> bool:
        """Whether a path that is in a folder is asked for."""
        return path in self.whiteouts or self.inside(folder)

    def inside(self, folder: str) -> bool:
        """Whether what is in a folder is asked for."""
        below = self._below
        above = []
        while folder not in below:
            above.append(folder)
            folder = folder.rpartition("/")[0]
        answer = below[folder]
        for each in above:
            below[each] = answer
        return answer


class _LayerTree:
    """A layer as dive's tree has it: every path with its size, the parents that no entry names, whiteouts apart."""

    def __init__(self, index: LayerIndex, *, tangled: bool) -> None:
        self._index = index
        self._tangled = tangled
        removed = (index.paths[row] for row in index.markers if index.types[row] == WHITEOUT)
        self.whiteouts = list(dict.fromkeys(removed))
        self.hidden = [index.paths[row] for row in index.markers]
        self._parents = self._above()

    def _above(self) -> set[str]:
        """The folders of the entries and whiteouts, and those above that are no entries themselves."""
        index = self._index
        folders: Iterable[str] = index.folders
        if index.markers:
            folders = chain(
                compress(index.folders, index.types.translate(ARE_NODES)),
                (index.folders[row] for row in index.markers if index.types[row] in (WHITEOUT, OPAQUE)),
            )
        parents = set(folders)
        missing = parents
        while missing := {path.rpartition("/")[0] for path in missing} - parents:
            parents |= missing
        return parents

    def asked(self, asked: _Asked) -> dict[str, tuple[int, str]]:
        """The paths that whiteouts ask for, with bytes and folders, those that no entry names included."""
        index = self._index
        rows = zip(index.paths, index.folders, index.sizes, index.types, strict=True)
        inside = {folder: asked.inside(folder) for folder in self._parents}
        for row in index.markers:
            inside.setdefault(index.folders[row], False)
        named = asked.whiteouts
        found = {
            path: (_DIRECTORY if kind == DIRECTORY else size, folder)
            for path, folder, size, kind in rows
            if (inside[folder] or path in named) and kind not in _MARKERS
        }
        for row in index.markers:
            path, folder = index.paths[row], index.folders[row]
            if index.types[row] == OPAQUE and asked.about(path, folder):
                found.setdefault(path, (0, folder))  # of which dive sees no more than the directory
        for path in self._parents:
            folder = path.rpartition("/")[0]
            if path and asked.about(path, folder):
                found.setdefault(path, (0, folder))
        return found

    def _sizes(self, among: set[str] | None = None) -> dict[str, int]:
        """The bytes of each path that an entry names, of some paths alone if so asked, and that is no parent."""
        index = self._index
        paths: Sequence[str] = index.paths
        sizes: Iterable[int] = index.sizes
        if index.markers:
            nodes = index.types.translate(ARE_NODES)
            paths, sizes = list(compress(paths, nodes)), compress(sizes, nodes)
        entries: Iterable[tuple[str, int]] = zip(paths, sizes, strict=True)
        if among is not None:
            entries = compress(entries, map(among.__contains__, paths))
        found = dict(entries)
        for row in index.markers:
            if index.types[row] == OPAQUE:
                found.setdefault(index.paths[row], 0)
        for path in found.keys() & self._parents:
            del found[path]
        found.pop("", None)
        return found

    def counted(
        self, below: _Stack, again: set[str], not_found: set[str]
    ) -> tuple[int, dict[str, int], dict[str, int]]:
        """What counts in this layer, in bytes: files, links and empty directories, then what is removed.

        Those that are not among `again` come first, as a sum.
        """
        removed = {path: below.removed_bytes(path) for path in self.whiteouts}
        missing = [path for path, size in removed.items() if size is None]
        if not missing and not self._tangled:
            added = self._sizes(again)
            others = self._index.layer_bytes - sum(added.values())
            others -= sum(self._index.sizes[row] for row in self._index.markers)
        else:
            added = self._sizes()
            if missing:
                # dive goes depth first, by the bytes of the names, and gives up at the first that it does not find.
                end, path = min((_components(path, whiteout=True), path) for path in missing)
                not_found.add(path)
                added = {path: size for path, size in added.items() if _components(path) < end}
                removed = {path: size for path, size in removed.items() if _components(path, whiteout=True) < end}
            others = sum(size for path, size in added.items() if path not in again)
            added = {path: size for path, size in added.items() if path in again}
        return others, added, {path: size for path, size in removed.items() if size is not None}


class _Stack:
    """Layers on top of each other as dive stacks them: type changes and opaque directories hide nothing."""

    def __init__(self, asked: _Asked, *layers: _LayerTree) -> None:
        self._asked = asked
        self._sizes: dict[str, int] = {}
        self._folders: defaultdict[str, list[str]] = defaultdict(list)
        for tree in layers:
            self.put(tree, whiteouts=False)

    def put(self, tree: _LayerTree, *, whiteouts: bool = True) -> None:
        """Stacks a layer on top. A whiteout beside an entry of its path wins only if its name sorts behind."""
        gone = tree.whiteouts if whiteouts else ()
        for path in gone:
            self._remove(path)
        nodes = tree.asked(self._asked)
        for path, (size, folder) in nodes.items():
            self._sizes[path] = size
            self._folders[folder].append(path)
        for path in gone:
            if path in nodes and _sorts_before_whiteout(path):
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
                self._folders.pop(gone, None)

    def _subtree(self, path: str) -> list[str]:
        """A path that is there, and all below it."""
        found = {path: None}
        todo = [path]
        for folder in todo:
            if folder in self._folders:
                below = [child for child in self._folders[folder] if child in self._sizes and child not in found]
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
