"""What findings cost in the blobs that are pushed and pulled: measured by compressing their layers without them.

Compressed bytes do not add up: what a file costs hangs on what stands around it. So a layer is compressed as it is, and
once for each finding without its entries; the difference is the finding's price. gzip at its usual level is what the
engines push with; zstd and other levels give other numbers, of the same order.
"""

from __future__ import annotations

import os
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from imagelint.image.tar import TarReader
from imagelint.image.tar_content import Chunk
from imagelint.pricing.ledger import Ledger, Nodes
from imagelint.pricing.prices import Bill, Charge

if TYPE_CHECKING:
    from imagelint.pricing.assessment import Tar

_LEVEL = 6
_PIECE = 1 << 20

Ranges = list[tuple[int, int]]
"""Bytes of a tar, `start` to `stop`, in order."""


def measured(bill: Bill, ledger: Ledger, tar: Tar) -> Bill:
    """The bill with the compressed bytes of every finding that is priced."""
    saved: defaultdict[int, int] = defaultdict(int)
    by_layer: defaultdict[int, list[int]] = defaultdict(list)
    for number, charge in enumerate(bill.charges):
        for layer in ledger.layers(charge.nodes):
            by_layer[layer].append(number)
    for layer, numbers in sorted(by_layer.items()):
        for number, size in zip(
            numbers, _saved(ledger, layer, [bill.charges[each].nodes for each in numbers], tar), strict=True
        ):
            saved[number] += size
    return Bill(tuple(_priced(charge, saved[number]) for number, charge in enumerate(bill.charges)), bill.total)


def _priced(charge: Charge, saved: int) -> Charge:
    price = charge.finding.price
    if price is None or price.layer_bytes is None:
        return charge
    return Charge(charge.finding._replace(price=price._replace(compressed_bytes=max(saved, 0))), charge.nodes)


def _saved(ledger: Ledger, layer: int, charged: Sequence[Nodes], tar: Tar) -> Iterator[int]:
    """By how many bytes a compressed layer is smaller without each of the sets of entries."""
    start = ledger.tree.start(layer)
    with tar(layer) as chunks:
        extents = _extents(chunks)
    dropped = [[extents[node - start] for node in sorted(nodes) if node in ledger.nodes(layer)] for nodes in charged]
    with tar(layer) as chunks:
        whole, *without = _compressed(chunks, [[], *dropped])
    return (whole - size for size in without)


def _extents(chunks: Iterable[Chunk]) -> Ranges:
    """Where each entry of a tar stands, its header and its padding included, by row."""
    reader = TarReader(chunks)
    extents, before = [], 0
    while reader.read() is not None:
        extents.append((before, reader.end))
        before = reader.end
    reader.drain()
    return extents


def _compressed(chunks: Iterable[Chunk], drops: Sequence[Ranges]) -> list[int]:
    """The size of a stream compressed without some of its bytes, for each list of them."""
    runs = [_Run(ranges) for ranges in drops]
    # Compressing lets other threads run; the pieces are the same for all of them.
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        at = 0
        for piece in _pieces(chunks):
            for _ in threads.map(lambda run, at=at, piece=piece: run.take(at, piece), runs):
                pass
            at += len(piece)
    return [run.finish() for run in runs]


def _pieces(chunks: Iterable[Chunk]) -> Iterator[memoryview]:
    """The stream in larger pieces, so that a thread has something to do."""
    parts: list[Chunk] = []
    size = 0
    for chunk in chunks:
        parts.append(bytes(chunk))
        size += len(chunk)
        if size >= _PIECE:
            yield memoryview(b"".join(parts))
            parts, size = [], 0
    if parts:
        yield memoryview(b"".join(parts))


class _Run:
    """One compression of a stream, with some bytes left out."""

    def __init__(self, dropped: Ranges) -> None:
        self.size = 0
        self._dropped = dropped
        self._next = 0
        self._compress = zlib.compressobj(_LEVEL, wbits=31)

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
