"""The file system that an image's layers make, and what each of them hides of the ones below.

Layers are applied as a runtime does (OCI image specification, layer.md): a layer's whiteouts and opaque markers act on
the layers below and never on the layer's own entries, wherever in the tar they stand; then its entries come in order.
A whiteout of nothing does nothing. Only two directories merge: whatever else meets at a path, the newer replaces the
older with all that was in it. Hard links are one inode; its bytes are live while any of its paths is. Links are never
followed, so an entry below a symbolic link makes a directory of it, as it does where each layer is unpacked by itself.

The work is linear in the entries: a path is added once for each entry, and removed at most as often. Nearly every
layer names each of its paths once, below directories, and links to its own files: such a layer is put on top as a
whole, by operations on sets and dictionaries that give what taking its entries one after another would.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import compress
from operator import is_not

from imagelint.errors import BrokenImageError
from imagelint.image.deaths import Cause, Deaths
from imagelint.image.index import ARE_DIRECTORIES, ARE_NODES, BOOKKEEPING, OPAQUE, WHITEOUT, LayerIndex, marker_name
from imagelint.image.limits import DEFAULT_LIMITS, Limits
from imagelint.image.listing import Listing
from imagelint.image.tar import DIRECTORY, HARD_LINK

_IMPLIED = -1  # the node of a directory that no entry names
_MARKERS = frozenset((WHITEOUT, OPAQUE, BOOKKEEPING))
_IS_THERE = partial(is_not, None)


class Counts:
    """How many files and links a layer adds to what is below it, replaces, and removes; directories do not count."""

    __slots__ = ("added", "changed", "removed")

    def __init__(self) -> None:
        self.added = self.changed = self.removed = 0


class Tree:
    """The merged file system of an image's layers.

    A node is the number of an entry, counted through all layers; a hard link has the node of the file it leads to.
    `paths` has the node of every path (-1 for a directory that no entry names), `sizes` the bytes of every node,
    `layer` and `kind` tell of a node the number of its layer and the type of its entry (`imagelint.image.index`),
    `deaths` what was hidden, in order, `counts` what each layer did.

    The rest is for who would know what a path took in each layer (`imagelint.image.compat`). `tangled` are the layers
    whose entries had to be taken one after another; in all others each path is named once, and none is below a file.
    `replaced` has, by layer, the nodes of files and links in whose place others were put, and those others. That is all
    that became of a path, unless its layer is tangled or it is one of the `doubtful` ones (some come more than once):
    it was removed, or a directory took its place, or it is a hard link, which leads to another entry than its own.
    """

    def __init__(self, layers: Iterable[LayerIndex] = (), *, limits: Limits = DEFAULT_LIMITS) -> None:
        self.paths: dict[str, int] = {}
        self.sizes = array("q")
        self.deaths = Deaths()
        self.counts: list[Counts] = []
        self.tangled: set[int] = set()
        self.replaced: list[tuple[Sequence[int], Sequence[int]]] = []
        self.doubtful: list[str] = []
        self._names: list[str] = []  # by node
        self._starts: list[int] = []
        self._layers = array("I")  # by node
        self._kinds = bytearray()
        self.layer: Callable[[int], int] = self._layers.__getitem__
        self.kind: Callable[[int], int] = self._kinds.__getitem__
        self._directories = {""}
        self._listing = Listing()
        self._complete = False
        self._links: dict[int, int] = {}  # of an inode with several paths: how many are left
        self._lost: dict[int, tuple[int, Cause, str]] = {}  # and the one it lost last
        self._implied_bytes = limits.implied_bytes
        for layer in layers:
            self._apply(layer)
        # Nobody but `children` asks any more; then it is made anew, of what is left.
        self._listing = Listing()
        self._names.clear()
        self._complete = True

    def start(self, layer: int) -> int:
        """The node of a layer's first entry; the others follow in the order of the index."""
        return self._starts[layer]

    def place(self, node: int) -> tuple[int, int]:
        """The layer of a node, and its row in the layer's index."""
        layer = self._layers[node]
        return layer, node - self._starts[layer]

    def is_directory(self, path: str) -> bool:
        """Whether a directory is live at a path."""
        return path in self._directories

    def children(self, path: str) -> frozenset[str]:
        """The paths in a directory; none where it is none."""
        if self._complete:
            self._listing.add(tuple(self.paths), [each.rpartition("/")[0] for each in self.paths])
            self._complete = False
        return frozenset(self._listing.of(path))

    def files(self, least: int = 1) -> dict[str, int]:
        """The nodes of the live files of at least so many bytes; one with several paths has the first by name."""
        sizes, links = self.sizes, self._links
        found = {path: node for path, node in self.paths.items() if node >= 0 and sizes[node] >= least}
        if links:
            first: dict[int, str] = {}
            for path in [path for path, node in found.items() if node in links]:
                other = first.setdefault(found[path], path)
                if other != path:
                    first[found[path]] = min(path, other)
                    del found[max(path, other)]
        return found

    def _apply(self, layer: LayerIndex) -> None:
        """Puts a layer on top."""
        start = len(self.sizes)
        self._starts.append(start)
        self.counts.append(Counts())
        self.sizes.extend(layer.sizes)
        self._layers.extend(array("I", [len(self._starts) - 1]) * len(layer))
        self._kinds.extend(layer.types)
        self._hide(layer)
        if not self._add_at_once(layer, start):
            self.tangled.add(len(self._starts) - 1)
            self.replaced.append(((), ()))
            self._add_each(layer, start)
        self._names += layer.paths
        self.deaths.settle(len(self._starts) - 1, self.paths)

    def _hide(self, layer: LayerIndex) -> None:
        """What the layer's markers remove; whiteouts first, so that the order of the tar does not show."""
        paths, types = layer.paths, layer.types
        for row in layer.markers:
            if types[row] == WHITEOUT and paths[row] in self.paths:
                self._remove(paths[row], Cause.REMOVED)
        for row in layer.markers:
            if types[row] == OPAQUE and paths[row] in self._directories:
                for child in self._listing.take(paths[row]):
                    self._remove(child, Cause.OPAQUE)

    def _add_at_once(self, layer: LayerIndex, start: int) -> bool:
        """What the layer's entries put in place; False, and nothing is done, where their order could matter."""
        paths, types, below = layer.paths, layer.types, self.paths
        numbered: Iterable[tuple[str, int]] = zip(paths, range(start, start + len(paths)), strict=True)
        if layer.markers:
            numbered = compress(numbered, types.translate(ARE_NODES))
        nodes = dict(numbered)
        if len(nodes) + len(layer.markers) != len(paths):
            return False  # a path that comes twice
        root = nodes.pop("", None)
        if root is not None and self.sizes[root]:
            return False
        # What is there already, in three columns: the nodes below, the ones that meet them, and where they meet.
        found = list(map(below.get, nodes))
        olds = [old for old in found if old is not None]
        news = list(compress(nodes.values(), map(_IS_THERE, found)))
        met = self._one_text(paths, [node - start for node in news], olds)
        directories = set(compress(paths, types.translate(ARE_DIRECTORIES)))
        directories.discard("")
        implied = self._implied(layer, directories)
        if not implied.isdisjoint(nodes):
            return False  # an entry below what is no directory
        standing = self._directories.intersection(met)
        if not standing <= directories:
            return False  # a directory is replaced, with all that is in it
        links = self._own_links(layer, start, nodes, directories)
        if links is None:
            return False
        kept = directories.intersection(met)
        changed = len(met) - len(kept)
        self.doubtful += kept - standing
        self._replace_at_once(olds, news, met, standing)
        below.update(nodes)
        self._links.update(links)
        self._directories |= directories
        self._listing.add(paths, layer.folders)
        for directory in implied:
            self._imply(directory)
        for row in layer.markers:
            self._add_marker(start + row, paths[row], types[row])
        counts = self.counts[-1]
        counts.changed += changed
        counts.added += len(nodes) - len(directories) - changed
        return True

    def _one_text(self, paths: list[str], rows: Sequence[int], olds: Sequence[int]) -> list[str]:
        """The paths in rows of a layer, which others have too: all have one text from now on, and it is kept once.

        That of the old node is another one where a hard link leads to it, or where it is a directory that no entry
        names (-1, so that any name comes): then the layer's own stays.
        """
        names = map(self._names.__getitem__, olds)
        same = [name if name == paths[row] else paths[row] for row, name in zip(rows, names, strict=True)]
        for row, name in zip(rows, same, strict=True):
            paths[row] = name
        return same

    def _replace_at_once(
        self, nodes: Sequence[int], news: Sequence[int], paths: Sequence[str], standing: AbstractSet[str]
    ) -> None:
        """Puts new nodes in the place of those at many paths, but for the directories that are left standing."""
        if standing:
            lost = [path not in standing for path in paths]
            nodes, news, paths = list(compress(nodes, lost)), list(compress(news, lost)), list(compress(paths, lost))
        self.replaced.append((array("q", nodes), array("q", news)))
        linked = self._links.keys()
        if linked and not linked.isdisjoint(nodes):
            for node, path in zip(nodes, paths, strict=True):
                self._lose(node, Cause.REPLACED, path)
            return
        sizes = list(map(self.sizes.__getitem__, nodes))
        self.deaths.add(compress(nodes, sizes), compress(paths, sizes), Cause.REPLACED)

    def _implied(self, layer: LayerIndex, directories: set[str]) -> set[str]:
        """The directories that a layer's entries are in, and that neither itself nor the ones below it have."""
        found = set(layer.folders)
        found.update(_directory_of(layer.types[row], layer.paths[row]) for row in layer.markers)
        found -= directories
        found -= self._directories
        missing = found
        room = self._implied_bytes - sum(map(len, found))
        while missing := {path.rpartition("/")[0] for path in missing} - directories - self._directories - found:
            found |= missing
            room -= sum(map(len, missing))
            if room < 0:
                raise BrokenImageError("the image's entries imply too many directories")
        return found

    def _own_links(
        self, layer: LayerIndex, start: int, nodes: dict[str, int], directories: set[str]
    ) -> dict[int, int] | None:
        """Gives the layer's hard links the nodes of its files, and tells how many paths these have.

        None where one leads to what does not come before it in the same layer, and is there all the same.
        """
        counts: dict[int, int] = {}
        for row, target in layer.links.items():
            if layer.types[row] != HARD_LINK:
                continue
            found = nodes.get(target, _IMPLIED)
            if not 0 <= found < start + row:
                if target in self.paths:
                    return None
            elif target not in directories:
                nodes[layer.paths[row]] = found
                self.doubtful.append(layer.paths[row])
                counts[found] = counts.get(found, 1) + 1
        return counts

    def _add_each(self, layer: LayerIndex, start: int) -> None:
        """What the layer's entries put in place, one after another."""
        nodes, links, directories, put = self.paths, layer.links, self._directories, self._listing.put
        added = changed = 0
        for node, (path, kind) in enumerate(zip(layer.paths, layer.types, strict=True), start):
            if kind in _MARKERS or not path:
                self._add_marker(node, path, kind)
                continue
            parent = path.rpartition("/")[0]
            if parent not in directories:
                self._imply(parent)
            if kind == HARD_LINK:
                node = self._link(node, path, links[node - start])
            if path not in nodes:
                nodes[path] = node
                put(path, parent)
                if kind == DIRECTORY:
                    directories.add(path)
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
        directory = _directory_of(kind, path)
        if directory not in self._directories:
            self._imply(directory)
        if self.sizes[node]:
            name = marker_name(kind, path) if kind in _MARKERS else path
            self.deaths.add((node,), (name,), Cause.REMOVED)

    def _link(self, node: int, path: str, target: str) -> int:
        """The node that a hard link leads to; its own where there is no such file, as links to nothing have none."""
        found = self.paths.get(target, _IMPLIED)
        if found == _IMPLIED or target in self._directories:
            return node
        if self.paths.get(path) != found:
            self._links[found] = self._links.get(found, 1) + 1
        return found

    def _imply(self, directory: str) -> None:
        """Makes a directory that no entry names, and those above it, in the place of whatever else is there."""
        missing = []
        while directory not in self._directories:
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
                self._listing.put(path, path.rpartition("/")[0])
                self._directories.add(path)

    def _replace(self, path: str, node: int, is_directory: bool) -> None:
        old = self.paths[path]
        self.doubtful.append(path)
        if path not in self._directories:
            self._lose(old, Cause.REPLACED, path)
            if is_directory:
                self._directories.add(path)
        elif not is_directory:
            for child in self._listing.take(path):
                self._remove(child, Cause.COVERED)
            self._directories.discard(path)
        self.paths[path] = node

    def _remove(self, path: str, cause: Cause) -> None:
        """Takes a path away with all that is below it, if it is there."""
        stack = [path]
        while stack:
            path = stack.pop()
            node = self.paths.pop(path, None)
            if node is None:
                continue
            self.doubtful.append(path)
            self._lose(node, cause, path)
            if path in self._directories:
                self._directories.discard(path)
                stack.extend(self._listing.take(path))
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
        self.deaths.add((node,), (path,), cause)


def _directory_of(kind: int, path: str) -> str:
    """The directory that an entry is in; that of an opaque marker is the path that it is about."""
    return path if kind == OPAQUE else path.rpartition("/")[0]
