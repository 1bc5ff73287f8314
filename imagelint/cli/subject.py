"""What `analyze` and `gate` both begin with: an image read, and the Dockerfile lines behind its layers."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from types import MappingProxyType

from imagelint.cli.progress import bar
from imagelint.cli.shared import build_context, say_unused
from imagelint.errors import UsageError
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.sizes import parse_size
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from imagelint.attribution import Attribution
    from imagelint.finding import Finding
    from imagelint.gate import Cost
    from imagelint.graph import BuildContext
    from imagelint.image.comparison import Comparison
    from imagelint.image.model import Image
    from imagelint.image.report import Report
    from imagelint.linter import Linted
    from imagelint.output.places import Place


class Subject(NamedTuple):
    """An image's report, its live paths, the Dockerfile, the line behind each layer, and what its findings cost."""

    report: Report
    places: Mapping[int, Place] = MappingProxyType({})
    paths: Sequence[str] = ()
    path: str = ""
    findings_bytes: int | None = None
    costs: Sequence[Cost] = ()


def read(arguments: argparse.Namespace, *, contents: bool = True, priced: bool = False) -> Subject:
    """Read the image that the command line names, and its Dockerfile first: that is the quicker one to fail.

    Without `contents` files are not told apart by what is in them: sizes alone are right. They are read all the same
    where that lets the layers enter the cache. With `priced` the Dockerfile's findings are priced too.
    """
    from imagelint.image.analyze import analyze
    from imagelint.pricing.ledger import Ledger

    linted_ = lint(arguments)
    ledger = Ledger(_image(arguments, arguments.image, contents=contents))
    paths = [f"/{path}" for path in ledger.tree.paths]
    if linted_ is None:
        return Subject(analyze(ledger), {}, paths)
    tied = tie(ledger.image, linted_)
    report = analyze(ledger, tied.base_layers)
    found = Subject(report, places(report, tied, linted_), paths, linted_.path)
    if priced and tied.matches:
        from imagelint.pricing.assessment import assess

        text, context = linted_.source.text, linted_.graph.context
        bill = assess(ledger, linted_, lambda measured: linted(linted_.path, text, context, measured)).bill
        return found._replace(findings_bytes=bill.total, costs=tuple(_costs(bill.findings, linted_)))
    return found


def _costs(findings: Sequence[Finding], linted_: Linted) -> Iterator[Cost]:
    from imagelint.gate import Cost

    line = linted_.source.index.position
    for each in findings:
        if each.price is not None and each.price.layer_bytes:
            first, last = line(each.span.start).line, line(max(each.span.start, each.span.end - 1)).line
            yield Cost(each.code, each.message, first, last, each.price.layer_bytes)


def read_as(arguments: argparse.Namespace, reference: str) -> Subject:
    """Another image, read in the same way; the Dockerfile may be its too, and then tells its base image's layers."""
    from imagelint.image.analyze import analyze

    linted_ = lint(arguments)
    image = _image(arguments, reference, contents=True)
    return Subject(analyze(image, _base_layers(image, linted_)))


def _image(arguments: argparse.Namespace, reference: str, *, contents: bool) -> Image:
    from imagelint.image.reading import read_image

    with reading(arguments) as options:
        contents = contents or (options["cache"] is not None and options["verify"])
        return read_image(reference, contents=contents, **options)


@contextmanager
def reading(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """How images are read, as the command line says: arguments of `open_image`, with progress and the cache."""
    from imagelint.image.limits import DEFAULT_LIMITS

    def say(sentence: str) -> None:
        if not arguments.quiet:
            print(f"imagelint: note: {printable(sentence)}", file=sys.stderr)

    limits = DEFAULT_LIMITS
    if arguments.max_layer_bytes is not None:
        limits = limits._replace(layer_bytes=parse_size(arguments.max_layer_bytes))
    with ExitStack() as stack:
        layers = None
        if not arguments.no_cache:
            from imagelint.image import cache

            layers = stack.enter_context(cache.opened(say))
        yield {
            "verify": not arguments.no_verify,
            "progress": stack.enter_context(bar(quiet=arguments.quiet)),
            "platform": arguments.platform,
            "plain_http": arguments.plain_http,
            "notice": say,
            "cache": layers,
            "limits": limits,
            "tar_split": getattr(arguments, "tar_split", False),  # not every command has it
        }


def compare(arguments: argparse.Namespace) -> tuple[Comparison, dict[int, Place]]:
    """Compare the two images that the command line names; the lines are those behind the new one's layers."""
    from imagelint.image.comparison import compare
    from imagelint.image.merged import Merged
    from imagelint.image.reading import read_image

    linted = lint(arguments)
    sides: list[Merged] = []
    for reference in (arguments.old, arguments.new):
        with reading(arguments) as options:
            sides.append(Merged(read_image(reference, every=True, **options)))
    tied = tie(sides[1].image, linted) if linted else None
    found = compare(sides[0], sides[1], _base_layers(sides[0].image, linted), tied.base_layers if tied else None)
    return found, places(found.new, tied, linted) if linted and tied else {}


def _base_layers(image: Image, linted: Linted | None) -> int | None:
    """How many layers are the base image's of one that the Dockerfile may have made; None where that is unknown."""
    if linted is None:
        return None
    from imagelint.attribution import attribution

    found = attribution(image.history, linted.graph)
    return found.base_layers if found.matches else None


def tie(image: Image, linted: Linted) -> Attribution:
    """Which line made which layer; says so where the Dockerfile is not the image's, or has no use for an argument."""
    from imagelint.attribution import attribution

    say_unused(linted)
    found = attribution(image.history, linted.graph)
    if not found.matches:
        doubt = f"{linted.path} does not look like the Dockerfile of {image.reference}"
        print(f"imagelint: warning: {printable(doubt)}: its lines are not in the history", file=sys.stderr)
    return found


def places(report: Report, tied: Attribution, linted: Linted) -> dict[int, Place]:
    """The line behind each layer."""
    from imagelint.output.places import of_layers

    return of_layers(report, tied.instructions, linted.path)


def lint(arguments: argparse.Namespace) -> Linted | None:
    """The Dockerfile that the command line names, linted by the default rules; None where it names none."""
    if arguments.dockerfile is None:
        for option in ("target", "build_arg", "context"):
            if getattr(arguments, option):
                name = f"--{option.replace('_', '-')}"
                raise UsageError(f"{name} is about the image's Dockerfile", hint="name it too, with --dockerfile FILE")
        return None
    from imagelint import files

    return linted(
        arguments.dockerfile, files.read(arguments.dockerfile), build_context(arguments, arguments.dockerfile)
    )


def linted(
    path: str,
    data: bytes | str,
    context: BuildContext | None,
    measured: Sequence[Finding] | None = None,
    *,
    batches: bool = True,
) -> Linted:
    """A Dockerfile linted by the default rules; without `batches` no other program is asked."""
    from imagelint import linter, plugins
    from imagelint.cli.lintrun import checked
    from imagelint.selection import Selection, plan

    planned = plan(plugins.load(), Selection())
    if not batches:
        planned = planned._replace(batches=())
    return checked(linter.lint(path, data, planned, context, measured))
