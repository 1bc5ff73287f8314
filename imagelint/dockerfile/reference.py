"""Image references as the distribution project's grammar has them: `[domain/]path[:tag][@digest]`."""

from __future__ import annotations

import re

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
    head, slash, rest = name.partition("/")
    domain = slash and ("." in head or ":" in head or head == "localhost" or head.lower() != head)
    if domain and not re.fullmatch(_DOMAIN, head):
        return False
    path = rest if domain else name
    path, colon, tag = path.partition(":")
    if colon and not re.fullmatch(_TAG, tag):
        return False
    return len(path) <= 255 and all(re.fullmatch(_PART, part) for part in path.split("/"))
