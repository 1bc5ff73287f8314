"""OCI manifests and indexes, Docker's manifests and manifest lists, and the choice of a platform among them.

OCI image specification: manifest.md, image-index.md, descriptor.md; Docker's are the same with other media types.
Documents come from a `Find` function by their descriptors; each is held against its descriptor's size and digest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256, sha512

from imagelint.errors import BrokenImageError, InputError
from imagelint.image.config import ImageConfig, clip, parse_config, parse_document
from imagelint.image.sources.interface import Reading, StoredLayer
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
REF_NAME = "org.opencontainers.image.ref.name"
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
_ATTESTATION = "vnd.docker.reference.type"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_NESTED = 4  # indexes within indexes
_MANIFESTS = 10_000  # in all of them together
_PLATFORMS_SHOWN = 20
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "i686": "386", "i386": "386"}
# `armv7l` and the like: the architecture, and its variant.
_ARM = re.compile(r"armv([5-8])")
#: The variant that an architecture has where none is named.
_USUAL = {"arm64": "v8", "arm": "v7", "amd64": "v1"}


class Descriptor(NamedTuple):
    """What a document says of another one or of a blob: media type, digest, size in bytes, and what else it tells."""

    media_type: str
    digest: str
    size: int
    platform: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    urls: bool = False

    def annotation(self, name: str) -> str | None:
        """The value of an annotation."""
        return dict(self.annotations).get(name)


class Manifest(NamedTuple):
    """An image's manifest and configuration: `digest` is that of the manifest, `layers` are the blobs, lowest first."""

    digest: str
    config: ImageConfig
    layers: tuple[Descriptor, ...]

    @property
    def stored(self) -> tuple[StoredLayer, ...]:
        """The layers as sources name them."""
        return tuple(StoredLayer(each.digest, each.size) for each in self.layers)


Find = Callable[[Descriptor], bytes]
"""Gets a document by its descriptor; need not check it. Raises an InputError where it is not there."""


def host_platform() -> str:
    """The platform of this machine, as images are labelled: containers run on Linux wherever the engine is."""
    import platform  # brings much along, and most images have one platform

    machine = platform.machine().lower()
    if arm := _ARM.match(machine):
        return "linux/arm64" if arm[1] == "8" else f"linux/arm/v{arm[1]}"
    return f"linux/{_MACHINES.get(machine, machine)}"


def descriptor(value: Any, what: str) -> Descriptor:
    """Reads a descriptor; BrokenImageError where it is none."""
    if not isinstance(value, dict):
        raise BrokenImageError(f"{what} is no descriptor")
    digest, size = value.get("digest"), value.get("size")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise BrokenImageError(f"{what} has no digest that could be checked: {clip(str(digest))}")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 63:
        raise BrokenImageError(f"{what} has no size")
    told = value.get("annotations")
    annotations = tuple(
        (key, each) for key, each in (told.items() if isinstance(told, dict) else ()) if isinstance(each, str)
    )
    kind = value.get("mediaType")
    return Descriptor(
        kind if isinstance(kind, str) else "",
        digest,
        size,
        _platform(value.get("platform")),
        annotations,
        bool(value.get("urls")),
    )


def media_type(document: Any) -> str:
    """What a manifest or an index says that it is, or, where it does not say so, shows to be."""
    told = document.get("mediaType") if isinstance(document, dict) else None
    if told in INDEX_TYPES or told in MANIFEST_TYPES:
        return str(told)
    return INDEX_TYPES[0] if isinstance(document, dict) and "manifests" in document else MANIFEST_TYPES[0]


def document(found: Descriptor, find: Find, reading: Reading) -> bytes:
    """A document, of the size and digest that its descriptor says."""
    if found.size > reading.limits.document_bytes:
        raise BrokenImageError(f"{clip(found.digest)} has more than {reading.limits.document_bytes:,} bytes")
    content = find(found)
    if len(content) != found.size:
        raise BrokenImageError(f"{clip(found.digest)} has {len(content):,} bytes, not {found.size:,} as announced")
    check_digest(content, found.digest)
    return content


def check_digest(content: bytes, digest: str) -> None:
    """Raises BrokenImageError where bytes are not those of a digest."""
    algorithm = digest.partition(":")[0]
    actual = sha256(content).hexdigest() if algorithm == "sha256" else sha512(content).hexdigest()
    if f"{algorithm}:{actual}" != digest:
        raise BrokenImageError(f"{clip(digest)} is not what its name says: its digest is {algorithm}:{actual}")


def resolve(top: Descriptor, find: Find, reading: Reading, what: str, usual: str | None = None) -> Manifest:
    """The image that a manifest, or an index of manifests, leads to, for the platform that is read.

    Where none was asked for it is the `usual` one, or else this machine's.
    """
    return _manifest(_chosen([top], find, reading, what, usual), find, reading)


def resolve_index(content: bytes, find: Find, reading: Reading, what: str, tag: str | None) -> Manifest:
    """The image of an OCI layout's index.json: the one of a tag, or the only one."""
    entries = [entry for entry in _entries(content, "index.json") if not _is_attestation(entry)]
    if tag is not None:
        named = [entry for entry in entries if tag in (entry.annotation(REF_NAME), entry.digest)]
        if not named:
            raise InputError(f"{what}: no image is called {tag}", hint=_names(entries))
        entries = named
    digests = {entry.digest for entry in entries}
    platforms = {entry.platform for entry in entries}
    if len(digests) > 1 and len(platforms) < len(digests):
        raise InputError(
            f"{what} holds {len(entries)} images", hint=f"name one of them, as PATH:TAG; {_names(entries)}"
        )
    return _manifest(_chosen(entries, find, reading, what), find, reading)


