"""What is known of an image's bytes once its layers are merged: the answer that `analyze` prints and `gate` judges."""

from __future__ import annotations

from imagelint.records import TYPE_CHECKING, NamedTuple, record

if TYPE_CHECKING:
    from collections.abc import Collection


class ImageSummary(NamedTuple):
    """Which image was read, from where, and how many bytes it stores."""

    reference: str
    source: str
    id: str
    platform: str
    layer_bytes: int
    compressed_bytes: int | None
    verified: bool


@record
class LayerReport:
    """One layer: the command of its history, its bytes, and how many tar entries it has.

    `history_index` is the place of its history entry among all of them, empty ones included; None when the
    configuration names fewer commands than there are layers. `base` says that it came with the base image. `added`,
    `changed` and `removed` are files and links, against what the layers below make.
    """

    index: int
    diff_id: str
    digest: str | None
    command: str
    layer_bytes: int
    compressed_bytes: int | None
    entries: int
    base: bool
    history_index: int | None
    added: int = 0
    changed: int = 0
    removed: int = 0


class Reclaimable(NamedTuple):
    """Bytes that are stored and can go, by reason and by the layers that stored and hid them.

    `within_stored` is False for `duplicate` alone: those bytes are live, at two paths.
    """

    reason: str
    bytes: int
    files: int
    stored_by: int
    hidden_by: int | None
    within_stored: bool = True


class WastedFile(NamedTuple):
    """One file whose bytes a layer stores in vain. `path` is absolute within the image.

    `hidden_by` is None for the reason `duplicate`, which nothing hides; `imagelint.image.waste` has the reasons.
    """

    path: str
    bytes: int
    reason: str
    stored_by: int
    hidden_by: int | None


class DiveNumbers(NamedTuple):
    """The three numbers of dive's CI rules, computed as dive 0.13.1 does; None where dive prints NaN or infinity."""

    efficiency: float
    wasted_bytes: int
    user_wasted_percent: float | None


class PathSize(NamedTuple):
    """A live file, its bytes, and the layer that stores it."""

    path: str
    bytes: int
    layer: int


class FolderSize(NamedTuple):
    """A folder, and the live files below it: their bytes and their number."""

    path: str
    bytes: int
    files: int


class Leftover(NamedTuple):
    """Live files that a container does not need to run, of one kind, and the largest of them."""

    kind: str
    bytes: int
    files: int
    example: str


class Package(NamedTuple):
    """An installed package: the live bytes and files that are its own, and the layer that brought it.

    `manager` is the package database that lists it: `dpkg`, `apk`, `rpm`, `pip`, `npm`, `gem`, `go` or `java`.
    """

    manager: str
    name: str
    version: str
    bytes: int
    files: int
    layer: int


class Report(NamedTuple):
    """Everything measured of one image. `live_bytes + reclaimable_bytes` is the sum of the layers' bytes.

    `reclaimable` sums up `waste`, which has every file. Those of the reason `duplicate` are live, and outside
    `reclaimable_bytes`. `largest` are live files. `recommended` are those of `packages` that are there only because
    another one recommends them, and that nothing else needs.
    """

    image: ImageSummary
    layers: tuple[LayerReport, ...]
    live_bytes: int
    reclaimable_bytes: int
    reclaimable: tuple[Reclaimable, ...]
    waste: Collection[WastedFile]
    largest: tuple[PathSize, ...]
    dive: DiveNumbers
    folders: tuple[FolderSize, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    packages: tuple[Package, ...] = ()
    recommended: tuple[Package, ...] = ()
