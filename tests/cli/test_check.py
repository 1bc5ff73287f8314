"""`imagelint check` as a user runs it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

BAD = "FROM debian:12\nRUN pip install flask\n"
GOOD = "FROM debian:12\nRUN pip install --no-cache-dir flask\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(BAD)
    return tmp_path


def test_a_finding_fails_the_run(imagelint: Run, folder: Path) -> None:
    done = imagelint("check", cwd=folder)
    assert (done.returncode, done.stderr) == (1, "")
    assert "Dockerfile:2:5" in done.stdout
    assert "    ^^^^^^^^^^^^^^^^^" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--fail-on", "error"], 0), (["--fail-on", "warning"], 1), (["--exit-zero"], 0), (["--select", "IL2"], 0)],
)
def test_what_fails_can_be_chosen(imagelint: Run, folder: Path, arguments: list[str], status: int) -> None:
    assert imagelint("check", *arguments, cwd=folder).returncode == status


def test_json_is_one_document_with_the_contracts_keys(imagelint: Run, folder: Path) -> None:
    done = imagelint("check", "--output-format", "json", "--isolated", "--select", "IL103", folder, "nothing-here")
    report = json.loads(done.stdout)
    assert (done.returncode, report["schema"]) == (2, 1)
    (finding,) = report["findings"]
    assert finding["code"] == "IL103"
    assert finding["name"] == "pip-cache-kept"
    assert finding["aliases"] == ["DL3042"]
    assert finding["severity"] == "warning"
    assert finding["price"] is None
    assert finding["location"] == {"line": 2, "column": 5, "end_line": 2, "end_column": 22}
    assert finding["fix"]["safety"] == "safe"
    assert [error["path"] for error in report["errors"]] == ["nothing-here"]


def test_fix_writes_and_diff_does_not(imagelint: Run, folder: Path) -> None:
    shown = imagelint("check", "--diff", cwd=folder)
    assert shown.returncode == 1
    assert "+RUN pip install --no-cache-dir flask\n" in shown.stdout
    assert (folder / "Dockerfile").read_text() == BAD
    done = imagelint("check", "--fix", cwd=folder)
    assert done.returncode == 0
    assert "fixed Dockerfile" in done.stderr
    assert (folder / "Dockerfile").read_text() == GOOD
    assert imagelint("check", "--diff", cwd=folder).stdout == ""


def test_the_patch_applies(imagelint: Run, folder: Path) -> None:
    import subprocess

    patch = imagelint("check", "--diff", "Dockerfile", cwd=folder).stdout
    subprocess.run(["git", "apply", "-"], input=patch, text=True, cwd=folder, check=True)
    assert (folder / "Dockerfile").read_text() == GOOD


def test_standard_input(imagelint: Run) -> None:
    assert imagelint("check", "-", stdin=BAD).returncode == 1
    assert imagelint("check", "-", stdin=GOOD).returncode == 0
    assert "+RUN pip install --no-cache-dir flask" in imagelint("check", "--diff", "-", stdin=BAD).stdout


def test_a_misspelt_command(imagelint: Run) -> None:
    done = imagelint("analyse", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("invalid choice: 'analyse'\n  hint: did you mean analyze?\n")


def test_files_may_be_named_on_both_sides_of_an_option(imagelint: Run, tmp_path: Path) -> None:
    for name, text in (("a", BAD), ("b", BAD), ("c", GOOD)):
        (tmp_path / name).write_text(text)
    expected = imagelint("check", "a", "b", "c", "--output-format", "json", cwd=tmp_path).stdout
    assert imagelint("check", "a", "b", "--output-format", "json", "c", cwd=tmp_path).stdout == expected
    assert imagelint("check", "a", "--output-format", "json", "b", "--quiet", "c", cwd=tmp_path).stdout == expected
    parsed = imagelint("parse", "a", "--output-format", "text", "b", cwd=tmp_path).stdout
    assert parsed == imagelint("parse", "a", "b", cwd=tmp_path).stdout
    done = imagelint("check", "a", "--quiet", "b", "--nope", cwd=tmp_path)
    assert (done.returncode, "unrecognized arguments: " in done.stderr) == (2, True)


ERRORS = {
    "no such file": (["nope"], "nope: no such file"),
    "not a Dockerfile": (["README"], "README: is not a Dockerfile"),
    "binary": (["binary"], "binary: is not a Dockerfile"),
    "a fifo": (["fifo"], "fifo: is not a regular file"),
    "too large": (["large"], "larger than 10 MB"),
    "no such rule": (["--select", "IL999x"], "no such rule"),
    "no such option": (["--nope"], "--nope"),
    "a misspelt option": (["--selct", "ALL"], "did you mean --select?"),
    "a misspelt form": (["--output-format", "jsn"], "did you mean json?"),
    "no such form": (["--output-format", "xyz"], "choose from"),
    "a report over the Dockerfile": (["--output-file", "Dockerfile"], "Dockerfile is a Dockerfile to check"),
    "a baseline over it": (["--update-baseline", "--baseline", "./Dockerfile"], "Dockerfile is a Dockerfile to check"),
    "a report over a folder": (["--output-file", "."], "is a folder"),
    "a report in no folder": (["--output-file", "no/report"], "no/report: cannot be written"),
    "both": (["--fix", "--diff"], "exclude each other"),
    "a patch as JSON": (["--diff", "--output-format", "json"], "not a report"),
    "no such stage": (["--target", "nope", "Dockerfile"], "no stage nope"),
    "a build argument without a value": (["--build-arg", "X"], "NAME=VALUE"),
    "bytes of no image": (["--min-bytes", "5MB"], "--min-bytes needs --image IMAGE"),
    "compressed bytes of none": (["--compressed"], "--compressed needs --image IMAGE"),
    "a platform of none": (["--platform", "linux/amd64"], "--platform needs --image IMAGE"),
}


@pytest.mark.parametrize(("arguments", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_are_one_clear_line_and_exit_2(imagelint: Run, folder: Path, arguments: list[str], message: str) -> None:
    (folder / "README").write_text("# A project\n\nIt does this and that.\nRun it.\nLayer by layer,\nit does.\n")
    (folder / "binary").write_bytes(bytes(range(256)) * 4)
    os.mkfifo(folder / "fifo")
    with (folder / "large").open("wb") as file:
        file.truncate(10_000_001)
    done = imagelint("check", *arguments, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith("imagelint: error: ")
    assert all(line.startswith("  hint: ") for line in lines[1:])


def test_one_unreadable_file_never_stops_the_others(imagelint: Run, folder: Path) -> None:
    done = imagelint("check", "nope", "Dockerfile", cwd=folder)
    assert done.returncode == 2
    assert "IL103" in done.stdout


def test_hostile_values_end_in_time_and_stop_no_other_file(imagelint: Run, folder: Path) -> None:
    long = "a" * 60_000
    texts = [
        "STOPSIGNAL ²",
        "HEALTHCHECK --interval=" + "1" * 60_000 + " CMD x",
        "RUN apt-get update && rm -rf /var" + "{a,b}" * 40,
    ]
    texts += ["RUN " + "a[;" * 20_000, f"ENV x={long}\nENV y=${{x//a/{'b' * 5_000}}}"]
    for number, text in enumerate(texts):
        (folder / f"Dockerfile.{number}").write_text(f"FROM scratch\n{text}\n")
    (folder / "Dockerfile.directive").write_text("# syntax=x" + " " * 60_000 + "y\nFROM a\n")
    assert "Dockerfile:2:5" in imagelint("check", cwd=folder).stdout


@pytest.mark.parametrize("text", ["FORM debian\n", "RUN a\nfoo\nbar\n", "FROM a\n" + "x\n" * 50])
def test_a_broken_dockerfile_is_still_one(imagelint: Run, text: str) -> None:
    done = imagelint("check", "-", stdin=text)
    assert done.returncode == 1
    assert "IL001" in done.stdout


def test_a_named_file_is_linted_whatever_its_name(imagelint: Run, folder: Path) -> None:
    (folder / "build.txt").write_text(BAD)
    assert "build.txt:2:5" in imagelint("check", "build.txt", cwd=folder).stdout


def test_a_folder_is_walked_for_dockerfiles(imagelint: Run, tmp_path: Path) -> None:
    wanted = [
        "Dockerfile",
        "Dockerfile.dev",
        "Dockerfile-x",
        "app.dockerfile",
        "sub/CONTAINERFILE",
        "sub/a.Containerfile",
    ]
    others = [
        "x.dockerignore",
        "Dockerfile.dockerignore",
        "Dockerfiles",
        "MyDockerfile",
        ".git/Dockerfile",
        "node_modules/Dockerfile",
    ]
    for name in (*wanted, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(BAD)
    (tmp_path / "Dockerfile.link").symlink_to(tmp_path / "Dockerfile")
    (tmp_path / "loop").symlink_to(tmp_path)
    report = json.loads(imagelint("check", "--output-format", "json", cwd=tmp_path).stdout)
    assert sorted(finding["path"] for finding in report["findings"]) == sorted(wanted)


def test_nothing_printed_moves_the_terminal(imagelint: Run, tmp_path: Path) -> None:
    path = tmp_path / "Docker\x1b[2Jfile"
    path.write_bytes(b"FROM a\nRUN pip install \x1b]0;evil\x07\x9b31m \xe2\x80\xae\xff x\r\x08\n\x1b[1mFOO\n")
    done = imagelint("check", path, env=os.environ | {"PYTHONIOENCODING": "utf-8"})
    shown = done.stdout + done.stderr
    assert done.returncode == 1
    assert not [
        char for char in shown if (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0 or char == "\u202e"
    ]


def test_no_name_is_too_long_to_be_read(imagelint: Run, folder: Path) -> None:
    name = "y" * 100_000
    (folder / "Dockerfile").write_text(
        f"FROM a:1 AS {name}\nRUN apt-get install -y {name}\nVOLUME ${name}\nUSER {name}\n"
    )
    found = json.loads(imagelint("check", "--select", "ALL", "--output-format", "json", cwd=folder).stdout)["findings"]
    assert "DL3008" in [alias for each in found for alias in each["aliases"]]
    assert max(len(each["message"]) for each in found) < 600


def test_a_closed_pipe_is_no_traceback(folder: Path) -> None:
    command = f"{sys.executable} -m imagelint check {folder} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("target", [">/dev/full", ">&-"])
def test_a_report_that_cannot_be_written_is_no_traceback(folder: Path, target: str) -> None:
    command = f"{sys.executable} -m imagelint check {folder} {target}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("imagelint: error: ")
    assert "Traceback" not in done.stderr


def test_a_report_takes_the_place_of_the_file_of_its_name(imagelint: Run, folder: Path) -> None:
    (folder / "report").write_text("old")
    (folder / "report").chmod(0o640)
    (folder / "precious").write_text("mine")
    (folder / "link").symlink_to("precious")
    for name in ("report", "link", "new"):
        done = imagelint("check", "--output-format", "json", "--output-file", name, cwd=folder)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
        assert json.loads((folder / name).read_text())["findings"]
        assert not (folder / name).is_symlink()
        assert (folder / name).stat().st_mode & 0o111 == 0
    assert (folder / "report").stat().st_mode & 0o777 == 0o640
    assert (folder / "precious").read_text() == "mine"


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
def test_a_report_goes_to_standard_output_by_any_name(imagelint: Run, folder: Path, name: str) -> None:
    plain = imagelint("check", cwd=folder)
    named = imagelint("check", "--output-file", name, cwd=folder)
    assert (named.returncode, named.stdout) == (1, plain.stdout)
    with (folder / "log").open("w") as log:
        log.write("before\n")
        log.flush()
        command = [sys.executable, "-m", "imagelint", "check", "--output-file", name]
        subprocess.run(command, stdout=log, cwd=folder, check=False)
    assert (folder / "log").read_text() == f"before\n{plain.stdout}"


def test_a_fix_stays_in_the_working_folder(imagelint: Run, folder: Path) -> None:
    (folder / "repository/inside").mkdir(parents=True)
    (folder / "repository/inside/Dockerfile").write_text(BAD)
    (folder / "repository/out").symlink_to("..")
    (folder / "repository/in").symlink_to("inside")
    here = folder / "repository"
    for path in ("out/Dockerfile", "./out/Dockerfile"):
        done = imagelint("check", "--fix", path, cwd=here)
        assert (done.returncode, (folder / "Dockerfile").read_text()) == (2, BAD)
        assert "a symbolic link leads out of the working folder" in done.stderr
    assert imagelint("check", "--fix", "in/Dockerfile", cwd=here).returncode == 0
    assert (here / "inside/Dockerfile").read_text() == GOOD
    assert imagelint("check", "--fix", "../Dockerfile", cwd=here).returncode == 0
    assert (folder / "Dockerfile").read_text() == GOOD


def test_the_rules_explain_themselves(imagelint: Run) -> None:
    assert "apt-lists-kept" in imagelint("rule").stdout
    page = imagelint("rule", "DL3009").stdout
    assert page.startswith("IL101 apt-lists-kept")
    assert "```dockerfile bad" in page
    assert imagelint("rule", "IL10l").returncode == 2


def test_a_template_found_in_a_folder_is_left_out_and_said(imagelint: Run, folder: Path) -> None:
    (folder / "Dockerfile.template").write_text("{{ if x }}\n{{ template }}\nsome more of it\n")
    done = imagelint("check", "--select", "IL103", cwd=folder)
    assert done.returncode == 1
    assert done.stderr.startswith("imagelint: note: Dockerfile.template: is not a Dockerfile")
    assert imagelint("check", "--select", "IL103", "Dockerfile.template", cwd=folder).returncode == 2


def test_a_closed_standard_input_is_one_line(tmp_path: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m imagelint check --isolated - <&-"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "-: standard input is closed" in done.stderr
    assert "Traceback" not in done.stderr
