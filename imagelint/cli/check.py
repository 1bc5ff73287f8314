"""`imagelint check`: lint Dockerfiles, and fix what can be fixed safely."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from imagelint import files, linter, plugins
from imagelint.cli.shared import build_context, choose
from imagelint.dockerfile.validate import is_dockerfile
from imagelint.errors import ImagelintError, InputError, UsageError
from imagelint.finding import Finding, Severity

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from imagelint.graph import BuildContext
    from imagelint.linter import Linted
    from imagelint.rule import Rule


def run(arguments: argparse.Namespace) -> int:
    """Lint every path; one that cannot be read never stops the others, but makes the exit status 2."""
    if arguments.fix and arguments.diff:
        raise UsageError("--fix and --diff exclude each other", hint="--diff shows what --fix would do")
    if arguments.diff and arguments.output_format != "text":
        raise UsageError("--diff prints a patch, not JSON")
    build_context(arguments)  # says what is wrong with the options before any file is read
    rules = choose(plugins.load().rules, arguments.select)
    linted: list[Linted] = []
    errors: list[tuple[str, str]] = []
    for path in _paths(arguments.paths, errors):
        try:
            context = build_context(arguments, path)
            result = lint_file(path, rules, context)
            if arguments.fix or arguments.diff:
                result = _fix(result, rules, context, write=arguments.fix)
        except ImagelintError as error:
            errors.append((path, _error(error, errors)))
            continue
        linted.append(result)
    if not arguments.diff:
        _report(linted, errors, as_json=arguments.output_format == "json")
    if errors:
        return 2
    threshold = Severity[arguments.fail_on.upper()]
    failed = any(next(linter.select(each.findings, threshold), None) for each in linted)
    return 1 if failed and not arguments.exit_zero else 0


def _paths(named: Sequence[str], errors: list[tuple[str, str]]) -> list[str]:
    """Every Dockerfile that is meant, each once."""
    found: dict[str, None] = {}
    for path in named:
        try:
            below = []
            for each in files.walk(path):
                below.append(each)  # noqa: PERF402 - what came before an unreadable folder is kept
        except InputError as error:
            errors.append((path, _error(error, errors)))
            found |= dict.fromkeys(below)
            continue
        if not below:
            print(f"imagelint: note: {path}: no Dockerfile in this folder", file=sys.stderr)
        found |= dict.fromkeys(below)
    return list(found)


def _error(error: ImagelintError, _: object) -> str:
    """Say at once what is wrong with a path; the message is kept for the report."""
    from imagelint.cli import complain

    complain(error)
    return error.message


def lint_file(path: str, rules: Sequence[Rule], context: BuildContext) -> Linted:
    """Read and lint a file; raises InputError where it cannot be read, is no Dockerfile or lacks the target."""
    result = linter.lint(path, files.read(path), rules, context)
    if result.dockerfile.instructions and not is_dockerfile(result.dockerfile.instructions):
        first = result.dockerfile.instructions[0]
        raise InputError(
            f"{path}: is not a Dockerfile: no line is an instruction (line {first.start_line}: {first.keyword[:40]})"
        )
    if context.target is not None and result.graph.final is None:
        raise InputError(f"{path}: has no stage {context.target}")
    return result


def _fix(linted: Linted, rules: Sequence[Rule], context: BuildContext, *, write: bool) -> Linted:
    """Fix a file and write it, or print the patch; returns what the report is about: what is left, or what was."""
    from imagelint import fixer
    from imagelint.text import printable

    fixed = fixer.fix(linted, rules, context)
    if not fixed.changed:
        return linted
    if write:
        if linted.path == "-":
            raise InputError("standard input cannot be fixed in place", hint="--diff prints the patch")
        fixer.write(fixed)
        done = ", ".join(dict.fromkeys(finding.code for finding in fixed.applied))
        print(f"fixed {printable(linted.path)}: {len(fixed.applied)} findings ({done})", file=sys.stderr)
        return fixed.after
    diff = fixed.diff()
    if sys.stdout.isatty():
        diff = "\n".join(printable(line) for line in diff.split("\n"))
    sys.stdout.buffer.write(diff.encode("utf-8", "surrogateescape"))
    return linted


def _report(linted: Sequence[Linted], errors: Sequence[tuple[str, str]], *, as_json: bool) -> None:
    if as_json:
        from imagelint.output import json

        print(json.dumps(json.check(((each, each.findings) for each in linted), errors)))
        return
    from imagelint.output import text
    from imagelint.output.style import Style, wants_colour

    style = Style(colour=wants_colour(sys.stdout))
    shown: list[Finding] = []
    for each in linted:
        shown += each.findings
        for line in text.findings(each, each.findings, style):
            print(line)
    print(text.summary(linted, shown, len(errors), style))
