"""Findings as GitHub Actions workflow commands, which become annotations of the lines."""

from __future__ import annotations

from imagelint.finding import Severity
from imagelint.output.escape import github_message, github_property
from imagelint.output.regions import explained, in_repository, one_line
from imagelint.records import TYPE_CHECKING
from imagelint.repository import from_root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelint.finding import FileError, FileReport, Finding, RulePage

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice", Severity.STYLE: "notice"}


def report(files: Sequence[FileReport], errors: Sequence[FileError], rules: Mapping[str, RulePage]) -> str:
    """One command a line. GitHub shows ten annotations of each level and step: what matters most comes first."""
    out = [_command("error", {"file": from_root(each.path), "title": "imagelint"}, each.message) for each in errors]
    found = [(file, finding) for file in in_repository(files) for finding in file.findings]
    # Stable: files and lines, and findings in the order of their bytes, stay in order.
    found.sort(key=lambda each: -each[1].weight)
    out += [_annotation(file, finding) for file, finding in found]
    return "\n".join(out)


def _annotation(file: FileReport, finding: Finding) -> str:
    region = one_line(file.lines, finding.span)
    properties = {"file": file.path, "line": str(region.line), "endLine": str(region.line), "col": str(region.column)}
    if region.end_column is not None:
        properties["endColumn"] = str(region.end_column)
    properties["title"] = f"{finding.code} {finding.name}".rstrip()
    return _command(_LEVELS[finding.weight], properties, explained(finding))


def _command(level: str, properties: Mapping[str, str], message: str) -> str:
    given = ",".join(f"{name}={github_property(value)}" for name, value in properties.items())
    return f"::{level} {given}::{github_message(message)}"
