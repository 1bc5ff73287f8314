"""`imagelint analyze` and `gate` as a user runs them, on archives; the engine's turn is in tests/engine."""

from __future__ import annotations

import bz2
import json
import lzma
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from imagelint.testing import ImageBuilder, LayerBuilder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

DOCKERFILE = """\
FROM debian:12
COPY app /app
RUN make
RUN rm /app/cache \\
    && chmod 600 /app/main
"""


def layers(grown: int = 0) -> list[tuple[LayerBuilder, str]]:
    return [
        (LayerBuilder().file("bin/sh", b"s" * 1000), "/bin/sh -c #(nop) ADD file:f00 in / "),
        (
            LayerBuilder().file("app/main", b"m" * 500).file("app/cache", b"c" * 300).symlink("app/link", "main"),
            "COPY app /app # buildkit",
        ),
        (LayerBuilder().file("app/lib", b"l" * (200 + grown)), "RUN /bin/sh -c make # buildkit"),
        (
            LayerBuilder().whiteout("app/cache").file("app/main", b"m" * 500, mode=0o600),
            "RUN /bin/sh -c rm /app/cache     && chmod 600 /app/main # buildkit",
        ),
    ]


def archive(path: Path, grown: int = 0) -> Path:
    builder = ImageBuilder("example:1").empty("ENV A=b")
    for layer, command in layers(grown):
        builder.layer(layer, command)
    return builder.save(path)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    return archive(tmp_path / "image.tar")


def test_analyze_prints_layers_waste_and_savings(imagelint: Run, image: Path) -> None:
    done = imagelint("analyze", "image.tar", "--dockerfile", "Dockerfile", cwd=image.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert "image.tar  2.50 kB in 4 layers" in done.stdout
    assert "1.70 kB are live; 800 B (32.0%) are stored in vain" in done.stdout
    assert "removed by a later layer" in done.stdout
    assert "stored again only to change owner, mode or time" in done.stdout
    assert "stored-once" in done.stdout
    assert "\x1b" not in done.stdout


def test_analyze_as_json_has_the_contracts_keys(imagelint: Run, image: Path) -> None:
    done = imagelint("analyze", "image.tar", "--dockerfile", "Dockerfile", "--output-format", "json", cwd=image.parent)
    report = json.loads(done.stdout)
    assert report["schema"] == 1
    assert report["image"] | {"id": ""} == {
        "reference": "image.tar",
        "source": "docker-archive",
        "id": "",
        "platform": "linux/amd64",
        "layer_bytes": 2500,
        "compressed_bytes": None,
        "verified": True,
    }
    assert [layer["layer_bytes"] for layer in report["layers"]] == [1000, 800, 200, 500]
    assert [layer["instruction"] and layer["instruction"]["line"] for layer in report["layers"]] == [None, 2, 3, 4]
    assert report["layers"][3]["instruction"] == {"path": "Dockerfile", "line": 4, "end_line": 5}
    assert (report["live_bytes"], report["reclaimable_bytes"]) == (1700, 800)
    assert {
        (each["reason"], each["bytes"], each["stored_by"], each["hidden_by"]) for each in report["reclaimable"]
    } == {
        ("removed", 300, 1, 3),
        ("metadata-only", 500, 1, 3),
    }
    assert [finding["code"] for finding in report["findings"]] == ["IL205", "IL301"]
    assert {"packages", "predictions", "waste", "compat"} <= report.keys()


@pytest.mark.parametrize("compress", [bytes, lzma.compress, bz2.compress])
def test_standard_input_takes_what_docker_load_takes(image: Path, compress: Callable[[bytes], bytes]) -> None:
    packed = compress(image.read_bytes())
    command = [sys.executable, "-m", "imagelint", "analyze", "docker-archive:-", "--output-format", "json"]
    done = subprocess.run(command, input=packed, capture_output=True, check=True)
    assert json.loads(done.stdout)["image"]["layer_bytes"] == 2500
    cut = subprocess.run(command, input=packed[:-30], capture_output=True, check=False)
    if compress is not bytes:  # of a tar only zeros are missing
        assert cut.returncode == 2
        assert cut.stderr.endswith(b"stream ends too early\n")


def test_a_dockerfile_of_another_image_is_said(imagelint: Run, image: Path) -> None:
    (image.parent / "Other").write_text("FROM a\nRUN something else\n")
    done = imagelint("analyze", "image.tar", "--dockerfile", "Other", cwd=image.parent)
    assert done.returncode == 0
    assert "does not look like the Dockerfile" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["analyze", "image.tar", "--dockerfile", "Dockerfile"],
        ["check", "Dockerfile", "--image", "image.tar", "--exit-zero"],
        ["gate", "image.tar", "--dockerfile", "Dockerfile", "--baseline-image", "image.tar"],
        ["diff", "image.tar", "image.tar", "--dockerfile", "Dockerfile"],
    ],
    ids=lambda command: command[0],
)
def test_build_arguments_that_nothing_takes_are_said_once(imagelint: Run, image: Path, command: list[str]) -> None:
    (image.parent / "Dockerfile").write_text(f"ARG BASE\n{DOCKERFILE}ARG LATER=1\n")
    known = ["BASE=x", "LATER=2", "TARGETARCH=arm64", "HTTP_PROXY=x", "no_proxy=x", "BUILDKIT_INLINE_CACHE=1"]
    given = [part for each in known for part in ("--build-arg", each)]
    assert "build-arg" not in imagelint(*command, *given, cwd=image.parent).stderr
    done = imagelint(*command, *given, "--build-arg", "BAES=y", "--build-arg", "\x1b=1", cwd=image.parent)
    assert done.stderr == "imagelint: note: Dockerfile has no ARG for --build-arg BAES, \\x1b\n"
    assert done.returncode == 0


