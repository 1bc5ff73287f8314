"""What would be left of an image if a builder stage did the building, and the final one only took what was made.

Three sets of files, each smaller than the one before: whole folders of everything that no package owns, as a person
copies them; the same without sources and intermediate files; and without a base image at all, with the very libraries
that the files load. Which libraries these are is read from the files themselves (`NEEDED`); what a program opens by
name while it runs is not to be seen there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from posixpath import dirname, normpath

from imagelint.image.elf import MAGIC, Elf
from imagelint.image.limits import PATH_BYTES
from imagelint.image.packages.inventory import Inventory
from imagelint.pricing.ledger import Ledger, Nodes
from imagelint.pricing.predictions import LOWER_BOUND, MULTI_STAGE, MULTI_STAGE_MINIMAL, Prediction

#: Where a loader looks without being told (ld.so(8)), and where distributions tell it to.
_FOLDERS = (
    "usr/lib/{}-linux-gnu",
    "lib/{}-linux-gnu",
    "usr/lib64",
    "lib64",
    "usr/lib",
    "lib",
    "usr/local/lib",
    "usr/local/lib64",
)
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i386", "arm": "arm", "ppc64le": "powerpc64le"}
# What a build needs and a run does not, by ending, by folder, and by name.
_BUILT_FROM = "c h i cc cpp cxx hh hpp hxx m4 am ac in rs java kt scala go ts tsx".split()
_BUILT = "d o a la lo lai gch pch rlib rmeta map whl pyc".split()
_ENDINGS = frozenset((*_BUILT_FROM, *_BUILT))
_INTERMEDIATE_FOLDERS = frozenset(
    ".git .svn .hg autom4te.cache CMakeFiles .deps .libs __pycache__ .cache .npm .m2 .gradle .cargo".split()
)
_CONFIGURING = "configure config.log config.status config.guess config.sub missing depcomp compile".split()
_NAMES = frozenset((*_CONFIGURING, "libtool", "ltmain.sh", "install-sh"))
_NAMED = 8
_TRIED = 4_000_000
"""Places at which libraries are looked for in all; 10,000 files that load 10 each, from 20 folders, come to half of it.

One small file can name thousands of libraries, and thousands of folders to look in.
"""


def rungs(ledger: Ledger, inventory: Inventory, base_layers: int | None) -> list[Prediction]:
    """The rungs of a multi-stage build; none where it is not known which layers are the base image's."""
    finder = _Libraries(ledger, inventory)
    out: list[Prediction] = []
    if base_layers is not None:
        base = sum(index.layer_bytes for index in ledger.indexes[:base_layers])
        own = made(ledger, inventory, base_layers)
        for name, files, what in (
            (MULTI_STAGE, own, "every file that no package owns"),
            (
                MULTI_STAGE_MINIMAL,
                without_intermediates(inventory, own),
                "what was made, without sources and intermediates",
            ),
        ):
            packages, libraries = finder.packages(files, base_layers)
            total = base + ledger.bytes(files) + ledger.bytes(libraries)
            text = f"a final stage on the same base with {what}" + _with(packages)
            out.append(Prediction(name, (), total, text))
    files = without_intermediates(inventory, made(ledger, inventory, base_layers or 0))
    bound = files | finder.files(files)
    text = "the files that no package owns and the very libraries that they load, on no base image at all"
    out.append(Prediction(LOWER_BOUND, (), ledger.bytes(bound), text))
    return out


def made(ledger: Ledger, inventory: Inventory, base_layers: int) -> Nodes:
    """The live files above the base image that are no package's, and no package manager's."""
    start = ledger.tree.start(base_layers) if base_layers < len(ledger.indexes) else len(ledger.tree.sizes)
    owned = inventory.owner
    packages = inventory.installed
    return frozenset(
        node
        for path, node in inventory.files.items()
        if node >= start
        and not inventory.is_state(path)
        # Packages of languages are what a build brings, and are copied with the folder that they are in.
        and (node not in owned or packages[owned[node]].manager not in ("dpkg", "apk", "rpm"))
    )


