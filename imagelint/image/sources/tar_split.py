"""A layer's tar out of the record that Docker keeps of it: headers and padding, and of each file's content the size.

The format is that of tar-split (github.com/vbatts/tar-split): gzip, and in it a JSON object a line. One of type 2 is a
piece of the tar as it was, one of type 1 stands for an entry, with the size of its content, which is kept elsewhere,
and its CRC-64.
"""

from __future__ import annotations

import json
from binascii import Error, a2b_base64
from collections.abc import Iterable, Iterator
from typing import Any

from imagelint.errors import BrokenImageError
from imagelint.image.blob import peek
from imagelint.image.decompress import GZIP_MAGIC, decompressed
from imagelint.image.limits import MIB, Limits
from imagelint.image.tar_content import BLOCK_BYTES, Chunk

_ENTRY, _SEGMENT = 1, 2
_SEGMENT_BEGINS, _SEGMENT_GOES_ON = '{"type":2,"payload":"', '","position":'
_LINE_BYTES = 4 * MIB  # the longest header that Go's archive/tar reads takes half of it
_ENTRY_BYTES = 2048  # of JSON, for a usual entry's two records; all of them together are bounded by it
_JOINED_BYTES = 64 * 1024
_SUM_BYTES = 8
_MOST = (1 << 63) - 1
_decode = json.JSONDecoder().raw_decode


class TarSplit:
    """The bytes of a layer's tar, in chunks, for who skips what is in its files: that is not there."""

    def __init__(self, record: Iterable[Chunk], limits: Limits) -> None:
        self.sums: dict[int, int] = {}
        """By the place in the tar at which a file's content begins: its checksum, for what was passed over so far."""
        self._pieces = _pieces(record, limits)
        self._raw = b""  # what comes next
        self._hole = 0  # and how many bytes of content after it
        self._bytes = 0
        self._limit = limits.layer_bytes

    def __iter__(self) -> Iterator[Chunk]:
        while self._raw or self._pull():
            if not self._raw:
                raise BrokenImageError("its record has content where a header should be")
            raw, self._raw = self._raw, b""
            yield raw

    def skip(self, count: int) -> None:
        """Passes over a file's content and padding, which have to be as many bytes as the record says."""
        if self._raw or count != self._hole + -self._hole % BLOCK_BYTES:
            raise BrokenImageError("its record and the headers in it give different sizes")
        count -= self._hole
        self._hole = 0
        while count:
            if not self._raw and not self._pull():
                raise BrokenImageError("its record ends too early")
            passed = min(count, len(self._raw))
            if not passed:
                raise BrokenImageError("its record lacks a file's padding")
            self._raw = self._raw[passed:]
            count -= passed

    def _pull(self) -> bool:
        """Goes on to the next piece; False at the end."""
        if self._hole:
            raise BrokenImageError("its record has content where a header should be")
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._raw, self._hole, checksum = piece
        self._bytes += len(self._raw) + self._hole
        if checksum:
            self.sums[self._bytes - self._hole] = checksum
        if self._bytes > self._limit:
            raise BrokenImageError(f"the layer has more than {self._limit:,} bytes")
        return True


def _pieces(record: Iterable[Chunk], limits: Limits) -> Iterator[tuple[bytes, int, int]]:
    """Bytes of the tar, how many bytes of content follow on them, and what these sum to; never neither."""
    parts: list[bytes] = []
    have = 0
    for line in _lines(record, limits):
        # Half of the lines are these, as Docker writes them: a payload in base64 ends at the next quote.
        if line.startswith(_SEGMENT_BEGINS):
            end = line.find('"', len(_SEGMENT_BEGINS))
            if line.startswith(_SEGMENT_GOES_ON, end):
                part, size, checksum = _decoded(line[len(_SEGMENT_BEGINS) : end]), 0, 0
            else:
                part, size, checksum = _record(line)
        else:
            part, size, checksum = _record(line)
        if part:
            parts.append(part)
            have += len(part)
        if size or have >= _JOINED_BYTES:
            yield b"".join(parts), size, checksum
            parts.clear()
            have = 0
    if parts:
        yield b"".join(parts), 0, 0


def _record(line: str) -> tuple[bytes, int, int]:
    """What a line stands for: bytes of the tar, or so many of content and their sum."""
    record: Any
    try:
        record, end = _decode(line)
    except (ValueError, RecursionError):
        end = -1
    if end != len(line):
        raise BrokenImageError("its record is not JSON")
    kind = record.get("type") if isinstance(record, dict) else None
    payload = record.get("payload") if kind else None
    if payload is None or isinstance(payload, str):
        content = _decoded(payload) if payload else b""
        if kind == _SEGMENT:
            return content, 0, 0
        size = record.get("size", 0) if kind == _ENTRY else None
        if type(size) is int and 0 <= size <= _MOST and len(content) in (0, _SUM_BYTES):
            return b"", size, int.from_bytes(content) if size else 0
    raise BrokenImageError("its record is none of tar-split's")


def _decoded(payload: str) -> bytes:
    try:
        return a2b_base64(payload, strict_mode=True)
    except (Error, ValueError):
        raise BrokenImageError("its record has a payload that is not base64") from None


def _lines(record: Iterable[Chunk], limits: Limits) -> Iterator[str]:
    """The lines of a record, unpacked as they are asked for."""
    start, chunks = peek(record, len(GZIP_MAGIC))
    if start != GZIP_MAGIC:
        raise BrokenImageError("its record is not compressed with gzip")
    parts: list[str] = []  # of a line whose end has not come yet; they may be very many
    length = 0
    room = limits.entries * _ENTRY_BYTES
    for chunk in decompressed(start, chunks):
        room -= len(chunk)
        if room < 0:
            raise BrokenImageError(f"its record has more than {limits.entries * _ENTRY_BYTES:,} bytes")
        # Whatever is not ASCII is in a name, which nobody reads; and a chunk may end within a character.
        first, *lines = chunk.decode("latin-1").split("\n")
        parts.append(first)
        length += len(first)
        if length > _LINE_BYTES:
            raise BrokenImageError(f"its record has a line of more than {_LINE_BYTES:,} bytes")
        if lines:
            lines.insert(0, "".join(parts))
            parts = [lines.pop()]
            length = len(parts[0])
            yield from filter(None, lines)
    if length:
        yield "".join(parts)
