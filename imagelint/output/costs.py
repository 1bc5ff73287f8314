"""What a finding costs, in the words of every report."""

from __future__ import annotations

from imagelint.records import TYPE_CHECKING
from imagelint.sizes import human

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelint.finding import Finding, Price


def headline(finding: Finding) -> str:
    """The message, with the bytes in front where they are known: often it is all that is shown."""
    price = finding.price
    if price is None or not price.layer_bytes:
        return finding.message
    return f"{human(price.layer_bytes)}: {finding.message}"


def cost(price: Price) -> str:
    """The price in full: bytes, how they were got, and which layers store them; or why it is not known.

    >>> from imagelint.finding import Price
    >>> cost(Price(41_300_000, 12_000_000, "measured", (3, 4, 5, 7)))
    '41.3 MB, measured in layers 3-5 and 7; 12.0 MB compressed'
    >>> cost(Price(None, reason="the build fails here"))
    'not known: the build fails here'
    """
    if price.layer_bytes is None:
        return f"not known: {price.reason}" if price.reason else "not known"
    where = f" in {_layers(price.layers)}" if price.layers else ""
    text = f"{human(price.layer_bytes)}, {price.how}{where}"
    if price.compressed_bytes is not None:
        text += f"; {human(price.compressed_bytes)} compressed"
    return f"{text} ({price.reason})" if price.reason else text


def ranges(layers: Iterable[int]) -> list[str]:
    """Layers, those in a row as a range: `3-5`, `7`."""
    rows: list[list[int]] = []
    for layer in layers:
        if rows and rows[-1][-1] == layer - 1:
            rows[-1].append(layer)
        else:
            rows.append([layer])
    shown: list[str] = []
    for row in rows:
        shown += [f"{row[0]}-{row[-1]}"] if len(row) > 2 else [str(layer) for layer in row]
    return shown


def _layers(layers: tuple[int, ...]) -> str:
    """Layers in words."""
    shown = ranges(layers)
    words = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
    return f"layer{'s' * (len(layers) > 1)} {words}"
