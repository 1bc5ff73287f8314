"""What findings cost in the blobs that are pushed and pulled: measured by compressing their layers without them.

Compressed bytes do not add up: what a file costs hangs on what stands around it. So a layer is compressed as it is, and
once for each finding without its entries; the difference is the finding's price. gzip at its usual level is what the
engines push with; zstd and other levels give other numbers, of the same order.
"""

from __future__ import annotations

import os
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from imagelint.image.tar import TarReader
from imagelint.image.tar_content import Chunk
from imagelint.pricing.ledger import Ledger, Nodes
from imagelint.pricing.prices import Bill, Charge

if TYPE_CHECKING:
    from imagelint.pricing.assessment import Tars

_LEVEL = 6
_PIECE = 1 << 20

Ranges = list[tuple[int, int]]
"""Bytes of a tar, `start` to `stop`, in order."""


def measured(bill: Bill, ledger: Ledger, tars: Tars) -> Bill:
    """The bill with the compressed bytes of every finding that is priced. Each tar that is asked for is read once."""
    saved: defaultdict[int, int] = defaultdict(int)
    by_layer: defaultdict[int, list[int]] = defaultdict(list)
    for number, charge in enumerate(bill.charges):
        for layer in ledger.layers(charge.nodes):
            by_layer[layer].append(number)
    for layers, chunks in tars(by_layer):
        charged = [(layer, number) for layer in layers for number in by_layer[layer]]
        rows = [_rows(ledger, layer, bill.charges[number].nodes) for layer, number in charged]
        whole, *without = _compressed(chunks, [frozenset(), *rows])
        for (_, number), size in zip(charged, without, strict=True):
            saved[number] += whole - size
    return Bill(tuple(_priced(charge, saved[number]) for number, charge in enumerate(bill.charges)), bill.total)


def _priced(charge: Charge, saved: int) -> Charge:
    price = charge.finding.price
    if price is None or price.layer_bytes is None:
        return charge
    return Charge(charge.finding._replace(price=price._replace(compressed_bytes=max(saved, 0))), charge.nodes)


def _rows(ledger: Ledger, layer: int, nodes: Nodes) -> frozenset[int]:
    """The rows that entries have in a layer's tar."""
    start, here = ledger.tree.start(layer), ledger.nodes(layer)
    return frozenset(node - start for node in nodes if node in here)


def _compressed(chunks: Iterable[Chunk], drops: Sequence[frozenset[int]]) -> list[int]:
    """The size of a tar compressed without some of its entries, headers and padding included, for each set of rows.

    The tar passes once, since an engine exports a whole image for it: what has been seen of it waits until the entry
    that it belongs to is known.
    """
    runs = [_Run(rows) for rows in drops]
    # Compressing lets other threads run; the pieces are the same for all of them.
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:

        def feed(at: int, piece: memoryview) -> None:
            for _ in threads.map(lambda run: run.take(at, piece), runs):
                pass

        seen = _Seen(chunks, feed)
        reader = TarReader(seen)
        row, before = 0, 0
        while reader.read() is not None:
            for run in runs:
                run.entry(row, before, reader.end)
            row, before = row + 1, reader.end
            seen.known = before
        reader.drain()
        seen.finish()
    return [run.finish() for run in runs]


class _Seen:
    """A stream that is handed on a second time, in pieces that are worth a thread's while, as far as it is `known`."""

    def __init__(self, chunks: Iterable[Chunk], feed: Callable[[int, memoryview], None]) -> None:
        self.known = 0
        self._chunks = chunks
        self._feed = feed
        self._waiting = bytearray()
        self._at = 0

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._chunks:
            self._waiting += chunk
            if min(self.known - self._at, len(self._waiting)) >= _PIECE:
                self._hand_on(self.known - self._at)
            yield chunk

    def finish(self) -> None:
        """Hand on what is left: nothing belongs to an entry any more."""
        self._hand_on(len(self._waiting))

    def _hand_on(self, count: int) -> None:
        piece = bytes(self._waiting[:count])
        del self._waiting[:count]
        self._feed(self._at, memoryview(piece))
        self._at += len(piece)


class _Run:
    """One compression of a tar, with the entries of some rows left out."""

    def __init__(self, rows: frozenset[int]) -> None:
        self.size = 0
        self._rows = rows
        self._dropped: Ranges = []
        self._next = 0
        self._compress = zlib.compressobj(_LEVEL, wbits=31)

    def entry(self, row: int, start: int, stop: int) -> None:
        """Say where an entry stands, before any of its bytes are taken."""
        if row in self._rows:
            self._dropped.append((start, stop))

    def take(self, at: int, piece: memoryview) -> None:
        """Compress a piece that begins at a place of the stream."""
        begin, end = at, at + len(piece)
        while self._next < len(self._dropped) and self._dropped[self._next][0] < end:
            start, stop = self._dropped[self._next]
            if start > begin:
                self._feed(piece[begin - at : start - at])
            begin = max(begin, min(stop, end))
            if stop > end:
                break
            self._next += 1
        if begin < end:
            self._feed(piece[begin - at :])

    def finish(self) -> int:
        """The compressed size."""
        return self.size + len(self._compress.flush())

    def _feed(self, data: memoryview) -> None:
        self.size += len(self._compress.compress(data))
