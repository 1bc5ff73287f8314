"""Images in a Docker engine, read from its export (`GET /images/{id}/get`, what `docker save` prints) as it streams."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from imagelint.errors import BrokenImageError, EngineError, ImageNotFoundError
from imagelint.image.limits import MIB
from imagelint.image.model import Image
from imagelint.image.sources.docker_archive import read_image
from imagelint.image.sources.interface import Reading
from imagelint.image.sources.members import StreamMembers

if TYPE_CHECKING:
    from docker import APIClient

_TIMEOUT_SECONDS = 600  # an engine may stage a large export on its disk, and sends nothing meanwhile
_NOT_RUNNING = "start it (`systemctl start docker`, or Docker Desktop), or name an archive made with `docker save`"


@dataclass(frozen=True, slots=True)
class DockerEngine:
    """An image in the Docker engine that DOCKER_HOST, the current Docker context or the default socket leads to."""

    reference: str
    name: str

    def read(self, reading: Reading) -> Image:
        """Reads the image's export once, front to back; nothing is written to disk."""
        with _engine(self.reference) as client:
            description = client.inspect_image(self.name)  # type: ignore[no-untyped-call]
            # By id, so that a name without a tag does not export every tag, nor one re-tagged meanwhile another image.
            chunks = client.get_image(description.get("Id") or self.name, chunk_size=MIB)
            counted = _counted(chunks, self.reference, description.get("Size"), reading)
            try:
                return read_image(StreamMembers(counted, reading), self.reference, "docker", reading)
            except BrokenImageError as error:
                raise BrokenImageError(f"{self.reference}: {error.message}", hint=error.hint) from None


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
