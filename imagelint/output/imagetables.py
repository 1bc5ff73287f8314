"""An image's report as a person reads it: what it could weigh first, then its layers, its waste and what is in it."""

from __future__ import annotations

from collections import defaultdict

from rich.text import Text

from imagelint.output.costs import headline, ranges
from imagelint.output.sheets import Screen, Sheet
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import exact, human, signed
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagelint.attribution import Attribution
    from imagelint.image.report import LayerReport, Package, Report
    from imagelint.pricing.analysis import Analysis
    from imagelint.pricing.predictions import Prediction

_BAR = 12
_LAYERS_WIDTH = 16
_NAMED = 6
_WIDE = 100
_FINDINGS = 5

REASONS = {
    "overwritten": "stored again by a later layer",
    "metadata-only": "stored again only to change owner, mode or time",
    "removed": "removed by a later layer",
    "opaque": "hidden by a later layer's new folder",
    "moved": "moved by a later layer",
    "duplicate": "the same content at another path",
}


def analysis(out: Screen, found: Analysis, top: int) -> None:
    """Print the whole report."""
    report = found.report
    _head(out, report, found.attribution)
    _ladder(out, found)
    _layers(out, found)
    _waste(out, report, top)
    _findings(out, found)
    _packages(out, report, top)
    _places(out, report, top)
    _candidates(out, found)
    _dive(out, report)


def _head(out: Screen, report: Report, tied: Attribution | None) -> None:
    """What the image is, in the sizes that people confuse."""
    image = report.image
    count = len(report.layers)
    where = f"{count} layer{'s' * (count != 1)}"
    head = Text.assemble((printable(image.reference), "bold"), f"  {human(image.layer_bytes)} in {where}")
    head.append(f"  ({exact(image.layer_bytes)}, {image.platform}, from {image.source})", "dim")
    out.print(head)
    parts = [f"{human(report.live_bytes)} are live"]
    if report.reclaimable_bytes:
        share = report.reclaimable_bytes / max(image.layer_bytes, 1)
        parts.append(f"{human(report.reclaimable_bytes)} ({share:.1%}) are stored in vain")
    else:
        parts.append("nothing is stored in vain")
    if image.compressed_bytes is not None:
        parts.append(f"{human(image.compressed_bytes)} compressed")
    base = sum(layer.layer_bytes for layer in report.layers if layer.base)
    if base:
        parts.append(f"{human(base)} are the base image's, {human(image.layer_bytes - base)} your own")
    if tied is not None and tied.confidence == "partial":
        parts.append(f"{tied.found} of the Dockerfile's {tied.expected} layers are found in the history")
    out.print(Text("; ".join(parts)))


def _ladder(out: Screen, found: Analysis) -> None:
    """From what it weighs today to what it could weigh, each rung with what it takes."""
    before = today = found.report.image.layer_bytes
    rungs: list[Prediction] = []
    for each in found.predictions:
        if each.layer_bytes not in (before, today):  # else it saves nothing, or nothing more than the one before
            rungs.append(each)
        before = each.layer_bytes
    if not rungs:
        return
    sheet = Sheet("size", "change", "share", text="how (predicted)")
    sheet.row(human(today), "", _bar(today, today), text="today")
    for each in rungs:
        change = each.layer_bytes - today
        name = Text.assemble((each.name, "bold"), f": {printable(each.explanation)}")
        share = Text(f"{change / today:+.1%}", "green" if change < 0 else "dim")
        sheet.row(human(each.layer_bytes), share, _bar(each.layer_bytes, today), text=name)
    sheet.print(out)


def _layers(out: Screen, found: Analysis) -> None:
    layers, lines = found.report.layers, found.instructions
    again = {each.instruction: each.layer_bytes for each in found.rebuilds}
    wide = out.width >= _WIDE
    titles = ("layer", "size", *(("share", "files") if wide else ()), *(("line", "again") if lines else ()))
    sheet = Sheet(*titles, text="command")
    most = max((layer.layer_bytes for layer in layers), default=0)
    for layer in layers:
        cells: list[Text | str] = [str(layer.index), human(layer.layer_bytes)]
        if wide:
            cells += [_bar(layer.layer_bytes, most), _counts(layer)]
        if lines:
            instruction = lines.get(layer.index)
            cells.append(Text(str(instruction.start_line) if instruction else "", "cyan"))
            cells.append(human(again[instruction]) if instruction in again else "")
        command = printable(" ".join(layer.command.split()))
        sheet.row(*cells, text=command, tail="  (base image)" if layer.base else "")
    sheet.print(out)


def _counts(layer: LayerReport) -> str:
    """Files that a layer adds, changes and removes."""
    parts = [f"+{layer.added:,}"] if layer.added else []
    parts += [f"~{layer.changed:,}"] if layer.changed else []
    parts += [f"-{layer.removed:,}"] if layer.removed else []
    return " ".join(parts)


