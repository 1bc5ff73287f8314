"""Packages by what their managers leave in an image; broken records are in test_broken_packages.py."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from imagelint.image.kept import keeper
from imagelint.image.merged import Merged
from imagelint.image.packages import recommends
from imagelint.image.reading import read_image
from imagelint.testing import ImageBuilder, LayerBuilder


def merged(folder: Path, *layers: LayerBuilder) -> Merged:
    builder = ImageBuilder("x:1")
    for layer in layers:
        builder.layer(layer)
    return Merged(read_image(str(builder.save(folder / "image.tar"))))


def packages(folder: Path, *layers: LayerBuilder) -> list[tuple[str, str, str, int, int]]:
    found = merged(folder, *layers).inventory.packages
    return [(each.manager, each.name, each.version, each.bytes, each.layer) for each in found]


STATUS = b"""Package: curl
Status: install ok installed
Architecture: amd64
Version: 7.88
Depends: libc6 (>= 2.34), libcurl4 (= 7.88)
Recommends: ca-certificates
Description: a tool
 with more words

Package: gone
Status: deinstall ok config-files
Version: 1
"""


def test_dpkg(tmp_path: Path) -> None:
    base = LayerBuilder().directory("usr/bin").symlink("bin", "usr/bin").file("usr/bin/curl", 10)
    listed = b"/.\n/bin\n/bin/curl\n/usr/share/doc/curl/copyright\n"
    top = (
        LayerBuilder()
        .file("usr/share/doc/curl/copyright", 2000)
        .file("var/lib/dpkg/status", STATUS)
        .file("var/lib/dpkg/info/curl.list", listed)
        .file("home/me", 7)
    )
    assert packages(tmp_path, base, top) == [("dpkg", "curl", "7.88", 10 + 2000 + len(listed), 1)]


def test_dpkg_of_several_architectures_and_of_images_without_it(tmp_path: Path) -> None:
    base = b"Package: base-files\nVersion: 12\n"
    status = b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n"
    layer = (
        LayerBuilder()
        .file("var/lib/dpkg/status", status)
        .file("var/lib/dpkg/info/libc6:amd64.list", b"/lib/libc.so\n")
        .file("lib/libc.so", 500)
        .file("var/lib/dpkg/status.d/base", base)
        .file("var/lib/dpkg/status.d/base.md5sums", b"0123  etc/issue\n")
        .file("etc/issue", 30)
    )
    found = {(name, version, size) for _, name, version, size, _ in packages(tmp_path, layer)}
    assert found == {("libc6", "2", 500 + 13), ("base-files", "12", 30 + len(base))}


@pytest.mark.parametrize(
    ("status", "there"),
    [
        ("install ok unpacked", True), ("install ok half-configured", True), ("install ok triggers-pending", True),
        ("install ok triggers-awaited", True), ("hold ok installed", True), ("install ok half-installed", False),
        ("deinstall ok config-files", False), ("purge ok not-installed", False),
    ],
)  # fmt: skip
def test_dpkg_states(status: str, there: bool, tmp_path: Path) -> None:
    """A build that ends before triggers or scripts have run leaves a package's files all the same."""
    content = f"Package: x\nStatus: {status}\nVersion: 1\n".encode()
    layer = LayerBuilder().file("var/lib/dpkg/status", content).file("var/lib/dpkg/info/x.list", b"/bin/x\n")
    expected = [("dpkg", "x", "1", 9 + 7, 0)] if there else []
    assert packages(tmp_path, layer.file("bin/x", 9)) == expected


def test_apk(tmp_path: Path) -> None:
    records = b"C:Q1x=\nP:musl\nV:1.2.4-r2\nF:lib\nR:ld-musl-x86_64.so.1\nZ:Q1\nF:\nR:top\n\n"
    records += b"P:zlib\nV:1\nF:lib\nR:libz.so\n\n"
    layer = LayerBuilder().file("lib/apk/db/installed", records).file("lib/ld-musl-x86_64.so.1", 600).file("top", 1)
    assert packages(tmp_path, layer.file("lib/libz.so", 90)) == [
        ("apk", "musl", "1.2.4-r2", 601, 0),
        ("apk", "zlib", "1", 90, 0),
    ]


