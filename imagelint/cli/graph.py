"""`imagelint graph`: the stages of a Dockerfile, their instructions, and how each depends on the others."""

from __future__ import annotations

import sys

from imagelint import files, linter
from imagelint.cli.lintrun import checked
from imagelint.cli.shared import build_context
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from imagelint.graph import BuildGraph


def run(arguments: argparse.Namespace) -> int:
    """Read the file and print its graph; exits 0 whatever it shows."""
    path = arguments.path
    linted = checked(linter.lint(path, files.read(path), (), build_context(arguments, path)))
    count = len(linted.findings)
    if count:
        # Without rules there are syntax errors alone; the graph is of what could be read.
        errors = f"{count} syntax error{'s' * (count != 1)}"
        print(f"imagelint: warning: {printable(path)}: {errors}; `imagelint check` shows them", file=sys.stderr)
    for line in _lines(path, linted.graph, arguments.output_format):
        print(line)
    return 0


def _lines(path: str, graph: BuildGraph, form: str) -> Iterator[str]:
    if form in ("mermaid", "dot"):
        from imagelint.output import diagrams

        return diagrams.mermaid(graph) if form == "mermaid" else diagrams.dot(graph)
    if form == "svg":
        from imagelint.output import drawing

        return drawing.svg(graph)
    from imagelint.output import graphs

    if form == "json":
        from imagelint.output import json

        return iter([json.dumps(graphs.document(path, graph))])
    from imagelint.output.style import Style, wants_colour

    return graphs.lines(path, graph, Style(colour=wants_colour(sys.stdout)))
