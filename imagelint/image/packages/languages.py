"""The packages of languages: Python's distributions, Node's, Ruby's gems, programs of Go, archives of Java."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from posixpath import normpath

from imagelint.image.elf import MAGIC, Elf
from imagelint.image.packages.record import Installed
from imagelint.image.packages.system import Records

_PYTHON_ENDINGS = ("/METADATA", "/PKG-INFO")
_JAVA = re.compile(r"(?P<name>.+?)-(?P<version>\d[\w.+-]*)$")
_JAVA_NUMBER = re.compile(r"-([A-Za-z]+)[\w.+]*-(?=\d)")
_NAME_BYTES = 255  # Linux's NAME_MAX: a longer name is no file's, and matching takes its length squared
_JAVA_ENDINGS = (".jar", ".war", ".ear")
#: Words of a version that a number may follow; any other word is still the name: `log4j-1.2-api-2.17`.
_JAVA_WORDS = frozenset(
    "a alpha android b beta build cr dev ea final ga incubating java jdk jre linux m macos osx p pre preview r rc "
    "release rev snapshot sp win windows".split()
)


def python(records: Records) -> Iterator[Installed]:
    """Distributions as pip installs them (PEP 376, PEP 627), and eggs' directories.

    One whose metadata are another's files is part of that: setuptools brings a dozen along that pip does not list.
    """
    found = {path: _distribution(path, records) for path in records if path.endswith(_PYTHON_ENDINGS)}
    listed: dict[str, set[str]] = {}
    for path, package in found.items():
        for each in package.paths:
            if each in found:
                listed.setdefault(each, set()).add(path)
    for path, package in found.items():
        if listed.get(path, set()) <= {path}:
            yield package


def _distribution(path: str, records: Records) -> Installed:
    name, _, version = records[path].decode("utf-8", "replace").partition("\t")
    folder = path.rpartition("/")[0]
    site = folder.rpartition("/")[0]
    package = Installed("pip", name or folder.rpartition("/")[2].partition("-")[0], version, folders=[folder])
    record = records.get(f"{folder}/RECORD", b"").decode("utf-8", "surrogateescape")
    package.paths += (_joined(site, line) for line in record.split("\n") if line)
    # `pip install --target` moves the programs to the folder's own bin, and leaves the RECORD as it was.
    package.paths += (f"{site}/{line[6:]}" for line in record.split("\n") if line.startswith("../../bin/"))
    listed = records.get(f"{folder}/installed-files.txt", b"").decode("utf-8", "surrogateescape")
    package.paths += (_joined(folder, line) for line in listed.split("\n") if line)
    return package


def _joined(folder: str, path: str) -> str:
    return normpath(path if path.startswith("/") else f"/{folder}/{path}").lstrip("/")


def node(records: Records) -> Iterator[Installed]:
    """Packages in a `node_modules`, each with all that its folder holds but others' folders."""
    for path, content in records.items():
        if path.endswith("/package.json"):
            folder = path.rpartition("/")[0]
            owner, _, last = folder.rpartition("/")
            scoped = owner.rpartition("/")[2].startswith("@")
            if (owner.rpartition("/")[0] if scoped else owner).rpartition("/")[2] == "node_modules" and content:
                name, _, version = content.decode("utf-8", "replace").partition("\t")
                yield Installed("npm", name or last, version, folders=[folder])


def ruby(records: Records, files: Iterable[str]) -> Iterator[Installed]:
    """Gems, by their specifications, each with the folders of its name."""
    built: dict[tuple[str, str], dict[str, None]] | None = None
    for path, content in records.items():
        if path.endswith(".gemspec"):
            folder, _, last = path.rpartition("/")
            home = folder.removesuffix("/default").rpartition("/")[0]
            full = last.removesuffix(".gemspec")
            name, _, version = content.decode("utf-8", "replace").partition("\t")
            built = _extensions(files) if built is None else built
            folders = [*(f"{home}/{kind}/{full}" for kind in ("gems", "doc")), *built.get((home, full), ())]
            yield Installed("gem", name or full.rpartition("-")[0], version or full.rpartition("-")[2], [path], folders)


def _extensions(files: Iterable[str]) -> dict[tuple[str, str], dict[str, None]]:
    """Where gems' compiled parts are, `extensions/PLATFORM/API/GEM`, by the gems' home and the gem's full name."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for path in files:
        home, between, rest = path.partition("/extensions/")
        parts = rest.split("/", 3)
        if between and len(parts) > 3:
            found.setdefault((home, parts[2]), {})[f"{home}{between}{'/'.join(parts[:3])}"] = None
    return found


def go(records: Records) -> Iterator[Installed]:
    """Programs that Go has built, by the module in them."""
    for path, content in records.items():
        if content.startswith(MAGIC) and (module := Elf.decode(content).go):
            name, _, version = module.partition("\t")
            yield Installed("go", name, version, [path])


def java(paths: Iterable[str]) -> Iterator[Installed]:
    """Archives of Java, by their names."""
    for path in paths:
        if path.endswith(_JAVA_ENDINGS):
            name, version = _versioned(path.rpartition("/")[2].rpartition(".")[0])
            yield Installed("java", name, version, [path])


def _versioned(stem: str) -> tuple[str, str]:
    """An archive's name and version, as far as `NAME-VERSION` tells them apart."""
    found = _JAVA.match(stem) if len(stem) <= _NAME_BYTES else None
    if found is None:
        return stem, ""
    start = found.start("version")
    for word in _JAVA_NUMBER.finditer(stem, start):
        if word[1].lower() not in _JAVA_WORDS:
            start = word.end()
    return stem[: start - 1], stem[start:]
