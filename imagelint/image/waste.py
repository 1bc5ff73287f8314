"""Which stored bytes could go, and why: every file that some layer hides, and content that is live at two paths."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from operator import itemgetter

from imagelint.image.index import LayerIndex
from imagelint.image.report import Reclaimable, WastedFile
from imagelint.image.tar import REGULAR
from imagelint.image.tree import Cause, Tree

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

_REASONS = {Cause.REPLACED: REMOVED, Cause.REMOVED: REMOVED, Cause.OPAQUE: OPAQUE, Cause.COVERED: REMOVED}


def hidden_files(layers: Sequence[LayerIndex], tree: Tree) -> Iterator[WastedFile]:
    """Every file with bytes that no path of the final image leads to.

    Whether two files are the same is told by their size and hash: where no content was read, nothing is
    `metadata-only` or `moved`. Only the reason hangs on the hash, never the number of bytes.
    """
    stored: dict[int, Counter[tuple[int, int]]] = {}  # by layer: what files it has
    sizes, layer_of, contents = tree.sizes, tree.layer, all_contents(layers)
    for node, path, hidden_by, cause, successor in tree.deaths:
        size, content = sizes[node], contents[node]
        layer = layer_of(node)
        if content and tree.kind(node) != REGULAR:
            content = 0
        if successor is not None:
            same = content and successor >= 0 and contents[successor] == content and sizes[successor] == size
            reason = METADATA_ONLY if same and tree.kind(successor) == REGULAR else OVERWRITTEN
        elif content:
            if hidden_by not in stored:
                index = layers[hidden_by]
                stored[hidden_by] = Counter(zip(index.sizes, index.contents, strict=True))
            # A file that is hidden by its own layer is itself one of those that the layer has.
            elsewhere = stored[hidden_by][size, content] > (layer == hidden_by)
            reason = MOVED if elsewhere else _REASONS[cause]
        else:
            reason = _REASONS[cause]
        yield WastedFile(f"/{path}", size, reason, layer, hidden_by)


def duplicate_files(layers: Sequence[LayerIndex], tree: Tree) -> Iterator[WastedFile]:
    """Live files of some size whose content is live at another path too; the lowest one is the original."""
    files = tree.files(DUPLICATE_BYTES)  # two links to one inode are no duplicates
    contents = all_contents(layers)
    originals: set[tuple[int, int]] = set()
    for path, node in sorted(files.items(), key=itemgetter(1)):
        identity = tree.sizes[node], contents[node]
        if identity in originals:
            yield WastedFile(f"/{path}", tree.sizes[node], DUPLICATE, tree.layer(node), None)
        elif contents[node]:
            originals.add(identity)


def summarize(files: Sequence[WastedFile]) -> Iterator[Reclaimable]:
    """The files' bytes by reason and layers, most bytes first."""
    sums: defaultdict[tuple[str, int, int | None], list[int]] = defaultdict(lambda: [0, 0])
    for file in files:
        entry = sums[file.reason, file.stored_by, file.hidden_by]
        entry[0] += file.bytes
        entry[1] += 1
    ordered = sorted(sums.items(), key=lambda item: (-item[1][0], item[0][0], item[0][1], item[0][2] or 0))
    for (reason, stored_by, hidden_by), (size, count) in ordered:
        yield Reclaimable(reason, size, count, stored_by, hidden_by, within_stored=reason != DUPLICATE)


def all_contents(layers: Sequence[LayerIndex]) -> array[int]:
    """What is in the entries of all layers, by node: hashes, 0 for what was not read."""
    contents = array("Q")
    for layer in layers:
        contents.extend(layer.contents)
    return contents
