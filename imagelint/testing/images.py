"""For tests of one's own: images made in memory, as `docker save` writes them, and as OCI layouts."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Self

Layout = Literal["legacy", "blobs"]
Compression = Literal["gzip", "zstd", "xz", "bzip2"] | None


@dataclass(frozen=True, slots=True)
class Media:
    """The media types of one kind of registry."""

    index: str
    manifest: str
    config: str
    layer: str


OCI = Media(
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar",
)
DOCKER = Media(
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
)

_EPOCH = "2024-01-01T00:00:00Z"


class LayerBuilder:
    """A layer, entry by entry, in the order in which they are put in.

    >>> layer = LayerBuilder().directory("etc").file("etc/motd", b"hello").whiteout("tmp/old")
    """

    def __init__(self, *, format: int = tarfile.PAX_FORMAT) -> None:  # noqa: A002 (tarfile's word)
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=format, errors="surrogateescape")  # noqa: SIM115
        self._bytes: bytes | None = None

    def file(self, path: str, content: bytes | int = b"", **attributes: Any) -> Self:
        """A regular file with this content, or with that many zeros. Attributes are those of `tarfile.TarInfo`."""
        content = bytes(content) if isinstance(content, int) else content
        return self.entry(path, tarfile.REGTYPE, content, **attributes)

    def directory(self, path: str, **attributes: Any) -> Self:
        """A directory; those above it are not made."""
        return self.entry(path, tarfile.DIRTYPE, **{"mode": 0o755, **attributes})

    def symlink(self, path: str, target: str, **attributes: Any) -> Self:
        """A symbolic link."""
        return self.entry(path, tarfile.SYMTYPE, linkname=target, **attributes)

    def hardlink(self, path: str, target: str, **attributes: Any) -> Self:
        """A further path of a file that is in the layer already."""
        return self.entry(path, tarfile.LNKTYPE, linkname=target, **attributes)

    def whiteout(self, path: str) -> Self:
        """Removes a path of the layers below."""
        directory, slash, name = path.rpartition("/")
        return self.file(f"{directory}{slash}.wh.{name}")

    def opaque(self, directory: str) -> Self:
        """Lets nothing of the layers below show through in a directory."""
        return self.file(f"{directory}/.wh..wh..opq".lstrip("/"))

    def entry(self, path: str, kind: bytes, content: bytes = b"", **attributes: Any) -> Self:
        """Any entry that a tar can have."""
        info = tarfile.TarInfo(path)
        info.type = kind
        info.size = len(content)
        for name, value in attributes.items():
            setattr(info, name, value)
        self._tar.addfile(info, io.BytesIO(content))
        return self

    def tar(self) -> bytes:
        """The layer's uncompressed tar; nothing can be added afterwards."""
        if self._bytes is None:
            self._tar.close()
            self._bytes = self._buffer.getvalue()
        return self._bytes


class ImageBuilder:
    """An image, layer by layer; `archive` writes it. Layers and configuration can be told lies for tests.

    >>> image = ImageBuilder("example:1").layer(LayerBuilder().file("a", 1000), "RUN make").empty("CMD ['a']")
    >>> archive = image.archive()
    """

    def __init__(self, *tags: str, architecture: str = "amd64", labels: dict[str, str] | None = None) -> None:
        self.tags = tags
        self.layers: list[bytes] = []
        self.history: list[dict[str, Any]] = []
        self.architecture = architecture
        self.labels = labels or {}

    def layer(self, layer: LayerBuilder | bytes, command: str = "RUN build", **history: Any) -> Self:
        """A layer on top, given as a builder or as its tar, and the command of its history."""
        self.layers.append(layer if isinstance(layer, bytes) else layer.tar())
        self.history.append({"created": _EPOCH, "created_by": command, **history})
        return self

    def empty(self, command: str) -> Self:
        """A history entry that made no layer, as of ENV or CMD."""
        self.history.append({"created": _EPOCH, "created_by": command, "empty_layer": True})
        return self

    def config(self) -> dict[str, Any]:
        """The image's configuration, as it will be written."""
        return {
            "architecture": self.architecture,
            "os": "linux",
            "config": {"Labels": self.labels},
            "created": _EPOCH,
            "history": self.history,
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in self.layers]},
        }

    def archive(self, *, layout: Layout = "blobs", compression: Compression = None) -> bytes:
        """The image as `docker save` writes it: `legacy` before Docker 25, `blobs` since."""
        return archive(self, layout=layout, compression=compression)

    def save(self, path: Path, *, layout: Layout = "blobs", compression: Compression = None) -> Path:
        """Writes the archive to a file, and returns its path."""
        path.write_bytes(self.archive(layout=layout, compression=compression))
        return path


