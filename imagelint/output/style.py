"""Colour, where a terminal shows it and nobody has asked for none (https://no-color.org)."""

from __future__ import annotations

import os

from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

    from imagelint.finding import Severity

_CODES = {"bold": "1", "dim": "2", "red": "1;31", "yellow": "1;33", "cyan": "1;36", "green": "1;32", "blue": "1;34"}
_SEVERITIES = {"error": "red", "warning": "yellow", "info": "cyan", "style": "blue"}


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour what is written to a stream: a terminal, unless `NO_COLOR` is set or it is a dumb one."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class Style:
    """Wraps text in colours, or leaves it as it is. `encoding` is that of the stream that it is written to."""

    def __init__(self, *, colour: bool, encoding: str = "utf-8") -> None:
        self.colour = colour
        self.encoding = encoding

    def __call__(self, text: str, name: str) -> str:
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self.colour else text

    def severity(self, text: str, severity: Severity) -> str:
        """Text in the colour of a severity."""
        return self(text, _SEVERITIES[severity.label])
