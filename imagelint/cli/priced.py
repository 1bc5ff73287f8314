"""`check --image`: findings of one Dockerfile, priced in the layers of an image that was built from it."""

from __future__ import annotations

import sys

from imagelint import files, linter
from imagelint.cli import subject
from imagelint.cli.lintrun import checked
from imagelint.cli.shared import say_unused
from imagelint.errors import UsageError
from imagelint.finding import FileReport
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import parse_size
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from imagelint.cli.options import Options
    from imagelint.pricing.assessment import Assessment


def report(arguments: argparse.Namespace, chosen: Options, paths: Sequence[str]) -> FileReport:
    """Lint the one Dockerfile, read the image, and price what was found; the dearest comes first."""
    if len(paths) != 1:
        raise UsageError("--image prices the findings of one Dockerfile", hint="name it")
    if arguments.fix or arguments.diff:
        raise UsageError("--image prices what is there; --fix and --diff change it", hint="fix, build, and price again")
    least = parse_size(arguments.min_bytes) if arguments.min_bytes else 0
    path = paths[0]
    data = files.read(path)
    name = chosen.job.building.stdin_name or path if path == "-" else path
    context = chosen.job.building.context(path)
    linted = checked(linter.lint(name, data, chosen.job.plan, context))
    say_unused(linted)
    assessed = _assessed(arguments, linted, chosen, least)
    if not assessed.attribution.matches:
        print(f"imagelint: warning: {printable(assessed.doubt)}", file=sys.stderr)
    return FileReport(name, linted.source.index, assessed.bill.findings, assessed.bill.total)


def _assessed(arguments: argparse.Namespace, linted: linter.Linted, chosen: Options, least: int) -> Assessment:
    from imagelint.image.reading import open_image
    from imagelint.pricing.assessment import assess

    with subject.reading(arguments) as how, open_image(arguments.image, **how) as opened:
        return assess(
            opened.image,
            linted,
            lambda measured: linter.lint(
                linted.path, linted.source.text, chosen.job.plan, linted.graph.context, measured
            ),
            least=least,
            tars=opened.source.tars if arguments.compressed else None,
        )
