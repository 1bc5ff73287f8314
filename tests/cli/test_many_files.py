"""Many files at once: what is linted, in which order, and what one bad file does to the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelint.cli import lintrun

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

BAD = "FROM a\nRUN apt-get update\nUSER b\nRUN pip install x{number}\n"
CRASHES = '''
from imagelint.dockerfile.instructions import Cmd
from imagelint.finding import Finding, Unpriced
from imagelint.rule import rule

@rule("MY101", blame=Unpriced("no bytes"))
def crashing(instruction: Cmd, graph):
    """Fails where there is a CMD."""
    raise {error}
    yield
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """More Dockerfiles than one process lints, each with findings."""
    for number in range(lintrun.PARALLEL_FROM + 60):
        path = tmp_path / f"part{number % 7}/app{number}/Dockerfile"
        path.parent.mkdir(parents=True)
        path.write_text(BAD.format(number=number))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def check(imagelint: Run, *arguments: object) -> tuple[int, dict[str, list[dict[str, str]]], str]:
    done = imagelint("check", "--output-format", "json", *arguments)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_many_processes_report_what_one_does(imagelint: Run, folder: Path) -> None:
    together = check(imagelint)[1]["findings"]
    apart = []
    for part in range(7):
        apart += check(imagelint, f"part{part}")[1]["findings"]
    assert together == apart
    assert len({each["path"] for each in together}) == lintrun.PARALLEL_FROM + 60


SERVED = """
import multiprocessing, sys
if __name__ == "__main__":
    multiprocessing.set_start_method("forkserver")
    from imagelint.cli import main
    sys.exit(main(["check", "--output-format", "json", "--select", "IL103"]))
