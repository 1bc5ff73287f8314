"""What `docker save` writes: a tar of layers, a configuration, and a `manifest.json` that puts them in order.

Three writers are known: Docker before 25 (`<id>/layer.tar`, a repeated layer as a symbolic link), Docker since 25
(`blobs/sha256/<digest>`, an OCI layout with a manifest.json beside), and kaniko (`<digest>.tar.gz`). None is told by
its names: the manifest says which member is which, and a member's first bytes what it is.

A file is read in two passes, the manifest first, then the layers that it names. A stream is read once, as it comes:
whatever looks like a layer is indexed, since the manifest may come last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager

from imagelint.errors import BrokenImageError, InputError
from imagelint.image.blob import Blob
from imagelint.image.config import ImageConfig, clip, parse_config, parse_document
from imagelint.image.elf import ReadAt
from imagelint.image.sources.interface import Reading, StoredLayer, one_by_one
from imagelint.image.sources.members import Members, named_digest
from imagelint.image.tar_content import Chunk
from imagelint.records import TYPE_CHECKING, record

if TYPE_CHECKING:
    from typing import Any

MANIFEST = "manifest.json"
_TAGS_SHOWN = 20
_HINT = "imagelint reads what `docker save IMAGE -o FILE` writes"


@record
class OpenArchive:
    """An image of an archive; `names` are its layers' members."""

    source: str
    members: Members
    config: ImageConfig
    names: tuple[str, ...]
    layers: tuple[StoredLayer, ...]

    def index(self, wanted: Collection[int]) -> dict[int, Blob]:
        """Reads layers of the archive, or gives those that have passed by."""
        blobs = self.members.index(self.names[place] for place in wanted)
        return {place: blobs[self.names[place]] for place in wanted}

    def member(self, layer: int) -> str:
        """The name of the member that has a layer's bytes, links followed."""
        return self.members.followed(self.names[layer])

    def tar(self, layer: int) -> AbstractContextManager[Iterable[Chunk]]:
        """A layer's uncompressed tar, from the file."""
        return self.members.tar(self.names[layer])

    def tars(self, layers: Collection[int]) -> Iterator[tuple[tuple[int, ...], Iterable[Chunk]]]:
        """The tars of layers, one by one."""
        return one_by_one(self, layers)

    def read_at(self, layer: int) -> ReadAt | None:
        """What reads a plain layer at any place."""
        return self.members.read_at(self.names[layer])


def open_archive(
    members: Members, reference: str, source: str, reading: Reading, *, tag: str | None = None
) -> OpenArchive:
    """The image that an archive's manifest names."""
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
    config = parse_config(config_content, config_name)
    if reading.verify and named_digest(config_name) not in (None, config.id):
        raise BrokenImageError(f"{clip(config_name)} is not what its name says: its digest is {config.id}")
    if len(layer_names) > reading.limits.layers:
        raise BrokenImageError(f"the image has {len(layer_names):,} layers; {reading.limits.layers:,} are allowed")
    stored = tuple(members.stored(name) for name in layer_names)
    return OpenArchive(source, members, config, tuple(layer_names), stored)


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


def _strings(value: Any) -> list[str] | None:
    """A list of strings, for which Go writes null when it is empty; None for anything else."""
    if value is None:
        return []
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None
