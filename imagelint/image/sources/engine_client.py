"""Connections to container engines that speak Docker's API: Docker's own, and Podman's compatible socket."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from imagelint.errors import EngineError, ImageNotFoundError
from imagelint.image.limits import MIB

if TYPE_CHECKING:
    from docker import APIClient

_ANSWER_SECONDS = 60
_EXPORT_SECONDS = 600  # an engine may stage a large export on its disk, and sends nothing meanwhile
# What the SDK raises where an answer, or a file of the user's, is JSON of another shape than it expects.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)
_HINTS = {
    "docker": "start it (`systemctl start docker`, or Docker Desktop), or name an archive made with `docker save`",
    "podman": "start it (`systemctl --user start podman.socket`), or name an archive made with `podman save`",
}
_LATE_SECONDS = 5  # until a container is there that nobody waits for any more
LABEL = "org.imagelint.tar-split"
"""What the containers are labelled with that `Lender` makes."""

_CALLED = {"docker": "the Docker engine", "podman": "Podman"}


@contextmanager
def connected(kind: str, reference: str) -> Iterator[APIClient]:
    """A client of the engine `docker` or `podman`, with what goes wrong in it told as errors of our own.

    Raises ImageNotFoundError where the engine has not what is asked for, and EngineError for everything else.
    """
    # Imported late: the SDK takes longer to import than a Dockerfile to lint.
    import docker.errors
    import requests.exceptions
    import urllib3.exceptions

    engine = _CALLED[kind]
    client = None
    try:
        try:
            client = _docker() if kind == "docker" else _podman()
        except _UNREADABLE as error:
            raise EngineError(f"{engine} cannot be asked: {_reason(error)}", hint=_HINTS[kind]) from None
        yield client
    except docker.errors.ImageNotFound:
        raise ImageNotFoundError(
            f"{engine} has no image {reference}",
            hint=f"`{kind} pull {reference}` or build it, or name an archive made with `{kind} save`",
        ) from None
    except docker.errors.APIError as error:
        raise EngineError(f"{engine} answers for {reference}: {error.explanation or error}") from None
    except (docker.errors.DockerException, requests.exceptions.ConnectionError) as error:
        if client is None:
            raise EngineError(f"{engine} does not answer: {_reason(error)}", hint=_HINTS[kind]) from None
        raise EngineError(f"{engine} stopped answering: {_reason(error)}") from None
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise EngineError(f"{engine} stopped answering: {_reason(error)}") from None
    finally:
        if client is not None:
            client.close()


def inspected(client: APIClient, name: str) -> dict[str, Any]:
    """What the engine tells of an image. From here on it may take its time."""
    import docker.errors

    try:
        description = client.inspect_image(name)  # type: ignore[no-untyped-call]
    except docker.errors.DockerException:
        raise
    except _UNREADABLE:
        description = None
    if not isinstance(description, dict):
        raise EngineError(f"the engine answers for {name} with something that is none of its protocol")
    client.timeout = _EXPORT_SECONDS
    return description


def described(client: APIClient) -> dict[str, Any]:
    """What the engine tells of itself; of what is not told there is nothing."""
    import docker.errors

    try:
        description = client.info()
    except docker.errors.DockerException:
        raise
    except _UNREADABLE:
        description = None
    return description if isinstance(description, dict) else {}


def is_local(client: APIClient) -> bool:
    """Whether the engine is one behind a socket of this machine, so that its paths may be ours."""
    return client.base_url == "http+docker://localhost"


def streamed(client: APIClient, route: str, name: str, **parameters: str) -> Generator[bytes]:
    """What the engine sends for a route, in which `{0}` stands for a name, piece by piece; none may take for ever.

    Those of the SDK's own streams may: it takes the time limit off the socket.
    """
    import docker.errors
    import requests.exceptions

    # As the SDK asks, with the headers that its user has configured.
    response = client._get(  # type: ignore[attr-defined]
        client._url(route, name),  # type: ignore[attr-defined]
        params=parameters,
        stream=True,
        headers={"Accept-Encoding": "identity"},
    )
    with response:
        try:
            response.raise_for_status()
        except requests.exceptions.HTTPError as error:
            docker.errors.create_api_error_from_http_exception(error)
        yield from response.iter_content(MIB)


class Lender:
    """Lends files of the engine's, mounted read-only into a container that is made when one is first asked for.

    The container is never started; it is removed when the lender is closed. `paths` are the engine's own, by the names
    under which they are lent.
    """

    def __init__(self, client: APIClient, image: str, paths: Mapping[str, str]) -> None:
        self._client = client
        self._image = image
        self._paths = paths
        # A name of our own: what was made can be removed even where the engine's answer never came.
        self._name = f"imagelint-{token_hex(8)}"
        self._asked = self._made = False

    def archive(self, path: str) -> Generator[bytes]:
        """The tar of what was lent under a name, or of what is below one, or of all of it."""
        import docker.errors

        if not self._made:
            self._make()
        try:
            yield from streamed(
                self._client, "/containers/{0}/archive", self._name, path=f"/.{self._name}/{path}".rstrip("/")
            )
        except docker.errors.APIError as error:
            raise EngineError(f"the engine does not hand out what it has lent: {error.explanation or error}") from None

    def close(self) -> None:
        """Removes the container, if it was made, and the volumes that the image wants."""
        import docker.errors

        patience = time.monotonic() + (_LATE_SECONDS if self._asked and not self._made else 0)
        while self._asked:
            try:
                self._client.remove_container(self._name, v=True, force=True)
                self._asked = False
            except docker.errors.NotFound:
                # Who was interrupted before an answer came cannot know whether it is still to be made.
                if time.monotonic() >= patience:
                    return
                time.sleep(0.1)
            except docker.errors.APIError as error:
                raise EngineError(
                    f"the engine does not remove the container {self._name}: {error.explanation or error}",
                    hint=f"`docker rm --volumes {self._name}`",
                ) from None

    def _make(self) -> None:
        import docker.errors

        mounts = [
            {"Type": "bind", "Source": path, "Target": f"/.{self._name}/{name}", "ReadOnly": True}
            for name, path in self._paths.items()
        ]
        config = {
            "Image": self._image,
            "Cmd": ["never started"],  # without any command no container is made
            "Labels": {LABEL: "1"},
            "NetworkDisabled": True,
            "HostConfig": {"NetworkMode": "none", "Mounts": mounts},
        }
        self._asked = True
        try:
            self._client.create_container_from_config(config, self._name)  # type: ignore[no-untyped-call]
            self._made = True
        except docker.errors.APIError as error:
            self._asked = False
            raise EngineError(f"the engine does not lend its records: {error.explanation or error}") from None


def _docker() -> APIClient:
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
    return docker.APIClient(version="auto", timeout=_ANSWER_SECONDS, **settings)


def _podman() -> APIClient:
    """By CONTAINER_HOST, else the user's own socket, else the system's."""
    import docker

    host = os.environ.get("CONTAINER_HOST")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    sockets = [f"{runtime}/podman/podman.sock"] if runtime else []
    sockets.append("/run/podman/podman.sock")
    if not host:
        host = "unix://" + next((each for each in sockets if os.path.exists(each)), sockets[-1])
    if host.startswith("ssh://") and find_spec("paramiko") is None:
        raise EngineError("an engine behind ssh:// needs paramiko", hint="pip install 'docker[ssh]'")
    return docker.APIClient(base_url=host, version="auto", timeout=_ANSWER_SECONDS)


def _reason(error: BaseException) -> str:
    """What the system said, where it is below the libraries that pass it on; else what they say."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return str(error) or type(error).__name__
