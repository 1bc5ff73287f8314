"""An image's report as a person reads it: layers with their share, what is wasted where, and what could be saved."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from imagelint.output.style import wants_colour
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import exact, human, signed
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from imagelint.gate import Verdict
    from imagelint.image.report import Report
    from imagelint.output.places import Place

_BAR = 12
#: In a pipe nobody sees the edge of a window: commands are cut where a person's line would be long.
_PIPE_WIDTH = 140
#: What the columns before a command or a path take at most.
_FIXED_WIDTH = 40
_LAYERS_WIDTH = 16

REASONS = {
    "overwritten": "stored again by a later layer",
    "metadata-only": "stored again only to change owner, mode or time",
    "removed": "removed by a later layer",
    "opaque": "hidden by a later layer's new folder",
    "moved": "moved by a later layer",
    "duplicate": "the same content at another path",
}


def console(stream: TextIO) -> Console:
    """A console for a stream: colours where they are wanted, a fixed width where nobody looks."""
    colour = wants_colour(stream)
    return Console(
        file=stream,
        color_system="auto" if colour else None,
        force_terminal=True if colour else None,
        width=None if stream.isatty() else _PIPE_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def analysis(out: Console, report: Report, places: Mapping[int, Place], top: int) -> None:
    """Print the whole report."""
    summary = report.image
    head = Text.assemble(
        (printable(summary.reference), "bold"), f"  {human(summary.layer_bytes)} in {len(report.layers)} layers"
    )
    head.append(f"  ({exact(summary.layer_bytes)}, {summary.platform}, from {summary.source})", "dim")
    out.print(head)
    out.print(_layers(report, places, out.width))
    _waste(out, report, top)
    _largest(out, report, top)
    _savings(out, report)


def _layers(report: Report, places: Mapping[int, Place], width: int) -> Table:
    table = simple_table("layer", "size", "share")
    if places:
        table.add_column("line", justify="right", style="cyan", no_wrap=True)
    table.add_column("command", no_wrap=True)
    left = width - (_FIXED_WIDTH + 6 if places else _FIXED_WIDTH)
    most = max((layer.layer_bytes for layer in report.layers), default=0)
    for layer in report.layers:
        bar = Text("█" * -(-layer.layer_bytes * _BAR // most) if most else "", style="magenta")
        cells: list[Text | str] = [str(layer.index), human(layer.layer_bytes), bar]
        if places:
            place = places.get(layer.index)
            cells.append(str(place.line) if place else "")
        command = Text(printable(" ".join(layer.command.split())))
        if layer.base:
            command.append("  (base image)", "dim")
        cells.append(cut(command, left))
        table.add_row(*cells)
    return table


def simple_table(*titles: str) -> Table:
    """A table whose columns of numbers keep their width; what may be cut is cut before it comes in."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        table.add_column(title, justify="left" if title == "share" else "right", no_wrap=True)
    return table


def cut(text: Text, width: int) -> Text:
    """The text, shortened to a width of no less than 20."""
    text.truncate(max(width, 20), overflow="ellipsis")
    return text


def _waste(out: Console, report: Report, top: int) -> None:
    """What is stored in vain: by reason and layers, then by file."""
    if not report.reclaimable_bytes:
        out.print(Text("Nothing is stored in vain: every byte is live.", "green"))
        return
    share = report.reclaimable_bytes / max(report.image.layer_bytes, 1)
    out.print(
        Text.assemble(
            ("wasted ", "bold"), (human(report.reclaimable_bytes), "bold red"), f", {share:.1%} of what is stored"
        )
    )
    table = simple_table("wasted", "files", "stored by", "hidden by")
    table.add_column("why", no_wrap=True)
    inside = [each for each in report.reclaimable if each.within_stored]
    for each in sorted(inside, key=lambda each: -each.bytes)[:top]:
        hidden = "" if each.hidden_by is None else f"layer {each.hidden_by}"
        why = REASONS.get(each.reason, each.reason)
        table.add_row(human(each.bytes), f"{each.files:,}", f"layer {each.stored_by}", hidden, why)
    out.print(table)
    by_path: dict[str, tuple[int, list[int]]] = {}
    for file in report.waste:
        if file.reason != "duplicate":
            count, layers = by_path.get(file.path, (0, []))
            by_path[file.path] = (count + file.bytes, [*layers, file.stored_by])
    files = simple_table("wasted", "in layers")
    files.add_column("file", no_wrap=True)
    for path, (count, layers) in sorted(by_path.items(), key=lambda each: -each[1][0])[:top]:
        where = ", ".join(str(layer) for layer in sorted(layers))
        files.add_row(human(count), where[:_LAYERS_WIDTH], cut(Text(printable(path)), out.width - _FIXED_WIDTH))
    if by_path:
        out.print(files)


def _largest(out: Console, report: Report, top: int) -> None:
    table = simple_table("size", "layer")
    table.add_column("largest live files", no_wrap=True)
    for each in report.largest[:top]:
        table.add_row(human(each.bytes), str(each.layer), cut(Text(printable(each.path)), out.width - _FIXED_WIDTH))
    if report.largest[:top]:
        out.print(table)


def _savings(out: Console, report: Report) -> None:
    """What the image could be with nothing stored in vain, and dive's numbers beside it."""
    total, live = report.image.layer_bytes, report.live_bytes
    if live < total:
        line = Text.assemble(("savings ", "bold"), f"{human(total)} → {human(live)} if each file were stored once: ")
        line.append(f"-{human(total - live)} ({(live - total) / total:.1%}, measured)", "green")
        out.print(line)
    duplicate = sum(each.bytes for each in report.reclaimable if not each.within_stored)
    if duplicate:
        out.print(Text(f"        {human(duplicate)} more are live twice: the same content at two paths", "dim"))
    dive = report.dive
    percent = "–" if dive.user_wasted_percent is None else f"{dive.user_wasted_percent:.2%}"
    numbers = f"efficiency {dive.efficiency:.4%}, {human(dive.wasted_bytes)} wasted, {percent} of the user's"
    out.print(Text(f"dive would say: {numbers}", "dim"))


def gate(out: Console, report: Report, verdict: Verdict, places: Mapping[int, Place]) -> None:
    """Print each budget with what was observed, and for a broken one the layers that grew."""
    for check in verdict.checks:
        word, colour = ("held", "green") if check.held else ("BROKEN", "bold red")
        out.print(Text.assemble((f"{word:6}", colour), f" {check.name}: {check.message}"))
    if verdict.held:
        return
    rows: list[tuple[int, int, str, str | None]]
    over = next(check for check in verdict.checks if not check.held)
    if over.name == "max-size" and not verdict.culprits:
        out.print("the largest layers:")
        rows = [(layer.layer_bytes, layer.index, layer.command, None) for layer in report.layers]
        rows.sort(key=lambda row: -row[0])
    else:
        out.print("what grew:")
        rows = [(each.delta_bytes, each.layer, each.command, each.path) for each in verdict.culprits]
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    for count, index, command, path in rows[:10]:
        place = places.get(index)
        where = f"layer {index}" + (f", line {place.line}" if place else "")
        size = signed(count) if verdict.culprits else human(count)
        table.add_row(size, where, cut(Text(printable(command)), out.width - _FIXED_WIDTH))
        if path:
            table.add_row("", "", cut(Text(f"mostly {printable(path)}", "dim"), out.width - _FIXED_WIDTH))
    out.print(table)
