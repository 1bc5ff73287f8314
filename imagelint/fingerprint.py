"""What tells a finding from all others, and stays the same while the file around it changes.

A fingerprint is made of the rule's code, the file's path, the text that is flagged, and how many findings before it
have all of that in common. Lines may move, be indented anew or be wrapped elsewhere; words of messages may change
between versions. What is written at the place itself may not: then it is another finding.
"""

from __future__ import annotations

from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagelint.finding import FileReport, Finding
    from imagelint.text import LineIndex, Span

#: Of a longer text, only so much counts: the end of a long list of packages changes more often than what is said of it.
MAX_TEXT = 100
#: No more is read of a file for one finding, however many its spans cover.
_MAX_READ = 1_000


def fingerprint(file: FileReport, finding: Finding, occurrence: int) -> str:
    """A finding's fingerprint: 32 hexadecimal digits.

    `occurrence` counts from 0 the findings with the same code, path and flagged text; `fingerprints` counts them.
    """
    import hashlib  # loads OpenSSL: only for what asks

    parts = (finding.code, file.path, flagged_text(file.lines, finding.span), str(occurrence))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def fingerprints(files: Iterable[FileReport]) -> Iterator[tuple[FileReport, Finding, str]]:
    """Every finding of a run with its file and its fingerprint, each of which is there once."""
    seen: dict[tuple[str, str, str], int] = {}
    for file in files:
        for finding in file.findings:
            key = (finding.code, file.path, flagged_text(file.lines, finding.span))
            occurrence = seen.get(key, 0)
            seen[key] = occurrence + 1
            yield file, finding, fingerprint(file, finding, occurrence)


def flagged_text(index: LineIndex, span: Span) -> str:
    """The beginning of the lines that a span covers, without what may change: blanks, line ends, continuations."""
    first, last = index.position(span.start).line, index.position(max(span.start, span.end - 1)).line
    start = index.line_span(first).start
    end = min(index.line_span(last).end, start + _MAX_READ)
    lines = (line.strip().rstrip("\\`") for line in index.text[start:end].split("\n"))
    return " ".join(" ".join(lines).split())[:MAX_TEXT]
