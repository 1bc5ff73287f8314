"""Compressed streams: told by what they begin with, unpacked piece by piece, and refused when they are cut or lie."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from collections.abc import Iterator
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelint.errors import BrokenImageError, InputError
from imagelint.image import blob
from imagelint.image.blob import decompressed, is_compressed, peek, read_layer
from imagelint.image.limits import MIB, Limits
from imagelint.testing import LayerBuilder


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def unpack(content: bytes, size: int = 1000) -> bytes:
    start, chunks = peek(pieces(content, size), 4)
    return b"".join(decompressed(start, chunks))


def compress_zstd(content: bytes) -> bytes:
    compressed: bytes = pytest.importorskip("backports.zstd").compress(content)
    return compressed


SKIPPABLE = b"\x50\x2a\x4d\x18\x05\x00\x00\x00hello"


@given(st.lists(st.binary(max_size=5000), min_size=1, max_size=4), st.integers(1, 6000), st.integers(0, 20))
def test_gzip_of_several_members_and_padding(members: list[bytes], size: int, padding: int) -> None:
    content = b"".join(gzip.compress(member) for member in members) + bytes(padding)
    assert unpack(content, size) == b"".join(members)


@given(st.lists(st.binary(max_size=5000), min_size=1, max_size=4), st.integers(1, 6000))
def test_zstd_of_several_frames(frames: list[bytes], size: int) -> None:
    content = SKIPPABLE.join(compress_zstd(frame) for frame in frames) + SKIPPABLE
    assert unpack(content, size) == b"".join(frames)


@pytest.mark.parametrize("compress", [gzip.compress, compress_zstd])
class TestBroken:
    content = bytes(range(256)) * 1000

    def test_cut(self, compress: type) -> None:
        compressed = compress(self.content)
        for length in range(4, len(compressed), 17):
            with pytest.raises(BrokenImageError, match="ends too early"):
                unpack(compressed[:length])

    def test_followed_by_something_else(self, compress: type) -> None:
        with pytest.raises(BrokenImageError, match="stream is corrupt"):
            unpack(compress(self.content) + b"something else")

    def test_changed(self, compress: type) -> None:
        compressed = bytearray(compress(self.content))
        compressed[4:] = bytes(255 - byte for byte in compressed[4:])
        with pytest.raises(BrokenImageError):
            unpack(bytes(compressed))


@pytest.mark.parametrize("compress", [gzip.compress, compress_zstd])
def test_a_bomb_takes_little_memory_and_stops_at_the_limit(compress: type) -> None:
    bomb = compress(LayerBuilder().file("zeros", 64 * MIB).tar())
    tracemalloc.start()
    with pytest.raises(BrokenImageError, match="more than 33,554,432 bytes"):
        read_layer(pieces(bomb, 65536), limits=Limits(layer_bytes=32 * MIB))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * MIB


def test_zstd_without_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(blob, "import_module", missing)
    with pytest.raises(InputError, match="compressed with zstd") as caught:
        list(decompressed(blob.ZSTD_MAGIC, []))
    assert caught.value.hint == "pip install backports.zstd"


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
    assert not is_compressed(b"")
