"""The bytes of a tar as they come in, in chunks, and the content of the entry that is its turn.

Content is never kept: it is skipped, hashed or handed on in pieces of the chunks that came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from xxhash import xxh3_64, xxh3_64_intdigest

from imagelint.errors import BrokenImageError

Chunk = bytes | memoryview

BLOCK_BYTES = 512


class ContentReader:
    """Where a tar has been read to, and what is left of the current entry's content."""

    def __init__(self, chunks: Iterable[Chunk], skip: Callable[[int], None] | None) -> None:
        self._chunks = iter(chunks)
        self._skip_source = skip
        self._view = memoryview(b"")
        self._at = 0
        self._start = 0  # of the view, in the tar
        self._size = 0  # bytes of the current entry's content that have not been taken
        self._padding = 0  # bytes from the end of that content to the next header

    def content(self) -> Iterator[memoryview]:
        """The current entry's content, as pieces of the chunks that came in; what is left of it is passed over."""
        while self._size:
            if self._at == len(self._view):
                self._next_chunk()
            piece = self._view[self._at : self._at + self._size]
            self._at += len(piece)
            self._size -= len(piece)
            yield piece

    def content_hash(self) -> int:
        """XXH3 (64 bits) of the current entry's content, which tells files apart that differ by chance.

        It is not cryptographic: whoever means to can make two files that have the same.
        """
        size, at = self._size, self._at
        end = at + size
        if end <= len(self._view):
            self._at = end
            self._size = 0
            return xxh3_64_intdigest(self._view[at:end])
        state = xxh3_64()
        for piece in self.content():
            state.update(piece)
        return state.intdigest()

    def hash_at_hand(self) -> int:
        """What `content_hash` gives, of content that has come in as a whole already; else 0, and nothing is taken."""
        at = self._at
        end = at + self._size
        return xxh3_64_intdigest(self._view[at:end]) if end <= len(self._view) else 0

    def begins_with(self, magic: bytes) -> bool:
        """Whether the current entry's content begins so; nothing is taken."""
        size = len(magic)
        if self._size < size:
            return False
        while len(self._view) - self._at < size:
            at = self._at
            chunk = next(self._chunks, None)
            if chunk is None:
                raise BrokenImageError("the tar ends in the middle of an entry")
            self._start += at
            self._view = memoryview(bytes(self._view[at:]) + bytes(chunk))
            self._at = 0
        view, at = self._view, self._at
        return view[at] == magic[0] and view[at : at + size] == magic

    @property
    def end(self) -> int:
        """How many bytes of the tar lie before the next entry, as long as nothing of this one's content was taken."""
        return self._start + self._at + self._size + self._padding

    @property
    def ahead(self) -> int:
        """How many bytes have come in that were not taken: where a source is, less where the reader is."""
        return len(self._view) - self._at

    def drain(self) -> None:
        """Reads what follows the end of the tar, so that a digest covers every byte of the stream."""
        self._view = memoryview(b"")
        self._at = 0
        for _ in self._chunks:
            pass

    def _next_chunk(self) -> None:
        self._start += len(self._view)
        for chunk in self._chunks:
            if len(chunk):
                self._view = memoryview(chunk)
                self._at = 0
                return
        raise BrokenImageError("the tar ends in the middle of an entry")

    def _refill(self) -> bool:
        """Makes a whole header available; False at an end between two entries."""
        parts: list[Chunk] = [self._view[self._at :]]
        have = len(parts[0])
        while have < BLOCK_BYTES:
            chunk = next(self._chunks, None)
            if chunk is None:
                if have:
                    raise BrokenImageError("the tar ends in the middle of a header")
                return False
            parts.append(chunk)
            have += len(chunk)
        self._start += self._at
        # The usual case copies nothing: chunks are a multiple of a tar's block.
        self._view = memoryview(parts[-1] if len(parts) == 2 and not parts[0] else b"".join(parts))
        self._at = 0
        return True

    def _set_content(self, size: int) -> None:
        self._size = size
        self._padding = -size % BLOCK_BYTES

    def _pass_over(self) -> None:
        count = self._size + self._padding
        self._size = self._padding = 0
        while count:
            have = len(self._view) - self._at
            if count <= have:
                self._at += count
                return
            count -= have
            if self._skip_source is not None:
                self._skip_source(count)
                self._start += len(self._view) + count
                self._view = memoryview(b"")
                self._at = 0
                return
            self._next_chunk()

    def _take(self, size: int) -> bytes:
        """The whole content of a meta entry or the next `size` bytes, bounded by the caller."""
        self._size = size
        return b"".join(self.content())

    def _state(self) -> tuple[memoryview, int, int, int, int, int]:
        """The view, its length and place, where the current entry's content goes on, its size, and the next header."""
        at, size = self._at, self._size
        return self._view, len(self._view), self._start, at, size, at + size + self._padding

    def _reach(self, at: int) -> bool:
        """Makes the header available that begins at a place, counted from the view's; False at the tar's end."""
        self._at = min(at, len(self._view))
        self._size, self._padding = at - self._at, 0
        self._pass_over()
        return len(self._view) - self._at >= BLOCK_BYTES or self._refill()
