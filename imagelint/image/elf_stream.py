"""An ELF file that passes by: its hash, and what it says of itself, from the few parts of it that can say so.

Where these parts are, its program headers tell, which stand at its beginning; sections are described at its end.
"""

from __future__ import annotations

from collections.abc import Iterable

from xxhash import xxh3_64

from imagelint.image import elf
from imagelint.image.limits import MIB

HEAD_BYTES = 8 * MIB
"""Of the beginning: the string table of what is linked dynamically is in the first of what is loaded."""
_TAIL_BYTES = MIB
_SEGMENT_BYTES = 256 * 1024  # of each segment: that of Go's module is at the start of the data
_SEGMENTS = 32
_PROGRAM_BYTES = 64 * 1024  # that may tell of program headers


def read(pieces: Iterable[memoryview], size: int) -> tuple[int, elf.Elf | None]:
    """The hash of a content of `size` bytes, and what it says; None for what is no ELF file."""
    state = xxh3_64()
    windows = _Windows(size)
    for piece in pieces:
        state.update(piece)
        windows.add(piece)
    return state.intdigest(), elf.read(windows.read_at)


class _Windows:
    """The parts that are kept, by where they begin."""

    def __init__(self, size: int) -> None:
        self._at = 0
        self._known = False
        self._wanted = [(0, HEAD_BYTES), (max(size - _TAIL_BYTES, 0), size)]
        self._kept = [bytearray() for _ in self._wanted]

    def add(self, piece: memoryview) -> None:
        """Keeps what is wanted of the next bytes."""
        start, stop = self._at, self._at + len(piece)
        self._at = stop
        if not self._known and len(self._kept[0]) >= _PROGRAM_BYTES:
            self._known = True
            for _, offset, _, length in elf.segments(self.read_at)[:_SEGMENTS]:
                if offset >= start:
                    self._wanted.append((offset, offset + min(length, _SEGMENT_BYTES)))
                    self._kept.append(bytearray())
        for (begin, end), kept in zip(self._wanted, self._kept, strict=True):
            if begin < stop and end > start:
                kept += piece[max(begin - start, 0) : end - start]

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes at a place, as many as are kept there."""
        for (begin, _), kept in zip(self._wanted, self._kept, strict=True):
            if begin <= offset < begin + len(kept):
                return bytes(kept[offset - begin : offset - begin + length])
        return b""
