"""docs/configuration.md: its files are read, its comments silence, its commands print what stands there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelint import config
from imagelint.errors import UsageError
from imagelint.hadolintconfig import read as read_hadolint
from imagelint.settings import Settings
from tests.conftest import ROOT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

PAGE = (ROOT / "docs/configuration.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "lint").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize("text", blocks("toml"))
def test_its_files_are_read(imagelint: Run, text: str) -> None:
    Path("imagelint.toml").write_text(text)
    Path("imagelint-baseline.json").write_text('{"schema": 1, "findings": {}}')
    done = imagelint("check")
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr


def keys(run: Callable[[], object]) -> set[str]:
    """The keys that a reader knows: what it says of one that it does not."""
    with pytest.raises(UsageError) as caught:
        run()
    return set((caught.value.hint or "").removeprefix("keys: ").split(", "))


def test_it_has_every_key() -> None:
    Path("x.toml").write_text("zzzzzzzz = 1")
    assert set(tomllib.loads(blocks("toml")[0])) == keys(lambda: config.load("x.toml"))


def test_it_has_every_key_of_hadolints() -> None:
    Path("x.yaml").write_text("zzzzzzzz: 1")
    table = PAGE[PAGE.index("| key |") :]
    named = re.findall(r"`([a-zA-Z-]+)`", " ".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE)))
    assert set(named) == keys(lambda: read_hadolint("x.yaml", Settings()))


def test_its_comments_silence(imagelint: Run) -> None:
    (text,) = blocks("dockerfile")
    Path("Dockerfile").write_text(text)
    silenced = ("--select", "IL101,IL201,IL911,IL912", "--isolated")
    assert imagelint("check", *silenced).returncode == 0
    Path("Dockerfile").write_text(re.sub(r"#.*\n", "", text))
    assert imagelint("check", *silenced).returncode == 1


def test_its_commands_print_what_stands_there(imagelint: Run) -> None:
    Path("Dockerfile").write_text("FROM scratch\nRUNN x\n")
    shown = 0
    for block in blocks("console"):
        for command, output in re.findall(r"\$ imagelint (.*)\n((?:[^$].*\n)*)", block):
            done = imagelint(*command.split())
            assert (done.returncode, done.stderr + done.stdout) == (0, output)
            shown += 1
    assert shown == 2


def test_every_option_that_it_names_is_there(imagelint: Run) -> None:
    usage = imagelint("check", "--help").stdout
    named = set(re.findall(r"`(--[a-z-]+)", PAGE))
    assert named
    assert not [each for each in named if not re.search(rf"{each}\b", usage)]