def header(name: bytes, version: bytes, paths: list[bytes]) -> bytes:
    """An rpm header with what is read of one."""
    folders = sorted({path.rpartition(b"/")[0] + b"/" for path in paths})
    store = b""
    entries = []
    for tag, kind, values in (
        (1000, 6, [name]), (1001, 6, [version]), (1002, 6, [b"1.el9"]),
        (1117, 8, [path.rpartition(b"/")[2] for path in paths]), (1118, 8, folders),
    ):  # fmt: skip
        entries.append((tag, kind, len(store), len(values)))
        store += b"".join(value + b"\0" for value in values)
    store += bytes(-len(store) % 4)
    entries.append((1116, 4, len(store), len(paths)))
    store += b"".join(struct.pack(">I", folders.index(path.rpartition(b"/")[0] + b"/")) for path in paths)
    return (
        struct.pack(">II", len(entries), len(store)) + b"".join(struct.pack(">IIII", *each) for each in entries) + store
    )


def test_rpm_in_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "rpmdb.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        database.execute(
            "INSERT INTO Packages VALUES (1, ?)", (header(b"bash", b"5.1", [b"/usr/bin/bash", b"/etc/x"]),)
        )
        database.execute("INSERT INTO Packages VALUES (2, ?)", (b"not a header",))
    database.close()
    layer = (
        LayerBuilder().file("var/lib/rpm/rpmdb.sqlite", path.read_bytes()).file("usr/bin/bash", 700).file("etc/x", 1)
    )
    assert packages(tmp_path, layer) == [("rpm", "bash", "5.1-1.el9", 701, 0)]


def test_rpm_in_sqlite_with_a_write_ahead_log(tmp_path: Path) -> None:
    """As rpm itself leaves its database, and so as images have it."""
    path = tmp_path / "rpmdb.sqlite"
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        database.execute("INSERT INTO Packages VALUES (1, ?)", (header(b"bash", b"5.1", [b"/usr/bin/bash"]),))
        database.commit()
    assert path.read_bytes()[18:20] == b"\2\2"
    layer = LayerBuilder().file("usr/lib/sysimage/rpm/rpmdb.sqlite", path.read_bytes()).file("usr/bin/bash", 700)
    assert packages(tmp_path, layer) == [("rpm", "bash", "5.1-1.el9", 700, 0)]


