"""Tables in terminals of any width: what is wide is cut, folded or left out, but no number is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import termios
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagelint.testing import ImageBuilder, LayerBuilder

Run = Callable[..., subprocess.CompletedProcess[str]]
DOCKERFILE = """\
FROM debian:12
COPY app /app
RUN make --very-long-option --another-long-option --and-one-more-of-these
RUN rm /app/cache && chmod 600 /app/main
"""
NUMBER = re.compile(r"[+-]?\d[\d.,]* (?:[kM]?B\b|bytes)|[+-]?\d[\d.]*%|layers? \d+|line \d+")


def save(path: Path, grown: int) -> None:
    builder = ImageBuilder("example:1").layer(
        LayerBuilder().file("bin/sh", 123_456), "/bin/sh -c #(nop) ADD file:f00 in /"
    )
    app = LayerBuilder().file("app/main", b"m" * (54_321 + grown)).file("app/cache", b"c" * 98_765)
    builder.layer(app, "COPY app /app # buildkit")
    library = f"usr/lib/{'a-very-long-name-' * 5}/lib.so"
    command = "RUN /bin/sh -c make --very-long-option --another-long-option --and-one-more-of-these # buildkit"
    builder.layer(LayerBuilder().file(library, b"l" * (76_543 + 2 * grown)), command)
    last = LayerBuilder().whiteout("app/cache").file("app/main", b"m" * (54_321 + grown), mode=0o600)
    builder.layer(last, "RUN /bin/sh -c rm /app/cache && chmod 600 /app/main # buildkit").save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("narrow")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    save(folder / "old.tar", 0)
    save(folder / "new.tar", 12_345)
    return folder


def read_until_it_hangs_up(screen: int) -> Iterator[str]:
    with os.fdopen(screen, encoding="utf-8", newline="") as stream:
        try:
            yield from stream
        except OSError:  # how Linux says that nobody has the terminal open any more
            return


def on_terminal(folder: Path, width: int, *arguments: str) -> str:
    """What a person sees."""
    screen, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, width))
    command = [sys.executable, "-m", "imagelint", *arguments, "--dockerfile", "Dockerfile"]
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    env |= {"NO_COLOR": "1", "TERM": "xterm"}
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=env, cwd=folder) as process:
        os.close(terminal)
        shown = "".join(read_until_it_hangs_up(screen))
    assert process.returncode in (0, 1)
    return shown.replace("\r\n", "\n")


def numbers(shown: str) -> Counter[str]:
    return Counter(NUMBER.findall(" ".join(shown.split())))


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", "new.tar"),
        ("analyze", "new.tar", "--base-candidate", "old.tar"),
        ("diff", "old.tar", "new.tar"),
        ("gate", "new.tar", "--max-size", "1kB"),
        ("gate", "new.tar", "--baseline-image", "old.tar"),
    ],
    ids=" ".join,
)
def test_no_number_is_lost(folder: Path, arguments: tuple[str, ...]) -> None:
    wide = numbers(on_terminal(folder, 200, *arguments))
    assert len(wide) > 5
    for width in (30, 40, 50, 60, 80):
        shown = on_terminal(folder, width, *arguments)
        assert numbers(shown) == wide, width
        # A budget's line may be searched for: it is one line, however long.
        assert all(len(line) <= width for line in shown.split("\n") if not line.startswith("BROKEN")), width


@pytest.mark.parametrize(("columns", "width"), [("50", 50), ("200", 200), ("0", 140), ("-9", 140), ("x", 140)])
def test_in_a_pipe_the_width_is_the_one_that_is_asked_for(
    imagelint: Run, folder: Path, columns: str, width: int
) -> None:
    """As watch(1) does, which shows it in a window; else nobody sees an edge."""
    asked = ("analyze", "new.tar", "--dockerfile", "Dockerfile")
    shown = imagelint(*asked, cwd=folder, env=os.environ | {"COLUMNS": columns}).stdout
    assert shown == on_terminal(folder, width, "analyze", "new.tar")


def test_rungs_that_save_nothing_are_left_out(imagelint: Run, tmp_path: Path) -> None:
    builder = ImageBuilder("example:1").layer(LayerBuilder().file("bin/sh", 123_456), "RUN /bin/sh -c make # buildkit")
    builder.save(tmp_path / "image.tar")
    shown = imagelint("analyze", "image.tar", cwd=tmp_path).stdout
    assert "123 kB in 1 layer  (" in shown
    assert "predicted" not in shown
    assert shown.endswith("dive would say: efficiency 100.0000%, 0 B wasted, – of the user's\n")


def test_titles_stand_over_their_numbers(folder: Path) -> None:
    for width in (50, 60, 80, 200):
        lines = on_terminal(folder, width, "analyze", "new.tar").split("\n")
        title = next(place for place, line in enumerate(lines) if "hidden by" in line)
        row = next(line for line in lines[title + 1 :] if "layer 1" in line)
        for words, value in (("wasted", " kB"), ("stored by", "layer 1"), ("hidden by", "layer 3")):
            assert lines[title].index(words) + len(words) == row.index(value) + len(value), width


def test_narrow_tables_have_the_text_on_a_line_of_its_own(folder: Path) -> None:
    shown = on_terminal(folder, 40, "gate", "new.tar", "--max-size", "1kB")
    assert "101 kB  layer 2, line 3\n  RUN make --very-long-option --another…\n" in shown


def test_many_layers_are_cut_between_numbers(imagelint: Run, tmp_path: Path) -> None:
    builder = ImageBuilder("example:1")
    for place in range(24):
        layer = LayerBuilder().file("often", b"o" * 200)
        builder.layer(layer.file("seldom", b"s" * 100) if place < 3 or place % 2 == 0 else layer)
    builder.save(tmp_path / "image.tar")
    lines = imagelint("analyze", "image.tar", cwd=tmp_path).stdout.split("\n")
    first = next(place for place, line in enumerate(lines) if "in layers" in line) + 2
    rows = [re.split(r"\s{3,}", line.strip()) for line in lines[first : first + 2]]
    assert rows == [["4.60 kB", "0-22", "/often"], ["1.20 kB", "0-2, 4, 6, 8, …", "/seldom"]]
