"""The findings that an old project starts with: known by what they are, not by their lines, and passed over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from imagelint import files
from imagelint.errors import InputError
from imagelint.fingerprint import fingerprints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelint.finding import FileReport

SCHEMA = 1


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
    try:
        document: Any = json.loads(files.read(path))
        if document["schema"] != SCHEMA:
            raise InputError(f"{path}: is a baseline of another version", hint="write it anew: --update-baseline")
        return {
            str(key): Known(str(each["code"]), str(each["path"]), str(each["message"]))
            for key, each in document["findings"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        hint = f"write one: imagelint check --baseline {path} --update-baseline"
        raise InputError(f"{path}: is not a baseline of findings", hint=hint) from error


def write(path: str, reports: Sequence[FileReport]) -> int:
    """Write the baseline of these findings, sorted so that its changes can be read; returns how many there are."""
    found = sorted((file.path, finding.code, mark, finding.message) for file, finding, mark in fingerprints(reports))
    entries = {mark: {"code": code, "path": name, "message": message} for name, code, mark, message in found}
    text = json.dumps({"schema": SCHEMA, "findings": entries}, indent=2, ensure_ascii=True) + "\n"
    files.replace(path, text.encode())
    return len(entries)


def compare(reports: Sequence[FileReport], known: Mapping[str, Known]) -> Compared:
    """Pass over what is known. An entry is stale where its file was looked at and nothing in it answers to it."""
    met: set[str] = set()
    kept: dict[str, list[Any]] = {report.path: [] for report in reports}
    for file, finding, mark in fingerprints(reports):
        if mark in known:
            met.add(mark)
        else:
            kept[file.path].append(finding)
    out = tuple(report._replace(findings=tuple(kept[report.path])) for report in reports)
    stale = tuple(entry for mark, entry in known.items() if mark not in met and entry.path in kept)
    return Compared(out, len(met), stale)
