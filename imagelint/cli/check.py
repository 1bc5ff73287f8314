"""`imagelint check`: lint Dockerfiles, and fix what can be fixed safely."""

from __future__ import annotations

import os
import sys
from functools import partial

from imagelint import files
from imagelint.cli import lintrun, options
from imagelint.cli.parser import complain
from imagelint.errors import ImagelintError, InputError, UsageError
from imagelint.finding import FileError, FileReport
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from imagelint.cli.lintrun import Outcome
    from imagelint.cli.options import Options
    from imagelint.output.text import Page

#: How many files are worth a bar of progress.
MANY = 1000


def run(arguments: argparse.Namespace) -> int:
    """Lint every path; one that cannot be read never stops the others, but makes the exit status 2."""
    chosen = options.read(arguments)
    errors: list[FileError] = []
    paths = _paths(chosen, errors)
    _spare(paths, chosen.output_file, chosen.baseline if chosen.update_baseline else None)
    reports, pages = _lint(arguments, chosen, paths, errors)
    known = 0
    if chosen.update_baseline:
        from imagelint import baseline

        assert chosen.baseline is not None
        known = baseline.update(chosen.baseline, reports, chosen.ran)
        are = "finding is" if known == 1 else "findings are"
        print(f"imagelint: {known} {are} in {printable(chosen.baseline)} now", file=sys.stderr)
        reports = [report._replace(findings=()) for report in reports]
    elif chosen.baseline is not None:
        reports, known = _new(chosen, chosen.baseline, reports)
    if chosen.style is not None:
        from imagelint.output import text

        pages += [text.page(report, chosen.style) for report in reports]
        _print(
            chosen, [*(page.text for page in pages), text.summary(pages, len(errors), chosen.style, known=known) + "\n"]
        )
    elif not arguments.diff:
        _print(chosen, [_report(arguments, chosen, reports, errors)])
    if errors:
        return 2
    weights = [weight for page in pages for weight in page.weights]
    weights += [finding.weight for report in reports for finding in report.findings]
    failed = any(weight >= chosen.fail_on for weight in weights)
    return 1 if failed and not chosen.exit_zero else 0


def _paths(chosen: Options, errors: list[FileError]) -> list[str]:
    """Every Dockerfile that is meant, each once; what the configuration excludes only where it is named outright."""
    found: dict[str, str] = {}
    for path in chosen.paths:
        empty = True
        try:
            for each in files.walk(path, chosen.excludes):
                empty = False
                found.setdefault(each if each == "-" else os.path.abspath(each), each)
        except InputError as error:
            errors.append(_complaint(path, error))
            continue
        if empty:
            print(f"imagelint: note: {printable(path)}: no Dockerfile in this folder to check", file=sys.stderr)
    return list(found.values())


def _spare(paths: Sequence[str], *written: str | None) -> None:
    """Raise UsageError where a report would be written over a Dockerfile: an option's argument was forgotten."""
    for path in filter(None, written):
        if os.path.realpath(path) in map(os.path.realpath, paths):
            raise UsageError(f"{path} is a Dockerfile to check: a report would take its place")


def _complaint(path: str, error: ImagelintError) -> FileError:
    """Say at once what is wrong with a path; the message is kept for the report."""
    complain(error)
    return FileError(path, error.message)


def _lint(
    arguments: argparse.Namespace, chosen: Options, paths: Sequence[str], errors: list[FileError]
) -> tuple[list[FileReport], list[Page]]:
    """Lint the files, say what was fixed, print the patches, and collect the reports, as data or as text."""
    if arguments.image is not None:
        from imagelint.cli import priced

        return [priced.report(arguments, chosen, paths)], []
    start = partial(options.job, arguments)
    if len(paths) < MANY:
        return _collect(lintrun.run(chosen.job, paths, start, lambda _: None), arguments.paths, errors)
    from imagelint.cli.progress import counter

    with counter("linting", len(paths), quiet=chosen.quiet) as done:
        return _collect(lintrun.run(chosen.job, paths, start, done), arguments.paths, errors)


def _collect(
    outcomes: Iterable[Outcome], named: Sequence[str], errors: list[FileError]
) -> tuple[list[FileReport], list[Page]]:
    """Say what became of the files. A template that was only found in a folder is left out."""
    reports: list[FileReport] = []
    pages: list[Page] = []
    for outcome in outcomes:
        if outcome.fixed:
            codes = ", ".join(dict.fromkeys(outcome.fixed))
            findings = "1 finding" if len(outcome.fixed) == 1 else f"{len(outcome.fixed)} findings"
            print(f"fixed {printable(outcome.path)}: {findings} ({codes})", file=sys.stderr)
        if outcome.unsettled:
            codes = ", ".join(outcome.unsettled)
            print(f"imagelint: note: {printable(outcome.path)}: not fixed: {codes} undo each other", file=sys.stderr)
        if outcome.patch:
            _print_patch(outcome.patch)
        if outcome.report is not None:
            reports.append(outcome.report)
        elif outcome.page is not None:
            pages.append(outcome.page)
        elif outcome.foreign and outcome.path not in named and not files.is_plain_name(outcome.path):
            print(f"imagelint: note: {printable(outcome.error or outcome.path)}; it is left out", file=sys.stderr)
        elif outcome.error is not None:
            errors.append(_complaint(outcome.path, ImagelintError(outcome.error, hint=outcome.hint)))
    return reports, pages


def _print_patch(patch: bytes) -> None:
    """To a program as it is, to a person without what could move the terminal."""
    if sys.stdout.isatty():
        lines = patch.decode("utf-8", "surrogateescape").split("\n")
        patch = "\n".join(printable(line) for line in lines).encode("utf-8", "backslashreplace")
    sys.stdout.flush()
    sys.stdout.buffer.write(patch)


def _new(chosen: Options, path: str, reports: Sequence[FileReport]) -> tuple[list[FileReport], int]:
    """The reports without what the baseline knows; what it knows in vain is said."""
    from imagelint import baseline

    compared = baseline.compare(path, reports, chosen.ran)
    if compared.stale:
        shown = compared.stale[:5]
        count = len(compared.stale)
        print(
            f"imagelint: note: {printable(path)}: {count} {'entry is' if count == 1 else 'entries are'} stale:"
            " the finding is gone (--update-baseline writes it anew)",
            file=sys.stderr,
        )
        for entry in shown:
            print(f"  {printable(entry.path)}: {printable(entry.code)} {printable(entry.message)}", file=sys.stderr)
        if count > len(shown):
            print(f"  and {count - len(shown)} more", file=sys.stderr)
    return list(compared.files), compared.known


def _report(
    arguments: argparse.Namespace, chosen: Options, reports: Sequence[FileReport], errors: Sequence[FileError]
) -> str:
    """What a program reads, or the counts of `--statistics`."""
    if arguments.statistics:
        from imagelint.output import statistics

        return "".join(f"{line}\n" for line in statistics.lines(reports))
    from imagelint.output import formats

    return formats.report(chosen.output_format, reports, errors, chosen.pages) + "\n"


def _print(chosen: Options, texts: Sequence[str]) -> None:
    if chosen.output_file is None:
        for each in texts:
            sys.stdout.write(each)
    else:
        files.put(chosen.output_file, "".join(texts).encode("utf-8", "backslashreplace"))
