"""`imagelint ls`: what is in an image, and in which of its layers."""

from __future__ import annotations

import sys
import time

from imagelint.cli import subject
from imagelint.errors import InputError
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from imagelint.image.lookup import Entry

_BITS = "rwxrwxrwx"


def run(arguments: argparse.Namespace) -> int:
    """List a directory, or a file, of the merged image."""
    from imagelint.image import lookup
    from imagelint.image.merged import Merged
    from imagelint.image.reading import read_image

    with subject.reading(arguments) as options:
        merged = Merged(read_image(arguments.image, **options))
    entries: Iterable[Entry]
    try:
        path = lookup.resolve(merged, arguments.path, last=not arguments.all_layers)
        entries = lookup.live(merged, path, recursive=arguments.recursive)
    except InputError as error:
        gone = lookup.was_there(merged, arguments.path)
        if gone is None:
            raise
        if not arguments.all_layers:
            raise InputError(error.message, hint="layers have it, and later ones hide it: --all-layers") from None
        path, entries = gone, ()
    if arguments.all_layers:
        entries = sorted([*entries, *lookup.hidden(merged, path)], key=lambda each: (each.path, each.layer or 0))
    if arguments.output_format == "json":
        from imagelint.output import json

        print(json.dumps({"schema": 1, "image": arguments.image, "entries": [_document(each) for each in entries]}))
        return 0
    rows = [_row(each) for each in entries]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    for row in rows:
        kind, owner, size, layer, rest = row
        line = f"{kind:<{widths[0]}}  {owner:>{widths[1]}}  {size:>{widths[2]}}  {layer:>{widths[3]}}  {rest}"
        sys.stdout.write(line + "\n")
    return 0


def _row(each: Entry) -> tuple[str, str, str, str, str]:
    """Mode, owners, bytes, layer, and time and name."""
    layer = "" if each.layer is None else f"layer {each.layer}"
    if each.hidden_by is not None:
        layer += f" (hidden by {each.hidden_by})"
    name = printable(each.path) + (f" -> {printable(each.target)}" if each.target is not None else "")
    return (
        f"{each.kind}{_mode(each.mode)}",
        f"{each.uid}:{each.gid}",
        f"{each.bytes:,}",
        layer,
        f"{_day(each.time)}  {name}",
    )


def _mode(mode: int) -> str:
    """The permission bits as `ls -l` has them."""
    letters = [letter if mode >> (8 - place) & 1 else "-" for place, letter in enumerate(_BITS)]
    for bit, place, letter in ((0o4000, 2, "s"), (0o2000, 5, "s"), (0o1000, 8, "t")):
        if mode & bit:
            letters[place] = letter if letters[place] == "x" else letter.upper()
    return "".join(letters)


def _day(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "-" * 10  # a time that no calendar has


def _document(each: Entry) -> dict[str, object]:
    return {
        "path": each.path,
        "kind": each.kind,
        "mode": each.mode,
        "uid": each.uid,
        "gid": each.gid,
        "time": each.time,
        "bytes": each.bytes,
        "layer": each.layer,
        "target": each.target,
        "hidden_by": each.hidden_by,
    }
