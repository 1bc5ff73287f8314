"""rpm's Berkeley databases against what rpm itself reads in them, and that no broken one stops or floods anything."""

from __future__ import annotations

import struct
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelint.image.kept import keeper
from imagelint.image.packages import berkeley, rpm
from imagelint.testing import LayerBuilder

from .test_packages import header, packages

sys.path.insert(0, str(Path(__file__).parents[2] / "fixtures" / "rpm"))
import rpm_databases

CONTENTS = {name: rpm_databases.stored(name) for name in rpm_databases.NAMES}
PLACE = "var/lib/rpm/Packages"


def listed(listing: str) -> list[str]:
    return sorted(record.strip("\n") for record in listing.split("\n\n"))


def read(content: bytes) -> list[str]:
    return listed(rpm.reduce_berkeley(content).decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("name", CONTENTS)
def test_what_rpm_reads(name: str) -> None:
    content, listing = CONTENTS[name]
    assert read(content) == listed(listing)


def test_what_rpm_reads_is_in_the_fixtures() -> None:
    """The three are what they are there for: both byte orders, values of either kind, free pages."""
    of_pages = {name: pages(content) for name, (content, _) in CONTENTS.items()}
    assert {name: each.count(7) for name, each in of_pages.items()} == {"little": 502, "big": 4, "deleted": 178}
    assert of_pages["deleted"].count(0) > 50
    assert [content[12:16] for content, _ in CONTENTS.values()] == [b"a\x15\6\0", b"\0\6\x15a", b"a\x15\6\0"]
    names = {name: {record.partition("\t")[0] for record in listed(text)} for name, (_, text) in CONTENTS.items()}
    assert names["little"] == names["big"] == rpm_databases.PACKAGES.keys()
    assert names["deleted"] == rpm_databases.PACKAGES.keys() - set(rpm_databases.DELETED)


def pages(content: bytes) -> bytes:
    """The types of all pages."""
    return content[25 :: page_size(content)]


def page_size(content: bytes) -> int:
    return int.from_bytes(content[20:24], "little" if content[12] == 0x61 else "big")


def test_databases_made_now(tmp_path: Path) -> None:
    if missing := rpm_databases.missing():
        pytest.skip(f"needs {', '.join(missing)}: see fixtures/rpm/rpm_databases.py")
    for name, (content, listing) in rpm_databases.make(tmp_path).items():
        assert read(content) == listed(listing), name


@pytest.mark.parametrize("place", [PLACE, "usr/lib/sysimage/rpm/Packages", "usr/share/rpm/Packages"])
def test_in_an_image(place: str, tmp_path: Path) -> None:
    layer = LayerBuilder().file(place, CONTENTS["little"][0]).file("usr/bin/bash", 700).file("usr/lib/lib07.so.7", 9)
    found = packages(tmp_path, layer)
    assert len(found) == len(rpm_databases.PACKAGES)
    assert found[:2] == [("rpm", "bash", "4.3-3.el7", 700, 0), ("rpm", "lib07", "5.1-3.el7", 9, 0)]


def test_a_database_that_a_later_layer_changes_or_removes(tmp_path: Path) -> None:
    base = LayerBuilder().file(PLACE, CONTENTS["little"][0])
    fewer = packages(tmp_path, base, LayerBuilder().file(PLACE, CONTENTS["deleted"][0]))
    assert len(fewer) == len(rpm_databases.PACKAGES) - len(rpm_databases.DELETED)
    assert packages(tmp_path, base, LayerBuilder().file("var/lib/rpm/.wh.Packages", 0)) == []
    assert packages(tmp_path, base, LayerBuilder().file(PLACE, 0)) == []


def test_several_databases(tmp_path: Path) -> None:
    """Each package counts once, of either database; two of one name and version in one database are two."""
    other = own_format(header(b"zypper", b"1", [b"/usr/bin/zypper"])) + bytes(16)
    layer = LayerBuilder().file(PLACE, CONTENTS["little"][0]).file("usr/lib/sysimage/rpm/Packages.db", other)
    layer.file("usr/lib/sysimage/rpm/Packages", CONTENTS["deleted"][0])
    assert len(packages(tmp_path, layer)) == len(rpm_databases.PACKAGES) + 1
    twice = own_format(header(b"glibc", b"2", [b"/lib/x"]), header(b"glibc", b"2", [b"/lib64/x"]))
    layer = LayerBuilder().file("var/lib/rpm/Packages.db", twice).file("lib/x", 10).file("lib64/x", 20)
    assert packages(tmp_path, layer) == [("rpm", "glibc", "2-1.el9", 20, 0), ("rpm", "glibc", "2-1.el9", 10, 0)]


def test_the_database_is_no_package_s(tmp_path: Path) -> None:
    """rpm's own package lists it, as a file that is made later; it would be said to grow with each installation."""
    content = own_format(header(b"rpm", b"4", [b"/var/lib/rpm/Packages.db", b"/usr/bin/rpm"]))
    layer = LayerBuilder().file("var/lib/rpm/Packages.db", content).file("usr/bin/rpm", 5)
    assert packages(tmp_path, layer) == [("rpm", "rpm", "4-1.el9", 5, 0)]


def test_another_root_s_database_is_not_the_image_s(tmp_path: Path) -> None:
    assert packages(tmp_path, LayerBuilder().file(f"mnt/root/{PLACE}", CONTENTS["little"][0])) == []


@pytest.mark.parametrize(("version", "known"), [(7, False), (8, True), (9, True), (10, True), (11, False)])
def test_versions(version: int, known: bool) -> None:
    content, listing = CONTENTS["little"]
    changed = content[:16] + struct.pack("<I", version) + content[20:]
    assert read(changed) == (listed(listing) if known else [""])


def with_next(content: bytes, kind: int, following: Callable[[int], int]) -> bytes:
    """A little-endian database whose pages of a type have another next page."""
    size = page_size(content)
    changed = bytearray(content)
    for start in range(size, len(content), size):
        if content[start + 25] == kind:
            changed[start + 16 : start + 20] = struct.pack("<I", following(start // size))
    return bytes(changed)


FOLLOWING: tuple[Callable[[int], int], ...] = (lambda page: page, lambda page: 1)


def test_chains_without_an_end() -> None:
    content, listing = CONTENTS["little"]
    everything = set(listed(listing))
    for following in FOLLOWING:
        found = read(with_next(content, 13, following))
        assert len(found) == len(set(found))
        assert set() < set(found) < everything
    assert read(with_next(content, 7, lambda page: page)) == [""]  # no header fits into one page
    assert read(with_next(content, 7, lambda page: page + 0x10000)) == [""]


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(CONTENTS)),
    cut=st.integers(0, 400_000) | st.just(400_000),
    changes=st.lists(st.tuples(st.integers(0, 400_000), st.binary(min_size=1, max_size=40)), max_size=12),
    first=st.dictionaries(st.integers(8, 223), st.integers(0, 255), max_size=4),
    links=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=30),
)
def test_broken_databases(
    name: str,
    cut: int,
    changes: list[tuple[int, bytes]],
    first: dict[int, int],
    links: list[tuple[int, int]],
) -> None:
    """Whatever is in a database, it is read to its end, and what comes out is no more than what it holds."""
    changed = bytearray(CONTENTS[name][0])
    size = page_size(changed)
    for page, following in links:
        changed[page * size + 16 : page * size + 20] = struct.pack(">I" if name == "big" else "<I", following)
    for place, value in changes:
        changed[place : place + len(value)] = value
    for place, number in first.items():
        changed[place] = number
    content = bytes(changed[:cut])
    assert sum(map(len, berkeley.values(content))) <= len(content)
    for record in read(content):
        assert record == "" or "\t" in record.partition("\n")[0]


