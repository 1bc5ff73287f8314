"""The runs of a gate over time, in one SQLite file: how an image grew, commit by commit."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from imagelint.errors import InputError
from imagelint.gate import Verdict
from imagelint.image.report import Report

_TABLE = """
CREATE TABLE IF NOT EXISTS runs (
    time INTEGER NOT NULL, image TEXT NOT NULL, id TEXT NOT NULL, commit_id TEXT,
    layer_bytes INTEGER NOT NULL, compressed_bytes INTEGER, live_bytes INTEGER NOT NULL, layers INTEGER NOT NULL,
    held INTEGER NOT NULL, broken TEXT NOT NULL
)"""
_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_VCS_NUMBER", "GIT_COMMIT")


@dataclass(frozen=True, slots=True)
class Run:
    """One run: when (seconds since 1970), which image, its sizes in bytes, and the budgets that were broken."""

    time: int
    image: str
    id: str
    commit: str | None
    layer_bytes: int
    compressed_bytes: int | None
    live_bytes: int
    layers: int
    held: bool
    broken: str


def record(path: str, report: Report, verdict: Verdict, commit: str | None) -> None:
    """Adds a run; raises InputError where the file is no such database or cannot be written."""
    commit = commit or next((os.environ[name] for name in _COMMITS if os.environ.get(name)), None)
    image = report.image
    row = (
        int(time.time()),
        image.reference,
        image.id,
        commit,
        image.layer_bytes,
        image.compressed_bytes,
        report.live_bytes,
        len(report.layers),
        int(verdict.held),
        " ".join(check.name for check in verdict.checks if not check.held),
    )
    try:
        with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
            connection.execute(_TABLE)
            connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    except sqlite3.Error as error:
        raise InputError(f"{path}: the run cannot be recorded: {error}") from error


def runs(path: str, image: str | None, last: int) -> Sequence[Run]:
    """The last runs, the oldest first; raises InputError where the file is not there or is no such database."""
    if not os.path.isfile(path):
        raise InputError(f"no such file: {path}", hint="imagelint gate --record writes it")
    query = "SELECT * FROM runs WHERE ?1 IS NULL OR image = ?1 ORDER BY time DESC, rowid DESC LIMIT ?2"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            rows = connection.execute(query, (image, last)).fetchall()
        return [_run(*row) for row in reversed(rows)]
    except (sqlite3.Error, TypeError, IndexError) as error:
        raise InputError(f"{path}: is no record of imagelint's runs: {error}") from error


def _run(*row: Any) -> Run:
    held, broken = row[8:]
    return Run(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], bool(held), str(broken))
