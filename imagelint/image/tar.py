"""Reads tar headers from a stream of chunks, several times as fast as the standard library's tarfile.

The formats are those of Go's archive/tar, which the engines write layers with: POSIX ustar and PAX, GNU (long names,
base-256 numbers, old and PAX sparse files) and V7. As Docker does, PAX global headers are passed over, and sizes given
for links, directories and devices announce no content. The size of a sparse file is its expanded one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from struct import Struct
from zlib import adler32

from xxhash import xxh3_64_intdigest

from imagelint.errors import BrokenImageError
from imagelint.image.limits import MIB, PATH_BYTES
from imagelint.image.tar_content import BLOCK_BYTES, Chunk, ContentReader
from imagelint.image.tar_fields import checksum_holds, clamp, decimal, number, pax_records, pax_time
from imagelint.image.tar_rows import Rows, clean, text_of
from imagelint.records import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import TypeVar

    Value = TypeVar("Value")


# A plain tuple and not a class: there is one for every file of an image.
# path, type, (mode, uid, gid), modification time in seconds, link target, size in bytes, where the content begins
Header = tuple[str, int, tuple[int, int, int], int, str, int, int]

REGULAR, HARD_LINK, SYMBOLIC_LINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = b"0123456"

_ZEROS = bytes(BLOCK_BYTES)
_ENDS = b"\0 "  # of an octal number, if it does not fill its field
_LOOK_INTO = 0x7F  # what an ELF file begins with
# name; mode, uid, gid; size, its last byte; mtime; checksum; type; link target; magic, version; (owners); prefix
_HEADER = Struct("100s24s11sB12s8sB100s8s80x155s12x")
_USTAR = b"ustar\x0000"
_MAGICS = frozenset((_USTAR, b"ustar  \0"))
_NO_CONTENT = frozenset((HARD_LINK, SYMBOLIC_LINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO))
_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_LINK, _GNU_SPARSE = b"xgLKS"
_META = frozenset((_PAX, _PAX_GLOBAL, _GNU_NAME, _GNU_LINK))
# The types that need nothing but a look at their header's own fields.
_PLAIN = frozenset((REGULAR, *_NO_CONTENT))
# Of PAX records only these are kept, so that no number of them fills the memory.
_RECORDS = frozenset(b"path linkpath size uid gid mtime GNU.sparse.name GNU.sparse.size GNU.sparse.realsize".split())
_META_BYTES = MIB  # what Go's archive/tar allows for a PAX header or a GNU long name
_MEMO_ENTRIES = 65536
_MOST = (1 << 63) - 1  # bytes of a file


def is_header(block: Chunk) -> bool:
    """Whether 512 bytes are a tar header, told by its checksum, or the zeros that end a tar."""
    if len(block) < BLOCK_BYTES:
        return False
    return block[:BLOCK_BYTES] == _ZEROS or checksum_holds(bytes(block[:BLOCK_BYTES]))


class Look(Protocol):
    """Who looks into the files of a tar.

    `endings` are the last five bytes of names that are to be looked into, `part` is what the others have in them.
    Besides, whatever begins as ELF files do.
    """

    endings: frozenset[bytes]
    part: bytes

    def __call__(self, tar: TarReader, row: int, name: bytes, size: int, place: int) -> int:
        """What to put into the contents' column. The content may be taken, or be left where it is."""


