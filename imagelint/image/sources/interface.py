"""What every source of images is asked for and answers.

A `Source` is a place that has one image. Opened, it is an `OpenImage`: the image's documents, read, and its layers, for
the asking. Who opens it (`imagelint.image.reading`) decides which layers are read and which are known from a cache,
and holds what was read against the digests that the documents name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager

from imagelint.image.limits import DEFAULT_LIMITS, Limits
from imagelint.records import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from imagelint.image.blob import Blob
    from imagelint.image.config import ImageConfig
    from imagelint.image.elf import ReadAt
    from imagelint.image.tar_content import Chunk

Progress = Callable[[str, int, int | None], None]
"""Told of work under way: what it is, how many bytes are done, and of how many (None: not known)."""

Notice = Callable[[str], None]
"""Told in a sentence what a person should know of how an image was found: its platform, the registry that was asked."""


class Documents(Protocol):
    """Manifests and configurations of earlier runs, by the digest of their bytes (`sha256:…`)."""

    def get(self, digest: str) -> bytes | None:
        """The document of that digest, None where it is not known."""

    def put(self, digest: str, content: bytes) -> None:
        """Keeps a document whose bytes were found to have that digest."""


class NoDocuments:
    """Remembers nothing."""

    def get(self, digest: str) -> bytes | None:
        """Nothing."""

    def put(self, digest: str, content: bytes) -> None:
        """Does nothing."""


NO_DOCUMENTS = NoDocuments()


class Reading(NamedTuple):
    """How an image is to be read.

    `verify` hashes every byte and compares it with the image's own digests; `contents` hashes what is in each file,
    which tells overwritten from merely re-stored, and moved from removed, and keeps the files that packages are known
    by. Without both, only headers are read where the source can seek; with `contents` alone, also what is in those few
    files that reports ask for, or with `every` in all of them.

    `platform` (`os/architecture[/variant]`) chooses where a source offers several; None is the host's. With
    `plain_http` registries are spoken to without TLS, if they have none; this machine's own always are. `tar_split`
    reads a Docker engine's records of its layers, where it lets us, in the place of an export.
    """

    verify: bool = True
    contents: bool = True
    limits: Limits = DEFAULT_LIMITS
    progress: Progress | None = None
    platform: str | None = None
    notice: Notice | None = None
    documents: Documents = NO_DOCUMENTS
    plain_http: bool = False
    every: bool = False
    tar_split: bool = False

    def report(self, what: str, done: int, total: int | None) -> None:
        """Tells the progress callback, if there is one."""
        if self.progress is not None:
            self.progress(what, done, total)

    def say(self, sentence: str) -> None:
        """Tells the notice callback, if there is one."""
        if self.notice is not None:
            self.notice(sentence)


class StoredLayer(NamedTuple):
    """A layer as the source names it, before it is read.

    `digest` is that of the blob as it is stored, `compressed_bytes` its size: None where the source keeps layers
    uncompressed and names them by no digest of their own.
    """

    digest: str | None = None
    compressed_bytes: int | None = None


class OpenImage(Protocol):
    """An image whose documents have been read, and whose layers can be; layers are named by their place."""

    @property
    def source(self) -> str:
        """Where it was found: `docker`, `podman`, `docker-archive`, `oci`, `oci-archive` or `registry`."""

    @property
    def config(self) -> ImageConfig:
        """The image's configuration, its bytes verified where a digest names them."""

    @property
    def layers(self) -> tuple[StoredLayer, ...]:
        """The layers, lowest first. Their number need not be that of the configuration's diff_ids: images lie."""

    def index(self, wanted: Collection[int]) -> Mapping[int, Blob]:
        """Reads layers and indexes them, at least the wanted ones. A blob that comes twice is read once.

        A source that can only be read front to back may be read once in its life; it keeps what passed by.
        Raises BrokenImageError, InputError or EngineError.
        """

    def tar(self, layer: int) -> AbstractContextManager[Iterable[Chunk]]:
        """The uncompressed tar of one layer, anew. Raises InputError where the source cannot be read again."""

    def tars(self, layers: Collection[int]) -> Iterator[tuple[tuple[int, ...], Iterable[Chunk]]]:
        """The uncompressed tars of layers, anew, in any order, each to be read before the next one is asked for.

        A tar comes with the places that it has among the layers: where it passes by but once, one that comes twice in
        the image has several.
        """

    def read_at(self, layer: int) -> ReadAt | None:
        """What reads a layer's uncompressed tar at any place, as long as the image is open; None where nothing can."""


def one_by_one(image: OpenImage, layers: Collection[int]) -> Iterator[tuple[tuple[int, ...], Iterable[Chunk]]]:
    """The tars of layers, for `OpenImage.tars` of a source that has each of them by itself."""
    for layer in sorted(layers):
        with image.tar(layer) as chunks:
            yield (layer,), chunks


class Source(Protocol):
    """One place that has one image."""

    def open(self, reading: Reading) -> AbstractContextManager[OpenImage]:
        """Finds the image and reads its documents.

        Raises ImageNotFoundError, BrokenImageError, InputError or EngineError.
        """
