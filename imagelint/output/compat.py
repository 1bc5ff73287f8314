"""Numbers in the words of other tools, for scripts that read them."""

from __future__ import annotations

from imagelint.records import TYPE_CHECKING
from imagelint.sizes import human

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.image.report import DiveNumbers


def dive(numbers: DiveNumbers) -> Iterator[str]:
    """What dive's CI mode prints of an image before it judges it; NaN where it has no percent either."""
    percent = numbers.user_wasted_percent
    yield f"  efficiency: {numbers.efficiency * 100:.4f} %"
    yield f"  wastedBytes: {numbers.wasted_bytes} bytes ({human(numbers.wasted_bytes)})"
    yield f"  userWastedPercent: {'NaN' if percent is None else f'{percent * 100:.4f}'} %"
