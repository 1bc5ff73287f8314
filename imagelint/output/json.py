"""Findings as JSON for programs; the keys are a contract (`docs/json.md`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from imagelint.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagelint.dockerfile.source import Source
    from imagelint.finding import Finding, Fix
    from imagelint.linter import Linted
    from imagelint.text import Span

SCHEMA = 1


def dumps(document: object) -> str:
    """A JSON document as one text; characters that are no Unicode are escaped, so that any reader takes it."""
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False)


def check(files: Iterable[tuple[Linted, Sequence[Finding]]], errors: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The report of `check`: findings of all files, and the files that could not be read."""
    return {
        "schema": SCHEMA,
        "findings": [finding(linted, each) for linted, found in files for each in found],
        "errors": [{"path": path, "line": None, "message": message} for path, message in errors],
    }


def finding(linted: Linted, finding: Finding) -> dict[str, Any]:
    """One finding. `price` is null where no image was given to measure it in."""
    severity = finding.severity if finding.severity is not None else Severity.WARNING
    source = linted.source
    return {
        "path": linted.path,
        "code": finding.code,
        "name": finding.name,
        "aliases": list(finding.aliases or ()),
        "severity": severity.label,
        "message": finding.message,
        "note": finding.note,
        "help": finding.help,
        "location": location(source, finding.span),
        "related": [
            {"message": related.message, "location": location(source, related.span)} for related in finding.related
        ],
        "fix": _fix(source, finding.fix) if finding.fix else None,
        "price": None,
    }


def location(source: Source, span: Span) -> dict[str, int]:
    """Lines and columns from 1; the end is the column behind the last character."""
    start, end = source.index.position(span.start), source.index.position(span.end)
    return {"line": start.line, "column": start.column, "end_line": end.line, "end_column": end.column}


def _fix(source: Source, fix: Fix) -> dict[str, Any]:
    return {
        "title": fix.title,
        "safety": fix.safety.value,
        "edits": [{"location": location(source, span), "replacement": text} for span, text in fix.edits],
    }
