"""Places as reports for programs give them: one line, and a path from the repository's root."""

from __future__ import annotations

import os
import re
from bisect import bisect_left

from imagelint.output.costs import headline
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.repository import from_root, root
from imagelint.text import Position

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelint.finding import FileReport, Finding
    from imagelint.text import LineIndex, Span


class Region(NamedTuple):
    """A part of one line, from 1; `end_column` is the one behind the last character, None where there is nothing."""

    line: int
    column: int
    end_column: int | None


def one_line(index: LineIndex, span: Span) -> Region:
    """The first line of a span. GitHub shows an alert in a pull request only if all of its lines were changed."""
    start = index.position(span.start)
    end = min(span.end, line_end(index, start.line))
    return Region(start.line, start.column, index.position(end).column if end > span.start else None)


def line_end(index: LineIndex, line: int) -> int:
    """Where a line ends, before its line end."""
    start, end = index.line_span(line)
    if end > start and index.text[end - 1] == "\n":
        end -= 1
    return end - 1 if end > start and index.text[end - 1] == "\r" else end


class Utf16:
    """Counts columns in UTF-16 code units, as SARIF does unless told otherwise, and most that read it whatever told."""

    __slots__ = ("_index", "_wide")

    def __init__(self, index: LineIndex) -> None:
        self._index = index
        text = index.text
        self._wide = [] if text.isascii() else [found.start() for found in re.finditer("[\U00010000-\U0010ffff]", text)]

    def position(self, offset: int) -> Position:
        """The line and column of an offset: a character beyond the first 65,536 takes two columns."""
        position = self._index.position(offset)
        start = self._index.starts[position.line - 1]
        wide = bisect_left(self._wide, offset) - bisect_left(self._wide, start)
        return position._replace(column=position.column + wide)

    def edge(self, offset: int) -> Position:
        """The same for where an edit begins or ends: behind the last line end an editor sees a line of its own."""
        position = self.position(offset)
        text = self._index.text
        return Position(position.line + 1, 1) if offset == len(text) and text.endswith("\n") else position


def explained(finding: Finding) -> str:
    """All that a finding says, a line each: what is wrong, what it costs, what to do."""
    parts = [headline(finding)]
    if finding.note:
        parts.append(finding.note)
    if finding.help:
        parts.append(f"help: {finding.help}")
    return "\n".join(parts)


def in_repository(files: Iterable[FileReport]) -> list[FileReport]:
    """The same files by their paths from the repository's root, where they are in the one that holds the folder."""
    top = root() or os.path.realpath(os.curdir)
    return [file._replace(path=from_root(file.path, top)) for file in files]
