"""Findings as hadolint's JSON, for tools that read that: a finding each, under hadolint's id where it has one.

It has no place for files that could not be read: the exit status tells of them.
"""

from __future__ import annotations

import json
import re

from imagelint.output.escape import lines, unicode
from imagelint.output.regions import one_line
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelint.finding import FileError, FileReport, Finding, RulePage

_HADOLINT = r"(?:DL|SC)\d+"


def report(files: Sequence[FileReport], errors: Sequence[FileError], rules: Mapping[str, RulePage]) -> str:
    """A JSON list on one line, as hadolint prints it. The columns are real ones; hadolint's are always 1."""
    out = []
    for file in files:
        for finding in file.findings:
            line, column, _ = one_line(file.lines, finding.span)
            out.append(
                {
                    "code": code(finding),
                    "column": column,
                    "file": unicode(file.path),
                    "level": finding.weight.label,
                    "line": line,
                    "message": lines(finding.message),
                }
            )
    return json.dumps(out, ensure_ascii=True, separators=(",", ":"))


def code(finding: Finding) -> str:
    """The first of a finding's ids that is hadolint's or ShellCheck's, or its own code."""
    ids = (finding.code, *(finding.aliases or ()))
    return next((each for each in ids if re.fullmatch(_HADOLINT, each)), finding.code)
