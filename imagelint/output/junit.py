"""Findings as JUnit XML: a suite for each file, a failed case for each finding."""

from __future__ import annotations

from imagelint.output.costs import headline
from imagelint.output.escape import xml
from imagelint.output.regions import explained, one_line
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelint.finding import FileError, FileReport, Finding, RulePage


def report(files: Sequence[FileReport], errors: Sequence[FileError], rules: Mapping[str, RulePage]) -> str:
    """One document. A file without findings is a case that passed, one that could not be read is an error."""
    failures = sum(len(file.findings) for file in files)
    tests = sum(max(len(file.findings), 1) for file in files) + len(errors)
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="imagelint" tests="{tests}" failures="{failures}" errors="{len(errors)}">',
    ]
    for file in files:
        out += _suite(file)
    for error in errors:
        path = xml(error.path)
        out += [
            _opened(error.path, tests=1, failures=0, errors=1),
            f'    <testcase classname="{path}" name="imagelint" file="{path}" time="0">',
            f'      <error type="unreadable" message="{xml(error.message)}"/>',
            "    </testcase>",
            "  </testsuite>",
        ]
    out.append("</testsuites>")
    return "\n".join(out)


def _opened(path: str, *, tests: int, failures: int, errors: int) -> str:
    return f'  <testsuite name="{xml(path)}" tests="{tests}" failures="{failures}" errors="{errors}" time="0">'


def _suite(file: FileReport) -> Iterator[str]:
    count = len(file.findings)
    yield _opened(file.path, tests=max(count, 1), failures=count, errors=0)
    path = xml(file.path)
    for finding in file.findings:
        yield from _case(file, finding, path)
    if not count:
        yield f'    <testcase classname="{path}" name="imagelint" file="{path}" time="0"/>'
    yield "  </testsuite>"


def _case(file: FileReport, finding: Finding, path: str) -> Iterator[str]:
    line, column, _ = one_line(file.lines, finding.span)
    name = xml(f"{finding.code} {finding.name}".rstrip())
    yield (f'    <testcase classname="{path}" name="{name} at {line}:{column}" file="{path}" line="{line}" time="0">')
    text = xml(f"{file.path}:{line}:{column}: ") + "\n".join(map(xml, explained(finding).split("\n")))
    yield f'      <failure type="{xml(finding.code)}" message="{xml(headline(finding))}">{text}</failure>'
    yield "    </testcase>"
