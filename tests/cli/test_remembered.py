"""What an earlier run found out about an image is told again, for as long as it would be found out again."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagelint.testing import ImageBuilder, LayerBuilder

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image with waste, caches, packages, and a name that is no text; its cache is empty."""
    monkeypatch.setenv("IMAGELINT_CACHE_DIR", str(tmp_path / "cache"))
    status = b"Package: x\nStatus: install ok installed\nVersion: 1\n\n"
    base = (
        LayerBuilder()
        .file("etc/os-release", b"ID=debian\n")
        .file("var/lib/dpkg/status", status)
        .file("var/lib/dpkg/info/x.list", b"/.\n/usr/bin/x\n")
        .file("usr/bin/x", b"x" * 70_000)
        .file("root/.cache/pip/http/a", b"p" * 2000)
        .file(b"\xff".decode("utf-8", "surrogateescape"), b"odd")
    )
    again = LayerBuilder().file("usr/bin/x", b"x" * 70_000, mode=0o700).file("copy", b"x" * 70_000)
    last = LayerBuilder().whiteout("usr")
    builder = (
        ImageBuilder("x:1").layer(base, "ADD file:0 in / ").layer(again, "RUN chmod 700 x").layer(last, "RUN rm x")
    )
    return builder.save(tmp_path / "image.tar", layout="legacy")


def report(imagelint: Run, *arguments: str) -> dict[str, Any]:
    done = imagelint("analyze", "--quiet", "--output-format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def broken(image: Path) -> None:
    """Makes every file's content another one: who reads a layer is told so."""
    content = image.read_bytes().replace(b"xxxx", b"yyyy").replace(b"pppp", b"qqqq")
    assert content != image.read_bytes()
    image.write_bytes(content)


def kept(image: Path) -> int:
    with sqlite3.connect(image.parent / "cache" / "layers.sqlite") as connection:
        count: int = connection.execute("SELECT count(*) FROM reports").fetchone()[0]
    return count


def test_the_same_is_told_again(imagelint: Run, image: Path) -> None:
    """In every form, and although nothing of the layers is there any more."""
    first = report(imagelint, str(image))
    assert first["waste"]
    assert first["packages"]
    assert first["predictions"]
    text = imagelint("analyze", "--quiet", str(image)).stdout
    broken(image)
    assert report(imagelint, str(image)) == first
    assert imagelint("analyze", "--quiet", str(image)).stdout == text
    assert kept(image) == 1


def test_another_name_and_another_source_are_told(imagelint: Run, image: Path) -> None:
    """It is known by its configuration, and not by where it was found."""
    first = report(imagelint, str(image))
    moved = image.rename(image.with_name("moved.tar"))
    second = report(imagelint, f"docker-archive:{moved}")
    assert second["image"] == {**first["image"], "reference": f"docker-archive:{moved}"}
    assert kept(moved) == 1


def test_nothing_is_kept_that_was_not_verified(imagelint: Run, image: Path) -> None:
    report(imagelint, "--no-verify", str(image))
    report(imagelint, "--sizes-only", str(image))
    report(imagelint, "--no-cache", str(image))
    assert not (image.parent / "cache").exists() or kept(image) == 0


def test_without_contents_and_without_the_cache_the_image_is_read(imagelint: Run, image: Path) -> None:
    report(imagelint, str(image))
    broken(image)
    assert imagelint("analyze", "--no-cache", str(image)).returncode == 2
    assert report(imagelint, "--sizes-only", str(image))["packages"] == []


@pytest.mark.parametrize("module", ["later_rules.py", "later_rules/__init__.py"])
def test_another_program_looks_again(imagelint: Run, image: Path, tmp_path: Path, module: str) -> None:
    """Rules that are installed later, or changed, may predict more."""
    report(imagelint, str(image))
    later = tmp_path / "later"
    rules = later / module
    rules.parent.mkdir(parents=True)
    rules.write_text("")
    info = later / "later-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: later\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[imagelint.rules]\nLATE = later_rules\n")
    environment = {**os.environ, "PYTHONPATH": str(later)}
    for text, count in (("", 2), ("", 2), ("# another one\n", 3)):
        if text:
            rules.write_text(text)
        done = imagelint("analyze", "--quiet", "--output-format", "json", str(image), env=environment)
        assert done.returncode == 0, done.stderr
        assert kept(image) == count


@pytest.mark.parametrize("content", [b"", b"no zlib", None])
def test_a_broken_row_is_as_if_it_were_not_there(imagelint: Run, image: Path, content: bytes | None) -> None:
    first = report(imagelint, str(image))
    with sqlite3.connect(image.parent / "cache" / "layers.sqlite") as connection:
        if content is None:
            content = zlib.compress(b'{"layers": []}')
        connection.execute("UPDATE reports SET content = ?", (content,))
    assert report(imagelint, str(image)) == first
