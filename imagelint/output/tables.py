"""Tables on a terminal or in a pipe: what all reports for people share, and the gate's verdict."""

from __future__ import annotations

import os

from rich.text import Text

from imagelint.output import plain
from imagelint.output.sheets import Screen, Sheet
from imagelint.output.style import wants_colour
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import human, signed
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from imagelint.gate import Verdict
    from imagelint.image.report import Report
    from imagelint.output.places import Place

#: In a pipe nobody sees the edge of a window: commands are cut where a person's line would be long.
_PIPE_WIDTH = 140
_DIGITS = 6  # of a width that is one
_SHOWN = 10


def console(stream: TextIO, out: TextIO | None = None) -> Screen:
    """A console for a stream: colours where they are wanted, a fixed width where nobody looks and `COLUMNS` says none.

    With `out` the text goes there, made for the stream that it will be written to in the end.
    """
    colour = wants_colour(stream)
    screen = Screen(
        file=out or stream,
        color_system="auto" if colour else None,
        force_terminal=True if colour else None,
        width=None if stream.isatty() else _given_width() or _PIPE_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )
    screen.written = plain.encoding(stream)
    return screen


def _given_width() -> int | None:
    """The width that is asked for (POSIX, "Environment Variables"): by watch(1), which shows this in a window."""
    given = os.environ.get("COLUMNS", "")
    return int(given) or None if given.isdecimal() and len(given) < _DIGITS else None


def gate(out: Screen, report: Report, verdict: Verdict, places: Mapping[int, Place]) -> None:
    """Print each budget with what was observed, and for a broken one what grew, or what costs most."""
    for check in verdict.checks:
        word, colour = ("held", "green") if check.held else ("BROKEN", "bold red")
        word, colour = ("waived", "yellow") if check.waived else (word, colour)
        why = f"; waived: {check.waived}" if check.waived else ""
        text = Text.assemble((f"{word:6}", colour), f" {check.name}: {printable(check.message + why)}")
        out.print(text, soft_wrap=True)  # a line a budget, however long: it may be searched for
    if verdict.held:
        return
    if verdict.costs:
        out.print("the dearest findings:")
        sheet = Sheet("size", "where", text="", head=False)
        for cost in verdict.costs[:_SHOWN]:
            sheet.row(human(cost.bytes), f"line {cost.line}", text=printable(f"{cost.code} {cost.message}"))
        sheet.print(out)
        if not verdict.culprits and sum(not check.held for check in verdict.checks) == 1:
            return
    rows: list[tuple[int, int, str, str | None]]
    if not verdict.culprits:
        out.print("the largest layers:")
        rows = [(layer.layer_bytes, layer.index, layer.command, None) for layer in report.layers if layer.layer_bytes]
        rows.sort(key=lambda row: -row[0])
    else:
        out.print("what grew:")
        rows = [(each.delta_bytes, each.layer, each.package or each.command, each.path) for each in verdict.culprits]
    sheet = Sheet("size", "where", text="", head=False)
    for count, index, command, path in rows[:_SHOWN]:
        place = places.get(index)
        where = f"layer {index}" + (f", line {place.line}" if place else "")
        size = signed(count) if verdict.culprits else human(count)
        sheet.row(size, where, text=printable(command))
        if path:
            sheet.row("", "", text=Text(f"mostly {printable(path)}", "dim"))
    sheet.print(out)
