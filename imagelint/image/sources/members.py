"""The members of an archive that holds an image: documents and layers by name, from a file or from a stream."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from posixpath import dirname, join
from threading import Lock
from typing import Protocol

from imagelint.errors import BrokenImageError
from imagelint.image.blob import Blob, is_compressed, peek, read_layer
from imagelint.image.config import clip
from imagelint.image.sources.files import FileRegion
from imagelint.image.sources.interface import Reading
from imagelint.image.tar import BLOCK_BYTES, HARD_LINK, REGULAR, SYMBOLIC_LINK, Chunk, TarReader, clean, is_header

_OUTER_CHUNK_BYTES = 16 * 1024  # a header and, of most documents, the whole
_LINK_HOPS = 8
_THREADS = 4
# An image has one to three members a layer; an archive may hold many images.
_MEMBERS = 100_000
_STREAMED_DOCUMENTS_BYTES = 256 * 1024 * 1024


class Members(Protocol):
    """The members of an archive. Names are cleaned; links are followed."""

    def document(self, name: str) -> bytes | None:
        """What is in a small member, None where there is no such member."""
        ...

    def layers(self, names: Sequence[str]) -> list[Blob]:
        """The layers that are stored under these names, in this order, read."""
        ...


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
            name, kind, _, _, link, length = header
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

    def layers(self, names: Sequence[str]) -> list[Blob]:
        """Reads each of the layers once, however often it is named."""
        names = [_follow(name, self._links) for name in names]
        for name in names:
            if name not in self._extents:
                raise BrokenImageError(f"the archive lacks the layer {clip(name)}")
        reading = self._reading
        sizes = {name: self._extents[name][1] - self._extents[name][0] for name in names}
        done, lock = 0, Lock()

        def passed(count: int) -> None:
            nonlocal done
            with lock:
                done += count
                reading.report(self._what, done, total)

        total = sum(sizes.values())
        blobs: dict[str, Blob] = {}

        def read(name: str) -> None:
            entries_before = sum(len(blob.entries) for blob in blobs.copy().values())
            region = FileRegion(self._descriptor, *self._extents[name], passed=passed)
            blobs[name] = _read_layer(region, name, reading, entries_before, region)

        # Hashing and decompression let other threads run; the largest layers first, so that none is waited for alone.
        with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as threads:
            for _ in threads.map(read, sorted(sizes, key=sizes.__getitem__, reverse=True)):
                pass
        return [blobs[name] for name in names]


class StreamMembers:
    """The members of an archive that passes by once: whatever looks like a layer is read as one when it comes.

    A member that cannot be read as a layer is an error only when it is asked for as one.
    """

    def __init__(self, chunks: Iterable[Chunk], reading: Reading) -> None:
        self._reading = reading
        self._documents: dict[str, bytes] = {}
        self._room = _STREAMED_DOCUMENTS_BYTES
        self._layers: dict[str, Blob] = {}
        self._refused: dict[str, BrokenImageError] = {}
        self._links: dict[str, str] = {}
        tar = TarReader(chunks)
        while (header := tar.read()) is not None:
            name, kind, _, _, link, length = header
            for table in (self._documents, self._layers, self._refused, self._links):
                table.pop(name, None)
            if kind == REGULAR:
                self._keep(name, length, tar)
            elif kind in (SYMBOLIC_LINK, HARD_LINK):
                self._links[name] = _target(name, kind, link)
            _check_count(len(self._documents) + len(self._layers) + len(self._refused) + len(self._links))
        tar.drain()

    def _keep(self, name: str, length: int, tar: TarReader) -> None:
        start, chunks = peek(tar.content(), BLOCK_BYTES)
        if is_compressed(start) or is_header(start):
            entries = sum(len(blob.entries) for blob in self._layers.values())
            try:
                self._layers[name] = _read_layer(chunks, name, self._reading, entries)
            except BrokenImageError as error:
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

    def layers(self, names: Sequence[str]) -> list[Blob]:
        """Layers that have passed."""
        blobs = []
        for name in (_follow(name, self._links) for name in names):
            if name in self._refused:
                raise self._refused[name]
            blob = self._layers.get(name)
            if blob is None and self._documents.get(name) == b"":
                blob = _read_layer((), name, self._reading, 0)
            if blob is None:
                raise BrokenImageError(f"the archive lacks the layer {clip(name)}")
            blobs.append(blob)
        return blobs


def _read_layer(
    chunks: Iterable[Chunk], name: str, reading: Reading, entries_before: int, region: FileRegion | None = None
) -> Blob:
    try:
        return read_layer(
            chunks,
            verify=reading.verify,
            contents=reading.contents,
            limits=reading.limits,
            entries_before=entries_before,
            skip=region.skip if region else None,
        )
    except BrokenImageError as error:
        raise BrokenImageError(f"layer {clip(name)}: {error.message}", hint=error.hint) from None


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
