"""A second opinion on where instructions begin: dockerfile-parse, on a copy with what it gets wrong masked.

Our own source layer is the authority. A fix is applied only where an independent parser sees the same instructions
in the result; that is the place where dockerfile-parse serves. As the splitter of every run it would cost its import,
and its time grows with the square of an instruction's lines (docs/dependencies.md has the figures).
"""

from __future__ import annotations

import io
from typing import cast

from imagelint.dockerfile.source import LineKind
from imagelint.dockerfile.syntax import keyword
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from imagelint.dockerfile.source import Source

#: Longer instructions are not asked about: the witness would take seconds.
MAX_LINES = 2_000


def instructions(source: Source) -> list[tuple[str, int]] | None:
    """Keyword (in capitals) and first line of each instruction as dockerfile-parse sees them; None if too long."""
    if any(line.end_line - line.start_line > MAX_LINES for line in source.logical):
        return None
    from dockerfile_parse import DockerfileParser

    parser = DockerfileParser(fileobj=io.BytesIO(_masked(source).encode("utf-8", "replace")))
    return [
        (str(each["instruction"]).upper(), cast("int", each["startline"]) + 1)
        for each in parser.structure
        if each["instruction"] != "COMMENT"
    ]


def agrees(source: Source) -> bool | None:
    """Whether both parsers see the same instructions; None where the witness cannot be asked."""
    seen = instructions(source)
    if seen is None:
        return None
    ours = [(keyword(line.joined.text), line.start_line) for line in source.logical]
    return seen == [(word.value if word else "", line) for word, line in ours]


def _masked(source: Source) -> str:
    """The text with the same line numbers, without what dockerfile-parse does not know."""
    out: list[str] = []
    inside = {line for logical in source.logical for line in (*logical.blanks, *logical.comments)}
    ends: set[int] = set()  # the last line with text of each instruction
    for logical in source.logical:
        last = logical.start_line
        while last < logical.end_line and source.kinds[last] not in (LineKind.HEREDOC_BODY, LineKind.HEREDOC_END):
            last += 1
        while last > logical.start_line and source.kinds[last - 1] not in (LineKind.HEAD, LineKind.CONTINUATION):
            last -= 1
        ends.add(last)
    for number, kind in enumerate(source.kinds, start=1):
        text = source.index.line_text(number)
        bare = text.rstrip(" \t")
        if kind in (LineKind.HEREDOC_BODY, LineKind.HEREDOC_END) or number in inside:
            text = "#"
        elif bare.endswith(source.escape) and (number in ends or bare[-2:-1] == source.escape):
            text = bare.rstrip(source.escape) + "_"
        out.append(text)
    return "\n".join(out) + "\n"
