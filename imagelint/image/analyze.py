"""What an image's bytes are: its layers merged, and what is live, hidden and why."""

from __future__ import annotations

from heapq import nsmallest

from imagelint.image.compat import dive_numbers
from imagelint.image.history import command, is_root_file_system
from imagelint.image.model import Image
from imagelint.image.report import ImageSummary, LayerReport, PathSize, Report
from imagelint.image.tree import Tree
from imagelint.image.waste import duplicate_files, hidden_files, summarize

LARGEST_FILES = 20


def analyze(image: Image, tree: Tree | None = None) -> Report:
    """Merges an image's layers and weighs what is live, what is hidden, and why; `tree` are they merged already."""
    indexes = [layer.entries for layer in image.layers]
    tree = Tree(indexes) if tree is None else tree
    hidden = list(hidden_files(indexes, tree))
    waste = [*hidden, *duplicate_files(indexes, tree)]
    waste.sort(key=lambda file: (-file.bytes, file.path, file.stored_by))
    stored = sum(layer.layer_bytes for layer in image.layers)
    reclaimable = sum(file.bytes for file in hidden)
    return Report(
        image=_summary(image, stored),
        layers=tuple(_layers(image)),
        live_bytes=stored - reclaimable,
        reclaimable_bytes=reclaimable,
        reclaimable=tuple(summarize(waste)),
        waste=tuple(waste),
        largest=tuple(_largest(tree)),
        dive=dive_numbers([(layer.diff_id, layer.entries) for layer in image.layers]),
    )


def _summary(image: Image, stored: int) -> ImageSummary:
    compressed = [layer.compressed_bytes for layer in image.layers]
    known = [size for size in compressed if size is not None]
    return ImageSummary(
        reference=image.reference,
        source=image.source,
        id=image.id,
        platform=image.platform,
        layer_bytes=stored,
        compressed_bytes=sum(known) if len(known) == len(compressed) else None,
        verified=image.verified,
    )


def _layers(image: Image) -> list[LayerReport]:
    places = [place for place, entry in enumerate(image.history) if not entry.empty_layer]
    return [
        LayerReport(
            index=layer.index,
            diff_id=layer.diff_id,
            digest=layer.digest,
            command=command(layer.history),
            layer_bytes=layer.layer_bytes,
            compressed_bytes=layer.compressed_bytes,
            entries=len(layer.entries),
            base=layer.index == 0 and is_root_file_system(layer.history),
            history_index=places[layer.index] if layer.index < len(places) else None,
        )
        for layer in image.layers
    ]


def _largest(tree: Tree) -> list[PathSize]:
    files = nsmallest(LARGEST_FILES, tree.files().items(), key=lambda file: (-tree.sizes[file[0]], file[1]))
    return [PathSize(f"/{path}", tree.sizes[node], tree.place(node)[0]) for node, path in files]
