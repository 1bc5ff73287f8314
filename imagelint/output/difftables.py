"""A comparison of two images as a person reads it."""

from __future__ import annotations

from rich.text import Text

from imagelint.image.comparison import SAME
from imagelint.output import differences
from imagelint.output.tables import FIXED_WIDTH, cut, simple_table
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import human, signed
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from imagelint.image.comparison import Comparison
    from imagelint.output.places import Place


def comparison(out: Console, found: Comparison, places: Mapping[int, Place], top: int) -> None:
    """Print what differs: the sizes, then layers, packages, files and settings, what grew most first."""
    old, new = found.old.image, found.new.image
    out.print(Text.assemble((printable(old.reference), "bold"), " → ", (printable(new.reference), "bold")))
    table = simple_table("", "before", "after", "change")
    for title, before, after in (
        ("layer bytes", old.layer_bytes, new.layer_bytes),
        ("compressed", old.compressed_bytes, new.compressed_bytes),
        ("live", found.old.live_bytes, found.new.live_bytes),
        ("not shared", found.old_unique, found.new_unique),
    ):
        if before is not None and after is not None:
            share = f" ({(after - before) / before:+.1%})" if before and after != before else ""
            table.add_row(title, human(before), human(after), _change(after - before, share))
    out.print(table)
    if found.base_delta:
        own = found.delta_bytes - found.base_delta
        out.print(Text(f"of it the base image {signed(found.base_delta)}, the layers on it {signed(own)}"))
    _layers(out, found, places, top)
    _packages(out, found, places, top)
    _paths(out, found, places, top)
    for setting in found.settings[:top]:
        values = f"{differences.value(setting.old)} → {differences.value(setting.new)}"
        out.print(Text(cut_line(printable(f"{setting.name}: {values}"), out.width)))
    if len(found.settings) > top:
        out.print(Text(f"and {len(found.settings) - top} more settings differ", "dim"))
    if not (found.delta_bytes or found.paths or found.settings):
        out.print(Text("Nothing differs.", "green"))


def _layers(out: Console, found: Comparison, places: Mapping[int, Place], top: int) -> None:
    changed = [each for each in found.layers if each.change != SAME]
    if not changed:
        return
    table = simple_table("change", "old", "new", "line")
    table.add_column("command", no_wrap=True)
    for each in sorted(changed, key=lambda each: -abs(each.delta_bytes))[:top]:
        shown = each.new or each.old
        assert shown is not None
        place = places.get(each.new.index) if each.new else None
        table.add_row(
            _change(each.delta_bytes),
            str(each.old.index) if each.old else "",
            str(each.new.index) if each.new else "",
            str(place.line) if place else "",
            cut(Text(printable(" ".join(shown.command.split()))), out.width - FIXED_WIDTH),
        )
    out.print(table)


def _packages(out: Console, found: Comparison, places: Mapping[int, Place], top: int) -> None:
    if not found.packages:
        return
    table = simple_table("change", "line")
    table.add_column("package", no_wrap=True)
    for each in sorted(found.packages, key=lambda each: -abs(each.delta_bytes))[:top]:
        place = places.get(each.layer) if each.layer is not None else None
        versions = " → ".join(version or "–" for version in (each.old_version, each.new_version))
        name = Text(printable(f"{each.name} {versions} ({each.manager})"))
        table.add_row(_change(each.delta_bytes), str(place.line) if place else "", cut(name, out.width - FIXED_WIDTH))
    out.print(table)


def _paths(out: Console, found: Comparison, places: Mapping[int, Place], top: int) -> None:
    if not found.paths:
        return
    table = simple_table("change", "how", "line")
    table.add_column(f"path ({len(found.paths):,} that differ)", no_wrap=True)
    for each in sorted(found.paths, key=lambda each: (-abs(each.delta_bytes), each.path))[:top]:
        path = cut(Text(printable(each.path)), out.width - FIXED_WIDTH)
        place = places.get(each.layer) if each.layer is not None else None
        table.add_row(_change(each.delta_bytes), each.change, str(place.line) if place else "", path)
    out.print(table)


def _change(delta: int, share: str = "") -> Text:
    return Text(signed(delta) + share, "red" if delta > 0 else "green" if delta < 0 else "dim")


def cut_line(text: str, width: int) -> str:
    """A line that fits."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
