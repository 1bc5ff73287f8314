"""rpm's database: headers in SQLite (`rpmdb.sqlite`), in rpm's own format (`Packages.db`), Berkeley's (`Packages`).

A header is a table of tags over a store of data, all big-endian (rpm's file format, section "Header structure").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from struct import Struct, error

from imagelint.image.packages import berkeley

_NAME, _VERSION, _RELEASE, _DIRECTORY, _BASENAME, _DIRNAME = 1000, 1001, 1002, 1116, 1117, 1118
_HEAD, _ENTRY = Struct(">II"), Struct(">IIII")
_ENTRIES, _FILES = 10_000, 1_000_000
_REDUCED = 64 << 20  # a folder of a header stands for many files: of a broken one these are more than memory holds
_SLOT, _BLOB = Struct("<IIII"), Struct("<IIII")
_SLOT_MAGIC, _BLOB_MAGIC, _NDB_MAGIC = 0x746F6C53, 0x53626C42, b"RpmP"
_PAGE = 4096
_STEPS = 10_000_000  # of SQLite's machine; ten are a package's
_SQLITE_MAGIC, _SQLITE_LOGGED, _SQLITE_PLAIN = b"SQLite format 3\0", b"\2\2", b"\1\1"


def reduce_sqlite(content: bytes) -> bytes:
    """Name, version and files of the packages in an `rpmdb.sqlite`; nothing where it is none."""
    import sqlite3

    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(_without_log(content))
            connection.execute("PRAGMA trusted_schema = OFF")
            # A stranger's schema: `Packages` may be a view that never ends, or a tree that shares its pages.
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, len(content))
            connection.set_progress_handler(lambda: 1, _STEPS)
            headers = _no_more_than(len(content), connection.execute("SELECT blob FROM Packages"))
    except (sqlite3.Error, MemoryError, OverflowError):
        return b""
    return _reduced(headers)


def _no_more_than(size: int, rows: Iterable[tuple[object]]) -> list[bytes]:
    """The headers in rows; raises OverflowError where they are more bytes than the file that they come from."""
    headers: list[bytes] = []
    for (header,) in rows:
        if isinstance(header, bytes):
            size -= len(header)
            headers.append(header)
        if size < 0:
            raise OverflowError
    return headers


def _without_log(content: bytes) -> bytes | bytearray:
    """The database as one without a write-ahead log: rpm makes it with one, and such a file opens in no memory.

    What the log would add is in the file once rpm has ended (SQLite's file format, "File format version numbers").
    """
    place = len(_SQLITE_MAGIC) + 2
    if content[: len(_SQLITE_MAGIC)] != _SQLITE_MAGIC or content[place : place + 2] != _SQLITE_LOGGED:
        return content
    changed = bytearray(content)
    changed[place : place + 2] = _SQLITE_PLAIN
    return changed


def reduce_ndb(content: bytes) -> bytes:
    """Name, version and files of the packages in a `Packages.db`; nothing where it is none."""
    return _reduced(_blobs(content))


def reduce_berkeley(content: bytes) -> bytes:
    """Name, version and files of the packages in a `Packages`; nothing where it is none."""
    return _reduced(berkeley.values(content))


def _blobs(content: bytes) -> Iterator[bytes]:
    """The headers of rpm's own format: slots that say in which blocks of 16 bytes each one lies.

    They end where they are more bytes than the file: slots of a broken one may all say the same.
    """
    if content[:4] != _NDB_MAGIC:
        return
    room = len(content)
    pages = int.from_bytes(content[12:16], "little")
    for at in range(32, min(pages * _PAGE, len(content)) - _SLOT.size + 1, _SLOT.size):
        magic, package, block, _ = _SLOT.unpack_from(content, at)
        if magic == _SLOT_MAGIC and package and block * 16 + _BLOB.size <= len(content):
            blob, _, _, length = _BLOB.unpack_from(content, block * 16)
            if blob == _BLOB_MAGIC:
                start = block * 16 + _BLOB.size
                header = content[start : start + length]
                room -= len(header)
                if room < 0:
                    return
                yield header


def _reduced(headers: Iterable[bytes]) -> bytes:
    """A record a package: name, a tab, version, then a path a line; an empty line ends it."""
    records: list[bytes] = []
    room = _REDUCED
    for header in headers:
        try:
            record = _record(header, room)
        except OverflowError:
            return b""
        except (error, IndexError, KeyError, ValueError):
            continue
        room -= len(record)
        records.append(record)
    return b"\n\n".join(records)


def _record(header: bytes, room: int) -> bytes:
    """A package's record; raises OverflowError where it has more bytes than there is room."""
    count, size = _HEAD.unpack_from(header)
    if count > _ENTRIES:
        raise ValueError
    store = header[_HEAD.size + count * _ENTRY.size :][:size]
    tags: dict[int, tuple[int, int]] = {}
    for number in range(count):
        tag, _, offset, items = _ENTRY.unpack_from(header, _HEAD.size + number * _ENTRY.size)
        tags[tag] = offset, min(items, _FILES)
    name = _strings(store, *tags[_NAME])[0]
    version = _strings(store, *tags[_VERSION])[0] + b"-" + _strings(store, *tags[_RELEASE])[0]
    lines = [name + b"\t" + version]
    if _BASENAME in tags and _DIRNAME in tags and _DIRECTORY in tags:
        bases, folders = _strings(store, *tags[_BASENAME]), _strings(store, *tags[_DIRNAME])
        offset, items = tags[_DIRECTORY]
        count = min(len(bases), items)
        numbers = Struct(f">{count}I").unpack_from(store, offset)
        if sum(len(folders[number]) for number in numbers) > room:
            raise OverflowError
        lines += (folders[number] + base for number, base in zip(numbers, bases, strict=False))
    return b"\n".join(filter(None, (line.replace(b"\n", b"") for line in lines)))


def _strings(store: bytes, offset: int, count: int) -> list[bytes]:
    """So many strings, each ended by a NUL."""
    return store[offset:].split(b"\0", count)[:count]
