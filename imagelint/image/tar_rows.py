"""The entries of a tar as columns, filled while it passes; and the paths that their names stand for, many at a time."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from posixpath import normpath

_MEMO_ENTRIES = 65536


class Rows:
    """Columns that have a row for each entry of a tar.

    Names and targets of links are bytes as they stand in it; `attributes` are rows of `owned`, which has mode, user and
    group; `places` say where content begins in the tar, 0 for what has none or is sparse. `contents` has what the
    reader's caller made of each content, if it looked.
    """

    __slots__ = (
        "attributes",
        "contents",
        "known",
        "links",
        "names",
        "owned",
        "owners",
        "places",
        "sizes",
        "times",
        "types",
    )

    def __init__(self) -> None:
        self.owners: dict[tuple[int, int, int], int] = {}
        self.owned: list[tuple[int, int, int]] = []
        self.known: dict[bytes, int] = {}
        """Rows of `owned` by a header's fields."""
        self.clear()

    def __len__(self) -> int:
        return len(self.sizes)

    def clear(self) -> None:
        """Forgets all entries."""
        self.names: list[bytes] = []
        self.types = bytearray()
        self.sizes, self.times, self.places, self.attributes = array("q"), array("q"), array("q"), array("I")
        self.contents = array("Q")
        self.links: dict[int, bytes] = {}
        if len(self.owned) > _MEMO_ENTRIES:
            self.owners, self.owned, self.known = {}, [], {}

    def attributes_of(self, row: int) -> tuple[int, int, int]:
        """Mode, user and group of an entry."""
        return self.owned[self.attributes[row]]

    def owner(self, attributes: tuple[int, int, int], raw: bytes | None = None) -> int:
        """The row of a mode, user and group; `raw` are the fields that say so, to be known again."""
        row = self.owners.setdefault(attributes, len(self.owned))
        if row == len(self.owned):
            self.owned.append(attributes)
        if raw is not None:
            if len(self.known) >= _MEMO_ENTRIES:
                self.known.clear()
            self.known[raw] = row
        return row


def clean(name: str) -> str:
    """The path that a tar name stands for, relative to the image's root, which itself is `""`.

    Go's `path.Clean("/" + name)` less the leading slash, so that no number of `..` leads out of the image.
    """
    if name[:2] == "./":
        name = name[2:]
    name = name.rstrip("/")
    if name[:1] in ("", "/", ".") or "//" in name or "/." in name:
        return normpath("/" + name).lstrip("/")
    return name


def clean_all(names: Sequence[bytes]) -> list[str]:
    """The paths of many names. Nearly all are clean, or begin with `./` and end with a slash at most: all at once."""
    text = text_of(b"\n".join((b"", *names, b"")))
    doubled = "//" in text
    if "\n./" in text:
        text = text.replace("\n./", "\n")
    text = text.replace("/\n", "\n")
    paths = text[1:-1].split("\n") if names else []
    if len(paths) != len(names):  # there is a line break in a name
        return [clean(text_of(name)) for name in names]
    if doubled or "\n/" in text or _has_dots(text):
        return list(map(clean, paths))
    return paths


def _has_dots(lines: str) -> bool:
    """Whether a component of one of many paths, each on a line, is `.` or `..`. Most that begin so are hidden files."""
    for before in ("/.", "\n."):
        at = lines.find(before)
        while at >= 0:
            if lines[at + 2] in "/\n" or lines[at + 2 : at + 4] in ("./", ".\n"):
                return True
            at = lines.find(before, at + 2)
    return False


def text_of(name: bytes) -> str:
    """A name as text; bytes that are not UTF-8 as surrogates."""
    return name.decode("utf-8", "surrogateescape")
