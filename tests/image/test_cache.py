"""The cache: it says what was read, and whatever becomes of it, no run fails for it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from array import array
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelint.errors import BrokenImageError
from imagelint.image import columns
from imagelint.image.analyze import analyze
from imagelint.image.cache import SqliteCache, clean, location, size_limit
from imagelint.image.columns import NotAnIndexError, decode, encode
from imagelint.image.index import LayerIndex
from imagelint.image.reading import read_image
from imagelint.testing import ImageBuilder, LayerBuilder, layout, write

from .test_archive import example

NAMES = st.binary(max_size=12).map(lambda name: name.replace(b"\0", b"/").decode("utf-8", "surrogateescape"))
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


@st.composite
def indexes(draw: st.DrawFn) -> LayerIndex:
    count = draw(st.integers(0, 8))

    def column(kind: str, values: st.SearchStrategy[int]) -> array[int]:
        return array(kind, draw(st.lists(values, min_size=count, max_size=count)))

    rows = st.integers(0, max(count - 1, 0))
    return LayerIndex(
        paths=draw(st.lists(NAMES, min_size=count, max_size=count)),
        types=bytearray(draw(st.binary(min_size=count, max_size=count))),
        sizes=column("q", INT64),
        attributes=column("I", st.integers(0, 1000)),
        times=column("q", INT64),
        contents=column("Q", st.integers(0, (1 << 64) - 1)),
        offsets=column("q", INT64),
        links=draw(st.dictionaries(rows, NAMES)),
        owners=draw(st.lists(st.tuples(INT64, INT64, INT64), max_size=4)),
        markers=draw(st.lists(rows)),
        kept=draw(st.dictionaries(rows, st.binary(max_size=50))),
        layer_bytes=draw(st.integers(0, (1 << 63) - 1)),
    )


@given(indexes())
def test_what_goes_in_comes_out(index: LayerIndex) -> None:
    assert decode(encode(index)) == index


@given(index=indexes(), data=st.data())
def test_changed_bytes_are_no_index(index: LayerIndex, data: st.DataObject) -> None:
    content = bytearray(encode(index))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(NotAnIndexError):  # or a bit of the compressed stream that means nothing
        assert decode(bytes(content)) == index


@given(st.binary(max_size=100))
def test_any_bytes_are_no_index(content: bytes) -> None:
    with pytest.raises(NotAnIndexError):
        decode(content)


def test_the_format_is_named_by_its_columns() -> None:
    """Whoever adds a column to the index gets another format, and an error for a column that nobody encodes."""
    assert columns.FORMAT.endswith(",".join(LayerIndex.__annotations__))
    assert set(columns._CODECS) == set(LayerIndex.__annotations__)


class Said(list[str]):
    """What a person was told."""


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def cache(tmp_path: Path, said: Said) -> SqliteCache:
    return SqliteCache(tmp_path / "cache" / "layers.sqlite", 1_000_000, said.append)


def diff_id(number: int) -> str:
    return f"sha256:{number:064x}"


def index(size: int = 10) -> LayerIndex:
    """An index of one file, of which so many bytes are kept that do not compress."""
    return LayerIndex(
        ["a"], bytearray(b"0"), array("q", [size]), array("I", [0]), array("q", [0]), array("Q", [1]),
        array("q", [512]), {}, [(0o644, 0, 0)], [], {0: os.urandom(size)}, size,
    )  # fmt: skip


class TestUsed:
    def test_a_second_run_reads_no_layer(self, tmp_path: Path, cache: SqliteCache) -> None:
        """Its blob may even be gone: what hashed to that diff_id is known."""
        folder = write(layout(example()), tmp_path / "layout")
        first = read_image(str(folder), cache=cache)
        for layer in first.layers:
            (folder / f"blobs/{(layer.digest or '').replace(':', '/')}").unlink(missing_ok=True)
        assert analyze(read_image(str(folder), cache=cache)) == analyze(first)

    def test_only_what_is_not_known_is_read(self, tmp_path: Path, cache: SqliteCache) -> None:
        base, top = LayerBuilder().file("a", b"1" * 5000), LayerBuilder().file("b", b"2" * 5000)
        read_image(str(ImageBuilder().layer(base).save(tmp_path / "base.tar")), cache=cache)
        progress: list[int | None] = []
        path = str(ImageBuilder().layer(base).layer(top).save(tmp_path / "top.tar"))
        image = read_image(path, cache=cache, progress=lambda what, done, total: progress.append(total))
        assert set(progress) == {len(top.tar())}
        assert analyze(image) == analyze(read_image(path))

    def test_nothing_enters_that_was_not_verified(self, tmp_path: Path, cache: SqliteCache) -> None:
        path = str(example().save(tmp_path / "image.tar"))
        read_image(path, cache=cache, verify=False)
        read_image(path, cache=cache, contents=False)
        assert cache.usage().layers == 0

    def test_a_lying_archive_never_enters(self, tmp_path: Path, cache: SqliteCache) -> None:
        image = ImageBuilder().layer(LayerBuilder().file("a", b"right"))
        path = image.save(tmp_path / "image.tar", layout="legacy")
        path.write_bytes(path.read_bytes().replace(b"right", b"wrong"))
        with pytest.raises(BrokenImageError):
            read_image(str(path), cache=cache)
        assert cache.usage().layers == 0


class TestBroken:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_bytes_changed_anywhere(self, tmp_path: Path, data: st.DataObject) -> None:
        """A broken file gives an index that was put in, or none; never another, never an error."""
        said: list[str] = []
        path = tmp_path / "layers.sqlite"
        path.unlink(missing_ok=True)
        known = {diff_id(number): index() for number in range(3)}
        cache = SqliteCache(path, 1_000_000, said.append)
        for name, each in known.items():
            cache.put(name, each)
        cache.close()
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 20))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        cache = SqliteCache(path, 1_000_000, said.append)
        for name, each in known.items():
            assert cache.get(name) in (None, each)
        cache.put(diff_id(9), index())
        cache.close()

    def test_a_file_that_is_no_database_is_replaced(self, cache: SqliteCache, said: Said) -> None:
        cache._path.parent.mkdir()
        cache._path.write_bytes(b"something else" * 100)
        cache.put(diff_id(1), index())
        assert cache.get(diff_id(1)) is not None
        assert said == []

    def test_a_locked_file_is_passed_over(
        self, cache: SqliteCache, said: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from imagelint.image import cache as module

        monkeypatch.setattr(module, "_BUSY_SECONDS", 0.05)
        cache.put(diff_id(1), index())
        cache.close()
        other = sqlite3.connect(cache._path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        assert cache.get(diff_id(1)) is None
        cache.put(diff_id(2), index())
        other.close()
        assert len(said) == 1
        assert "is not used: database is locked" in said[0]

    def test_a_link_in_its_place_is_not_followed(self, cache: SqliteCache, said: Said, tmp_path: Path) -> None:
        cache._path.parent.mkdir()
        cache._path.symlink_to(tmp_path / "elsewhere")
        cache.put(diff_id(1), index())
        assert not (tmp_path / "elsewhere").exists()
        assert len(said) == 1

    def test_a_folder_that_is_a_file(self, tmp_path: Path, said: Said) -> None:
        (tmp_path / "cache").write_text("")
        cache = SqliteCache(tmp_path / "cache" / "layers.sqlite", 1000, said.append)
        assert cache.get(diff_id(1)) is None
        assert len(said) == 1

    def test_it_is_for_its_owner_alone(self, cache: SqliteCache) -> None:
        cache.put(diff_id(1), index())
        assert cache._path.stat().st_mode & 0o777 == 0o600
        assert cache._path.parent.stat().st_mode & 0o777 == 0o700


class TestLimit:
    def test_what_was_not_used_for_longest_goes(self, cache: SqliteCache, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1_000_000
        monkeypatch.setattr(time, "time", lambda: now)
        for number in range(5):
            now += 10_000
            cache.put(diff_id(number), index(300_000))
            cache.get(diff_id(0))
        assert [cache.get(diff_id(number)) is not None for number in range(5)] == [True, False, False, True, True]
        cache.close()
        assert cache._path.stat().st_size < 1_200_000

    def test_what_is_larger_than_the_limit_does_not_enter(self, cache: SqliteCache) -> None:
        cache.put(diff_id(1), index(2_000_000))
        assert cache.get(diff_id(1)) is None

    def test_documents_are_held_against_their_digest(self, cache: SqliteCache) -> None:
        cache.documents.put(diff_id(1), b"not of that digest")
        assert cache.documents.get(diff_id(1)) is None


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.image.test_cache import diff_id, index
from imagelint.image.cache import SqliteCache
cache = SqliteCache(Path(sys.argv[1]), 50_000_000, print)
start = int(sys.argv[2])
for number in range(start, start + int(sys.argv[3])):
    cache.put(diff_id(number), index(20_000))
    print("put", flush=True)
"""


