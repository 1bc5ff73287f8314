"""Where the boxes of a drawing stand: columns by depth, with lanes kept free for arrows that pass a column by.

The usual way of drawing layered graphs (Sugiyama, Tagawa and Toda, 1981): give each box a column behind all that it
needs, put a lane into every column that an arrow crosses, order each column by what its boxes are tied to, and stack.
"""

from __future__ import annotations

from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMN_GAP = 84
ROW_GAP = 28
LANE = 10
#: Where arrows pass more columns than this nobody can follow them; they then go straight, behind the boxes.
MAX_PASSED = 5000
_SWEEPS = 4


class Place(NamedTuple):
    """Where a box or a lane stands: its corner at the top left, and its size."""

    x: float
    y: float
    width: float
    height: float


class Layout(NamedTuple):
    """The places of the boxes, of each box's lanes by column, each box's column, and the size of it all."""

    boxes: list[Place]
    lanes: dict[tuple[int, int], Place]
    columns: list[int]
    width: float
    height: float


class _Item:
    """A box, or a lane of one, in its column."""

    __slots__ = ("after", "before", "box", "height", "key", "width", "y")

    def __init__(self, box: int, width: float, height: float) -> None:
        self.box, self.width, self.height = box, width, height
        self.before: list[_Item] = []
        self.after: list[_Item] = []
        self.key = self.y = 0.0


def arrange(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Place boxes of those sizes; every edge leads from a box to one with a higher number."""
    targets: list[set[int]] = [set() for _ in sizes]
    columns = [0] * len(sizes)
    for source, target in sorted(set(edges), key=lambda edge: edge[1]):
        targets[source].add(target)
        columns[target] = max(columns[target], columns[source] + 1)
    stacks: list[list[_Item]] = [[] for _ in range(max(columns, default=-1) + 1)]
    items = [_Item(box, width, height) for box, (width, height) in enumerate(sizes)]
    for item in items:
        stacks[columns[item.box]].append(item)
    passed = sum(columns[target] - columns[source] - 1 for source, target in edges)
    lanes = _lanes(items, targets, columns, stacks, free=passed <= MAX_PASSED)
    _order(stacks)
    return _stack(items, lanes, columns, stacks)


def _lanes(
    items: list[_Item], targets: list[set[int]], columns: list[int], stacks: list[list[_Item]], *, free: bool
) -> dict[tuple[int, int], _Item]:
    """Tie boxes to each other, through a lane in every column between if those are to be kept free."""
    lanes: dict[tuple[int, int], _Item] = {}
    for box, found in enumerate(targets):
        for target in sorted(found):
            at = items[box]
            for column in range(columns[box] + 1, columns[target] if free else 0):
                if (box, column) not in lanes:
                    lane = lanes[box, column] = _Item(box, 0, LANE)
                    stacks[column].append(lane)
                    at.after.append(lane)
                    lane.before.append(at)
                at = lanes[box, column]
            at.after.append(items[target])
            items[target].before.append(at)
    return lanes


def _order(stacks: list[list[_Item]]) -> None:
    """Order each column by the mean place of what its items are tied to, forth and back."""
    for sweep in range(_SWEEPS):
        for stack in stacks if sweep % 2 == 0 else reversed(stacks):
            for place, item in enumerate(stack):
                tied = item.before if sweep % 2 == 0 else item.after
                item.key = sum(each.y for each in tied) / len(tied) if tied else float(place)
            stack.sort(key=lambda item: (item.key, item.box))
            for place, item in enumerate(stack):
                item.y = float(place)


def _stack(
    items: list[_Item], lanes: dict[tuple[int, int], _Item], columns: list[int], stacks: list[list[_Item]]
) -> Layout:
    x = height = 0.0
    lefts: list[float] = []
    widths: list[float] = []
    for stack in stacks:
        y = 0.0
        for item in stack:
            item.y = y
            y += item.height + ROW_GAP
        lefts.append(x)
        widths.append(max(item.width for item in stack))
        x += widths[-1] + COLUMN_GAP
        height = max(height, y - ROW_GAP)
    return Layout(
        [Place(lefts[columns[each.box]], each.y, widths[columns[each.box]], each.height) for each in items],
        {(box, at): Place(lefts[at], item.y, widths[at], LANE) for (box, at), item in lanes.items()},
        columns,
        max(x - COLUMN_GAP, 0.0),
        height,
    )
