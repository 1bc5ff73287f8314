"""Reading several layers at a time, for sources that can: the largest first, one thread a layer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from threading import Lock

from imagelint.errors import BrokenImageError
from imagelint.image.blob import Blob, read_layer
from imagelint.image.config import clip
from imagelint.image.sources.interface import Reading
from imagelint.image.tar_content import Chunk
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import TypeVar

    Key = TypeVar("Key")

_THREADS = 4


class LayerTask(NamedTuple):
    """A layer to be read: its name for messages, the blob's bytes for progress, and how its chunks come.

    `open` is given a function to be called with the number of bytes that were read or skipped. A layer that is not
    `packed` takes a thread's while only if it is verified.
    """

    name: str
    size: int
    open: Callable[[Callable[[int], None]], Iterable[Chunk]]
    packed: bool = True


def read_layers(tasks: Mapping[Key, LayerTask], what: str, reading: Reading) -> dict[Key, Blob]:
    """Reads and indexes layers. Hashing and decompression let other threads run; the first error ends it."""
    done, lock = 0, Lock()
    total = sum(task.size for task in tasks.values())

    def passed(count: int) -> None:
        nonlocal done
        with lock:
            done += count
            reading.report(what, done, total)

    blobs: dict[Key, Blob] = {}

    def read(key: Key) -> None:
        entries_before = sum(len(blob.entries) for blob in blobs.copy().values())
        blobs[key] = read_named_layer(tasks[key].open(passed), tasks[key].name, reading, entries_before)

    at_once = [key for key, task in tasks.items() if reading.verify or task.packed]
    if len(at_once) < 2:
        at_once = []
    # Reading headers alone never waits: threads would only be in each other's way.
    for key in tasks:
        if key not in at_once:
            read(key)
    if not at_once:
        return blobs
    from concurrent.futures import ThreadPoolExecutor  # brings logging along

    # The largest first, so that none is waited for alone.
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as threads:
        for _ in threads.map(read, sorted(at_once, key=lambda key: tasks[key].size, reverse=True)):
            pass
    return blobs


def read_named_layer(chunks: Iterable[Chunk], name: str, reading: Reading, entries_before: int) -> Blob:
    """Indexes one layer; what is wrong with it is told with its name. Chunks with `skip` and `read_at` can seek."""
    try:
        return read_layer(
            chunks,
            verify=reading.verify,
            contents=reading.contents,
            limits=reading.limits,
            entries_before=entries_before,
            skip=getattr(chunks, "skip", None),
            read_at=None if reading.every else getattr(chunks, "read_at", None),
        )
    except BrokenImageError as error:
        raise BrokenImageError(f"layer {clip(name)}: {error.message}", hint=error.hint) from None
    finally:
        # What is left of a download is not waited for, nor left to the garbage collector.
        if (close := getattr(chunks, "close", None)) is not None:
            close()
