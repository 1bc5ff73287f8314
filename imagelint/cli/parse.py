"""`imagelint parse`: the instructions of Dockerfiles as BuildKit reads them."""

from __future__ import annotations

from imagelint import files
from imagelint.cli.parser import complain
from imagelint.dockerfile.parser import parse
from imagelint.errors import InputError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Parse each file and print it; exits 0 whatever is in them, and 2 where one could not be read."""
    parsed = []
    failed = False
    for path in arguments.paths:
        try:
            parsed.append((path, parse(files.read(path))))
        except InputError as error:
            complain(error)
            failed = True
    if arguments.output_format == "json":
        from imagelint.output import json
        from imagelint.output import parsed as output

        print(json.dumps([output.document(path, dockerfile) for path, dockerfile in parsed]))
    else:
        from imagelint.output import parsed as output

        for path, dockerfile in parsed:
            for line in output.lines(path, dockerfile):
                print(line)
    return 2 if failed else 0
