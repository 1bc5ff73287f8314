"""Findings as SARIF 2.1.0, as GitHub's code scanning and editors take it.

What GitHub makes of it shapes the document: it shows an alert in a pull request only if all lines of its region were
changed (regions are one line), tells alerts apart by `primaryLocationLineHash`, reads no message but `message.text`,
and refuses a file with more results than it likes.
"""

from __future__ import annotations

from math import log10
from urllib.parse import quote

from imagelint import __version__
from imagelint.finding import RulePage, Safety, Severity
from imagelint.fingerprint import fingerprints
from imagelint.output import escape
from imagelint.output.json import dumps, price
from imagelint.output.regions import Utf16, explained, in_repository, line_end
from imagelint.records import TYPE_CHECKING
from imagelint.repository import from_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from imagelint.finding import FileError, FileReport, Finding, Fix
    from imagelint.text import Span

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
#: GitHub refuses a run with more results; of these it keeps the 5,000 of the highest level.
MAX_RESULTS = 25_000
#: GitHub keeps so many related places of a result, so many tags of a rule, and so much text of its descriptions.
MAX_RELATED, MAX_TAGS, MAX_DESCRIPTION = 100, 10, 1024

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note", Severity.STYLE: "note"}
_PROBLEMS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "recommendation",
    Severity.STYLE: "recommendation",
}


def report(files: Sequence[FileReport], errors: Sequence[FileError], rules: Mapping[str, RulePage]) -> str:
    """One SARIF log with one run: the findings, the rules they are of, and the files that could not be read."""
    found = list(fingerprints(in_repository(files)))
    total = len(found)
    if total > MAX_RESULTS:
        order = sorted(range(total), key=lambda number: (-found[number][1].weight, number))
        found = [found[number] for number in sorted(order[:MAX_RESULTS])]
    codes: dict[str, int] = {}
    descriptors: list[dict[str, Any]] = []
    for _, finding, _ in found:
        if finding.code not in codes:
            codes[finding.code] = len(codes)
            descriptors.append(_descriptor(finding, rules.get(finding.code)))
    run = {
        "tool": {
            "driver": {
                "name": "imagelint",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": descriptors,
            }
        },
        "invocations": [
            {"executionSuccessful": not errors, "toolExecutionNotifications": list(_notifications(errors, total))}
        ],
        "columnKind": "utf16CodeUnits",
        "results": list(_results(found, codes)),
    }
    return dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _descriptor(finding: Finding, page: RulePage | None) -> dict[str, Any]:
    """A rule, from its page; one without, such as ShellCheck's, from the first finding of it."""
    if page is None:
        page = _without_page(finding)
    why = next((part for part in page.documentation.split("\n\n")[1:] if part.startswith("Why:")), "")
    full = " ".join([page.summary, *why.removeprefix("Why:").split()])
    out: dict[str, Any] = {
        "id": page.code,
        "shortDescription": {"text": _short(page.summary)},
        "fullDescription": {"text": _short(full)},
        "help": {"text": escape.lines(page.documentation), "markdown": _help(page.documentation)},
        "defaultConfiguration": {"level": _LEVELS[page.severity]},
        "properties": {
            "tags": ["dockerfile", *page.aliases][:MAX_TAGS],
            "precision": "high",
            "problem.severity": _PROBLEMS[page.severity],
        },
    }
    if page.name != page.code:
        out["name"] = page.name
    if page.url is not None:
        out["helpUri"] = page.url
    return out


def _without_page(finding: Finding) -> RulePage:
    name = (finding.name or finding.code).replace("-", " ")
    url = f"https://www.shellcheck.net/wiki/{finding.code}" if finding.code.startswith("SC") else None
    summary = f"{'ShellCheck' if url else 'imagelint'}: {name}."
    text = f"{summary}\n\nSee {url}" if url else summary
    aliases = finding.aliases or ()
    return RulePage(finding.code, finding.name or finding.code, summary, text, finding.weight, aliases, url)


def _short(text: str) -> str:
    text = escape.sarif_message(text)
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1] + "…"


