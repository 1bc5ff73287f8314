"""`imagelint gate`: fail when an image is too big or has grown, and say in which layer."""

from __future__ import annotations

import sys

from imagelint import gate, sizes
from imagelint.cli import subject
from imagelint.errors import ImagelintError, UsageError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Hold an image to its budgets: 0 held, 1 broken; whatever cannot be judged ends in 2."""
    try:
        return _judge(arguments)
    except ImagelintError as error:
        if arguments.output_format == "json":
            from imagelint.output import analysis, json

            print(json.dumps(analysis.not_judged(error.message)))
        raise


def _judge(arguments: argparse.Namespace) -> int:
    budgets = _budgets(arguments)
    writes = arguments.update_baseline
    # What was promised is read before the image, which may take a minute.
    baseline = gate.read_baseline(arguments.baseline) if arguments.baseline and not writes else None
    read = subject.read(arguments, contents=False)
    verdict = gate.judge(read.report, budgets, baseline)
    if writes:
        gate.write_baseline(arguments.baseline, gate.baseline_of(read.report))
        print(f"imagelint: wrote {arguments.baseline}: {sizes.exact(read.report.image.layer_bytes)}", file=sys.stderr)
    if arguments.output_format == "json":
        from imagelint.output import analysis, json

        print(json.dumps(analysis.gate(read.report, verdict, read.places)))
    else:
        from imagelint.output import tables

        tables.gate(tables.console(sys.stdout), read.report, verdict, read.places)
    return 0 if verdict.held else 1


def _budgets(arguments: argparse.Namespace) -> gate.Budgets:
    """The budgets of the command line; raises UsageError where there are none, or where they need a baseline."""
    if arguments.update_baseline and not arguments.baseline:
        raise UsageError("--update-baseline needs to know which file to write", hint="give --baseline FILE")
    if arguments.max_growth is not None and not arguments.baseline:
        raise UsageError("--max-growth needs something to compare with", hint="give --baseline FILE")
    growth = arguments.max_growth or gate.DEFAULT_GROWTH
    compares = arguments.baseline and not arguments.update_baseline
    budgets = gate.Budgets(
        max_size=sizes.parse_size(arguments.max_size) if arguments.max_size is not None else None,
        max_growth=gate.parse_growth(growth) if compares else None,
    )
    if not budgets.any and not arguments.update_baseline:
        raise UsageError("no budget: nothing to hold the image to", hint="give --max-size SIZE or --baseline FILE")
    return budgets
