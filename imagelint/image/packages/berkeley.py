"""The values of a Berkeley database that is a hash: rpm's `Packages` until RHEL 8, Fedora 32 and SLES 12.

A page of metadata, then pages of buckets, whose items are keys and values by turns. A long value is an item that names
the first page of a chain. Numbers are in the byte order of the machine that wrote the file (db_page.h of Berkeley DB 4
to 6, versions 8 to 10 of the hash). No page is read twice: whatever a file says, it is gone through once.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

_MAGIC = 0x00061561
_VERSIONS = (8, 9, 10)
_META = 72 + 6 * 4 + 32 * 4  # what all kinds of databases have, six numbers, and the splits' spare pages
_HEAD = 26
_BUCKETS = (2, 13)  # pages whose items are in the order in which they came, or in that of their keys
_OVERFLOW = 7
_HERE, _ELSEWHERE = 1, 3  # items: what they hold stands behind their first byte, or in a chain of pages
_LEAST, _MOST = 512, 65536  # a page's size


def values(content: bytes) -> Iterator[bytes]:
    """The values with a key of four bytes that is no zero (rpm's counter has that), in no order that means anything.

    They have no more bytes than the file has together. Those that are broken are left out, as are all where the file is
    none.
    """
    order = next((each for each in "<>" if content[12:16] == Struct(f"{each}I").pack(_MAGIC)), None)
    if order is not None and len(content) >= _META:
        yield from _Hash(content, order)


class _Hash:
    """A database, gone through once."""

    def __init__(self, content: bytes, order: str) -> None:
        self._content = content
        version, self._size = Struct(f"{order}II").unpack_from(content, 16)
        (self._last_bucket,) = Struct(f"{order}I").unpack_from(content, 72)
        self._spares = Struct(f"{order}32I").unpack_from(content, 96)
        sane = version in _VERSIONS and _LEAST <= self._size <= _MOST and self._size & (self._size - 1) == 0
        # A byte a page: whether it may still be read. The page of metadata is none, nor one that is cut off.
        self._unread = bytearray(b"\1") * (len(content) // self._size if sane else 0)
        self._unread[:1] = bytes(min(1, len(self._unread)))
        self._header = Struct(f"{order}8xI4xIHHxB")  # number, next page, items, length of what is here, type
        self._items, self._chain = f"{order}%dH", Struct(f"{order}4xII")

    def __iter__(self) -> Iterator[bytes]:
        for bucket in range(min(self._last_bucket + 1, len(self._unread))):
            page = bucket + self._spares[bucket.bit_length()] if bucket.bit_length() < len(self._spares) else 0
            while (found := self._page(page)) is not None:
                start, page, items, _, kind = found
                if kind not in _BUCKETS:
                    break
                yield from self._values(start, items)

    def _page(self, number: int) -> tuple[int, int, int, int, int] | None:
        """Where a page begins, the next page, its number of items, its length, its type; None for one that is none."""
        if number >= len(self._unread) or not self._unread[number]:
            return None
        self._unread[number] = 0
        start = number * self._size
        itself, following, items, length, kind = self._header.unpack_from(self._content, start)
        return (start, following, items, length, kind) if itself == number else None

    def _values(self, start: int, items: int) -> Iterator[bytes]:
        """The values on a page, which is filled from its end: each item lies before the last one."""
        items = min(items, (self._size - _HEAD) // 2)
        places = Struct(self._items % items).unpack_from(self._content, start + _HEAD)
        end = self._size
        key = b""
        for number, place in enumerate(places):
            if not _HEAD + 2 * items <= place < end:
                return
            item = self._content[start + place : start + end]
            end = place
            if number % 2 == 0:
                key = item
            elif key[0] == _HERE and len(key) == 5 and any(key[1:]):
                if item[0] == _HERE:
                    yield item[1:]
                elif item[0] == _ELSEWHERE and len(item) == self._chain.size:
                    yield from self._chained(*self._chain.unpack(item))

    def _chained(self, page: int, length: int) -> Iterator[bytes]:
        """The value in a chain of pages, where it is as long as it should be."""
        parts: list[bytes] = []
        while length and (found := self._page(page)) is not None:
            start, page, _, here, kind = found
            if kind != _OVERFLOW or here > min(length, self._size - _HEAD):
                return
            parts.append(self._content[start + _HEAD : start + _HEAD + here])
            length -= here
        if parts and not length:
            yield b"".join(parts)
