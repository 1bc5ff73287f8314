"""`imagelint cache`: what earlier runs have read of images."""

from __future__ import annotations

import sys

from imagelint.image import cache
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import human
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Show what the cache holds, or remove it."""
    if arguments.action == "clean":
        print(f"{human(cache.clean())} removed")
        return 0
    with cache.opened(lambda sentence: print(f"imagelint: note: {printable(sentence)}", file=sys.stderr)) as found:
        usage = found.usage()
    if arguments.output_format == "json":
        from imagelint.output import json

        document = {
            "schema": 1,
            "path": str(usage.path),
            "bytes": usage.bytes,
            "limit": usage.limit,
            "layers": usage.layers,
            "documents": usage.documents,
            "reports": usage.reports,
        }
        print(json.dumps(document))
        return 0
    print(printable(str(usage.path)))
    counts = ((usage.layers, "layer"), (usage.documents, "document"), (usage.reports, "report"))
    held = ", ".join(f"{count} {name}{'s' * (count != 1)}" for count, name in counts)
    print(f"{human(usage.bytes)} of {human(usage.limit)}: {held}")
    return 0