@pytest.mark.parametrize("command", ["analyze image.tar", "gate image.tar --max-size 1GB", "diff image.tar image.tar"])
@pytest.mark.parametrize("option", ["--build-arg X=1", "--target x", "--context ."])
def test_what_is_about_a_dockerfile_needs_one(imagelint: Run, image: Path, command: str, option: str) -> None:
    done = imagelint(*command.split(), *option.split(), cwd=image.parent)
    assert (done.returncode, done.stdout) == (2, "")
    name = option.partition(" ")[0]
    assert done.stderr == (
        f"imagelint: error: {name} is about the image's Dockerfile\n  hint: name it too, with --dockerfile FILE\n"
    )


def test_without_its_dockerfile_an_image_is_predicted_from_its_history(imagelint: Run, image: Path) -> None:
    """Also where another one was given, whose lines say nothing about it."""
    (image.parent / "Other").write_text("FROM a\nRUN something else\n")

    def predictions(*arguments: str) -> object:
        done = imagelint("analyze", "image.tar", "--output-format", "json", *arguments, cwd=image.parent)
        return json.loads(done.stdout)["predictions"]

    alone = predictions()
    assert {"merged", "stored-once"} <= {each["name"] for each in alone}  # type: ignore[attr-defined]
    assert predictions("--dockerfile", "Other") == alone


def test_the_gate_against_a_baseline(imagelint: Run, image: Path) -> None:
    folder = image.parent
    archive(folder / "grown.tar", grown=100)

    def gate(*arguments: str) -> subprocess.CompletedProcess[str]:
        return imagelint("gate", *arguments, "--baseline", "b.json", "--dockerfile", "Dockerfile", cwd=folder)

    assert gate("image.tar", "--update-baseline").returncode == 0
    assert gate("image.tar").returncode == 0
    broken = gate("grown.tar")
    assert broken.returncode == 1
    assert "BROKEN max-growth: 2.50 kB → 2.60 kB, +100 B (+4.00%); allowed: 25 B (1%)" in broken.stdout
    assert "+100 B  layer 2, line 3  RUN make" in broken.stdout
    assert gate("grown.tar", "--max-growth", "4%").returncode == 0
    assert gate("grown.tar", "--max-growth", "99B").returncode == 1
    report = json.loads(gate("grown.tar", "--output-format", "json").stdout)
    assert report["verdict"] == "broken"
    assert report["baseline"]["layer_bytes"] == 2500
    assert [(check["name"], check["observed"], check["limit"], check["held"]) for check in report["checks"]] == [
        ("max-growth", 100, 25, False)
    ]
    assert report["culprits"] == [
        {"layer": 2, "command": "RUN make", "line": 3, "package": None, "path": "/app/lib", "delta_bytes": 100}
    ]


