"""Files that are stored in vain, in columns: there may be as many as an image has, and few are looked at one by one."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from itertools import groupby

from imagelint.image.report import Reclaimable, WastedFile

_NOBODY = -1  # in the place of the layer that hides a file


class Wasted(Collection[WastedFile]):
    """Files whose bytes layers store in vain; of each a `WastedFile` is made when it is asked for.

    Paths are relative here; `hidden_by` is -1 where no layer hides the file.
    """

    __slots__ = ("bytes", "hidden_by", "paths", "reasons", "stored_by")

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.bytes = array("q")
        self.reasons: list[str] = []
        self.stored_by = array("I")
        self.hidden_by = array("q")

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[WastedFile]:
        hidden_by = (layer if layer != _NOBODY else None for layer in self.hidden_by)
        paths = map("/".__add__, self.paths)
        return map(WastedFile._make, zip(paths, self.bytes, self.reasons, self.stored_by, hidden_by, strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Wasted) and all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __contains__(self, file: object) -> bool:
        return any(file == each for each in self)

    def put(self, path: str, size: int, reason: str, stored_by: int) -> None:
        """Adds a file that no layer hides."""
        self.paths.append(path)
        self.bytes.append(size)
        self.reasons.append(reason)
        self.stored_by.append(stored_by)
        self.hidden_by.append(_NOBODY)

    def ordered(self, others: Wasted) -> Wasted:
        """These files and others, the largest first, then by path; what has the same stays in its order."""
        paths, sizes, layers = self.paths + others.paths, self.bytes + others.bytes, self.stored_by + others.stored_by
        reasons, hidden_by = self.reasons + others.reasons, self.hidden_by + others.hidden_by
        by_bytes = sorted(range(len(paths)), key=sizes.__getitem__, reverse=True)
        order = array("I")
        # Numbers first: it is paths that take time to compare, and few files have the bytes of others.
        for _, same in groupby(by_bytes, sizes.__getitem__):
            order.extend(sorted(same, key=paths.__getitem__))
        found = Wasted()
        found.paths += map(paths.__getitem__, order)
        found.reasons += map(reasons.__getitem__, order)
        found.bytes.extend(map(sizes.__getitem__, order))
        found.stored_by.extend(map(layers.__getitem__, order))
        found.hidden_by.extend(map(hidden_by.__getitem__, order))
        return found


def summarize(files: Wasted) -> Iterator[Reclaimable]:
    """The files' bytes by reason and layers, most bytes first."""
    kinds = list(zip(files.reasons, files.stored_by, files.hidden_by, strict=True))
    sums: defaultdict[tuple[str, int, int], int] = defaultdict(int)
    for kind, size in zip(kinds, files.bytes, strict=True):
        sums[kind] += size
    counts = Counter(kinds)
    for (reason, stored_by, hidden_by), size in sorted(sums.items(), key=lambda each: (-each[1], each[0])):
        hidden = hidden_by if hidden_by != _NOBODY else None
        count = counts[reason, stored_by, hidden_by]
        yield Reclaimable(reason, size, count, stored_by, hidden, within_stored=hidden is not None)
