"""Two images side by side: what grew, what shrank, and in which layer, package and file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from imagelint.image.analyze import analyze
from imagelint.image.merged import Merged
from imagelint.image.model import Image
from imagelint.image.report import LayerReport, Package, Report

ADDED, REMOVED, CHANGED, METADATA_ONLY, SAME = "added", "removed", "changed", "metadata-only", "same"
_SETTINGS = (
    "Env",
    "Entrypoint",
    "Cmd",
    "User",
    "WorkingDir",
    "ExposedPorts",
    "Volumes",
    "Labels",
    "StopSignal",
    "Shell",
    "Healthcheck",
    "OnBuild",
)


@dataclass(frozen=True, slots=True)
class LayerChange:
    """A layer of either image, or of both: `same` where it is the very same, `changed` where its command is."""

    change: str
    old: LayerReport | None
    new: LayerReport | None

    @property
    def delta_bytes(self) -> int:
        """By how many layer bytes it grew."""
        return (self.new.layer_bytes if self.new else 0) - (self.old.layer_bytes if self.old else 0)


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A package that came, went, or has another version or size; `layer` is that of the new image, or None."""

    manager: str
    name: str
    old_version: str | None
    new_version: str | None
    delta_bytes: int
    layer: int | None


@dataclass(frozen=True, slots=True)
class PathChange:
    """A path of the merged file systems that came, went or changed; `layer` is that of the new image, or None.

    The bytes of a file with several hard links are those of its first path.
    """

    path: str
    change: str
    delta_bytes: int
    layer: int | None


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A part of the configuration that changed, such as `Env.PATH` or `Cmd`; None where it is not set."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two images' reports and everything that differs. Deltas are new less old, in bytes.

    The layers' deltas add up to the difference of the layer bytes, the paths' to that of the live bytes.
    `old_unique` and `new_unique` are the layer bytes of layers that the other image has not.
    """

    old: Report
    new: Report
    layers: tuple[LayerChange, ...]
    packages: tuple[PackageChange, ...]
    paths: tuple[PathChange, ...]
    settings: tuple[SettingChange, ...]
    old_unique: int
    new_unique: int

    @property
    def delta_bytes(self) -> int:
        """By how many layer bytes the image grew."""
        return self.new.image.layer_bytes - self.old.image.layer_bytes

    @property
    def compressed_delta(self) -> int | None:
        """By how many compressed bytes it grew, where both are known."""
        old, new = self.old.image.compressed_bytes, self.new.image.compressed_bytes
        return None if old is None or new is None else new - old

    @property
    def base_delta(self) -> int:
        """The part of the growth that is the base image's."""
        return _base_bytes(self.new) - _base_bytes(self.old)


def compare(old: Merged, new: Merged, old_base: int | None = None, new_base: int | None = None) -> Comparison:
    """Compares two images, of which so many layers are known to be their base images'.

    Lowest layers that both have, and that are the base image's in one, are it in the other too.
    """
    before, after = analyze(old, old_base), analyze(new, new_base)
    shared = _shared_base(before.layers, after.layers)
    before, after = _with_base(before, shared), _with_base(after, shared)
    theirs = {layer.diff_id for layer in before.layers}, {layer.diff_id for layer in after.layers}
    return Comparison(
        before,
        after,
        tuple(_layers(before.layers, after.layers)),
        tuple(_packages(before.packages, after.packages)),
        tuple(_paths(old, new)),
        tuple(_settings(old.image, new.image)),
        sum(layer.layer_bytes for layer in before.layers if layer.diff_id not in theirs[1]),
        sum(layer.layer_bytes for layer in after.layers if layer.diff_id not in theirs[0]),
    )


def _shared_base(old: Sequence[LayerReport], new: Sequence[LayerReport]) -> int:
    """How many of the lowest layers both have and either knows to be the base image's."""
    count = 0
    for before, after in zip(old, new, strict=False):
        if before.diff_id != after.diff_id or not (before.base or after.base):
            break
        count += 1
    return count


def _with_base(report: Report, count: int) -> Report:
    """A report in which so many of the lowest layers, at least, are the base image's."""
    layers = (
        each if each.base or each.index >= count else LayerReport(**{**vars(each), "base": True})
        for each in report.layers
    )
    return report._replace(layers=tuple(layers))


def _base_bytes(report: Report) -> int:
    return sum(layer.layer_bytes for layer in report.layers if layer.base)


def _layers(old: Sequence[LayerReport], new: Sequence[LayerReport]) -> Iterator[LayerChange]:
    """Layers in order: the same ones are found by their diff_ids, then those between them by their commands."""
    matcher = SequenceMatcher(None, [each.diff_id for each in old], [each.diff_id for each in new], autojunk=False)
    for kind, old_start, old_stop, new_start, new_stop in matcher.get_opcodes():
        if kind == "equal":
            for before, after in zip(old[old_start:old_stop], new[new_start:new_stop], strict=True):
                yield LayerChange(SAME, before, after)
        else:
            yield from _between(old[old_start:old_stop], new[new_start:new_stop])


