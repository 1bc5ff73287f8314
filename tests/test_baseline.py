"""A baseline over the life of a project: what it passes over, what it calls stale, and how it is written."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

OLD = "FROM a\nRUN apt-get update\nUSER b\nRUN pip install x\n"
KEPT = ("--select", "IL101,IL103")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with an old Dockerfile in it and one below, whose findings are known."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "app").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for path in ("Dockerfile", "app/Dockerfile"):
        Path(path).write_text(OLD)
    return tmp_path


@pytest.fixture
def known(imagelint: Run, repository: Path) -> str:
    done = imagelint("check", *KEPT, "--baseline", "base.json", "--update-baseline")
    assert (done.returncode, done.stderr) == (0, "imagelint: 4 findings are in base.json now\n")
    return Path("base.json").read_text()


CHANGES = {
    "nothing changed": (OLD, "", 0),
    "lines moved": ("# a comment\n\n" + OLD, "", 0),
    "indented and wrapped anew": (OLD.replace("RUN apt-get update", "RUN  apt-get \\\n      update"), "", 0),
    "the text changed": (OLD.replace("install x", "install y"), "IL103", 1),
    "one more of the same": (OLD + "USER c\nRUN pip install x\n", "IL103", 0),
    "another one": (OLD + "USER c\nRUN pip install z\n", "IL103", 0),
    "one was fixed": (OLD.replace("pip install", "pip install --no-cache-dir"), "", 1),
    "both were fixed": ("FROM a\n", "", 2),
    "it does not parse any more": (OLD + "RUNN x\n", "IL001", 0),
}


@pytest.mark.parametrize(("text", "new", "stale"), CHANGES.values(), ids=CHANGES)
def test_what_a_change_makes_of_it(imagelint: Run, known: str, text: str, new: str, stale: int) -> None:
    Path("Dockerfile").write_text(text)
    done = imagelint("check", *KEPT, "--baseline", "base.json", "--output-format", "json")
    assert " ".join(each["code"] for each in json.loads(done.stdout)["findings"]) == new
    assert done.returncode == bool(new)
    said = {0: "", 1: "1 entry is stale", 2: "2 entries are stale"}[stale]
    assert said in done.stderr
    assert bool(done.stderr) == bool(stale)
    assert Path("base.json").read_text() == known


FOLDERS = {
    "from the root": (".", ["--baseline", "base.json"]),
    "from a folder below": ("app", ["--baseline", "../base.json"]),
    "from a folder below, of the one above": ("app", ["--baseline", "../base.json", ".."]),
    "by absolute paths": ("app", ["--baseline", "{top}/base.json", "{top}/Dockerfile", "{top}/app"]),
    "from elsewhere": ("/", ["--baseline", "{top}/base.json", "{top}"]),
}


@pytest.mark.parametrize(("folder", "arguments"), FOLDERS.values(), ids=FOLDERS)
def test_it_holds_from_every_folder(
    imagelint: Run, repository: Path, known: str, folder: str, arguments: list[str]
) -> None:
    named = [each.format(top=repository) for each in arguments]
    done = imagelint("check", *KEPT, *named, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "known from the baseline" in done.stdout


def test_it_holds_where_the_repository_was_moved_to(imagelint: Run, repository: Path, known: str) -> None:
    moved = repository.parent / f"{repository.name}-moved"
    repository.rename(moved)
    assert imagelint("check", *KEPT, "--baseline", "base.json", cwd=moved).returncode == 0


def test_it_is_sorted_and_the_same_every_time(imagelint: Run, known: str) -> None:
    entries = list(json.loads(known)["findings"].values())
    assert entries == sorted(entries, key=lambda each: (each["path"], each["code"]))
    assert [each["path"] for each in entries] == ["Dockerfile"] * 2 + ["app/Dockerfile"] * 2
    Path("base.json").unlink()
    imagelint("check", *KEPT, "--baseline", "base.json", "--update-baseline", "app", "./Dockerfile", "Dockerfile")
    assert Path("base.json").read_text() == known


UPDATES = {
    "nothing changed": (lambda: None, [], 4),
    "one fixed": (lambda: Path("Dockerfile").write_text("FROM a\n"), [], 2),
    "a part of the files": (lambda: Path("Dockerfile").write_text("FROM a\n"), ["app"], 4),
    "a file is gone": (lambda: Path("Dockerfile").unlink(), ["app"], 2),
    "a part of the rules": (lambda: Path("Dockerfile").write_text("FROM a\n"), ["--select", "IL103"], 3),
    "the worst findings only": (lambda: Path("Dockerfile").write_text("FROM a\n"), ["--min-severity", "error"], 4),
}


@pytest.mark.parametrize(("change", "arguments", "count"), UPDATES.values(), ids=UPDATES)
def test_an_update_keeps_what_the_run_did_not_look_at(
    imagelint: Run, known: str, change: Callable[[], object], arguments: list[str], count: int
) -> None:
    change()
    chosen = arguments if "--select" in arguments else [*KEPT, *arguments]
    done = imagelint("check", "--baseline", "base.json", "--update-baseline", *chosen)
    assert done.stderr == f"imagelint: {count} findings are in base.json now\n"
    assert len(json.loads(Path("base.json").read_text())["findings"]) == count


NOT_STALE = {
    "a part of the files": ["app"],
    "a part of the rules": ["--select", "IL103", "app"],
    "other rules": ["--select", "IL201"],
    "the worst findings only": ["--min-severity", "error"],
}


@pytest.mark.parametrize("arguments", NOT_STALE.values(), ids=NOT_STALE)
def test_what_was_not_looked_for_is_not_stale(imagelint: Run, known: str, arguments: list[str]) -> None:
    Path("Dockerfile").write_text("FROM a\n")
    chosen = arguments if "--select" in arguments else [*KEPT, *arguments]
    assert imagelint("check", "--baseline", "base.json", *chosen).stderr == ""


def test_what_is_left_of_a_deleted_file_is_stale(imagelint: Run, known: str) -> None:
    Path("Dockerfile").unlink()
    done = imagelint("check", *KEPT, "--baseline", "base.json", "app")
    assert done.returncode == 0
    assert "2 entries are stale" in done.stderr
    assert "  Dockerfile: IL101 " in done.stderr


CORRUPT = {
    "no JSON": "{",
    "a merge conflict": '<<<<<<< HEAD\n{"schema": 1, "findings": {}}\n',
    "empty": "",
    "another document": '{"schema": 1}',
    "a list": "[]",
    "findings in a list": '{"schema": 1, "findings": []}',
    "an entry without its code": '{"schema": 1, "findings": {"a": {"path": "b"}}}',
    "another version": '{"schema": 99, "findings": {}}',
    "deep": "[" * 100_000,
    "a huge number": '{"schema": ' + "9" * 10_000 + "}",
    "no UTF-8": "\udcff",
}


@pytest.mark.parametrize("text", CORRUPT.values(), ids=CORRUPT)
def test_a_file_that_is_no_baseline_is_an_error_and_can_be_written_anew(imagelint: Run, text: str) -> None:
    Path("base.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    done = imagelint("check", "--baseline", "base.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "base.json: is " in done.stderr
    assert "--update-baseline" in done.stderr
    assert imagelint("check", "--baseline", "base.json", "--update-baseline").returncode == 0
    assert imagelint("check", "--baseline", "base.json").returncode == 0


def test_a_missing_file_is_an_error(imagelint: Run) -> None:
    done = imagelint("check", "--baseline", "nothing.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing.json: no such file" in done.stderr


def test_a_configuration_names_it_from_its_own_folder(imagelint: Run, known: str) -> None:
    Path("imagelint.toml").write_text('baseline = "base.json"\nselect = ["IL101", "IL103"]\n')
    assert imagelint("check", cwd="app").returncode == 0
    assert imagelint("check", "--isolated", *KEPT, cwd="app").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--update-baseline"], "needs --baseline"),
        (["--update-baseline", "--diff", "--baseline", "b"], "changes nothing"),
    ],
)
def test_what_makes_no_sense(imagelint: Run, arguments: list[str], message: str) -> None:
    done = imagelint("check", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not Path("b").exists()


def test_an_unreadable_file_keeps_its_entries_and_the_error(imagelint: Run, known: str) -> None:
    Path("Dockerfile").write_bytes(b"\x00\x01\x02\x03" * 300)
    done = imagelint("check", *KEPT, "--baseline", "base.json", "--update-baseline")
    assert done.returncode == 2
    assert Path("base.json").read_text() == known
