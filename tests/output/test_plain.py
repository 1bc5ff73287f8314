"""Where a stream's encoding lacks what imagelint draws with, plain signs stand in its place."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imagelint.testing import ImageBuilder, LayerBuilder

Run = Callable[..., subprocess.CompletedProcess[str]]
ASCII = os.environ | {"PYTHONIOENCODING": "ascii"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    app = LayerBuilder().file("app/main", b"m" * 50_000)
    for name, grown in (("old", 0), ("new", 9_000)):
        made = LayerBuilder().file("app/main", b"n" * (50_000 + grown)).file(f"{'long-' * 40}name", 9_000)
        builder = ImageBuilder(f"{name}:1").layer(app, "COPY app /app # buildkit")
        builder.layer(made, f"RUN /bin/sh -c {'make ' * 40}# buildkit").save(tmp_path / f"{name}.tar")
    ImageBuilder("one:1").layer(app, "COPY app /app # buildkit").save(tmp_path / "one.tar")
    (tmp_path / "Dockerfile").write_text(
        f"FROM a AS b\nRUN {'make ' * 60} && apt-get install -y curl {'d ' * 200}\nFROM a\nCOPY --from=b /x /y\n"
    )
    return tmp_path


def test_every_report_is_ascii(imagelint: Run, folder: Path) -> None:
    """Nothing is left of what is drawn but what can be read."""
    for arguments, drawn in (
        (["analyze", "new.tar"], ["####", "----", "..."]),
        (["diff", "old.tar", "new.tar"], ["old.tar -> new.tar"]),
        (["diff", "old.tar", "new.tar", "--output-format", "markdown"], ["`old.tar` -> `new.tar`"]),
        (["gate", "new.tar", "--baseline-image", "old.tar", "--record", "runs"], ["kB -> ", "mostly /"]),
        (["gate", "old.tar", "--max-size", "1GB", "--record", "runs"], ["held"]),
        (["gate", "new.tar", "--max-size", "1kB", "--output-format", "markdown"], ["### x broken"]),
        (["trend", "runs"], ["_  109 kB -> 109 kB  old.tar", "_  118 kB -> 118 kB  new.tar"]),
        (["graph", "Dockerfile"], ["|-- ", "`-- ", "  from stage 0: b", "..."]),
        (["rules"], ["SC..."]),
        (["analyze", "one.tar"], ["- of the user's"]),
    ):
        done = imagelint(*arguments, cwd=folder, env=ASCII)
        assert done.returncode in (0, 1), done.stderr
        assert "\\u" not in done.stdout, arguments
        for sign in drawn:
            assert sign in done.stdout, (arguments, sign)


def test_an_underline_is_where_it_was_though_the_line_is_cut(imagelint: Run, folder: Path) -> None:
    done = imagelint("check", "Dockerfile", "--select", "DL3015", cwd=folder, env=ASCII)
    lines = done.stdout.split("\n")
    source = next(place for place, line in enumerate(lines) if line.startswith("2 | "))
    assert lines[source].startswith("2 | ...")
    assert lines[source].endswith("...")
    assert lines[source + 1].index("^") == lines[source].index("apt-get")


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "\\xe9 -> "), ("latin-1", "é -> "), ("utf-8", "é → ")])
def test_an_underline_is_below_what_the_encoding_makes_of_a_line(
    imagelint: Run, tmp_path: Path, encoding: str, shown: str
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a:1\nRUN echo é → && apt-get install -y curl\n", encoding="utf-8")
    command = [sys.executable, "-m", "imagelint", "check", "Dockerfile", "--select", "DL3015"]
    env = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, encoding=encoding, check=False)
    lines = done.stdout.split("\n")
    source = next(place for place, line in enumerate(lines) if line.startswith("2 | "))
    assert lines[source] == f"2 | RUN echo {shown}&& apt-get install -y curl"
    assert lines[source + 1].index("^") == lines[source].index("apt-get")


def test_what_stands_for_others_counts_for_the_width(imagelint: Run, tmp_path: Path) -> None:
    layer = LayerBuilder().file("é" * 60, b"1" * 900).file("日本語/漢字", b"2" * 800)
    ImageBuilder("x:1").layer(layer).save(tmp_path / "image.tar")
    done = imagelint("analyze", "image.tar", cwd=tmp_path, env=ASCII | {"COLUMNS": "70"})
    assert max(map(len, done.stdout.split("\n"))) == 70
    assert "  /\\u65e5\\u672c\\u8a9e/\\u6f22\\u5b57 " in done.stdout


def test_what_the_encoding_has_is_shown(imagelint: Run, folder: Path) -> None:
    done = imagelint("diff", "old.tar", "new.tar", cwd=folder, env=os.environ | {"PYTHONIOENCODING": "utf-8"})
    assert "old.tar → new.tar" in done.stdout


def test_names_in_an_image_are_told_exactly(imagelint: Run, tmp_path: Path) -> None:
    ImageBuilder("x:1").layer(LayerBuilder().file("a→b", b"1")).save(tmp_path / "image.tar")
    done = imagelint("ls", tmp_path / "image.tar", "/", env=ASCII)
    assert "/a\\u2192b" in done.stdout
