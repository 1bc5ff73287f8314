"""Records of layers in which something is wrong: one line says what, soon, and no container is left."""

from __future__ import annotations

import gzip
import tarfile
from collections import Counter
from random import Random

import pytest

from imagelint.errors import BrokenImageError
from imagelint.image.limits import DEFAULT_LIMITS
from imagelint.image.reading import read_image
from imagelint.image.sources.interface import Reading
from imagelint.image.sources.layers import read_named_layer
from imagelint.image.sources.tar_split import TarSplit
from tests.image.lending import DIFF_IDS, RECORDS, engine, packed, segment

READING = Reading(verify=False, contents=False)


def header(size: int) -> dict[str, object]:
    info = tarfile.TarInfo("f")
    info.size = size
    return segment(info.tobuf())


def entry(size: object) -> dict[str, object]:
    return {"type": 1, "name": "f", "size": size, "payload": "AAAAAAAAAAA=", "position": 1}


END = segment(bytes(1024))
HOSTILE = {
    "nothing": (b"", "not compressed with gzip"),
    "no gzip": (b"{}\n", "not compressed with gzip"),
    "cut": (RECORDS[0][:-20], "gzip stream"),
    "flipped": (RECORDS[0][:60] + bytes(8) + RECORDS[0][68:], "gzip stream|not JSON|none of tar-split|base64"),
    "no JSON": (gzip.compress(b"{\n"), "not JSON"),
    "no record": (packed([[1]]), "none of tar-split's"),
    "deep": (gzip.compress(b"[" * 1_000_000 + b"\n"), "not JSON"),
    "another type": (packed([{"type": 3}]), "none of tar-split's"),
    "a payload of another type": (packed([{"type": 2, "payload": 7}]), "none of tar-split's"),
    "no base64": (packed([{"type": 2, "payload": "@@@@", "position": 0}]), "not base64"),
    "base64 that is cut": (packed([{"type": 2, "payload": "YQ=a", "position": 0}]), "not base64"),
    "a base64 that is none elsewhere": (packed([{"payload": "é", "type": 2}]), "not base64"),
    "a negative size": (packed([header(5), entry(-5)]), "none of tar-split's"),
    "a size that is none": (packed([header(5), entry(True)]), "none of tar-split's"),
    "an absurd size": (packed([header(5), entry(1 << 63)]), "none of tar-split's"),
    "a sum of four bytes": (packed([header(5), entry(5) | {"payload": "AAAAAA=="}]), "none of tar-split's"),
    "two records in a line": (gzip.compress(b'{"type":2}{"type":2}'), "not JSON"),
    "a size of thousands of digits": (gzip.compress(b'{"type":1,"size":' + b"9" * 5000 + b"}\n"), "not JSON"),
    "more than a layer may have": (packed([header(8 << 30), entry(1 << 62)]), "more than 68,719,476,736 bytes"),
    "less content": (packed([header(600), entry(5), segment(bytes(507)), END]), "different sizes"),
    "more content": (packed([header(600), entry(5000), segment(bytes(4)), END]), "different sizes"),
    "content of no header": (packed([entry(5), END]), "content where a header should be"),
    "content of a directory": (packed([segment(tarfile.TarInfo("d/").tobuf()), entry(5), END]), "different|content"),
    "content in a tar's end": (packed([segment(bytes(512)), entry(512), segment(bytes(512))]), "content|lone block"),
    "content twice": (packed([header(5), entry(5), entry(5), END]), "lacks a file's padding"),
    "no padding": (packed([header(5), entry(5)]), "ends too early"),
    "no header": (packed([segment(b"x" * 512), END]), "checksum is wrong"),
    "half a header": (packed([segment(b"x" * 100)]), "middle of a header"),
    "a layer that is compressed": (packed([segment(gzip.compress(bytes(64))), entry(5)]), "content where|gzip stream"),
    "a long line": (gzip.compress(b'{"type":2,"payload":"' + b"A" * (6 << 20)), "a line of more than"),
}


@pytest.mark.parametrize(("record", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_records(monkeypatch: pytest.MonkeyPatch, record: bytes, message: str) -> None:
    """One line says what it is, and what helps; and the container is gone."""
    with engine(monkeypatch, records=[RECORDS[0], record]) as handler:
        with pytest.raises(BrokenImageError, match=message) as caught:
            read_image("example:1", tar_split=True)
        assert not handler.made
    assert f"example:1: layer {DIFF_IDS[1]}: " in caught.value.message
    assert caught.value.hint == "without --tar-split the image is exported and verified"


@pytest.mark.parametrize("end", [None, -1], ids=["whole", "without the last end of a line"])
def test_a_record_in_very_many_pieces(end: int | None) -> None:
    """Of each byte a member of gzip: lines are put together all the same."""
    members = b"".join(gzip.compress(bytes((byte,)), 0) for byte in gzip.decompress(RECORDS[1])[:end])
    blobs = [read_named_layer(TarSplit([each], READING.limits), "layer", READING, 0) for each in (members, RECORDS[1])]
    assert blobs[0].entries == blobs[1].entries


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"type":2,"payload":"","position":1}\n', "more than 2,048,000 bytes"),
        (b'{"type":1,"name":"x","payload":null,"position":1}\n', "more than 2,048,000 bytes"),
        (b" " * 1023 + b"\n", "not JSON"),
    ],
)
def test_what_unpacks_to_much_more_than_it_is(monkeypatch: pytest.MonkeyPatch, line: bytes, message: str) -> None:
    """A record that goes on for ever with nothing in it has an end: as many bytes as the entries allowed may have."""
    limits = DEFAULT_LIMITS._replace(entries=1000)
    bomb = gzip.compress(line * 100_000)
    with engine(monkeypatch, records=[RECORDS[0], bomb]), pytest.raises(BrokenImageError, match=message):
        read_image("example:1", tar_split=True, limits=limits)


def mutated(random: Random, record: bytes) -> bytes:
    """A record with some bytes or lines of it changed, or of the gzip around it."""
    data = bytearray(gzip.decompress(record))
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(data))
        piece = slice(at, at + random.choice((1, 4, 100, 1000)))
        split = data.split(b"\n")
        match random.randrange(5):
            case 0:
                data[at] = random.randrange(256)
            case 1:
                del data[piece]
            case 2:
                data[at:at] = data[piece]
            case 3:
                split.insert(random.randrange(len(split)), random.choice(split))
                data = bytearray(b"\n".join(split))
            case 4:
                sizes = b'"size":%d' % random.choice((1, 4, 100_000)), b'"size":%d' % random.choice((0, 511, 2**62))
                data = data.replace(*sizes)
        data = data or bytearray(b"x")
    packed = bytearray(gzip.compress(data, mtime=0))
    if random.random() < 0.2:
        packed[random.randrange(len(packed))] ^= 1 << random.randrange(8)
    return bytes(packed)


def test_mutated_records() -> None:
    """Each is read, or ends in an error of ours; with a fixed seed both come up."""
    random, ends = Random(2026), Counter[bool]()
    for _ in range(2000):
        record = mutated(random, random.choice(RECORDS))
        try:
            blob = read_named_layer(TarSplit([record], READING.limits), "layer", READING, 0)
            assert blob.entries.layer_bytes == sum(blob.entries.sizes) <= READING.limits.layer_bytes
            ends[True] += 1
        except BrokenImageError:
            ends[False] += 1
    assert min(ends[True], ends[False]) > 100
