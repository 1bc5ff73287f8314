"""dive's three numbers, as dive 0.13.1 computes them: for those whose thresholds are set by it, not for what they say.

They are what dive says, its mistakes included: a removed directory costs nothing, a live copy counts as wasted, an
opaque directory hides nothing, and a whiteout of a path that is not there ends the reckoning of its layer. The
formulae are those of dive's `filetree/efficiency.go` and `image/analysis.go`. A layer that comes twice is empty the
second time: an archive of Docker before 25 has a symbolic link for it, which dive reads as an empty tar.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, compress

from imagelint.image.index import ARE_NODES, BOOKKEEPING, OPAQUE, WHITEOUT, LayerIndex
from imagelint.image.report import DiveNumbers
from imagelint.image.tar import DIRECTORY
from imagelint.image.tree import Tree

_MARKERS = frozenset((WHITEOUT, OPAQUE, BOOKKEEPING))
_DIRECTORY = -1  # in the place of a directory's size, which is 0


def dive_numbers(layers: Sequence[tuple[str, LayerIndex]], tree: Tree) -> DiveNumbers:
    """dive's efficiency, wasted bytes and user-wasted percent (which is a fraction) of layers, given with diff_ids.

    `tree` has the layers merged: it knows of most paths which entries have replaced which. Only the others, and what
    whiteouts are about, are reckoned here path by path.
    """
    numbers: dict[str, int] = {}
    for number, (diff_id, _) in enumerate(layers):
        numbers.setdefault(diff_id, number)
    trees = {number: _LayerTree(layers[number][1], tangled=number in tree.tangled) for number in numbers.values()}
    removed = _removals(list(trees.values()))
    doubtful = set(tree.doubtful).union(*(each.doubtful for each in trees.values()))
    for number in set(range(len(layers))).difference(trees):
        doubtful.update(layers[number][1].paths)
    sums = _of_chains(layers, tree, doubtful)
    for each, gone in zip(trees.values(), removed, strict=True):
        sums.put(each, gone, doubtful)
    efficiency, wasted_bytes = sums.efficiency()
    user_bytes = sum(layers[number][1].layer_bytes for number in trees if number > 0)
    return DiveNumbers(efficiency, wasted_bytes, wasted_bytes / user_bytes if user_bytes else None)


def _removals(trees: Sequence[_LayerTree]) -> list[dict[str, int]]:
    """By layer: the paths that it removes and dive counts, with what dive counts for them."""
    below = _Stack(_Asked(path for tree in trees for path in tree.whiteouts))
    last = max((number for number, tree in enumerate(trees) if tree.whiteouts), default=0)
    removed: list[dict[str, int]] = []
    for number, tree in enumerate(trees):
        # dive looks for what the first layer removes in that layer itself.
        lower = _Stack(_Asked(tree.whiteouts), tree) if number == 0 and tree.whiteouts else below
        removed.append(tree.removed(lower))
        if number < last:  # only whiteouts ask what lies below
            below.put(tree)
    return removed


def _of_chains(layers: Sequence[tuple[str, LayerIndex]], tree: Tree, doubtful: AbstractSet[str]) -> _Sums:
    """What the paths come to at which entries have replaced entries, one after another."""
    chains: dict[int, tuple[int, int]] = {}  # by the last entry: all that the path took, and the least of it
    sizes = tree.sizes
    for number, (olds, news) in enumerate(tree.replaced):
        paths, start = layers[number][1].paths, tree.start(number)
        for old, new in zip(olds, news, strict=True):
            if paths[new - start] not in doubtful:
                total, least = chains.pop(old, (sizes[old], sizes[old]))
                size = sizes[new]
                chains[new] = total + size, min(least, size)
    return _Sums(sum(total for total, _ in chains.values()), sum(least for _, least in chains.values()))


class _Sums:
    """What dive adds up: all that paths take, the least that they could, and what the ones take that come again."""

    def __init__(self, wasted: int, least: int) -> None:
        """Begins with paths that come again, whose bytes `put` adds to all."""
        self._all = 0
        self._again = wasted
        self._saved = wasted - least
        self._least: dict[str, int] = {}
        self._total: dict[str, int] = {}  # of the paths that came more than once
        self._not_found: set[str] = set()

    def put(self, tree: _LayerTree, removed: dict[str, int], doubtful: AbstractSet[str]) -> None:
        """Adds a layer: its files, links and empty directories, then what it removes."""
        others, added = tree.added(doubtful)
        self._all += others
        if tree.not_found is not None:
            self._not_found.add(tree.not_found)
        least, total = self._least, self._total
        for counted in (added, removed):
            for path, size in counted.items():
                old = least.get(path)
                if old is not None:
                    total[path] = total.get(path, old) + size
                least[path] = size if old is None or size < old else old
            self._all += sum(counted.values())

    def efficiency(self) -> tuple[float, int]:
        """The least by all, and the bytes of paths that come more than once."""
        least, total = self._least, self._total
        wasted = sum(total.values())
        saved = self._saved + wasted - sum(map(least.__getitem__, total))
        # A path that dive did not find has the size -1 to it, unless another layer has it.
        smallest = self._all - saved - len(self._not_found - least.keys())
        return (float(smallest) / float(self._all) if self._all else 1.0), self._again + wasted


class _Asked:
    """Which paths whiteouts ask for: their own, and all that are below."""

    def __init__(self, whiteouts: Iterable[str]) -> None:
        self.whiteouts = frozenset(whiteouts)
        self.folders = frozenset(path.rpartition("/")[0] for path in self.whiteouts)
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
        self._end: list[bytes] | None = None
        self.not_found: str | None = None
        removed = (index.paths[row] for row in index.markers if index.types[row] == WHITEOUT)
        self.whiteouts = list(dict.fromkeys(removed))
        self._parents = self._above()

    @property
    def doubtful(self) -> Sequence[str]:
        """The paths that are to be reckoned one by one; all, where that is not known, or dive gives up."""
        index = self._index
        return index.paths if self._tangled or self._end else [index.paths[row] for row in index.markers]

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
        named = asked.whiteouts
        inside = {
            folder: asked.inside(folder)
            for folder in self._parents.union(map(index.folders.__getitem__, index.markers))
        }
        # Few folders have what is asked for, so that most rows need no more than a look at theirs.
        folders = {folder for folder, is_inside in inside.items() if is_inside}.union(asked.folders)
        found: dict[str, tuple[int, str]] = {}
        for row in compress(range(len(index)), map(folders.__contains__, index.folders)):
            path, folder, kind = index.paths[row], index.folders[row], index.types[row]
            if (inside[folder] or path in named) and kind not in _MARKERS:
                found[path] = (_DIRECTORY if kind == DIRECTORY else index.sizes[row], folder)
        for row in index.markers:
            path, folder = index.paths[row], index.folders[row]
            if index.types[row] == OPAQUE and asked.about(path, folder):
                found.setdefault(path, (0, folder))  # of which dive sees no more than the directory
        for path in self._parents:
            folder = path.rpartition("/")[0]
            if path and asked.about(path, folder):
                found.setdefault(path, (0, folder))
        return found

    def removed(self, below: _Stack) -> dict[str, int]:
        """What counts of the layer's whiteouts, with its bytes."""
        removed = {path: below.removed_bytes(path) for path in self.whiteouts}
        missing = [path for path, size in removed.items() if size is None]
        if missing:
            # dive goes depth first, by the bytes of the names, and gives up at the first that it does not find.
            self._end, self.not_found = min((_components(path, whiteout=True), path) for path in missing)
            removed = {path: size for path, size in removed.items() if _components(path, whiteout=True) < self._end}
        return {path: size for path, size in removed.items() if size is not None}

    def added(self, doubtful: AbstractSet[str]) -> tuple[int, dict[str, int]]:
        """What counts of the layer's entries, in bytes: as a sum, and those at doubtful paths by path."""
        index, end = self._index, self._end
        if not self._tangled and end is None:
            markers = sum(map(index.sizes.__getitem__, index.markers))
            added = self._sizes(compress(range(len(index)), map(doubtful.__contains__, index.paths)))
            return index.layer_bytes - markers - sum(added.values()), added
        added = self._sizes(range(len(index)))
        if end is not None:
            added = {path: size for path, size in added.items() if _components(path) < end}
        return 0, added

    def _sizes(self, rows: Iterable[int]) -> dict[str, int]:
        """The bytes of each path that the entries in some rows name, and that is no parent."""
        index = self._index
        paths, sizes, types = index.paths, index.sizes, index.types
        found = {paths[row]: sizes[row] for row in rows if types[row] not in _MARKERS}
        for row in index.markers:
            if types[row] == OPAQUE:
                found.setdefault(paths[row], 0)
        for path in found.keys() & self._parents:
            del found[path]
        found.pop("", None)
        return found


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
