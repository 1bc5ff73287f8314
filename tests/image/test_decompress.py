"""Compressed streams: told by what they begin with, unpacked piece by piece, and refused when they are cut or lie."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelint.errors import BrokenImageError, InputError
from imagelint.image import decompress
from imagelint.image.blob import peek, read_layer
from imagelint.image.decompress import MAGIC_BYTES, decompressed, is_compressed
from imagelint.image.limits import MIB, Limits
from imagelint.testing import LayerBuilder


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def unpack(content: bytes, size: int = 1000) -> bytes:
    start, chunks = peek(pieces(content, size), MAGIC_BYTES)
    assert is_compressed(start)
    return b"".join(decompressed(start, chunks))


def compress_zstd(content: bytes) -> bytes:
    compressed: bytes = pytest.importorskip("backports.zstd").compress(content)
    return compressed


SKIPPABLE = b"\x50\x2a\x4d\x18\x05\x00\x00\x00hello"
COMPRESSORS = [gzip.compress, compress_zstd, lzma.compress, bz2.compress]
STREAMS = st.lists(st.binary(max_size=5000), min_size=1, max_size=4)


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
@given(streams=STREAMS, size=st.integers(1, 6000), padding=st.integers(0, 5))
def test_several_streams_and_padding(
    compress: Callable[[bytes], bytes], streams: list[bytes], size: int, padding: int
) -> None:
    content = b"".join(compress(stream) + bytes(4 * padding) for stream in streams)
    assert unpack(content, size) == b"".join(streams)


@given(STREAMS, st.integers(1, 6000))
def test_bzip2_of_several_streams(streams: list[bytes], size: int) -> None:
    assert unpack(b"".join(bz2.compress(stream) for stream in streams), size) == b"".join(streams)


@given(STREAMS, st.integers(1, 6000))
def test_zstd_of_several_frames(frames: list[bytes], size: int) -> None:
    content = SKIPPABLE.join(compress_zstd(frame) for frame in frames) + SKIPPABLE
    assert unpack(content, size) == b"".join(frames)


@pytest.mark.parametrize("compress", COMPRESSORS)
class TestBroken:
    content = bytes(range(256)) * 1000

    def test_cut(self, compress: Callable[[bytes], bytes]) -> None:
        compressed = compress(self.content)
        for length in range(MAGIC_BYTES, len(compressed), 17):
            with pytest.raises(BrokenImageError, match="stream ends too early"):
                unpack(compressed[:length])

    def test_followed_by_something_else(self, compress: Callable[[bytes], bytes]) -> None:
        with pytest.raises(BrokenImageError, match="stream is corrupt"):
            unpack(compress(self.content) + b"something else")

    def test_changed(self, compress: Callable[[bytes], bytes]) -> None:
        compressed = bytearray(compress(self.content))
        compressed[MAGIC_BYTES:] = bytes(255 - byte for byte in compressed[MAGIC_BYTES:])
        with pytest.raises(BrokenImageError, match=r"stream is corrupt|stream ends too early"):
            unpack(bytes(compressed))


@pytest.mark.parametrize("compress", COMPRESSORS)
def test_a_bomb_takes_little_memory_and_stops_at_the_limit(compress: Callable[[bytes], bytes]) -> None:
    bomb = compress(LayerBuilder().file("zeros", 64 * MIB).tar())
    tracemalloc.start()
    with pytest.raises(BrokenImageError, match="more than 33,554,432 bytes"):
        read_layer(pieces(bomb, 65536), limits=Limits(layer_bytes=32 * MIB))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24 * MIB  # some chunks that wait to be hashed, and of xz a window of 8 MiB


def test_an_xz_stream_that_asks_for_much_memory() -> None:
    """A window as large as zstd's largest is let through; a larger one would take what it says for a few bytes."""

    def packed(window: int) -> bytes:
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": window, "mode": lzma.MODE_FAST, "mf": lzma.MF_HC3}]
        return lzma.compress(b"hello", filters=filters)

    assert unpack(packed(128 * MIB)) == b"hello"
    with pytest.raises(BrokenImageError, match="the xz stream needs more than 167,772,160 bytes of memory"):
        unpack(packed(256 * MIB))


@pytest.mark.parametrize(
    ("start", "what", "hint"),
    [
        (decompress.ZSTD_MAGIC, "compressed with zstd", "pip install backports.zstd"),
        (decompress.XZ_MAGIC, "compressed with xz, and this Python lacks the module lzma", "with xz first"),
        (b"BZh91AY&SY", "compressed with bzip2, and this Python lacks the module bz2", "with bzip2 first"),
    ],
)
def test_without_its_module(monkeypatch: pytest.MonkeyPatch, start: bytes, what: str, hint: str) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(decompress, "import_module", missing)
    with pytest.raises(InputError, match=what) as caught:
        list(decompressed(start, []))
    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_what_only_looks_compressed() -> None:
    """A tar begins with the name of its first file."""
    for name in ("BZh9", "BZh91AY&SX", "7zXZ"):
        assert not is_compressed(LayerBuilder().file(name).tar()[:MAGIC_BYTES])
    assert not is_compressed(b"")
    assert is_compressed(bz2.compress(b""))
