"""What ShellCheck says of a Dockerfile, for its tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from imagelint_shellcheck import process
from imagelint_shellcheck.check import shellcheck

from imagelint.dockerfile.parser import parse
from imagelint.graph import BuildGraph
from imagelint.graph.context import BuildContext

if TYPE_CHECKING:
    from imagelint.finding import Finding

needed = pytest.mark.skipif(process.find() is None, reason="ShellCheck is not installed")


def graph(text: str, context: BuildContext | None = None) -> BuildGraph:
    return BuildGraph(parse(text), context)


def findings(text: str, context: BuildContext | None = None) -> list[Finding]:
    found = shellcheck.function([graph(text, context)])
    return sorted((finding for _, finding in found), key=lambda each: (each.span, each.code))


def shown(text: str) -> str:
    """The findings as `code:line:column:text`."""
    index = graph(text).dockerfile.source.index
    places = ((each, index.position(each.span.start)) for each in findings(text))
    return " ".join(f"{each.code[2:]}:{at.line}:{at.column}:{text[slice(*each.span)]}" for each, at in places)
