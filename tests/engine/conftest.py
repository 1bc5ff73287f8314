"""What the tests with a real Docker engine share: when they run, the images, and counts made without imagelint.

The images are counted with `tarfile` from what the engine hands out, so that a fault in imagelint's own reading
cannot hide itself. Nothing here imports imagelint: the program is run as a user runs it.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "fixtures" / "images" / "build"
JAVA = ("0_0_2", "0_0_3", "0_0_4")

Cli = Callable[..., subprocess.CompletedProcess[str]]
Analyze = Callable[..., dict[str, Any]]
Save = Callable[[str], Path]
Count = Callable[[str], "list[Counted]"]


@functools.cache
def why_no_engine() -> str | None:
    """The reason that no Docker engine can be used, or None where one answers."""
    try:
        asked = subprocess.run(["docker", "version"], capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        return "docker is not installed"
    except subprocess.TimeoutExpired:
        return "the Docker engine did not answer within a minute"
    lines = asked.stderr.strip().splitlines()
    return None if asked.returncode == 0 else f"no Docker engine answers: {lines[-1] if lines else asked.returncode}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs an engine where none answers; with IMAGELINT_REQUIRE_ENGINE=1 that is a failure."""
    slow = item.get_closest_marker("engine_slow") is not None
    if not slow and item.get_closest_marker("engine") is None:
        return
    if slow and os.environ.get("IMAGELINT_ENGINE_SLOW") != "1":
        pytest.skip("takes minutes: runs in `make test-engine`")
    reason = why_no_engine()
    if reason is None:
        return
    if os.environ.get("IMAGELINT_REQUIRE_ENGINE") == "1":
        pytest.fail(f"{reason}, and IMAGELINT_REQUIRE_ENGINE=1 asks for one", pytrace=False)
    pytest.skip(reason)


def built(group: str) -> None:
    """Build the images of a recipe or group of `fixtures/images/build` where one is missing."""
    command = [sys.executable, str(BUILD), "--only", group]
    if subprocess.run([*command, "--check"], capture_output=True).returncode != 0:
        made = subprocess.run(command, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr


@pytest.fixture(scope="session")
def java_images() -> dict[str, str]:
    """The course's three images by version, built if missing."""
    built("java")
    return {version: f"rmuresano/bdaasjava:{version}" for version in JAVA}


@pytest.fixture(scope="session")
def small_images() -> tuple[str, str]:
    """Two small images, the second of them two layers more than the first, built if missing."""
    built("small")
    return "imagelint-test/small:1", "imagelint-test/small:2"


@pytest.fixture(scope="session")
def flask_image() -> str:
    """The course's Flask image, built if missing."""
    built("flask")
    return "imagelint-test/flask:course"


@pytest.fixture(params=[*JAVA, "small:1", "small:2", "flask"])
def image(request: pytest.FixtureRequest) -> str:
    """The tag of each image in turn."""
    name = str(request.param)
    if name in JAVA:
        return str(request.getfixturevalue("java_images")[name])
    if name == "flask":
        return str(request.getfixturevalue("flask_image"))
    return str(request.getfixturevalue("small_images")[int(name[-1]) - 1])


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Run imagelint as a user does, from an empty folder and with a cache of its own."""
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "XDG_CACHE_HOME": str(home / "cache"), "NO_COLOR": "1"}

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "imagelint", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment, timeout=600)

    return run


@pytest.fixture(scope="session")
def analyze(cli: Cli) -> Analyze:
    """`imagelint analyze --output-format json` on a reference; each is asked once a session."""

    @functools.cache
    def report(*arguments: str) -> dict[str, Any]:
        done = cli("analyze", "--output-format", "json", *arguments)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return report


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Save]:
    """`docker save` an image and give the path of its archive; removed at the end, for they are big."""
    folder = tmp_path_factory.mktemp("saved")

    @functools.cache
    def save(tag: str) -> Path:
        path = folder / (tag.replace("/", "-").replace(":", "-") + ".tar")
        subprocess.run(["docker", "save", "--output", str(path), tag], check=True)
        return path

    yield save
    for path in folder.iterdir():
        path.unlink()


@dataclass(frozen=True, slots=True)
class Counted:
    """One layer's tar, counted with `tarfile`: bytes of regular files, bytes of link targets, and what it holds.

    `history_index` is the place of the layer's step in the image's history, which has steps without a layer too.
    """

    layer_bytes: int
    link_target_bytes: int
    entries: int
    history_index: int


@pytest.fixture(scope="session")
def counted(saved: Save) -> Count:
    """Count the layers of an image, lowest first, in the archive that the engine saves."""

    @functools.cache
    def count(tag: str) -> list[Counted]:
        with tarfile.open(saved(tag)) as archive:
            manifest = _json_in(archive, "manifest.json")[0]
            history = _json_in(archive, manifest["Config"])["history"]
            steps = [index for index, step in enumerate(history) if not step.get("empty_layer")]
            names = zip(manifest["Layers"], steps, strict=True)
            return [_count_layer(archive, name, index) for name, index in names]

    return count


def _json_in(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    assert file is not None
    with file:
        return json.load(file)


def _count_layer(archive: tarfile.TarFile, name: str, history_index: int) -> Counted:
    # A layer that an image holds twice is saved once, with a link to it; extractfile follows that.
    file = archive.extractfile(name)
    assert file is not None
    with file, tarfile.open(fileobj=file) as layer:
        members = list(layer)
    return Counted(
        layer_bytes=sum(member.size for member in members if member.isreg()),
        link_target_bytes=sum(len(os.fsencode(member.linkname)) for member in members if member.issym()),
        entries=len(members),
        history_index=history_index,
    )
