"""What apt would have left out, against what apt does leave out; and packages of every manager that runs here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .conftest import Analyze

pytestmark = pytest.mark.engine_slow

BASE = "imagelint-test/debian:bookworm"


def build(tag: str, run: str, folder: Path) -> str:
    """An image of one RUN on the base."""
    (folder / "Dockerfile").write_text(f"FROM {BASE}\nRUN {run}\n")
    command = ["docker", "build", "--network", "host", "--label", "org.imagelint.test=1", "--tag", tag, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return tag


@pytest.mark.parametrize("packages", ["git", "curl gnupg", "build-essential"])
def test_what_only_is_recommended(packages: str, tmp_path: Path, analyze: Analyze, small_images: object) -> None:
    """The packages that are called recommended are those that `--no-install-recommends` leaves out, to the last one."""
    names: dict[bool, set[str]] = {}
    sizes: dict[bool, int] = {}
    for recommended in (True, False):
        option = "" if recommended else "--no-install-recommends "
        tag = f"imagelint-test/recommends:{packages.replace(' ', '-')}-{'with' if recommended else 'without'}"
        build(tag, f"apt-get update && apt-get install -y {option}{packages} && apt-get clean", tmp_path)
        try:
            report = analyze(tag)
        finally:
            subprocess.run(["docker", "rmi", tag], capture_output=True, check=True)
        names[recommended] = {package["name"] for package in report["packages"] if package["manager"] == "dpkg"}
        sizes[recommended] = report["live_bytes"]
        if recommended:
            told = {package["name"] for package in report["recommended"]}
            size = sum(package["bytes"] for package in report["recommended"])
    assert told == names[True] - names[False]
    # What packages make when they are set up is no package's: dpkg's records of them, the bundle of certificates. Where
    # sizes are predicted these count too (test_predictions.py); here is what the packages themselves own.
    assert 0 <= sizes[True] - sizes[False] - size < max(1_000_000, 0.05 * size)


def test_every_byte_has_an_owner_or_none(analyze: Analyze, java_images: dict[str, str]) -> None:
    """dpkg's packages are those that dpkg lists, and no byte is counted for two."""
    report = analyze(java_images["0_0_2"])
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n"]
    command = ["docker", "run", "--rm", "--network", "none", java_images["0_0_2"], *query]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    told = [f"{package['name']} {package['version']}" for package in report["packages"] if package["manager"] == "dpkg"]
    assert sorted(told) == sorted(filter(None, listed))
    assert sum(package["bytes"] for package in report["packages"]) <= report["live_bytes"]
