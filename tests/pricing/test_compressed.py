"""What findings cost in compressed bytes: the layer's tar compressed with and without the entries."""

from __future__ import annotations

import random
import tarfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from imagelint.image.tar import Chunk
from imagelint.pricing import compressed
from imagelint.testing import LayerBuilder

from .images import assessed, built

APT = "var/lib/apt/lists/"
RUN = "RUN apt-get update && apt-get install -y --no-install-recommends curl"


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


#: Path and content; names longer than a header has place for need headers of their own, which go with the entry.
FILES = [
    ("usr/bin/curl", noise(300_000)),
    (f"{APT}small", b"text " * 1_000),
    (f"{APT}{'long' * 50}", noise(2_500_000)),
    (f"{APT}empty", b""),
    ("usr/lib/libcurl.so", noise(1_400_000)),
    (f"{APT}last", noise(70_000)),
]


def without_lists(tar: bytes) -> bytes:
    """The tar without what is stored for the lists, as Python's tarfile sees where that stands."""
    with tarfile.open(fileobj=BytesIO(tar)) as opened:
        members = opened.getmembers()
    starts = [each.offset for each in members]
    last = members[-1]
    ends = [*starts[1:], last.offset_data + -(-last.size // 512) * 512]
    gone = [
        (start, end)
        for each, start, end in zip(members, starts, ends, strict=True)
        if each.name.startswith(APT) and each.size
    ]
    for start, end in reversed(gone):
        tar = tar[:start] + tar[end:]
    return tar


def gzipped(tar: bytes) -> int:
    packer = zlib.compressobj(6, wbits=31)
    return len(packer.compress(tar)) + len(packer.flush())


@pytest.mark.parametrize("size", [511, 4096, 1 << 20, 1 << 30])
def test_the_price_is_what_the_tar_without_them_lacks(tmp_path: Path, size: int) -> None:
    """However the tar is cut into chunks; it passes once, since an engine exports the image for it."""
    layer = LayerBuilder()
    for path, content in FILES:
        layer.file(path, content)
    whole = layer.tar()
    found = assessed(*built([(RUN, layer)], tmp_path))
    opened = []

    def tars(layers: Collection[int]) -> Iterator[tuple[tuple[int, ...], Iterable[Chunk]]]:
        opened.extend(layers)
        yield (1,), (memoryview(whole)[at : at + size] for at in range(0, len(whole), size))

    bill = compressed.measured(found.bill, found.ledger, tars)
    price = next(each.price for each in bill.findings if each.code == "IL101")
    assert price is not None
    assert price.compressed_bytes == gzipped(whole) - gzipped(without_lists(whole))
    assert opened == [1]
