"""Where a name leads: which registry, which repository in it, and which tag or digest."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Any

from imagelint.errors import UsageError

HUB = "docker.io"
_HUB_HOST = "registry-1.docker.io"
# OCI distribution specification, "Pulling manifests"; a host as Docker's reference grammar has it.
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Name:
    """A registry as people call it (`docker.io`), a repository, and a tag or digest."""

    registry: str
    repository: str
    version: str

    @property
    def host(self) -> str:
        """The host, and perhaps port, that answers for the registry."""
        return _HUB_HOST if self.registry == HUB else self.registry

    @property
    def digest(self) -> str | None:
        """The digest, where the name has one."""
        return self.version if _DIGEST.fullmatch(self.version) else None


def parse(text: str) -> Name:
    """Reads `[HOST/]NAME[:TAG][@DIGEST]` as Docker does; raises UsageError for what names no image.

    >>> parse("debian")
    Name(registry='docker.io', repository='library/debian', version='latest')
    >>> parse("localhost:5000/a/b:1")
    Name(registry='localhost:5000', repository='a/b', version='1')
    """
    rest, at, digest = text.partition("@")
    first, slash, tail = rest.partition("/")
    registry = HUB
    if slash and (any(character in first for character in ".:[") or first == "localhost"):
        registry, rest = first.lower(), tail
    repository, colon, tag = rest.rpartition(":") if ":" in rest.rpartition("/")[2] else (rest, "", "latest")
    if registry in ("index.docker.io", _HUB_HOST):
        registry = HUB
    if registry == HUB and "/" not in repository:
        repository = f"library/{repository}"
    wrong = (
        (not _HOST.fullmatch(registry), "its registry is no host"),
        (not _REPOSITORY.fullmatch(repository) or len(repository) > 255, "its repository must be in small letters"),
        (bool(colon) and not _TAG.fullmatch(tag), "its tag is none"),
        (bool(at) and not _DIGEST.fullmatch(digest), "its digest is none"),
    )
    for is_wrong, why in wrong:
        if is_wrong:
            raise UsageError(
                f"{text} names no image in a registry: {why}", hint="such as registry.example.org/team/app:1"
            )
    return Name(registry, repository, digest or tag)


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine, told by its name alone."""
    bare = host.rpartition(":")[0] if re.search(r":[0-9]+$", host) and not host.endswith("]") else host
    bare = bare.strip("[]").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def is_inward(host: str) -> bool:
    """Whether a host is this machine or an address that only this machine or link knows, told by its name alone."""
    bare = host.strip("[]").rstrip(".").partition("%")[0]
    try:
        address: Any = ipaddress.ip_address(bare)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(bare))  # as the system reads 127.1 and 2130706433
        except (OSError, ValueError):
            return is_loopback(bare)
    address = getattr(address, "ipv4_mapped", None) or address
    return bool(address.is_loopback or address.is_link_local or address.is_unspecified)