def without_intermediates(inventory: Inventory, nodes: Nodes) -> Nodes:
    """Those of the files that are neither sources nor what a compiler leaves."""
    folders: dict[str, bool] = {}
    found: set[int] = set()
    for path, node in inventory.files.items():
        if node in nodes:
            folder, _, name = path.rpartition("/")
            if folder not in folders:
                folders[folder] = not _INTERMEDIATE_FOLDERS.isdisjoint(folder.split("/"))
            _, dot, ending = name.rpartition(".")
            by_name = (dot and ending in _ENDINGS) or name in _NAMES or name.startswith("Makefile")
            if not by_name and not folders[folder]:
                found.add(node)
    return frozenset(found)


class _Libraries:
    """The libraries that files load, found as the loader finds them."""

    def __init__(self, ledger: Ledger, inventory: Inventory) -> None:
        self._ledger = ledger
        self._inventory = inventory
        # A record is known by the path that its layer has it at, which of several links need not be the first by name.
        self._paths = {ledger.tree.paths[path]: path for path in inventory.records}
        machine = ledger.image.platform.split("/")[1:2]
        name = _MACHINES.get(machine[0] if machine else "", "x86_64")
        folders = [folder.format(name) for folder in _FOLDERS]
        self._loaded: dict[int, tuple[int, ...]] = {}  # by node, since several rungs ask
        self._room = _TRIED
        self._folders = list(dict.fromkeys(inventory.real(f"{folder}/x").rpartition("/")[0] for folder in folders))

    def packages(self, files: Nodes, base_layers: int) -> tuple[tuple[str, ...], Nodes]:
        """The packages that the base image lacks and whose libraries the files load, by name, and all their files."""
        inventory = self._inventory
        places = {
            inventory.owner[node]
            for node in self.files(files)
            if self._ledger.tree.layer(node) >= base_layers and node in inventory.owner
        }
        names = tuple(sorted(inventory.installed[place].name for place in places))
        return names, frozenset(node for node, place in inventory.owner.items() if place in places)

    def files(self, files: Nodes) -> Nodes:
        """The libraries and loaders that the files load, directly or not."""
        seen: set[int] = set()
        todo = list(files)
        while todo:
            node = todo.pop()
            for found in self._loads(node):
                if found not in seen:
                    seen.add(found)
                    todo.append(found)
        return frozenset(seen - files)

    def _loads(self, node: int) -> tuple[int, ...]:
        """The loader and the libraries that a file names, as far as they are there; nothing for what is no ELF file."""
        if node not in self._loaded:
            path = self._paths.get(node, "")
            content = self._inventory.records.get(path, b"")
            self._loaded[node] = tuple(self._find(path, Elf.decode(content))) if content.startswith(MAGIC) else ()
        return self._loaded[node]

    def _find(self, path: str, elf: Elf) -> Iterator[int]:
        origin = dirname(path)
        folders = [*self._own(elf, origin), *self._folders, origin]
        if elf.interpreter and (node := self._node(elf.interpreter.lstrip("/"))) is not None:
            yield node
        for name in elf.needed:
            candidates: Iterable[str] = [name.lstrip("/")] if "/" in name else (f"{each}/{name}" for each in folders)
            for each in islice(candidates, self._room):
                self._room -= 1
                if (node := self._node(each)) is not None:
                    yield node
                    break

    def _own(self, elf: Elf, origin: str) -> Iterator[str]:
        """The folders in which a file itself wants its libraries to be looked for."""
        for each in islice(elf.runpath, self._room):
            self._room -= 1
            if len(each) + each.count("$") * len(origin) <= PATH_BYTES:
                here = each.replace("$ORIGIN", f"/{origin}").replace("${ORIGIN}", f"/{origin}")
                yield normpath(f"/{here}").strip("/")

    def _node(self, path: str) -> int | None:
        """The file that a path leads to, through links."""
        for _ in range(16):
            path = self._inventory.real(path)
            node = self._ledger.tree.paths.get(path, -1)
            if node < 0:
                return None
            target = self._inventory.link(path)
            if target is None:
                return node if self._ledger.tree.sizes[node] else None
            path = target
        return None


def _with(packages: Sequence[str]) -> str:
    if not packages:
        return ""
    more = f" and {len(packages) - _NAMED} more" if len(packages) > _NAMED else ""
    return f", and the packages whose libraries it loads: {', '.join(packages[:_NAMED])}{more}"
