"""What earlier runs have read: indexes of layers by diff_id, documents by digest, and reports, in one SQLite file.

Only what was verified enters, so that a cache never says of a digest what is not true of it. It is there to save time
and nothing else: where it is locked, full, broken or not to be written, that is said once, and the run goes on without.
"""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

from imagelint.errors import InputError
from imagelint.image.columns import FORMAT, NotAnIndexError, decode, encode
from imagelint.image.index import LayerIndex
from imagelint.image.sources.interface import Documents
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.sizes import parse_size

if TYPE_CHECKING:
    from typing import TypeVar

    Value = TypeVar("Value")

DEFAULT_BYTES = 1_000_000_000
"""How large the file may become; what was not used for longest goes first."""

_BUSY_SECONDS = 5.0
_FRESH_SECONDS = 3600  # a use is not written down more often than that
_SCHEMA = 2
_TABLES = ("layers", "documents", "reports")
_BROKEN = ("malformed", "not a database", "file is encrypted")


class Usage(NamedTuple):
    """What a cache holds: where, in how many bytes of how many allowed, and how many layers, documents and reports."""

    path: Path
    bytes: int
    limit: int
    layers: int
    documents: int
    reports: int


def location() -> Path:
    """Where the cache is: in IMAGELINT_CACHE_DIR, or in the user's folder for caches."""
    if folder := os.environ.get("IMAGELINT_CACHE_DIR"):
        return Path(folder, "layers.sqlite")
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("imagelint", appauthor=False), "layers.sqlite")


def size_limit() -> int:
    """How many bytes it may hold: IMAGELINT_CACHE_SIZE, such as 500MB, or a gigabyte. Raises UsageError."""
    wanted = os.environ.get("IMAGELINT_CACHE_SIZE")
    return parse_size(wanted) if wanted else DEFAULT_BYTES


@contextmanager
def opened(notice: Callable[[str], None]) -> Iterator[SqliteCache]:
    """The user's cache, for as long as it is needed. `notice` is told what keeps it from being used."""
    cache = SqliteCache(location(), size_limit(), notice)
    try:
        yield cache
    finally:
        cache.close()