def test_an_updated_baseline_does_not_hide_another_broken_budget(imagelint: Run, image: Path) -> None:
    arguments = ("--baseline", "b.json", "--update-baseline", "--max-size", "1kB")
    assert imagelint("gate", "image.tar", *arguments, cwd=image.parent).returncode == 1
    assert (image.parent / "b.json").exists()


@pytest.mark.parametrize(("limit", "status"), [("2500", 0), ("2.499kB", 1), ("1MiB", 0)])
def test_the_gate_on_a_size(imagelint: Run, image: Path, limit: str, status: int) -> None:
    done = imagelint("gate", image, "--max-size", limit)
    assert done.returncode == status
    assert ("held" if status == 0 else "the largest layers:") in done.stdout


ERRORS = {
    "no budget": (["gate", "image.tar"], "no budget"),
    "growth against nothing": (["gate", "image.tar", "--max-growth", "1%"], "something to compare with"),
    "no baseline file": (["gate", "image.tar", "--baseline", "nope"], "nope: the baseline cannot be read"),
    "no baseline to write": (["gate", "image.tar", "--update-baseline"], "which file to write"),
    "a baseline that is none": (["gate", "image.tar", "--baseline", "Dockerfile"], "is not a baseline"),
    "no size": (["gate", "image.tar", "--max-size", "big"], "is no size"),
    "no such archive": (["analyze", "./nope.tar"], "nope.tar"),
    "not an archive": (["analyze", "Dockerfile"], "is not an image archive"),
    "a folder": (["analyze", "."], "."),
    "truncated": (["analyze", "short.tar"], "short.tar"),
    "no such Dockerfile": (["analyze", "image.tar", "--dockerfile", "nope"], "nope: no such file"),
    "nothing to list": (["analyze", "image.tar", "--top", "0"], "--top"),
    "a baseline in no folder": (["gate", "image.tar", "--update-baseline", "--baseline", "no/b"], "cannot be written"),
}


@pytest.mark.parametrize(("arguments", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_are_one_clear_line_and_exit_2(imagelint: Run, image: Path, arguments: list[str], message: str) -> None:
    (image.parent / "short.tar").write_bytes(image.read_bytes()[:3000])
    done = imagelint(*arguments, cwd=image.parent)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith("imagelint: error: ")
    assert all(line.startswith("  hint: ") for line in lines[1:])


def test_a_gate_that_cannot_judge_says_so_in_json_too(imagelint: Run, image: Path) -> None:
    done = imagelint(
        "gate", "nope.tar", "--max-size", "1MB", "--output-format", "json", env=no_engine(), cwd=image.parent
    )
    assert done.returncode == 2
    assert json.loads(done.stdout)["verdict"] == "not-judged"


def test_an_engine_that_does_not_answer(imagelint: Run, tmp_path: Path) -> None:
    done = imagelint("analyze", "debian:12", env=no_engine())
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert "hint: start it" in done.stderr


def no_engine() -> dict[str, str]:
    return dict(os.environ) | {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


def test_hostile_names_do_not_move_the_terminal(imagelint: Run, tmp_path: Path) -> None:
    layer = LayerBuilder().file("a\x1b[2J\r\nb", b"x" * 100).file("\udcff\u202e", b"y" * 100)
    image = ImageBuilder("x").layer(layer, "RUN /bin/sh -c \x1b]0;evil\x07[bold red]x[/] # buildkit")
    image.layer(LayerBuilder().whiteout("a\x1b[2J\r\nb"), "RUN \x9b31m").save(tmp_path / "i.tar")
    done = imagelint("analyze", tmp_path / "i.tar", env=dict(os.environ) | {"PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0
    assert "[bold red]x[/]" in done.stdout
    assert not [char for char in done.stdout if (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0]
    assert "\u202e" not in done.stdout


def test_a_reader_that_has_seen_enough_is_no_finding(image: Path) -> None:
    """As in `imagelint analyze IMAGE | head -1`; exit status 1 is for findings and broken budgets."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        command = [sys.executable, "-m", "imagelint", "analyze", str(image)]
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (2, b"")
