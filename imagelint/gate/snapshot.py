"""An image as a baseline remembers it: enough to say that it grew, and who did it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imagelint import files
from imagelint.errors import InputError, UsageError
from imagelint.image.report import Package, Report

SCHEMA = 1
#: A baseline is a few hundred kilobytes at most; a larger file is none.
MAX_BASELINE = 10_000_000
#: Packages that a baseline keeps, the largest first.
MAX_PACKAGES = 2_000


@dataclass(frozen=True, slots=True)
class BaseLayer:
    """A layer as the baseline remembers it."""

    command: str
    diff_id: str
    layer_bytes: int
    compressed_bytes: int | None = None
    base: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An image as it was: its total, its layers in order, its packages, and its largest files."""

    reference: str
    layer_bytes: int
    layers: tuple[BaseLayer, ...]
    paths: Mapping[str, int]
    packages: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def size(self, own_only: bool, compressed: bool, base: Collection[str] = ()) -> int:
        """Its bytes, as an image is judged; raises UsageError where they are not remembered.

        `base` are the diff_ids of layers that are known to be the base image's, beside those that are marked.
        """
        layers = [layer for layer in self.layers if not (own_only and (layer.base or layer.diff_id in base))]
        if not compressed:
            return sum(layer.layer_bytes for layer in layers)
        known = [layer.compressed_bytes for layer in layers if layer.compressed_bytes is not None]
        if len(known) < len(layers):
            raise UsageError("the baseline has no compressed sizes", hint="write it anew with --update-baseline")
        return sum(known)


def snapshot(report: Report) -> Snapshot:
    """What a baseline keeps of a report."""
    packages: dict[tuple[str, str], int] = {}
    for each in report.packages[:MAX_PACKAGES]:
        key = (each.manager, each.name)
        packages[key] = packages.get(key, 0) + each.bytes
    return Snapshot(
        report.image.reference,
        report.image.layer_bytes,
        tuple(
            BaseLayer(layer.command, layer.diff_id, layer.layer_bytes, layer.compressed_bytes, layer.base)
            for layer in report.layers
        ),
        {each.path: each.bytes for each in report.largest},
        packages,
    )


def grown_packages(packages: Sequence[Package], before: Mapping[tuple[str, str], int]) -> list[tuple[Package, int]]:
    """The packages that grew or came, each with its bytes, the dearest first; none where the baseline has none."""
    if not before:
        return []
    sizes: dict[tuple[str, str], int] = {}
    largest: dict[tuple[str, str], Package] = {}
    for each in packages:
        key = (each.manager, each.name)
        sizes[key] = sizes.get(key, 0) + each.bytes
        largest.setdefault(key, each)
    grown = [(largest[key], size - before.get(key, 0)) for key, size in sizes.items()]
    return sorted(((each, delta) for each, delta in grown if delta > 0), key=lambda pair: (-pair[1], pair[0].name))


def write_baseline(path: str, baseline: Snapshot) -> None:
    """Write a baseline file in one step; raises InputError where that is not possible."""
    document = {
        "schema": SCHEMA,
        "image": {"reference": baseline.reference, "layer_bytes": baseline.layer_bytes},
        "layers": [
            {
                "command": layer.command,
                "diff_id": layer.diff_id,
                "layer_bytes": layer.layer_bytes,
                "compressed_bytes": layer.compressed_bytes,
                "base": layer.base,
            }
            for layer in baseline.layers
        ],
        "packages": [
            {"manager": manager, "name": name, "bytes": size} for (manager, name), size in baseline.packages.items()
        ],
        "paths": [{"path": name, "bytes": count} for name, count in baseline.paths.items()],
    }
    files.replace(os.path.realpath(path), (json.dumps(document, indent=2) + "\n").encode())


def read_baseline(path: str) -> Snapshot:
    """Read a baseline file; raises InputError where it is missing or not one."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BASELINE + 1)
    except OSError as error:
        hint = "write it first: --baseline FILE --update-baseline"
        raise InputError(f"{path}: the baseline cannot be read: {error.strerror or error}", hint=hint) from error
    try:
        return _snapshot(json.loads(data[: MAX_BASELINE + 1]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        hint = "write it again with --update-baseline"
        raise InputError(f"{path}: is not a baseline of imagelint", hint=hint) from error


def _snapshot(document: Any) -> Snapshot:
    if document["schema"] != SCHEMA:
        raise ValueError("unknown schema")
    layers: Sequence[Any] = document["layers"]
    return Snapshot(
        str(document["image"]["reference"]),
        _count(document["image"]["layer_bytes"]),
        tuple(
            BaseLayer(
                str(each["command"]),
                str(each["diff_id"]),
                _count(each["layer_bytes"]),
                None if each.get("compressed_bytes") is None else _count(each["compressed_bytes"]),
                each.get("base") is True,
            )
            for each in layers
        ),
        {str(each["path"]): _count(each["bytes"]) for each in document["paths"]},
        {(str(each["manager"]), str(each["name"])): _count(each["bytes"]) for each in document.get("packages", ())},
    )


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("not a number of bytes")
    return value
