"""A layer's index as bytes and back: fixed columns in a fixed order, compressed, with a checksum.

Nothing is executed to read it, as a pickle would be, and a row that is not what was written is told by its checksum.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Callable, Mapping
from struct import Struct, error

from xxhash import xxh3_64_intdigest

from imagelint.image.index import LayerIndex
from imagelint.image.kept import VERSION as KEPT
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_VERSION = 1
_LENGTH = Struct("<Q")
_LEVEL = 1


class NotAnIndexError(Exception):
    """Bytes that are no encoded index."""


def encode(index: LayerIndex) -> bytes:
    """The index as bytes."""
    parts = [to_bytes(getattr(index, name)) for name, (to_bytes, _) in _CODECS.items()]
    raw = b"".join(_LENGTH.pack(len(part)) + part for part in parts)
    return _LENGTH.pack(xxh3_64_intdigest(raw)) + zlib.compress(raw, _LEVEL)


def decode(content: bytes) -> LayerIndex:
    """The index that was encoded; raises NotAnIndexError for anything else."""
    try:
        (checksum,) = _LENGTH.unpack_from(content)
        raw = zlib.decompress(content[_LENGTH.size :])
        if xxh3_64_intdigest(raw) != checksum:
            raise NotAnIndexError
        values: dict[str, Any] = {}
        at = 0
        for name, (_, to_value) in _CODECS.items():
            (length,) = _LENGTH.unpack_from(raw, at)
            at += _LENGTH.size
            values[name] = to_value(raw[at : at + length])
            at += length
        return LayerIndex(**values)
    except (error, zlib.error, ValueError, IndexError) as wrong:
        raise NotAnIndexError from wrong


def _texts(values: list[str]) -> bytes:
    # No path and no link target has a NUL in it: a tar ends them there.
    return _LENGTH.pack(len(values)) + "\0".join(values).encode("utf-8", "surrogateescape")


def _to_texts(content: bytes) -> list[str]:
    (count,) = _LENGTH.unpack_from(content)
    values = content[_LENGTH.size :].decode("utf-8", "surrogateescape").split("\0") if count else []
    if len(values) != count:
        raise ValueError
    return values


def _numbers(kind: str) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    def to_array(content: bytes) -> array[int]:
        values = array(kind)
        values.frombytes(content)
        return values

    return lambda values: values.tobytes(), to_array


def _rows(values: Mapping[int, Any], content: bytes) -> bytes:
    return _LENGTH.pack(len(values)) + array("Q", values).tobytes() + content


def _to_rows(content: bytes) -> tuple[list[int], bytes]:
    (count,) = _LENGTH.unpack_from(content)
    end = _LENGTH.size * (count + 1)
    rows = array("Q")
    rows.frombytes(content[_LENGTH.size : end])
    return rows.tolist(), content[end:]


def _links(values: dict[int, str]) -> bytes:
    return _rows(values, _texts(list(values.values())))


def _to_links(content: bytes) -> dict[int, str]:
    rows, rest = _to_rows(content)
    return dict(zip(rows, _to_texts(rest), strict=True))


def _kept(values: dict[int, bytes]) -> bytes:
    lengths = array("Q", map(len, values.values())).tobytes()
    return _rows(values, lengths + b"".join(values.values()))


def _to_kept(content: bytes) -> dict[int, bytes]:
    rows, rest = _to_rows(content)
    lengths = array("Q")
    at = _LENGTH.size * len(rows)
    lengths.frombytes(rest[:at])
    kept: dict[int, bytes] = {}
    for row, length in zip(rows, lengths, strict=True):
        kept[row] = rest[at : at + length]
        at += length
    return kept


def _owners(values: list[tuple[int, int, int]]) -> bytes:
    return array("q", [number for owner in values for number in owner]).tobytes()


def _to_owners(content: bytes) -> list[tuple[int, int, int]]:
    numbers = array("q")
    numbers.frombytes(content)
    return list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))


_CODECS: Mapping[str, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] = {
    "paths": (_texts, _to_texts),
    "types": (bytes, bytearray),
    "sizes": _numbers("q"),
    "attributes": _numbers("I"),
    "times": _numbers("q"),
    "contents": _numbers("Q"),
    "offsets": _numbers("q"),
    "links": (_links, _to_links),
    "owners": (_owners, _to_owners),
    "markers": (lambda rows: array("Q", rows).tobytes(), lambda content: _numbers("Q")[1](content).tolist()),
    "kept": (_kept, _to_kept),
    "layer_bytes": (_LENGTH.pack, lambda content: _LENGTH.unpack(content)[0]),
}

FORMAT = f"{_VERSION}.{KEPT}/{sys.byteorder}/{','.join(_CODECS)}"
"""The name of the format. It changes with the columns that an index has, so that no old row is read as a new one."""
