"""The entries of an image's layers as what a finding can be charged with: each one once, whoever is to blame for it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from fnmatch import translate

from imagelint.image.leftovers import cache_of
from imagelint.image.merged import Merged
from imagelint.image.model import Image
from imagelint.image.tar import REGULAR
from imagelint.image.waste import DUPLICATE_BYTES

Nodes = frozenset[int]
"""Entries of layers, by their number counted through all layers, as `Tree` counts them."""

NONE: Nodes = frozenset()


class Ledger(Merged):
    """An image's entries, by what a finding may be about. Sizes are bytes of uncompressed layers."""

    def __init__(self, image: Image) -> None:
        super().__init__(image)
        self._caches: dict[int, dict[str, Nodes]] = {}

    @property
    def has_packages(self) -> bool:
        """Whether apt's records are there, which tell what was only recommended."""
        return "var/lib/apt/extended_states" in self.inventory.records

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
        sizes, layer_of = self.tree.sizes, self.tree.layer
        return tuple(sorted({layer_of(node) for node in nodes if sizes[node]}))

    def stored_at(self, layer: int, globs: Collection[str]) -> Nodes:
        """The files of a layer at paths that match one of the globs."""
        matches = matcher(globs)
        index = self.indexes[layer]
        rows = zip(self.nodes(layer), index.types, index.sizes, index.paths, strict=True)
        return frozenset(node for node, kind, size, path in rows if kind == REGULAR and size and matches(f"/{path}"))

    def caches(self, layer: int) -> dict[str, Nodes]:
        """The files of a layer that are in known caches, by which."""
        if layer not in self._caches:
            index = self.indexes[layer]
            kinds = {folder: cache_of(folder) for folder in set(index.folders)}
            found: defaultdict[str, set[int]] = defaultdict(set)
            for node, size, folder in zip(self.nodes(layer), index.sizes, index.folders, strict=True):
                if size and (kind := kinds[folder]) is not None:
                    found[kind].add(node)
            self._caches[layer] = {kind: frozenset(nodes) for kind, nodes in found.items()}
        return self._caches[layer]

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
        """The files of a layer, those of some size, whose content other layers hold too, at another path."""
        held = {(size, content): path for each in from_layers for size, content, path in self._rows(each) if content}
        rows = zip(self.nodes(layer), self._rows(layer), strict=True)
        return frozenset(
            node
            for node, (size, content, path) in rows
            if size >= DUPLICATE_BYTES and content and held.get((size, content), path) != path
        )

    def _rows(self, layer: int) -> Iterator[tuple[int, int, str]]:
        index = self.indexes[layer]
        return zip(index.sizes, index.contents, index.paths, strict=True)


def matcher(globs: Collection[str]) -> Callable[[str], object]:
    """Whether an absolute path matches one of the globs; a `*` stands for slashes too."""
    return re.compile("|".join(map(translate, globs)) or r"(?!)").match
