"""The merged tree equals a naive one that knows only what the OCI specification says, written without looking at it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from imagelint.image.index import LayerIndex, index_layer
from imagelint.image.tar import TarReader
from imagelint.image.tree import Tree
from imagelint.image.waste import hidden_files
from imagelint.image.wasted import summarize
from imagelint.testing import LayerBuilder

Entry = tuple[str, str, bytes | str]  # kind, path, content or target


@dataclass(eq=False)
class Inode:
    """A file of the naive model; two are the same only if they are one."""

    kind: str
    layer: int
    content: bytes = b""
    paths: set[str] = field(default_factory=set)
    implied: bool = False


class Model:
    """A file system as a plain mapping, copied for every layer and searched from end to end for every question."""

    def __init__(self) -> None:
        self.files: dict[str, Inode] = {}
        self.inodes: list[Inode] = []
        self.hidden: list[tuple[Inode, str, int]] = []
        self.layers = 0

    def apply(self, entries: list[Entry]) -> None:
        layer = self.layers
        self.layers += 1
        whiteouts = [path for kind, path, _ in entries if kind == "whiteout"]
        opaques = [path for kind, path, _ in entries if kind == "opaque"]
        before = dict(self.files)
        for path in before:
            hidden = any(path != opaque and within(path, opaque) for opaque in opaques)
            if hidden or any(within(path, removed) for removed in whiteouts):
                del self.files[path]
        for kind, path, value in entries:
            self.enter(layer, kind, path, value)
        alive = {id(inode) for inode in self.files.values()}
        for inode in [inode for inode in self.inodes if id(inode) not in alive]:
            self.inodes.remove(inode)
            if inode.content:
                self.hidden.append((inode, self.reason(inode, entries, whiteouts, opaques), layer))

    def enter(self, layer: int, kind: str, path: str, value: bytes | str) -> None:
        parents = path.split("/")[:-1]
        if kind == "opaque":
            parents = path.split("/") if path else []
        for depth in range(1, len(parents) + 1):
            self.directory(layer, "/".join(parents[:depth]), implied=True)
        if kind in ("whiteout", "opaque"):
            return
        if kind == "directory":
            self.directory(layer, path, implied=False)
            return
        inode = self.files.get(str(value)) if kind == "hardlink" else None
        if inode is not None and inode.kind == "directory":
            inode = None
        if inode is not None and inode is self.files.get(path):
            return
        if inode is None:
            inode = Inode(kind, layer, value if isinstance(value, bytes) else b"")
            self.inodes.append(inode)
        self.put(path, inode)

    def directory(self, layer: int, path: str, *, implied: bool) -> None:
        old = self.files.get(path)
        if old is not None and old.kind == "directory":
            if not implied:
                old.layer, old.implied = layer, False
            return
        self.put(path, Inode("directory", layer, implied=implied))

    def put(self, path: str, inode: Inode) -> None:
        for below in [below for below in self.files if within(below, path)]:
            del self.files[below]
        self.files[path] = inode
        inode.paths.add(path)

    def reason(self, inode: Inode, entries: list[Entry], whiteouts: list[str], opaques: list[str]) -> str:
        """Of an inode that only ever had one path."""
        (path, *others) = inode.paths
        if others:
            return "any"
        layer = self.layers - 1
        successor = self.files.get(path)
        if successor is not None:
            return "metadata-only" if successor.content == inode.content else "overwritten"
        same = sum(kind == "file" and value == inode.content for kind, _, value in entries)
        if same > (inode.layer == layer):
            return "moved"
        if inode.layer == layer or any(within(path, removed) for removed in whiteouts):
            return "removed"
        return "opaque" if any(within(path, opaque) and path != opaque for opaque in opaques) else "removed"


def within(path: str, directory: str) -> bool:
    return not directory or path == directory or path.startswith(directory + "/")


names = st.sampled_from(["a", "b", "c"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
contents = st.sampled_from([b"", b"1", b"22", b"33", b"4444"])
entries = st.one_of(
    st.tuples(st.just("file"), paths, contents),
    st.tuples(st.just("directory"), paths, st.just("")),
    st.tuples(st.just("symlink"), paths, paths),
    st.tuples(st.just("hardlink"), paths, paths),
    st.tuples(st.just("whiteout"), paths, st.just("")),
    st.tuples(st.just("opaque"), st.one_of(paths, st.just("")), st.just("")),
)
images = st.lists(st.lists(entries, max_size=8), min_size=1, max_size=4)


def index(layer: list[Entry]) -> LayerIndex:
    builder = LayerBuilder()
    for kind, path, value in layer:
        match kind:
            case "file":
                assert isinstance(value, bytes)
                builder.file(path, value)
            case "symlink" | "hardlink":
                getattr(builder, kind)(path, value)
            case _:
                getattr(builder, kind)(path)
    return index_layer(TarReader([builder.tar()]))


@settings(max_examples=500)
@given(images)
def test_equals_the_naive_model(image: list[list[Entry]]) -> None:
    model = Model()
    for layer in image:
        model.apply(layer)
    indexes = [index(layer) for layer in image]
    tree = Tree(indexes)
    hidden = list(hidden_files(indexes, tree))

    assert set(tree.paths) == set(model.files)
    assert sorted((file.stored_by, file.hidden_by, file.bytes) for file in hidden) == sorted(
        (inode.layer, layer, len(inode.content)) for inode, _, layer in model.hidden
    )
    found = {(file.path, file.stored_by, file.bytes): file.reason for file in hidden}
    for inode, reason, _ in model.hidden:
        if reason != "any":
            (path,) = inode.paths
            key = (f"/{path}", inode.layer, len(inode.content))
            if sum((f"/{path}", file.stored_by, file.bytes) == key for file in hidden) == 1:
                assert found[key] == reason


@given(images)
def test_live_and_reclaimable_bytes_are_the_stored_ones(image: list[list[Entry]]) -> None:
    indexes = [index(layer) for layer in image]
    tree = Tree(indexes)
    live = {node: indexes[tree.place(node)[0]].sizes[tree.place(node)[1]] for node in tree.paths.values() if node >= 0}
    reclaimable = sum(entry.bytes for entry in summarize(hidden_files(indexes, tree)))
    assert sum(live.values()) + reclaimable == sum(layer.layer_bytes for layer in indexes)


@given(images, st.randoms(use_true_random=False))
def test_markers_act_alike_wherever_they_stand_in_the_tar(image: list[list[Entry]], random: object) -> None:
    def shuffled(layer: list[Entry]) -> list[Entry]:
        """The layer with its markers put elsewhere; where they imply a directory, order may matter."""
        markers = [entry for entry in layer if entry[0] in ("whiteout", "opaque")]
        others = [entry for entry in layer if entry[0] not in ("whiteout", "opaque")]
        random.shuffle(markers)  # type: ignore[attr-defined]
        return others + markers if random.random() < 0.5 else markers + others  # type: ignore[attr-defined]

    layers = [[entry for entry in layer if "/" not in entry[1] or entry[0] != "whiteout"] for layer in image]
    layers = [[entry for entry in layer if entry[0] != "opaque" or not entry[1]] for layer in layers]
    first, second = ([index(layer) for layer in order] for order in (layers, [shuffled(layer) for layer in layers]))
    hidden = [sorted(map(repr, hidden_files(indexes, Tree(indexes)))) for indexes in (first, second)]
    assert hidden[0] == hidden[1]
