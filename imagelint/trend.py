"""The runs of a gate over time, in one SQLite file: how an image grew, commit by commit."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from imagelint.errors import InputError
from imagelint.gate import Check, Verdict
from imagelint.image.report import Report

_RUNS = """
CREATE TABLE IF NOT EXISTS runs (
    time INTEGER NOT NULL, image TEXT NOT NULL, id TEXT NOT NULL, commit_id TEXT,
    layer_bytes INTEGER NOT NULL, compressed_bytes INTEGER, live_bytes INTEGER NOT NULL, layers INTEGER NOT NULL,
    held INTEGER NOT NULL, broken TEXT NOT NULL
)"""
_BUDGETS = """
CREATE TABLE IF NOT EXISTS budgets (
    run INTEGER NOT NULL, name TEXT NOT NULL, observed NUMERIC NOT NULL, allowed NUMERIC NOT NULL,
    held INTEGER NOT NULL, waived TEXT
)"""
_HAS_BUDGETS = "SELECT 1 FROM sqlite_master WHERE name = 'budgets'"
_OF_RUN = "SELECT name, observed, allowed, held, waived FROM budgets WHERE run = ? ORDER BY rowid"
_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_VCS_NUMBER", "GIT_COMMIT")


@dataclass(frozen=True, slots=True)
class Run:
    """One run: when (seconds since 1970), which image, its sizes in bytes, the broken budgets' names, and all budgets.

    The budgets have no messages: what was observed and what was allowed is kept.
    """

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
    budgets: tuple[Check, ...] = ()


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
            connection.execute(_RUNS)
            connection.execute(_BUDGETS)
            run = connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid
            connection.executemany(
                "INSERT INTO budgets VALUES (?, ?, ?, ?, ?, ?)",
                [(run, each.name, each.observed, each.limit, int(each.held), each.waived) for each in verdict.checks],
            )
    except sqlite3.Error as error:
        raise InputError(f"{path}: the run cannot be recorded: {error}") from error


def runs(path: str, image: str | None, last: int) -> Sequence[Run]:
    """The last runs, the oldest first; raises InputError where the file is not there or is no such database."""
    if not os.path.isfile(path):
        raise InputError(f"no such file: {path}", hint="imagelint gate --record writes it")
    query = "SELECT rowid, * FROM runs WHERE ?1 IS NULL OR image = ?1 ORDER BY time DESC, rowid DESC LIMIT ?2"
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=10)) as connection:
            rows = connection.execute(query, (image, last)).fetchall()
            # Files of the first versions have no budgets; a run that is added brings their table along.
            kept = connection.execute(_HAS_BUDGETS).fetchone() is not None
            found = [
                _run(row, connection.execute(_OF_RUN, row[:1]).fetchall() if kept else ()) for row in reversed(rows)
            ]
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise InputError(f"{path}: is no record of imagelint's runs: {error}") from error
    if image is not None and not found:
        raise InputError(f"{path}: has no run of {image}", hint=f"imagelint trend {path} shows the images that it has")
    return found


def _run(row: Sequence[Any], budgets: Sequence[Sequence[Any]]) -> Run:
    _, when, image, id_, commit, layer_bytes, compressed, live_bytes, layers, held, broken = row
    counts = [when, layer_bytes, live_bytes, layers, *([] if compressed is None else [compressed])]
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ValueError("a number of bytes is none")
    checks = tuple(
        Check(str(name), observed + 0, limit + 0, bool(good), "", waived)
        for name, observed, limit, good, waived in budgets
    )
    return Run(
        when, str(image), str(id_), commit, layer_bytes, compressed, live_bytes, layers, bool(held), str(broken), checks
    )
