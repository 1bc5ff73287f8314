"""Which files a build in stages would take over."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagelint.image.elf import Elf
from imagelint.image.reading import read_image
from imagelint.pricing import multistage
from imagelint.pricing.ledger import Ledger
from imagelint.pricing.predictions import LOWER_BOUND
from imagelint.testing import ImageBuilder, LayerBuilder


def ledger(folder: Path, *layers: LayerBuilder) -> Ledger:
    builder = ImageBuilder("example:1")
    for layer in layers:
        builder.layer(layer)
    return Ledger(read_image(str(builder.save(folder / "image.tar"))))


@pytest.mark.parametrize(
    ("path", "is_intermediate"),
    [
        ("src/main.c", True),
        ("src/.c", True),
        ("app/configure.in", True),
        ("app/config.h", True),
        ("main.rs", True),
        ("Makefile", True),
        ("app/Makefile.inc", True),
        ("app/configure", True),
        ("app/.git/objects/aa/bb", True),
        (".git/HEAD", True),
        ("x/__pycache__/y", True),
        ("app/main", False),
        ("c", False),
        ("app/c", False),
        ("app/x.C", False),
        ("app/x.c/data", False),
        ("app/x.c.txt", False),
        ("app/my.git/HEAD", False),
        ("app/git", False),
        ("app/.git", False),
        ("app/GNUmakefile", False),
        ("app/Makefile.d/x", False),
        ("app/configure/x", False),
        ("lib/libx.so.1", False),
    ],
)
def test_intermediates(path: str, is_intermediate: bool, tmp_path: Path) -> None:
    found = ledger(tmp_path, LayerBuilder().file(path, 1).file("other", 1))
    node = found.inventory.files[path]
    assert multistage.without_intermediates(found.inventory, frozenset((node,))) == (
        set() if is_intermediate else {node}
    )


def test_libraries_of_a_program_that_has_an_earlier_name_too(tmp_path: Path) -> None:
    """What it loads is kept by the path that came first in the tar; as a file it goes by the first name."""
    base = LayerBuilder().file("usr/lib/libx.so", 200).file("usr/lib/liby.so", 30).file("usr/lib/libz.so", 4)
    found = ledger(tmp_path, base, LayerBuilder().file("app/run", 1000).hardlink("app/again", "app/run"))
    found.indexes[0].kept[0] = Elf(needed=("liby.so",)).encode()
    found.indexes[1].kept[0] = Elf(needed=("libx.so",)).encode()
    assert "app/run" not in found.files
    rungs = {rung.name: rung.layer_bytes for rung in multistage.rungs(found, found.inventory, 1)}
    assert rungs[LOWER_BOUND] == 1000 + 200 + 30


def test_libraries_are_not_looked_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found until then counts; a file's own folders come before all others, and are places too."""
    base = LayerBuilder().file("opt/a/liba.so", 200).file("usr/lib/libb.so", 30).file("usr/lib/libc.so", 4)
    found = ledger(tmp_path, base, LayerBuilder().file("app/run", 1000))
    elf = Elf(needed=("liba.so", "libb.so", "libc.so"), runpath=("/no", "/opt/a", "/" + "$ORIGIN" * 2000))
    found.indexes[1].kept[0] = elf.encode()
    sizes = []
    for tried in (3, 4, 5, 12, 13, 30):
        monkeypatch.setattr(multistage, "_TRIED", tried)
        rungs = {rung.name: rung.layer_bytes for rung in multistage.rungs(found, found.inventory, 1)}
        sizes.append(rungs[LOWER_BOUND] - 1000)
    assert sizes == [0, 0, 200, 230, 230, 234]
