"""`imagelint analyze`: where an image's bytes are, and which of them are stored in vain."""

from __future__ import annotations

import sys

from imagelint.cli import subject
from imagelint.errors import UsageError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Read the image and print its report; exits 0 whatever it shows."""
    if arguments.top < 1:
        raise UsageError("--top must be 1 or more")
    read = subject.read(arguments)
    if arguments.output_format == "json":
        from imagelint.output import analysis, json

        file = read.linted.report if read.linted else None
        print(json.dumps(analysis.analyze(read.report, read.places, file)))
        return 0
    from imagelint.output import tables

    out = tables.console(sys.stdout)
    tables.analysis(out, read.report, read.places, arguments.top)
    if read.linted is not None and read.linted.findings:
        count = len(read.linted.findings)
        out.print(f"{count} finding{'s' * (count != 1)} in the Dockerfile: imagelint check {read.linted.path}")
    return 0
