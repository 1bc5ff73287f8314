"""What `analyze` and `gate` both begin with: an image read, and the Dockerfile lines behind its layers."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from imagelint.cli.progress import bar
from imagelint.cli.shared import build_context
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import Any

    from imagelint.image.comparison import Comparison
    from imagelint.image.model import Image
    from imagelint.image.report import Report
    from imagelint.linter import Linted
    from imagelint.output.places import Place


@dataclass(frozen=True, slots=True)
class Subject:
    """An image's report, its Dockerfile linted where one was given, and the line behind each layer that is known."""

    report: Report
    linted: Linted | None = None
    places: dict[int, Place] = field(default_factory=dict)


def read(arguments: argparse.Namespace, *, contents: bool = True) -> Subject:
    """Read the image that the command line names, and its Dockerfile first: that is the quicker one to fail.

    Without `contents` files are not told apart by what is in them: sizes alone are right. They are read all the same
    where that lets the layers enter the cache.
    """
    from imagelint.image.analyze import analyze
    from imagelint.image.reading import read_image

    linted = _lint(arguments)
    with reading(arguments) as options:
        contents = contents or (options["cache"] is not None and options["verify"])
        image = read_image(arguments.image, contents=contents, **options)
        report = analyze(image)
    return Subject(report, linted, _places(image, report, linted) if linted else {})


@contextmanager
def reading(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """How images are read, as the command line says: arguments of `open_image`, with progress and the cache."""
    from imagelint.image import cache

    def say(sentence: str) -> None:
        if not arguments.quiet:
            print(f"imagelint: note: {printable(sentence)}", file=sys.stderr)

    with ExitStack() as stack:
        layers = None if arguments.no_cache else stack.enter_context(cache.opened(say))
        yield {
            "verify": not arguments.no_verify,
            "progress": stack.enter_context(bar(quiet=arguments.quiet)),
            "platform": arguments.platform,
            "plain_http": arguments.plain_http,
            "notice": say,
            "cache": layers,
        }


def compare(arguments: argparse.Namespace) -> tuple[Comparison, dict[int, Place]]:
    """Compare the two images that the command line names; the lines are those behind the new one's layers."""
    from imagelint.image.analyze import analyze
    from imagelint.image.comparison import Side, compare
    from imagelint.image.reading import read_image
    from imagelint.image.tree import Tree

    linted = _lint(arguments)
    sides: list[Side] = []
    for reference in (arguments.old, arguments.new):
        with reading(arguments) as options:
            image = read_image(reference, **options)
            tree = Tree(layer.entries for layer in image.layers)
            sides.append(Side(image, tree, analyze(image, tree)))
    found = compare(*sides)
    return found, _places(sides[1].image, found.new, linted) if linted else {}


def _places(image: Image, report: Report, linted: Linted) -> dict[int, Place]:
    """The line behind each layer; says so where the Dockerfile is not the image's."""
    from imagelint.attribution import attribution
    from imagelint.output.places import of_layers

    found = attribution(image.history, linted.graph)
    if not found.matches:
        doubt = (
            f"{linted.path} does not look like the Dockerfile of {image.reference}: its lines are not in the history"
        )
        print(f"imagelint: warning: {printable(doubt)}", file=sys.stderr)
    return of_layers(report, found.instructions, linted.path)


def _lint(arguments: argparse.Namespace) -> Linted | None:
    if arguments.dockerfile is None:
        return None
    from imagelint import files, linter, plugins
    from imagelint.cli.lintrun import checked
    from imagelint.selection import Selection, plan

    path = arguments.dockerfile
    context = build_context(arguments, path)
    return checked(linter.lint(path, files.read(path), plan(plugins.load(), Selection()), context))
