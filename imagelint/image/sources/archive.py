"""Archives of images: `docker save`'s, kaniko's, and tars of OCI layouts, told apart by what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from imagelint.errors import InputError
from imagelint.image.blob import peek
from imagelint.image.config import clip
from imagelint.image.decompress import decompressed, is_compressed
from imagelint.image.sources import docker_archive, oci_layout
from imagelint.image.sources.files import CHUNK_BYTES
from imagelint.image.sources.interface import OpenImage, Reading
from imagelint.image.sources.manifests import fits
from imagelint.image.sources.members import FileMembers, Members, StreamMembers
from imagelint.image.tar import is_header
from imagelint.image.tar_content import BLOCK_BYTES, Chunk
from imagelint.records import NamedTuple

STANDARD_INPUT = "-"
_HINT = "imagelint reads what `docker save IMAGE -o FILE` writes, and tars of OCI layouts"


class Archive(NamedTuple):
    """An image archive in a file or, as `-`, on standard input; plain or compressed.

    `tag` chooses among several images in it. `kind` is `docker-archive` or `oci-archive`, where that was said; else a
    manifest.json makes it the first, and without one an index.json the second.
    """

    reference: str
    path: str
    tag: str | None = None
    kind: str | None = None

    @contextmanager
    def open(self, reading: Reading) -> Iterator[OpenImage]:
        """Reads the archive's documents: where the file can seek and is not compressed these alone, else all of it."""
        try:
            descriptor = os.dup(0) if self.path == STANDARD_INPUT else os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror or error}") from None
        try:
            yield self._image(self._members(descriptor, reading), reading)
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror or error}") from None
        finally:
            os.close(descriptor)

    def _image(self, members: Members, reading: Reading) -> OpenImage:
        if self.kind != "oci-archive" and members.document(docker_archive.MANIFEST) is not None:
            found = docker_archive.open_archive(members, self.reference, "docker-archive", reading, tag=self.tag)
            if reading.platform is None or fits(found.config.platform, reading.platform):
                return found
            return self._of_platform(members, reading, found.config.platform)
        if self.kind != "docker-archive" and members.document(oci_layout.INDEX) is not None:
            return oci_layout.open_layout_archive(members, self.reference, reading, self.tag)
        lacks = {"oci-archive": "index.json", "docker-archive": "manifest.json"}
        missing = lacks.get(self.kind or "", "manifest.json and no index.json")
        raise InputError(f"{self.reference} is not an image archive: it has no {missing}", hint=_HINT)

    def _of_platform(self, members: Members, reading: Reading, has: str) -> OpenImage:
        """The image for another platform than that of manifest.json, which has one of those in a layout beside it."""
        if self.kind is None and members.document(oci_layout.INDEX) is not None:
            with suppress(InputError):
                return oci_layout.open_layout_archive(members, self.reference, reading, self.tag)
        raise InputError(f"{self.reference} is there for {clip(has) or 'no platform'}, not for {reading.platform}")

    def _members(self, descriptor: int, reading: Reading) -> Members:
        size = _size(descriptor)
        if size is not None and is_header(os.pread(descriptor, BLOCK_BYTES, 0)):
            return FileMembers(descriptor, size, self.reference, reading)
        start, chunks = peek(_read_chunks(descriptor, size, self.reference, reading), BLOCK_BYTES)
        if is_compressed(start):
            start, chunks = peek(decompressed(start, chunks), BLOCK_BYTES)
        if not is_header(start):
            raise InputError(f"{self.path} is not an image archive", hint=_HINT)
        return StreamMembers(chunks, self.reference, reading)


def _size(descriptor: int) -> int | None:
    """The size of a file that can be read at any place; None for a pipe, and for one that is read from its middle."""
    try:
        return os.fstat(descriptor).st_size if os.lseek(descriptor, 0, os.SEEK_CUR) == 0 else None
    except OSError:
        return None


def _read_chunks(descriptor: int, size: int | None, what: str, reading: Reading) -> Iterator[Chunk]:
    done = 0
    while chunk := os.read(descriptor, CHUNK_BYTES):
        done += len(chunk)
        reading.report(what, done, size)
        yield chunk
