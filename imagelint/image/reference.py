"""What a person names an image by, and where that leads.

`docker:NAME`, `oci:DIR[:TAG]` and the like force a source. `docker|podman|registry:X` is a prefix only where X has a
`/` or a `:`, since `docker:27` and `registry:2` are images; `scheme://X` always is one. A path that exists needs no
prefix, and `-` is standard input. Everything else is an image in the Docker engine, or, where that lacks it, in its
registry.
"""

from __future__ import annotations

# Engines and registries are imported where a reference leads there: an archive needs neither.
import os

from imagelint.errors import InputError, UsageError
from imagelint.image.sources.archive import STANDARD_INPUT, Archive
from imagelint.image.sources.interface import Source
from imagelint.image.sources.oci_layout import INDEX, OciLayout

_WORKS = "make an archive with `docker save IMAGE -o FILE` (or `podman save`) and name FILE"
# These would be images by their short names: `docker:27`.
_ALSO_IMAGES = frozenset(("docker", "podman", "registry"))
_ARCHIVES = frozenset(("docker-archive", "oci-archive"))
_SCHEMES = frozenset(("oci", *_ARCHIVES, *_ALSO_IMAGES))


def find_source(reference: str) -> Source:
    """The source that a reference leads to; whether the image is there shows when it is read.

    Raises UsageError for what can name no image, InputError for a path that is no archive.
    """
    scheme, rest = split(reference)
    if scheme is None:
        return _unprefixed(reference, rest)
    if not rest:
        raise UsageError(f"{reference} names no image", hint=f"put a name or a path behind {scheme}:")
    if scheme in ("docker", "podman"):
        from imagelint.image.sources.engine import Engine

        return Engine(reference, rest, scheme)
    if scheme == "registry":
        from imagelint.image.sources.registry.source import Registry

        return Registry(reference, rest)
    path, tag = _path_and_tag(rest)
    if scheme == "oci":
        return _layout(reference, path, tag)
    if os.path.isdir(path):
        raise InputError(f"{path} is a directory, not an image archive", hint=f"oci:{path} reads an OCI layout")
    return _archive(reference, path, tag, scheme)


def split(reference: str) -> tuple[str | None, str]:
    """The scheme of a reference, None where it has none, and the rest.

    >>> split("docker:27"), split("docker:library/debian"), split("docker://27")
    ((None, 'docker:27'), ('docker', 'library/debian'), ('docker', '27'))
    """
    if not reference or reference.isspace() or "\0" in reference:
        raise UsageError("no image is named")
    scheme, separator, rest = reference.partition("://")
    if separator:
        if scheme not in _SCHEMES:
            raise UsageError(f"{scheme}:// is no source of images", hint=f"there are: {', '.join(sorted(_SCHEMES))}")
        return scheme, rest
    if _is_path(reference):
        return None, reference
    scheme, separator, rest = reference.partition(":")
    if separator and scheme in _SCHEMES and (scheme not in _ALSO_IMAGES or "/" in rest or ":" in rest):
        return scheme, rest
    return None, reference


def _unprefixed(reference: str, rest: str) -> Source:
    path, tag = (rest, None) if _is_path(rest) or rest == "-" else _path_and_tag(rest)
    if rest == "-" or (_is_path(path) and not os.path.isdir(path)):
        return _archive(reference, path, tag, None)
    if _is_path(path):
        return _layout(reference, path, tag)
    if rest.startswith(("/", "./", "../", "~")) or rest.endswith((".tar", ".tar.gz", ".tgz", ".tar.zst")):
        raise InputError(f"no such file: {rest}")
    from imagelint.image.sources.anywhere import Anywhere

    return Anywhere(reference, rest)


def _archive(reference: str, path: str, tag: str | None, kind: str | None) -> Archive:
    if path != STANDARD_INPUT and not os.path.exists(path):
        raise InputError(f"no such file: {path}")
    return Archive(reference, path, tag, kind)


def _layout(reference: str, path: str, tag: str | None) -> OciLayout:
    if not os.path.isdir(path):
        what = "is a file" if os.path.exists(path) else "is not there"
        raise InputError(f"{path} {what}: an OCI layout is a directory", hint=f"oci-archive:{path} reads a tar of one")
    if not os.path.exists(os.path.join(path, INDEX)):
        raise InputError(f"{path} is no OCI layout: it has no {INDEX}", hint=_WORKS)
    return OciLayout(reference, path, tag)


def _path_and_tag(rest: str) -> tuple[str, str | None]:
    """`PATH` or `PATH:TAG`: the shortest path that exists, since a tag may have a colon in it too."""
    at = len(rest) if _is_path(rest) else rest.find(":")
    while 0 < at < len(rest):
        if _is_path(rest[:at]) or rest[:at] == "-":
            return rest[:at], rest[at + 1 :]
        at = rest.find(":", at + 1)
    return rest, None


def _is_path(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):
        return False