"""


def test_processes_that_share_no_memory_are_told_what_to_do(imagelint: Run, tmp_path: Path) -> None:
    """As they start on Linux from Python 3.14 on."""
    (tmp_path / "served.py").write_text(SERVED)
    done = subprocess.run([sys.executable, "served.py"], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout) == check(imagelint, "--select", "IL103")[1]


def test_one_bad_file_never_stops_the_others(imagelint: Run) -> None:
    Path("part3/app3/Dockerfile").write_bytes(b"\x00\x01" * 1_000)
    os.mkfifo("part4/Dockerfile.fifo")
    status, report, said = check(imagelint, ".", "part4/Dockerfile.fifo", "nothing")
    assert status == 2
    paths = {each["path"] for each in report["findings"]}
    assert len(paths) == lintrun.PARALLEL_FROM + 59
    assert "part3/app3/Dockerfile" not in paths
    assert [each["path"] for each in report["errors"]] == ["nothing", "part3/app3/Dockerfile", "part4/Dockerfile.fifo"]
    assert said.count("imagelint: error: ") == 3


def test_a_rule_that_crashes_stops_its_file_alone(imagelint: Run) -> None:
    Path("my.py").write_text(CRASHES.format(error="KeyError('x')"))
    Path("imagelint.toml").write_text('local-rules = ["my.py"]\n')
    for name in ("part1/app1", "part6/app6"):
        with Path(name, "Dockerfile").open("a") as file:
            file.write("CMD x\n")
    status, report, said = check(imagelint, "--allow-local-rules")
    assert status == 2
    assert [each["path"] for each in report["errors"]] == ["part1/app1/Dockerfile", "part6/app6/Dockerfile"]
    assert len({each["path"] for each in report["findings"]}) == lintrun.PARALLEL_FROM + 58
    assert "the rule MY101 (crashing) failed at line 5: KeyError" in said
    assert "Traceback" not in said


def test_a_process_that_dies_is_an_error_and_no_traceback(imagelint: Run) -> None:
    Path("my.py").write_text(CRASHES.format(error="__import__('os')._exit(9)"))
    Path("imagelint.toml").write_text('local-rules = ["my.py"]\n')
    with Path("part1/app1/Dockerfile").open("a") as file:
        file.write("CMD x\n")
    done = imagelint("check", "--allow-local-rules")
    if lintrun.processors() > 1:
        assert done.returncode == 2
        assert done.stderr.startswith("imagelint: error: a process that linted files ended")
    assert "Traceback" not in done.stderr


def test_notes_are_said_once(imagelint: Run) -> None:
    Path(".hadolint.yaml").write_text("ignored: [DL9999]\n")
    Path("imagelint.toml").write_text('local-rules = ["my.py"]\n')
    said = check(imagelint)[2].splitlines()
    assert said == [
        "imagelint: note: .hadolint.yaml: ignored: there is no rule DL9999",
        "imagelint: note: the local rules of imagelint.toml do not run without --allow-local-rules",
    ]


def linted(imagelint: Run, *arguments: object, **options: object) -> set[str]:
    done = imagelint("check", "--output-format", "json", *arguments, **options)
    return {each["path"] for each in json.loads(done.stdout)["findings"]}


def test_what_git_ignores_is_left_out(imagelint: Run, folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    Path(".gitignore").write_text("part0/\n*.dockerfile\n!kept.dockerfile\n")
    Path("part1/.gitignore").write_text("app1\n")
    for name in ("x.dockerfile", "kept.dockerfile", "part2/tracked.dockerfile"):
        Path(name).write_text(BAD)
    subprocess.run(["git", "add", "-f", "part2/tracked.dockerfile"], check=True)
    found = linted(imagelint)
    assert not [each for each in found if each.startswith("part0/")]
    assert {"part1/app1/Dockerfile", "x.dockerfile"}.isdisjoint(found)
    assert {"part1/app8/Dockerfile", "kept.dockerfile", "part2/tracked.dockerfile"} <= found
    # What is named is linted, whatever git says of it.
    assert linted(imagelint, "x.dockerfile") == {"x.dockerfile"}
    assert "part0/app0/Dockerfile" in linted(imagelint, "part0")
    # A hook runs with variables of git's that are about the repository of the commit.
    hook = os.environ | {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"}
    assert "app1/Dockerfile" not in {os.path.relpath(each, "part1") for each in linted(imagelint, "part1", env=hook)}


def test_without_git_nothing_is_left_out(imagelint: Run, folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    Path(".gitignore").write_text("part0/\n")
    nowhere = {**os.environ, "PATH": str(folder)}
    assert "part0/app0/Dockerfile" in linted(imagelint, env=nowhere)


def test_a_file_that_is_named_twice_is_linted_once(imagelint: Run, folder: Path) -> None:
    names = ("part0/app0", "part0/app0/Dockerfile", "./part0/app0/Dockerfile", folder / "part0/app0/Dockerfile")
    status, report, _ = check(imagelint, *names)
    assert status == 1
    assert [each["path"] for each in report["findings"] if each["code"] == "IL101"] == ["part0/app0/Dockerfile"]


def test_a_folder_without_a_dockerfile_is_said(imagelint: Run) -> None:
    Path("empty").mkdir()
    done = imagelint("check", "empty")
    assert (done.returncode, done.stderr) == (0, "imagelint: note: empty: no Dockerfile in this folder to check\n")


def test_fixes_are_written_by_every_process(imagelint: Run) -> None:
    assert imagelint("check", "--fix", "--select", "IL103").returncode == 0
    texts = [path.read_text() for path in Path().rglob("Dockerfile")]
    assert len(texts) == lintrun.PARALLEL_FROM + 60
    assert all("pip install --no-cache-dir x" in text for text in texts)


@pytest.mark.parametrize(
    ("count", "arguments", "expected"),
    [(1_000, [], True), (1_000, ["--quiet"], False), (900, [], False)],
    ids=["many", "many, quiet", "not so many"],
)
def test_progress_is_drawn_on_a_terminal(folder: Path, count: int, arguments: list[str], expected: bool) -> None:
    import pty

    (folder / "all").mkdir()
    for number in range(count):
        (folder / f"all/{number}.dockerfile").write_text("FROM a:1\n")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "imagelint", "check", "all", "--select", "IL101", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        drawn = b""
        try:
            while block := os.read(ours, 4096):
                drawn += block
        except OSError:  # how Linux says that nobody has the terminal any more
            pass
        printed = process.communicate()[0]
    os.close(ours)
    assert process.returncode == 0
    assert printed == f"{count} files checked, nothing found\n"
    assert (b"linting" in drawn) is expected


def test_progress_is_not_drawn_into_a_pipe(imagelint: Run, folder: Path) -> None:
    for number in range(1_000):
        (folder / f"part0/{number}.dockerfile").write_text("FROM a:1\n")
    assert imagelint("check", "--select", "IL201").stderr == ""


WAITS = CRASHES.replace("raise {error}", "import os, time; open(f'pid-{os.getpid()}', 'w'); time.sleep(60)")


@pytest.mark.skipif(lintrun.processors() < 2, reason="needs processes that work for another one")
@pytest.mark.parametrize(
    ("told", "status", "said"),
    [(signal.SIGINT, 130, "imagelint: interrupted\n"), (signal.SIGTERM, 143, ""), (signal.SIGKILL, -9, "")],
)
def test_a_run_that_is_ended_leaves_no_process(folder: Path, told: signal.Signals, status: int, said: str) -> None:
    for path in folder.rglob("Dockerfile"):
        path.write_text("FROM a:1\nCMD x\n")
    Path("my.py").write_text(WAITS)
    Path("imagelint.toml").write_text('local-rules = ["my.py"]\n')
    command = [sys.executable, "-m", "imagelint", "check", "--allow-local-rules", "--select", "MY101"]
    # A shell's background jobs, which these tests may be one of, ignore an interrupt, and what they start does too.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts
    ) as process:
        try:
            until(lambda: len(list(folder.glob("pid-*"))) > 1)
            process.send_signal(told)
            assert process.communicate(timeout=30) == ("", said)
        finally:
            process.kill()  # or its end would be waited for, whatever has failed
    assert process.returncode == status
    until(lambda: not any(lives(int(path.name[4:])) for path in folder.glob("pid-*")))


def heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.05)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")  # a container may have nobody who buries processes without a parent
    return not status.exists() or "\nState:\tZ" not in status.read_text()


def test_the_text_is_the_same_from_many_processes_and_from_one(imagelint: Run, folder: Path) -> None:
    parts = [imagelint("check", f"part{part}").stdout.rpartition("\n\n") for part in range(7)]
    together = imagelint("check").stdout
    assert together.rpartition("\n\n")[0] == "\n\n".join(findings for findings, _, _ in parts)
    count = lintrun.PARALLEL_FROM + 60
    assert f" in {count} files: " in together.rpartition("\n\n")[2]
    assert together.count("IL101") == count
