"""The entries of an image's layers as what a finding can be charged with: each one once, whoever is to blame for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from fnmatch import translate
from functools import cached_property

from imagelint.image.index import LayerIndex
from imagelint.image.model import Image
from imagelint.image.report import WastedFile
from imagelint.image.tar import REGULAR
from imagelint.image.tree import Death, Tree
from imagelint.image.waste import hidden_files

Nodes = frozenset[int]
"""Entries of layers, by their number counted through all layers, as `Tree` counts them."""

NONE: Nodes = frozenset()


class Ledger:
    """An image's entries, its merged tree, and what hides what. Sizes are bytes of uncompressed layers."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.indexes: Sequence[LayerIndex] = [layer.entries for layer in image.layers]
        self.tree = Tree(self.indexes)

    @cached_property
    def hidden(self) -> list[tuple[Death, WastedFile]]:
        """Every entry that is stored and not live, with the reason."""
        return list(zip(self.tree.deaths, hidden_files(self.indexes, self.tree), strict=True))

    @property
    def total(self) -> int:
        """All that the layers store."""
        return sum(index.layer_bytes for index in self.indexes)

    def nodes(self, layer: int) -> range:
        """The entries of a layer."""
        start = self.tree.start(layer)
        return range(start, start + len(self.indexes[layer]))

    def bytes(self, nodes: Iterable[int]) -> int:
        """What entries store."""
        sizes = self.tree.sizes
        return sum(sizes[node] for node in nodes)

    def layers(self, nodes: Collection[int]) -> tuple[int, ...]:
        """The layers that store entries with bytes."""
        sizes = self.tree.sizes
        return tuple(sorted({self.tree.place(node)[0] for node in nodes if sizes[node]}))

    def stored_at(self, layer: int, globs: Collection[str]) -> Nodes:
        """The files of a layer at paths that match one of the globs."""
        matches = matcher(globs)
        index = self.indexes[layer]
        rows = zip(self.nodes(layer), index.types, index.sizes, index.paths, strict=True)
        return frozenset(node for node, kind, size, path in rows if kind == REGULAR and size and matches(f"/{path}"))

    def hidden_between(self, layers: Collection[int]) -> Nodes:
        """What one of the layers stores and another one of them hides."""
        return frozenset(
            death.node
            for death, file in self.hidden
            if death.layer in layers and file.stored_by in layers and file.stored_by != death.layer
        )

    def hidden_by(self, layer: int, globs: Collection[str], stored_by: Collection[int]) -> Nodes:
        """What a layer hides of the ones below it: at paths that match, or else of those of the given layers."""
        below = ((death, file) for death, file in self.hidden if death.layer == layer != file.stored_by)
        if globs:
            matches = matcher(globs)
            return frozenset(death.node for death, file in below if matches(file.path))
        return frozenset(death.node for death, file in below if file.stored_by in stored_by)

    def copied_again(self, layer: int, from_layers: Collection[int]) -> Nodes:
        """The files of a layer whose content other layers hold too, at another path."""
        held = {(size, content): path for each in from_layers for size, content, path in self._rows(each) if content}
        rows = zip(self.nodes(layer), self._rows(layer), strict=True)
        return frozenset(
            node for node, (size, content, path) in rows if content and held.get((size, content), path) != path
        )

    def _rows(self, layer: int) -> Iterator[tuple[int, int, str]]:
        index = self.indexes[layer]
        return zip(index.sizes, index.contents, index.paths, strict=True)


def matcher(globs: Collection[str]) -> Callable[[str], object]:
    """Whether an absolute path matches one of the globs; a `*` stands for slashes too."""
    return re.compile("|".join(map(translate, globs)) or r"(?!)").match
