"""For tests of one's own: images made in memory, as `docker save` writes them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Self

Layout = Literal["legacy", "blobs"]
Compression = Literal["gzip", "zstd"] | None

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


def tar_of(members: dict[str, bytes | str]) -> bytes:
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
    return layer


def _hex(content: bytes) -> str:
    return sha256(content).hexdigest()


def _digest(content: bytes) -> str:
    return f"sha256:{_hex(content)}"
