"""Images in a container engine, read from its export (`GET /images/{id}/get`, what `docker save` prints).

An engine gives no single layer, so that all of an image passes by, once, as a stream. Where an earlier run has seen the
image's documents, `inspect` alone tells which layers it has, and nothing is exported unless one of them is not known.

In Docker's older stores an image's id is the digest of its configuration, in containerd's that of its manifest, or of
an index of manifests: there the export is an OCI layout too, and it is the id that leads to the image. (Its
manifest.json has one platform alone, whichever others the engine holds.)

Who asks for it (`Reading.tar_split`) gets the sizes out of the records that Docker's older stores keep of their layers,
without an export.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagelint.errors import BrokenImageError, EngineError, InputError
from imagelint.image.blob import Blob, unpacked
from imagelint.image.config import ImageConfig, parse_config, parse_document
from imagelint.image.limits import MIB
from imagelint.image.sources.docker_archive import OpenArchive, open_archive
from imagelint.image.sources.engine_client import Lender, connected, described, inspected, is_local, streamed
from imagelint.image.sources.files import joined
from imagelint.image.sources.interface import OpenImage, Reading, StoredLayer
from imagelint.image.sources.layerdb import Records, places, shelf
from imagelint.image.sources.manifests import Descriptor, Find, Manifest, check_digest, fits, media_type, resolve
from imagelint.image.sources.members import StreamMembers, passing
from imagelint.image.sources.oci_layout import blob_name
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
        if reading.tar_split:  # an export in the records' place is to tell as much as they do
            reading = reading._replace(contents=True)
        with connected(self.kind, self.name) as client:
            description = inspected(client, self.name)
            identifier, size = description.get("Id"), description.get("Size")
            if not isinstance(identifier, str) or not identifier:
                raise EngineError(f"the engine gives no id for {self.name}")
            # By id, so that a name without a tag does not export every tag, nor one re-tagged meanwhile another image.
            export = _Export(client, self.kind, self.reference, self.name, identifier, size, _platform(description))
            with _records(export, description, reading) as records:
                found = _known(export, reading) or _recorded(export, records, reading)
                found = found or _EngineImage(export, reading, export.archive(reading))
                found.records = records
                self._check_platform(found.config.platform, reading)
                yield found

    def _check_platform(self, platform: str, reading: Reading) -> None:
        if reading.platform is not None and not fits(platform, reading.platform):
            has = f"{self.name} is there for {platform}, not for {reading.platform}"
            raise InputError(has, hint=f"`{self.kind} pull --platform {reading.platform} {self.name}`")


def _platform(description: Mapping[str, Any]) -> str | None:
    """The platform that the engine has chosen, if it says so."""
    parts = [description.get(key) for key in ("Os", "Architecture", "Variant")]
    return "/".join(part for part in parts if isinstance(part, str) and part) or None


@dataclass(frozen=True, slots=True)
class _Export:
    """An engine's export of one image."""

    client: APIClient
    kind: str
    reference: str
    name: str
    identifier: str
    size: Any
    platform: str | None

    @property
    def digest(self) -> str:
        """The image's id as a digest; Podman leaves the algorithm out."""
        return self.identifier if ":" in self.identifier else f"sha256:{self.identifier}"

    def chunks(self, reading: Reading) -> Iterator[bytes]:
        """The export, once, front to back; nothing is written to disk."""
        # The engine's size is that of the files; the export is a little larger, so that it says about where we are.
        total = self.size if isinstance(self.size, int) and self.size > 0 else None
        done = 0
        for chunk in joined(streamed(self.client, "/images/{0}/get", self.identifier), MIB):
            done += len(chunk)
            reading.report(self.reference, done, max(done, total) if total else None)
            yield chunk

    def archive(self, reading: Reading) -> OpenArchive:
        """The image, all of it read; its documents are kept for later runs."""
        members = StreamMembers(self._refusals_told(reading), self.reference, reading)
        manifest = self._manifest(members, reading)
        if manifest is not None:
            names = tuple(blob_name(layer.digest) for layer in manifest.layers)
            return OpenArchive(self.kind, members, manifest.config, names, manifest.stored)
        archive = open_archive(members, self.reference, self.kind, reading)
        if reading.verify:
            reading.documents.put(archive.config.id, archive.config.content)
        return archive

    def resolve(self, content: bytes, document: Any, find: Find, reading: Reading) -> Manifest:
        """The manifest that the image's id leads to, whose document is given."""
        top = Descriptor(media_type(document), self.digest, len(content))
        said: list[str] = []
        found = resolve(top, find, reading._replace(notice=said.append), self.name, self.platform)
        for sentence in said:  # not before, since what fails is tried in another way
            reading.say(sentence)
        return found

    def _manifest(self, members: StreamMembers, reading: Reading) -> Manifest | None:
        """The manifest in an export, if the id leads to one; it and all on the way there are kept for later runs."""

        def find(wanted: Descriptor) -> bytes:
            found = members.blob_document(wanted.digest)
            check_digest(found, wanted.digest)
            if reading.verify:
                reading.documents.put(wanted.digest, found)
            return found

        try:
            content = members.blob_document(self.digest)
            document = parse_document(content, self.digest)
            return None if _is_config(document) else self.resolve(content, document, find, reading)
        except BrokenImageError:
            raise
        except InputError:
            return None  # the id of a configuration in an older layout, or an index whose platform is not there

    def _refusals_told(self, reading: Reading) -> Iterator[bytes]:
        """The export; the engine's refusal to make one is told as that."""
        import docker.errors

        try:
            yield from self.chunks(reading)
        except docker.errors.ImageNotFound:
            raise
        except docker.errors.NotFound as error:
            # The containerd store asks for all that an index names, and may have been given less.
            raise EngineError(
                f"{self.name} cannot be exported: {error.explanation or error}",
                hint=f"`{self.kind} pull {self.name}` brings what is missing; registry:NAME reads without an engine",
            ) from None


