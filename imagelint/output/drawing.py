"""The build graph as an SVG of its own making: a box for each stage, a row for each instruction, arrows between them.

Nothing has to be installed for it, and it shows in a browser, in a page and in an `<img>`.
"""

from __future__ import annotations

import unicodedata
from xml.sax.saxutils import escape

from imagelint.output.graphs import Arrow, arrows, explained, one_line, statuses, title
from imagelint.output.layout import COLUMN_GAP, LANE, arrange
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.graph import BuildGraph
    from imagelint.output.layout import Layout

#: Longer instructions are cut.
MAX_WIDTH = 52

_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
#: Wider than any of these fonts at 12 pixels, so that text never leaves its box.
_CHARACTER = 7.4
_ROW = 18
_HEAD = 26
_PAD = 10
_MARGIN = 20
_LEGEND = 34

_COLOURS = {"base": "#1f2328", "copies_from": "#0550ae", "mounts_from": "#116329", "reads": "#8250df"}
_DASHES = {"mounts_from": "5 3", "reads": "2 3"}
_MEANINGS = {
    "base": "built on",
    "copies_from": "copied by COPY --from",
    "mounts_from": "mounted by RUN --mount",
    "reads": "ARG read",
}


class _Box(NamedTuple):
    """A stage as it is drawn: its heading, what the target makes of it, its rows, and what is wrong with some."""

    head: str
    word: str
    rows: list[tuple[str, str]]
    wrong: dict[str, str]

    @property
    def size(self) -> tuple[float, float]:
        """Its width and height in pixels."""
        widest = max(_columns(self.head) + _columns(self.word) + 4, *(len(n) + _columns(t) + 2 for n, t in self.rows))
        return widest * _CHARACTER + 2 * _PAD, _HEAD + len(self.rows) * _ROW + _PAD


def svg(graph: BuildGraph) -> Iterator[str]:
    """The lines of an SVG document."""
    boxes: list[_Box] = []
    rows: dict[str, tuple[int, int]] = {}
    groups: dict[int | None, int] = {}
    words = statuses(graph)
    wrong = {str(each.instruction.start_line): _shown(explained(each)) for each in graph.misreferences}
    for node in graph.nodes.values():
        if node.kind in ("variable", "trigger"):
            continue
        if node.stage not in groups:
            groups[node.stage] = len(boxes)
            stage = graph.stages[node.stage] if node.stage is not None else None
            head = _shown(title(stage)) if stage else "before the first FROM"
            boxes.append(_Box(head, words.get(stage, "") if stage else "", [], wrong))
        number = groups[node.stage]
        rows[node.id] = (number, len(boxes[number].rows))
        boxes[number].rows.append((str(node.line), _shown(one_line(node.instruction, MAX_WIDTH))))
    drawn = [arrow for arrow in arrows(graph) if rows[arrow.source][0] != rows[arrow.target][0]]
    layout = arrange([box.size for box in boxes], [(rows[each.source][0], rows[each.target][0]) for each in drawn])
    used = [kind for kind in _COLOURS if any(each.kind == kind for each in drawn)]
    yield from _opened(graph, layout, used)
    for arrow in drawn:
        yield _arrow(arrow, rows, layout)
    for number, box in enumerate(boxes):
        yield from _box(box, layout, number)
    if not boxes:
        yield _text(_MARGIN, _MARGIN + 12, "no build stage")
    yield from _legend(used, layout.height + 2 * _MARGIN)
    yield "</svg>"


def _opened(graph: BuildGraph, layout: Layout, used: list[str]) -> Iterator[str]:
    """The document's beginning: its size, what it is for those who cannot see it, a white page, and the arrow heads."""
    legend = sum(len(_MEANINGS[kind]) * _CHARACTER + 60 for kind in used)
    width = round(max(layout.width, legend, 120) + 2 * _MARGIN)
    height = round(max(layout.height, 20) + 2 * _MARGIN + (_LEGEND if used else 0))
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        f' role="img" font-family="{_FONT}" font-size="12" fill="#1f2328">'
    )
    count = len(graph.stages)
    yield f"<title>The build graph of a Dockerfile with {count} stage{'s' * (count != 1)}</title>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield "<defs>"
    for kind in used:
        yield (
            f'<marker id="imagelint-{kind}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7"'
            f' orient="auto"><path d="M0 0L8 4L0 8z" fill="{_COLOURS[kind]}"/></marker>'
        )
    yield "</defs>"


