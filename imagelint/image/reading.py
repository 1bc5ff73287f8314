"""From a reference to an `Image`: found, opened, its layers read or known, and held against their digests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from imagelint.errors import BrokenImageError
from imagelint.image.blob import Blob
from imagelint.image.config import ImageConfig
from imagelint.image.index import LayerIndex
from imagelint.image.lazy import hash_candidates
from imagelint.image.limits import DEFAULT_LIMITS, Limits
from imagelint.image.model import Image, Layer
from imagelint.image.reference import find_source
from imagelint.image.sources.interface import (
    Documents,
    NoDocuments,
    Notice,
    OpenImage,
    Progress,
    Reading,
    StoredLayer,
)
from imagelint.image.tree import Tree
from imagelint.records import Protocol, cached_property


class LayerCache(Protocol):
    """Indexes of layers that were read before, by diff_id, and the documents of images."""

    @property
    def documents(self) -> Documents:
        """Manifests and configurations by digest."""

    def get(self, diff_id: str) -> LayerIndex | None:
        """The index of the layer that hashes to `diff_id`, contents hashed; None where it is not known."""

    def put(self, diff_id: str, index: LayerIndex) -> None:
        """Keeps an index. Only for a layer all of whose bytes were read, and hashed to that diff_id."""


class OpenedImage:
    """An image that has been found, its source still open, for whoever wants to see what is in its files."""

    def __init__(self, reference: str, source: OpenImage, reading: Reading, cache: LayerCache | None) -> None:
        self.source = source
        self._reference = reference
        self._reading = reading
        self._cache = cache

    @property
    def config(self) -> ImageConfig:
        """Its configuration, for which no layer has to be read."""
        return self.source.config

    @cached_property
    def image(self) -> Image:
        """The image, whose layers are read when it is first asked for."""
        return _read(self._reference, self.source, self._reading, self._cache)


@contextmanager
def open_image(
    reference: str,
    *,
    verify: bool = True,
    contents: bool = True,
    progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
    platform: str | None = None,
    notice: Notice | None = None,
    plain_http: bool = False,
    every: bool = False,
    tar_split: bool = False,
    cache: LayerCache | None = None,
) -> Iterator[OpenedImage]:
    """Finds the image that `reference` names (`imagelint.image.reference` says how); reads and indexes its layers.

    `verify` compares every layer that is read with its diff_id, and its blob with its digest; without `contents` the
    files' content is not hashed, and reports tell no `metadata-only`, `moved` or `duplicate`. What is not verified is
    hashed only where a report asks for it, or with `every` throughout. With `tar_split` nothing is verified, files are
    not looked into, and a Docker engine's own records are read where it has them and lets us. `progress` is called
    with what is read, the bytes done and their total or None. A layer that `cache` knows is not read; one that was
    read whole and verified enters it. Raises an ImagelintError: UsageError, InputError, EngineError or a child.
    """
    documents = cache.documents if cache is not None else NoDocuments()
    verify, contents = verify and not tar_split, contents and not tar_split
    reading = Reading(verify, contents, limits, progress, platform, notice, documents, plain_http, every, tar_split)
    try:
        with find_source(reference).open(reading) as source:
            if tar_split and source.source != "docker":
                reading.say(f"{reference} is in no Docker engine, whose records could be read")
            yield OpenedImage(reference, source, reading, cache)
    except BrokenImageError as error:
        raise BrokenImageError(f"{reference}: {error.message}", hint=error.hint) from None


def read_image(
    reference: str,
    *,
    verify: bool = True,
    contents: bool = True,
    progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
    platform: str | None = None,
    notice: Notice | None = None,
    plain_http: bool = False,
    every: bool = False,
    tar_split: bool = False,
    cache: LayerCache | None = None,
) -> Image:
    """The image that `reference` names, as `open_image` reads it, its source closed again."""
    opened = open_image(
        reference,
        verify=verify,
        contents=contents,
        progress=progress,
        limits=limits,
        platform=platform,
        notice=notice,
        plain_http=plain_http,
        every=every,
        tar_split=tar_split,
        cache=cache,
    )
    with opened as found:
        return found.image


def _read(reference: str, source: OpenImage, reading: Reading, cache: LayerCache | None) -> Image:
    config, stored = source.config, source.layers
    if len(stored) > reading.limits.layers:
        raise BrokenImageError(f"the image has {len(stored):,} layers; {reading.limits.layers:,} are allowed")
    if len(stored) != len(config.diff_ids):
        raise BrokenImageError(f"the manifest lists {len(stored)} layers, the configuration {len(config.diff_ids)}")
    indexes = _known(config, cache)
    if reading.tar_split and len(indexes) < len(set(config.diff_ids)):
        indexes = {}  # a record has other hashes of contents
    places = {diff_id: place for place, diff_id in reversed(tuple(enumerate(config.diff_ids)))}
    wanted = [place for diff_id, place in places.items() if diff_id not in indexes]
    blobs = source.index(wanted) if wanted else {}
    for place in wanted:
        blob, diff_id = blobs[place], config.diff_ids[place]
        _check(place, blob, diff_id, stored[place])
        indexes[diff_id] = blob.entries
        if cache is not None and reading.contents and blob.diff_id == diff_id:
            cache.put(diff_id, blob.entries)
    image = _assemble(reference, source, indexes, blobs, reading)
    if reading.contents and not (reading.verify or reading.every):
        entries = [layer.entries for layer in image.layers]
        image = image._replace(tree=Tree(entries, limits=reading.limits))
        assert image.tree is not None
        hash_candidates(entries, image.tree, source.read_at)
    return image


def _known(config: ImageConfig, cache: LayerCache | None) -> dict[str, LayerIndex]:
    if cache is None:
        return {}
    found = {diff_id: cache.get(diff_id) for diff_id in dict.fromkeys(config.diff_ids)}
    return {diff_id: index for diff_id, index in found.items() if index is not None}


def _check(place: int, blob: Blob, diff_id: str, stored: StoredLayer) -> None:
    """Holds what a layer's bytes hashed to, where they were hashed, against what the documents say."""
    if blob.diff_id is None:
        return
    if blob.diff_id != diff_id:
        raise BrokenImageError(f"layer {place} is not what the configuration says: it hashes to {blob.diff_id}")
    digest = blob.digest or blob.diff_id
    if stored.digest is not None and digest != stored.digest:
        raise BrokenImageError(f"layer {place} is not what its name says: its digest is {digest}")