def rpm_database(paths: list[bytes]) -> bytes:
    """One of rpm's own format, with a package."""
    blob = header(b"zypper", b"1.14", paths)
    slots = struct.pack("<4sIII", b"RpmP", 0, 0, 1) + bytes(16)
    slots += struct.pack("<IIII", 0x746F6C53, 1, 256, len(blob) // 16 + 2)
    return slots + bytes(4096 - len(slots)) + struct.pack("<IIII", 0x53626C42, 1, 0, len(blob)) + blob


def test_rpm_in_its_own_format(tmp_path: Path) -> None:
    content = rpm_database([b"/usr/bin/zypper"])
    layer = LayerBuilder().file("usr/lib/sysimage/rpm/Packages.db", content).file("usr/bin/zypper", 40)
    assert packages(tmp_path, layer) == [("rpm", "zypper", "1.14-1.el9", 40, 0)]


def test_languages(tmp_path: Path) -> None:
    info = "usr/lib/python3.11/site-packages/six-1.16.0.dist-info"
    metadata = b"Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n\nwords\nName: no\n"
    record = b'six.py,sha256=x,1\n"six-1.16.0.dist-info/METADATA",,\n../../../bin/six,,\n'
    layer = (
        LayerBuilder()
        .file("usr/lib/python3.11/site-packages/six.py", 100)
        .file(f"{info}/METADATA", metadata)
        .file(f"{info}/RECORD", record)
        .file("usr/bin/six", 10)
        .file("app/node_modules/@a/b/package.json", b'{"name": "@a/b", "version": "2.0.0"}')
        .file("app/node_modules/@a/b/index.js", 50)
        .file("app/node_modules/@a/b/node_modules/c/package.json", b'{"name": "c", "version": "1.0.0"}')
        .file("app/node_modules/@a/b/node_modules/c/lib/x.js", 60)
        .file("app/src/package.json", b'{"name": "own", "version": "0"}')
        .file("var/lib/gems/specifications/rake-13.0.gemspec", b's.name = "rake".freeze\ns.version = "13.0"\n')
        .file("var/lib/gems/gems/rake-13.0/lib/rake.rb", 70)
        .file("opt/app/guava-33.0-jre.jar", 80)
    )
    found = {(manager, name, version): size for manager, name, version, size, _ in packages(tmp_path, layer)}
    assert {key: size for key, size in found.items() if key[0] != "pip"} == {
        ("npm", "@a/b", "2.0.0"): 50 + 36,
        ("npm", "c", "1.0.0"): 60 + 33,
        ("gem", "rake", "13.0"): 70 + 42,
        ("java", "guava", "33.0-jre"): 80,
    }
    assert found["pip", "six", "1.16.0"] == 100 + 10 + len(metadata) + len(record)


def test_pip_into_a_folder(tmp_path: Path) -> None:
    """`pip install --target` leaves in RECORD where the program was before it was moved."""
    record = b"../../bin/flask,sha256=x,213\nflask/__init__.py,sha256=x,100\n"
    layer = (
        LayerBuilder()
        .file("srv/lib/flask-3.1.3.dist-info/METADATA", b"Name: flask\nVersion: 3.1.3\n")
        .file("srv/lib/flask-3.1.3.dist-info/RECORD", record)
        .file("srv/lib/flask/__init__.py", 100)
        .file("srv/lib/bin/flask", 213)
        .file("srv/lib/bin/other", 1)
    )
    assert packages(tmp_path, layer) == [("pip", "flask", "3.1.3", 100 + 213 + 27 + len(record), 0)]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (b"Name: six\r\nVersion: 1\r\n\r\nName: no\r\nVersion: 9\r\n", ("six", "1")),
        (b"Name: six\nVersion: 1\nDescription: a\n        name: CI\n        version: 9\n", ("six", "1")),
        (b"Name: six\nVersion: 1\nDescription: a\n\tname: CI\n\nVersion: 9\n", ("six", "1")),
    ],
    ids=["lines of Windows", "a description among the headers", "indented by a tab"],
)
def test_metadata(metadata: bytes, expected: tuple[str, str], tmp_path: Path) -> None:
    """What a description shows as an example is not the distribution's name."""
    layer = LayerBuilder().file("site/six-1.dist-info/METADATA", metadata)
    assert [(name, version) for _, name, version, _, _ in packages(tmp_path, layer)] == [expected]


def test_a_record_with_a_path_from_the_root(tmp_path: Path) -> None:
    layer = LayerBuilder().file("site/six-1.dist-info/METADATA", b"Name: six\nVersion: 1\n")
    layer.file("site/six-1.dist-info/RECORD", b"/usr/share/six/data,,\n").file("usr/share/six/data", 100)
    assert packages(tmp_path, layer) == [("pip", "six", "1", 100 + 21 + 22, 0)]


def test_what_a_distribution_brings_along_is_part_of_it(tmp_path: Path) -> None:
    """As `pip list` has it; setuptools has others' dist-info among its files."""
    site = "usr/lib/python3.11/site-packages"
    record = b"s/_vendor/wheel-1.dist-info/METADATA,,\ns/_vendor/wheel.py,,\ns/_vendor/wheel-1.dist-info/RECORD,,\n"
    layer = (
        LayerBuilder()
        .file(f"{site}/s/_vendor/wheel-1.dist-info/METADATA", b"Name: wheel\nVersion: 1\n")
        .file(f"{site}/s/_vendor/wheel-1.dist-info/RECORD", b"wheel.py,,\nwheel-1.dist-info/METADATA,,\n")
        .file(f"{site}/s/_vendor/wheel.py", 100)
        .file(f"{site}/s-84.dist-info/METADATA", b"Name: s\nVersion: 84\n")
        .file(f"{site}/s-84.dist-info/RECORD", record)
    )
    size = 23 + 40 + 100 + 20 + len(record)
    assert packages(tmp_path, layer) == [("pip", "s", "84", size, 0)]


