"""Where a Docker engine with a graph driver keeps the records of its layers, and a way to read them.

In the engine's folder `image/<driver>/imagedb` has the configurations by their digests, `image/<driver>/layerdb` what
is known of each layer by its chain id (OCI image specification, config.md): its tar-split record (`tar_split`). They
are the engine's own; nothing in them can be held against a digest but the configurations.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from array import array
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import sha256

from imagelint.errors import BrokenImageError, EngineError
from imagelint.image.blob import Blob
from imagelint.image.config import ImageConfig, clip, parse_config
from imagelint.image.limits import PATH_BYTES
from imagelint.image.sources.files import FileRegion
from imagelint.image.sources.interface import Reading
from imagelint.image.sources.layers import read_named_layer
from imagelint.image.sources.tar_split import TarSplit
from imagelint.image.tar import REGULAR, TarReader
from imagelint.image.tar_content import Chunk
from imagelint.records import NamedTuple, Protocol

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_DRIVER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CONFIG, _RECORD = "config", "tar-split.json.gz"
_HINT = "without --tar-split the image is exported and verified"


class Shelf(Protocol):
    """What has the engine's files, by names that `Places` gives to files and folders, and below these."""

    def files(self, names: Collection[str]) -> Generator[tuple[str, Iterable[Chunk]]]:
        """Files by their names, in any order, each to be read before the next comes; EngineError if one cannot be."""


class Archives(Protocol):
    """What hands out files and folders as tars."""

    def archive(self, path: str) -> Generator[Chunk]:
        """The tar of what is at a path; the paths in it begin with its last component."""


class Places(NamedTuple):
    """What of an engine's folder an image is in: by names of our own, and the chain ids of its layers, lowest first."""

    digest: str
    diff_ids: tuple[str, ...]
    chains: tuple[str, ...]
    paths: dict[str, str]


def places(root: object, driver: object, digest: str, diff_ids: object) -> Places:
    """Where an image is, from what the engine says of itself and of it; EngineError where that makes no sense."""
    if not isinstance(root, str) or not _is_plain(root) or not isinstance(driver, str) or not _DRIVER.fullmatch(driver):
        raise EngineError("the engine does not say where its layers are")
    if not isinstance(diff_ids, list) or not all(
        isinstance(each, str) and _DIGEST.fullmatch(each) for each in diff_ids
    ):
        raise EngineError("the engine does not say what layers the image has")
    if not _DIGEST.fullmatch(digest):
        raise EngineError("the engine gives no digest for the image")
    chains = tuple(chain.removeprefix("sha256:") for chain in chain_ids(diff_ids))
    base = f"{root.rstrip('/')}/image/{driver}"
    paths = {chain: f"{base}/layerdb/sha256/{chain}" for chain in chains}
    paths[_CONFIG] = f"{base}/imagedb/content/sha256/{digest.removeprefix('sha256:')}"
    return Places(digest, tuple(diff_ids), chains, paths)


def chain_ids(diff_ids: Sequence[str]) -> Iterator[str]:
    """The digests that name each layer together with all that are below it."""
    chain = ""
    for diff_id in diff_ids:
        chain = f"sha256:{sha256(f'{chain} {diff_id}'.encode()).hexdigest()}" if chain else diff_id
        yield chain


def shelf(places: Places, archives: Archives, *, local: bool) -> Shelf:
    """The folder itself where the engine is on this machine and we may read it, else what hands out archives of it."""
    readable = local and all(os.access(path, os.R_OK) for path in places.paths.values())
    return _Folder(places.paths) if readable else _Lent(archives)


class Records:
    """An image as the engine's records on a shelf tell it."""

    def __init__(self, places: Places, shelf: Shelf) -> None:
        self._places = places
        self._shelf = shelf

    def config(self, reading: Reading) -> ImageConfig:
        """The image's configuration, held against its digest."""
        content, most = bytearray(), reading.limits.document_bytes
        with closing(self._shelf.files([_CONFIG])) as found:
            for _, chunks in found:
                for chunk in chunks:
                    content += chunk
                    if len(content) > most:
                        raise BrokenImageError(f"the configuration has more than {most:,} bytes")
        if not content:
            raise EngineError("the engine has no configuration of the image")
        config = parse_config(bytes(content), self._places.digest)
        if config.id != self._places.digest:
            raise BrokenImageError(f"the configuration is not what its name says: its digest is {config.id}")
        return config

    def index(
        self, config: ImageConfig, wanted: Collection[int], what: str, total: int | None, reading: Reading
    ) -> Mapping[int, Blob]:
        """Reads layers' records; the checksums in them stand for hashes of contents, and are no such hashes.

        `what` and `total`, the image's bytes, are for progress.
        """
        headers = reading._replace(contents=False)
        if config.diff_ids != self._places.diff_ids:
            raise BrokenImageError("the engine lists other layers than the configuration does")
        names = {f"{self._places.chains[place]}/{_RECORD}": place for place in wanted}
        blobs: dict[int, Blob] = {}
        entries = done = 0
        with closing(self._shelf.files(names)) as found:
            for name, chunks in found:
                place = names[name]
                tar = TarSplit(chunks, reading.limits)
                try:
                    blob = read_named_layer(tar, config.diff_ids[place], headers, entries)
                except BrokenImageError as error:
                    raise BrokenImageError(error.message, hint=error.hint or _HINT) from None
                sums, contents = tar.sums, blob.entries.contents
                contents[:] = array(contents.typecode, [sums.get(offset, 0) for offset in blob.entries.offsets])
                blobs[place] = blob
                entries += len(blob.entries)
                done += blob.entries.layer_bytes
                reading.report(what, done, max(done, total) if total else None)
        for place in wanted:
            if place not in blobs:
                raise EngineError(f"the engine has no record of the layer {clip(config.diff_ids[place])}")
        return blobs


class _Folder:
    """The engine's folder, of which only regular files are opened."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = paths

    def files(self, names: Collection[str]) -> Generator[tuple[str, Iterable[Chunk]]]:
        for name in names:
            first, slash, rest = name.partition("/")
            try:
                # A pipe would be waited for.
                descriptor = os.open(self._paths[first] + slash + rest, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError as error:
                raise EngineError(f"the engine's {clip(name)} cannot be read: {error.strerror}") from None
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise EngineError(f"the engine's {clip(name)} is no file")
                yield name, FileRegion(descriptor, 0, status.st_size)
            finally:
                os.close(descriptor)


class _Lent:
    """Archives of what the engine has lent."""

    def __init__(self, archives: Archives) -> None:
        self._archives = archives

    def files(self, names: Collection[str]) -> Generator[tuple[str, Iterable[Chunk]]]:
        wanted = set(names)
        # One archive of all that is lent is much quicker than one of each file.
        path = next(iter(wanted)) if len(wanted) == 1 else ""
        with closing(self._archives.archive(path)) as chunks:
            tar = TarReader(chunks)
            while wanted and (header := tar.read()) is not None:
                name = posixpath.join(posixpath.dirname(path), header[0]) if path else header[0].partition("/")[2]
                if name in wanted and header[1] == REGULAR:
                    wanted.remove(name)
                    yield name, tar.content()


def _is_plain(path: str) -> bool:
    """Whether a path is absolute, leads nowhere but down, and has nothing in it that a terminal would act on."""
    return path.startswith("/") and len(path) < PATH_BYTES and path.isprintable() and ".." not in path.split("/")
