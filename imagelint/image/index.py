"""What one layer holds, in columns: a row for every tar entry, in the order of the tar."""

from __future__ import annotations

from array import array
from itertools import compress

from imagelint.errors import BrokenImageError
from imagelint.image.elf import MAGIC, ReadAt
from imagelint.image.kept import ENDINGS, LAYER_BYTES, PART, keeper, looked_into
from imagelint.image.limits import DEFAULT_LIMITS, Limits
from imagelint.image.tar import DIRECTORY, HARD_LINK, SYMBOLIC_LINK, TarReader
from imagelint.image.tar_rows import Rows, clean, clean_all, text_of
from imagelint.records import cached_property, record

# Types of our own beside those of a tar, told by the entry's name (OCI image specification, layer.md, "Whiteouts").
WHITEOUT, OPAQUE, BOOKKEEPING = b"woa"

# By type, for `bytearray.translate`: 1 for what is a directory, and for what is no marker.
ARE_DIRECTORIES = bytes(kind == DIRECTORY for kind in range(256))
ARE_NODES = bytes(kind not in (WHITEOUT, OPAQUE, BOOKKEEPING) for kind in range(256))

_PREFIX = ".wh."
_BOOKKEEPING_PREFIX = ".wh..wh."
_OPAQUE_NAME = ".wh..wh..opq"
_ARE_LINKS = bytes(kind in (HARD_LINK, SYMBOLIC_LINK) for kind in range(256))
_BATCH = 2048


@record
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
    """Where a regular file's content begins in the uncompressed tar; 0 for everything else, and for sparse files."""

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

    @cached_property
    def folders(self) -> list[str]:
        """By row: the folder that the path is in, one text for all that are in it. Asked for again and again."""
        folders = [path.rpartition("/")[0] for path in self.paths]
        known = {path: path for path in compress(self.paths, self.types.translate(ARE_DIRECTORIES))}
        return [known.setdefault(folder, folder) for folder in folders]


def index_layer(
    tar: TarReader,
    *,
    contents: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    entries_before: int = 0,
    read_at: ReadAt | None = None,
) -> LayerIndex:
    """Reads a layer's tar to its end; with `contents`, what is in each regular file is hashed while it passes.

    With `read_at` too, which reads the uncompressed tar at any place, only what has come in anyway is hashed: who has
    all layers knows which of the other hashes are asked for (`imagelint.image.lazy`). `entries_before` are those of the
    image's other layers, for the limit on all of them.
    """
    rows, paths, markers = Rows(), list[str](), list[int]()
    look = _Look(read_at) if contents else None
    name_bytes = 0
    more = True
    # A batch at a time, so that most of the work is not done row by row.
    while more:
        more = tar.fill(rows, _BATCH, look)
        name_bytes += sum(map(len, rows.names))
        if len(rows) > limits.entries - entries_before:
            raise BrokenImageError(f"the image has more than {limits.entries:,} entries")
        if name_bytes > limits.name_bytes:
            raise BrokenImageError(f"the layer's paths take more than {limits.name_bytes:,} bytes")
        batch = clean_all(rows.names)
        rows.names.clear()
        if _PREFIX in "\0".join(batch):
            for at, path in enumerate(batch):
                if _PREFIX in path and (marker := _marker(path)):
                    row = len(paths) + at
                    rows.types[row], batch[at] = marker
                    markers.append(row)
        paths += batch
    links: dict[int, str] = {}
    for row in compress(range(len(paths)), rows.types.translate(_ARE_LINKS)):
        target = text_of(rows.links.get(row, b""))
        links[row] = target if rows.types[row] == SYMBOLIC_LINK else clean(target)
    if look is None:
        rows.contents.frombytes(bytes(rows.contents.itemsize * len(paths)))
    return LayerIndex(
        paths, rows.types, rows.sizes, rows.attributes, rows.times, rows.contents, rows.places, links,
        rows.owned, markers, look.kept if look is not None else {}, sum(rows.sizes),
    )  # fmt: skip


class _Look:
    """Looks into a layer's files while they pass: hashes them, and keeps what packages are known by."""

    endings, part = ENDINGS, PART

    def __init__(self, read_at: ReadAt | None) -> None:
        self.kept: dict[int, bytes] = {}
        self._read_at = read_at
        self._room = LAYER_BYTES

    def __call__(self, tar: TarReader, row: int, name: bytes, size: int, place: int) -> int:
        """The content's hash; 0 where that is for later, since the tar can be read at any place."""
        keep = keeper(clean(text_of(name)))
        lazily = self._read_at if place else None
        if keep is None and not tar.begins_with(MAGIC):
            return tar.content_hash() if lazily is None else tar.hash_at_hand()
        content, part = looked_into(tar, size, place, keep, lazily)
        self._room -= len(part)
        if part and self._room >= 0:
            self.kept[row] = part
        return content


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
