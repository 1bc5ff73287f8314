"""`imagelint graph` as a user runs it; what each form looks like is in fixtures/reports/graph-*.

`IMAGELINT_UPDATE_REPORTS=1 make test` writes those anew.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import jsonschema
import pytest

from imagelint.output import schemas
from tests.conftest import ROOT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

STAGES = "fixtures/reports/graph-stages.dockerfile"
FORMS = {"text": "txt", "mermaid": "mmd", "dot": "dot", "svg": "svg", "json": "json"}
#: What every medium has a meaning for.
HOSTILE = (
    b'FROM a AS end\nRUN echo "x\\ny" `b` <b>&amp; #35; %%{i}%% $$x$$ ]]> --> |q| \xe2\x80\xae \xff \x00 \x1b[2J\n'
    b'COPY --from="i\\"<x>&" /a /b\nRUN \xef\xbf\xbe \xef\xbf\xbf \xe6\x97\xa5\n'
)


@pytest.mark.parametrize("form", FORMS)
def test_report(imagelint: Run, form: str) -> None:
    done = imagelint("graph", STAGES, "--target", "app", "--output-format", form, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    golden = ROOT / f"fixtures/reports/graph-stages.{FORMS[form]}"
    if os.environ.get("IMAGELINT_UPDATE_REPORTS"):
        golden.write_text(done.stdout)
    assert done.stdout == golden.read_text()


def test_json_follows_its_schema_and_the_target_and_arguments_count(imagelint: Run) -> None:
    arguments = ("--target", "TEST", "--build-arg", "DEBIAN=trixie", "--output-format", "json")
    report = json.loads(imagelint("graph", STAGES, *arguments, cwd=ROOT).stdout)
    jsonschema.Draft202012Validator(json.loads(schemas.text("graph"))).validate(report)
    assert report["target"] == 3
    assert report["stages"][0]["image"] == "node:22-trixie"
    assert report["unused"] == [4, 5, 6]
    assert [stage["shipped"] for stage in report["stages"]] == [True, False, True, True, False, False, False]
    ids = {node["id"] for node in report["nodes"]}
    assert {edge[end] for edge in report["edges"] for end in ("source", "target")} <= ids
    assert [(each["kind"], each["location"]["line"]) for each in report["misreferences"]] == [
        ("out-of-range", 36),
        ("forward", 37),
        ("self", 41),
    ]


def test_standard_input(imagelint: Run) -> None:
    done = imagelint("graph", "-", stdin="FROM a\nRUN b\n")
    assert done.stdout == "-: 1 stage, builds stage 0\n\na\n└── stage 0 (line 1) target\n    └── 2: RUN b\n"


def test_a_file_with_errors_is_shown_as_far_as_it_can_be_read(imagelint: Run) -> None:
    done = imagelint("graph", "-", stdin="RUN x\nFOO\nARG A\n")
    assert done.returncode == 0
    assert done.stderr == "imagelint: warning: -: 2 syntax errors; `imagelint check` shows them\n"
    assert "0 stages" in done.stdout
    for form in FORMS:
        assert imagelint("graph", "-", "--output-format", form, stdin="ARG A\n").stdout


ERRORS = {
    "no such file": (["nope"], "nope: no such file"),
    "not a Dockerfile": (["README"], "README: is not a Dockerfile"),
    "a folder": (["."], ".: is"),
    "no such stage": (["--target", "nope", "Dockerfile"], "no stage nope"),
    "no such context": (["--context", "nope", "Dockerfile"], "--context nope: no such folder"),
    "a build argument without a value": (["--build-arg", "X", "Dockerfile"], "NAME=VALUE"),
    "no such form": (["--output-format", "png", "Dockerfile"], "png"),
    "no file": ([], "FILE"),
}


@pytest.mark.parametrize(("arguments", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_are_one_clear_line_and_exit_2(
    imagelint: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "README").write_text("# A project\n\nIt does this and that.\n")
    done = imagelint("graph", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith("imagelint: error: ")
    assert message in lines[0]
    assert all(line.startswith("  hint: ") for line in lines[1:])


@pytest.mark.parametrize("command", ["check", "analyze", "gate"])
def test_every_command_that_reads_a_dockerfile_takes_a_context(imagelint: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    more = ["Dockerfile"] if command == "check" else ["image.tar", "--dockerfile", "Dockerfile"]
    more += ["--max-size", "1MB"] if command == "gate" else []
    done = imagelint(command, *more, "--context", "nope", cwd=tmp_path)
    assert (done.returncode, "--context nope: no such folder" in done.stderr) == (2, True)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_bytes(HOSTILE)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_nothing_printed_moves_the_terminal(imagelint: Run, hostile: Path, form: str) -> None:
    shown = imagelint("graph", hostile, "--output-format", form).stdout
    assert not [
        char for char in shown if (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0 or char == "\u202e"
    ]


def test_labels_come_through_in_svg(imagelint: Run, hostile: Path) -> None:
    tree = ElementTree.fromstring(imagelint("graph", hostile, "--output-format", "svg").stdout)
    texts = [each.text or "" for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert any(text.startswith('RUN echo "x\\ny" `b` <b>&amp; #35; %%{i}%%') for text in texts)
    assert "RUN \\ufffe \\uffff 日" in texts


def test_labels_come_through_in_mermaid_and_dot(imagelint: Run, hostile: Path) -> None:
    """Of Mermaid's labels nothing but letters, digits, a few signs and numbered characters may be left."""
    mermaid = imagelint("graph", hostile, "--output-format", "mermaid").stdout
    assert '    L2["2 RUN echo #34;x#92;ny#34; #96;b#96; #60;b#62;#38;amp#59; #35;35#59; ' in mermaid
    assert '  image0(["i#34;#60;x#62;#38;"])' in mermaid
    dot = imagelint("graph", hostile, "--output-format", "dot").stdout
    assert '    L2 [label="2 RUN echo \\"x\\\\ny\\" `b` <b>&amp;amp; #35; ' in dot
    assert '  image0 [label="i\\"<x>&amp;", style=rounded]' in dot
