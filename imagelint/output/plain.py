"""Plain ASCII for the signs that imagelint draws with, where a stream's encoding lacks them."""

from __future__ import annotations

import codecs

from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

#: The name of the error handler that `register` makes known.
PLAIN = "imagelint.plain"
_SIGNS = {
    **dict(zip("▁▂▃▄▅▆▇█", "_.:-=+*#", strict=True)),
    **dict(zip("─│├└✗–✅❌ˋ∣", "-||`x-+x'/", strict=True)),
    "→": "->",
    "←": "from",  # no "<": in some reports that begins a tag
    "…": "...",
}


def register() -> str:
    """Make the handler of encoding errors known; returns its name, for `TextIOWrapper.reconfigure`."""
    codecs.register_error(PLAIN, _plain)
    return PLAIN


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that cannot be encoded: a sign like them, or their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(_SIGNS.get(char) or _escaped(char) for char in found), error.end


def _escaped(char: str) -> str:
    return char.encode("ascii", "backslashreplace").decode("ascii")


def encoding(stream: TextIO) -> str:
    """The encoding of a stream, as far as it is known."""
    try:
        return codecs.lookup(stream.encoding or "utf-8").name
    except (AttributeError, LookupError):
        return "ascii"


def shown(text: str, encoding: str) -> str:
    """A text as a stream of an encoding shows it, for who reckons with its width."""
    return text if encoding == "utf-8" else text.encode(encoding, register()).decode(encoding)
