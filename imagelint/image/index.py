"""What one layer holds, in columns: a row for every tar entry, in the order of the tar."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from imagelint.errors import BrokenImageError
from imagelint.image.elf import MAGIC, ReadAt
from imagelint.image.kept import LAYER_BYTES, keeper, looked_into
from imagelint.image.limits import DEFAULT_LIMITS, Limits
from imagelint.image.tar import HARD_LINK, REGULAR, SYMBOLIC_LINK, TarReader, clean

# Types of our own beside those of a tar, told by the entry's name (OCI image specification, layer.md, "Whiteouts").
WHITEOUT, OPAQUE, BOOKKEEPING = b"woa"

_PREFIX = ".wh."
_BOOKKEEPING_PREFIX = ".wh..wh."
_OPAQUE_NAME = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class LayerIndex:
    """The entries of a layer's tar: columns that have one row an entry, and never an object a file.

    The path of a `WHITEOUT` is the one that it removes from the layers below; that of an `OPAQUE` is the directory
    in which nothing of them shows through; `BOOKKEEPING` (of AUFS) means nothing to anyone.
    """

    paths: list[str]
    """Relative to the root, which is `""`; bytes that are not UTF-8 as surrogates (`surrogateescape`)."""

    types: bytearray
    """`tar.REGULAR`, `tar.HARD_LINK`, … or `WHITEOUT`, `OPAQUE`, `BOOKKEEPING`."""

    sizes: array[int]
    """Bytes of a regular file (of a marker too, should one have content), 0 for everything else."""

    attributes: array[int]
    """Rows of `owners`."""

    times: array[int]
    """Modification times in seconds since 1970."""

    contents: array[int]
    """XXH3 of a regular file's content; 0 where it is empty or was not read."""

    offsets: array[int]
    """Where a regular file's content begins in the uncompressed tar; 0 for everything else."""

    links: dict[int, str]
    """By row: the path that a hard link stands for, cleaned; the target of a symbolic link, as it is."""

    owners: list[tuple[int, int, int]]
    """Mode (permission bits), user and group: few, shared by many rows."""

    markers: list[int]
    """Rows of whiteouts, opaque markers and bookkeeping."""

    kept: dict[int, bytes]
    """By row: what was kept of a regular file's content, for those by which packages are known."""

    layer_bytes: int
    """Sum of `sizes`; the entries of a path that comes twice both count, as dive has it."""

    def __len__(self) -> int:
        return len(self.paths)


def index_layer(
    tar: TarReader,
    *,
    contents: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    entries_before: int = 0,
    read_at: ReadAt | None = None,
) -> LayerIndex:
    """Reads a layer's tar to its end; with `contents`, what is in each regular file is hashed while it passes.

    With `read_at` too, which reads the uncompressed tar at any place, files are looked into and not hashed: who has all
    layers knows which few hashes are asked for (`imagelint.image.lazy`). `entries_before` are those of the image's
    other layers, for the limit on all of them.
    """
    paths: list[str] = []
    types = bytearray()
    sizes, times, offsets, hashes, attributes = array("q"), array("q"), array("q"), array("Q"), array("I")
    links: dict[int, str] = {}
    owners: dict[tuple[int, int, int], int] = {}
    markers: list[int] = []
    room = limits.entries - entries_before
    kept: dict[int, bytes] = {}
    room_kept = LAYER_BYTES
    name_bytes = layer_bytes = 0
    for row, (path, kind, owner, time, link, size) in enumerate(tar):
        name_bytes += len(path)
        if row >= room:
            raise BrokenImageError(f"the image has more than {limits.entries:,} entries")
        if name_bytes > limits.name_bytes:
            raise BrokenImageError(f"the layer's paths take more than {limits.name_bytes:,} bytes")
        content = offset = 0
        if kind == REGULAR:
            layer_bytes += size
            offset = tar.position
            if size and contents:
                keep = keeper(path)
                if keep is None and not tar.begins_with(MAGIC):
                    if read_at is None:
                        content = tar.content_hash()
                else:
                    content, part = looked_into(tar, size, keep, read_at)
                    room_kept -= len(part)
                    if part and room_kept >= 0:
                        kept[row] = part
        elif kind == HARD_LINK:
            links[row] = clean(link)
        elif kind == SYMBOLIC_LINK:
            links[row] = link
        if _PREFIX in path and (marker := _marker(path)):
            kind, path = marker
            markers.append(row)
        paths.append(path)
        types.append(kind)
        sizes.append(size)
        times.append(time)
        offsets.append(offset)
        hashes.append(content)
        attributes.append(owners.setdefault(owner, len(owners)))
    return LayerIndex(
        paths, types, sizes, attributes, times, hashes, offsets, links, list(owners), markers, kept, layer_bytes
    )  # fmt: skip


def marker_name(kind: int, path: str) -> str:
    """The path at which a marker itself stands in the tar."""
    directory, slash, name = path.rpartition("/")
    if kind == WHITEOUT:
        return f"{directory}{slash}{_PREFIX}{name}"
    return f"{path}/{_OPAQUE_NAME}".lstrip("/") if kind == OPAQUE else path


def _marker(path: str) -> tuple[int, str] | None:
    """The type and the path that a marker is about, or None where the name only looks like one."""
    directory, slash, name = path.rpartition("/")
    if name == _OPAQUE_NAME:
        return OPAQUE, directory
    if name.startswith(_BOOKKEEPING_PREFIX):
        return BOOKKEEPING, path
    if name.startswith(_PREFIX):
        hidden = name.removeprefix(_PREFIX)
        # A whiteout of the directory itself or its parent is nothing that an engine writes.
        return (BOOKKEEPING, path) if hidden in ("", ".", "..") else (WHITEOUT, directory + slash + hidden)
    return None
