"""The header scanner reads what tarfile and Go's archive/tar read, and nothing that is broken."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from posixpath import normpath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from imagelint.errors import BrokenImageError
from imagelint.image.tar import DIRECTORY, HARD_LINK, REGULAR, SYMBOLIC_LINK, Header, TarReader, is_header
from imagelint.image.tar_rows import clean, clean_all
from imagelint.testing import LayerBuilder


def read_all(content: bytes, chunk_bytes: int = 4096) -> list[Header]:
    reader = TarReader(content[at : at + chunk_bytes] for at in range(0, len(content), chunk_bytes))
    headers = []
    while (header := reader.read()) is not None:
        headers.append(header)
    return headers


def raw_header(name: bytes = b"file", size: bytes = b"00000000000\0", kind: bytes = b"0", **fields: bytes) -> bytes:
    """A header made by hand, with a right checksum."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = fields.get("mode", b"0000644\0")
    block[108:116] = fields.get("uid", b"0000000\0")
    block[116:124] = fields.get("gid", b"0000000\0")
    block[124:136] = size
    block[136:148] = fields.get("mtime", b"00000000000\0")
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[257:265] = fields.get("magic", b"ustar\x0000")
    for place, value in ((157, "link"), (345, "prefix"), (482, "sparse")):
        if value in fields:
            block[place : place + len(fields[value])] = fields[value]
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


END = bytes(1024)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("usr/bin/env", "usr/bin/env"),
        ("./usr/", "usr"),
        ("/etc/passwd", "etc/passwd"),
        ("..", ""),
        ("../../etc/passwd", "etc/passwd"),
        ("a/../../b", "b"),
        ("a//b/./c/", "a/b/c"),
        ("a/.hidden", "a/.hidden"),
        ("a/..b/...", "a/..b/..."),
        (".wh.x", ".wh.x"),
        ("./.wh.x", ".wh.x"),
        ("//a", "a"),
        ("///a", "a"),
        ("./", ""),
        (".", ""),
        ("", ""),
        ("./../a", "a"),
        (".//a", "a"),
        ("a/", "a"),
        ("a//", "a"),
        ("a/..", ""),
    ],
)
def test_clean(name: str, path: str) -> None:
    assert clean(name) == path


@given(st.lists(st.lists(st.sampled_from(["a", ".b", "..c", "...", ".", "..", "", "\n"]), max_size=4).map("/".join)))
def test_many_are_cleaned_as_each_is_alone(names: list[str]) -> None:
    assert clean_all([name.encode() for name in names]) == [normpath(f"/{name}").lstrip("/") for name in names]


names = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0/"), min_size=1, max_size=60
).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=6).map("/".join)
entries = st.one_of(
    st.builds(lambda path, content: (path, tarfile.REGTYPE, content, ""), paths, st.binary(max_size=2000)),
    st.builds(lambda path: (path, tarfile.DIRTYPE, b"", ""), paths),
    st.builds(lambda path, link: (path, tarfile.SYMTYPE, b"", link), paths, paths),
    st.builds(lambda path, link: (path, tarfile.LNKTYPE, b"", link), paths, paths),
    st.builds(lambda path: (path, tarfile.FIFOTYPE, b"", ""), paths),
)


