"""What a person names an image by, and where that leads.

`docker:NAME`, `docker-archive:PATH[:TAG]` and the like force a source. `docker|podman|registry:X` is a prefix only
where X has a `/` or a `:`, since `docker:27` and `registry:2` are images; `scheme://X` always is one. A path that
exists needs no prefix. Everything else is an image in the Docker engine.
"""

from __future__ import annotations

import os
from pathlib import Path

from imagelint.errors import InputError, UsageError
from imagelint.image.sources.docker_archive import DockerArchive
from imagelint.image.sources.docker_engine import DockerEngine
from imagelint.image.sources.interface import Source

_WORKS = "make an archive with `docker save IMAGE -o FILE` (or `podman save`) and name FILE"
# These would be images by their short names: `docker:27`.
_ALSO_IMAGES = frozenset(("docker", "podman", "registry"))
_SCHEMES = frozenset(("docker-archive", "oci", "oci-archive", *_ALSO_IMAGES))


def find_source(reference: str) -> Source:
    """The source that a reference leads to; whether the image is there shows when it is read.

    Raises UsageError for what can name no image, InputError for a path that is no archive.
    """
    scheme, rest = split(reference)
    if scheme is None:
        path = Path(rest)
        if _is_path(path):
            return _archive(reference, path, None)
        if rest.startswith(("/", "./", "../", "~")) or rest.endswith((".tar", ".tar.gz", ".tgz")):
            raise InputError(f"no such file: {rest}")
        return DockerEngine(reference, rest)
    if not rest:
        raise UsageError(f"{reference} names no image", hint=f"put a name or a path behind {scheme}:")
    if scheme == "docker":
        return DockerEngine(reference, rest)
    if scheme == "docker-archive":
        return _archive(reference, *_path_and_tag(rest))
    raise UsageError(f"{scheme}: is not read yet", hint=_WORKS)


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
    if _is_path(Path(reference)):
        return None, reference
    scheme, separator, rest = reference.partition(":")
    if separator and scheme in _SCHEMES and (scheme not in _ALSO_IMAGES or "/" in rest or ":" in rest):
        return scheme, rest
    return None, reference


def _archive(reference: str, path: Path, tag: str | None) -> DockerArchive:
    if path.is_dir():
        if (path / "oci-layout").exists():
            raise UsageError(f"{path} is an OCI layout, which is not read yet", hint=_WORKS)
        raise InputError(f"{path} is a directory, not an image archive", hint=_WORKS)
    if not path.exists():
        raise InputError(f"no such file: {path}")
    return DockerArchive(reference, path, tag)


def _path_and_tag(rest: str) -> tuple[Path, str | None]:
    """`PATH` or `PATH:TAG`: the shortest path that exists, since a tag may have a colon in it too."""
    at = len(rest) if _is_path(Path(rest)) else rest.find(":")
    while 0 < at < len(rest):
        if _is_path(Path(rest[:at])):
            return Path(rest[:at]), rest[at + 1 :]
        at = rest.find(":", at + 1)
    return Path(rest), None


def _is_path(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):
        return False
