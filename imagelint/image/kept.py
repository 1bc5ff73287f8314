"""Which files of a layer are looked into while it passes, and what is kept of them: those that packages are known by.

Of a package manager's records only the parts that are asked for are kept, so that an index stays small. Whether a file
is one of these is asked for every file of an image, and so by its last component alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from xxhash import xxh3_64_intdigest

from imagelint.image import elf, elf_stream
from imagelint.image.packages import rpm
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from imagelint.image.elf import ReadAt
    from imagelint.image.tar import TarReader

VERSION = 5
"""Of what is kept: an index that was made by another one is not used again. To be raised with each change here."""

FILE_BYTES = 256 << 20
"""A larger file is not looked into."""
TEXT_BYTES = 32 << 20
"""Nor is a larger one that is read line by line: lines take up to twenty times as much memory as their file."""
LAYER_BYTES = 128 << 20
"""What is kept of one layer's files."""
_JSON_BYTES = 1 << 20  # of a Node package's file; what Python makes of a document is up to forty times as large

Reduce = Callable[[bytes], bytes]

_DPKG_FIELDS = re.compile(
    rb"(?:Package|Status|Priority|Essential|Architecture|Version|Provides|Depends|Pre-Depends|Recommends):"
)


def keeper(path: str) -> Reduce | None:
    """What makes of a file's content what is kept; None for a file that is not looked into."""
    name = path.rpartition("/")[2]
    found = _BY_NAME.get(name)
    if found is not None:
        folders, reduce = found
        return reduce if any(path.endswith(folder) for folder in folders) else None
    ending = name[-5:]
    if ending == ".list":
        return _whole if "lib/dpkg/info/" in path else None
    if ending == "mspec":
        return _gemspec if "/specifications/" in path and name.endswith(".gemspec") else None
    if "lib/dpkg/status.d/" in path:
        return _whole if name.endswith(".md5sums") else _status
    return None


def looked_into(
    tar: TarReader, size: int, place: int, keep: Reduce | None, read_at: ReadAt | None
) -> tuple[int, bytes]:
    """The hash of the current entry's content, and what is kept of it; of an ELF file what it says of itself.

    Where the tar can be read at any place, only the parts of a large ELF file that are asked for are read, and it is
    not hashed.
    """
    if size > (FILE_BYTES if keep is None or keep in _DATABASES else TEXT_BYTES):
        return tar.content_hash() if read_at is None else 0, b""
    hashed = tar.hash_at_hand()
    if keep is None and read_at is not None and not hashed:
        there = elf.read(lambda offset, length: read_at(place + offset, max(min(length, size - offset), 0)))
        return 0, there.encode() if there is not None else b""
    if keep is None and size > elf_stream.HEAD_BYTES:
        content_hash, found = elf_stream.read(tar.content(), size)
        return content_hash, found.encode() if found is not None else b""
    content = b"".join(tar.content())
    if keep is None:
        found = elf.read(lambda offset, length: content[offset : offset + length])
        part = found.encode() if found is not None else b""
    else:
        part = keep(content)
    return hashed or xxh3_64_intdigest(content), part


def _whole(content: bytes) -> bytes:
    return content


def _status(content: bytes) -> bytes:
    """dpkg's status, of which only names, versions and relations are kept."""
    kept: list[bytes] = []
    wanted = False
    for line in content.split(b"\n"):
        if not line:
            kept.append(line)
        elif line[:1] not in (b" ", b"\t"):
            wanted = _DPKG_FIELDS.match(line) is not None
        if line and wanted:
            kept.append(line)
    return b"\n".join(kept)


def _apk(content: bytes) -> bytes:
    """apk's records, of which package, version, folders and files are kept."""
    lines = content.split(b"\n")
    return b"\n".join(line for line in lines if not line or line[:2] in (b"P:", b"V:", b"F:", b"R:"))


def _metadata(content: bytes) -> bytes:
    """A Python distribution's headers, of which name and version are kept; indented lines are a description's."""
    head = content.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    fields = (line.partition(b":") for line in head.split(b"\n") if line[:1] not in (b" ", b"\t"))
    found = {key.strip().lower(): value.strip() for key, _, value in fields}
    return found.get(b"name", b"")[:200] + b"\t" + found.get(b"version", b"")[:200]


def _record(content: bytes) -> bytes:
    """The paths of a RECORD, which has them with digests and sizes."""
    paths: list[bytes] = []
    for line in content.split(b"\n"):
        path = line[1:].partition(b'"')[0] if line[:1] == b'"' else line.partition(b",")[0]
        if path:
            paths.append(path)
    return b"\n".join(paths)


def _package_json(content: bytes) -> bytes:
    """A Node package's name and version."""
    if len(content) > _JSON_BYTES:
        return b""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return b""
    if not isinstance(document, dict):
        return b""
    name, version = document.get("name"), document.get("version")
    if not isinstance(name, str) or not isinstance(version, str):
        return b""
    return f"{name[:200]}\t{version[:200]}".encode("utf-8", "surrogatepass")


_GEM_FIELD = re.compile(rb"""\.(name|version)\s*=\s*(?:Gem::Version\.new\s*\(?\s*)?["']([^"'\n]{1,200})["']""")


def _gemspec(content: bytes) -> bytes:
    """A gem's name and version."""
    fields: dict[bytes, bytes] = dict(reversed(_GEM_FIELD.findall(content[:100_000])))
    return fields.get(b"name", b"") + b"\t" + fields.get(b"version", b"")


def _rpm(name: str) -> tuple[str, ...]:
    return tuple(folder + name for folder in ("lib/rpm/", "sysimage/rpm/", "usr/share/rpm/"))


_BY_NAME: dict[str, tuple[tuple[str, ...], Reduce]] = {
    "status": (("lib/dpkg/status",), _status),
    "extended_states": (("lib/apt/extended_states",), _whole),
    "installed": (("lib/apk/db/installed",), _apk),
    "rpmdb.sqlite": (_rpm("rpmdb.sqlite"), rpm.reduce_sqlite),
    "Packages.db": (_rpm("Packages.db"), rpm.reduce_ndb),
    "Packages": (_rpm("Packages"), rpm.reduce_berkeley),
    "METADATA": ((".dist-info/METADATA",), _metadata),
    "PKG-INFO": ((".egg-info/PKG-INFO",), _metadata),
    "RECORD": ((".dist-info/RECORD",), _record),
    "installed-files.txt": ((".egg-info/installed-files.txt",), _whole),
    "package.json": (("/package.json",), _package_json),
}
_DATABASES = frozenset((rpm.reduce_sqlite, rpm.reduce_ndb, rpm.reduce_berkeley))
ENDINGS = frozenset(name.encode()[-5:] for name in (*_BY_NAME, ".list", ".gemspec"))
"""The last five bytes of the names of files that may be looked into."""
PART = b"lib/dpkg/status.d/"
"""What the other ones have in their paths."""
