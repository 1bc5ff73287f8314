"""Files with several paths: a cache from which files are linked elsewhere is not to be had back."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from imagelint.image import elf
from imagelint.image.analyze import analyze
from imagelint.image.linked import live_links
from imagelint.image.reading import read_image
from imagelint.pricing.ladder import ladder
from imagelint.pricing.ledger import Ledger
from imagelint.pricing.predictions import rungs
from imagelint.testing import ImageBuilder, LayerBuilder

CACHE, SITE = "root/.cache/uv/archive-v0/abc", "usr/local/lib/python3.11/site-packages"
UV = "uv's and poetry's caches"


def ledger(folder: Path, *layers: LayerBuilder) -> Ledger:
    builder = ImageBuilder("x:1")
    for layer in layers:
        builder.layer(layer)
    return Ledger(read_image(str(builder.save(folder / "image.tar"))))


def found(ledger: Ledger) -> tuple[dict[str, int], dict[str, int], int]:
    """Live leftovers, the first layer's caches, and what cleaning saves."""
    live = {each.kind: each.bytes for each in analyze(ledger).leftovers}
    stored = {kind: ledger.bytes(nodes) for kind, nodes in ledger.caches(0).items() if nodes}
    cleaned = next(each for each in rungs(ledger, (), 0) if each.name == "cleaned")
    return live, stored, ledger.total - cleaned.layer_bytes


def installed() -> LayerBuilder:
    """What uv leaves: a file that is in its cache alone, and one that it has linked into place."""
    cached = LayerBuilder().file(f"{CACHE}/six.py", 5_000).file(f"{CACHE}/wheel.lock", 300)
    return cached.hardlink(f"{SITE}/six.py", f"{CACHE}/six.py")


def test_what_is_linked_from_a_cache_is_none(tmp_path: Path) -> None:
    assert found(ledger(tmp_path, installed())) == ({UV: 300}, {UV: 300}, 300)


def test_whichever_path_the_tar_has_first(tmp_path: Path) -> None:
    layer = LayerBuilder().file("app/.venv/six.py", 5_000).hardlink(f"{CACHE}/six.py", "app/.venv/six.py")
    assert found(ledger(tmp_path, layer)) == ({}, {}, 0)


def test_a_link_to_a_link(tmp_path: Path) -> None:
    layer = (
        LayerBuilder().file(f"{CACHE}/a", 5_000).hardlink(f"{CACHE}/b", f"{CACHE}/a").hardlink("opt/c", f"{CACHE}/b")
    )
    assert found(ledger(tmp_path, layer)) == ({}, {}, 0)


def test_links_within_caches(tmp_path: Path) -> None:
    layer = LayerBuilder().file(f"{CACHE}/a", 5_000).hardlink(f"{CACHE}/b", f"{CACHE}/a")
    layer.hardlink("root/.cache/pip/c", f"{CACHE}/a")
    assert found(ledger(tmp_path, layer)) == ({"pip's cache": 5_000}, {UV: 5_000}, 5_000)


def test_a_link_that_is_removed_later_was_stored(tmp_path: Path) -> None:
    """Without the cache the layer would hold the file all the same; a container sees it in the cache alone."""
    gone = LayerBuilder().whiteout(f"{SITE}/six.py")
    assert found(ledger(tmp_path, installed(), gone)) == ({UV: 5_300}, {UV: 300}, 300)


def test_a_cache_that_is_removed_later_has_saved_nothing(tmp_path: Path) -> None:
    gone = LayerBuilder().whiteout(CACHE)
    assert found(ledger(tmp_path, installed(), gone)) == ({}, {UV: 300}, 300)


def test_a_link_of_a_later_layer(tmp_path: Path) -> None:
    """As builders make one that see the layers as one file system."""
    later = LayerBuilder().hardlink("opt/a", f"{CACHE}/a")
    assert found(ledger(tmp_path, LayerBuilder().file(f"{CACHE}/a", 5_000), later)) == ({}, {}, 0)


def test_a_link_that_another_file_has_replaced(tmp_path: Path) -> None:
    read = ledger(tmp_path, installed(), LayerBuilder().file(f"{SITE}/six.py", 70))
    assert found(read) == ({UV: 5_300}, {UV: 300}, 300)
    assert live_links(read.indexes, read.tree) == {}


def test_archives_that_are_linked(tmp_path: Path) -> None:
    layer = LayerBuilder().file("srv/a.tar.gz", 5_000).hardlink("srv/a", "srv/a.tar.gz").file("srv/b.zip", 70)
    layer.file("srv/c.deb", 8).hardlink("tmp/c", "srv/c.deb")
    assert found(ledger(tmp_path, layer))[0] == {"archives": 78}


@pytest.mark.parametrize("globs", [["/root/.cache/*"], ["/root/.cache/uv/*", "/nowhere/*"]])
def test_findings_about_paths_cost_what_is_nowhere_else(tmp_path: Path, globs: list[str]) -> None:
    read = ledger(tmp_path, installed())
    assert read.bytes(read.stored_at(0, globs)) == 300
    assert read.bytes(read.stored_at(0, [*globs, "/usr/local/*"])) == 5_300


def test_a_package_lists_any_path_of_a_file(tmp_path: Path) -> None:
    """A file with several paths is known by the first by name, which tars need not have first: `-` is before `/`."""
    site, record = "opt/a/site", b"six.py,,\nsix-1.dist-info/METADATA,,\n"
    layer = LayerBuilder().file(f"{site}/six.py", 5_000).file(f"{site}/six-1.dist-info/METADATA", b"Name: six\n")
    layer.file(f"{site}/six-1.dist-info/RECORD", record).hardlink("opt/a-b/six.py", f"{site}/six.py")
    (package,) = ledger(tmp_path, layer).inventory.packages
    assert (package.name, package.bytes) == ("six", 5_000 + len(b"Name: six\n") + len(record))


def test_what_a_linked_program_loads(tmp_path: Path) -> None:
    program = Path(shutil.which("true") or sys.executable).read_bytes()
    found = elf.read(lambda offset, length: program[offset : offset + length])
    if found is None or not found.needed:
        pytest.skip("this machine's programs load nothing")
    base = LayerBuilder().file(f"lib/{found.needed[0]}", 1_000).file("lib/other", 70)
    layer = LayerBuilder().file("srv/a/x", program).hardlink("srv/a-b/x", "srv/a/x")
    least = next(each for each in ladder(ledger(tmp_path, base, layer), None, 1) if each.name == "lower-bound")
    assert least.layer_bytes == len(program) + 1_000
