"""A comparison of two images as a person reads it."""

from __future__ import annotations

from rich.text import Text

from imagelint.image.comparison import SAME
from imagelint.output import differences
from imagelint.output.sheets import Screen, Sheet, cut
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import human, signed
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelint.image.comparison import Comparison
    from imagelint.output.places import Place


def comparison(out: Screen, found: Comparison, places: Mapping[int, Place], top: int) -> None:
    """Print what differs: the sizes, then layers, packages, files and settings, what grew most first."""
    old, new = found.old.image, found.new.image
    out.print(Text.assemble((printable(old.reference), "bold"), " → ", (printable(new.reference), "bold")))
    sheet = Sheet("", "before", "after", "change")
    for title, before, after in (
        ("layer bytes", old.layer_bytes, new.layer_bytes),
        ("compressed", old.compressed_bytes, new.compressed_bytes),
        ("live", found.old.live_bytes, found.new.live_bytes),
        ("not shared", found.old_unique, found.new_unique),
    ):
        if before is not None and after is not None:
            share = f" ({(after - before) / before:+.1%})" if before and after != before else ""
            sheet.row(title, human(before), human(after), _change(after - before, share))
    sheet.print(out)
    if found.base_delta:
        own = found.delta_bytes - found.base_delta
        out.print(Text(f"of it the base image {signed(found.base_delta)}, the layers on it {signed(own)}"))
    _layers(out, found, places, top)
    _packages(out, found, places, top)
    _paths(out, found, places, top)
    for setting in found.settings[:top]:
        values = f"{differences.value(setting.old)} → {differences.value(setting.new)}"
        out.print(cut(Text(printable(f"{setting.name}: {values}")), out.width, out.dots))
    if len(found.settings) > top:
        out.print(Text(f"and {len(found.settings) - top} more settings differ", "dim"))
    if not (found.delta_bytes or found.paths or found.settings):
        out.print(Text("Nothing differs.", "green"))


def _layers(out: Screen, found: Comparison, places: Mapping[int, Place], top: int) -> None:
    changed = [each for each in found.layers if each.change != SAME]
    if not changed:
        return
    sheet = Sheet("change", "old", "new", "line", text="command")
    for each in sorted(changed, key=lambda each: -abs(each.delta_bytes))[:top]:
        shown = each.new or each.old
        assert shown is not None
        place = places.get(each.new.index) if each.new else None
        sheet.row(
            _change(each.delta_bytes),
            str(each.old.index) if each.old else "",
            str(each.new.index) if each.new else "",
            str(place.line) if place else "",
            text=printable(" ".join(shown.command.split())),
        )
    sheet.print(out)


def _packages(out: Screen, found: Comparison, places: Mapping[int, Place], top: int) -> None:
    if not found.packages:
        return
    sheet = Sheet("change", "line", text="package")
    for each in sorted(found.packages, key=lambda each: -abs(each.delta_bytes))[:top]:
        place = places.get(each.layer) if each.layer is not None else None
        versions = " → ".join(version or "–" for version in (each.old_version, each.new_version))
        name = printable(f"{each.name} {versions} ({each.manager})")
        sheet.row(_change(each.delta_bytes), str(place.line) if place else "", text=name)
    sheet.print(out)


def _paths(out: Screen, found: Comparison, places: Mapping[int, Place], top: int) -> None:
    if not found.paths:
        return
    sheet = Sheet("change", "how", "line", text=f"path ({len(found.paths):,} that differ)")
    for each in sorted(found.paths, key=lambda each: (-abs(each.delta_bytes), each.path))[:top]:
        place = places.get(each.layer) if each.layer is not None else None
        line = str(place.line) if place else ""
        sheet.row(_change(each.delta_bytes), each.change, line, text=printable(each.path))
    sheet.print(out)


def _change(delta: int, share: str = "") -> Text:
    return Text(signed(delta) + share, "red" if delta > 0 else "green" if delta < 0 else "dim")
