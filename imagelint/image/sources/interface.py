"""What every source of images is asked for and answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from imagelint.image.limits import DEFAULT_LIMITS, Limits
from imagelint.image.model import Image

Progress = Callable[[str, int, int | None], None]
"""Told of work under way: what it is, how many bytes are done, and of how many (None: not known)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How an image is to be read.

    `verify` hashes every byte and compares it with the image's own digests; `contents` hashes what is in each file,
    which tells overwritten from merely re-stored, and moved from removed. Without both, only headers are read where
    the source can seek.
    """

    verify: bool = True
    contents: bool = True
    limits: Limits = DEFAULT_LIMITS
    progress: Progress | None = None

    def report(self, what: str, done: int, total: int | None) -> None:
        """Tells the progress callback, if there is one."""
        if self.progress is not None:
            self.progress(what, done, total)


class Source(Protocol):
    """One place that has one image."""

    def read(self, reading: Reading) -> Image:
        """Reads the image. Raises ImageNotFoundError, BrokenImageError, InputError or EngineError."""
        ...
