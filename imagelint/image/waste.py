"""Which stored bytes could go, and why: every file that some layer hides, and content that is live at two paths."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import itemgetter

from imagelint.image.deaths import NOTHING, Cause
from imagelint.image.index import LayerIndex
from imagelint.image.tar import REGULAR
from imagelint.image.tree import Tree
from imagelint.image.wasted import Wasted

OVERWRITTEN = "overwritten"
"""The layer that hides the file has other content (or something that is no file) at its path."""
METADATA_ONLY = "metadata-only"
"""The layer that hides the file stores the same content at its path again: chmod, chown, touch, or nothing at all."""
REMOVED = "removed"
"""The file was deleted, or a directory above it was, or was replaced by something else."""
OPAQUE = "opaque"
"""A directory above the file was deleted and made anew in one layer."""
MOVED = "moved"
"""The file was deleted, and the same layer stores its content at another path."""
DUPLICATE = "duplicate"
"""The content is live at another path as well; these bytes are part of the live ones."""

DUPLICATE_BYTES = 64 * 1024
"""Files smaller than this are not reported as duplicates."""

_REASONS = tuple(OPAQUE if cause == Cause.OPAQUE else REMOVED for cause in Cause)


def hidden_files(layers: Sequence[LayerIndex], tree: Tree) -> Wasted:
    """Every file with bytes that no path of the final image leads to, in the order of `tree.deaths`.

    Whether two files are the same is told by their size and hash: where no content was read, nothing is
    `metadata-only` or `moved`. Only the reason hangs on the hash, never the number of bytes.
    """
    deaths, sizes, layer_of = tree.deaths, tree.sizes, tree.layer
    found = Wasted()
    found.paths += deaths.paths
    found.bytes.extend(map(sizes.__getitem__, deaths.nodes))
    found.stored_by.extend(map(layer_of, deaths.nodes))
    found.hidden_by.extend(iter(deaths.layers))  # an array takes no array of another type, but what it holds
    found.reasons += _reasons(layers, tree)
    return found


def _reasons(layers: Sequence[LayerIndex], tree: Tree) -> Iterator[str]:
    stored, stored_by = Counter[tuple[int, int]](), -1  # what files a layer has: deaths come layer by layer
    sizes, kind, contents = tree.sizes, tree.kind, all_contents(layers)
    deaths = tree.deaths
    for node, hidden_by, cause, successor in zip(
        deaths.nodes, deaths.layers, deaths.causes, deaths.successors, strict=True
    ):
        content = contents[node]
        if content and kind(node) != REGULAR:
            content = 0
        if successor != NOTHING:
            same = content and successor >= 0 and contents[successor] == content and sizes[successor] == sizes[node]
            yield METADATA_ONLY if same and kind(successor) == REGULAR else OVERWRITTEN
            continue
        elsewhere = False
        if content:
            if hidden_by != stored_by:
                index, stored_by = layers[hidden_by], hidden_by
                stored = Counter(zip(index.sizes, index.contents, strict=True))
            # A file that is hidden by its own layer is itself one of those that the layer has.
            elsewhere = stored[sizes[node], content] > (tree.layer(node) == hidden_by)
        yield MOVED if elsewhere else _REASONS[cause]


def duplicate_files(layers: Sequence[LayerIndex], tree: Tree) -> Wasted:
    """Live files of some size whose content is live at another path too; the lowest one is the original."""
    files = tree.files(DUPLICATE_BYTES)  # two links to one inode are no duplicates
    contents = all_contents(layers)
    originals: set[tuple[int, int]] = set()
    found = Wasted()
    for path, node in sorted(files.items(), key=itemgetter(1)):
        identity = tree.sizes[node], contents[node]
        if identity in originals:
            found.put(path, tree.sizes[node], DUPLICATE, tree.layer(node))
        elif contents[node]:
            originals.add(identity)
    return found


def all_contents(layers: Sequence[LayerIndex]) -> array[int]:
    """What is in the entries of all layers, by node: hashes, 0 for what was not read."""
    contents = array("Q")
    for layer in layers:
        contents.extend(layer.contents)
    return contents
