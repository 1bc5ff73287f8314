"""Who one is to a registry: what `docker login` and `podman login` have left, in files or with helpers."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagelint.errors import RegistryError
from imagelint.image.sources.registry.names import HUB

_HUB_KEY = "https://index.docker.io/v1/"
_HELPER_SECONDS = 30
_FILE_BYTES = 1_000_000
# A helper of this name would be a path.
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TOKEN_USER = "<token>"  # noqa: S105 - what helpers call themselves who give an identity token


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, or an identity token that stands for both."""

    user: str = ""
    password: str = ""
    token: str = ""


def find(registry: str) -> Credentials | None:
    """The credentials of a registry; None where nobody is logged in. RegistryError where a helper fails."""
    keys = _keys(registry)
    for path in _files():
        document = _read(path)
        helpers = _mapping(document.get("credHelpers"))
        helper = next((helpers[key] for key in keys if key in helpers), document.get("credsStore"))
        auths = _mapping(document.get("auths"))
        given = {_bare(key): value for key, value in reversed(auths.items())} | dict(auths)
        for key in keys:
            entry = _mapping(given.get(key, given.get(_bare(key))))
            found = _of_entry(entry)
            if found is not None:
                return found
        if isinstance(helper, str):
            for key in keys:
                found = _asked(helper, key)
                if found is not None:
                    return found
    return None


def _keys(registry: str) -> list[str]:
    """What a registry is called in these files."""
    return [_HUB_KEY, HUB, "index.docker.io"] if registry == HUB else [registry, f"https://{registry}"]


def _bare(key: str) -> str:
    """A key without scheme and path, since both were written at some time."""
    return re.sub(r"^https?://", "", key).partition("/")[0]


def _files() -> Iterator[Path]:
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    folder = os.environ.get("DOCKER_CONFIG")
    yield Path(folder, "config.json") if folder else Path.home() / ".docker" / "config.json"
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "containers", "auth.json")


def _read(path: Path) -> dict[str, Any]:
    """A file that is not there says nothing; one that is none of these is not to be guessed at."""
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES)
    except OSError:
        return {}
    try:
        return _mapping(json.loads(content))
    except (ValueError, RecursionError):
        raise RegistryError(f"{path} is not JSON", hint="`docker login` writes it") from None


def _of_entry(entry: dict[str, Any]) -> Credentials | None:
    token = entry.get("identitytoken")
    if isinstance(token, str) and token:
        return Credentials(token=token)
    auth = entry.get("auth")
    if not isinstance(auth, str) or not auth:
        return None
    try:
        user, colon, password = base64.b64decode(auth).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return Credentials(user, password.rstrip("\0")) if colon else None


def _asked(helper: str, key: str) -> Credentials | None:
    """What `docker-credential-HELPER get` answers; None where it knows nobody, or is not installed."""
    if not _HELPER.fullmatch(helper):
        raise RegistryError(f"the credential helper {helper[:60]} is no name of a program")
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [program, "get"], input=key.encode(), capture_output=True, timeout=_HELPER_SECONDS, check=False
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired:
        raise RegistryError(f"{program} has not answered for {_HELPER_SECONDS} seconds") from None
    except OSError as error:
        raise RegistryError(f"{program} cannot be run: {error.strerror or error}") from None
    if done.returncode:
        return None
    try:
        answer = _mapping(json.loads(done.stdout[:_FILE_BYTES]))
    except ValueError:
        raise RegistryError(f"{program} answers with something that is not JSON") from None
    user, secret = answer.get("Username"), answer.get("Secret")
    if not isinstance(user, str) or not isinstance(secret, str):
        return None
    return Credentials(token=secret) if user == _TOKEN_USER else Credentials(user, secret)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
