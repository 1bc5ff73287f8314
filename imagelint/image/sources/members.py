"""The members of an archive that holds an image: documents and layers by name, from a file or from a stream."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from posixpath import dirname, join

from imagelint.errors import BrokenImageError, InputError
from imagelint.image.blob import Blob, peek, unpacked
from imagelint.image.config import clip
from imagelint.image.decompress import MAGIC_BYTES, is_compressed
from imagelint.image.elf import ReadAt
from imagelint.image.limits import MIB
from imagelint.image.sources.files import CHUNK_BYTES, FileRegion
from imagelint.image.sources.interface import Reading, StoredLayer
from imagelint.image.sources.layers import LayerTask, read_layers, read_named_layer
from imagelint.image.tar import HARD_LINK, REGULAR, SYMBOLIC_LINK, TarReader, is_header
from imagelint.image.tar_content import BLOCK_BYTES, Chunk
from imagelint.image.tar_rows import clean
from imagelint.records import Protocol

_OUTER_CHUNK_BYTES = 16 * 1024  # a header and, of most documents, the whole
_LINK_HOPS = 8
# The digest that a member is named by: blobs/sha256/<digest>, <digest>.json, sha256:<digest>, <digest>.tar.gz.
_DIGEST_NAME = re.compile(r"(?:^|[/:])([0-9a-f]{64})(?:\.json|\.tar\.gz)?$")
# An image has one to three members a layer; an archive may hold many images.
_MEMBERS = 100_000
_STREAMED_DOCUMENTS_BYTES = 256 * 1024 * 1024


class Members(Protocol):
    """The members of an archive. Names are cleaned; links are followed."""

    def document(self, name: str) -> bytes | None:
        """What is in a small member, None where there is no such member."""

    def stored(self, name: str) -> StoredLayer:
        """What is known of a layer before it is read; BrokenImageError where there is none of that name."""

    def index(self, names: Iterable[str]) -> dict[str, Blob]:
        """The layers that are stored under these names, read, each once, however often and by which name it comes."""

    def tar(self, name: str) -> AbstractContextManager[Iterable[Chunk]]:
        """The uncompressed tar of a layer, anew; InputError where the archive has passed by."""

    def followed(self, name: str) -> str:
        """The name of the member that a member leads to: its own, or that at the end of its links."""

    def read_at(self, name: str) -> ReadAt | None:
        """What reads a layer at any place; None where it is compressed, or has passed by."""


def named_digest(name: str) -> str | None:
    """The digest by which a member is named, `sha256:…`, or None."""
    match = _DIGEST_NAME.search(name)
    return f"sha256:{match[1]}" if match else None


class FileMembers:
    """The members of an uncompressed archive in a file. Only what is asked for is read."""

    def __init__(self, descriptor: int, size: int, what: str, reading: Reading) -> None:
        self._descriptor = descriptor
        self._what = what
        self._reading = reading
        self._extents: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        region = FileRegion(descriptor, 0, size, chunk_bytes=_OUTER_CHUNK_BYTES)
        tar = TarReader(region, skip=region.skip)
        while (header := tar.read()) is not None:
            name, kind, _, _, link, length, _ = header
            # Of members of one name the last counts, as when a tar is unpacked.
            self._extents.pop(name, None)
            self._links.pop(name, None)
            if kind == REGULAR:
                start = region.position - tar.ahead
                self._extents[name] = (start, start + length)
            elif kind in (SYMBOLIC_LINK, HARD_LINK):
                self._links[name] = _target(name, kind, link)
            _check_count(len(self._extents) + len(self._links))

    def document(self, name: str) -> bytes | None:
        """Reads a small member at once."""
        extent = self._extents.get(_follow(name, self._links))
        if extent is None:
            return None
        if extent[1] - extent[0] > self._reading.limits.document_bytes:
            raise _too_large(name, self._reading)
        return b"".join(FileRegion(self._descriptor, *extent))

    def stored(self, name: str) -> StoredLayer:
        """Looks at how a layer begins."""
        extent = self._extent(name)
        if not self._is_compressed(extent):
            return StoredLayer()
        return StoredLayer(named_digest(name), extent[1] - extent[0])

    def index(self, names: Iterable[str]) -> dict[str, Blob]:
        """Reads the layers, several at a time."""
        names = list(names)
        sizes = {extent: extent[1] - extent[0] for extent in map(self._extent, names)}
        blobs = read_layers(
            {
                extent: LayerTask(name, sizes[extent], partial(self._region, extent), self._is_compressed(extent))
                for name, extent in zip(names, map(self._extent, names), strict=True)
            },
            self._what,
            self._reading,
        )
        return {name: blobs[self._extent(name)] for name in names}

    @contextmanager
    def tar(self, name: str) -> Iterator[Iterable[Chunk]]:
        """The layer's tar, from the file."""
        yield unpacked(self._region(self._extent(name)))

    def followed(self, name: str) -> str:
        """Follows links."""
        return _follow(name, self._links)

    def read_at(self, name: str) -> ReadAt | None:
        """Reads the file."""
        extent = self._extent(name)
        return None if self._is_compressed(extent) else self._region(extent).read_at

    def _region(self, extent: tuple[int, int], passed: Callable[[int], None] | None = None) -> FileRegion:
        # Who reads every byte is quicker with many at a time, who jumps from header to header with few.
        chunk_bytes = MIB if self._reading.verify else CHUNK_BYTES
        return FileRegion(self._descriptor, *extent, passed=passed, chunk_bytes=chunk_bytes)

    def _is_compressed(self, extent: tuple[int, int]) -> bool:
        return is_compressed(os.pread(self._descriptor, MAGIC_BYTES, extent[0]))

    def _extent(self, name: str) -> tuple[int, int]:
        extent = self._extents.get(_follow(name, self._links))
        if extent is None:
            raise BrokenImageError(f"the archive lacks the layer {clip(name)}")
        return extent


