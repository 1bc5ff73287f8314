"""The entries of an image's layers as what a finding can be charged with: each one once, whoever is to blame for it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from functools import cached_property
from itertools import compress

from imagelint.image.leftovers import cache_of
from imagelint.image.linked import Others, live_links, stored_links
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
        self._cache_of: dict[str, str | None] = {}  # by folder, which cache it is in
        self._stored_links: dict[int, Others] = {}

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
        return sum(map(sizes.__getitem__, nodes))

    def layers(self, nodes: Collection[int]) -> tuple[int, ...]:
        """The layers that store entries with bytes."""
        stored = compress(nodes, map(self.tree.sizes.__getitem__, nodes))
        return tuple(sorted(set(map(self.tree.layer, stored))))

    def stored_at(self, layer: int, globs: Collection[str]) -> Nodes:
        """The files of a layer at paths that match one of the globs, and at no others."""
        matches = matcher(globs)
        index = self.indexes[layer]
        rows = zip(self.nodes(layer), index.types, index.sizes, index.paths, strict=True)
        found = {node for node, kind, size, path in rows if kind == REGULAR and size and matches(f"/{path}")}
        return frozenset(found - self._linked_from(layer, found, lambda path: bool(matches(f"/{path}"))))

    def _linked_from(self, layer: int, nodes: Collection[int], inside: Callable[[str], bool]) -> set[int]:
        """Those files of a layer that would be stored all the same if nothing were `inside`: they have other paths.

        These are the layer's own, whatever became of them later, or live ones of other layers.
        """
        if not nodes:
            return set()
        if layer not in self._stored_links:
            self._stored_links[layer] = stored_links(self.indexes[layer], self.tree.start(layer))
        return {
            node
            for links in (self._stored_links[layer], self._live_links)
            for node in links.keys() & nodes
            if not all(map(inside, links[node]))
        }

    @cached_property
    def _live_links(self) -> Others:
        return live_links(self.indexes, self.tree)

    def caches(self, layer: int) -> dict[str, Nodes]:
        """The files of a layer that are in known caches and nowhere else, by which."""
        if layer not in self._caches:
            index = self.indexes[layer]
            known, here = self._cache_of, set(index.folders)
            known.update((folder, cache_of(folder)) for folder in here.difference(known))
            caches = {folder: kind for folder in here if (kind := known[folder]) is not None}
            found: defaultdict[str, set[int]] = defaultdict(set)
            for row in compress(range(len(index)), map(caches.__contains__, index.folders)):
                if index.sizes[row]:
                    found[caches[index.folders[row]]].add(self.tree.start(layer) + row)
            kept = self._linked_from(layer, set[int]().union(*found.values()), self._is_cached)
            self._caches[layer] = {kind: frozenset(nodes - kept) for kind, nodes in found.items()}
        return self._caches[layer]

    @staticmethod
    def _is_cached(path: str) -> bool:
        return cache_of(path.rpartition("/")[0]) is not None

    @cached_property
    def _hidden(self) -> Mapping[tuple[int, int], Sequence[int]]:
        """What is hidden, by the layer that stores it and the one that hides it."""
        found: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        deaths = self.tree.deaths
        for stored_by, hidden_by, node in zip(self.wasted.stored_by, deaths.layers, deaths.nodes, strict=True):
            found[stored_by, hidden_by].append(node)
        return found

    def hidden_between(self, layers: Collection[int]) -> Nodes:
        """What one of the layers stores and another one of them hides."""
        found = (
            nodes
            for (stored_by, hidden_by), nodes in self._hidden.items()
            if stored_by != hidden_by and stored_by in layers and hidden_by in layers
        )
        return NONE.union(*found)

    def hidden_by(self, layer: int, globs: Collection[str], stored_by: Collection[int]) -> Nodes:
        """What a layer hides of the others: at paths that match a glob; without globs, what the given layers store."""
        if not globs:
            return NONE.union(*(self._hidden.get((other, layer), ()) for other in stored_by if other != layer))
        matches, deaths = matcher(globs), self.tree.deaths
        rows = zip(deaths.layers, self.wasted.stored_by, deaths.nodes, deaths.paths, strict=True)
        return frozenset(
            node for by, other, node, path in rows if by == layer and other != layer and matches(f"/{path}")
        )

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
