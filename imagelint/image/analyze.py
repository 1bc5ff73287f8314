"""What an image's bytes are: its layers merged, and what is live, hidden and why."""

from __future__ import annotations

from collections import defaultdict
from heapq import nlargest

from imagelint.image.compat import dive_numbers
from imagelint.image.folders import heavy_folders
from imagelint.image.history import command, is_root_file_system
from imagelint.image.leftovers import leftovers
from imagelint.image.linked import live_links
from imagelint.image.merged import Merged
from imagelint.image.model import Image
from imagelint.image.report import ImageSummary, LayerReport, PathSize, Report
from imagelint.image.tree import Tree
from imagelint.image.waste import duplicate_files
from imagelint.image.wasted import summarize

LARGEST_FILES = 20
LARGEST_FOLDERS = 20


def analyze(image: Image | Merged, base_layers: int | None = None) -> Report:
    """Weighs what is live in an image, what is hidden, and why.

    `base_layers` is how many of the lowest layers are the base image's, for who knows; else only a first layer is told
    from one's own that is the root file system of a distribution.
    """
    merged = image if isinstance(image, Merged) else Merged(image)
    image, tree, indexes = merged.image, merged.tree, merged.indexes
    dive = dive_numbers([(layer.diff_id, layer.entries) for layer in image.layers], tree)
    waste = merged.wasted.ordered(duplicate_files(indexes, tree))
    by_folder, files = _by_folder(merged), merged.files
    bytes_of = dict(zip(files, map(tree.sizes.__getitem__, files.values()), strict=True)).__getitem__
    stored = sum(layer.layer_bytes for layer in image.layers)
    reclaimable = sum(merged.wasted.bytes)
    return Report(
        image=_summary(image, stored),
        layers=tuple(_layers(image, tree, base_layers)),
        live_bytes=stored - reclaimable,
        reclaimable_bytes=reclaimable,
        reclaimable=tuple(summarize(waste)),
        waste=waste,
        largest=tuple(_largest(merged)),
        packages=merged.inventory.packages if image.contents else (),
        recommended=merged.inventory.recommended if image.contents else (),
        folders=heavy_folders(by_folder, bytes_of, LARGEST_FOLDERS),
        leftovers=leftovers(by_folder, bytes_of, _other_paths(merged)),
        dive=dive,
    )


def known_base_layers(image: Image) -> int:
    """How many of the lowest layers are a base image's, as far as the image itself tells: one, or none."""
    return int(bool(image.layers) and is_root_file_system(image.layers[0].history))


def _summary(image: Image, stored: int) -> ImageSummary:
    compressed = [layer.compressed_bytes for layer in image.layers]
    known = [size for size in compressed if size is not None]
    return ImageSummary(
        reference=image.reference,
        source=image.source,
        id=image.id,
        platform=image.platform,
        layer_bytes=stored,
        compressed_bytes=sum(known) if len(known) == len(compressed) else None,
        verified=image.verified,
    )


def _layers(image: Image, tree: Tree, base_layers: int | None) -> list[LayerReport]:
    places = [place for place, entry in enumerate(image.history) if not entry.empty_layer]
    base = base_layers if base_layers is not None else known_base_layers(image)
    return [
        LayerReport(
            index=layer.index,
            diff_id=layer.diff_id,
            digest=layer.digest,
            command=command(layer.history),
            layer_bytes=layer.layer_bytes,
            compressed_bytes=layer.compressed_bytes,
            entries=len(layer.entries),
            base=layer.index < base,
            added=tree.counts[layer.index].added,
            changed=tree.counts[layer.index].changed,
            removed=tree.counts[layer.index].removed,
            history_index=places[layer.index] if layer.index < len(places) else None,
        )
        for layer in image.layers
    ]


def _largest(merged: Merged) -> list[PathSize]:
    sizes, files = merged.tree.sizes, merged.files
    top = nlargest(LARGEST_FILES, map(sizes.__getitem__, files.values()))
    found = [(path, node) for path, node in files.items() if sizes[node] >= top[-1]]
    found.sort(key=lambda file: (-sizes[file[1]], file[0]))
    return [PathSize(f"/{path}", sizes[node], merged.tree.layer(node)) for path, node in found[:LARGEST_FILES]]


def _by_folder(merged: Merged) -> dict[str, list[str]]:
    """The live files by the folder that they are in."""
    found = defaultdict[str, list[str]](list)
    for path in merged.files:
        found[path.rpartition("/")[0]].append(path)
    return found


def _other_paths(merged: Merged) -> dict[str, list[str]]:
    """Of live files with several paths: by the first by name, which they are known by, the other ones."""
    tree = merged.tree
    found: dict[str, list[str]] = {}
    for node, links in live_links(merged.indexes, tree).items():
        layer, row = tree.place(node)
        own = merged.indexes[layer].paths[row]
        first, *others = sorted([own, *links] if tree.paths.get(own) == node else links)
        found[first] = others
    return found
