"""Finding files in a merged image, by the paths that people give: through links, and never out of the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import dirname, normpath

from imagelint.errors import InputError
from imagelint.image.merged import Merged
from imagelint.image.tar import BLOCK_DEVICE, CHARACTER, DIRECTORY, FIFO, HARD_LINK, REGULAR, SYMBOLIC_LINK

_HOPS = 40  # what Linux allows (path_resolution(7))
_LETTERS = {
    REGULAR: "-",
    HARD_LINK: "-",
    SYMBOLIC_LINK: "l",
    DIRECTORY: "d",
    CHARACTER: "c",
    BLOCK_DEVICE: "b",
    FIFO: "p",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path: its kind as `ls -l` has it, permission bits, owners, time, bytes, and its layer.

    `layer` is None for a directory that no layer has an entry for. `hidden_by` is the layer that hides an entry, None
    for one that is live.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    time: int
    bytes: int
    layer: int | None
    target: str | None = None
    hidden_by: int | None = None


def resolve(merged: Merged, path: str, *, last: bool = True) -> str:
    """The path that a path leads to, relative to the root, its links followed, the last one only if asked to.

    Raises InputError for what is not there, and for links that lead in a circle.
    """
    hops = 0
    todo = [part for part in _cleaned(path).split("/") if part]
    at = ""
    while todo:
        name = todo.pop(0)
        if name == "..":
            at = dirname(at)
            continue
        here = f"{at}/{name}".lstrip("/")
        if here not in merged.tree.paths:
            raise InputError(f"{merged.image.reference} has no {shown(path)}")
        target = link_target(merged, here)
        if target is not None and (todo or last):
            hops += 1
            if hops > _HOPS:
                raise InputError(f"{shown(path)}: its links lead in a circle")
            parts = [part for part in target.split("/") if part not in ("", ".")]
            todo = parts + todo
            at = "" if target.startswith("/") else at
        else:
            at = here
    return at


def link_target(merged: Merged, path: str) -> str | None:
    """Where a symbolic link points; None for anything else."""
    node = merged.tree.paths.get(path, -1)
    if node < 0:
        return None
    layer, row = merged.tree.place(node)
    index = merged.indexes[layer]
    return index.links[row] if index.types[row] == SYMBOLIC_LINK else None


def live(merged: Merged, path: str, *, recursive: bool = False) -> Iterator[Entry]:
    """What is in a directory, or the file itself, by name; all that is below it if asked to."""
    if path and not merged.tree.is_directory(path):
        yield entry(merged, path)
        return
    todo = sorted(merged.tree.children(path), reverse=True)
    while todo:
        child = todo.pop()
        yield entry(merged, child)
        if recursive and merged.tree.is_directory(child):
            todo += sorted(merged.tree.children(child), reverse=True)


def hidden(merged: Merged, path: str) -> Iterator[Entry]:
    """The files with bytes at or below a path that a layer stores and another one hides."""
    inside = f"{path}/" if path else ""
    for death, file in merged.hidden:
        if death.path == path or death.path.startswith(inside):
            found = _of_node(merged, death.path, death.node)
            yield Entry(
                found.path, found.kind, found.mode, found.uid, found.gid, found.time, found.bytes, file.stored_by, None,
                death.layer,
            )  # fmt: skip


def entry(merged: Merged, path: str) -> Entry:
    """What stands at a path."""
    node = merged.tree.paths[path]
    if node < 0:
        return Entry(f"/{path}", "d", 0o755, 0, 0, 0, 0, None)
    return _of_node(merged, path, node)


def _of_node(merged: Merged, path: str, node: int) -> Entry:
    layer, row = merged.tree.place(node)
    index = merged.indexes[layer]
    kind = index.types[row]
    mode, uid, gid = index.owners[index.attributes[row]]
    target = index.links.get(row) if kind == SYMBOLIC_LINK else None
    return Entry(f"/{path}", _LETTERS.get(kind, "?"), mode, uid, gid, index.times[row], index.sizes[row], layer, target)


def was_there(merged: Merged, path: str) -> str | None:
    """A path at or below which layers store what others hide, relative to the root; None where nothing is."""
    wanted = _cleaned(path)
    return wanted if next(hidden(merged, wanted), None) is not None else None


def stored(merged: Merged, path: str, layer: int | None) -> tuple[int, int]:
    """The layer and the row of the regular file that a path leads to, or that a given layer has at that very path.

    Raises InputError where there is none.
    """
    if layer is None:
        try:
            at = resolve(merged, path)
        except InputError as error:
            if (gone := _layer_of_hidden(merged, path)) is None:
                raise
            hint = f"layer {gone} has it, and a later one hides it: --layer {gone}"
            raise InputError(error.message, hint=hint) from None
        node = merged.tree.paths.get(at, -1)
        kind = entry(merged, at).kind
        if kind != "-" or node < 0:
            what = {"d": "a directory", "l": "a link"}.get(kind, "a device")
            raise InputError(f"{shown(path)} is {what}, not a file", hint="imagelint ls lists directories")
        return merged.tree.place(node)
    if not 0 <= layer < len(merged.indexes):
        raise InputError(f"there is no layer {layer}: they are counted from 0, and the image has {len(merged.indexes)}")
    row = _row(merged, layer, _cleaned(path))
    if row is None:
        raise InputError(f"layer {layer} has no file {shown(path)}")
    return layer, row


def _layer_of_hidden(merged: Merged, path: str) -> int | None:
    """The last layer that has a file at a path at which nothing is any more; None where none has."""
    wanted = _cleaned(path)
    if wanted in merged.tree.paths:
        return None
    layers = range(len(merged.indexes) - 1, -1, -1)
    return next((layer for layer in layers if _row(merged, layer, wanted) is not None), None)


def _row(merged: Merged, layer: int, path: str) -> int | None:
    """Where a layer has the file at a path; a hard link's is that of what it leads to. None where it has none."""
    index = merged.indexes[layer]
    row = len(index)
    for _ in range(_HOPS):
        if path not in index.paths:
            return None
        # Of two entries of one path the last counts; what a link leads to comes before it.
        row = next((each for each in range(row - 1, -1, -1) if index.paths[each] == path), -1)
        if row < 0 or index.types[row] != HARD_LINK:
            return row if row >= 0 and index.types[row] == REGULAR else None
        path = index.links[row]
    return None


def _cleaned(path: str) -> str:
    return normpath(f"/{path}").lstrip("/")


def shown(path: str) -> str:
    """A path for a message."""
    return path if len(path) <= 200 else f"{path[:200]}…"
