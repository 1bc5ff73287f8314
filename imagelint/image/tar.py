"""Reads tar headers from a stream of chunks, several times as fast as the standard library's tarfile.

The formats are those of Go's archive/tar, which the engines write layers with: POSIX ustar and PAX, GNU (long names,
base-256 numbers, old and PAX sparse files) and V7. As Docker does, PAX global headers are passed over, and sizes given
for links, directories and devices announce no content. The size of a sparse file is its expanded one.

Content is never kept: it is skipped, hashed or handed on in pieces of the chunks that came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from posixpath import normpath
from struct import Struct
from zlib import adler32

from xxhash import xxh3_64, xxh3_64_intdigest

from imagelint.errors import BrokenImageError
from imagelint.image.limits import MIB, PATH_BYTES
from imagelint.image.tar_fields import checksum_holds, clamp, decimal, number, pax_records, pax_time
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeVar

    Value = TypeVar("Value")

Chunk = bytes | memoryview

# A plain tuple and not a class: there is one for every file of an image.
# path, type, (mode, uid, gid), modification time in seconds, link target, size in bytes, where the content begins
Header = tuple[str, int, tuple[int, int, int], int, str, int, int]

REGULAR, HARD_LINK, SYMBOLIC_LINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = b"0123456"

BLOCK_BYTES = 512
_ZEROS = bytes(BLOCK_BYTES)
_ENDS = b"\0 "  # of an octal number, if it does not fill its field
_ODD_STARTS = ("", "/", ".")  # of a path that is to be cleaned
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


def is_header(block: Chunk) -> bool:
    """Whether 512 bytes are a tar header, told by its checksum, or the zeros that end a tar."""
    if len(block) < BLOCK_BYTES:
        return False
    return block[:BLOCK_BYTES] == _ZEROS or checksum_holds(bytes(block[:BLOCK_BYTES]))


class TarReader:
    """The entries of a tar, one after another: `read` a header, then hash or take its content, or leave it be.

    `skip`, where the source can seek, passes over that many bytes without reading them. With `trusting` the checksums
    of headers that have a tar's magic are not looked at, which is half of the work that a header makes.
    Raises BrokenImageError for whatever Docker would not unpack either.
    """

    def __init__(
        self, chunks: Iterable[Chunk], *, skip: Callable[[int], None] | None = None, trusting: bool = False
    ) -> None:
        self._chunks = iter(chunks)
        self._skip_source = skip
        self._trusting = trusting
        self._view = memoryview(b"")
        self._at = 0
        self._start = 0  # of the view, in the tar
        self._size = 0  # bytes of the current entry's content that have not been taken
        self._padding = 0  # bytes from the end of that content to the next header
        self._sums: dict[bytes, int] = {}
        self._attributes: dict[bytes, tuple[int, int, int]] = {}
        self._times: dict[bytes, int] = {}
        self._headers = self._scan()

    def __iter__(self) -> Iterator[Header]:
        """The entries that are left, to the end of the tar."""
        return self._headers

    def read(self) -> Header | None:
        """The next entry's path, type, attributes, mtime, link target, size and place; None at the end of the tar.

        The size is in bytes, the place that of the content in the tar, 0 for what has none or is sparse. The type is
        the byte in the header; content of an unknown type is a regular file, as POSIX says.
        """
        return next(self._headers, None)

    def _scan(self) -> Iterator[Header]:
        # One long generator on purpose: it runs for every file of an image, and a call costs as much as a field.
        unpack, sums, known_attributes, known_times = _HEADER.unpack_from, self._sums, self._attributes, self._times
        magics = _MAGICS if self._trusting else frozenset[bytes]()
        records: dict[bytes, bytes] = {}
        while True:
            view = self._view
            at = self._at + self._size + self._padding
            if at + BLOCK_BYTES <= len(view):
                self._size = self._padding = 0
            else:
                self._pass_over()
                if len(self._view) - self._at < BLOCK_BYTES and not self._refill():
                    return
                view, at = self._view, self._at
            self._at = at + BLOCK_BYTES
            name, raw_attributes, octal, end, raw_time, checksum, kind, link, magic, prefix = unpack(view, at)
            if magic not in magics:
                # adler32's low half is 1 + the sum of the bytes (mod 65521): the header's checksum at C's speed.
                low = adler32(view[at : at + BLOCK_BYTES]) & 0xFFFF
                if low != sums.get(checksum) and not self._is_right(checksum, low, at):
                    return
            try:
                size = int(octal, 8) if end in _ENDS else number(octal + bytes((end,)), "size")
            except ValueError:
                size = number(octal, "size")
            if size < 0:
                raise BrokenImageError("a tar header gives a negative size")
            if (attributes := known_attributes.get(raw_attributes)) is None:
                attributes = self._decode_attributes(raw_attributes)
            if (time := known_times.get(raw_time)) is None:
                time = self._decode_time(raw_time)
            name = name.partition(b"\0")[0]
            if prefix[0] and magic == _USTAR:
                name = prefix.partition(b"\0")[0] + b"/" + name
            link = link.partition(b"\0")[0] if link[0] else b""
            if kind not in _PLAIN or records:
                if kind in _META:
                    self._set_content(size)
                    self._read_meta(kind, records)
                    continue
                kind, name, link, size, attributes, time = self._resolve(
                    at, kind, name, link, size, attributes, time, records
                )
                records.clear()
            elif kind == REGULAR:
                self._size = size
                self._padding = -size % BLOCK_BYTES
            else:
                size = 0
            # Of a sparse file less is stored than its size says.
            place = self._start + self._at if size and size == self._size else 0
            path = name.decode("utf-8", "surrogateescape")
            if path[-1:] == "/":
                path = path[:-1]
            if path[:1] in _ODD_STARTS or "//" in path or "/." in path:
                path = clean(path)
            yield path, kind, attributes, time, link.decode("utf-8", "surrogateescape") if link else "", size, place

    def content(self) -> Iterator[memoryview]:
        """The current entry's content, as pieces of the chunks that came in; what is left of it is passed over."""
        while self._size:
            if self._at == len(self._view):
                self._next_chunk()
            piece = self._view[self._at : self._at + self._size]
            self._at += len(piece)
            self._size -= len(piece)
            yield piece

    def content_hash(self) -> int:
        """XXH3 (64 bits) of the current entry's content, which tells files apart that differ by chance.

        It is not cryptographic: whoever means to can make two files that have the same.
        """
        size, at = self._size, self._at
        end = at + size
        if end <= len(self._view):
            self._at = end
            self._size = 0
            return xxh3_64_intdigest(self._view[at:end])
        state = xxh3_64()
        for piece in self.content():
            state.update(piece)
        return state.intdigest()

    def hash_at_hand(self) -> int:
        """What `content_hash` gives, of content that has come in as a whole already; else 0, and nothing is taken."""
        at = self._at
        end = at + self._size
        return xxh3_64_intdigest(self._view[at:end]) if end <= len(self._view) else 0

    def begins_with(self, magic: bytes) -> bool:
        """Whether the current entry's content begins so; nothing is taken."""
        size = len(magic)
        if self._size < size:
            return False
        while len(self._view) - self._at < size:
            at = self._at
            chunk = next(self._chunks, None)
            if chunk is None:
                raise BrokenImageError("the tar ends in the middle of an entry")
            self._start += at
            self._view = memoryview(bytes(self._view[at:]) + bytes(chunk))
            self._at = 0
        view, at = self._view, self._at
        return view[at] == magic[0] and view[at : at + size] == magic

    @property
    def end(self) -> int:
        """How many bytes of the tar lie before the next entry, as long as nothing of this one's content was taken."""
        return self._start + self._at + self._size + self._padding

    @property
    def ahead(self) -> int:
        """How many bytes have come in that were not taken: where a source is, less where the reader is."""
        return len(self._view) - self._at

    def drain(self) -> None:
        """Reads what follows the end of the tar, so that a digest covers every byte of the stream."""
        self._view = memoryview(b"")
        self._at = 0
        for _ in self._chunks:
            pass

    # --- bytes

    def _next_chunk(self) -> None:
        self._start += len(self._view)
        for chunk in self._chunks:
            if len(chunk):
                self._view = memoryview(chunk)
                self._at = 0
                return
        raise BrokenImageError("the tar ends in the middle of an entry")

    def _refill(self) -> bool:
        """Makes a whole header available; False at an end between two entries."""
        parts: list[Chunk] = [self._view[self._at :]]
        have = len(parts[0])
        while have < BLOCK_BYTES:
            chunk = next(self._chunks, None)
            if chunk is None:
                if have:
                    raise BrokenImageError("the tar ends in the middle of a header")
                return False
            parts.append(chunk)
            have += len(chunk)
        self._start += self._at
        # The usual case copies nothing: chunks are a multiple of a tar's block.
        self._view = memoryview(parts[-1] if len(parts) == 2 and not parts[0] else b"".join(parts))
        self._at = 0
        return True

    def _set_content(self, size: int) -> None:
        self._size = size
        self._padding = -size % BLOCK_BYTES

    def _pass_over(self) -> None:
        count = self._size + self._padding
        self._size = self._padding = 0
        while count:
            have = len(self._view) - self._at
            if count <= have:
                self._at += count
                return
            count -= have
            if self._skip_source is not None:
                self._skip_source(count)
                self._start += len(self._view) + count
                self._view = memoryview(b"")
                self._at = 0
                return
            self._next_chunk()

    def _take(self, size: int) -> bytes:
        """The whole content of a meta entry or the next `size` bytes, bounded by the caller."""
        self._size = size
        return b"".join(self.content())

    # --- what a header says

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
        if block != _ZEROS:
            if checksum_holds(block):  # of signed bytes
                return True
            raise BrokenImageError("a tar header's checksum is wrong")
        more = len(self._view) - self._at >= BLOCK_BYTES or self._refill()
        if more and self._view[self._at : self._at + BLOCK_BYTES] != _ZEROS:
            raise BrokenImageError("a lone block of zeros stands where a tar header should")
        return False

    def _decode_attributes(self, raw: bytes) -> tuple[int, int, int]:
        mode, uid, gid = number(raw[:8], "mode"), number(raw[8:16], "owner"), number(raw[16:], "group")
        return _remember(self._attributes, raw, (mode & 0o7777, uid, gid))

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
        if size < 0:
            raise BrokenImageError("a tar header gives a negative size")
        more = block[482]
        while more:
            more = self._take(BLOCK_BYTES)[504]
        return size


def _remember(memo: dict[bytes, Value], key: bytes, value: Value) -> Value:
    """Keeps a decoded field: an image has few owners and few times. Bounded, should a hostile one have many."""
    if len(memo) >= _MEMO_ENTRIES:
        memo.clear()
    memo[key] = value
    return value
