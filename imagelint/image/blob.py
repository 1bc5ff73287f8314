"""From a layer's blob to its index: decompressed by what it begins with, bounded, and hashed while it passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from importlib import import_module
from itertools import chain

from imagelint.errors import BrokenImageError, InputError
from imagelint.image.elf import ReadAt
from imagelint.image.index import LayerIndex, index_layer
from imagelint.image.limits import DEFAULT_LIMITS, MIB, Limits
from imagelint.image.tar import TarReader
from imagelint.image.tar_content import Chunk
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_INPUT_BYTES, _SMALL_BYTES = 128 * 1024, 16 * 1024


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
    start, chunks = peek(chunks, len(ZSTD_MAGIC))
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
        self._hash = sha256() if hashed else None

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._chunks:
            self.bytes += len(chunk)
            if self._limit is not None and self.bytes > self._limit:
                raise BrokenImageError(f"the layer has more than {self._limit:,} bytes")
            if self._hash is not None:
                self._hash.update(chunk)
            yield chunk

    @property
    def digest(self) -> str | None:
        """`sha256:…` of what has passed, None where it was not hashed."""
        return None if self._hash is None else f"sha256:{self._hash.hexdigest()}"


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


def is_compressed(start: bytes) -> bool:
    """Whether a stream that begins so is compressed, by its magic number and never by its name."""
    return start.startswith((GZIP_MAGIC, ZSTD_MAGIC))


def decompressed(start: bytes, chunks: Iterable[Chunk]) -> Iterator[bytes]:
    """The bytes that a compressed stream beginning with `start` stands for, in chunks of at most a MiB."""
    if start.startswith(GZIP_MAGIC):
        return _gunzip(chunks)
    return _unzstd(chunks, _zstd())


def unpacked(chunks: Iterable[Chunk], limits: Limits = DEFAULT_LIMITS) -> Iterable[Chunk]:
    """The tar in a blob, plain or compressed, within the limit of a layer's bytes."""
    start, chunks = peek(chunks, len(ZSTD_MAGIC))
    return Meter(
        decompressed(start, chunks) if is_compressed(start) else chunks, hashed=False, limit=limits.layer_bytes
    )


def _inflate() -> Any:
    """ISA-L's zlib, which is more than twice as fast as the standard library's; that where there is no wheel of it."""
    try:
        return import_module("isal.isal_zlib")
    except ImportError:
        return import_module("zlib")


def _zstd() -> Any:
    """The standard library's module from Python 3.14 on, its backport before; imported for images that need it."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise InputError("a layer is compressed with zstd", hint="pip install backports.zstd")


def _unzstd(chunks: Iterable[Chunk], zstd: Any) -> Iterator[bytes]:
    """RFC 8878: one frame after another; what is skippable is skipped."""
    frame, inputs = None, _Inputs(chunks)
    for data in inputs:
        while data:
            frame = frame or zstd.ZstdDecompressor()
            try:
                unpacked = frame.decompress(data, MIB)
                while unpacked:
                    yield unpacked
                    unpacked = b"" if frame.eof or frame.needs_input else frame.decompress(b"", MIB)
            except zstd.ZstdError as error:
                raise BrokenImageError(f"the zstd stream is corrupt ({error})") from None
            data = b""
            if frame.eof:
                data, frame, inputs.step = frame.unused_data, None, _SMALL_BYTES
    if frame is not None:
        raise BrokenImageError("the zstd stream ends too early")


def _gunzip(chunks: Iterable[Chunk]) -> Iterator[bytes]:
    """RFC 1952: one member after another; zeros that pad the last one are passed over, as gzip does."""
    member, inflate, inputs = None, _inflate(), _Inputs(chunks)
    try:
        for data in inputs:
            while data := (data if member else data.lstrip(b"\0")):
                member = member or inflate.decompressobj(wbits=31)
                if unpacked := member.decompress(data, MIB):
                    yield unpacked
                data = member.unconsumed_tail
                if member.eof:
                    data, member, inputs.step = member.unused_data, None, _SMALL_BYTES
        # The last bytes may come out only when asked for once more.
        while member and (unpacked := member.decompress(b"", MIB)):
            yield unpacked
    except inflate.error as error:
        raise BrokenImageError(f"the gzip stream is corrupt ({error})") from None
    if member and not member.eof:
        raise BrokenImageError("the gzip stream ends too early")


class _Inputs:
    """A compressed stream in pieces of `step` bytes at most.

    What follows a member or a frame is copied for each of them, and there may be very many: where there is more than
    one, the pieces are to be small.
    """

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        self._chunks = chunks
        self.step = _INPUT_BYTES

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            at = 0
            while at < len(chunk):
                piece = bytes(chunk[at : at + self.step])
                at += len(piece)
                yield piece