def _help(documentation: str) -> str:
    """A rule's page for GitHub's Markdown: the kind of an example stands above it, not behind the language."""
    out: list[str] = []
    for line in documentation.split("\n"):
        fence, _, kind = line.partition("```dockerfile ")
        if kind and not fence.strip():
            out += [f"{fence}{kind.capitalize()}:", "", f"{fence}```dockerfile"]
        else:
            out.append(line)
    return escape.markdown("\n".join(out))


def _results(found: Sequence[tuple[FileReport, Finding, str]], codes: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    columns: Utf16 | None = None
    last: FileReport | None = None
    for file, finding, fingerprint in found:
        if columns is None or file is not last:
            columns, last = Utf16(file.lines), file
        result: dict[str, Any] = {
            "ruleId": finding.code,
            "ruleIndex": codes[finding.code],
            "level": _LEVELS[finding.weight],
            "message": {"text": escape.sarif_message(explained(finding))},
            "locations": [{"physicalLocation": _place(file, columns, finding.span)}],
            "partialFingerprints": {"primaryLocationLineHash": fingerprint},
            "properties": {"name": finding.name, "aliases": list(finding.aliases or ())},
        }
        if finding.price is not None and finding.price.layer_bytes is not None:
            result["properties"]["price"] = price(finding.price)
            result["rank"] = _rank(finding.price.layer_bytes)
        if finding.related:
            result["relatedLocations"] = [
                {
                    "id": number,
                    "physicalLocation": _place(file, columns, related.span),
                    "message": {"text": escape.sarif_message(related.message)},
                }
                for number, related in enumerate(finding.related[:MAX_RELATED], 1)
            ]
        # Text that is no Unicode cannot be put into a file by way of JSON.
        if finding.fix and all(edit.replacement == escape.unicode(edit.replacement) for edit in finding.fix.edits):
            result["fixes"] = [_fix(file, columns, finding.fix)]
        yield result


def _rank(size: int) -> float:
    """0 to 100 by the bytes that a finding costs: 10 for each factor of ten, so that 10 GB are 100."""
    return round(min(10 * log10(size), 100.0), 1) if size > 0 else 0.0


def _place(file: FileReport, columns: Utf16, span: Span) -> dict[str, Any]:
    """The first line of a span; all of that line from there on where the span is empty."""
    start = columns.position(span.start)
    region = {"startLine": start.line, "startColumn": start.column, "endLine": start.line}
    end = min(span.end, line_end(file.lines, start.line))
    if end > span.start:
        region["endColumn"] = columns.position(end).column
    return {"artifactLocation": artifact(file.path), "region": region}


def artifact(path: str) -> dict[str, str]:
    """A file by its percent-encoded path from the repository's root; by an absolute URI if it is not in there."""
    uri = quote(path.encode("utf-8", "surrogateescape"))
    return {"uri": f"file://{uri}"} if path.startswith("/") else {"uri": uri, "uriBaseId": "%SRCROOT%"}


def _fix(file: FileReport, columns: Utf16, fix: Fix) -> dict[str, Any]:
    caution = " (this may change what the build does)" if fix.safety is Safety.UNSAFE else ""
    replacements = []
    for span, text in fix.edits:
        start, end = columns.edge(span.start), columns.edge(span.end)
        replacement: dict[str, Any] = {
            "deletedRegion": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            }
        }
        if text:
            replacement["insertedContent"] = {"text": text}
        replacements.append(replacement)
    return {
        "description": {"text": escape.sarif_message(fix.title) + caution},
        "artifactChanges": [{"artifactLocation": artifact(file.path), "replacements": replacements}],
        "properties": {"safety": fix.safety.value},
    }


def _notifications(errors: Sequence[FileError], total: int) -> Iterator[dict[str, Any]]:
    """What kept the run from being whole: files that could not be read, findings beyond the limit."""
    for error in errors:
        yield {
            "level": "error",
            "message": {"text": escape.sarif_message(error.message)},
            "locations": [{"physicalLocation": {"artifactLocation": artifact(from_root(error.path))}}],
        }
    if total > MAX_RESULTS:
        text = f"{total} findings; the {MAX_RESULTS} that matter most are listed"
        yield {"level": "warning", "message": {"text": text}}
