"""Findings as JSON for programs; the keys are a contract (`docs/json.md`)."""

from __future__ import annotations

import json
from itertools import islice

from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Any

    from imagelint.finding import FileError, FileReport, Finding, Fix, Price
    from imagelint.text import LineIndex, Span

SCHEMA = 1


_ROWS = 1000  # of a long list that are made into text at a time
_ENCODERS: dict[type, Callable[[Any], str]] = {str: json.encoder.encode_basestring_ascii, int: str}
_ENCODERS[type(None)] = lambda _: "null"
_SCALARS = frozenset((str, int, float, bool, type(None)))


class Table(NamedTuple):
    """A long list of objects that have the same keys, as tuples of texts, whole numbers and None."""

    keys: Sequence[str]
    rows: Collection[Sequence[str | int | None]]


def dumps(document: object) -> str:
    """A JSON document as one text; characters that are no Unicode are escaped, so that any reader takes it."""
    return "".join(pieces(document))


def pieces(value: object, indent: str = "") -> Iterator[str]:
    """The text of `dumps` in pieces: as `json.dumps` lays it out with `indent=2`, several times as fast.

    Where it is to indent, the standard library encodes in Python. Lists of plain objects, as long reports are made of,
    are given to its encoder in C here, with separators that already are the indented ones.
    """
    inner = f"{indent}  "
    if isinstance(value, dict) and value:
        before = "{\n"
        for key, each in value.items():
            yield f"{before}{inner}{json.dumps(key)}: "
            yield from pieces(each, inner)
            before = ",\n"
        yield f"\n{indent}}}"
    elif isinstance(value, Table):
        before = "[\n"
        rows = iter(value.rows)
        while some := tuple(islice(rows, _ROWS)):
            yield f"{before}{_table(value.keys, some, inner)}"
            before = ",\n"
        yield f"\n{indent}]" if value.rows else "[]"
    elif isinstance(value, list | tuple) and value:
        before = "[\n"
        if _are_rows(value):
            for start in range(0, len(value), _ROWS):
                yield f"{before}{_rows(value[start : start + _ROWS], inner)}"
                before = ",\n"
        else:
            for each in value:
                yield f"{before}{inner}"
                yield from pieces(each, inner)
                before = ",\n"
        yield f"\n{indent}]"
    else:
        yield json.dumps(value, ensure_ascii=True, allow_nan=False)


def _are_rows(values: Sequence[object]) -> bool:
    """Whether all are objects of plain values."""
    return all(isinstance(value, dict) and value for value in values) and _SCALARS.issuperset(
        type(field) for value in values if isinstance(value, dict) for field in value.values()
    )


def _rows(values: Sequence[object], indent: str) -> str:
    """Objects of plain values. A line break never is within a string, where it is escaped."""
    inner = f",\n{indent}  "
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(inner, ": "))
    return f"{indent}{{{inner[1:]}{text[2:-2]}\n{indent}}}".replace(
        f"}}{inner}{{", f"\n{indent}}},\n{indent}{{{inner[1:]}"
    )


def _table(keys: Sequence[str], rows: Sequence[Sequence[str | int | None]], indent: str) -> str:
    """The objects of a table, encoded a column at a time."""
    fields = ",\n".join(f"{indent}  {json.dumps(key).replace('%', '%%')}: %s" for key in keys)
    layout = f"{indent}{{\n{fields}\n{indent}}}"
    columns = ([_ENCODERS[type(value)](value) for value in column] for column in zip(*rows, strict=True))
    return ",\n".join(map(layout.__mod__, zip(*columns, strict=True)))


def check(files: Iterable[FileReport], errors: Iterable[FileError]) -> dict[str, Any]:
    """The report of `check`: findings of all files, and the files that could not be read."""
    files = tuple(files)
    totals = [file.total_bytes for file in files if file.total_bytes is not None]
    return {
        "schema": SCHEMA,
        "findings": [finding(file, each) for file in files for each in file.findings],
        "errors": [{"path": error.path, "line": None, "message": error.message} for error in errors],
        "total": {"layer_bytes": sum(totals)} if totals else None,
    }


def finding(file: FileReport, finding: Finding) -> dict[str, Any]:
    """One finding. `price` is null where no image was given to measure it in."""
    lines = file.lines
    return {
        "path": file.path,
        "code": finding.code,
        "name": finding.name,
        "aliases": list(finding.aliases or ()),
        "severity": finding.weight.label,
        "message": finding.message,
        "note": finding.note,
        "help": finding.help,
        "location": location(lines, finding.span),
        "related": [
            {"message": related.message, "location": location(lines, related.span)} for related in finding.related
        ],
        "fix": _fix(lines, finding.fix) if finding.fix else None,
        "price": price(finding.price) if finding.price else None,
    }


def price(price: Price) -> dict[str, Any]:
    """What a finding costs, and how that is known."""
    return {
        "layer_bytes": price.layer_bytes,
        "compressed_bytes": price.compressed_bytes,
        "how": price.how,
        "layers": list(price.layers),
        "reason": price.reason,
    }


def location(lines: LineIndex, span: Span) -> dict[str, int]:
    """Lines and columns from 1; the end is the column behind the last character."""
    start, end = lines.position(span.start), lines.position(span.end)
    return {"line": start.line, "column": start.column, "end_line": end.line, "end_column": end.column}


def _fix(lines: LineIndex, fix: Fix) -> dict[str, Any]:
    return {
        "title": fix.title,
        "safety": fix.safety.value,
        "edits": [{"location": location(lines, span), "replacement": text} for span, text in fix.edits],
    }