def archive(*images: ImageBuilder, layout: Layout = "blobs", compression: Compression = None) -> bytes:
    """Several images in one archive, the manifest last, as both layouts have it."""
    members: dict[str, bytes | str] = {}  # a string is the target of a symbolic link
    manifest = []
    for image in images:
        config = json.dumps(image.config()).encode()
        write = _legacy_layers if layout == "legacy" else _blob_layers
        names = write(image, members, compression)
        config_name = f"{_hex(config)}.json" if layout == "legacy" else f"blobs/sha256/{_hex(config)}"
        members[config_name] = config
        manifest.append({"Config": config_name, "RepoTags": list(image.tags) or None, "Layers": names})
    if layout == "blobs":
        members["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
        members["index.json"] = b'{"schemaVersion": 2, "manifests": []}'
    members["manifest.json"] = json.dumps(manifest).encode()
    return tar_of(members)


def layout(*images: ImageBuilder, compression: Compression = "gzip", media: Media = OCI) -> dict[str, bytes]:
    """The files of an OCI layout by name, an index entry an image, with its platform and, if it has one, its tag.

    An image of several platforms is several images of one tag.
    """
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    entries = [image_entry(image, files, compression, media) for image in images]
    files["index.json"] = _document({"schemaVersion": 2, "mediaType": media.index, "manifests": entries})
    return files


def image_entry(
    image: ImageBuilder, files: dict[str, bytes], compression: Compression, media: Media = OCI
) -> dict[str, Any]:
    """Puts an image's blobs among files, and gives the descriptor of its manifest."""
    layer_type = f"{media.layer}+{compression}" if compression and media is OCI else media.layer
    layers = [_stored(_compressed(layer, compression), layer_type, files) for layer in image.layers]
    manifest = {
        "schemaVersion": 2,
        "mediaType": media.manifest,
        "config": _stored(_document(image.config()), media.config, files),
        "layers": layers,
    }
    entry = _stored(_document(manifest), media.manifest, files)
    entry["platform"] = {"os": "linux", "architecture": image.architecture}
    if image.tags:
        entry["annotations"] = {"org.opencontainers.image.ref.name": image.tags[0]}
    return entry


def _stored(content: bytes, media_type: str, files: dict[str, bytes]) -> dict[str, Any]:
    """Puts a blob among files, and gives its descriptor."""
    files[f"blobs/sha256/{_hex(content)}"] = content
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _document(value: object) -> bytes:
    return json.dumps(value).encode()


def write(files: Mapping[str, bytes], folder: Path) -> Path:
    """Writes files into a folder, and returns it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def tar_of(members: Mapping[str, bytes | str]) -> bytes:
    """A tar of files, by name and content; a string instead of content is the target of a symbolic link."""
    builder = LayerBuilder()
    for name, content in members.items():
        if isinstance(content, str):
            builder.symlink(name, content)
        else:
            builder.file(name, content)
    return builder.tar()


def _legacy_layers(image: ImageBuilder, members: dict[str, bytes | str], compression: Compression) -> list[str]:
    """`<id>/layer.tar`; a layer that comes again is a symbolic link to where it came first."""
    names: list[str] = []
    first: dict[bytes, str] = {}
    for place, layer in enumerate(image.layers):
        chain = "".join(_hex(below) for below in image.layers[: place + 1])
        identifier = _hex(f"{place} {chain}".encode())
        name = f"{identifier}/layer.tar"
        members[f"{identifier}/VERSION"] = b"1.0"
        members[f"{identifier}/json"] = json.dumps({"id": identifier}).encode()
        members[name] = f"../{first[layer]}" if layer in first else _compressed(layer, compression)
        first.setdefault(layer, name)
        names.append(name)
    return names


def _blob_layers(image: ImageBuilder, members: dict[str, bytes | str], compression: Compression) -> list[str]:
    names = []
    for layer in image.layers:
        blob = _compressed(layer, compression)
        names.append(f"blobs/sha256/{_hex(blob)}")
        members[names[-1]] = blob
    return names


def _compressed(layer: bytes, compression: Compression) -> bytes:
    match compression:
        case "gzip":
            return gzip.compress(layer, mtime=0)
        case "zstd":
            compressed: bytes = import_module("backports.zstd").compress(layer)
            return compressed
        case "xz":
            return lzma.compress(layer)
        case "bzip2":
            return bz2.compress(layer)
    return layer


def _hex(content: bytes) -> str:
    return sha256(content).hexdigest()


def _digest(content: bytes) -> str:
    return f"sha256:{_hex(content)}"