class TarReader(ContentReader):
    """The entries of a tar, one after another: `read` a header, then hash or take its content, or leave it be.

    `skip`, where the source can seek, passes over that many bytes without reading them. With `trusting` the checksums
    of headers that have a tar's magic are not looked at, which is half of the work that a header makes.
    Raises BrokenImageError for whatever Docker would not unpack either.
    """

    def __init__(
        self, chunks: Iterable[Chunk], *, skip: Callable[[int], None] | None = None, trusting: bool = False
    ) -> None:
        super().__init__(chunks, skip)
        self._trusting = trusting
        self._ended = False
        self._sums: dict[bytes, int] = {}
        self._times: dict[bytes, int] = {}
        self._row = Rows()

    def read(self) -> Header | None:
        """The next entry's path, type, attributes, mtime, link target, size and place; None at the end of the tar.

        The size is in bytes, the place that of the content in the tar, 0 for what has none or is sparse. The type is
        the byte in the header; content of an unknown type is a regular file, as POSIX says.
        """
        row = self._row
        row.clear()
        if not self.fill(row, 1):
            return None
        path, link = clean(text_of(row.names[0])), text_of(row.links.get(0, b""))
        return path, row.types[0], row.attributes_of(0), row.times[0], link, row.sizes[0], row.places[0]

    def fill(self, rows: Rows, count: int, look: Look | None = None) -> bool:
        """Adds the next entries, `count` at most, to columns; False at the end of the tar, where there may be fewer.

        With `look` each file's content is looked at: what it answers goes into `contents`, and for what has come in as
        a whole, and is not to be looked into, that is the content's hash, without asking.
        """
        # One long loop on purpose: it runs for every file of an image, and a call costs as much as a field.
        unpack, sums, times, owners = _HEADER.unpack_from, self._sums, self._times, rows.known
        add_name, add_type, add_size, add_owner = (
            rows.names.append, rows.types.append, rows.sizes.append, rows.attributes.append
        )  # fmt: skip
        add_time, add_place, add_content = rows.times.append, rows.places.append, rows.contents.append
        endings, part = (look.endings, look.part) if look is not None else (frozenset[bytes](), b"")
        magics = _MAGICS if self._trusting else frozenset[bytes]()
        records: dict[bytes, bytes] = {}
        row = len(rows)
        stop = row + count
        view, length, start, begin, stored, at = self._state()
        while row < stop:
            if at + BLOCK_BYTES > length:
                if self._ended or not self._reach(at):
                    self._ended = True
                    return False
                view, length, start, _, _, at = self._state()
            begin = at + BLOCK_BYTES
            name, raw_owner, octal, last, raw_time, checksum, kind, link, magic, prefix = unpack(view, at)
            if magic not in magics:
                # adler32's low half is 1 + the sum of the bytes (mod 65521): the header's checksum at C's speed.
                low = adler32(view[at:begin]) & 0xFFFF
                if low != sums.get(checksum) and not self._is_right(checksum, low, at):
                    self._ended = True
                    return False
            try:
                size = int(octal, 8) if last in _ENDS else number(octal + bytes((last,)), "size")
            except ValueError:
                size = number(octal, "size")
            if not 0 <= size <= _MOST:
                raise _impossible(size)
            if (time := times.get(raw_time)) is None:
                time = self._decode_time(raw_time)
            name = name.partition(b"\0")[0]
            if prefix[0] and magic == _USTAR:
                name = prefix.partition(b"\0")[0] + b"/" + name
            if kind in _PLAIN and not records:
                stored = size = size if kind == REGULAR else 0
                at = begin + (size + 511 & -512)
                if link[0]:
                    rows.links[row] = link.partition(b"\0")[0]
                if (owner := owners.get(raw_owner)) is None:
                    owner = rows.owner(_attributes(raw_owner), raw_owner)
            else:
                self._at, self._size, self._padding = begin, 0, 0
                if kind in _META:
                    self._set_content(size)
                    self._read_meta(kind, records)
                    view, length, start, begin, stored, at = self._state()
                    continue
                link = link.partition(b"\0")[0]
                kind, name, link, size, attributes, time = self._resolve(
                    at, kind, name, link, size, _attributes(raw_owner), time, records
                )
                records.clear()
                if link:
                    rows.links[row] = link
                owner = rows.owner(attributes)
                view, length, start, begin, stored, at = self._state()
            # Of a sparse file less is stored than its size says.
            place = start + begin if size and size == stored else 0
            if look is not None:
                content = 0
                if size:
                    behind = begin + size
                    if (
                        place and behind <= length and view[begin] != _LOOK_INTO
                        and name[-5:] not in endings and part not in name
                    ):  # fmt: skip
                        content = xxh3_64_intdigest(view[begin:behind])
                    else:
                        self._at, self._size, self._padding = begin, stored, at - begin - stored
                        content = look(self, row, name, size, place)
                        view, length, start, begin, stored, at = self._state()
                add_content(content)
            add_name(name)
            add_type(kind)
            add_size(size)
            add_owner(owner)
            add_time(time)
            add_place(place)
            row += 1
        self._at, self._size, self._padding = begin, stored, at - begin - stored
        return True

    def _is_right(self, checksum: bytes, low: int, at: int) -> bool:
        """Whether there is a header; False for the zeros that end a tar. `low` is what adler32's low half is."""
        try:
            # The checksum counts its own eight bytes as spaces.
            expected = (1 + int(checksum.strip(b"\0 "), 8) - 8 * 0x20 + sum(checksum)) % 65521
        except ValueError:
            expected = -1
        if low == expected:
            _remember(self._sums, checksum, expected)
            return True
        block = bytes(self._view[at : at + BLOCK_BYTES])
        self._at = at + BLOCK_BYTES
        if block != _ZEROS:
            if checksum_holds(block):  # of signed bytes
                return True
            raise BrokenImageError("a tar header's checksum is wrong")
        more = len(self._view) - self._at >= BLOCK_BYTES or self._refill()
        if more and self._view[self._at : self._at + BLOCK_BYTES] != _ZEROS:
            raise BrokenImageError("a lone block of zeros stands where a tar header should")
        return False

    def _decode_time(self, raw: bytes) -> int:
        return _remember(self._times, raw, clamp(number(raw, "time")))

    def _read_meta(self, kind: int, records: dict[bytes, bytes]) -> None:
        """Adds what a PAX header or a GNU long name says of the next entry to `records`."""
        if self._size > _META_BYTES:
            raise BrokenImageError(f"an extended tar header has {self._size} bytes; {_META_BYTES} are allowed")
        content = self._take(self._size)
        if kind == _PAX:
            records.update((key, value) for key, value in pax_records(content) if key in _RECORDS)
        elif kind == _GNU_NAME:
            records[b"\0name"] = content.partition(b"\0")[0]
        elif kind == _GNU_LINK:
            records[b"\0link"] = content.partition(b"\0")[0]

    def _resolve(
        self,
        at: int,
        kind: int,
        name: bytes,
        link: bytes,
        size: int,
        attributes: tuple[int, int, int],
        time: int,
        records: dict[bytes, bytes],
    ) -> tuple[int, bytes, bytes, int, tuple[int, int, int], int]:
        """A header with its extended records, and of the types that need a second look. Sets the content's size."""
        get = records.get
        name = get(b"\0name") or get(b"GNU.sparse.name") or get(b"path") or name
        link = get(b"\0link") or get(b"linkpath") or link
        if len(name) > PATH_BYTES or len(link) > PATH_BYTES:
            raise BrokenImageError(f"a path has {max(len(name), len(link))} bytes; Linux allows {PATH_BYTES}")
        if get(b"size"):
            size = decimal(records[b"size"])
        if get(b"uid") or get(b"gid"):
            mode, uid, gid = attributes
            attributes = (mode, decimal(get(b"uid") or b"%d" % uid), decimal(get(b"gid") or b"%d" % gid))
        if get(b"mtime"):
            time = pax_time(records[b"mtime"])
        if kind == 0:  # V7 knows directories by their names alone
            kind = DIRECTORY if name.endswith(b"/") else REGULAR
        if kind in _NO_CONTENT:
            return kind, name, link, 0, attributes, time
        if kind == _GNU_SPARSE:
            expanded = self._old_sparse_size(at)
            self._set_content(size)
            return REGULAR, name, link, expanded, attributes, time
        self._set_content(size)
        sparse_size = get(b"GNU.sparse.size") or get(b"GNU.sparse.realsize")
        if sparse_size and kind == REGULAR:
            size = decimal(sparse_size)
        return REGULAR, name, link, size, attributes, time

    def _old_sparse_size(self, at: int) -> int:
        """The expanded size of a GNU sparse file; passes over the blocks that go on with its map."""
        block = bytes(self._view[at : at + BLOCK_BYTES])
        size = number(block[483:495], "sparse size")
        if not 0 <= size <= _MOST:
            raise _impossible(size)
        more = block[482]
        while more:
            more = self._take(BLOCK_BYTES)[504]
        return size


def _impossible(size: int) -> BrokenImageError:
    what = "negative size" if size < 0 else f"size of {size:,} bytes"
    return BrokenImageError(f"a tar header gives a {what}")


def _attributes(raw: bytes) -> tuple[int, int, int]:
    """Permission bits, user and group."""
    mode, uid, gid = number(raw[:8], "mode"), number(raw[8:16], "owner"), number(raw[16:], "group")
    return mode & 0o7777, uid, gid


def _remember(memo: dict[bytes, Value], key: bytes, value: Value) -> Value:
    """Keeps a decoded field: an image has few owners and few times. Bounded, should a hostile one have many."""
    if len(memo) >= _MEMO_ENTRIES:
        memo.clear()
    memo[key] = value
    return value
