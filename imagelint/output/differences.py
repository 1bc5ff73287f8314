"""A comparison of two images as JSON and as Markdown (a comment on a pull request); text is `difftables`."""

from __future__ import annotations

import json
from collections import Counter

from imagelint.image.comparison import ADDED, CHANGED, METADATA_ONLY, REMOVED, SAME
from imagelint.output import escape
from imagelint.output.analysis import image
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import human, signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from imagelint.image.comparison import Comparison, LayerChange
    from imagelint.output.places import Place

SCHEMA = 1
_SHOWN = 10


def document(found: Comparison, places: Mapping[int, Place]) -> dict[str, Any]:
    """The whole comparison; `places` are the lines behind the new image's layers, as far as they are known."""
    return {
        "schema": SCHEMA,
        "old": image(found.old.image),
        "new": image(found.new.image),
        "delta": {
            "layer_bytes": found.delta_bytes,
            "compressed_bytes": found.compressed_delta,
            "base_layer_bytes": found.base_delta,
            "live_bytes": found.new.live_bytes - found.old.live_bytes,
        },
        "unique": {"old_layer_bytes": found.old_unique, "new_layer_bytes": found.new_unique},
        "layers": [_layer(each, places) for each in found.layers],
        "packages": [
            {
                "manager": each.manager,
                "name": each.name,
                "old_version": each.old_version,
                "new_version": each.new_version,
                "delta_bytes": each.delta_bytes,
                "layer": each.layer,
                "line": _line(each.layer, places),
            }
            for each in found.packages
        ],
        "paths": [
            {
                "path": each.path,
                "change": each.change,
                "delta_bytes": each.delta_bytes,
                "layer": each.layer,
                "line": _line(each.layer, places),
            }
            for each in found.paths
        ],
        "configuration": [{"name": each.name, "old": each.old, "new": each.new} for each in found.settings],
    }


def _layer(each: LayerChange, places: Mapping[int, Place]) -> dict[str, Any]:
    shown = each.new or each.old
    assert shown is not None
    place = places.get(each.new.index) if each.new else None
    return {
        "change": each.change,
        "old": each.old.index if each.old else None,
        "new": each.new.index if each.new else None,
        "command": shown.command,
        "base": shown.base,
        "delta_bytes": each.delta_bytes,
        "instruction": {"path": place.path, "line": place.line, "end_line": place.end_line} if place else None,
    }


def _line(layer: int | None, places: Mapping[int, Place]) -> int | None:
    place = places.get(layer) if layer is not None else None
    return place.line if place else None


def markdown(found: Comparison, places: Mapping[int, Place]) -> str:
    """The comparison for a comment: the sizes, then what grew and shrank most."""
    return "\n".join(_markdown(found, places)) + "\n"


def _markdown(found: Comparison, places: Mapping[int, Place]) -> Iterator[str]:
    old, new = found.old.image, found.new.image
    yield f"### {_code(old.reference)} → {_code(new.reference)}: {signed(found.delta_bytes)}"
    yield ""
    yield "| | before | after | change |"
    yield "|---|--:|--:|--:|"
    yield _row("layer bytes", old.layer_bytes, new.layer_bytes)
    if old.compressed_bytes is not None and new.compressed_bytes is not None:
        yield _row("compressed bytes", old.compressed_bytes, new.compressed_bytes)
    yield _row("live bytes", found.old.live_bytes, found.new.live_bytes)
    yield _row("not shared with the other", found.old_unique, found.new_unique)
    if found.base_delta:
        yield f"| of it the base image | | | {signed(found.base_delta)} |"
    yield from _layers(found, places)
    yield from _packages(found, places)
    if found.settings:
        yield from ("", "| setting | before | after |", "|---|---|---|")
        for setting in found.settings[:_SHOWN]:
            yield f"| {_code(setting.name)} | {_value(setting.old)} | {_value(setting.new)} |"
        yield from _more(len(found.settings), "settings that differ")
    yield from _paths(found, places)


def _layers(found: Comparison, places: Mapping[int, Place]) -> Iterator[str]:
    layers = sorted(
        (each for each in found.layers if each.change != SAME and each.delta_bytes),
        key=lambda each: -abs(each.delta_bytes),
    )
    if layers:
        yield from ("", "| layer | change | line | command |", "|--:|--:|--:|---|")
    for each in layers[:_SHOWN]:
        shown = each.new or each.old
        assert shown is not None
        line = _line(each.new.index, places) if each.new else None
        number = shown.index if each.new else f"{shown.index} (old)"
        yield f"| {number} | {signed(each.delta_bytes)} | {line or ''} | {_code(shown.command)} |"
    yield from _more(len(layers), "layers that differ")


def _packages(found: Comparison, places: Mapping[int, Place]) -> Iterator[str]:
    packages = sorted((each for each in found.packages if each.delta_bytes), key=lambda each: -abs(each.delta_bytes))
    if packages:
        yield from ("", "| package | change | line | before | after |", "|---|--:|--:|---|---|")
    for each in packages[:_SHOWN]:
        name = _code(f"{each.manager} {each.name}")
        versions = f"{_code(each.old_version)} | {_code(each.new_version)}"
        yield f"| {name} | {signed(each.delta_bytes)} | {_line(each.layer, places) or ''} | {versions} |"
    yield from _more(len(packages), "packages that differ")


def _paths(found: Comparison, places: Mapping[int, Place]) -> Iterator[str]:
    """What differs in the file systems, folded away: how many of each kind, and those that differ most."""
    if not found.paths:
        return
    kinds = Counter(each.change for each in found.paths)
    counts = ", ".join(f"{kinds[kind]:,} {kind}" for kind in (ADDED, REMOVED, CHANGED, METADATA_ONLY) if kinds[kind])
    yield from ("", f"<details><summary>paths: {counts}</summary>", "")
    yield from ("| path | | change | line |", "|---|---|--:|--:|")
    for each in sorted(found.paths, key=lambda each: -abs(each.delta_bytes))[:_SHOWN]:
        line = _line(each.layer, places) or ""
        yield f"| {_code(each.path)} | {each.change} | {signed(each.delta_bytes)} | {line} |"
    yield from ("", "</details>")


def _more(count: int, what: str) -> Iterator[str]:
    if count > _SHOWN:
        yield from ("", f"and {count - _SHOWN:,} more {what}")


def value(found: object) -> str:
    """A setting's value in words; a list as it is written in JSON."""
    if found is None:
        return "not set"
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _value(found: object) -> str:
    return "not set" if found is None else _code(value(found))


def _row(title: str, old: int, new: int) -> str:
    share = f" ({(new - old) / old:+.1%})" if old and new != old else ""
    return f"| {title} | {human(old)} | {human(new)} | {signed(new - old)}{share} |"


def _code(text: str | None) -> str:
    """A stranger's text as code in a table's cell: it is no markup, mentions nobody, and stays on its line."""
    return escape.code_cell(text) if text else ""
