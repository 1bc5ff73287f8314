"""Places in a text: offsets, lines and columns, and edits over them."""

from __future__ import annotations

import re
from bisect import bisect_right

from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BOM = "\ufeff"

#: Characters that move a terminal's cursor, change its state, hide themselves or reverse the text; and lone surrogates.
_UNSAFE = "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"


class Span(NamedTuple):
    """A half-open range of characters of a text: `text[start:end]`."""

    start: int
    end: int


class Position(NamedTuple):
    """A place as people count it: lines and columns begin at 1, columns count characters."""

    line: int
    column: int


class Edit(NamedTuple):
    """Put `replacement` where `span` was; an empty span inserts."""

    span: Span
    replacement: str


class LineIndex:
    """Turns offsets into lines and columns. Lines end at `\\n` alone, as in BuildKit and in editors."""

    __slots__ = ("_bom", "starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        starts = [0]
        find, at = text.find, text.find("\n")
        while at != -1:
            starts.append(at + 1)
            at = find("\n", at + 1)
        if starts[-1] == len(text) and len(starts) > 1:
            starts.pop()
        self.starts = starts
        self._bom = 1 if text.startswith(BOM) else 0

    def __len__(self) -> int:
        return len(self.starts)

    def __reduce__(self) -> tuple[type[LineIndex], tuple[str]]:
        return LineIndex, (self.text,)  # the text alone travels between processes

    def line_span(self, line: int) -> Span:
        """The range of line number `line` (from 1), its line end included."""
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        return Span(self.starts[line - 1], end)

    def line_text(self, line: int) -> str:
        """The characters of line number `line` (from 1) without its line end, and without a byte order mark."""
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        text = self.text[self.starts[line - 1] : end].rstrip("\r\n")
        return text.removeprefix(BOM) if line == 1 else text

    def position(self, offset: int) -> Position:
        """The line and column of an offset; the byte order mark takes no column."""
        line = bisect_right(self.starts, offset)
        column = offset - self.starts[line - 1] + 1
        if line == 1 and column > 1:
            column -= self._bom
        return Position(line, column)


class OffsetMap:
    """A text put together from pieces of another one, which knows where each of its characters came from."""

    __slots__ = ("_from", "_into", "end", "text")

    def __init__(self, pieces: Iterable[tuple[int, str]], end: int) -> None:
        """`pieces` are (offset in the origin, text) in order; `end` is the origin's offset behind the last."""
        parts: list[str] = []
        self._into: list[int] = []
        self._from: list[int] = []
        length = 0
        for origin, text in pieces:
            if text:
                self._into.append(length)
                self._from.append(origin)
                parts.append(text)
                length += len(text)
        self.text = "".join(parts)
        self.end = end

    def offset(self, index: int) -> int:
        """The origin's offset of the character at `index`."""
        if index >= len(self.text):
            return self.end
        if len(self._from) == 1:
            return self._from[0] + index
        piece = bisect_right(self._into, index) - 1
        return self._from[piece] + index - self._into[piece]

    def span(self, start: int, end: int) -> Span:
        """The origin's range from the character at `start` through the one before `end`."""
        first = self.offset(start)
        return Span(first, first) if end <= start else Span(first, self.offset(end - 1) + 1)

    def contiguous(self, start: int, end: int) -> bool:
        """Whether `text[start:end]` stands in one piece in the origin, so that it can be edited there."""
        span = self.span(start, end)
        return span.end - span.start == end - start

    def cut(self, start: int, end: int | None = None) -> OffsetMap:
        """The same map for `text[start:end]` alone."""
        stop = len(self.text) if end is None else min(end, len(self.text))
        pieces: list[tuple[int, str]] = []
        at = start
        while at < stop:
            piece = bisect_right(self._into, at) - 1
            limit = self._into[piece + 1] if piece + 1 < len(self._into) else len(self.text)
            upto = min(limit, stop)
            pieces.append((self._from[piece] + at - self._into[piece], self.text[at:upto]))
            at = upto
        last = self.offset(stop - 1) + 1 if stop > start else self.offset(start)
        return OffsetMap(pieces, last)


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """Apply edits that do not overlap; raises ValueError where two do."""
    out: list[str] = []
    at = 0
    for span, replacement in sorted(edits):
        if span.start < at:
            msg = f"overlapping edits at offset {span.start}"
            raise ValueError(msg)
        out += (text[at : span.start], replacement)
        at = span.end
    out.append(text[at:])
    return "".join(out)


def printable(text: str) -> str:
    """The text with everything that could move a terminal's cursor, or turn its lines around, made visible."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_UNSAFE, _escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as `surrogateescape` keeps it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shown(value: object) -> str:
    """A value of somebody's configuration for a message about it: short, however much it is."""
    if isinstance(value, str):
        return repr(value) if len(value) <= 60 else f"{value[:58]!r}…"
    if isinstance(value, bool):
        return str(value).lower()
    for kind, called in (
        (list, "a list"),
        (tuple, "a list"),
        (dict, "a table"),
        (int, "a number"),
        (float, "a number"),
    ):
        if isinstance(value, kind):
            return called
    return "a date or time"
