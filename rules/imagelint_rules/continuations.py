"""Blank lines inside an instruction."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import INSTRUCTIONS
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.source import LineKind, LogicalLine, Source
from imagelint.dockerfile.syntax import keyword
from imagelint.finding import Finding, Fix, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint.text import Edit, Span


@rule("IL903", blame=Unpriced("it is about how the file is read"), aliases=("NoEmptyContinuation",))
def empty_continuation(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    r"""A blank line follows a line that is to be continued.

    Why: the instruction goes on behind the blank line, although it looks as if it ended there. Docker has announced
    that it will refuse this. Often the backslash is one too many, and what looks like the next instruction is a part
    of this one: that is an error of the file's author, so that it is told, and not fixed.

    BuildKit reports the last line of the instruction, imagelint the first blank one.

    ```dockerfile bad
    FROM debian:12
    RUN make && \

        make install
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN make && \
        make install
    ```

    ```dockerfile good
    FROM debian:12
    RUN make && \
        # what comes out of it
        make install
    ```
    """
    source = dockerfile.source
    for line in source.logical:
        if not line.blanks:
            continue
        swallowed = _swallowed(source, line)
        first = line.blanks[0]
        if swallowed is None:
            yield Finding(
                source.span_of_lines(first, first),
                "the instruction goes on behind this blank line",
                help="take the blank line away; a comment may stand in its place",
                severity=Severity.STYLE,
                fix=Fix("take the blank lines away", _edits(source, line.blanks)),
            )
        else:
            number, word = swallowed
            yield Finding(
                source.span_of_lines(first, first),
                f"{word} at line {number} is a part of the instruction that begins at line {line.start_line}",
                help="take the backslash away where that instruction should end, or the blank line",
            )


def _swallowed(source: Source, line: LogicalLine) -> tuple[int, str] | None:
    """A line that begins with a keyword in capitals behind a blank one, with its number."""
    blanks = set(line.blanks)
    after = False
    for number in range(line.blanks[0], line.end_line + 1):
        if number in blanks:
            after = True
        elif source.kinds[number - 1] is LineKind.CONTINUATION:
            text = source.index.line_text(number)
            word = keyword(text) if after else None
            if word is not None and word.value in INSTRUCTIONS and text.lstrip().startswith(word.value):
                return number, word.value
            after = False
    return None


def _edits(source: Source, blanks: tuple[int, ...]) -> tuple[Edit, ...]:
    """Take lines away, neighbours in one edit."""
    edits: list[Edit] = []
    starts = source.index.starts
    for line in blanks:
        span = Span(starts[line - 1], starts[line] if line < len(starts) else len(source.text))
        if edits and edits[-1].span.end == span.start:
            span = Span(edits.pop().span.start, span.end)
        edits.append(Edit(span, ""))
    return tuple(edits)
