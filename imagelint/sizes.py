"""Numbers of bytes as people write and read them."""

from __future__ import annotations

import re

from imagelint.errors import UsageError

#: So many digits are more than any image has, and few enough for a float.
_SIZE = re.compile(r"\s*(\d{1,18}(?:\.\d{1,18})?)\s*(B|[kKMGT]i?B?)?\s*", re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str) -> int:
    """Bytes of `20MB` (10⁶), `20MiB` (2²⁰), `1.5GB` or a bare number; raises UsageError."""
    found = _SIZE.fullmatch(text)
    if not found:
        raise UsageError(f"{text!r} is no size", hint="write 20MB (20,000,000 bytes) or 20MiB (20,971,520 bytes)")
    unit = (found[2] or "").lower().removesuffix("b")
    base = 1024 if unit.endswith("i") else 1000
    whole, _, fraction = found[1].partition(".")
    scale: int = base ** _POWERS[unit.removesuffix("i")]
    return int(whole) * scale + int(int(fraction or 0) * scale / 10 ** len(fraction))


def human(count: int) -> str:
    """Bytes in decimal units with three digits, as dive and registries show them: `241 MB`, `4.9 MB`, `745 B`."""
    sign = "-" if count < 0 else ""
    size = float(abs(count))
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or (unit == "B" and size < 1000):
            return f"{sign}{_three(size) if unit != 'B' else int(size)} {unit}"
        size /= 1000
    return f"{sign}{_three(size)} TB"


def exact(count: int) -> str:
    """Bytes to the last one: `1,478,008,207 bytes`."""
    return f"{count:,} byte{'s' * (abs(count) != 1)}"


def signed(count: int) -> str:
    """A change, with its sign: `+27.3 MB`."""
    return f"+{human(count)}" if count > 0 else human(count)


def _three(size: float) -> str:
    return f"{size:.0f}" if size >= 99.95 else f"{size:.1f}" if size >= 9.995 else f"{size:.2f}"
