"""The same Dockerfile through BuildKit, whose images tell their history in other words."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from .conftest import ROOT, Analyze, Count

pytestmark = pytest.mark.engine_slow

TAG = "imagelint-test/small:buildkit"
RECIPE = ROOT / "fixtures" / "images" / "small"


def docker_with_buildkit() -> str | None:
    """A docker command that builds with BuildKit: one with the buildx plug-in, or one older than version 23."""
    for folder in os.get_exec_path():
        command = shutil.which("docker", path=folder)
        if command is None:
            continue
        version = subprocess.run([command, "--version"], capture_output=True, text=True).stdout
        major = version.removeprefix("Docker version ").partition(".")[0]
        plugin = subprocess.run([command, "buildx", "version"], capture_output=True).returncode == 0
        if plugin or (major.isdigit() and int(major) < 23):
            return command
    return None


@pytest.fixture(scope="module")
def buildkit_image(small_images: tuple[str, str]) -> Iterator[str]:
    """The second small image, built by BuildKit under a tag of its own."""
    command = docker_with_buildkit()
    if command is None:
        pytest.skip("no docker command here builds with BuildKit")
    subprocess.run(
        [command, "build", "--network", "host", "--label", "org.imagelint.test=1", "--tag", TAG, str(RECIPE)],
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
        capture_output=True,
        check=True,
    )
    yield TAG
    subprocess.run(["docker", "rmi", TAG], capture_output=True, check=True)


def test_buildkit_stores_the_same_bytes(
    buildkit_image: str, small_images: tuple[str, str], analyze: Analyze, counted: Count
) -> None:
    """Both builders store the same layers, and both are read to the byte."""
    layers = analyze(buildkit_image)["layers"]
    assert [layer["layer_bytes"] for layer in layers] == [layer.layer_bytes for layer in counted(buildkit_image)]
    classic = analyze(small_images[1])["layers"]
    assert [layer["layer_bytes"] for layer in layers] == [layer["layer_bytes"] for layer in classic]


def test_buildkit_commands_are_told_as_written(buildkit_image: str, analyze: Analyze) -> None:
    """BuildKit's own words around a command (`RUN /bin/sh -c … # buildkit`) do not hide it."""
    commands = [layer["command"] for layer in analyze(buildkit_image)["layers"]]
    assert any("seq 1 80000 > /data/grown" in command for command in commands)
