"""A range of a file as chunks, for readers that can also jump ahead; and chunks of a size that is worth the while."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from imagelint.errors import BrokenImageError
from imagelint.image.tar_content import Chunk

CHUNK_BYTES = 128 * 1024


class FileRegion:
    """The bytes `start` to `stop` of an open file, in chunks; several may read one file at the same time.

    `passed` is called with the number of bytes that were read or skipped.
    """

    def __init__(
        self,
        descriptor: int,
        start: int,
        stop: int,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        passed: Callable[[int], None] | None = None,
    ) -> None:
        self.position = start
        self._start = start
        self._descriptor = descriptor
        self._stop = stop
        self._chunk_bytes = chunk_bytes
        self._passed = passed

    def __iter__(self) -> Iterator[Chunk]:
        while self.position < self._stop:
            chunk = os.pread(self._descriptor, min(self._chunk_bytes, self._stop - self.position), self.position)
            if not chunk:
                raise BrokenImageError("the file ends too early")
            self.skip(len(chunk))
            yield chunk

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes at any place, as many as there are, without moving ahead."""
        at = self._start + offset
        return os.pread(self._descriptor, max(min(length, self._stop - at), 0), at) if offset >= 0 else b""

    def skip(self, count: int) -> None:
        """Jumps ahead; past the end is an error, as reading there would be."""
        if self.position + count > self._stop:
            raise BrokenImageError("the file ends too early")
        self.position += count
        if self._passed is not None:
            self._passed(count)


def joined(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Chunks of `size` bytes or somewhat more, of smaller ones: an engine sends 32 KiB at a time, whatever is asked."""
    pieces: list[bytes] = []
    have = 0
    for chunk in chunks:
        pieces.append(chunk)
        have += len(chunk)
        if have >= size:
            yield b"".join(pieces)
            pieces.clear()
            have = 0
    if pieces:
        yield b"".join(pieces)
