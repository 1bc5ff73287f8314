"""The packages of distributions, by what is kept of the records of dpkg, apk and rpm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imagelint.image.packages.record import Installed

Records = Mapping[str, bytes]
"""What is kept of the files that packages are known by, by their paths."""

_DPKG = "var/lib/dpkg/"
#: The states in which a package's files are there (dpkg(1)): a build may end before triggers and scripts have run.
_UNPACKED = frozenset("installed unpacked half-configured triggers-awaited triggers-pending".split())
#: Where databases of rpm are: its own folder, the one that it has been moved to, and rpm-ostree's.
_RPM = ("var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/share/rpm/")


def stanzas(content: bytes) -> Iterator[dict[str, str]]:
    """The records of a file in Debian's control format: fields by their names, without continued lines."""
    fields: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").split("\n"):
        if line:
            name, colon, value = line.partition(":")
            if colon and line[0] not in " \t":
                fields.setdefault(name, value.strip())
        elif fields:
            yield fields
            fields = {}
    if fields:
        yield fields


def is_installed(fields: Mapping[str, str]) -> bool:
    """Whether a dpkg record is that of a package whose files are there; records of single files have no status."""
    return not _UNPACKED.isdisjoint(fields.get("Status", "install ok installed").split()[-1:])


def dpkg(records: Records) -> Iterator[Installed]:
    """Debian's packages, those of images without dpkg too, which have a file each in `status.d`."""
    status = records.get(_DPKG + "status", b"")
    listed: set[str] = set()  # a list is one package's, however many are of its name
    for fields in stanzas(status):
        name = fields.get("Package")
        if name and is_installed(fields):
            architecture = fields.get("Architecture", "")
            lists = [f"{_DPKG}info/{name}.list", f"{_DPKG}info/{name}:{architecture}.list"]
            found = next((path for path in lists if path in records), None)
            package = Installed("dpkg", name, fields.get("Version", ""))
            if found is not None and found not in listed:
                lines = records[found].decode("utf-8", "surrogateescape").split("\n")
                package.paths += (line.lstrip("/") for line in lines if line)
                package.paths.append(found)
                listed.add(found)
            yield package
    for path, content in records.items():
        folder, _, last = path.rpartition("/")
        if folder == _DPKG + "status.d" and not last.endswith(".md5sums"):
            sums = records.get(f"{path}.md5sums", b"").decode("utf-8", "surrogateescape")
            for fields in stanzas(content):
                paths = [line.partition("  ")[2] for line in sums.split("\n") if line]
                yield Installed("dpkg", fields.get("Package", last), fields.get("Version", ""), [*paths, path])
                sums = ""


def apk(records: Records) -> Iterator[Installed]:
    """Alpine's packages."""
    for path in ("lib/apk/db/installed", "usr/lib/apk/db/installed"):
        package: Installed | None = None
        folder = ""
        for line in records.get(path, b"").decode("utf-8", "surrogateescape").split("\n"):
            key, value = line[:2], line[2:]
            if key == "P:":
                package, folder = Installed("apk", value, ""), ""
            elif package is None:
                continue
            elif not line:
                yield package
                package = None
            elif key == "V:":
                package.version = value
            elif key == "F:":
                folder = f"{value}/" if value else ""
            elif key == "R:":
                package.paths.append(folder + value)
        if package is not None:
            yield package


def rpm(records: Records) -> Iterator[Installed]:
    """Red Hat's and SUSE's packages, from records that `rpm.py` has reduced.

    An image may have several databases: one that another version of rpm left, with the same packages or with others. A
    package that one has is not another one for being in the next. What lies beside a database is no package's, though
    rpm's own claims some of it.
    """
    known: set[str] = set()
    for path in (folder + name for name in ("rpmdb.sqlite", "Packages.db", "Packages") for folder in _RPM):
        heads: list[str] = []
        for record in records.get(path, b"").decode("utf-8", "surrogateescape").split("\n\n"):
            head, *paths = record.split("\n")
            name, _, version = head.partition("\t")
            if name and head not in known:
                heads.append(head)
                listed = (each.lstrip("/") for each in paths)
                yield Installed("rpm", name, version, [each for each in listed if not each.startswith(_RPM)])
        known.update(heads)
