"""A layer's blob: bounded, hashed as it passes, and read no further than is asked for."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from importlib import import_module

from imagelint.image.blob import peek, read_layer
from imagelint.testing import LayerBuilder

from .test_decompress import pieces


def test_digests_are_those_of_all_the_bytes() -> None:
    tar = LayerBuilder().file("a", b"1").tar() + b"what follows the end"
    layer = read_layer(pieces(gzip.compress(tar, mtime=0), 100))
    sha256 = import_module("hashlib").sha256
    assert layer.diff_id == f"sha256:{sha256(tar).hexdigest()}"
    assert layer.digest == f"sha256:{sha256(gzip.compress(tar, mtime=0)).hexdigest()}"
    assert layer.compressed_bytes == len(gzip.compress(tar, mtime=0))


def test_plain_layers_have_no_digest_of_their_own() -> None:
    layer = read_layer(pieces(LayerBuilder().file("a", b"1").tar(), 512), verify=False)
    assert (layer.diff_id, layer.digest, layer.compressed_bytes) == (None, None, None)


def test_headers_alone_are_read_where_nothing_else_is_asked_for() -> None:
    file = io.BytesIO(LayerBuilder().file("a", 10_000_000).file("b", 5).tar())
    read = 0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        while chunk := file.read(4096):
            read += len(chunk)
            yield chunk

    layer = read_layer(
        chunks(), verify=False, contents=False, skip=lambda count: file.seek(count, io.SEEK_CUR) and None
    )
    assert layer.entries.paths == ["a", "b"]
    assert layer.entries.layer_bytes == 10_000_005
    assert read < 20_000


def test_peek() -> None:
    assert peek([], 4)[0] == b""
    start, chunks = peek(iter([b"a", b"", b"bc", b"def", b"g"]), 4)
    assert start == b"abcd"
    assert b"".join(chunks) == b"abcdefg"
