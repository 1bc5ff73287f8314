"""What `analyze` and `gate` both begin with: an image read, and the Dockerfile lines behind its layers."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from imagelint.cli.progress import bar
from imagelint.cli.shared import build_context
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse

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

    Without `contents` files are not told apart by what is in them: sizes alone are right.
    """
    from imagelint.image.analyze import analyze
    from imagelint.image.reading import read_image

    linted = _lint(arguments)
    with bar(quiet=arguments.quiet) as progress:
        image = read_image(arguments.image, verify=not arguments.no_verify, contents=contents, progress=progress)
        report = analyze(image)
    if linted is None:
        return Subject(report)
    from imagelint.attribution import attribute
    from imagelint.output.places import of_layers

    instructions = attribute(image.history, linted.graph)
    places = of_layers(report, instructions, linted.path)
    if not places:
        doubt = f"{linted.path} does not look like the Dockerfile of {arguments.image}: no line of it is in the history"
        print(f"imagelint: warning: {printable(doubt)}", file=sys.stderr)
    return Subject(report, linted, places)


def _lint(arguments: argparse.Namespace) -> Linted | None:
    if arguments.dockerfile is None:
        return None
    from imagelint import files, linter, plugins
    from imagelint.cli.lintrun import checked
    from imagelint.selection import Selection, plan

    path = arguments.dockerfile
    context = build_context(arguments, path)
    return checked(linter.lint(path, files.read(path), plan(plugins.load(), Selection()), context))
