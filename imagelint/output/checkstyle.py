"""Findings as Checkstyle's XML, which many tools for continuous integration read."""

from __future__ import annotations

from imagelint.finding import Severity
from imagelint.output.costs import headline
from imagelint.output.escape import xml
from imagelint.output.regions import one_line
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelint.finding import FileError, FileReport, RulePage

#: Checkstyle knows no style.
_SEVERITIES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info", Severity.STYLE: "info"}


def report(files: Sequence[FileReport], errors: Sequence[FileError], rules: Mapping[str, RulePage]) -> str:
    """One document: every file with its findings, and those that could not be read with why."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>', '<checkstyle version="4.3">']
    for file in files:
        out.append(f'  <file name="{xml(file.path)}">')
        out += _findings(file)
        out.append("  </file>")
    for error in errors:
        out += [
            f'  <file name="{xml(error.path)}">',
            f"    <exception>{xml(error.message)}</exception>",
            "  </file>",
        ]
    out.append("</checkstyle>")
    return "\n".join(out)


def _findings(file: FileReport) -> Iterator[str]:
    for finding in file.findings:
        severity = _SEVERITIES[finding.weight]
        line, column, _ = one_line(file.lines, finding.span)
        # Readers take what is behind the last dot for the rule, and what is before it for the kind.
        yield (
            f'    <error line="{line}" column="{column}" severity="{severity}"'
            f' message="{xml(headline(finding))}" source="imagelint.{xml(finding.code)}"/>'
        )
