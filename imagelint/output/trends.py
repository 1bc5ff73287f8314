"""The runs of a gate over time: as lines with a sparkline, as JSON, as a plot."""

from __future__ import annotations

import time

from imagelint.output.escape import xml
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import human, signed
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from imagelint.trend import Run

_SPARKS = "▁▂▃▄▅▆▇█"
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 720, 300, 70, 40


def lines(runs: Sequence[Run]) -> Iterator[str]:
    """A line a run, each image's with its change, and a sparkline of each image's sizes."""
    if not runs:
        yield "no runs"
        return
    before: dict[str, int] = {}
    for run in runs:
        day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(run.time))
        change = signed(run.layer_bytes - before[run.image]) if run.image in before else ""
        before[run.image] = run.layer_bytes
        word = "held" if run.held else f"broken: {run.broken}"
        commit = (run.commit or "")[:12]
        yield printable(f"{day}  {human(run.layer_bytes):>8}  {change:>9}  {commit:<12}  {run.image}  {word}")
    for image in before:
        sizes = [run.layer_bytes for run in runs if run.image == image]
        yield printable(f"{spark(sizes)}  {human(sizes[0])} → {human(sizes[-1])}  {image}")


def spark(sizes: Sequence[int]) -> str:
    """A bar a size, from the smallest to the largest."""
    least, most = min(sizes), max(sizes)
    steps = len(_SPARKS) - 1
    return "".join(_SPARKS[(size - least) * steps // (most - least) if most > least else 0] for size in sizes)


def document(runs: Sequence[Run]) -> dict[str, Any]:
    """The runs for programs."""
    return {
        "schema": 1,
        "runs": [
            {
                "time": run.time,
                "image": run.image,
                "id": run.id,
                "commit": run.commit,
                "layer_bytes": run.layer_bytes,
                "compressed_bytes": run.compressed_bytes,
                "live_bytes": run.live_bytes,
                "layers": run.layers,
                "held": run.held,
                "broken": run.broken.split(),
                "budgets": [
                    {
                        "name": each.name,
                        "observed": each.observed,
                        "limit": each.limit,
                        "held": each.held,
                        "waived": each.waived,
                    }
                    for each in run.budgets
                ],
            }
            for run in runs
        ],
    }


def svg(runs: Sequence[Run]) -> str:
    """A plot of layer bytes over the runs, a line an image; broken runs are marked."""
    images = list(dict.fromkeys(run.image for run in runs))
    most = max((run.layer_bytes for run in runs), default=1) or 1
    body: list[str] = []
    for number, image in enumerate(images):
        own = [run for run in runs if run.image == image]
        hue = 200 + 67 * number
        points = [_place(place, len(own), run.layer_bytes, most) for place, run in enumerate(own)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="hsl({hue % 360} 60% 40%)" stroke-width="2"/>')
        for (x, y), run in zip(points, own, strict=True):
            fill = f"hsl({hue % 360} 60% 40%)" if run.held else "#c00"
            title = xml(f"{human(run.layer_bytes)} {run.commit or ''}")
            body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{fill}"><title>{title}</title></circle>')
        x, y = points[-1]
        body.append(f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="end">{xml(image[:80])}</text>')
    for part in range(5):
        size = most * part // 4
        _, y = _place(0, 1, size, most)
        body.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{human(size)}</text>')
        body.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif"'
    inner = "\n".join(body)
    return f'{head} font-size="11">\n<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>\n{inner}\n</svg>\n'


def _place(place: int, count: int, size: int, most: int) -> tuple[float, float]:
    x = _LEFT + (_WIDTH - _LEFT - 20) * (place / (count - 1) if count > 1 else 1.0)
    return x, _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - 30) * size / most
