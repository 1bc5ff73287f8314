"""`imagelint ls` and `imagelint cat` on images that hold every kind of entry, and on hostile ones."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imagelint.testing import ImageBuilder, LayerBuilder

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Three layers: files and links, changes to them, an opaque directory."""
    base = (
        LayerBuilder()
        .directory("etc")
        .file("etc/motd", b"hello\n", uid=7, gid=8, mode=0o4755)
        .symlink("etc/up", "../etc/motd")
        .symlink("abs", "/etc")
        .symlink("loop", "loop2")
        .symlink("loop2", "loop")
        .symlink("out", "../../../etc/motd")
        .hardlink("etc/same", "etc/motd")
        .directory("d")
        .file("d/old", b"old")
        .file("bin", b"\x00\x01\x02")
    )
    change = LayerBuilder().file("etc/new", b"new\n").file("d/new", b"1").opaque("d").whiteout("bin")
    twice = LayerBuilder().file("etc/new", b"first\n").file("etc/new", b"second\n")
    builder = ImageBuilder("x:1").layer(base, "ADD file:0 in / ").layer(change, "RUN a").layer(twice, "RUN b")
    return builder.save(tmp_path / "image.tar")


def names(run: Run, image: Path, *arguments: str) -> list[str]:
    done = run("ls", "--output-format", "json", image, *arguments)
    assert done.returncode == 0, done.stderr
    return [entry["path"] for entry in json.loads(done.stdout)["entries"]]


def test_ls(imagelint: Run, image: Path) -> None:
    assert names(imagelint, image) == ["/abs", "/d", "/etc", "/loop", "/loop2", "/out"]
    assert names(imagelint, image, "/abs/") == ["/etc/motd", "/etc/new", "/etc/same", "/etc/up"]
    assert names(imagelint, image, "etc/motd") == ["/etc/motd"]
    assert names(imagelint, image, "/d", "--recursive") == names(imagelint, image, "--recursive", "/d") == ["/d/new"]
    for arguments in (["/d", "-R", "/etc"], ["-R", "/d", "/etc"]):
        done = imagelint("ls", image, *arguments)
        assert (done.returncode, "unrecognized arguments: " in done.stderr) == (2, True)
    text = imagelint("ls", image, "/etc").stdout
    assert "-rwsr-xr-x  7:8  6  layer 0  1970-01-01  /etc/motd" in text
    assert "/etc/up -> ../etc/motd" in text


def test_ls_of_all_layers(imagelint: Run, image: Path) -> None:
    done = imagelint("ls", "--all-layers", "--recursive", "--output-format", "json", image)
    hidden = {(entry["path"], entry["layer"], entry["hidden_by"]) for entry in json.loads(done.stdout)["entries"]}
    assert {("/bin", 0, 1), ("/d/old", 0, 1), ("/etc/new", 1, 2), ("/etc/new", 2, None)} <= hidden
    assert "layer 0 (hidden by 1)" in imagelint("ls", "--all-layers", image).stdout


def test_ls_of_what_is_hidden(imagelint: Run, tmp_path: Path) -> None:
    base = LayerBuilder().file("opt/a/x", 5).file("opt/a/y", 6).file("srv/z", 7).symlink("loop", "loop")
    gone = LayerBuilder().whiteout("opt/a").whiteout("srv/z")
    image = ImageBuilder("x:1").layer(base).layer(gone).save(tmp_path / "image.tar")
    assert names(imagelint, image, "--all-layers", "/opt/a") == ["/opt/a/x", "/opt/a/y"]
    assert names(imagelint, image, "--all-layers", "srv/z") == ["/srv/z"]
    for path in ("/opt/a", "/srv/z"):
        done = imagelint("ls", image, path)
        assert done.returncode == 2
        assert done.stderr.endswith(f"has no {path}\n  hint: layers have it, and later ones hide it: --all-layers\n")
    for arguments in (["/opt/b"], ["--all-layers", "/opt/b"], ["/loop/"]):
        done = imagelint("ls", image, *arguments)
        assert (done.returncode, "hint" in done.stderr) == (2, False)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/motd", "hello\n"),
        ("etc/up", "hello\n"),
        ("/abs/motd", "hello\n"),
        ("/etc/same", "hello\n"),
        ("/out", "hello\n"),
        ("../../etc/motd", "hello\n"),
        ("/etc/./../etc/motd", "hello\n"),
        ("/etc/new", "second\n"),
    ],
)
def test_cat(imagelint: Run, image: Path, path: str, content: str) -> None:
    done = imagelint("cat", image, path)
    assert (done.returncode, done.stdout, done.stderr) == (0, content, "")


def test_cat_of_a_layer(imagelint: Run, image: Path) -> None:
    assert imagelint("cat", "--layer", "1", image, "/etc/new").stdout == "new\n"
    assert imagelint("cat", "--layer", "2", image, "/etc/new").stdout == "second\n"
    done = subprocess.run(
        [sys.executable, "-m", "imagelint", "cat", "--layer", "0", str(image), "bin"], capture_output=True, check=True
    )
    assert done.stdout == b"\x00\x01\x02"
    assert imagelint("cat", "--layer", "0", image, "/etc/same").stdout == "hello\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nothing"], "has no /nothing"),
        (["/etc"], "is a directory, not a file"),
        (["/loop"], "lead in a circle"),
        (["/etc/motd/x"], "has no /etc/motd/x"),
        (["bin"], "has no bin\n  hint: layer 0 has it, and a later one hides it: --layer 0"),
        (["--layer", "3", "bin"], "there is no layer 3: they are counted from 0, and the image has 3"),
        (["--layer", "0", "etc/up"], "layer 0 has no file etc/up"),
        (["--layer", "1", "bin"], "layer 1 has no file bin"),
        (["x" * 5000], "has no xxx"),
    ],
)
def test_what_is_not_there(imagelint: Run, image: Path, arguments: list[str], message: str) -> None:
    done = imagelint("cat", image, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def on_a_terminal(image: Path, *arguments: str) -> tuple[int, bytes, bytes]:
    """Exit status, what the terminal was sent, and standard error."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "imagelint", "cat", str(image), *arguments], stdout=slave, stderr=subprocess.PIPE
    )
    os.close(slave)
    sent = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        sent += piece
    os.close(master)
    _, error = process.communicate()
    return process.returncode, sent, error


def test_a_terminal_is_not_moved(image: Path, tmp_path: Path) -> None:
    status, sent, error = on_a_terminal(image, "--layer", "0", "bin")
    assert (status, sent) == (2, b"")
    assert b"is binary" in error
    content = "a\tb\x1b[2Jc\u202ed\r\n".encode()
    path = ImageBuilder("x:1").layer(LayerBuilder().file("f", content)).save(tmp_path / "evil.tar")
    status, sent, _ = on_a_terminal(path, "f")
    assert status == 0
    assert sent == b"a       b\\x1b[2Jc\\u202ed\r\n"


def test_names_do_not_move_it_either(imagelint: Run, tmp_path: Path) -> None:
    layer = LayerBuilder().file("a\x1b[2J", b"1").symlink("l", "t\x07").file("day", b"", mtime=2**60)
    path = ImageBuilder("x:1").layer(layer).save(tmp_path / "evil.tar")
    done = imagelint("ls", path)
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout
    assert "a\\x1b[2J" in done.stdout
    assert "----------  /day" in done.stdout