def test_gem_with_a_compiled_part(tmp_path: Path) -> None:
    """gem keeps what it compiles a second time, below `extensions`."""
    home = "var/lib/gems/3.1.0"
    layer = (
        LayerBuilder()
        .file(f"{home}/specifications/cx-1.2.3.gemspec", b's.name = "cx"\ns.version = "1.2.3"\n')
        .file(f"{home}/gems/cx-1.2.3/lib/cx.so", 500)
        .file(f"{home}/extensions/x86_64-linux/3.1.0/cx-1.2.3/cx.so", 500)
        .file(f"{home}/extensions/x86_64-linux/3.1.0/cy-1.2.3/cy.so", 7)
        .file(f"{home}/cache/cx-1.2.3.gem", 9)
    )
    assert packages(tmp_path, layer) == [("gem", "cx", "1.2.3", 500 + 500 + 34, 0)]


@pytest.mark.parametrize(
    ("archive", "name", "version"),
    [
        ("guava-31.1-jre", "guava", "31.1-jre"),
        ("log4j-1.2-api-2.17.1", "log4j-1.2-api", "2.17.1"),
        ("hibernate-jpa-2.1-api-1.0.0.Final", "hibernate-jpa-2.1-api", "1.0.0.Final"),
        ("spark-core_2.12-3.1.2", "spark-core_2.12", "3.1.2"),
        ("foo-1.0-beta-2", "foo", "1.0-beta-2"),
        ("antlr4-runtime-4.8-1", "antlr4-runtime", "4.8-1"),
        ("lib-1.0-20200101.120000-1", "lib", "1.0-20200101.120000-1"),
        ("netty-epoll-4.1.68.Final-linux-x86_64", "netty-epoll", "4.1.68.Final-linux-x86_64"),
        ("app", "app", ""),
        ("a" + "-1" * 127, "a", "1" + "-1" * 126),
        ("a" + "-1" * 128, "a" + "-1" * 128, ""),
    ],
)
def test_archives_of_java(tmp_path: Path, archive: str, name: str, version: str) -> None:
    assert packages(tmp_path, LayerBuilder().file(f"opt/{archive}.jar", 80)) == [("java", name, version, 80, 0)]


GO_MARKS = bytes.fromhex("3077af0c9274080241e1c107e6d618e6"), bytes.fromhex("f932433186182072008242104116d8f2")
BUILD = "build\t-compiler=gc\nbuild\t-trimpath=true\nbuild\tCGO_ENABLED=1\nbuild\tGOARCH=amd64\nbuild\tGOOS=linux\n"


def go_program(about: str) -> bytes:
    """An ELF file with nothing in it but what Go says of itself, between its two marks."""
    about_it = GO_MARKS[0] + about.encode() + GO_MARKS[1]
    length = bytes([len(about_it) & 0x7F | 0x80, len(about_it) >> 7])
    info = b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x08go1.19.8" + length + about_it
    names = b"\0.go.buildinfo\0"
    sections = b"".join(
        struct.pack("<II4QIIQQ", name, 1, 0, 0, 64 + start, size, 0, 0, 1, 0)
        for name, start, size in ((0, 0, len(names)), (1, len(names), len(info)))
    )
    header = struct.pack("<HHIQQQI6H", 2, 62, 1, 0, 0, 64 + len(names) + len(info), 0, 64, 0, 0, 64, 2, 0)
    return b"\x7fELF\2\1\1" + bytes(9) + header + names + info + sections


