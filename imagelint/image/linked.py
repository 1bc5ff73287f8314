"""Files with several paths: what removes one of them saves nothing while another one is left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress

from imagelint.image.index import LayerIndex
from imagelint.image.tar import HARD_LINK
from imagelint.image.tree import Tree

Others = Mapping[int, Sequence[str]]
"""By node: the paths of a file beside that of its own entry."""


def stored_links(index: LayerIndex, start: int) -> Others:
    """The links that a layer itself has to its files, in the order of its tar. `start` is the layer's first node."""
    links = list(_hard_links(index))
    if not links:
        return {}
    targets = {index.links[row] for row in links}
    rows = compress(range(len(index)), map(targets.__contains__, index.paths))
    nodes = {index.paths[row]: start + row for row in rows if index.types[row] != HARD_LINK}
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in links:
        node = nodes.get(index.links[row])
        if node is not None:
            nodes[index.paths[row]] = node  # a link may lead to another one
            found[node].append(index.paths[row])
    return found


def live_links(indexes: Sequence[LayerIndex], tree: Tree) -> Others:
    """The links, of whatever layer, by which files can be reached in the end."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for index in indexes:
        for path in map(index.paths.__getitem__, _hard_links(index)):
            node = tree.paths.get(path, -1)
            if node >= 0 and tree.sizes[node]:
                layer, row = tree.place(node)
                if indexes[layer].paths[row] != path:  # else it is another file's by now
                    found[node].append(path)
    return found


def _hard_links(index: LayerIndex) -> Iterator[int]:
    return (row for row in index.links if index.types[row] == HARD_LINK)
