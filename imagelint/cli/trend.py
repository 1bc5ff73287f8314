"""`imagelint trend`: how images grew over the runs that `gate --record` kept."""

from __future__ import annotations

import sys

from imagelint import files, trend
from imagelint.errors import UsageError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Show the runs as a table with a sparkline, as JSON, or as a plot."""
    if arguments.last < 1:
        raise UsageError("--last must be 1 or more")
    found = trend.runs(arguments.file, arguments.image, arguments.last)
    from imagelint.output import trends

    if arguments.svg:
        files.put(arguments.svg, trends.svg(found).encode())
    if arguments.output_format == "json":
        from imagelint.output import json

        print(json.dumps(trends.document(found)))
        return 0
    sys.stdout.write("".join(f"{line}\n" for line in trends.lines(found)))
    return 0
