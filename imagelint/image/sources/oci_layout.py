"""OCI image layouts (OCI image specification, image-layout.md): a directory of blobs, or a tar of one."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from imagelint.errors import BrokenImageError, InputError
from imagelint.image.blob import Blob, unpacked
from imagelint.image.config import ImageConfig, clip
from imagelint.image.decompress import MAGIC_BYTES, is_compressed
from imagelint.image.elf import ReadAt
from imagelint.image.sources.files import FileRegion
from imagelint.image.sources.interface import Reading, StoredLayer, one_by_one
from imagelint.image.sources.layers import LayerTask, read_layers
from imagelint.image.sources.manifests import Descriptor, Manifest, resolve_index
from imagelint.image.sources.members import Members
from imagelint.image.tar_content import Chunk
from imagelint.records import TYPE_CHECKING, NamedTuple, record

if TYPE_CHECKING:
    from typing import Self

INDEX = "index.json"


def blob_name(digest: str) -> str:
    """Where a layout has a blob."""
    algorithm, _, encoded = digest.partition(":")
    return f"blobs/{algorithm}/{encoded}"


class OciLayout(NamedTuple):
    """An image in a layout's directory. `tag` chooses among several by their `org.opencontainers.image.ref.name`."""

    reference: str
    path: str
    tag: str | None = None

    @contextmanager
    def open(self, reading: Reading) -> Iterator[OpenLayout]:
        """Reads index, manifest and configuration; layers are read when they are asked for."""
        manifest = resolve_index(
            self._read(INDEX, reading), partial(self._find, reading), reading, self.reference, self.tag
        )
        yield OpenLayout(self.path, self.reference, manifest, reading)

    def _find(self, reading: Reading, descriptor: Descriptor) -> bytes:
        return self._read(blob_name(descriptor.digest), reading)

    def _read(self, name: str, reading: Reading) -> bytes:
        limit = reading.limits.document_bytes
        try:
            with open(os.path.join(self.path, name), "rb") as file:
                content = file.read(limit + 1)
        except OSError as error:
            raise _missing(name, error) from None
        if len(content) > limit:
            raise BrokenImageError(f"{clip(name)} has more than {limit:,} bytes")
        return content


@record
class OpenLayout:
    """An image of a layout's directory."""

    path: str
    reference: str
    manifest: Manifest
    reading: Reading
    source: str = "oci"

    @property
    def config(self) -> ImageConfig:
        """The image's configuration."""
        return self.manifest.config

    @property
    def layers(self) -> tuple[StoredLayer, ...]:
        """The blobs that the manifest lists."""
        return self.manifest.stored

    def index(self, wanted: Collection[int]) -> dict[int, Blob]:
        """Reads layers, several at a time."""
        with _Files(self.path) as files:
            tasks = {
                place: LayerTask(each.digest, each.size, partial(files.region, each))
                for place, each in enumerate(self.manifest.layers)
                if place in wanted
            }
            return read_layers(tasks, self.reference, self.reading)

    @contextmanager
    def tar(self, layer: int) -> Iterator[Iterable[Chunk]]:
        """A layer's uncompressed tar, from its file."""
        with _Files(self.path) as files:
            yield unpacked(files.region(self.manifest.layers[layer]), self.reading.limits)

    def tars(self, layers: Collection[int]) -> Iterator[tuple[tuple[int, ...], Iterable[Chunk]]]:
        """The tars of layers, one by one."""
        return one_by_one(self, layers)

    def read_at(self, layer: int) -> ReadAt | None:
        """What reads a plain layer at any place; the file is opened for each time that it is read."""
        found = self.manifest.layers[layer]

        def read_at(offset: int, length: int) -> bytes:
            with _Files(self.path) as files:
                return files.region(found).read_at(offset, length)

        return None if is_compressed(read_at(0, MAGIC_BYTES)) else read_at


class _Files:
    """The blobs of a layout that are open."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptors: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)

    def region(self, found: Descriptor, passed: Callable[[int], None] | None = None) -> FileRegion:
        """The bytes of a blob, whose file must have the size that its descriptor says."""
        name = blob_name(found.digest)
        try:
            descriptor = os.open(os.path.join(self._path, name), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        except OSError as error:
            raise _missing(name, error, foreign=found.urls) from None
        self._descriptors.append(descriptor)
        size = os.fstat(descriptor).st_size
        if size != found.size:
            raise BrokenImageError(f"{clip(name)} has {size:,} bytes, not {found.size:,} as announced")
        return FileRegion(descriptor, 0, size, passed=passed)


def open_layout_archive(members: Members, reference: str, reading: Reading, tag: str | None) -> OpenLayoutArchive:
    """The image of a layout whose files are the members of an archive."""
    index = members.document(INDEX)
    if index is None:
        raise InputError(f"{reference} is not an OCI layout: it has no index.json")
    manifest = resolve_index(index, partial(_member, members), reading, reference, tag)
    return OpenLayoutArchive(members, manifest)


def _member(members: Members, descriptor: Descriptor) -> bytes:
    content = members.document(blob_name(descriptor.digest))
    if content is None:
        raise BrokenImageError(f"the archive lacks {clip(blob_name(descriptor.digest))}")
    return content


@record
class OpenLayoutArchive:
    """An image of a layout's tar."""

    members: Members
    manifest: Manifest
    source: str = "oci-archive"

    @property
    def config(self) -> ImageConfig:
        """The image's configuration."""
        return self.manifest.config

    @property
    def layers(self) -> tuple[StoredLayer, ...]:
        """The blobs that the manifest lists."""
        return self.manifest.stored

    def index(self, wanted: Collection[int]) -> dict[int, Blob]:
        """Reads layers of the archive, or gives those that have passed by."""
        names = {place: blob_name(self.manifest.layers[place].digest) for place in wanted}
        blobs = self.members.index(names.values())
        return {place: blobs[name] for place, name in names.items()}

    def tar(self, layer: int) -> AbstractContextManager[Iterable[Chunk]]:
        """A layer's uncompressed tar, from the file."""
        return self.members.tar(blob_name(self.manifest.layers[layer].digest))

    def tars(self, layers: Collection[int]) -> Iterator[tuple[tuple[int, ...], Iterable[Chunk]]]:
        """The tars of layers, one by one."""
        return one_by_one(self, layers)

    def read_at(self, layer: int) -> ReadAt | None:
        """What reads a plain layer at any place."""
        return self.members.read_at(blob_name(self.manifest.layers[layer].digest))


def _missing(name: str, error: OSError, *, foreign: bool = False) -> InputError:
    if foreign:
        return BrokenImageError(f"{clip(name)} is a foreign layer, which is kept elsewhere and is not in the layout")
    return BrokenImageError(f"{clip(name)} cannot be read: {error.strerror or error}")