def _between(old: Sequence[LayerReport], new: Sequence[LayerReport]) -> Iterator[LayerChange]:
    matcher = SequenceMatcher(None, [each.command for each in old], [each.command for each in new], autojunk=False)
    for kind, old_start, old_stop, new_start, new_stop in matcher.get_opcodes():
        if kind == "equal":
            for before, after in zip(old[old_start:old_stop], new[new_start:new_stop], strict=True):
                yield LayerChange(CHANGED, before, after)
        else:
            yield from (LayerChange(REMOVED, each, None) for each in old[old_start:old_stop])
            yield from (LayerChange(ADDED, None, each) for each in new[new_start:new_stop])


def _packages(old: Sequence[Package], new: Sequence[Package]) -> list[PackageChange]:
    """Packages that differ, those that grew most first. Several of one name are told apart by their versions."""
    before, after = _by_name(old), _by_name(new)
    found: list[PackageChange] = []
    for manager, name in before.keys() | after.keys():
        was, now = before.get((manager, name), []), after.get((manager, name), [])
        common = {each.version for each in was} & {each.version for each in now}
        for version in common:
            pair = [next(each for each in side if each.version == version) for side in (was, now)]
            if pair[0].bytes != pair[1].bytes:
                found.append(_changed(manager, name, *pair))
        left = [each for each in was if each.version not in common]
        right = [each for each in now if each.version not in common]
        found += (_changed(manager, name, one, other) for one, other in zip_longest(left, right))
    return sorted(found, key=lambda each: (-each.delta_bytes, each.manager, each.name, each.new_version or ""))


def _changed(manager: str, name: str, old: Package | None, new: Package | None) -> PackageChange:
    return PackageChange(
        manager,
        name,
        old.version if old else None,
        new.version if new else None,
        (new.bytes if new else 0) - (old.bytes if old else 0),
        new.layer if new else None,
    )


def _by_name(packages: Sequence[Package]) -> dict[tuple[str, str], list[Package]]:
    found: dict[tuple[str, str], list[Package]] = {}
    for each in sorted(packages, key=lambda each: each.version):
        found.setdefault((each.manager, each.name), []).append(each)
    return found


class _Files:
    """What stands at each path of a merged image."""

    def __init__(self, side: Merged) -> None:
        self.paths = side.tree.paths
        self._tree = side.tree
        self._indexes = side.indexes
        self._first = side.tree.files()

    def state(self, path: str) -> tuple[Any, ...]:
        """Type, size, content and link target of what stands at a path."""
        node = self.paths[path]
        if node < 0:
            return ()
        layer, row = self._tree.place(node)
        index = self._indexes[layer]
        return index.types[row], index.sizes[row], index.contents[row], index.links.get(row)

    def attributes(self, path: str) -> tuple[int, int, int] | None:
        """Mode, user and group."""
        node = self.paths[path]
        if node < 0:
            return None
        layer, row = self._tree.place(node)
        index = self._indexes[layer]
        return index.owners[index.attributes[row]]

    def bytes(self, path: str) -> int:
        """The bytes that are counted for a path."""
        node = self._first.get(path)
        return self._tree.sizes[node] if node is not None else 0

    def layer(self, path: str) -> int | None:
        """The layer that stores it."""
        node = self.paths[path]
        return self._tree.place(node)[0] if node >= 0 else None


def _paths(old: Merged, new: Merged) -> list[PathChange]:
    """Every path that differs, those that grew most first, then by name."""
    before, after = _Files(old), _Files(new)
    gone, come = before.paths.keys() - after.paths.keys(), after.paths.keys() - before.paths.keys()
    found = [PathChange(f"/{path}", REMOVED, -before.bytes(path), None) for path in gone]
    found += (PathChange(f"/{path}", ADDED, after.bytes(path), after.layer(path)) for path in come)
    for path in before.paths.keys() & after.paths.keys():
        delta = after.bytes(path) - before.bytes(path)
        if delta or before.state(path) != after.state(path):
            found.append(PathChange(f"/{path}", CHANGED, delta, after.layer(path)))
        elif before.attributes(path) != after.attributes(path):
            found.append(PathChange(f"/{path}", METADATA_ONLY, 0, after.layer(path)))
    return sorted(found, key=lambda each: (-each.delta_bytes, each.path))


def _settings(old: Image, new: Image) -> Iterator[SettingChange]:
    """What differs in the configurations, variables and labels one by one."""
    before, after = _flat(old), _flat(new)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield SettingChange(name, before.get(name), after.get(name))
    if old.platform != new.platform:
        yield SettingChange("platform", old.platform, new.platform)


def _flat(image: Image) -> dict[str, Any]:
    document = json.loads(image.config)
    settings = document.get("config")
    found: dict[str, Any] = {}
    for name in _SETTINGS if isinstance(settings, dict) else ():
        value = settings.get(name)
        if name == "Env" and isinstance(value, list):
            found |= {f"Env.{key}": content for each in value for key, _, content in (str(each).partition("="),)}
        elif isinstance(value, dict):
            found |= {f"{name}.{key}": content for key, content in value.items()}
        elif value:
            found[name] = value
    return found
