"""Findings as GitLab's code quality report, which shows them in merge requests.

It has no place for files that could not be read: the exit status tells of them.
"""

from __future__ import annotations

from imagelint.finding import Severity
from imagelint.fingerprint import fingerprints
from imagelint.output.costs import headline
from imagelint.output.escape import lines, unicode
from imagelint.output.json import dumps
from imagelint.output.regions import in_repository, one_line
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelint.finding import FileError, FileReport, RulePage

_SEVERITIES = {
    Severity.ERROR: "critical",
    Severity.WARNING: "major",
    Severity.INFO: "minor",
    Severity.STYLE: "info",
}


def report(files: Sequence[FileReport], errors: Sequence[FileError], rules: Mapping[str, RulePage]) -> str:
    """A JSON list of issues. GitLab drops those whose fingerprint was there before, so each has its own."""
    out = []
    for file, finding, fingerprint in fingerprints(in_repository(files)):
        line = one_line(file.lines, finding.span).line
        out.append(
            {
                "description": f"{finding.code}: {lines(headline(finding))}",
                "check_name": finding.code,
                "fingerprint": fingerprint,
                "severity": _SEVERITIES[finding.weight],
                "location": {"path": unicode(file.path), "lines": {"begin": line, "end": line}},
            }
        )
    return dumps(out)
