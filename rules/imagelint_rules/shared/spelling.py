"""Names that are one slip of the fingers apart."""

from collections.abc import Iterable, Iterator

#: Shorter names are near to too many others, longer ones are nobody's.
_SHORTEST, _LONGEST = 4, 64
#: So many names that share their letters are no family of variables.
_MOST = 16


class Index:
    """Names by what is left of them without one letter: two that are one slip apart share one of these."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_rest: dict[str, list[str]] = {}
        for name in dict.fromkeys(names):
            if _SHORTEST <= len(name) <= _LONGEST:
                for rest in _rests(name):
                    held = self._by_rest.setdefault(rest, [])
                    if len(held) < _MOST:
                        held.append(name)

    def near(self, name: str) -> Iterator[str]:
        """The names that differ in one letter: another one, one too many or too few, two in the wrong order."""
        if not _SHORTEST <= len(name) <= _LONGEST:
            return
        seen = {name}
        for rest in _rests(name):
            for other in self._by_rest.get(rest, ()):
                if other not in seen:
                    seen.add(other)
                    if _one_slip(name, other):
                        yield other


def _rests(name: str) -> set[str]:
    return {name} | {name[:at] + name[at + 1 :] for at in range(len(name))}


def _one_slip(name: str, other: str) -> bool:
    """Whether one letter is the difference; two numbers are two things (`JDK11`, `JDK17`), and no slip."""
    start = 0
    while start < min(len(name), len(other)) and name[start] == other[start]:
        start += 1
    left, right = name[start:], other[start:]
    if len(left) == len(right):
        swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
        return swapped or (left[1:] == right[1:] and not (left[0].isdigit() and right[0].isdigit()))
    longer, shorter = (left, right) if len(left) > len(right) else (right, left)
    return longer[1:] == shorter and not longer[0].isdigit()