@given(st.binary(max_size=3000))
def test_any_bytes(content: bytes) -> None:
    meta = CONTENTS["little"][0][:512]
    assert sum(map(len, berkeley.values(meta + content))) <= len(content)
    assert rpm.reduce_berkeley(content) == b""


def own_format(*headers: bytes, slots: int = 1) -> bytes:
    """A `Packages.db` of these headers; `slots` say the same of each one."""
    first = struct.pack("<4sIII", b"RpmP", 0, 0, (32 + 16 * slots * len(headers) + 4095) // 4096) + bytes(16)
    block = (len(first) + 16 * slots * len(headers)) // 16 + 256
    blobs = b""
    for number, each in enumerate(headers, 1):
        first += struct.pack("<IIII", 0x746F6C53, number, block + len(blobs) // 16, len(each) // 16 + 2) * slots
        blobs += struct.pack("<IIII", 0x53626C42, number, 0, len(each)) + each
        blobs += bytes(-len(blobs) % 16)
    return first + bytes(block * 16 - len(first)) + blobs


def test_a_header_without_a_name() -> None:
    assert rpm.reduce_ndb(own_format(bytes(8), header(b"a", b"1", [b"/x"]))) == b"a\t1-1.el9\n/x"


def test_slots_that_all_say_the_same() -> None:
    """What they say of is read no more often than a file of its size could hold it."""
    content = own_format(header(b"a", b"1", [b"/x"]) + bytes(100_000), slots=20_000)
    assert rpm.reduce_ndb(content).count(b"a\t1") <= len(content) // 100_000


def test_a_folder_of_very_many_files() -> None:
    """A header names each folder once: a long one, and a million files in it, are more than memory holds."""
    many = 100_000
    store = b"a\0" + b"d" * many + b"\0" + bytes(many) + bytes(-(3 + 2 * many) % 4)
    tags = [(1000, 6, 0, 1), (1001, 6, 0, 1), (1002, 6, 0, 1), (1118, 8, 2, 1), (1117, 8, many + 3, many)]
    tags.append((1116, 4, len(store), many))
    blob = struct.pack(">II", len(tags), len(store) + 4 * many)
    blob += b"".join(struct.pack(">IIII", *tag) for tag in tags) + store + bytes(4 * many)
    tracemalloc.start()
    try:
        found = rpm.reduce_ndb(own_format(blob))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == b""
    assert peak < 30_000_000


def test_which_files_are_databases() -> None:
    for path in ("Packages", "dists/stable/main/Packages", "var/lib/rpm/Name", "var/lib/apt/lists/x_Packages"):
        assert keeper(path) is None
    assert keeper(PLACE) is rpm.reduce_berkeley