@dataclass(slots=True)
class _EngineImage:
    """An image of an engine, whose export has passed by (`archive`) or has not been asked for yet.

    Its layers may be in `records` too, which are asked first.
    """

    export: _Export
    reading: Reading
    archive: OpenArchive | None = None
    known: tuple[ImageConfig, tuple[StoredLayer, ...]] | None = field(default=None)
    records: Records | None = None

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
        """Reads the records, or the export, if it has not been read."""
        if self.records is not None and self.archive is None:
            total = self.export.size if isinstance(self.export.size, int) else None
            try:
                return self.records.index(self.config, wanted, self.export.reference, total, self.reading)
            except EngineError as error:
                self.reading.say(_exported(error))
        return self._archive().index(wanted)

    @contextmanager
    def tar(self, layer: int) -> Iterator[Iterable[Chunk]]:
        """A layer's uncompressed tar: the image is exported again, and all but the layer passed over."""
        for _, chunks in self.tars([layer]):
            yield chunks

    def tars(self, layers: Collection[int]) -> Iterator[tuple[tuple[int, ...], Iterable[Chunk]]]:
        """The tars of layers, of one export more."""
        places: dict[str, tuple[int, ...]] = {}
        for layer in layers:
            name = self._archive().member(layer)
            places[name] = (*places.get(name, ()), layer)
        if places:
            for name, chunks in passing(self.export.chunks(self.reading), places):
                yield places[name], unpacked(chunks, self.reading.limits)

    def read_at(self, layer: int) -> None:
        """An export passes by."""

    def _archive(self) -> OpenArchive:
        if self.archive is None:
            self.archive = self.export.archive(self.reading)
            if self.known is not None and self.archive.config.id != self.known[0].id:
                raise BrokenImageError(f"{self.export.name} is exported as another image than it was before")
        return self.archive


def _is_config(document: Any) -> bool:
    """Whether a document is an image's configuration."""
    return isinstance(document, dict) and "rootfs" in document


@contextmanager
def _records(export: _Export, description: Mapping[str, Any], reading: Reading) -> Iterator[Records | None]:
    """The engine's records of an image, where they are asked for; None where there are none, which is said."""
    if not reading.tar_split or export.kind != "docker":
        yield None
        return
    engine, system = described(export.client), description.get("RootFS")
    try:
        if "io.containerd" in str(engine.get("DriverStatus")):
            raise EngineError("the engine keeps its images in containerd's store, without such records")
        # Of an image without layers it is left out.
        diff_ids = system.get("Layers", []) if isinstance(system, dict) else None
        found = places(engine.get("DockerRootDir"), engine.get("Driver"), export.digest, diff_ids)
    except EngineError as error:
        reading.say(_exported(error))
        yield None
        return
    with closing(Lender(export.client, export.identifier, found.paths)) as lender:
        yield Records(found, shelf(found, lender, local=is_local(export.client)))


def _recorded(export: _Export, records: Records | None, reading: Reading) -> _EngineImage | None:
    """The image as the engine's records have it; None where it cannot be read there, which is said."""
    if records is None:
        return None
    try:
        config = records.config(reading)
    except EngineError as error:
        reading.say(_exported(error))
        return None
    return _EngineImage(export, reading, known=(config, (StoredLayer(),) * len(config.diff_ids)))


def _exported(error: EngineError) -> str:
    return f"{error.message}; it exports the image"


def _known(export: _Export, reading: Reading) -> _EngineImage | None:
    """The image as an earlier run has seen it; None where it has not."""
    content = reading.documents.get(export.digest)
    if content is None:
        return None
    document = parse_document(content, export.digest)
    if _is_config(document):
        config = parse_config(content, export.digest)
        return _EngineImage(export, reading, known=(config, (StoredLayer(),) * len(config.diff_ids)))

    def find(wanted: Descriptor) -> bytes:
        found = reading.documents.get(wanted.digest)
        if found is None:
            raise InputError(f"{wanted.digest} is not known")
        return found

    try:
        manifest = export.resolve(content, document, find, reading)
    except InputError:
        return None
    return _EngineImage(export, reading, known=(manifest.config, manifest.stored))
