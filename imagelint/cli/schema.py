"""`imagelint schema`: the JSON Schemas of the reports."""

from __future__ import annotations

from imagelint.errors import UsageError
from imagelint.output import schemas
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Print the schema of one report, or the names of all."""
    names = schemas.names()
    if arguments.name is None:
        print("\n".join(names))
        return 0
    if arguments.name not in names:
        raise UsageError(f"no schema {arguments.name}", hint=f"there are {', '.join(names)}")
    print(schemas.text(arguments.name), end="")
    return 0