def _assemble(
    reference: str,
    source: OpenImage,
    indexes: Mapping[str, LayerIndex],
    blobs: Mapping[int, Blob],
    reading: Reading,
) -> Image:
    """The image. The i-th history entry that is not empty belongs to the i-th layer; where there are fewer, to none."""
    config = source.config
    entries = sum(len(indexes[diff_id]) for diff_id in config.diff_ids)
    if entries > reading.limits.entries:
        raise BrokenImageError(f"the image has more than {reading.limits.entries:,} entries")
    commands = [entry for entry in config.history if not entry.empty_layer]
    layers = []
    for place, (diff_id, stored) in enumerate(zip(config.diff_ids, source.layers, strict=True)):
        digest, compressed = _stored(stored, _blob(place, config.diff_ids, blobs))
        history = commands[place] if place < len(commands) else None
        layers.append(Layer(place, diff_id, digest, compressed, history, indexes[diff_id]))
    return Image(
        reference=reference,
        source=source.source,
        id=config.id,
        platform=config.platform,
        layers=tuple(layers),
        history=config.history,
        labels=config.labels,
        verified=reading.verify,
        contents=reading.contents,
        config=config.content,
    )


def _blob(place: int, diff_ids: Sequence[str], blobs: Mapping[int, Blob]) -> Blob | None:
    """What was read of a layer: at its own place, or at that of the same layer below."""
    return blobs.get(place) or blobs.get(diff_ids.index(diff_ids[place]))


def _stored(stored: StoredLayer, blob: Blob | None) -> tuple[str | None, int | None]:
    digest, compressed = stored.digest, stored.compressed_bytes
    if blob is not None:
        digest, compressed = digest or blob.digest, blob.compressed_bytes if compressed is None else compressed
    return digest, compressed