@pytest.mark.parametrize(
    ("about", "name", "version"),
    [
        ("path\ta.org/b/cmd/b\nmod\ta.org/b\tv1.2.3\th1:x=\n", "a.org/b", "v1.2.3"),
        ("path\ta.org/b/cmd/b\n", "a.org/b/cmd/b", ""),
    ],
)
def test_programs_of_go(tmp_path: Path, about: str, name: str, version: str) -> None:
    """Debian builds without modules, so that only the package's path is there."""
    program = go_program(about + BUILD)
    assert packages(tmp_path, LayerBuilder().file("usr/bin/b", program)) == [("go", name, version, len(program), 0)]


def test_the_distribution_comes_before_the_language(tmp_path: Path) -> None:
    info = "usr/lib/python3/dist-packages/six-1.16.0.egg-info"
    listed = f"/usr/lib/python3/dist-packages/six.py\n/{info}/PKG-INFO\n"
    status = b"Package: python3-six\nStatus: install ok installed\nVersion: 1.16.0-4\n"
    layer = (
        LayerBuilder()
        .file("usr/lib/python3/dist-packages/six.py", 100)
        .file(f"{info}/PKG-INFO", b"Name: six\nVersion: 1.16.0\n")
        .file("var/lib/dpkg/status", status)
        .file("var/lib/dpkg/info/python3-six.list", listed.encode())
    )
    assert [(manager, name) for manager, name, *_ in packages(tmp_path, layer)] == [("dpkg", "python3-six")]


def test_what_brings_programs_and_archives_comes_before_what_they_are(tmp_path: Path) -> None:
    """As npm's esbuild does, or a gem of JRuby."""
    program = go_program(f"path\ta.org/b/cmd/b\nmod\ta.org/b\tv1.2.3\th1:x=\n{BUILD}")
    module, gems = "app/node_modules/@esbuild/linux-x64", "var/lib/gems/3.1.0"
    manifest, specification = b'{"name": "@esbuild/linux-x64", "version": "0.21"}', b's.name = "j"\ns.version = "1"\n'
    layer = (
        LayerBuilder()
        .file(f"{module}/package.json", manifest)
        .file(f"{module}/bin/esbuild", program)
        .file("usr/bin/b", program)
        .file(f"{gems}/specifications/j-1.gemspec", specification)
        .file(f"{gems}/gems/j-1/lib/guava-31.jar", 80)
        .file("srv/guava-31.jar", 70)
    )
    assert sorted(packages(tmp_path, layer)) == [
        ("gem", "j", "1", len(specification) + 80, 0),
        ("go", "a.org/b", "v1.2.3", len(program), 0),
        ("java", "guava", "31", 70, 0),
        ("npm", "@esbuild/linux-x64", "0.21", len(manifest) + len(program), 0),
    ]


def test_recommended() -> None:
    def stanza(name: str, **fields: str) -> str:
        lines = [f"Package: {name}", "Status: install ok installed", "Version: 1"]
        return "\n".join([*lines, *(f"{key.replace('_', '-')}: {value}" for key, value in fields.items())]) + "\n"

    status = "\n".join(
        [
            stanza("git", Depends="libc6 (>= 2), perl | perl-base", Recommends="ssh-client, less, missing"),
            stanza("libc6"),
            stanza("perl-base"),
            stanza("openssh", Provides="ssh-client", Depends="libedit2", Recommends="xauth"),
            stanza("libedit2"),
            stanza("xauth"),
            stanza("less"),
            stanza("vim"),
            stanza("orphan"),
        ]
    )
    automatic = ["libc6", "perl-base", "openssh", "libedit2", "xauth", "orphan"]
    states = "\n".join(f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1\n" for name in automatic)
    records = {"var/lib/dpkg/status": status.encode(), "var/lib/apt/extended_states": states.encode()}
    # less was asked for by name, and what nothing leads to was left over from before.
    assert recommends.recommended(records) == ["libedit2", "openssh", "xauth"]
    assert recommends.recommended({"var/lib/dpkg/status": status.encode()}) == []


def test_what_is_not_looked_into() -> None:
    for path in ("status", "a/status", "usr/share/doc/METADATA", "x.list", "package.json", "installed", "RECORD"):
        assert keeper(path) is None
