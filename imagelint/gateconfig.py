"""Budgets in a configuration: the table `gate` of imagelint.toml or of `[tool.imagelint]`, for one image or several.

    [gate]
    max-size = "200MB"
    max-growth = "5%"
    min-growth = "2MB"

    [[gate.image]]
    name = "registry.example.org/team/worker:*"
    max-size = "900MB"

    [[gate.waiver]]
    check = "max-growth"
    reason = "the new model"
    expires = 2026-12-31

A table of `gate.image` whose pattern matches the reference comes over what stands above it; the last one that matches
holds. A pattern needs neither `registry:` and its like nor the tag `latest`, whatever the reference has.
"""

from __future__ import annotations

import os
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from imagelint.errors import UsageError
from imagelint.gate import Budgets, Waiver, parse_growth
from imagelint.image.reference import split
from imagelint.settings import Reader
from imagelint.sizes import parse_size

#: The checks that a waiver may name.
CHECKS = (
    "max-size",
    "max-growth",
    "max-layer",
    "max-waste",
    "min-efficiency",
    "max-layers",
    "max-reclaimable",
    "forbidden-paths",
    "forbidden-packages",
)


def budgets(path: str, table: dict[str, Any], reference: str) -> Budgets:
    """The budgets of a table for an image; raises UsageError for what makes no sense in it."""
    reader = Reader(path, {key: value for key, value in table.items() if key not in ("image", "waiver")})
    found = _read(reader, Budgets())
    for name, entry in _images(path, table):
        read = _read(Reader(path, entry), found)
        if _is_of(reference, name):
            found = read
    waivers = [_waiver(path, entry) for entry in _tables(path, table, "waiver")]
    return _replace(found, waivers=tuple(waiver for name, waiver in waivers if _is_of(reference, name)))


def names(path: str, table: dict[str, Any]) -> tuple[str, ...]:
    """The images that are named and are no patterns, each once."""
    found = (name for name, _ in _images(path, table) if not set("*?[") & set(name))
    return tuple(dict.fromkeys(found))


def _images(path: str, table: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for entry in _tables(path, table, "image"):
        name = entry.pop("name", None)
        if not isinstance(name, str) or not name.strip():
            raise UsageError(f"{path}: each gate.image needs a name, such as registry.example.org/team/*")
        found.append((name, entry))
    return found


def _is_of(reference: str, pattern: str) -> bool:
    """Whether a pattern is that of a reference: as it was given, without its scheme, or with the tag it implies."""
    _, bare = split(reference)
    return any(fnmatchcase(f"{each}{tag}", pattern) for each in (reference, bare) for tag in ("", ":latest"))


def _read(reader: Reader, over: Budgets) -> Budgets:
    """Budgets with what a table says put over them."""
    sizes = {
        name: parse_size(text) if (text := reader.text(name.replace("_", "-"))) is not None else getattr(over, name)
        for name in ("max_size", "max_layer", "max_waste", "max_reclaimable")
    }
    growth, least = reader.text("max-growth"), reader.text("min-growth")
    layers = reader.get("max-layers", int, "a number")
    efficiency = reader.number("min-efficiency", "a number from 0 to 1")
    if efficiency is not None and not 0 <= efficiency <= 1:
        raise reader.wrong("min-efficiency", "must be from 0 to 1")
    baseline = reader.text("baseline")
    if layers is not None and layers < 0:
        raise reader.wrong("max-layers", "must be 0 or more")
    read = _replace(
        over,
        **sizes,
        max_growth=parse_growth(growth) if growth is not None else over.max_growth,
        min_growth=parse_size(least) if least is not None else over.min_growth,
        max_layers=layers if layers is not None else over.max_layers,
        min_efficiency=efficiency if efficiency is not None else over.min_efficiency,
        forbidden_paths=_patterns(reader, "forbidden-paths", over.forbidden_paths),
        forbidden_packages=_patterns(reader, "forbidden-packages", over.forbidden_packages),
        own_only=reader.flag("own-layers", over.own_only),
        compressed=reader.flag("compressed", over.compressed),
        baseline=os.path.join(os.path.dirname(reader.path), baseline) if baseline else over.baseline,
    )
    reader.finish()
    return read


def _patterns(reader: Reader, key: str, over: tuple[str, ...]) -> tuple[str, ...]:
    """The patterns of a key; an empty list takes back what stands above."""
    found = reader.texts(key)
    if "" in found:
        raise reader.wrong(key, "has a pattern that is empty")
    return found if key in reader.table else over


def _replace(over: Budgets, **values: Any) -> Budgets:
    from dataclasses import replace

    return replace(over, **values)


def _tables(path: str, table: dict[str, Any], key: str) -> list[dict[str, Any]]:
    entries = table.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{path}: gate.{key} must be a list of tables: [[gate.{key}]]")
    return [dict(entry) for entry in entries]


def _waiver(path: str, entry: dict[str, Any]) -> tuple[str, Waiver]:
    """A waiver, and the pattern of the images that it is for: all, where it names none."""
    image = entry.pop("image", "*")
    if not isinstance(image, str):
        raise UsageError(f"{path}: a waiver's image must be a text, such as registry.example.org/team/*")
    check, reason, expires = entry.pop("check", None), entry.pop("reason", None), entry.pop("expires", None)
    if check not in CHECKS:
        raise UsageError(f"{path}: a waiver's check must be one of {', '.join(CHECKS)}")
    if not isinstance(reason, str) or not reason.strip():
        raise UsageError(f"{path}: the waiver of {check} needs a reason")
    if type(expires) is not date:
        raise UsageError(f"{path}: the waiver of {check} needs a day on which it expires: expires = 2026-12-31")
    if entry:
        raise UsageError(f"{path}: the waiver of {check} has no {', '.join(entry)}")
    return image, Waiver(check, reason, expires)
