"""What `docker save` writes: a tar of layers, a configuration, and a `manifest.json` that puts them in order.

Three writers are known: Docker before 25 (`<id>/layer.tar`, a repeated layer as a symbolic link), Docker since 25
(`blobs/sha256/<digest>`, an OCI layout with a manifest.json beside), and kaniko (`<digest>.tar.gz`). None is told by
its names: the manifest says which member is which, and a member's first bytes what it is.

A file is read in two passes, the manifest first, then the layers that it names. A stream is read once, as it comes:
whatever looks like a layer is indexed, since the manifest may come last.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from imagelint.errors import BrokenImageError, InputError
from imagelint.image.blob import decompressed, is_compressed, peek
from imagelint.image.config import assemble, clip, parse_config, parse_document
from imagelint.image.model import Image
from imagelint.image.sources.files import CHUNK_BYTES
from imagelint.image.sources.interface import Reading
from imagelint.image.sources.members import FileMembers, Members, StreamMembers
from imagelint.image.tar import BLOCK_BYTES, Chunk, is_header

_TAGS_SHOWN = 20
_HINT = "imagelint reads what `docker save IMAGE -o FILE` writes"
# The digest that a member is named by: blobs/sha256/<digest>, <digest>.json, sha256:<digest>.
_DIGEST_NAME = re.compile(r"(?:^|[/:])([0-9a-f]{64})(?:\.json)?$")


@dataclass(frozen=True, slots=True)
class DockerArchive:
    """A `docker save` archive in a file, plain or compressed. `tag` chooses among several images in it."""

    reference: str
    path: Path
    tag: str | None = None

    def read(self, reading: Reading) -> Image:
        """Reads the archive's image: in two passes where the file can seek and is not compressed, else in one."""
        try:
            with self.path.open("rb", buffering=0) as file:
                members = self._members(file.fileno(), file.seekable(), reading)
                return read_image(members, self.reference, "docker-archive", reading, tag=self.tag)
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror or error}") from None
        except BrokenImageError as error:
            raise BrokenImageError(f"{self.path}: {error.message}", hint=error.hint) from None

    def _members(self, descriptor: int, seekable: bool, reading: Reading) -> Members:
        size = os.fstat(descriptor).st_size if seekable else None
        if size is not None and is_header(os.pread(descriptor, BLOCK_BYTES, 0)):
            return FileMembers(descriptor, size, self.reference, reading)
        start, chunks = peek(_read_chunks(descriptor, size, self.reference, reading), BLOCK_BYTES)
        if is_compressed(start):
            start, chunks = peek(decompressed(start, chunks), BLOCK_BYTES)
        if not is_header(start):
            raise InputError(f"{self.path} is not an image archive", hint=_HINT)
        return StreamMembers(chunks, reading)


def read_image(members: Members, reference: str, source: str, reading: Reading, *, tag: str | None = None) -> Image:
    """The image that an archive's manifest names, its layers verified as far as `reading` asks for it."""
    content = members.document("manifest.json")
    if content is None:
        raise InputError(f"{reference} is not an image archive: it has no manifest.json", hint=_HINT)
    entry = _choose(parse_document(content, "manifest.json"), tag, reference)
    config_name, layer_names = entry.get("Config"), _strings(entry.get("Layers"))
    if not isinstance(config_name, str) or layer_names is None:
        raise BrokenImageError("manifest.json names no configuration or no layers")
    config_content = members.document(config_name)
    if config_content is None:
        raise BrokenImageError(f"the archive lacks the configuration {clip(config_name)}")
    if reading.verify:
        _check_name(config_name, sha256(config_content).hexdigest())
    config = parse_config(config_content, config_name)
    blobs = members.layers(layer_names)
    for name, blob in zip(layer_names, blobs, strict=True):
        if blob.digest is not None:
            _check_name(name, blob.digest.removeprefix("sha256:"))
    return assemble(reference, source, config, blobs, verified=reading.verify, limits=reading.limits)


def _choose(manifest: Any, tag: str | None, reference: str) -> dict[str, Any]:
    """The manifest's entry for a tag, or its only one."""
    if not isinstance(manifest, list) or not manifest or not all(isinstance(entry, dict) for entry in manifest):
        raise BrokenImageError("manifest.json lists no image")
    entries: list[dict[str, Any]] = manifest
    tags = [_strings(entry.get("RepoTags")) or [] for entry in entries]
    if tag is not None:
        entries = [entry for entry, names in zip(entries, tags, strict=True) if tag in names]
    if len(entries) == 1:
        return entries[0]
    named = ", ".join([clip(name) for names in tags for name in names][:_TAGS_SHOWN]) or "none"
    if tag is not None:
        count = len(entries) or "no"
        raise InputError(f"{reference}: the archive has {count} images of the tag {tag}", hint=f"its tags: {named}")
    raise InputError(
        f"{reference}: the archive has {len(entries)} images",
        hint=f"name one of them, as docker-archive:PATH:TAG; the tags: {named}",
    )


def _check_name(name: str, digest: str) -> None:
    """A member that is named by its digest must have it."""
    match = _DIGEST_NAME.search(name)
    if match and match[1] != digest:
        raise BrokenImageError(f"{clip(name)} is not what its name says: its digest is sha256:{digest}")


def _strings(value: Any) -> list[str] | None:
    """A list of strings, for which Go writes null when it is empty; None for anything else."""
    if value is None:
        return []
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


def _read_chunks(descriptor: int, size: int | None, what: str, reading: Reading) -> Iterator[Chunk]:
    done = 0
    while chunk := os.read(descriptor, CHUNK_BYTES):
        done += len(chunk)
        reading.report(what, done, size)
        yield chunk
