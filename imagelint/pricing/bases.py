"""Base images: how much of an image is its base's, and what it would weigh on another one."""

from __future__ import annotations

from collections.abc import Sequence

from imagelint.image.model import Image
from imagelint.records import NamedTuple


class Candidate(NamedTuple):
    """Another base image, compared like for like: its bytes, and those of the image with its own layers on it.

    Sizes are layer bytes, and compressed bytes where both images' sources have them; `image_bytes` and
    `image_compressed` are None where it is not known which layers are the base's now.
    """

    reference: str
    layer_bytes: int
    compressed_bytes: int | None
    image_bytes: int | None
    image_compressed: int | None


def shared_layers(image: Image, base: Image) -> int:
    """How many of the lowest layers are the base image's, by their diff_ids; 0 where it is not built on that."""
    theirs = [layer.diff_id for layer in base.layers]
    own = [layer.diff_id for layer in image.layers]
    return len(theirs) if own[: len(theirs)] == theirs else 0


def compared(image: Image, base_layers: int | None, others: Sequence[Image]) -> list[Candidate]:
    """What the image's own layers would weigh on other bases, the lightest first."""
    own = image.layers[base_layers:] if base_layers is not None else None
    own_bytes = sum(layer.layer_bytes for layer in own) if own is not None else None
    own_compressed = _sum([layer.compressed_bytes for layer in own]) if own is not None else None
    found = []
    for other in others:
        size = sum(layer.layer_bytes for layer in other.layers)
        compressed = _sum([layer.compressed_bytes for layer in other.layers])
        found.append(
            Candidate(
                other.reference,
                size,
                compressed,
                None if own_bytes is None else own_bytes + size,
                None if own_compressed is None or compressed is None else own_compressed + compressed,
            )
        )
    return sorted(found, key=lambda each: (each.layer_bytes, each.reference))


def _sum(sizes: Sequence[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
