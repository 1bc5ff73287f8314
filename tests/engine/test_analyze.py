"""`imagelint analyze` on real images, against counts that are made without imagelint."""

from __future__ import annotations

import json
import subprocess
import tarfile
from typing import Any

import docker
import pytest

from .conftest import JAVA, ROOT, Analyze, Cli, Count, Save

pytestmark = pytest.mark.engine


def test_every_layer_is_right_to_the_byte(image: str, analyze: Analyze, counted: Count) -> None:
    """Layer bytes are the sizes of the regular files in the layer's tar; links, folders and devices count nothing."""
    report = analyze(image)
    expected = counted(image)
    assert [layer["layer_bytes"] for layer in report["layers"]] == [layer.layer_bytes for layer in expected]
    assert [layer["entries"] for layer in report["layers"]] == [layer.entries for layer in expected]
    assert report["image"]["layer_bytes"] == sum(layer.layer_bytes for layer in expected)
    assert report["image"]["source"] == "docker"


def test_docker_history_is_layer_bytes_and_link_targets(image: str, analyze: Analyze, counted: Count) -> None:
    """`docker history` shows a layer's regular files plus the lengths of its symbolic links' targets, to the byte.

    Hard links count nothing there either, whether their other name is in the same layer or not. This is true of
    the layers that the engine stored itself: by its classic builder, by `docker import`, by `docker commit`. For
    those that BuildKit made, the engine shows the regular files alone.
    """
    shown, stored = history_sizes(image), analyze(image)["layers"]
    for layer, count in zip(stored, counted(image), strict=True):
        size, by_buildkit = shown[count.history_index]
        links = 0 if by_buildkit else count.link_target_bytes
        assert size == layer["layer_bytes"] + links, layer["command"]


def history_sizes(tag: str) -> list[tuple[int, bool]]:
    """The raw sizes of the steps in `docker history`, oldest first, each with whether BuildKit made it."""
    client = docker.from_env()
    try:
        if "driver-type" in str(client.info().get("DriverStatus")):
            pytest.skip("the engine uses containerd's image store, whose history counts blocks")
        newest_first = client.images.get(tag).history()
    finally:
        client.close()
    return [(step["Size"], step["Comment"].startswith("buildkit")) for step in reversed(newest_first)]


def test_what_is_alive_is_what_a_container_holds(image: str, analyze: Analyze) -> None:
    """Live bytes are the regular files that `docker export` gives, and live + reclaimable is what is stored.

    The engine puts a few files into every container (/.dockerenv, /etc/hosts, /etc/hostname, /etc/resolv.conf,
    /dev/console); they are empty in an export and hide no file of these images, so nothing is to be left out.
    """
    report = analyze(image)
    assert report["live_bytes"] == exported_bytes(image)
    assert report["live_bytes"] + report["reclaimable_bytes"] == report["image"]["layer_bytes"]
    within = sum(part["bytes"] for part in report["reclaimable"] if part["within_stored"])
    assert within == report["reclaimable_bytes"]


def exported_bytes(tag: str) -> int:
    """The sizes of the regular files in `docker export` of a container made of the image."""
    made = subprocess.run(["docker", "create", tag, "true"], capture_output=True, text=True, check=True)
    container = made.stdout.strip()
    try:
        with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
            assert export.stdout is not None
            with tarfile.open(fileobj=export.stdout, mode="r|") as files:
                total = sum(file.size for file in files if file.isreg())
            export.stdout.read()
        assert export.returncode == 0
        return total
    finally:
        subprocess.run(["docker", "rm", container], capture_output=True, check=True)


def test_the_archive_gives_the_same_report(image: str, analyze: Analyze, saved: Save) -> None:
    """The same image from the engine and from `docker save` differs only in where it was read from."""
    assert without_place(analyze(str(saved(image)))) == without_place(analyze(image))


def without_place(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what names the place that it was read from."""
    place = {"reference", "source", "id"}
    return {**report, "image": {key: value for key, value in report["image"].items() if key not in place}}


def test_the_layers_carry_their_commands(java_images: dict[str, str], analyze: Analyze) -> None:
    """Each layer of the naive image names the instruction that made it, in the Dockerfile's order.

    WORKDIR is left out: the classic builder stores a layer only where the folder is new, BuildKit always.
    """
    commands = [layer["command"] or "" for layer in analyze(java_images["0_0_2"])["layers"]]
    commands = [command for command in commands if "WORKDIR" not in command]
    expected = [
        "", "COPY", "update", "bzip2", "build-essential", "libssl3", "libpam0g", "openssl", "autotools-dev",
        "openssh-server", "autoreconf",
    ]  # fmt: skip
    assert len(commands) == len(expected)
    for command, word in zip(commands, expected, strict=True):
        assert word in command


@pytest.mark.parametrize("version", JAVA)
def test_layers_are_tied_to_lines(java_images: dict[str, str], cli: Cli, version: str) -> None:
    """With `--dockerfile` each layer above the base names the line of its instruction, in the stage that ships."""
    dockerfile = ROOT / "fixtures" / "dockerfiles" / "java" / version / "Dockerfile"
    done = cli("analyze", "--output-format", "json", "--dockerfile", dockerfile, java_images[version])
    assert done.returncode == 0, done.stderr
    layers = json.loads(done.stdout)["layers"]
    lines = dockerfile.read_text().splitlines()
    ships = max(number for number, line in enumerate(lines) if line.startswith("FROM"))
    starts = [number for number, line in enumerate(lines[ships:], ships + 1) if line.startswith(("COPY", "RUN"))]
    assert [layer["base"] for layer in layers] == [True] + [False] * (len(layers) - 1)
    tied = [layer["instruction"] for layer in layers[1:] if "WORKDIR" not in layer["command"]]
    assert [instruction["line"] for instruction in tied] == starts


def test_each_way_of_losing_bytes_is_told_apart(small_images: tuple[str, str], analyze: Analyze) -> None:
    """The small image hides each kind of bytes once; the sizes are those of `seq`'s output."""
    waste = {
        entry["path"].lstrip("/"): (entry["reason"], entry["bytes"]) for entry in analyze(small_images[0])["waste"]
    }
    expected = {
        "data/overwritten": ("overwritten", seq_bytes(20000)),
        "data/chmodded": ("metadata-only", seq_bytes(30000)),
        "data/removed": ("removed", seq_bytes(40000)),
        "data/before-move": ("moved", seq_bytes(50000)),
    }
    assert {path: waste.get(path) for path in expected} == expected
    assert waste["data/replaced/old"][1] == seq_bytes(7000)
    assert "data/linked" not in waste, "its other name keeps the bytes alive"
    assert "tmp/never-stored" not in waste


def seq_bytes(last: int) -> int:
    """How many bytes `seq 1 LAST` prints."""
    return sum(len(str(number)) + 1 for number in range(1, last + 1))
