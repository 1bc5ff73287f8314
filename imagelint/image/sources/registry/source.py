"""An image in a registry as a source: only what is asked for is fetched, and nothing is written to disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from imagelint.errors import BrokenImageError
from imagelint.image.blob import Blob, unpacked
from imagelint.image.config import ImageConfig, parse_document
from imagelint.image.limits import MIB
from imagelint.image.sources.interface import Reading, StoredLayer, one_by_one
from imagelint.image.sources.layers import LayerTask, read_layers
from imagelint.image.sources.manifests import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    Manifest,
    check_digest,
    media_type,
    resolve,
)
from imagelint.image.sources.registry.client import Client
from imagelint.image.sources.registry.names import Name, parse
from imagelint.image.sources.registry.transport import Transport
from imagelint.image.tar_content import Chunk

_DOCUMENTS_BYTES = 64 * MIB  # kept while the platform is chosen


@dataclass(frozen=True, slots=True)
class Registry:
    """An image in a registry. `patience` bounds the seconds until its manifest is there, None for no bound."""

    reference: str
    name: str
    patience: float | None = None

    @contextmanager
    def open(self, reading: Reading) -> Iterator[OpenRegistry]:
        """Fetches manifest and configuration, those that no earlier run has seen; layers when they are asked for."""
        name = parse(self.name)
        transport = Transport(plain_http=reading.plain_http, patience=self.patience)
        try:
            manifest, client = self._manifest(name, transport, reading)
            transport.be_patient()
            yield OpenRegistry(client, self.reference, manifest, reading)
        finally:
            transport.close()

    def _manifest(self, name: Name, transport: Transport, reading: Reading) -> tuple[Manifest, Client]:
        client = Client(name, transport)
        limit = reading.limits.document_bytes
        seen: dict[str, bytes] = {}
        room = _DOCUMENTS_BYTES

        def find(wanted: Descriptor) -> bytes:
            nonlocal room
            content = seen.get(wanted.digest) or reading.documents.get(wanted.digest)
            if content is None:
                if wanted.media_type in (*INDEX_TYPES, *MANIFEST_TYPES):
                    content = client.manifest(wanted.digest, limit)[1]
                else:
                    content = client.document(wanted)
                check_digest(content, wanted.digest)
                reading.documents.put(wanted.digest, content)
            if wanted.digest not in seen:
                room -= len(content)
                if room < 0:
                    raise BrokenImageError(f"{self.name} has more than {_DOCUMENTS_BYTES:,} bytes of manifests")
            seen[wanted.digest] = content
            return content

        content = reading.documents.get(name.digest) if name.digest else None
        kind = ""
        if content is None:
            kind, content = client.manifest(name.version, limit)
        digest = name.digest or f"sha256:{sha256(content).hexdigest()}"
        check_digest(content, digest)
        reading.documents.put(digest, content)
        seen[digest] = content
        # A registry that is a heap of files gives all of them the same type; a type of old is to be told as that.
        if not kind.startswith("application/vnd."):
            kind = media_type(parse_document(content, "the manifest"))
        top = Descriptor(kind, digest, len(content))
        return resolve(top, find, reading, self.name), client


@dataclass(frozen=True, slots=True)
class OpenRegistry:
    """An image of a registry."""

    client: Client
    reference: str
    manifest: Manifest
    reading: Reading
    source: str = "registry"

    @property
    def config(self) -> ImageConfig:
        """The image's configuration."""
        return self.manifest.config

    @property
    def layers(self) -> tuple[StoredLayer, ...]:
        """The blobs that the manifest lists."""
        return self.manifest.stored

    def index(self, wanted: Collection[int]) -> dict[int, Blob]:
        """Fetches layers, several at a time, and indexes them while they come."""
        layers = self.manifest.layers
        tasks = {
            place: LayerTask(layers[place].digest, layers[place].size, partial(self.client.blob, layers[place]))
            for place in wanted
        }
        return read_layers(tasks, self.reference, self.reading)

    @contextmanager
    def tar(self, layer: int) -> Iterator[Iterable[Chunk]]:
        """A layer's uncompressed tar, fetched anew."""
        yield unpacked(self.client.blob(self.manifest.layers[layer]), self.reading.limits)

    def tars(self, layers: Collection[int]) -> Iterator[tuple[tuple[int, ...], Iterable[Chunk]]]:
        """The tars of layers, one by one."""
        return one_by_one(self, layers)

    def read_at(self, layer: int) -> None:
        """Blobs are compressed, and come as a stream."""
