"""`fixtures/images/build` where it must not build: with a stand-in for docker, so that no image is at risk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import BUILD

# Answers as docker does, and writes down what it was asked. Its images carry the labels in $LABELS.
STAND_IN = """#!/bin/sh
echo "$*" >> "$ASKED"
case "$1 $2" in
    "version --format") [ -z "$NO_ENGINE" ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; } ;;
    "image inspect") [ -n "$LABELS" ] || { echo "Error: No such image" >&2; exit 1; }; echo "$LABELS" ;;
esac
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A folder with a `docker` that builds nothing."""
    command = tmp_path / "bin" / "docker"
    command.parent.mkdir()
    command.write_text(STAND_IN)
    command.chmod(0o755)
    return command.parent


def build(stand_in: Path, *arguments: str, **variables: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run the script with the stand-in first on the path; also give what docker was asked to do."""
    asked = stand_in.parent / "asked"
    path = os.pathsep.join([str(stand_in), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "ASKED": str(asked), **variables}
    done = subprocess.run([sys.executable, str(BUILD), *arguments], capture_output=True, text=True, env=environment)
    return done, asked.read_text()


@pytest.mark.parametrize("labels", ["null", "{}", '{"maintainer": "somebody"}', '{"org.imagelint.test": "0"}'])
def test_an_image_of_somebody_else_is_left_alone(stand_in: Path, labels: str) -> None:
    """A tag whose image lacks the label is named, and nothing at all is built."""
    done, asked = build(stand_in, "--only", "java", LABELS=labels)
    assert done.returncode == 2
    assert "rmuresano/bdaasjava:0_0_2" in done.stderr
    assert "left alone" in done.stderr
    assert not any(line.startswith(("build", "import", "run")) for line in asked.splitlines())


def test_check_says_what_is_missing(stand_in: Path) -> None:
    """Nothing is built, the missing images are listed, and the status is 2."""
    done, asked = build(stand_in, "--check", "--only", "small-1", LABELS="")
    assert done.returncode == 2
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["imagelint-test/debian:bookworm", "missing"],
        ["imagelint-test/small:1", "missing"],
    ]
    assert "build" not in asked


def test_check_is_content_with_our_own(stand_in: Path) -> None:
    """With every image there, and ours, the status is 0."""
    done, _ = build(stand_in, "--check", LABELS='{"org.imagelint.test": "1"}')
    assert done.returncode == 0, done.stdout


def test_no_engine_is_told_in_one_line(stand_in: Path) -> None:
    """The reason and what to do, without a traceback."""
    done, _ = build(stand_in, NO_ENGINE="1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Start one" in done.stderr
    assert len(done.stderr.splitlines()) == 1
