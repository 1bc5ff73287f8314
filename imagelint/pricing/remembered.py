"""What was found out about an image, as text and back: all that its layers say is said again by the same layers.

An image's configuration names its layers by their digests, so what was told of verified layers is true of that
configuration for good; only the program may tell more one day. Nothing is executed to read it.
"""

from __future__ import annotations

import json
import os
import sys
from hashlib import sha256
from importlib.util import find_spec

from imagelint import plugins
from imagelint.image.history import command
from imagelint.image.report import (
    DiveNumbers,
    FolderSize,
    ImageSummary,
    LayerReport,
    Leftover,
    Package,
    PathSize,
    Reclaimable,
    Report,
    WastedFile,
)
from imagelint.pricing.analysis import Analysis
from imagelint.pricing.predictions import Prediction
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from imagelint.image.config import ImageConfig
    from imagelint.image.sources.interface import OpenImage

_ROWS: Mapping[str, Any] = {
    "reclaimable": Reclaimable,
    "waste": WastedFile,
    "largest": PathSize,
    "folders": FolderSize,
    "leftovers": Leftover,
    "packages": Package,
    "recommended": Package,
}
_LAYER = ("layer_bytes", "entries", "base", "history_index", "added", "changed", "removed")


def key(config: ImageConfig) -> str:
    """The name of what is known of an image: its configuration, and the program that has looked at it."""
    seen = sha256(config.content)
    for line in _program():
        seen.update(line.encode("utf-8", "surrogateescape"))
    return seen.hexdigest()


def encode(analysis: Analysis) -> bytes:
    """An analysis, as far as it is of the image alone."""
    report = analysis.report
    document: dict[str, object] = {name: list(getattr(report, name)) for name in _ROWS}
    document |= {
        "layers": [[getattr(layer, name) for name in _LAYER] for layer in report.layers],
        "live_bytes": report.live_bytes,
        "reclaimable_bytes": report.reclaimable_bytes,
        "dive": report.dive,
        "predictions": analysis.predictions,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def decode(content: bytes, reference: str, source: OpenImage, *, verified: bool) -> Analysis:
    """The analysis of an image that was found in a source. Raises ValueError, TypeError or KeyError for other bytes."""
    document, config = json.loads(content), source.config
    commands = [entry for entry in config.history if not entry.empty_layer]
    layers = [
        LayerReport(
            index=index,
            diff_id=diff_id,
            digest=stored.digest,
            command=command(commands[index] if index < len(commands) else None),
            compressed_bytes=stored.compressed_bytes,
            **dict(zip(_LAYER, values, strict=True)),
        )
        for index, (diff_id, stored, values) in enumerate(
            zip(config.diff_ids, source.layers, document["layers"], strict=True)
        )
    ]
    compressed = [layer.compressed_bytes for layer in layers]
    known = [size for size in compressed if size is not None]
    summary = ImageSummary(
        reference,
        source.source,
        config.id,
        config.platform,
        sum(layer.layer_bytes for layer in layers),
        sum(known) if len(known) == len(compressed) else None,
        verified,
    )
    rows = {name: tuple(map(record._make, document[name])) for name, record in _ROWS.items()}
    report = Report(
        image=summary,
        layers=tuple(layers),
        live_bytes=document["live_bytes"],
        reclaimable_bytes=document["reclaimable_bytes"],
        dive=DiveNumbers(*document["dive"]),
        **rows,
    )
    predictions = [
        Prediction(name, tuple(after), size, explanation, how)
        for name, after, size, explanation, how in document["predictions"]
    ]
    return Analysis(report, predictions=predictions)


def _program() -> Iterator[str]:
    """What tells one state of the program and its rules from another one."""
    packages = ["imagelint", *(plugin.module.partition(".")[0] for plugin in plugins.discover())]
    for name in dict.fromkeys(packages):
        spec = find_spec(name)
        if spec is None:
            continue
        if spec.submodule_search_locations is None and spec.origin is not None:
            yield _state(name, os.stat(spec.origin))
        for folder in spec.submodule_search_locations or ():
            yield from _files(folder)
    yield sys.version


def _files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.is_dir() and entry.name != "__pycache__":
                yield from _files(entry.path)
            elif entry.name.endswith(".py"):
                yield _state(entry.name, entry.stat())


def _state(name: str, stat: os.stat_result) -> str:
    return f"{name}\n{stat.st_size}\n{stat.st_mtime_ns}\n"
