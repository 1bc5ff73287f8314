"""ShellCheck as a process: what it is given and may not see, and what happens where it is slow, broken or not there."""

from __future__ import annotations

import os
import signal
import stat
import time
from typing import TYPE_CHECKING

import pytest
from imagelint_shellcheck import check, process
from imagelint_shellcheck.check import shellcheck
from imagelint_shellcheck.scripts import scripts

from imagelint import plugins
from imagelint.dockerfile.instructions import Run
from imagelint.errors import PluginError
from imagelint.finding import Severity
from imagelint.graph import BuildGraph
from imagelint.linter import Plan, lint

from .findings import findings, graph, needed, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from imagelint.finding import Finding


@needed
def test_equal_scripts_are_checked_once_and_reported_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    class Counting(process.Process):
        def __init__(self, program: str, texts: Sequence[str], folder: str) -> None:
            given.extend(texts)
            super().__init__(program, texts, folder)

    monkeypatch.setattr(process, "Process", Counting)
    graphs = [graph("FROM a\nRUN echo $A\nRUN echo $A"), graph("FROM b\n\nRUN echo $A\nRUN true")]
    found = [(number, finding.span.start) for number, finding in shellcheck.function(graphs)]
    assert sorted(found) == [(0, 16), (0, 28), (1, 17)]
    assert len(given) == 2


@needed
def test_nothing_outside_changes_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".shellcheckrc").write_text("disable=SC2086\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELLCHECK_OPTS", "-e SC2086")
    assert shown("FROM a\nRUN echo $A") == "2086:2:10:$A"


@needed
def test_no_file_of_the_working_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("echo $A `b`\nx=1\n")
    text = 'FROM a\nRUN <<EOF\n# shellcheck source=x\n. ./y\n. ./x\necho "$x"\nEOF'
    apart = shown(text)
    monkeypatch.chdir(tmp_path)
    assert shown(text) == apart == "2154:6:7:$x"


def fake(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in ShellCheck's place."""
    path = folder / "shellcheck"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(process, "find", lambda: str(path))


@pytest.mark.parametrize(
    "script",
    [
        "exit 3",
        "echo nonsense",
        "echo '{\"comments\": [{}]}'",
        "kill -9 $$",
        "echo '{\"comments\": []}'; exit 2",
        "echo []",
    ],
)
def test_one_that_does_not_work_is_an_error(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, script, monkeypatch)
    with pytest.raises(PluginError, match="does not work"):
        findings("FROM a\nRUN a\nRUN b")


def test_one_that_cannot_be_started_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find", lambda: str(tmp_path))
    with pytest.raises(PluginError, match="cannot be started"):
        findings("FROM a\nRUN a")


#: Says nothing of most scripts, and does as told for those that name the word.
_PICKY = """
for last; do grep -q WORD "$last" 2>/dev/null && { DO; }; done
echo '{"comments": []}'
"""


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("exec sleep 60", "longer than 1 seconds"),
        ("echo 'out of memory' >&2; exit 1", "out of memory"),
        ("kill -9 $$", "-9"),
    ],
)
def test_a_script_that_it_fails_on_takes_no_other_with_it(
    do: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, _PICKY.replace("DO", do), monkeypatch)
    monkeypatch.setattr(process, "SECONDS", 1.0)
    monkeypatch.setattr(process, "SECONDS_A_SCRIPT", 0.1)
    (finding,) = findings("FROM a\nRUN a\nRUN b WORD\nRUN c\nRUN d")
    assert (finding.code, finding.severity) == ("SC000", Severity.ERROR)
    assert reason in finding.message
    assert finding.span.start == 13


def started(folder: Path) -> int:
    """The id of the process that a fake has written down."""
    until = time.monotonic() + 20
    while not (folder / "pid").exists() and time.monotonic() < until:
        time.sleep(0.01)
    return int((folder / "pid").read_text())


def test_it_works_beside_the_rules_and_ends_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; exec sleep 60", monkeypatch)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    seen: list[int] = []

    def crashing(run: Run, graph: BuildGraph) -> Iterator[Finding]:
        seen.append(started(tmp_path))
        os.kill(seen[0], 0)
        (folder,) = (tmp_path / "tmp").iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        raise ZeroDivisionError
        yield

    rule = next(each for each in plugins.load().rules if each.visits == (Run,))
    plan = Plan((rule._replace(function=crashing, options={}),), (shellcheck,))
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        lint("Dockerfile", "FROM a\nRUN a", plan)
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)
    assert not [*(tmp_path / "tmp").iterdir()]


@needed
def test_nothing_of_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert shown("FROM a\nRUN echo $A") == "2086:2:10:$A"
    assert not [*tmp_path.iterdir()]


@needed
def test_a_folder_for_temporary_files_that_is_not_there_is_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere/at/all")
    assert shown("FROM a\nRUN echo $A") == "2086:2:10:$A"


@needed
def test_a_process_whose_status_the_system_throws_away_is_read_all_the_same() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert shown("FROM a\nRUN echo $A") == "2086:2:10:$A"
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_patience_that_is_used_up_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, _PICKY.replace("DO", "exec sleep 60"), monkeypatch)
    monkeypatch.setattr(process, "SECONDS", 0.2)
    monkeypatch.setattr(process, "SECONDS_A_SCRIPT", 0.0)
    text = "FROM a\n" + "".join(f"RUN WORD{number}\n" for number in range(40))
    assert [finding.code for finding in findings(text)] == ["SC000"] * 40


def test_the_working_folder_is_no_place_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shellcheck").write_text("")
    os.chmod(tmp_path / "shellcheck", 0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    monkeypatch.setenv("PATH", f".{os.pathsep}")
    assert process.find() is None
    assert "pip install" in str(shellcheck.missing())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert process.find() == str(tmp_path / "shellcheck")
    assert shellcheck.missing() is None


def test_a_bunch_holds_so_many_characters() -> None:
    held = {
        script.text: [script]
        for script in scripts(
            0, graph("FROM a\n" + "".join(f"RUN echo {number} {'x' * 7000}\n" for number in range(12)))
        )
    }
    assert max(len("".join(bunch)) for bunch in check._bunches(held)) <= check.BUNCH_CHARACTERS
