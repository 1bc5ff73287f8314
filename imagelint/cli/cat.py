"""`imagelint cat`: one file of an image, read from the layer that stores it."""

from __future__ import annotations

import os
import sys
from itertools import chain

from imagelint.cli import subject
from imagelint.errors import InputError, UsageError
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from imagelint.image.sources.interface import OpenImage

_PEEK = 8192


def run(arguments: argparse.Namespace) -> int:
    """Write a file's bytes to standard output; nothing is kept on disk."""
    from imagelint.image import lookup
    from imagelint.image.merged import Merged
    from imagelint.image.reading import open_image

    with subject.reading(arguments) as options, open_image(arguments.image, **options) as opened:
        layer, row = lookup.stored(Merged(opened.image), arguments.path, arguments.layer)
        pieces = _content(opened.source, layer, row)
        start = next(pieces, b"")
        terminal = sys.stdout.isatty()
        if terminal and (b"\0" in start[:_PEEK] or not _is_text(start[:_PEEK])):
            raise UsageError(f"{lookup.shown(arguments.path)} is binary", hint="redirect it: imagelint cat … > FILE")
        sys.stdout.flush()
        for piece in chain((start,), pieces):
            _write(piece, terminal=terminal)
    return 0


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start > len(content) - 4  # a character that is cut at the end
    return True


def _write(piece: bytes, *, terminal: bool) -> None:
    """To a program as it is, to a person without what could move the terminal."""
    if terminal:
        lines = piece.decode("utf-8", "surrogateescape").split("\n")
        piece = "\n".join(printable(line.rstrip("\r").expandtabs()) for line in lines).encode(
            "utf-8", "backslashreplace"
        )
    view = memoryview(piece)
    while view:
        view = view[os.write(sys.stdout.fileno(), view) :]


def _content(source: OpenImage, layer: int, row: int) -> Iterator[bytes]:
    """The content of a layer's entry, in pieces."""
    from imagelint.image.tar import TarReader

    with source.tar(layer) as chunks:
        reader = TarReader(chunks)
        number = -1
        while reader.read() is not None:
            number += 1
            if number == row:
                yield from (bytes(piece) for piece in reader.content())
                return
    raise InputError("the layer is not the one that was indexed")
