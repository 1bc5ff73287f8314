"""The image half's two steps: `read_image` finds an image and reads its layers, `analyze` says what its bytes are."""

from __future__ import annotations

from heapq import nsmallest

from imagelint.image.compat import dive_numbers
from imagelint.image.history import command, is_root_file_system
from imagelint.image.limits import DEFAULT_LIMITS, Limits
from imagelint.image.model import Image
from imagelint.image.reference import find_source
from imagelint.image.report import ImageSummary, LayerReport, PathSize, Report
from imagelint.image.sources.interface import Progress, Reading
from imagelint.image.tree import Tree
from imagelint.image.waste import duplicate_files, hidden_files, summarize

LARGEST_FILES = 20


def read_image(
    reference: str,
    *,
    verify: bool = True,
    contents: bool = True,
    progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Image:
    """Reads the image that `reference` names (`imagelint.image.reference` says how) and indexes its layers.

    `verify` compares every layer with its diff_id while it is read; without `contents` the files' content is not
    hashed, and reports tell no `metadata-only`, `moved` or `duplicate`. `progress` is called with what is read, the
    bytes done and their total or None. Raises an ImagelintError: UsageError, InputError, EngineError or a child.
    """
    return find_source(reference).read(Reading(verify, contents, limits, progress))


def analyze(image: Image) -> Report:
    """Merges an image's layers and weighs what is live, what is hidden, and why."""
    indexes = [layer.entries for layer in image.layers]
    tree = Tree(indexes)
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