def _chosen(
    entries: Sequence[Descriptor], find: Find, reading: Reading, what: str, usual: str | None = None
) -> Descriptor:
    """The manifest of the wanted platform; an index in the place of a manifest is looked into."""
    flat = list(_flat(entries, find, reading))
    if not flat:
        raise InputError(f"{what} holds no image")
    wanted = reading.platform or usual or host_platform()
    fitting = [each for each in flat if fits(_platform_of(each, find, reading), wanted)]
    known = list(dict.fromkeys(filter(None, (_platform_of(each, find, reading) for each in flat))))
    if fitting:
        if len(flat) > 1 and reading.platform is None:
            reading.say(f"{what} is there for {len(flat)} platforms; this is {wanted} (--platform chooses)")
        return fitting[0]
    if reading.platform is None and len(flat) == 1:
        if known:
            reading.say(f"{what} is for {known[0]}, not for this machine's {wanted}")
        return flat[0]
    shown = ", ".join(known[:_PLATFORMS_SHOWN]) or "none"
    raise InputError(f"{what} is not there for {wanted}", hint=f"--platform names one of: {shown}")


def _flat(entries: Sequence[Descriptor], find: Find, reading: Reading) -> Iterator[Descriptor]:
    """The manifests among descriptors, and those of the indexes among them.

    All of them are counted, since a few small indexes that name each other many times lead to billions.
    """
    count = 0
    waiting = [(entry, _NESTED) for entry in reversed(entries)]
    while waiting:
        entry, depth = waiting.pop()
        count += 1
        if count > _MANIFESTS:
            raise BrokenImageError(f"indexes lead to more than {_MANIFESTS:,} manifests")
        if _is_attestation(entry):
            continue
        if entry.media_type not in INDEX_TYPES:
            yield entry
            continue
        if not depth:
            raise BrokenImageError("indexes are nested too deeply")
        inner = _entries(document(entry, find, reading), entry.digest)
        waiting += [(each, depth - 1) for each in reversed(inner)]


def _entries(content: bytes, what: str) -> list[Descriptor]:
    index = parse_document(content, what)
    entries = index.get("manifests") if isinstance(index, dict) else None
    if not isinstance(entries, list):
        raise BrokenImageError(f"{clip(what)} lists no manifests")
    if len(entries) > _MANIFESTS:
        raise BrokenImageError(f"{clip(what)} lists {len(entries):,} manifests")
    return [descriptor(entry, f"a manifest in {clip(what)}") for entry in entries]


def _is_attestation(entry: Descriptor) -> bool:
    """What BuildKit puts beside an image: provenance and bills of material, which are none."""
    return entry.annotation(_ATTESTATION) is not None or entry.platform == "unknown/unknown"


def _platform_of(entry: Descriptor, find: Find, reading: Reading) -> str:
    """The platform of a manifest: its descriptor's, or else that of its configuration."""
    if entry.platform:
        return entry.platform
    try:
        return _manifest(entry, find, reading).config.platform
    except (InputError, BrokenImageError):
        return ""


def fits(offered: str, wanted: str) -> bool:
    """Whether a platform is the one that is wanted; a variant that is not named is the usual one."""
    if not offered:
        return False
    return _normal(offered) == _normal(wanted)


def _normal(name: str) -> tuple[str, str, str]:
    """Its parts, with the words of Go; an architecture alone is one of Linux, as `docker build --platform` has it."""
    os, slash, rest = name.lower().partition("/")
    architecture, _, variant = (rest if slash else os).partition("/")
    architecture = _MACHINES.get(architecture, architecture)
    return os if slash else "linux", architecture, variant or _USUAL.get(architecture, "")


def _manifest(entry: Descriptor, find: Find, reading: Reading) -> Manifest:
    if entry.media_type.startswith(_SCHEMA_1):
        raise InputError("the image has a manifest of the old schema 1", hint="push it again with a newer engine")
    manifest = parse_document(document(entry, find, reading), entry.digest)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("layers"), list):
        raise BrokenImageError(f"{clip(entry.digest)} is no image's manifest")
    if len(manifest["layers"]) > reading.limits.layers:
        raise BrokenImageError(
            f"the image has {len(manifest['layers']):,} layers; {reading.limits.layers:,} are allowed"
        )
    config = descriptor(manifest.get("config"), "the manifest's configuration")
    layers = tuple(descriptor(each, f"layer {place}") for place, each in enumerate(manifest["layers"]))
    content = document(config, find, reading)
    return Manifest(entry.digest, parse_config(content, config.digest), layers)


def _names(entries: Sequence[Descriptor]) -> str:
    names = [clip(name) for entry in entries if (name := entry.annotation(REF_NAME))]
    return f"the tags: {', '.join(names[:_PLATFORMS_SHOWN]) or 'none'}"


def _platform(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    parts = [value.get(key) for key in ("os", "architecture", "variant")]
    return "/".join(part for part in parts if isinstance(part, str) and part)