@given(
    st.lists(entries, max_size=8),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    st.integers(0, 0o7777),
    st.integers(0, 2**40),
    st.integers(-(2**33), 2**40),
    st.integers(1, 3000),
)
def test_equals_tarfile(members: list, tar_format: int, mode: int, uid: int, mtime: int, chunk_bytes: int) -> None:
    layer = LayerBuilder(format=tar_format)
    for path, kind, content, link in members:
        layer.entry(path, kind, content, linkname=link, mode=mode, uid=uid, gid=uid // 2, mtime=mtime)
    content = layer.tar()
    with tarfile.open(fileobj=io.BytesIO(content), errors="surrogateescape") as tar:
        expected = [
            (
                clean(member.name),
                member.type[0],
                (member.mode, member.uid, member.gid),
                int(member.mtime),
                member.linkname,
                member.size,
                member.offset_data if member.isreg() and member.size else 0,
            )
            for member in tar
        ]
    assert read_all(content, chunk_bytes) == expected


@given(st.lists(st.binary(max_size=3000), max_size=6), st.integers(1, 2000))
def test_hashes_content_however_it_comes(contents: list[bytes], chunk_bytes: int) -> None:
    layer = LayerBuilder()
    for number, content in enumerate(contents):
        layer.file(str(number), content)
    tar = layer.tar()
    reader = TarReader(memoryview(tar)[at : at + chunk_bytes] for at in range(0, len(tar), chunk_bytes))
    for content in contents:
        assert reader.read() is not None
        assert reader.content_hash() == xxh3_64_intdigest(content)
    assert reader.read() is None


def test_content_can_be_taken_in_part() -> None:
    tar = LayerBuilder().file("a", b"x" * 5000).file("b", b"y").tar()
    reader = TarReader(tar[at : at + 1000] for at in range(0, len(tar), 1000))
    assert reader.read() is not None
    assert bytes(next(reader.content())).strip(b"x") == b""
    header = reader.read()
    assert header is not None
    assert header[0] == "b"
    assert b"".join(reader.content()) == b"y"


@pytest.mark.parametrize("tar_format", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_reads_what_gnu_tar_writes(tmp_path: Path, tar_format: str) -> None:
    root = tmp_path / "root"
    (root / "directory").mkdir(parents=True)
    (root / "directory" / "file").write_bytes(b"x" * 700)
    (root / "link").symlink_to("directory/file")
    (root / "hard").hardlink_to(root / "directory" / "file")
    with (root / "sparse").open("wb") as file:
        file.truncate(10_000_000)
        file.seek(5_000_000)
        file.write(b"data")
    options = [] if tar_format in ("v7", "ustar") else ["--sparse"]
    made = subprocess.run(
        ["tar", "--create", f"--format={tar_format}", *options, "--sort=name", "--directory", root, "."],
        capture_output=True,
        check=True,
    )
    found = {header[0]: (header[1], header[5], header[4]) for header in read_all(made.stdout)}
    assert found == {
        "": (DIRECTORY, 0, ""),
        "directory": (DIRECTORY, 0, ""),
        "directory/file": (REGULAR, 700, ""),
        "hard": (HARD_LINK, 0, "./directory/file"),
        "link": (SYMBOLIC_LINK, 0, "directory/file"),
        "sparse": (REGULAR, 10_000_000, ""),
    }


@pytest.mark.parametrize("version", ["0.0", "0.1", "1.0"])
def test_pax_sparse_files_have_their_expanded_size(tmp_path: Path, version: str) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        for place in range(1, 200):  # more pieces than one header has room for
            file.seek(place * 1_000_000)
            file.write(b"data")
    size = file_size = (tmp_path / "sparse").stat().st_size
    made = subprocess.run(
        ["tar", "-c", "--format=posix", "--sparse", f"--sparse-version={version}", "-C", tmp_path, "sparse", "sparse"],
        capture_output=True,
        check=True,
    )
    assert next((header[0], header[5]) for header in read_all(made.stdout)) == ("sparse", size)
    old = subprocess.run(
        ["tar", "-c", "--format=gnu", "--sparse", "-C", tmp_path, "sparse"], capture_output=True, check=True
    )
    assert [(header[0], header[5]) for header in read_all(old.stdout)] == [("sparse", file_size)]


def test_prefix_of_ustar() -> None:
    assert read_all(raw_header(b"name", prefix=b"a/long/directory") + END)[0][0] == "a/long/directory/name"


def test_prefix_is_not_one_in_gnu_headers() -> None:
    assert read_all(raw_header(b"name", magic=b"ustar  \0", prefix=b"14000000000") + END)[0][0] == "name"


def test_base_256_numbers() -> None:
    header = read_all(raw_header(uid=b"\x80" + (3_000_000).to_bytes(7, "big"), mtime=b"\xff" * 12) + END)[0]
    assert header[2] == (0o644, 3_000_000, 0)
    assert header[3] == -1


def test_v7_directories_end_in_a_slash() -> None:
    assert read_all(raw_header(b"a/", kind=b"\0", magic=bytes(8)) + END)[0][1] == DIRECTORY


def test_signed_checksums_of_old_tars_are_right() -> None:
    block = bytearray(raw_header("ä".encode()))
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(byte - 256 if byte > 127 else byte for byte in block)
    assert read_all(bytes(block) + END)[0][0] == "ä"


def test_names_that_are_not_utf8_come_back() -> None:
    assert read_all(raw_header(b"\xff\xfe") + END)[0][0].encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_sizes_of_links_and_directories_announce_no_content() -> None:
    tar = raw_header(b"d", b"00000001000\0", b"5") + raw_header(b"l", b"00000001000\0", b"1", link=b"d") + END
    assert [(header[0], header[5]) for header in read_all(tar)] == [("d", 0), ("l", 0)]


def test_global_headers_are_passed_over() -> None:
    layer = LayerBuilder().file("a", b"1")
    record = b"20 path=everywhere\n\n"
    tar = raw_header(b"pax_global_header", b"%011o\0" % len(record), b"g") + record.ljust(512, b"\0") + layer.tar()
    assert [header[0] for header in read_all(tar)] == ["a"]


def test_a_tar_may_end_without_its_zeros() -> None:
    assert len(read_all(raw_header())) == 1
    assert read_all(b"") == []


@pytest.mark.parametrize(
    ("tar", "message"),
    [
        (raw_header()[:300], "middle of a header"),
        (raw_header(size=b"00000001000\0"), "middle of an entry"),
        (raw_header(size=b"\x80" + b"\xff" * 11), "a size of 309,485,009,821,345,068,724,781,055 bytes"),
        (raw_header(size=b"\xff" * 12) + END, "negative size"),
        (raw_header(size=b"-0000000001\0") + END, "negative size"),
        (raw_header(size=b"nonsense\0\0\0\0") + END, "size is not a number"),
        (raw_header(mode=b"rw-r--r-") + END, "mode is not a number"),
        (raw_header(mtime=b"today\0\0\0\0\0\0\0") + END, "time is not a number"),
        (raw_header()[:-1] + b"x" + END, "checksum is wrong"),
        (b"x" * 512 + END, "checksum is wrong"),
        (bytes(512) + raw_header() + END, "lone block of zeros"),
        (raw_header(b"x", b"77777777777\0", b"x") + END, "extended tar header has 8589934591 bytes"),
        (raw_header(b"x", b"77777777777\0", b"L") + END, "extended tar header has 8589934591 bytes"),
    ],
)
def test_broken_tars(tar: bytes, message: str) -> None:
    with pytest.raises(BrokenImageError, match=message):
        read_all(tar)


@pytest.mark.parametrize(
    "records",
    [
        b"garbage",
        b"99 path=short\n",
        b"0 path=x\n",
        b"-5 path=x\n",
        b"9 path=x\0\n",
        b"10 path=a\0\n",
        b"12 size=1e9\n",
        b"10 size=-\n",
        b"9 size=1\n\n",
        b"31 size=99999999999999999999999\n",
        b"15 mtime=never\n",
        b"6 =xy\n",
    ],
)
def test_broken_pax_records(records: bytes) -> None:
    tar = raw_header(b"x", b"%011o\0" % len(records), b"x") + records.ljust(512, b"\0") + raw_header() + END
    with pytest.raises(BrokenImageError, match="PAX header"):
        read_all(tar)


def test_paths_longer_than_linux_allows() -> None:
    assert len(read_all(LayerBuilder().file("d/" * 2047 + "f").tar())) == 1
    with pytest.raises(BrokenImageError, match="a path has 5000 bytes"):
        read_all(LayerBuilder().file("f" * 5000).tar())


def test_is_header() -> None:
    assert is_header(raw_header())
    assert is_header(bytes(512))
    assert not is_header(raw_header()[:511])
    assert not is_header(b"{" * 512)
