"""That no record of a package manager, however broken, stops anything, or takes more than its size says."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelint.image import kept
from imagelint.image.kept import keeper
from imagelint.image.packages import recommends, rpm, system
from imagelint.testing import LayerBuilder

from .test_packages import merged, rpm_database


def test_a_list_is_one_package_s() -> None:
    """Of a broken status with very many packages of a name, each would have all files."""
    status = b"".join(b"Package: x\nArchitecture: %d\n\n" % number for number in range(100))
    records = {
        "var/lib/dpkg/status": status,
        "var/lib/dpkg/info/x.list": b"/a\n" * 100,
        "var/lib/dpkg/status.d/y": b"Package: y\n\n" * 100,
        "var/lib/dpkg/status.d/y.md5sums": b"0  a\n" * 100,
    }
    found = list(system.dpkg(records))
    assert [each.name for each in found] == ["x"] * 100 + ["y"] * 100
    assert sum(each.paths.count("a") for each in found) == 200


def test_records_of_very_deep_folders(tmp_path: Path) -> None:
    """They are none of the image's, and cost neither its stack nor more memory than a real image's folders take."""
    listed = ["/bin/x", "/" + "a/" * 2000 + "x", "/" + "a/" * 50_000 + "x"]
    listed += [f"/{number}/{'a/' * 1000}x" for number in range(300)]
    layer = LayerBuilder().directory("usr/bin").symlink("bin", "usr/bin").file("usr/bin/x", 9)
    layer.file("var/lib/dpkg/status", b"Package: x\nVersion: 1\n")
    content = "\n".join(listed).encode()
    layer.file("var/lib/dpkg/info/x.list", content)
    image = merged(tmp_path, layer)
    tracemalloc.start()
    try:
        found = image.inventory.packages
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(each.name, each.bytes, each.files) for each in found] == [("x", 9 + len(content), 2)]
    assert peak < 200_000_000


ENDLESS = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t)"


@pytest.mark.parametrize(
    "schema",
    [
        f"CREATE VIEW Packages AS {ENDLESS} SELECT 'x' AS blob FROM t",
        f"CREATE VIEW Packages AS {ENDLESS} SELECT x'00' AS blob FROM t",
        f"CREATE VIEW Packages AS {ENDLESS} SELECT n AS blob FROM t WHERE n < 0",
        "CREATE VIEW Packages AS SELECT zeroblob(900000000) AS blob",
        "CREATE TABLE Packages (blob BLOB AS (zeroblob(900000000)), n); INSERT INTO Packages (n) VALUES (1)",
    ],
    ids=["texts", "headers", "nothing", "a large one", "a column"],
)
def test_a_database_that_has_no_end(schema: str) -> None:
    """What an image brings is a stranger's program for SQLite; it ends, and in little memory."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(schema)
        content = database.serialize()
    done: list[bytes] = []
    tracemalloc.start()
    try:
        done.append(rpm.reduce_sqlite(content))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert done == [b""]
    assert peak < 50_000_000


class Counted(list[str]):
    """A list that knows how often it was gone through."""

    times = 0

    def __iter__(self) -> Iterator[str]:
        self.times += 1
        return super().__iter__()


def test_what_many_provide_and_many_ask_for() -> None:
    """It is followed once: else all of those who provide it are gone through for each of them."""
    stanza = "Package: p{0}\nProvides: v\nDepends: v (>= {0})\nRecommends: v (<< {0}) | w\n"
    status = "\n".join(stanza.format(number) for number in range(100)).encode()
    fields = {each["Package"]: each for each in system.stanzas(status)}
    provided = Counted(fields)
    found = recommends._reached(["p0"], fields, {"v": provided}, ("Depends", "Recommends"))
    assert (found, provided.times) == (fields.keys(), 1)


RECORDS = st.sampled_from(
    [
        "var/lib/dpkg/status", "var/lib/dpkg/info/x.list", "var/lib/apt/extended_states", "lib/apk/db/installed",
        "var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages.db", "a/x.dist-info/METADATA", "a/x.dist-info/RECORD",
        "a/node_modules/x/package.json", "a/specifications/x.gemspec", "bin/x",
    ]
)  # fmt: skip


LINES = st.lists(
    st.sampled_from(
        [
            b"Package: x", b"Status: install ok installed", b"Version:", b"", b"P:x", b"F:\xff", b"R:", b"/bin/x",
            b"Depends: x|", b"\x7fELF\x02\x01", b"RpmP" + bytes(40), b"SQLite format 3\0", b"Name: \xff",
            b'{"name": [', b"../../../..", b"\0",
        ]
    )
).map(b"\n".join)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(RECORDS, LINES | st.binary(max_size=200)))
def test_broken_records(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Whatever is in the records, no byte is counted twice, and none is made up."""
    layer = LayerBuilder().file("bin/y", 10)
    for path, content in files.items():
        layer.file(path, content)
    found = merged(tmp_path, layer)
    assert sum(each.bytes for each in found.inventory.packages) <= sum(found.tree.sizes)
    assert set(found.inventory.recommended) <= set(found.inventory.packages)


@given(st.binary(max_size=300))
def test_broken_databases(content: bytes) -> None:
    assert isinstance(rpm.reduce_ndb(b"RpmP" + content), bytes)
    assert isinstance(rpm.reduce_sqlite(content), bytes)


def test_a_node_package_s_file_of_absurd_size() -> None:
    """Python makes forty times as much of it."""
    keep = keeper("app/node_modules/a/package.json")
    assert keep is not None
    content = b'{"name": "a", "version": "1", "x": [%s0]}'
    assert keep(content % b"{},") == b"a\t1"
    assert keep(content % (b"{}," * 400_000)) == b""


def test_a_text_of_absurd_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is cut into takes many times its size: a larger one is weighed, not read. A database may be larger."""
    monkeypatch.setattr(kept, "TEXT_BYTES", 1000)
    record = b"P:x\nV:1\n".ljust(1000, b"\n")
    database = rpm_database([b"/bin/y"])
    assert len(database) > 1000

    def packages(content: bytes) -> list[tuple[str, str]]:
        layer = LayerBuilder().file("lib/apk/db/installed", content).file("var/lib/rpm/Packages.db", database)
        return sorted((each.manager, each.name) for each in merged(tmp_path, layer).inventory.packages)

    assert packages(record) == [("apk", "x"), ("rpm", "zypper")]
    assert packages(record + b"\n") == [("rpm", "zypper")]