class SqliteCache:
    """A cache in a file, which is opened when something is first asked of it; a `LayerCache`."""

    def __init__(self, path: Path, limit: int, notice: Callable[[str], None]) -> None:
        self._path = path
        self._limit = limit
        self._notice = notice
        self._connection: sqlite3.Connection | None = None
        self._usable = True

    @property
    def documents(self) -> Documents:
        """Manifests and configurations by digest."""
        return _Documents(self)

    def get(self, diff_id: str) -> LayerIndex | None:
        """The index of a layer; None where it is not known."""
        content = self._fetch("layers", "diff_id", diff_id, " AND format = ?", FORMAT)
        if content is None:
            return None
        try:
            return decode(content)
        except NotAnIndexError:
            self._run(lambda connection: connection.execute("DELETE FROM layers WHERE diff_id = ?", (diff_id,)))
            return None

    def put(self, diff_id: str, index: LayerIndex) -> None:
        """Keeps an index, and lets go of what was not used for longest where there is no room."""
        row = (diff_id, FORMAT, encode(index), _now())
        if len(row[2]) <= self._limit:
            self._store("INSERT OR REPLACE INTO layers VALUES (?, ?, ?, ?)", row)

    def document(self, digest: str) -> bytes | None:
        """The document of a digest, whose bytes still have it."""
        content = self._fetch("documents", "digest", digest)
        return content if content is not None and f"sha256:{sha256(content).hexdigest()}" == digest else None

    def put_document(self, digest: str, content: bytes) -> None:
        """Keeps a document. Only what SHA-256 names can be held against its name again."""
        if digest.startswith("sha256:") and len(content) <= self._limit:
            self._store("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (digest, content, _now()))

    def report(self, key: str) -> bytes | None:
        """What was kept under a key."""
        content = self._fetch("reports", "key", key)
        if content is None:
            return None
        try:
            return zlib.decompress(content)
        except zlib.error:
            return None

    def put_report(self, key: str, content: bytes) -> None:
        """Keeps what was found out about an image whose layers were all verified."""
        packed = zlib.compress(content, 1)
        if len(packed) <= self._limit:
            self._store("INSERT OR REPLACE INTO reports VALUES (?, ?, ?)", (key, packed, _now()))

    def usage(self) -> Usage:
        """What is in it."""
        counted = self._run(
            lambda connection: [
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - two names of our own
                for table in _TABLES
            ]
        )
        layers, documents, reports = counted or (0, 0, 0)
        size = self._path.stat().st_size if self._path.exists() else 0
        return Usage(self._path, size, self._limit, layers, documents, reports)

    def close(self) -> None:
        """Closes the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fetch(self, table: str, column: str, key: str, more: str = "", *values: str) -> bytes | None:
        query = f"SELECT content, used FROM {table} WHERE {column} = ?{more}"  # noqa: S608 - names of our own
        row = self._run(lambda connection: connection.execute(query, (key, *values)).fetchone())
        if not isinstance(row, tuple) or not isinstance(row[0], bytes):
            return None
        if not isinstance(row[1], int) or row[1] < _now() - _FRESH_SECONDS:
            update = f"UPDATE {table} SET used = ? WHERE {column} = ?"  # noqa: S608
            self._run(lambda connection: connection.execute(update, (_now(), key)))
        return row[0]

    def _store(self, statement: str, row: tuple[object, ...]) -> None:
        def store(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(statement, row)
                shrunk = _shrunk(connection, self._limit)
            if shrunk:
                # It is stepped once a page, which `execute` does not do for what has no columns.
                connection.executescript("PRAGMA incremental_vacuum")

        self._run(store)

    def _run(self, work: Callable[[sqlite3.Connection], Value]) -> Value | None:
        """Does something with the database; None where that fails, which never fails the run."""
        for attempt in (1, 2):
            if not self._usable:
                return None
            try:
                return work(self._open())
            except sqlite3.DatabaseError as error:
                broken = any(words in str(error) for words in _BROKEN) or "no such" in str(error)
                if broken and attempt == 1 and self._replaced():
                    continue
                self._give_up(str(error))
            except OSError as error:
                self._give_up(error.strerror or str(error))
        return None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            folder = self._path.parent
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # In a folder that others may write to, somebody could have put a link in the file's place.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
            connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            self._connection = connection
            if connection.execute("PRAGMA user_version").fetchone()[0] != _SCHEMA:
                _make(connection)
        return self._connection

    def _replaced(self) -> bool:
        """Takes a file away that is no database; what was in it can be read again."""
        self.close()
        for name in (self._path, *(self._path.with_name(f"{self._path.name}-{end}") for end in ("journal", "wal"))):
            try:
                name.unlink(missing_ok=True)
            except OSError:
                return False
        return True

    def _give_up(self, why: str) -> None:
        self.close()
        self._usable = False
        self._notice(f"the cache {self._path} is not used: {why}")


class _Documents:
    """The documents of a cache."""

    def __init__(self, cache: SqliteCache) -> None:
        self._cache = cache

    def get(self, digest: str) -> bytes | None:
        """The document of that digest."""
        return self._cache.document(digest)

    def put(self, digest: str, content: bytes) -> None:
        """Keeps a document."""
        self._cache.put_document(digest, content)


def clean() -> int:
    """Removes the cache; returns how many bytes that were. Raises InputError where it cannot be removed."""
    path = location()
    freed = 0
    for name in (path, path.with_name(f"{path.name}-journal")):
        try:
            freed += name.stat().st_size
            name.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputError(f"{name} cannot be removed: {error.strerror or error}") from error
    return freed


def _make(connection: sqlite3.Connection) -> None:
    """Makes the tables of a new file; of two processes that do at once, one finds them made."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
        cursor.execute("BEGIN IMMEDIATE")
        if cursor.execute("PRAGMA user_version").fetchone()[0] != _SCHEMA:
            for table in _TABLES:
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
            cursor.execute(
                "CREATE TABLE layers (diff_id TEXT, format TEXT, content BLOB, used INTEGER,"
                " PRIMARY KEY (diff_id, format))"
            )
            cursor.execute("CREATE TABLE documents (digest TEXT PRIMARY KEY, content BLOB, used INTEGER)")
            cursor.execute("CREATE TABLE reports (key TEXT PRIMARY KEY, content BLOB, used INTEGER)")
            cursor.execute(f"PRAGMA user_version = {_SCHEMA}")
        cursor.execute("COMMIT")


def _shrunk(connection: sqlite3.Connection, limit: int) -> bool:
    """Deletes what was not used for longest until the rest is within the limit; whether anything went."""
    rows = connection.execute(
        " UNION ALL ".join(f"SELECT '{table}', rowid, length(content), used FROM {table}" for table in _TABLES)  # noqa: S608
        + " ORDER BY 4 DESC"
    ).fetchall()
    kept, gone = 0, False
    for table, row, size, _ in rows:
        kept += size
        if kept > limit:
            connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))  # noqa: S608
            gone = True
    return gone


def _now() -> int:
    return int(time.time())
