"""The findings that an old project starts with: known by what they are, not by their lines, and passed over.

Paths in a baseline begin at the root of the repository that it lies in, so that it holds from every working folder.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from imagelint import files, repository
from imagelint.errors import InputError
from imagelint.fingerprint import fingerprints
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from imagelint.finding import FileReport, Finding

SCHEMA = 1
_MAX_BYTES = 100_000_000


class Known(NamedTuple):
    """A finding of a baseline, in words for people: which rule, in which file, what it said."""

    code: str
    path: str
    message: str


class Compared(NamedTuple):
    """Files with the findings that are new, how many were known, and the entries that nothing answers to."""

    files: tuple[FileReport, ...]
    known: int
    stale: tuple[Known, ...]


def read(path: str) -> Mapping[str, Known]:
    """A baseline's findings by their fingerprints; raises InputError where it is none."""
    data = files.read(path, limit=_MAX_BYTES)
    hint = f"write it anew: imagelint check --baseline {path} --update-baseline"
    try:
        document: Any = json.loads(data)
        if document["schema"] != SCHEMA:
            raise InputError(f"{path}: is a baseline of another version", hint=hint)
        return {
            str(key): Known(str(each["code"]), str(each["path"]), str(each["message"]))
            for key, each in document["findings"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: is not a baseline of findings", hint=hint) from error


def compare(path: str, reports: Sequence[FileReport], ran: Callable[[str], bool]) -> Compared:
    """Pass over what the baseline knows. An entry is stale where this run would have found it, and has not.

    `ran` says whether the findings of a code were looked for.
    """
    known, top = read(path), _top(path)
    met: set[str] = set()
    kept: list[list[Finding]] = [[] for _ in reports]
    for number, finding, mark, _ in _marked(reports, top):
        if mark in known:
            met.add(mark)
        else:
            kept[number].append(finding)
    out = tuple(report._replace(findings=tuple(found)) for report, found in zip(reports, kept, strict=True))
    judged = _judged(reports, top, ran)
    return Compared(out, len(met), tuple(each for mark, each in known.items() if mark not in met and judged(each)))


def update(path: str, reports: Sequence[FileReport], ran: Callable[[str], bool]) -> int:
    """Write what was found into the baseline; what this run did not look at stays. Returns how many are in it now.

    The entries are sorted, so that their changes can be read and merged. A file that is no baseline is replaced.
    """
    top = _top(path)
    entries = {mark: entry for _, _, mark, entry in _marked(reports, top)}
    if os.path.exists(path):
        judged = _judged(reports, top, ran)
        with suppress(InputError):
            entries |= {mark: each for mark, each in read(path).items() if mark not in entries and not judged(each)}
    ordered = sorted(entries.items(), key=lambda item: (item[1].path, item[1].code, item[0]))
    document = {"schema": SCHEMA, "findings": {mark: entry._asdict() for mark, entry in ordered}}
    files.replace(path, (json.dumps(document, indent=2, ensure_ascii=True) + "\n").encode())
    return len(entries)


def _top(path: str) -> str:
    """The folder that a baseline's paths begin in."""
    folder = os.path.dirname(path) or os.curdir
    return repository.root(folder) or repository.root() or os.path.realpath(folder)


def _marked(reports: Sequence[FileReport], top: str) -> Iterator[tuple[int, Finding, str, Known]]:
    """Every finding with the number of its report, its fingerprint, and what a baseline says of it."""
    renamed = [report._replace(path=repository.from_root(report.path, top)) for report in reports]
    numbers = [number for number, report in enumerate(reports) for _ in report.findings]
    for number, (file, finding, mark) in zip(numbers, fingerprints(renamed), strict=True):
        yield number, finding, mark, Known(finding.code, file.path, finding.message)


def _judged(reports: Sequence[FileReport], top: str, ran: Callable[[str], bool]) -> Callable[[Known], bool]:
    """Whether this run would have found an entry: its rule ran, and its file was looked at or is gone."""
    seen = {repository.from_root(report.path, top) for report in reports}
    return lambda entry: (
        ran(entry.code)
        and (entry.path in seen or (entry.path != "-" and not os.path.exists(os.path.join(top, entry.path))))
    )
