"""`imagelint diff`: what grew between two images, and in which line, layer, package and file."""

from __future__ import annotations

import sys

from imagelint.cli import subject
from imagelint.errors import UsageError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Compare two images; exits 0 whatever differs."""
    if arguments.top < 1:
        raise UsageError("--top must be 1 or more")
    found, places = subject.compare(arguments)
    if arguments.output_format == "json":
        from imagelint.output import differences, json

        print(json.dumps(differences.document(found, places)))
    elif arguments.output_format == "markdown":
        from imagelint.output import differences

        print(differences.markdown(found, places), end="")
    else:
        from imagelint.output import difftables, tables

        difftables.comparison(tables.console(sys.stdout), found, places, arguments.top)
    return 0
