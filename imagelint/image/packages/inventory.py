"""The packages of an image, and which of its live bytes are whose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from posixpath import dirname, normpath

from imagelint.image.index import LayerIndex
from imagelint.image.limits import DEFAULT_LIMITS, PATH_BYTES
from imagelint.image.packages import languages, recommends, system
from imagelint.image.packages.record import Installed
from imagelint.image.report import Package
from imagelint.image.tar import SYMBOLIC_LINK
from imagelint.image.tree import Tree

_HOPS = 16
#: What package managers know and have fetched, and what packages make when they are set up: nobody's own files.
STATE = (
    "var/lib/dpkg/",
    "var/lib/apt/",
    "var/lib/pam/",
    "var/lib/python/",
    "var/lib/systemd/",
    "var/lib/ucf/",
    "var/cache/",
    "var/log/",
    "etc/alternatives/",
    "etc/ld.so.cache",
    "etc/ssl/certs/",
    "lib/apk/db/",
    "usr/lib/apk/db/",
    "etc/apk/",
    "var/lib/rpm/",
    "usr/lib/sysimage/rpm/",
    "usr/share/rpm/",
    "var/lib/dnf/",
    "var/lib/yum/",
)


class Inventory:
    """The packages of a merged image.

    A file that several packages list belongs to the first: the distribution's before a language's, and those that are
    a single file (a program of Go, an archive of Java) last. Files that are removed, or replaced by a later layer's,
    are no package's any more than anybody's.
    """

    def __init__(self, layers: Sequence[LayerIndex], tree: Tree, files: dict[str, int]) -> None:
        """`files` are the live files' nodes by path."""
        self._layers = layers
        self._tree = tree
        self._nodes = files
        self._records = self._kept()
        self._real: dict[str, str] = {"": ""}
        self._room = DEFAULT_LIMITS.implied_bytes
        self.owner: dict[int, int] = {}
        """By node: the place of its package in `installed`."""
        self.installed: list[Installed] = []
        for package in chain(
            system.dpkg(self._records), system.apk(self._records), system.rpm(self._records),
            languages.python(self._records), languages.node(self._records), languages.ruby(self._records, self._nodes),
        ):  # fmt: skip
            self._own(package)
        self._own_folders()
        # Programs and archives that others' packages bring are parts of those.
        for package in chain(languages.go(self._records), languages.java(self._nodes)):
            self._own(package)

    @cached_property
    def packages(self) -> tuple[Package, ...]:
        """The packages with bytes of their own, the largest first; a distribution's are all there."""
        nodes: defaultdict[int, list[int]] = defaultdict(list)
        for node, place in self.owner.items():
            nodes[place].append(node)
        found = [
            self._package(each, nodes.get(place, []))
            for place, each in enumerate(self.installed)
            if place in nodes or each.manager in ("dpkg", "apk", "rpm")
        ]
        return tuple(sorted(found, key=lambda each: (-each.bytes, each.manager, each.name, each.version)))

    @cached_property
    def recommended(self) -> tuple[Package, ...]:
        """Those of dpkg's packages that are there only because others recommend them, the largest first."""
        names = set(recommends.recommended(self._records))
        return tuple(each for each in self.packages if each.manager == "dpkg" and each.name in names)

    def nodes_of(self, packages: Iterable[Package]) -> frozenset[int]:
        """The live files of packages."""
        wanted = {(each.manager, each.name, each.version) for each in packages}
        places = {
            place for place, each in enumerate(self.installed) if (each.manager, each.name, each.version) in wanted
        }
        return frozenset(node for node, place in self.owner.items() if place in places)

    @property
    def records(self) -> dict[str, bytes]:
        """What was kept of live files, by their paths."""
        return self._records

    @property
    def files(self) -> dict[str, int]:
        """The live files with bytes, by path; one with several paths has the first by name."""
        return self._nodes

    def is_state(self, path: str) -> bool:
        """Whether a file is a package manager's own."""
        return path.startswith(STATE) or ("/__pycache__/" in path and path.startswith("usr/lib/python3/"))

    def real(self, path: str) -> str:
        """A path with the symbolic links of its folders followed, so that `bin/sh` is found where `usr/bin/sh` is."""
        folder, slash, name = path.rpartition("/")
        return f"{self._folder(folder)}{slash}{name}".lstrip("/") if slash and len(path) <= PATH_BYTES else path

    def _kept(self) -> dict[str, bytes]:
        """What was kept of those files that are live."""
        found: dict[str, bytes] = {}
        paths = self._tree.paths
        for number, layer in enumerate(self._layers):
            start = self._tree.start(number)
            for row, content in layer.kept.items():
                if paths.get(layer.paths[row]) == start + row:
                    found[layer.paths[row]] = content
        return found

    def _own(self, package: Installed) -> None:
        """Gives a package each live file that it lists and that is no earlier one's; the list is not kept."""
        for path in package.paths:
            node = self._nodes.get(path)
            if node is None:
                node = self._node(self.real(path))
            if node is not None:
                self.owner.setdefault(node, len(self.installed))
        package.paths.clear()
        self.installed.append(package)

    def _node(self, path: str) -> int | None:
        """A live file with bytes, by any of its paths."""
        node = self._tree.paths.get(path, -1)
        return node if node >= 0 and self._tree.sizes[node] else None

    def _own_folders(self) -> None:
        """Gives each live file that nobody lists to the package that has the folder closest to it."""
        folders: dict[str, int] = {}
        for place, package in enumerate(self.installed):
            for folder in package.folders:
                folders.setdefault(folder, place)
        if not folders:
            return
        closest: dict[str, int | None] = {"": None}
        for path, node in self._nodes.items():
            if node not in self.owner and (owner := _closest(path.rpartition("/")[0], folders, closest)) is not None:
                self.owner[node] = owner

    def _package(self, package: Installed, nodes: list[int]) -> Package:
        by_layer: defaultdict[int, int] = defaultdict(int)
        sizes = self._tree.sizes
        for node in nodes:
            by_layer[self._tree.layer(node)] += sizes[node]
        layer = max(by_layer, key=lambda each: (by_layer[each], -each), default=0)
        return Package(package.manager, package.name, package.version, sum(by_layer.values()), len(nodes), layer)

    def _folder(self, folder: str) -> str:
        """A folder with symbolic links followed; as it is, where records name more of them than an image has."""
        missing: list[str] = []
        while folder not in self._real and self._room > 0:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        at = self._real.get(folder, folder)
        for each in reversed(missing):
            at = f"{at}/{each.rpartition('/')[2]}".lstrip("/")
            for _ in range(_HOPS):
                target = self.link(at)
                if target is None:
                    break
                at = target
            self._real[each] = at
            self._room -= len(each) + len(at)
        return at

    def link(self, path: str) -> str | None:
        """Where a symbolic link leads; None for what is none."""
        node = self._tree.paths.get(path, -1)
        if node < 0:
            return None
        layer, row = self._tree.place(node)
        index = self._layers[layer]
        if index.types[row] != SYMBOLIC_LINK:
            return None
        target = index.links[row]
        return normpath(target if target.startswith("/") else f"/{dirname(path)}/{target}").lstrip("/")


def _closest(folder: str, folders: dict[str, int], known: dict[str, int | None]) -> int | None:
    """The package of the nearest folder above."""
    missing = []
    while folder not in known:
        found = folders.get(folder)
        if found is not None:
            known[folder] = found
            break
        missing.append(folder)
        folder = folder.rpartition("/")[0]
    for each in missing:
        known[each] = known[folder]
    return known[folder]
