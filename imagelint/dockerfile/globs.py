"""The patterns of an ignore file, as moby/patternmatcher reads them.

All places in a pattern are followed at once, as the bits of one integer, so that a pattern takes one pass over a path
with all its parents, whatever either of them is. A regular expression could be made to take ages.
"""

from __future__ import annotations

from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Glob:
    """One pattern: plain text is compared, everything else is run over the path as a set of places in the pattern.

    Raises ValueError where BuildKit refuses it. `exception` is true behind `!`.

    Bit N of the set stands for "the N steps before have matched". A step is one character, `*` (any but a slash, any
    number), `**/` (nothing, or anything up to a slash; two steps: at its beginning, and within) or a last `**`.
    """

    __slots__ = (
        "_accept",
        "_begin",
        "_deep",
        "_masks",
        "_plain",
        "_single",
        "_size",
        "_star",
        "_tail",
        "exception",
        "text",
    )

    def __init__(self, text: str) -> None:
        self.text = text
        self.exception = text.startswith("!")
        pattern = text[self.exception :]
        if not pattern or (self.exception and pattern == "/"):
            raise ValueError(f"the pattern {text!r} names nothing")
        self._plain = pattern if not any(char in pattern for char in "*?[\\") else None
        if self._plain is None:
            self._compile(pattern)

    def matches(self, path: str) -> bool:
        """Whether the pattern matches the path, or a folder above it."""
        if self._plain is not None:
            return path == self._plain or path.startswith(self._plain + "/")
        state = self._begin
        for char in path:
            slash = char == "/"
            if slash and state & self._accept:
                return True
            following = (state & self._mask(char)) << 1 | state & (self._tail if slash else self._tail | self._star)
            entered, within = state & self._deep, state & self._deep << 1
            following |= entered << 1 | within
            if slash:
                following |= entered << 2 | within << 1
            state = self._skipped(following)
            if not state:
                return False
        return bool(state & self._accept)

    def _skipped(self, state: int) -> int:
        """Also the places behind steps that may match nothing. `*` may stand behind `**/`, but nothing behind `*`."""
        state |= (state & self._deep) << 2
        return state | (state & (self._star | self._tail)) << 1

    def _mask(self, char: str) -> int:
        """The places whose step is one character, and this one is such."""
        mask = self._masks.get(char)
        if mask is None:
            bits = bytearray(self._size // 8 + 1)
            for place, accepted in self._single:
                if accepted(char):
                    bits[place >> 3] |= 1 << (place & 7)
            mask = self._masks[char] = int.from_bytes(bits, "little")
        return mask

    def _compile(self, pattern: str) -> None:
        """Read the pattern's steps; raises ValueError where Go's `filepath.Match` refuses it."""
        self._masks: dict[str, int] = {}
        self._single: list[tuple[int, Callable[[str], bool]]] = []
        star: list[int] = []
        deep: list[int] = []
        tail: list[int] = []
        place = at = 0
        while at < len(pattern):
            char = pattern[at]
            at += 1
            if char == "*" and pattern.startswith("*", at):
                at += 1
                slash = pattern.startswith("/", at)
                at += slash
                # `**` before plain text alone is a suffix to moby: `**foo` takes `xfoo` too, `a**foo` takes no `axfoo`.
                suffix = not slash and at == 2 and not any(each in pattern[at:] for each in "*?[]\\")
                if at == len(pattern) or suffix:
                    tail.append(place)
                    place += 1
                elif not deep or deep[-1] != place - 2:  # a second one right behind the first adds nothing
                    deep.append(place)
                    place += 2
            elif char == "*":
                star.append(place)
                place += 1
            else:
                accepted, at = _single(pattern, at - 1)
                self._single.append((place, accepted))
                place += 1
        self._size = place + 1
        self._star, self._deep, self._tail, self._accept = (_bits(each) for each in (star, deep, tail, [place]))
        self._begin = self._skipped(1)


def _bits(places: list[int]) -> int:
    bits = bytearray(places[-1] // 8 + 1 if places else 0)
    for place in places:
        bits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")


def _single(pattern: str, at: int) -> tuple[Callable[[str], bool], int]:
    """What one character must be at a place of a pattern, and where that ends."""
    char = pattern[at]
    if char == "?":
        return lambda each: each != "/", at + 1
    if char == "[":
        return _class(pattern, at + 1)
    if char == "\\":
        char, at = _escaped(pattern, at)
        return char.__eq__, at
    return char.__eq__, at + 1


def _class(pattern: str, at: int) -> tuple[Callable[[str], bool], int]:
    """A character class such as `[a-z]` or `[^0-9]`, from behind its bracket."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[str, str]] = []
    while not ranges or not pattern.startswith("]", at):
        if pattern[at : at + 1] in ("", "-", "]"):
            raise ValueError(f"the pattern {pattern!r} has a [ that is no class of characters")
        low, at = _escaped(pattern, at)
        high = low
        if pattern.startswith("-", at):
            if pattern[at + 1 : at + 2] in ("", "-", "]"):
                raise ValueError(f"the pattern {pattern!r} has a range without an end")
            high, at = _escaped(pattern, at + 1)
        if high < low:
            raise ValueError(f"the pattern {pattern!r} has a range that runs backwards")
        ranges.append((low, high))
    return lambda each: any(low <= each <= high for low, high in ranges) is not negated, at + 1


def _escaped(pattern: str, at: int) -> tuple[str, int]:
    """The character at a place, or the one behind the backslash there, and where it ends."""
    if pattern[at] == "\\":
        at += 1
        if at == len(pattern):
            raise ValueError(f"the pattern {pattern!r} ends in a backslash")
    return pattern[at], at + 1