def _arrow(arrow: Arrow, rows: dict[str, tuple[int, int]], layout: Layout) -> str:
    """A line from the row of one box, along the lanes that are kept free for it, to the row of another."""
    box, row = rows[arrow.source]
    target, entry = rows[arrow.target]
    start, end = layout.boxes[box], layout.boxes[target]
    x, y = start.x + start.width, start.y + _middle(row)
    path = [f"M{x + _MARGIN:.1f} {y + _MARGIN:.1f}"]
    for column in range(layout.columns[box] + 1, layout.columns[target] if layout.lanes else 0):
        lane = layout.lanes[box, column]
        path.append(_curve(x, y, lane.x, lane.y + LANE / 2))
        x, y = lane.x + lane.width, lane.y + LANE / 2
        path.append(f"H{x + _MARGIN:.1f}")
    path.append(_curve(x, y, end.x - 1, end.y + _middle(entry)))
    dash = f' stroke-dasharray="{_DASHES[arrow.kind]}"' if arrow.kind in _DASHES else ""
    return (
        f'<path d="{"".join(path)}" fill="none" stroke="{_COLOURS[arrow.kind]}" stroke-width="1.5"{dash}'
        f' marker-end="url(#imagelint-{arrow.kind})"><title>{escape(_shown(arrow.label))}</title></path>'
    )


def _middle(row: int) -> float:
    """How far below a box's top the middle of a row is."""
    return _HEAD + row * _ROW + _ROW / 2


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    """A curve that leaves and arrives level, so that it never crosses the text beside it."""
    bend = min(COLUMN_GAP, to_x - x) / 2
    a, b, c, d = x + bend + _MARGIN, y + _MARGIN, to_x - bend + _MARGIN, to_y + _MARGIN
    return f"C{a:.1f} {b:.1f} {c:.1f} {d:.1f} {to_x + _MARGIN:.1f} {d:.1f}"


def _box(box: _Box, layout: Layout, number: int) -> Iterator[str]:
    x, y, width, height = layout.boxes[number]
    x, y = x + _MARGIN, y + _MARGIN
    unused = box.word == "unused"
    stroke = ' stroke="#8c959f" stroke-dasharray="4 3"' if unused else ' stroke="#57606a"'
    weight = "2.5" if box.word == "target" else "1.2"
    yield (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6" fill="#ffffff"{stroke}'
        f' stroke-width="{weight}"/>'
    )
    colour = ' fill="#57606a"' if unused else ""
    yield _text(x + _PAD, y + 17, box.head, f' font-weight="bold"{colour}')
    if box.word:
        yield _text(x + width - _PAD, y + 17, box.word, ' text-anchor="end" fill="#57606a"')
    digits = max(len(line) for line, _ in box.rows)
    for row, (line, text) in enumerate(box.rows):
        base = y + _middle(row) + 4
        yield _text(x + _PAD + digits * _CHARACTER, base, line, ' text-anchor="end" fill="#57606a"')
        red = f"<title>{escape(box.wrong[line])}</title>" if line in box.wrong else ""
        yield _text(x + _PAD + (digits + 1) * _CHARACTER, base, text, ' fill="#cf222e"' if red else colour, red)


def _legend(used: list[str], y: float) -> Iterator[str]:
    x = float(_MARGIN)
    for kind in used:
        dash = f' stroke-dasharray="{_DASHES[kind]}"' if kind in _DASHES else ""
        yield (
            f'<path d="M{x:.1f} {y:.1f}h28" stroke="{_COLOURS[kind]}" stroke-width="1.5"{dash}'
            f' marker-end="url(#imagelint-{kind})"/>'
        )
        yield _text(x + 36, y + 4, _MEANINGS[kind])
        x += len(_MEANINGS[kind]) * _CHARACTER + 60


def _text(x: float, y: float, text: str, more: str = "", inner: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}{inner}</text>'


def _shown(text: str) -> str:
    """Text without the two characters that XML has no place for, though they do a terminal no harm."""
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def _columns(text: str) -> int:
    """How many columns a fixed font gives a text."""
    return len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
