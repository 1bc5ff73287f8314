"""dive's three numbers, as dive 0.13.1 computes them: for those whose thresholds are set by it, not for what they say.

They are what dive says, its mistakes included: a removed directory costs nothing, a live copy counts as wasted, an
opaque directory hides nothing, and a whiteout of a path that is not there ends the reckoning of its layer. The
formulae are those of dive's `filetree/efficiency.go` and `image/analysis.go`. A layer that comes twice is empty the
second time: an archive of Docker before 25 has a symbolic link for it, which dive reads as an empty tar.

dive goes through all layers path by path, and adds up what each path takes in them. Of most paths the sum is known
without looking at them: those that one layer has, which are a part of its bytes and wasted nothing; and those at which
layers have put files in the place of files, as the merged tree has seen (`Tree.replaced`). The entries of such a path
are a *chain*, told by their nodes alone. All other paths are *doubtful*: they are reckoned one by one, as dive does it.
Which these are is said by `_doubtful`; to have more of them than must be takes time, and changes no number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from imagelint.image.dive_trees import Above, Asked, LayerTree, Stack, order
from imagelint.image.index import LayerIndex
from imagelint.image.report import DiveNumbers
from imagelint.image.tree import Tree
from imagelint.records import NamedTuple


def dive_numbers(layers: Sequence[tuple[str, LayerIndex]], tree: Tree) -> DiveNumbers:
    """dive's efficiency, wasted bytes and user-wasted percent (which is a fraction) of layers, given with diff_ids.

    `tree` has the layers merged.
    """
    first: dict[str, int] = {}
    for number, (diff_id, _) in enumerate(layers):
        first.setdefault(diff_id, number)
    indexes, above = [index for _, index in layers], Above()
    trees = {number: LayerTree(indexes[number], above) for number in first.values()}
    removals = dict(zip(trees, _removals(list(trees.values()), above), strict=True))

    repeated = set(range(len(layers))).difference(trees)
    given_up = {number for number, removed in removals.items() if removed.end is not None}
    one_by_one = tree.tangled | repeated | given_up
    doubtful = _doubtful(indexes, tree, one_by_one)
    sums = _of_chains(indexes, tree, doubtful)
    for number, layer in trees.items():
        added = layer.sizes(doubtful)
        if number not in one_by_one:
            sums.others(layer.entry_bytes - sum(added.values()))
        sums.put(added, removals[number])
    efficiency, wasted_bytes = sums.efficiency()
    user_bytes = sum(indexes[number].layer_bytes for number in trees if number > 0)
    return DiveNumbers(efficiency, wasted_bytes, wasted_bytes / user_bytes if user_bytes else None)


class _Removed(NamedTuple):
    """What dive counts of a layer's whiteouts, by path; and where it gives the layer up, if it does.

    `end` is the first path that the layers below lack, after its place in the `order` of the layer.
    """

    sizes: Mapping[str, int]
    end: tuple[bytes, str] | None


def _removals(trees: Sequence[LayerTree], above: Above) -> Iterator[_Removed]:
    """What each of the layers removes."""
    below = Stack(Asked((path for tree in trees for path in tree.whiteouts), above))
    last = max((number for number, tree in enumerate(trees) if tree.whiteouts), default=0)
    for number, tree in enumerate(trees):
        lower = below
        if number == 0 and tree.whiteouts:
            # dive looks for what the first layer removes in that layer itself.
            lower = Stack(Asked(tree.whiteouts, above))
            lower.put(tree, whiteouts=False)
        yield _removed(lower.removed_bytes(tree.whiteouts))
        if number < last:  # only whiteouts ask what lies below
            below.put(tree)


def _removed(sizes: Mapping[str, int | None]) -> _Removed:
    """What counts of whiteouts: all of them, or those before the first one whose path is not there."""
    end = min(((order(path, whiteout=True), path) for path, size in sizes.items() if size is None), default=None)
    found = {path: size for path, size in sizes.items() if size is not None}
    if end is not None:
        found = {path: size for path, size in found.items() if order(path, whiteout=True) < end[0]}
    return _Removed(found, end)


def _doubtful(indexes: Sequence[LayerIndex], tree: Tree, one_by_one: Collection[int]) -> set[str]:
    """The paths that have to be reckoned one by one.

    The tree says at which it did anything but put one file in the place of another. A whiteout can count for a path.
    And what dive counts of some layers is not what the tree has put there: all paths of these are doubtful.
    """
    doubtful = set(tree.doubtful)
    for number, index in enumerate(indexes):
        doubtful.update(index.paths if number in one_by_one else map(index.paths.__getitem__, index.markers))
    return doubtful


def _of_chains(indexes: Sequence[LayerIndex], tree: Tree, doubtful: AbstractSet[str]) -> _Sums:
    """What the paths come to at which entries have replaced entries, one after another."""
    chains: dict[int, tuple[int, int]] = {}  # by the last entry: all that the path took, and the least of it
    sizes = tree.sizes
    for number, (olds, news) in enumerate(tree.replaced):
        paths, start = indexes[number].paths, tree.start(number)
        for old, new in zip(olds, news, strict=True):
            if paths[new - start] not in doubtful:
                total, least = chains.pop(old, (sizes[old], sizes[old]))
                size = sizes[new]
                chains[new] = total + size, min(least, size)
    return _Sums(sum(total for total, _ in chains.values()), sum(least for _, least in chains.values()))


class _Sums:
    """What dive adds up: all that paths take, the least that they could, and what the ones take that come again."""

    def __init__(self, wasted: int, least: int) -> None:
        """Begins with what the paths of chains come to, which are among the `others`."""
        self._all = 0
        self._wasted = wasted
        self._saved = wasted - least
        self._least: dict[str, int] = {}  # by path
        self._total: dict[str, int] = {}  # of the paths that came more than once
        self._not_found: set[str] = set()

    def others(self, size: int) -> None:
        """Adds the bytes of those of a layer's paths that are not doubtful."""
        self._all += size

    def put(self, added: Mapping[str, int], removed: _Removed) -> None:
        """Adds a layer's doubtful paths, then those that it removes."""
        if removed.end is not None:
            end, not_found = removed.end
            added = {path: size for path, size in added.items() if order(path) < end}
            self._not_found.add(not_found)
        least, total = self._least, self._total
        for counted in (added, removed.sizes):
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
        return (float(smallest) / float(self._all) if self._all else 1.0), self._wasted + wasted
