"""Layers as dive's trees have them, and on top of each other as dive stacks them: what `compat` reckons with.

A stack is only asked for what whiteouts are about, so that nothing else is put on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, compress

from imagelint.image.index import ARE_NODES, BOOKKEEPING, OPAQUE, WHITEOUT, LayerIndex
from imagelint.image.tar import DIRECTORY

_MARKERS = frozenset((WHITEOUT, OPAQUE, BOOKKEEPING))
_DIRECTORY = -1  # in the place of a directory's size, which is 0


class Above(dict[str, str]):
    """The folder that a path is in, found once for all layers: a few deep paths have very many folders above them."""

    def __init__(self) -> None:
        super().__init__()
        self._folders: dict[str, str] = {}  # one text for all that are in it

    def __missing__(self, path: str) -> str:
        folder = path.rpartition("/")[0]
        folder = self[path] = self._folders.setdefault(folder, folder)
        return folder


class Asked(dict[str, bool]):
    """By folder, whether whiteouts ask for what is in it: they ask for their own paths, and all that is below them."""

    def __init__(self, whiteouts: Iterable[str], above: Above) -> None:
        self.whiteouts = frozenset(whiteouts)
        self.folders = frozenset(map(above.__getitem__, self.whiteouts))
        self._above = above
        super().__init__({"": False, **dict.fromkeys(self.whiteouts, True)})

    def __missing__(self, folder: str) -> bool:
        missing = []
        while folder not in self:
            missing.append(folder)
            folder = self._above[folder]
        answer = self[folder]
        self.update(dict.fromkeys(missing, answer))
        return answer


class LayerTree:
    """A layer as dive's tree has it: every path with its size, the parents that no entry names, whiteouts apart."""

    def __init__(self, index: LayerIndex, above: Above) -> None:
        self._index = index
        self._above = above
        self.whiteouts = list(dict.fromkeys(index.paths[row] for row in index.markers if index.types[row] == WHITEOUT))

    @property
    def entry_bytes(self) -> int:
        """The bytes of all that is no marker."""
        return self._index.layer_bytes - sum(map(self._index.sizes.__getitem__, self._index.markers))

    def _parents(self) -> set[str]:
        """The folders of the entries and whiteouts, and all above them. Nobody keeps them: every layer may have all."""
        index, above = self._index, self._above
        folders: Iterable[str] = index.folders
        if index.markers:
            folders = chain(
                compress(index.folders, index.types.translate(ARE_NODES)),
                (index.folders[row] for row in index.markers if index.types[row] in (WHITEOUT, OPAQUE)),
            )
        parents = set(folders)
        missing = parents
        while missing := set(map(above.__getitem__, missing)) - parents:
            parents |= missing
        return parents

    def sizes(self, wanted: AbstractSet[str]) -> dict[str, int]:
        """What counts of the layer at the wanted paths, with its bytes: files, links, and directories without content.

        Of a path that comes twice the last entry counts.
        """
        index = self._index
        paths, sizes, types = index.paths, index.sizes, index.types
        rows = compress(range(len(index)), map(wanted.__contains__, paths))
        found = {paths[row]: sizes[row] for row in rows if types[row] not in _MARKERS}
        for row in index.markers:
            if types[row] == OPAQUE and paths[row] in wanted:
                found.setdefault(paths[row], 0)  # of which dive sees no more than the directory
        if found:
            for path in found.keys() & self._parents():
                del found[path]
        found.pop("", None)
        return found

    def asked(self, asked: Asked) -> dict[str, tuple[int, str]]:
        """The paths that whiteouts ask for, with bytes and folders, those that no entry names included."""
        index, above, named = self._index, self._above, asked.whiteouts
        inside = set(filter(asked.__getitem__, self._parents()))
        # Few folders have what is asked for, so that most rows need no more than a look at theirs.
        folders = inside | asked.folders
        found: dict[str, tuple[int, str]] = {}
        for row in compress(range(len(index)), map(folders.__contains__, index.folders)):
            path, folder, kind = index.paths[row], index.folders[row], index.types[row]
            if (folder in inside or path in named) and kind not in _MARKERS:
                found[path] = (_DIRECTORY if kind == DIRECTORY else index.sizes[row], folder)
        for row in index.markers:
            path = index.paths[row]
            if index.types[row] == OPAQUE and asked[path]:
                found.setdefault(path, (0, index.folders[row]))
        for path in inside:
            found.setdefault(path, (0, above[path]))
        return found


class Stack:
    """Layers on top of each other as dive stacks them: type changes and opaque directories hide nothing."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._sizes: dict[str, int] = {}
        self._folders: defaultdict[str, list[str]] = defaultdict(list)

    def put(self, tree: LayerTree, *, whiteouts: bool = True) -> None:
        """Stacks a layer on top. A whiteout beside an entry of its path wins only if its name sorts behind."""
        gone = tree.whiteouts if whiteouts else ()
        for path in gone:
            self._remove(path)
        nodes = tree.asked(self._asked)
        for path, (size, folder) in nodes.items():
            if path not in self._sizes:
                self._folders[folder].append(path)
            self._sizes[path] = size
        for path in gone:
            if path in nodes and _sorts_before_whiteout(path):
                self._remove(path)

    def removed_bytes(self, whiteouts: Sequence[str]) -> dict[str, int | None]:
        """What dive counts for whiteouts: a directory's files, nothing for a file, None for what is not there."""
        found: dict[str, int | None] = {}
        below: dict[str, int] = {}
        # What is below others has the longer path: it is added up first, and each path but once.
        for path in sorted(whiteouts, key=len, reverse=True):
            size = self._sizes.get(path)
            found[path] = None if size is None else 0
            if size is not None:
                paths = self._subtree(path, below)
                below[path] = sum(below[each] if each in below else max(self._sizes[each], 0) for each in paths)
                if size == _DIRECTORY:
                    found[path] = below[path]
        return found

    def _remove(self, path: str) -> None:
        if path in self._sizes:
            for gone in self._subtree(path):
                del self._sizes[gone]
                self._folders.pop(gone, None)

    def _subtree(self, path: str, but_in: Mapping[str, object] | None = None) -> list[str]:
        """A path that is there, and all below it, but for what is in some paths."""
        found = {path: None}
        todo = [path]
        for folder in todo:
            if folder in self._folders and (but_in is None or folder not in but_in):
                below = [child for child in self._folders[folder] if child in self._sizes and child not in found]
                found.update(dict.fromkeys(below))
                todo.extend(below)
        return list(found)


def order(path: str, *, whiteout: bool = False) -> bytes:
    """What sorts as dive goes through a tree: depth first, by the bytes of names; for a path, or for its whiteout."""
    if whiteout:
        folder, slash, name = path.rpartition("/")
        path = f"{folder}{slash}.wh.{name}"
    # No name has a NUL in it.
    return path.encode("utf-8", "surrogateescape").replace(b"/", b"\0")


def _sorts_before_whiteout(path: str) -> bool:
    return order(path) < order(path, whiteout=True)
