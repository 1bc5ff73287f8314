"""`imagelint diff` and `gate` between real builds: totals to the byte, and the package that somebody added by name."""

from __future__ import annotations

import json
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Cli, Count, Save, built

pytestmark = pytest.mark.engine

DOCKERFILES = ROOT / "fixtures/dockerfiles/java"
PAYLOAD = 412_000
BASE = "imagelint-test/python:bookworm"
GROWN = "imagelint-test/one-more-package:1"
DOCKERFILE = f"""\
FROM {BASE}
WORKDIR /wheels
COPY payload-1.5-py3-none-any.whl .
RUN pip install --no-index --no-cache-dir --no-compile ./payload-1.5-py3-none-any.whl
"""


def ask(cli: Cli, status: int, command: str, *arguments: str | Path) -> dict[str, Any]:
    """Run a command of imagelint, expect an exit status, and give the report."""
    done = cli(command, "--quiet", "--output-format", "json", *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def inspected(tag: str) -> int:
    """The size of an image as the engine tells it."""
    command = ["docker", "image", "inspect", "--format", "{{.Size}}", tag]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize(("old", "new", "status"), [("0_0_3", "0_0_4", 0), ("0_0_4", "0_0_3", 1)])
def test_the_courses_images_in_both_directions(
    java_images: dict[str, str], cli: Cli, counted: Count, old: str, new: str, status: int
) -> None:
    """Both ways between 0_0_3 and 0_0_4: every total is the engine's, smaller is held, and larger is broken."""
    dockerfile = DOCKERFILES / new / "Dockerfile"
    report = ask(cli, 0, "diff", java_images[old], java_images[new], "--dockerfile", dockerfile)
    layers = {version: counted(java_images[version]) for version in (old, new)}
    sizes = {version: sum(layer.layer_bytes for layer in found) for version, found in layers.items()}
    assert (report["old"]["layer_bytes"], report["new"]["layer_bytes"]) == (sizes[old], sizes[new])
    for version, size in sizes.items():
        assert inspected(java_images[version]) == size + sum(layer.link_target_bytes for layer in layers[version])
    delta = sizes[new] - sizes[old]
    assert report["delta"]["layer_bytes"] == delta
    assert sum(each["delta_bytes"] for each in report["layers"]) == delta
    assert sum(each["delta_bytes"] for each in report["paths"]) == report["delta"]["live_bytes"]
    unique = report["unique"]
    assert unique["new_layer_bytes"] - unique["old_layer_bytes"] == delta

    judged = ask(cli, status, "gate", java_images[new], "--baseline-image", java_images[old], "--max-growth", "0%")
    (check,) = judged["checks"]
    assert (check["name"], check["observed"], check["limit"]) == ("max-growth", delta, 0)
    assert judged["verdict"] == ("broken" if status else "held")


def test_what_made_it_grow_is_the_line_with_apt(java_images: dict[str, str], cli: Cli) -> None:
    """From 0_0_4 to 0_0_3: the compilers are named, each at the line of the Dockerfile that installs them."""
    dockerfile = DOCKERFILES / "0_0_3/Dockerfile"
    line = next(n for n, text in enumerate(dockerfile.read_text().splitlines(), 1) if "apt-get -y update" in text)
    old, new = java_images["0_0_4"], java_images["0_0_3"]
    report = ask(cli, 0, "diff", old, new, "--dockerfile", dockerfile)
    added = {each["name"]: each for each in report["packages"] if each["old_version"] is None}
    assert added["gcc-12"]["line"] == line
    assert added["gcc-12"]["delta_bytes"] > 50_000_000
    judged = ask(cli, 1, "gate", new, "--baseline-image", old, "--dockerfile", dockerfile)
    dearest = max(judged["culprits"], key=lambda each: each["delta_bytes"])
    assert (dearest["line"], dearest["package"]) == (line, None)
    assert {each["line"] for each in judged["culprits"] if each["package"] and "gcc-12" in each["package"]} == {line}


@pytest.fixture(scope="module")
def one_more_package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The Python image with one wheel installed, which is made here: no index is asked. The tag, and its Dockerfile."""
    built("python")
    folder = tmp_path_factory.mktemp("context")
    with zipfile.ZipFile(folder / "payload-1.5-py3-none-any.whl", "w") as wheel:
        info = "payload-1.5.dist-info"
        wheel.writestr("payload/__init__.py", "")
        wheel.writestr("payload/weights.bin", b"x" * PAYLOAD)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: payload\nVersion: 1.5\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        names = ("payload/__init__.py", "payload/weights.bin", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD")
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
    (folder / "Dockerfile").write_text(DOCKERFILE)
    command = ["docker", "build", "--network", "none", "--label", "org.imagelint.test=1", "--tag", GROWN, str(folder)]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    yield GROWN, folder / "Dockerfile"
    subprocess.run(["docker", "image", "rm", GROWN], check=True, capture_output=True)


def installed(archive: Path) -> int:
    """The bytes of the wheel's files in the last layer of an archive, counted with `tarfile`."""
    with tarfile.open(archive) as image:
        manifest = image.extractfile("manifest.json")
        assert manifest is not None
        last = image.extractfile(json.load(manifest)[0]["Layers"][-1])
        assert last is not None
        with tarfile.open(fileobj=last) as layer:
            return sum(each.size for each in layer if each.isreg() and "-packages/payload" in each.name)


def test_one_more_package_is_named_with_its_bytes_and_its_line(
    one_more_package: tuple[str, Path], cli: Cli, saved: Save, counted: Count
) -> None:
    """`pip install` of one wheel: package, bytes and line in `diff` and in `gate`, and the total to the byte."""
    tag, dockerfile = one_more_package
    grown = sum(layer.layer_bytes for layer in counted(tag)) - sum(layer.layer_bytes for layer in counted(BASE))
    size = installed(saved(tag))
    assert size > PAYLOAD

    report = ask(cli, 0, "diff", BASE, tag, "--dockerfile", dockerfile)
    assert report["delta"]["layer_bytes"] == report["unique"]["new_layer_bytes"] == grown
    assert (report["unique"]["old_layer_bytes"], report["delta"]["base_layer_bytes"]) == (0, 0)
    (package,) = report["packages"]
    assert package == {
        "manager": "pip", "name": "payload", "old_version": None, "new_version": "1.5",
        "delta_bytes": size, "layer": package["layer"], "line": 4,
    }  # fmt: skip
    assert [each["name"] for each in report["configuration"]] == ["WorkingDir"]

    judged = ask(cli, 1, "gate", tag, "--baseline-image", BASE, "--max-growth", "400kB", "--dockerfile", dockerfile)
    assert judged["checks"][0]["observed"] == grown
    (named,) = (each for each in judged["culprits"] if each["package"])
    assert (named["package"], named["delta_bytes"], named["line"]) == ("pip payload 1.5", size, 4)
    assert {each["line"] for each in judged["culprits"]} == {3, 4}
    for limit, status in ((grown, 0), (grown - 1, 1)):
        ask(cli, status, "gate", tag, "--baseline-image", BASE, "--max-growth", f"{limit}B")
    own = ("--own-layers", "--dockerfile", dockerfile)
    for limit, status in ((grown, 0), (grown - 1, 1)):
        ask(cli, status, "gate", tag, "--max-size", f"{limit}B", *own)
