"""From a layer's blob to its index: decompressed by what it begins with, bounded, and hashed while it passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from imagelint.errors import BrokenImageError
from imagelint.image.decompress import MAGIC_BYTES, decompressed, is_compressed
from imagelint.image.elf import ReadAt
from imagelint.image.hashing import Hasher
from imagelint.image.index import LayerIndex, index_layer
from imagelint.image.limits import DEFAULT_LIMITS, Limits
from imagelint.image.tar import TarReader
from imagelint.image.tar_content import Chunk
from imagelint.records import NamedTuple


class Blob(NamedTuple):
    """A layer that has been read: its index, and what its bytes hashed to.

    `diff_id` is the digest of the uncompressed tar, None where nothing was to be verified. `digest` and
    `compressed_bytes` are those of the blob as it was stored, None where it was stored uncompressed.
    """

    entries: LayerIndex
    diff_id: str | None
    digest: str | None
    compressed_bytes: int | None


def read_layer(
    chunks: Iterable[Chunk],
    *,
    verify: bool = True,
    contents: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    entries_before: int = 0,
    skip: Callable[[int], None] | None = None,
    read_at: ReadAt | None = None,
) -> Blob:
    """Indexes a layer's blob, plain or compressed.

    With `verify` the bytes are hashed, for the caller to compare. `skip` passes over bytes of a source that can seek,
    and `read_at` reads it at any place; they are used where a plain tar is not to be verified. Then `contents` are left
    to be hashed by who knows which are asked for.
    """
    start, chunks = peek(chunks, MAGIC_BYTES)
    compressed = is_compressed(start)
    stored, unpacked = Meter(chunks, hashed=verify and compressed), chunks
    if compressed:
        unpacked = decompressed(start, stored)
    tar = Meter(unpacked, hashed=verify, limit=limits.layer_bytes)
    seekable = skip is not None and not (compressed or verify)
    reader = TarReader(tar, skip=skip if seekable else None, trusting=not verify)
    entries = index_layer(
        reader,
        contents=contents,
        limits=limits,
        entries_before=entries_before,
        read_at=read_at if seekable else None,
    )
    if not seekable:
        reader.drain()
    return Blob(entries, tar.digest, stored.digest, stored.bytes if compressed else None)


class Meter:
    """Passes chunks on; counts them, hashes them with SHA-256 where asked to, and stops at a limit of bytes."""

    def __init__(self, chunks: Iterable[Chunk], *, hashed: bool, limit: int | None = None) -> None:
        self.bytes = 0
        self._chunks = chunks
        self._limit = limit
        self._hasher = Hasher() if hashed else None

    def __iter__(self) -> Iterator[Chunk]:
        hasher = self._hasher
        try:
            for chunk in self._chunks:
                self.bytes += len(chunk)
                if self._limit is not None and self.bytes > self._limit:
                    raise BrokenImageError(f"the layer has more than {self._limit:,} bytes")
                if hasher is not None:
                    hasher.update(chunk)
                yield chunk
        finally:
            if hasher is not None:
                hasher.end()

    @property
    def digest(self) -> str | None:
        """`sha256:…` of what has passed, None where it was not hashed."""
        return None if self._hasher is None else f"sha256:{self._hasher.hexdigest()}"


def peek(chunks: Iterable[Chunk], size: int) -> tuple[bytes, Iterator[Chunk]]:
    """The first `size` bytes (fewer where there are no more), and all the chunks, these bytes included."""
    chunks = iter(chunks)
    start = b""
    while len(start) < size:
        chunk = next(chunks, None)
        if chunk is None:
            break
        start = bytes(chunk) if not start else start + bytes(chunk)
    return start[:size], chain((start,) if start else (), chunks)


def unpacked(chunks: Iterable[Chunk], limits: Limits = DEFAULT_LIMITS) -> Iterable[Chunk]:
    """The tar in a blob, plain or compressed, within the limit of a layer's bytes."""
    start, chunks = peek(chunks, MAGIC_BYTES)
    return Meter(
        decompressed(start, chunks) if is_compressed(start) else chunks, hashed=False, limit=limits.layer_bytes
    )
