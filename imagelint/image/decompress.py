"""Compressed streams, told by what they begin with: gzip, zstd, xz and bzip2, piece by piece, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

from imagelint.errors import BrokenImageError, InputError
from imagelint.image.limits import MIB
from imagelint.image.tar_content import Chunk
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
XZ_MAGIC = b"\xfd7zXZ\0"
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")  # the first block, or the end of a stream that has none
#: So many bytes tell whether a stream is compressed, and how.
MAGIC_BYTES = 10
# xz's own levels take up to 65 MiB, a window as large as zstd's largest 129.
_XZ_BYTES = 160 * MIB
_INPUT_BYTES, _SMALL_BYTES = 128 * 1024, 16 * 1024


def is_compressed(start: bytes) -> bool:
    """Whether a stream that begins so is compressed, by its magic number and never by its name."""
    return start.startswith((GZIP_MAGIC, ZSTD_MAGIC, XZ_MAGIC)) or _is_bzip2(start)


def decompressed(start: bytes, chunks: Iterable[Chunk]) -> Iterator[bytes]:
    """The bytes that a compressed stream beginning with `start` stands for, in chunks of at most a MiB."""
    if start.startswith(GZIP_MAGIC):
        return _gunzip(chunks)
    if start.startswith(ZSTD_MAGIC):
        zstd = _zstd()
        return _unpack(chunks, "zstd", zstd.ZstdDecompressor, zstd.ZstdError)
    if start.startswith(XZ_MAGIC):
        lzma = _standard("lzma", "xz")
        return _unpack(chunks, "xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_BYTES), lzma.LZMAError)
    return _unpack(chunks, "bzip2", _standard("bz2", "bzip2").BZ2Decompressor, OSError)


def _is_bzip2(start: bytes) -> bool:
    """Whether a stream is bzip2's; "BZh" and a digit alone may be the name of a tar's first file."""
    return start[:3] == b"BZh" and b"1" <= start[3:4] <= b"9" and start[4:10] in _BZIP2_BLOCKS


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


def _standard(name: str, what: str) -> Any:
    """A module of the standard library that a Python may have been built without."""
    try:
        return import_module(name)
    except ImportError:
        hint = f"use a Python that has it, or decompress the archive with {what} first"
        raise InputError(
            f"the image is compressed with {what}, and this Python lacks the module {name}", hint=hint
        ) from None


def _unpack(chunks: Iterable[Chunk], what: str, start: Callable[[], Any], failure: type[Exception]) -> Iterator[bytes]:
    """One frame (RFC 8878) or stream after another; zstd skips what is skippable, zeros between xz's are passed over.

    `start` makes a decompressor of the interface that those of zstd, lzma and bz2 share.
    """
    frame, inputs = None, _Inputs(chunks)
    for data in inputs:
        while data := (data.lstrip(b"\0") if frame is None and what == "xz" else data):
            frame = frame or start()
            try:
                unpacked = frame.decompress(data, MIB)
                while unpacked:
                    yield unpacked
                    unpacked = b"" if frame.eof or frame.needs_input else frame.decompress(b"", MIB)
            except failure as error:
                if "Memory usage limit" in str(error):  # lzma has one exception for everything
                    raise BrokenImageError(f"the {what} stream needs more than {_XZ_BYTES:,} bytes of memory") from None
                raise BrokenImageError(f"the {what} stream is corrupt ({error})") from None
            data = b""
            if frame.eof:
                data, frame, inputs.step = frame.unused_data, None, _SMALL_BYTES
    if frame is not None:
        raise BrokenImageError(f"the {what} stream ends too early")


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
