"""Hashing only what is asked for: the few files of which a hash can tell why bytes are stored in vain.

Of a tar that can be read at any place, most content need not be read at all: only files of one size can be the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from xxhash import xxh3_64, xxh3_64_intdigest

from imagelint.errors import BrokenImageError
from imagelint.image.deaths import NOTHING
from imagelint.image.elf import ReadAt
from imagelint.image.index import LayerIndex
from imagelint.image.limits import MIB
from imagelint.image.tar import REGULAR
from imagelint.image.tree import Tree
from imagelint.image.waste import DUPLICATE_BYTES, all_contents


def hash_candidates(layers: Sequence[LayerIndex], tree: Tree, reader: Callable[[int], ReadAt | None]) -> None:
    """Hashes, in place, the files that waste is judged by; those that are hashed already are left as they are.

    `reader` gives what reads a layer's tar. Layers that cannot be read so were hashed while they passed.
    """
    wanted: defaultdict[int, set[int]] = defaultdict(set)
    known = all_contents(layers)
    for node in _candidates(layers, tree):
        if not known[node]:
            layer, row = tree.place(node)
            wanted[layer].add(row)
    for layer, rows in sorted(wanted.items()):
        index = layers[layer]
        read_at = reader(layer)
        if read_at is None:
            continue
        # In the order of the tar, so that a disk reads ahead.
        for row in sorted(rows):
            if index.types[row] == REGULAR and index.offsets[row]:
                index.contents[row] = _hash(read_at, index.offsets[row], index.sizes[row])


def _candidates(layers: Sequence[LayerIndex], tree: Tree) -> Iterator[int]:
    """The nodes whose content may be that of another one, where that makes a difference (`imagelint.image.waste`)."""
    sizes = tree.sizes
    of_size, of_layer = dict[int, list[int]](), -1  # a layer's files: deaths come layer by layer
    deaths = tree.deaths
    for node, layer, successor in zip(deaths.nodes, deaths.layers, deaths.successors, strict=True):
        if successor != NOTHING:
            if successor >= 0 and sizes[successor] == sizes[node]:
                yield node
                yield successor
            continue
        if layer != of_layer:
            of_size, of_layer = _by_size(layers[layer], tree.start(layer)), layer
        same = of_size.get(sizes[node])
        if same is not None:
            yield node
            yield from same
            same.clear()  # said once, however many files of that size the layer hides
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for node in tree.files(DUPLICATE_BYTES).values():
        alike[sizes[node]].append(node)
    for nodes in alike.values():
        if len(nodes) > 1:
            yield from nodes


def _by_size(layer: LayerIndex, start: int) -> dict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    for node, (kind, size) in enumerate(zip(layer.types, layer.sizes, strict=True), start):
        if kind == REGULAR and size:
            found[size].append(node)
    return found


def _hash(read_at: ReadAt, offset: int, size: int) -> int:
    if size <= MIB:
        content = read_at(offset, size)
        if len(content) != size:
            raise BrokenImageError("the file ends too early")
        return xxh3_64_intdigest(content)
    state = xxh3_64()
    for at in range(0, size, MIB):
        piece = read_at(offset + at, min(MIB, size - at))
        if not piece:
            raise BrokenImageError("the file ends too early")
        state.update(piece)
    return state.intdigest()
