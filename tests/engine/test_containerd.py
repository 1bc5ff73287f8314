"""A real engine that keeps images in containerd's store, started with `fixtures/images/engine26`.

IMAGELINT_CONTAINERD_HOST names its socket (`unix://…`); without it these are skipped. They need buildx, which
DOCKER_CONFIG may lead to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HOST = os.environ.get("IMAGELINT_CONTAINERD_HOST", "")
BUILT, SEVERAL, LOADED = (f"imagelint-test/containerd:{name}" for name in ("built", "several", "loaded"))
DOCKERFILE = """\
FROM scratch
ARG TARGETARCH
COPY a /a-$TARGETARCH
COPY a b /
COPY b /a
"""

pytestmark = [
    pytest.mark.skipif(not HOST, reason="IMAGELINT_CONTAINERD_HOST names no engine with containerd's image store"),
    pytest.mark.usefixtures("store"),
]


def docker(*arguments: str | Path) -> str:
    """What a docker command prints, run against the store."""
    command = ["docker", "--host", HOST, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Three images: one with an attestation, one for two platforms, and one whose layers are not compressed."""
    status = docker("info", "--format", "{{json .DriverStatus}}")
    assert "io.containerd.snapshotter" in status, f"{HOST} keeps its images elsewhere: {status}"
    folder = tmp_path_factory.mktemp("containerd")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "a").write_text("a\n" * 50_000)
    (folder / "b").write_text("b\n" * 70_000)
    try:
        docker("buildx", "build", "--quiet", "--provenance=true", "--tag", BUILT, folder)
        docker("buildx", "build", "--quiet", "--platform", "linux/amd64,linux/s390x", "--tag", SEVERAL, folder)
        # A container's whole file system is one layer, which the store takes as it is.
        container = docker("create", BUILT, "none")
        docker("export", "--output", folder / "files.tar", container)
        docker("rm", container)
        docker("import", folder / "files.tar", LOADED)
        yield
    finally:
        docker("image", "rm", "--force", BUILT, SEVERAL, LOADED)


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run imagelint as a user of this engine does, with an empty cache."""
    environment = {**os.environ, "DOCKER_HOST": HOST, "XDG_CACHE_HOME": str(tmp_path / "cache"), "NO_COLOR": "1"}
    for name in ("IMAGELINT_CACHE_DIR", "DOCKER_CONTEXT"):
        environment.pop(name, None)

    def imagelint(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "imagelint", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=600)

    return imagelint


def analyzed(run: Run, *arguments: str | Path) -> dict[str, Any]:
    """A report in JSON."""
    done = run("analyze", "--output-format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def without_place(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what hangs on where the image was read from."""
    place = {"reference", "source", "id", "compressed_bytes"}
    layers = [
        {key: value for key, value in layer.items() if key not in ("digest", "compressed_bytes")}
        for layer in report["layers"]
    ]
    image = {key: value for key, value in report["image"].items() if key not in place}
    return {**report, "layers": layers, "image": image}


@pytest.mark.parametrize("tag", [BUILT, SEVERAL, LOADED])
def test_the_archive_gives_the_same_report(run: Run, tmp_path: Path, tag: str) -> None:
    archive = tmp_path / "image.tar"
    docker("save", "--output", archive, tag)
    report = analyzed(run, tag)
    assert without_place(report) == without_place(analyzed(run, "--no-cache", archive))
    assert report["image"]["verified"]


def test_the_bytes_are_those_of_the_files(run: Run) -> None:
    report = analyzed(run, BUILT)
    assert [layer["layer_bytes"] for layer in report["layers"]] == [100_000, 240_000, 140_000]
    assert report["image"]["layer_bytes"] == 480_000
    assert report["live_bytes"] == 380_000
    # What is pushed: far less, for the same line comes over and over.
    assert 0 < report["image"]["compressed_bytes"] < 10_000


@pytest.mark.parametrize("tag", [BUILT, SEVERAL, LOADED])
def test_a_second_run_exports_nothing_and_says_the_same(run: Run, tag: str) -> None:
    start = time.time()
    first = analyzed(run, tag)
    middle = time.time()
    second = analyzed(run, tag)
    assert len(exports(start, middle)) == 1
    assert exports(middle, time.time()) == []
    assert second == first


def exports(since: float, until: float) -> list[str]:
    """The exports that the engine made between two times."""
    told = docker("events", "--since", f"{since:.6f}", "--until", f"{until:.6f}", "--filter", "event=save")
    return told.splitlines()


def test_any_platform_that_is_there(run: Run) -> None:
    for platform, name in (("linux/s390x", "/a-s390x"), ("linux/amd64", "/a-amd64")):
        listed = run("ls", SEVERAL, "/", "--platform", platform)
        assert name in listed.stdout, listed.stderr
        assert analyzed(run, SEVERAL, "--platform", platform)["image"]["platform"] == platform


def test_what_is_not_there(run: Run) -> None:
    refused = run("analyze", BUILT, "--platform", "linux/riscv64")
    assert refused.returncode == 2
    assert "not for linux/riscv64" in refused.stderr
    assert "docker pull --platform linux/riscv64" in refused.stderr
    refused = run("analyze", "docker://imagelint-test/nowhere:1")
    assert refused.returncode == 2
    assert "the Docker engine has no image imagelint-test/nowhere:1" in refused.stderr


def test_docker_images_counts_what_is_stored_twice(run: Run) -> None:
    """It shows the blobs and what they are unpacked to, in whole blocks; `inspect` the blobs and the documents."""
    report = analyzed(run, BUILT)["image"]
    assert int(docker("image", "inspect", "--format", "{{.Size}}", BUILT)) > report["compressed_bytes"]
    shown = parse_size(docker("images", "--format", "{{.Size}}", BUILT))
    assert shown >= report["layer_bytes"] + report["compressed_bytes"]


def parse_size(shown: str) -> float:
    """Bytes, as Docker shows them."""
    units = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}
    number = shown.rstrip("BkMG")
    return float(number) * units[shown[len(number) :]]
