"""The folders in which an image's live bytes are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from imagelint.image.report import FolderSize

_SHARE = 0.8
"""A folder of which one folder in it has more than this is only on the way to that one."""


def heavy_folders(
    files: Mapping[str, Sequence[str]], bytes_of: Callable[[str], int], count: int
) -> tuple[FolderSize, ...]:
    """The heaviest folders; one with nearly all in a single subfolder is left out.

    `files` are the live files by folder.
    """
    sizes = defaultdict(int, {folder: sum(map(bytes_of, inside)) for folder, inside in files.items()})
    numbers = defaultdict(int, {folder: len(inside) for folder, inside in files.items()})
    parents = {folder.rpartition("/")[0] for folder in sizes}
    while missing := [folder for folder in parents if folder not in sizes]:
        for folder in missing:
            sizes[folder] += 0
            numbers[folder] += 0
        parents = {folder.rpartition("/")[0] for folder in missing if folder}
    largest: defaultdict[str, int] = defaultdict(int)
    for folder in sorted(sizes, key=lambda each: each.count("/") if each else -1, reverse=True):
        if folder:
            parent = folder.rpartition("/")[0]
            sizes[parent] += sizes[folder]
            numbers[parent] += numbers[folder]
            largest[parent] = max(largest[parent], sizes[folder])
    found = (
        FolderSize(f"/{folder}", size, numbers[folder])
        for folder, size in sizes.items()
        if folder and size and largest[folder] < _SHARE * size
    )
    return tuple(sorted(found, key=lambda each: (-each.bytes, each.path))[:count])
