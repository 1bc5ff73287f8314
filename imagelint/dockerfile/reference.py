"""Image references as the distribution project's grammar has them: `[domain/]path[:tag][@digest]`."""

from __future__ import annotations

import re

from imagelint.records import NamedTuple

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?))*(?::[0-9]+)?"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_IDENTIFIER = r"[a-f0-9]{64}"
#: A longer one is refused before it is matched.
_MAX = 1_024


def is_reference(text: str) -> bool:
    """Whether a text names an image, as `docker pull` would take it."""
    if len(text) > _MAX or re.fullmatch(_IDENTIFIER, text):
        return False
    name, _, digest = text.partition("@")
    if "@" in text and not re.fullmatch(_DIGEST, digest):
        return False
    if digest.startswith("sha256:") and len(digest) != len("sha256:") + 64:
        return False
    head, rest = _domain(name)
    if head and not re.fullmatch(_DOMAIN, head):
        return False
    path, colon, tag = rest.partition(":")
    if colon and not re.fullmatch(_TAG, tag):
        return False
    return len(path) <= 255 and all(re.fullmatch(_PART, part) for part in path.split("/"))


class ImageName(NamedTuple):
    """An image reference in its parts; an image whose registry is not named comes from docker.io."""

    registry: str
    path: str
    tag: str | None
    digest: str | None


def image_name(text: str) -> ImageName | None:
    """The parts of an image reference, as Docker tells the registry from the path; None where it is none."""
    if not is_reference(text):
        return None
    name, _, digest = text.partition("@")
    registry, rest = _domain(name)
    path, _, tag = rest.partition(":")
    registry = registry.lower() or "docker.io"
    return ImageName("docker.io" if registry == "index.docker.io" else registry, path, tag or None, digest or None)


def _domain(name: str) -> tuple[str, str]:
    """The registry that a name begins with, or nothing, and the rest: a first part that is no user's name is one."""
    head, slash, rest = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost" or head.lower() != head):
        return head, rest
    return "", name
