"""Images in a Docker engine, read from its export (`GET /images/{id}/get`, what `docker save` prints) as it streams."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from imagelint.errors import EngineError, ImageNotFoundError
from imagelint.image.blob import Blob
from imagelint.image.config import ImageConfig, parse_config
from imagelint.image.limits import MIB
from imagelint.image.sources.docker_archive import OpenArchive, open_archive
from imagelint.image.sources.interface import OpenImage, Reading, StoredLayer
from imagelint.image.sources.members import StreamMembers
from imagelint.image.tar import Chunk

if TYPE_CHECKING:
    from docker import APIClient

_TIMEOUT_SECONDS = 600  # an engine may stage a large export on its disk, and sends nothing meanwhile
_NOT_RUNNING = "start it (`systemctl start docker`, or Docker Desktop), or name an archive made with `docker save`"


@dataclass(frozen=True, slots=True)
class DockerEngine:
    """An image in the Docker engine that DOCKER_HOST, the current Docker context or the default socket leads to."""

    reference: str
    name: str

    @contextmanager
    def open(self, reading: Reading) -> Iterator[OpenImage]:
        """Asks the engine for the image; what it is made of comes from its export, where no earlier run knows it."""
        with _engine(self.reference) as client:
            description = client.inspect_image(self.name)  # type: ignore[no-untyped-call]
            identifier = description.get("Id") or self.name
            # By id, so that a name without a tag does not export every tag, nor one re-tagged meanwhile another image.
            export = _Export(client, self.reference, identifier, description.get("Size"))
            known = reading.documents.get(identifier)
            if known is not None:
                yield _KnownImage(parse_config(known, identifier), export, reading)
                return
            archive = export.read(reading)
            if reading.verify:
                reading.documents.put(archive.config.id, archive.config.content)
            yield archive


@dataclass(frozen=True, slots=True)
class _Export:
    """An engine's export of one image."""

    client: APIClient
    reference: str
    identifier: str
    size: Any

    def read(self, reading: Reading) -> OpenArchive:
        """Reads the export once, front to back; nothing is written to disk."""
        chunks = self.client.get_image(self.identifier, chunk_size=MIB)
        counted = _counted(chunks, self.reference, self.size, reading)
        return open_archive(StreamMembers(counted, self.reference, reading), self.reference, "docker", reading)


@dataclass(slots=True)
class _KnownImage:
    """An image whose configuration an earlier run has seen: exported only where one of its layers is not known."""

    config: ImageConfig
    export: _Export
    reading: Reading
    source: str = "docker"

    @property
    def layers(self) -> tuple[StoredLayer, ...]:
        """An engine keeps layers uncompressed."""
        return (StoredLayer(),) * len(self.config.diff_ids)

    def index(self, wanted: Collection[int]) -> Mapping[int, Blob]:
        """Reads the export."""
        return self.export.read(self.reading).index(wanted)

    def tar(self, layer: int) -> AbstractContextManager[Iterable[Chunk]]:
        """An export has passed by when its end is known."""
        return self.export.read(self.reading).tar(layer)


def _counted(chunks: Iterable[bytes], what: str, size: Any, reading: Reading) -> Iterator[bytes]:
    # The engine's size is that of the files; the export is a little larger, so that it says about where we are.
    total = size if isinstance(size, int) and size > 0 else None
    done = 0
    for chunk in chunks:
        done += len(chunk)
        reading.report(what, done, max(done, total) if total else None)
        yield chunk


@contextmanager
def _engine(reference: str) -> Iterator[APIClient]:
    """A client of the engine, with what goes wrong in it told as errors of our own."""
    # Imported late: the SDK takes longer to import than a Dockerfile to lint.
    import docker.errors
    import requests.exceptions
    import urllib3.exceptions

    client = None
    try:
        client = _connect()
        yield client
    except docker.errors.ImageNotFound:
        raise ImageNotFoundError(
            f"the Docker engine has no image {reference}",
            hint=f"`docker pull {reference}` or build it, or name an archive made with `docker save`",
        ) from None
    except docker.errors.APIError as error:
        raise EngineError(f"the Docker engine answers for {reference}: {error.explanation or error}") from None
    except (docker.errors.DockerException, requests.exceptions.ConnectionError) as error:
        if client is None:
            raise EngineError(f"the Docker engine does not answer: {_reason(error)}", hint=_NOT_RUNNING) from None
        raise EngineError(f"the Docker engine stopped answering: {_reason(error)}") from None
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise EngineError(f"the Docker engine stopped answering: {_reason(error)}") from None
    finally:
        if client is not None:
            client.close()


def _connect() -> APIClient:
    """As the docker command does: DOCKER_HOST, else DOCKER_CONTEXT or the configured context, else the default."""
    import docker
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    settings: dict[str, Any] = dict(kwargs_from_env())
    if "base_url" not in settings:
        name = os.environ.get("DOCKER_CONTEXT") or None
        context = ContextAPI.get_context(name)
        if context is None:
            raise docker.errors.ContextNotFound(name or "")
        settings = {"base_url": context.Host, "tls": context.TLSConfig or False}
    if str(settings.get("base_url")).startswith("ssh://") and find_spec("paramiko") is None:
        raise EngineError("an engine behind ssh:// needs paramiko", hint="pip install 'docker[ssh]'")
    return docker.APIClient(version="auto", timeout=_TIMEOUT_SECONDS, **settings)


def _reason(error: BaseException) -> str:
    """What the system said, where it is below the libraries that pass it on; else what they say."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return str(error) or type(error).__name__