def writer(path: Path, start: int, count: int) -> subprocess.Popen[str]:
    program = WRITER.format(root=str(Path(__file__).parents[2]))
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path), str(start), str(count)], stdout=subprocess.PIPE, text=True
    )


def test_several_processes_at_once(cache: SqliteCache, said: Said) -> None:
    processes = [writer(cache._path, start, 20) for start in (0, 100, 200)]
    output = [process.communicate(timeout=60)[0] for process in processes]
    assert [text.count("put\n") for text in output] == [20] * 3
    assert all(set(text.split()) == {"put"} for text in output)
    assert all(cache.get(diff_id(start + number)) for start in (0, 100, 200) for number in range(20))
    assert said == []


def test_killed_in_the_middle(cache: SqliteCache, said: Said) -> None:
    for attempt in range(3):
        process = writer(cache._path, attempt * 1000, 1000)
        assert process.stdout is not None
        for _ in range(3 + attempt):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert cache.get(diff_id(attempt * 1000)) is not None
    cache.put(diff_id(5), index())
    assert cache.get(diff_id(5)) is not None
    assert said == []


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IMAGELINT_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("IMAGELINT_CACHE_SIZE", "5MB")
    assert location() == tmp_path / "layers.sqlite"
    assert size_limit() == 5_000_000
    assert clean() == 0
    location().write_bytes(b"12345")
    assert clean() == 5
    monkeypatch.delenv("IMAGELINT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert location() == tmp_path / "xdg" / "imagelint" / "layers.sqlite"