class StreamMembers:
    """The members of an archive that passes by once: whatever looks like a layer is read as one when it comes.

    A member that cannot be read as a layer is an error only when it is asked for as one.
    """

    def __init__(self, chunks: Iterable[Chunk], what: str, reading: Reading) -> None:
        self._what = what
        self._reading = reading
        self._documents: dict[str, bytes] = {}
        self._room = _STREAMED_DOCUMENTS_BYTES
        self._layers: dict[str, Blob] = {}
        self._refused: dict[str, BrokenImageError] = {}
        self._links: dict[str, str] = {}
        self._broken: BrokenImageError | None = None
        tar = TarReader(self._watched(chunks))
        while (header := tar.read()) is not None:
            name, kind, _, _, link, length, _ = header
            for table in (self._documents, self._layers, self._refused, self._links):
                table.pop(name, None)
            if kind == REGULAR:
                self._keep(name, length, tar)
            elif kind in (SYMBOLIC_LINK, HARD_LINK):
                self._links[name] = _target(name, kind, link)
            _check_count(len(self._documents) + len(self._layers) + len(self._refused) + len(self._links))
        tar.drain()

    def _watched(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """The archive itself; what is wrong with it is no member's fault, whichever is being read."""
        try:
            yield from chunks
        except BrokenImageError as error:
            self._broken = error
            raise

    def _keep(self, name: str, length: int, tar: TarReader) -> None:
        start, chunks = peek(tar.content(), BLOCK_BYTES)
        if is_compressed(start) or is_header(start):
            entries = sum(len(blob.entries) for blob in self._layers.values())
            try:
                self._layers[name] = read_named_layer(chunks, name, self._reading, entries)
            except BrokenImageError as error:
                if self._broken is not None:
                    raise self._broken from None
                self._refused[name] = error
        elif length > self._reading.limits.document_bytes:
            self._refused[name] = _too_large(name, self._reading)
        else:
            self._documents[name] = b"".join(chunks)
            self._room -= length
            if self._room < 0:
                raise BrokenImageError(f"the archive's documents take more than {_STREAMED_DOCUMENTS_BYTES:,} bytes")

    def document(self, name: str) -> bytes | None:
        """A small member that has passed."""
        name = _follow(name, self._links)
        if name in self._refused:
            raise self._refused[name]
        return self._documents.get(name)

    def stored(self, name: str) -> StoredLayer:
        """What was seen of a layer."""
        blob = self._blob(name)
        if blob.compressed_bytes is None:
            return StoredLayer()
        return StoredLayer(named_digest(name) or blob.digest, blob.compressed_bytes)

    def index(self, names: Iterable[str]) -> dict[str, Blob]:
        """Layers that have passed."""
        return {name: self._blob(name) for name in names}

    def tar(self, name: str) -> AbstractContextManager[Iterable[Chunk]]:
        """Nothing that has passed comes again."""
        raise InputError(
            f"{self._what}: the layer {clip(name)} has passed by and cannot be read again",
            hint="name an uncompressed archive in a file",
        )

    def followed(self, name: str) -> str:
        """Follows links."""
        return _follow(name, self._links)

    def read_at(self, name: str) -> None:
        """It has passed by."""

    def blob_document(self, digest: str) -> bytes:
        """The document that has a digest, in an archive laid out as OCI's are; InputError where there is none."""
        algorithm, _, encoded = digest.partition(":")
        content = self.document(f"blobs/{algorithm}/{encoded}")
        if content is None:
            raise InputError(f"{self._what} has no document {clip(digest)}")
        return content

    def _blob(self, name: str) -> Blob:
        followed = _follow(name, self._links)
        if followed in self._refused:
            raise self._refused[followed]
        blob = self._layers.get(followed)
        if blob is None and self._documents.get(followed) == b"":
            blob = read_named_layer((), name, self._reading, 0)
        if blob is None:
            raise BrokenImageError(f"the archive lacks the layer {clip(name)}")
        return blob


def passing(chunks: Iterable[Chunk], names: Collection[str]) -> Iterator[tuple[str, Iterable[Chunk]]]:
    """The content of members of an archive that passes by, as they come; BrokenImageError where it lacks one."""
    left = set(names)
    tar = TarReader(chunks)
    while left and (header := tar.read()) is not None:
        if header[0] in left and header[1] == REGULAR:
            left.remove(header[0])
            yield header[0], tar.content()
    if left:
        raise BrokenImageError(f"the archive lacks {clip(min(left))}")


def _too_large(name: str, reading: Reading) -> BrokenImageError:
    return BrokenImageError(f"{clip(name)} has more than {reading.limits.document_bytes:,} bytes")


def _check_count(count: int) -> None:
    if count > _MEMBERS:
        raise BrokenImageError(f"the archive has more than {_MEMBERS:,} members")


def _target(name: str, kind: int, link: str) -> str:
    """Where a link in an archive points: from its own directory if symbolic, from the root if hard."""
    return clean(join(dirname(name), link) if kind == SYMBOLIC_LINK else link)


def _follow(name: str, links: dict[str, str]) -> str:
    name = clean(name)
    for _ in range(_LINK_HOPS):
        if name not in links:
            return name
        name = links[name]
    raise BrokenImageError(f"{clip(name)} is one of a chain of links that has no end")
