"""Images in a container engine, read from its export (`GET /images/{id}/get`, what `docker save` prints).

An engine gives no single layer, so that all of an image passes by, once, as a stream. Where an earlier run has seen the
image's documents, `inspect` alone tells which layers it has, and nothing is exported unless one of them is not known.

In Docker's older stores an image's id is the digest of its configuration, in containerd's that of its manifest, or of
an index of manifests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagelint.errors import BrokenImageError, InputError
from imagelint.image.blob import Blob, unpacked
from imagelint.image.config import ImageConfig, parse_config, parse_document
from imagelint.image.limits import MIB
from imagelint.image.sources.docker_archive import OpenArchive, open_archive
from imagelint.image.sources.engine_client import connected
from imagelint.image.sources.interface import OpenImage, Reading, StoredLayer
from imagelint.image.sources.manifests import Descriptor, check_digest, fits, resolve
from imagelint.image.sources.members import StreamMembers, member
from imagelint.image.tar_content import Chunk

if TYPE_CHECKING:
    from docker import APIClient


@dataclass(frozen=True, slots=True)
class Engine:
    """An image in the engine `docker`, where DOCKER_HOST, the context or the default socket lead to, or in `podman`."""

    reference: str
    name: str
    kind: str = "docker"

    @contextmanager
    def open(self, reading: Reading) -> Iterator[OpenImage]:
        """Asks the engine for the image; what it is made of comes from its export, where no earlier run knows it."""
        with connected(self.kind, self.name) as client:
            description = client.inspect_image(self.name)  # type: ignore[no-untyped-call]
            identifier = description.get("Id") or self.name
            # By id, so that a name without a tag does not export every tag, nor one re-tagged meanwhile another image.
            export = _Export(client, self.kind, self.reference, identifier, description.get("Size"))
            found = _known(export, reading) or _EngineImage(export, reading, export.archive(reading))
            if reading.platform is not None and not fits(found.config.platform, reading.platform):
                has = f"{self.name} is there for {found.config.platform}, not for {reading.platform}"
                raise InputError(has, hint=f"`{self.kind} pull --platform {reading.platform} {self.name}`")
            yield found


@dataclass(frozen=True, slots=True)
class _Export:
    """An engine's export of one image."""

    client: APIClient
    kind: str
    reference: str
    identifier: str
    size: Any

    @property
    def digest(self) -> str:
        """The image's id as a digest; Podman leaves the algorithm out."""
        return self.identifier if ":" in self.identifier else f"sha256:{self.identifier}"

    def chunks(self, reading: Reading) -> Iterator[bytes]:
        """The export, once, front to back; nothing is written to disk."""
        # The engine's size is that of the files; the export is a little larger, so that it says about where we are.
        total = self.size if isinstance(self.size, int) and self.size > 0 else None
        done = 0
        for chunk in self.client.get_image(self.identifier, chunk_size=MIB):
            done += len(chunk)
            reading.report(self.reference, done, max(done, total) if total else None)
            yield chunk

    def archive(self, reading: Reading) -> OpenArchive:
        """The image, all of it read; its documents are kept for later runs."""
        members = StreamMembers(self.chunks(reading), self.reference, reading)
        archive = open_archive(members, self.reference, self.kind, reading)
        if reading.verify:
            reading.documents.put(archive.config.id, archive.config.content)
            if archive.config.id != self.digest:
                _keep(self.digest, members, reading)
        return archive


@dataclass(slots=True)
class _EngineImage:
    """An image of an engine, whose export has passed by (`archive`) or has not been asked for yet."""

    export: _Export
    reading: Reading
    archive: OpenArchive | None = None
    known: tuple[ImageConfig, tuple[StoredLayer, ...]] | None = field(default=None)

    @property
    def source(self) -> str:
        """The engine."""
        return self.export.kind

    @property
    def config(self) -> ImageConfig:
        """The image's configuration."""
        return self.known[0] if self.known is not None else self._archive().config

    @property
    def layers(self) -> tuple[StoredLayer, ...]:
        """The layers; most engines keep them uncompressed."""
        return self.known[1] if self.known is not None else self._archive().layers

    def index(self, wanted: Collection[int]) -> Mapping[int, Blob]:
        """Reads the export, if it has not been read."""
        return self._archive().index(wanted)

    @contextmanager
    def tar(self, layer: int) -> Iterator[Iterable[Chunk]]:
        """A layer's uncompressed tar: the image is exported again, and all but the layer passed over."""
        name = self._archive().member(layer)
        with member(self.export.chunks(self.reading), name) as chunks:
            yield unpacked(chunks, self.reading.limits)

    def read_at(self, layer: int) -> None:
        """An export passes by."""

    def _archive(self) -> OpenArchive:
        if self.archive is None:
            self.archive = self.export.archive(self.reading)
        return self.archive


def _known(export: _Export, reading: Reading) -> _EngineImage | None:
    """The image as an earlier run has seen it; None where it has not."""
    content = reading.documents.get(export.digest)
    if content is None:
        return None
    top = parse_document(content, export.digest)
    if isinstance(top, dict) and "rootfs" in top:
        config = parse_config(content, export.digest)
        return _EngineImage(export, reading, known=(config, (StoredLayer(),) * len(config.diff_ids)))

    def find(wanted: Descriptor) -> bytes:
        found = reading.documents.get(wanted.digest)
        if found is None:
            raise InputError(f"{wanted.digest} is not known")
        return found

    try:
        manifest = resolve(_top(export.digest, content, top), find, reading, export.reference)
    except (BrokenImageError, InputError):
        return None
    return _EngineImage(export, reading, known=(manifest.config, manifest.stored))


def _keep(digest: str, members: StreamMembers, reading: Reading) -> None:
    """Keeps the manifests of an export, from the one that the image's id names down to its configuration."""

    def find(wanted: Descriptor) -> bytes:
        found = members.blob_document(wanted.digest)
        check_digest(found, wanted.digest)
        reading.documents.put(wanted.digest, found)
        return found

    try:
        content = members.blob_document(digest)
        resolve(_top(digest, content, parse_document(content, digest)), find, reading, digest)
    except (BrokenImageError, InputError):
        return  # an id of another kind: nothing is kept, and the next run exports again


def _top(digest: str, content: bytes, document: Any) -> Descriptor:
    media_type = document.get("mediaType") if isinstance(document, dict) else None
    return Descriptor(media_type if isinstance(media_type, str) else "", digest, len(content))
