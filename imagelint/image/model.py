"""An image as the OCI image specification names its parts: configuration, history, layers."""

from __future__ import annotations

from types import MappingProxyType

from imagelint.records import TYPE_CHECKING, NamedTuple, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelint.image.index import LayerIndex
    from imagelint.image.tree import Tree


class History(NamedTuple):
    """One entry of the configuration's `history`: the command behind a layer, or behind none (`empty_layer`)."""

    created_by: str
    empty_layer: bool = False
    comment: str = ""
    created: str | None = None


@record
class Layer:
    """One layer of an image, read and indexed.

    `diff_id` is the digest of the uncompressed tar, `digest` that of the blob where the source has one.
    Sizes are bytes; `layer_bytes` is the sum of the sizes of the regular files in the uncompressed tar.
    """

    index: int
    diff_id: str
    digest: str | None
    compressed_bytes: int | None
    history: History | None
    entries: LayerIndex

    @property
    def layer_bytes(self) -> int:
        """Bytes of the regular files in the layer's tar; links, directories and devices count 0."""
        return self.entries.layer_bytes


class Image(NamedTuple):
    """An image whose layers have been read.

    `reference` is what the user named; `source` is where it was found (`docker`, `docker-archive`, …);
    `id` is the digest of the configuration; `platform` is `os/architecture[/variant]`;
    `verified` says that every layer's bytes hashed to its diff_id, `contents` that files were looked into; `config` is
    the configuration's JSON as it was read, and `tree` the layers merged, where that was done already.
    """

    reference: str
    source: str
    id: str
    platform: str
    layers: tuple[Layer, ...]
    history: tuple[History, ...] = ()
    labels: Mapping[str, str] = MappingProxyType({})
    verified: bool = False
    contents: bool = True
    config: bytes = b"{}"
    tree: Tree | None = None
