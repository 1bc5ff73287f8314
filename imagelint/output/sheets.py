"""Numbers in columns and a text behind them, in as many lines as a window's width asks for: no number is ever cut."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from imagelint.output import plain
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A text is cut to no less than this; where a window leaves it less, it gets a line of its own.
_LEAST = 20
#: Columns that are read from the left; that of the bars goes first where there is no room.
_BARS, _LEFT = "share", ("share", "where")
_INDENT = 2


class Screen(Console):
    """What is printed on. `written` is the encoding of the stream, `dots` stand where a text was cut."""

    written = "utf-8"

    @property
    def dots(self) -> str:
        """As the stream shows them."""
        return plain.shown("…", self.written)

    @property
    def encoding(self) -> str:
        """That of what is printed; the stream itself has signs for what its own encoding lacks."""
        return "utf-8"

    def on_broken_pipe(self) -> None:
        """Raise the error on: rich, which calls this while it handles it, would end with the status of findings."""
        self.quiet = True
        raise


class _Row(NamedTuple):
    cells: tuple[Text, ...]
    text: Text
    tail: Text


class Sheet:
    """A table. `titles` are those of the numbers, `text` is that of the text, if there is one.

    The text is cut to what room there is; with `wrap` it takes several lines instead. Without `head` no titles are
    shown.
    """

    def __init__(self, *titles: str, text: str | None = None, wrap: bool = False, head: bool = True) -> None:
        self._titles = titles
        self._text = text
        self._wrap = wrap
        self._head = head
        self._rows: list[_Row] = []

    def row(self, *cells: Text | str, text: Text | str = "", tail: str = "") -> None:
        """Add a row. The `tail` of its text is kept where the text is cut, and left out where that is short."""
        shown = tuple(Text(each) if isinstance(each, str) else each for each in cells)
        self._rows.append(_Row(shown, Text(text) if isinstance(text, str) else text, Text(tail, "dim")))

    def print(self, out: Screen) -> None:
        """Print it, within the width of the console."""
        self._rows = [row._replace(text=_as_written(row.text, out.written)) for row in self._rows]
        shown = list(range(len(self._titles)))
        widths = [
            max([cell_width(title) if self._head else 0, *(row.cells[place].cell_len for row in self._rows)])
            for place, title in enumerate(self._titles)
        ]
        needed = self._needed()
        if self._room(out, [widths[place] for place in shown]) < needed and _BARS in self._titles:
            shown.remove(self._titles.index(_BARS))
        room = self._room(out, [widths[place] for place in shown])
        if room >= needed:
            out.print(self._table(shown, room, out.dots))
            return
        for line in self._folded(shown, widths, out.width, out.dots):
            out.print(line)

    def _needed(self) -> int:
        """The columns that the text is to have at least."""
        if self._text is None:
            return 0
        longest = max([row.text.cell_len for row in self._rows], default=0)
        return max(cell_width(self._text) if self._head else 0, min(_LEAST, longest))

    def _room(self, out: Screen, widths: list[int]) -> int:
        """What is left for the text. Between two columns are a blank, a line that is not seen, and a blank."""
        behind = len(widths) if self._text is not None else len(widths) - 1
        return out.width - sum(widths) - (3 * behind + 2 if self._head else 2 * behind)

    def _table(self, shown: list[int], room: int, more: str) -> Table:
        if self._head:
            table = Table(box=SIMPLE_HEAD, pad_edge=False)
        else:
            table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        for place in shown:
            title = self._titles[place]
            table.add_column(title, justify="left" if title in _LEFT else "right", no_wrap=True)
        if self._text is not None:
            table.add_column(self._text, no_wrap=not self._wrap)
        for row in self._rows:
            cells = [row.cells[place] for place in shown]
            table.add_row(*cells, *([self._cut(row, room, more)] if self._text is not None else []))
        return table

    def _cut(self, row: _Row, room: int, more: str) -> Text:
        if self._wrap:
            return row.text
        tail = row.tail if room >= 2 * row.tail.cell_len else Text()
        return cut(row.text, room - tail.cell_len, more).append_text(tail)

    def _folded(self, shown: list[int], widths: list[int], width: int, more: str) -> Iterator[Text | Padding]:
        """The rows in several lines each: the numbers in as many as they need, then the text."""
        lines: list[list[int]] = []
        used = width
        for place in shown:
            used += 2 + widths[place]
            if used > width:
                lines.append([])
                used = widths[place] + (_INDENT if len(lines) > 1 else 0)
            lines[-1].append(place)
        if self._head:
            yield Text()
            titles = tuple(Text(title, "bold") for title in self._titles)
            yield from self._lines(_Row(titles, Text(self._text or "", "bold"), Text()), lines, widths, width, more)
            yield Text("─" * width)
        for row in self._rows:
            yield from self._lines(row, lines, widths, width, more)
        if self._head:
            yield Text()

    def _lines(
        self, row: _Row, lines: list[list[int]], widths: list[int], width: int, more: str
    ) -> Iterator[Text | Padding]:
        for number, line in enumerate(lines):
            if any(row.cells[place].plain.strip() for place in line):
                shown = Text(" " * _INDENT * (number > 0))
                for place in line:
                    gap = " " * (widths[place] - row.cells[place].cell_len)
                    cell = row.cells[place]
                    shown.append_text(Text.assemble(*((cell, gap) if self._titles[place] in _LEFT else (gap, cell))))
                    shown.append("  ")
                shown.rstrip()
                yield shown
        if row.text.plain:
            text = row.text if self._wrap else self._cut(row, width - _INDENT, more)
            yield Padding(text, (0, 0, 0, _INDENT), expand=False)


def _as_written(text: Text, encoding: str) -> Text:
    """A text as wide as the stream shows it."""
    shown = plain.shown(text.plain, encoding)
    return text if shown == text.plain else Text(shown, text.style)


def cell_width(text: str) -> int:
    """How many columns a terminal gives a text."""
    return Text(text).cell_len


def cut(text: Text, width: int, more: str) -> Text:
    """The text, shortened to a width."""
    if text.cell_len > width:
        text = text.copy()
        text.truncate(width - len(more))
        text.append(more)
    return text