def _bar(size: int, most: int) -> Text:
    return Text("█" * -(-size * _BAR // most) if most else "", style="magenta")


def _waste(out: Screen, report: Report, top: int) -> None:
    """What is stored in vain: by reason and layers, then by file."""
    if not report.reclaimable_bytes:
        return
    sheet = Sheet("wasted", "files", "stored by", "hidden by", text="why", wrap=True)
    inside = [each for each in report.reclaimable if each.within_stored]
    for each in sorted(inside, key=lambda each: -each.bytes)[:top]:
        hidden = "" if each.hidden_by is None else f"layer {each.hidden_by}"
        why = REASONS.get(each.reason, each.reason)
        sheet.row(human(each.bytes), f"{each.files:,}", f"layer {each.stored_by}", hidden, text=why)
    sheet.print(out)
    sizes: defaultdict[str, int] = defaultdict(int)
    for file in report.waste:
        if file.reason != "duplicate":
            sizes[file.path] += file.bytes
    shown = sorted(sizes.items(), key=lambda each: -each[1])[:top]
    layers: dict[str, set[int]] = {path: set() for path, _ in shown}
    for file in report.waste:
        if file.path in layers and file.reason != "duplicate":
            layers[file.path].add(file.stored_by)
    files = Sheet("wasted", "in layers", text="file")
    for path, size in shown:
        files.row(human(size), _where(layers[path], out.dots), text=printable(path))
    files.print(out)


def _where(layers: Iterable[int], more: str) -> str:
    """Layers in a column, whole numbers all: as many as there is room for."""
    shown = ranges(sorted(set(layers)))
    if len(", ".join(shown)) <= _LAYERS_WIDTH:
        return ", ".join(shown)
    while len(", ".join(shown)) > _LAYERS_WIDTH - 2 - len(more):
        shown.pop()
    return ", ".join([*shown, more])


def _findings(out: Screen, found: Analysis) -> None:
    """The Dockerfile's dearest findings."""
    if found.file is None or not found.file.findings:
        return
    sheet = Sheet("rule", "line", text="finding")
    lines = found.file.lines
    for finding in found.file.findings[:_FINDINGS]:
        place = str(lines.position(finding.span.start).line)
        sheet.row(finding.code, place, text=printable(headline(finding)))
    sheet.print(out)
    total = f", {human(found.file.total_bytes)} in all" if found.file.total_bytes else ""
    count = len(found.file.findings)
    more = f"imagelint check {found.file.path} --image {found.report.image.reference}"
    out.print(Text(f"{count} finding{'s' * (count != 1)}{total}: {printable(more)}", "dim"))


def _packages(out: Screen, report: Report, top: int) -> None:
    if report.packages:
        total = sum(each.bytes for each in report.packages)
        sheet = Sheet("size", "layer", text=f"packages ({len(report.packages):,}, {human(total)})")
        for each in report.packages[:top]:
            name = printable(f"{each.name} {each.version} ({each.manager})")
            sheet.row(human(each.bytes), str(each.layer), text=name)
        sheet.print(out)
    if report.recommended:
        size = sum(each.bytes for each in report.recommended)
        names = _names(report.recommended)
        out.print(Text(f"{human(size)} are packages that are only recommended: {names} (--no-install-recommends)"))


def _names(packages: Sequence[Package]) -> str:
    names = ", ".join(printable(each.name) for each in packages[:_NAMED])
    return names + (f" and {len(packages) - _NAMED} more" if len(packages) > _NAMED else "")


def _places(out: Screen, report: Report, top: int) -> None:
    """Where the live bytes are: leftovers, folders, files."""
    rows: Iterable[tuple[str, Iterable[tuple[int, str, str]]]] = (
        ("caches and leftovers", ((each.bytes, f"{each.files:,}", each.kind) for each in report.leftovers)),
        ("folders", ((each.bytes, f"{each.files:,}", each.path) for each in report.folders)),
        ("largest live files", ((each.bytes, f"layer {each.layer}", each.path) for each in report.largest)),
    )
    for title, places in rows:
        shown = [each for each in places if each[0]][:top]
        if shown:
            sheet = Sheet("size", "files" if title != "largest live files" else "stored by", text=title)
            for size, count, name in shown:
                sheet.row(human(size), count, text=printable(name))
            sheet.print(out)
    duplicate = sum(each.bytes for each in report.reclaimable if not each.within_stored)
    if duplicate:
        out.print(Text(f"{human(duplicate)} are live twice: the same content at two paths"))


def _candidates(out: Screen, found: Analysis) -> None:
    if not found.candidates:
        return
    sheet = Sheet("base", "compressed", "image on it", "change", text="base image")
    today = found.report.image.layer_bytes
    for each in found.candidates:
        sheet.row(
            human(each.layer_bytes),
            "–" if each.compressed_bytes is None else human(each.compressed_bytes),
            "–" if each.image_bytes is None else human(each.image_bytes),
            "–" if each.image_bytes is None else signed(each.image_bytes - today),
            text=printable(each.reference),
        )
    sheet.print(out)


def _dive(out: Screen, report: Report) -> None:
    dive = report.dive
    percent = "–" if dive.user_wasted_percent is None else f"{dive.user_wasted_percent:.2%}"
    numbers = f"efficiency {dive.efficiency:.4%}, {human(dive.wasted_bytes)} wasted, {percent} of the user's"
    out.print(Text(f"dive would say: {numbers}", "dim"))
