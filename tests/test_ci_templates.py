"""The GitHub action, the GitLab template and the examples of the docs: held against schemas, and their scripts run."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from imagelint.output import gateformats
from tests.conftest import ROOT
from tests.test_gate_command import image

BIN = Path(sys.executable).parent
ACTION = ROOT / "action.yml"
TEMPLATE = ROOT / "templates/gitlab-ci.yml"
#: The examples of the docs by the file that each is: the first line says so.
EXAMPLES = {
    found[1]: found[0]
    for found in re.finditer(
        r"# (\S+\.yml)\n.*?(?=^```$)", (ROOT / "docs/gate.md").read_text(), re.DOTALL | re.MULTILINE
    )
}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def valid(schema: str, path: Path) -> str:
    """What check-jsonschema says against one of the schemas that it brings; empty where nothing is wrong."""
    command = [BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", path]
    if schema == "gitlab-ci":
        command[1:1] = ["--data-transform", "gitlab-ci"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


class TestSchemas:
    def test_the_action(self) -> None:
        assert valid("github-actions", ACTION) == ""

    def test_the_gitlab_template(self, tmp_path: Path) -> None:
        """As a job of its own: the schema looks into no job whose name begins with a dot."""
        path = tmp_path / "job.yml"
        path.write_text(TEMPLATE.read_text().replace("\n.imagelint-gate:", "\nimagelint-gate:"))
        assert valid("gitlab-ci", path) == ""
        path.write_text(path.read_text().replace("when: always", "when: sometimes"))
        assert valid("gitlab-ci", path)

    def test_the_examples(self, tmp_path: Path) -> None:
        assert set(EXAMPLES) == {".github/workflows/image.yml", ".gitlab-ci.yml"}
        for name, schema in ((".github/workflows/image.yml", "github-workflows"), (".gitlab-ci.yml", "gitlab-ci")):
            path = tmp_path / Path(name).name
            path.write_text(EXAMPLES[name])
            assert valid(schema, path) == ""

    @pytest.mark.parametrize(
        ("schema", "name", "right", "wrong"),
        [
            ("github-workflows", ".github/workflows/image.yml", "runs-on:", "runs-at:"),
            ("gitlab-ci", ".gitlab-ci.yml", "extends: ", "extends: 7 #"),
        ],
    )
    def test_the_schemas_refuse_what_is_wrong(
        self, tmp_path: Path, schema: str, name: str, right: str, wrong: str
    ) -> None:
        path = tmp_path / "x.yml"
        path.write_text(EXAMPLES[name].replace(right, wrong))
        assert valid(schema, path)

    def test_the_schema_of_actions_refuses_what_is_wrong(self, tmp_path: Path) -> None:
        path = tmp_path / "action.yml"
        path.write_text(ACTION.read_text().replace("using: composite", "using: compose"))
        assert valid("github-actions", path)

    def test_the_workflow_gives_the_action_what_it_takes(self) -> None:
        inputs = load(ACTION)["inputs"]
        (job,) = yaml.safe_load(EXAMPLES[".github/workflows/image.yml"])["jobs"].values()
        (step,) = [step for step in job["steps"] if "imagelint" in step.get("uses", "")]
        assert set(step["with"]) <= set(inputs)
        assert {name for name, each in inputs.items() if each.get("required")} <= set(step["with"])

    def test_the_pipeline_extends_the_job_of_the_template(self) -> None:
        jobs = yaml.safe_load(EXAMPLES[".gitlab-ci.yml"])
        (extended,) = [job for job in jobs.values() if isinstance(job, dict) and "extends" in job]
        (template,) = load(TEMPLATE).values()
        assert [extended["extends"]] == list(load(TEMPLATE))
        assert set(extended["variables"]) <= set(template["variables"])


def steps() -> list[dict[str, Any]]:
    return [*load(ACTION)["runs"]["steps"]]


@pytest.mark.parametrize("number", range(2))
def test_shellcheck_has_nothing_to_say_of_the_actions_scripts(number: int) -> None:
    step = steps()[number]
    checked = subprocess.run(
        [BIN / "shellcheck", "--shell", "bash", "-"], input=step["run"], capture_output=True, text=True, check=False
    )
    assert checked.stdout == ""


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A runner's folder with images, a Dockerfile, and the program where the first step installs it."""
    image(tmp_path / "image.tar")
    image(tmp_path / "grown.tar", 50_000)
    (tmp_path / "Dockerfile").write_text(
        "FROM base:1\nCOPY . /app\nRUN rm /app/a\nRUN pip install --no-cache-dir big\n"
    )
    program = tmp_path / "temp/imagelint/bin/imagelint"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m imagelint "$@"\n')
    program.chmod(0o755)
    return tmp_path


def act(runner: Path, number: int, path: str | None = None, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub runs one: `bash --noprofile --norc -eo pipefail`, the inputs by way of its environment."""
    action, step = load(ACTION), steps()[number]
    given = {name: each.get("default", "") for name, each in action["inputs"].items()} | inputs
    values = {f"inputs.{name}": value for name, value in given.items()} | {"github.action_path": "/the/action"}
    environment = {
        name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], value)
        for name, value in step.get("env", {}).items()
    }
    script = runner / "step.sh"
    script.write_text(step["run"])
    for name in ("output", "summary"):
        (runner / name).touch()
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=runner,
        env={
            **os.environ,
            **environment,
            "PATH": path or os.environ["PATH"],
            "RUNNER_TEMP": str(runner / "temp"),
            "GITHUB_OUTPUT": str(runner / "output"),
            "GITHUB_STEP_SUMMARY": str(runner / "summary"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def outputs(runner: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (runner / "output").read_text().splitlines())


class TestAction:
    @pytest.mark.parametrize(("version", "installed"), [("", "/the/action"), ("imagelint==0.1.0", "imagelint==0.1.0")])
    def test_the_first_step_installs_its_own_revision(self, runner: Path, version: str, installed: str) -> None:
        """With a python3 that only writes down what it is asked for; tests/test_pre_commit.py installs in earnest."""
        folder = runner / "bin"
        folder.mkdir()
        stub = f'#!/bin/sh\necho "$0 $*" >> {runner}/asked\n'
        for path in (folder / "python3", runner / "temp/imagelint/bin/python"):
            path.write_text(stub)
            path.chmod(0o755)
        done = act(runner, 0, path=f"{folder}:{os.environ['PATH']}", version=version)
        assert done.returncode == 0, done.stderr
        made, pip = (runner / "asked").read_text().splitlines()
        assert made.endswith(f"python3 -m venv {runner}/temp/imagelint")
        assert pip.endswith(f"-m pip install --quiet --disable-pip-version-check {installed}")

    def test_held(self, runner: Path) -> None:
        done = act(runner, 1, image="image.tar", arguments="--isolated --max-size 10kB")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "max-size held: 3.89 kB is within the limit of 10.0 kB\n"
        assert outputs(runner)["verdict"] == "held"
        assert (runner / "summary").read_text().startswith("<!-- imagelint gate -->\n### ✅ held: `image.tar`")
        assert outputs(runner)["report"] == f"{runner}/temp/imagelint-gate.md"

    def test_broken_with_its_annotations_and_its_summary(self, runner: Path) -> None:
        """The shell stops at the first command that fails: the outputs are written all the same."""
        arguments = "--isolated --baseline-image image.tar --max-growth 1% --record runs.sqlite"
        done = act(runner, 1, image="grown.tar", dockerfile="Dockerfile", arguments=arguments)
        assert done.returncode == 1, done.stderr
        assert outputs(runner)["verdict"] == "broken"
        assert done.stdout.startswith("::error title=imagelint max-growth::")
        assert ",line=4," in done.stdout
        assert "| +49.0 kB | line 4 | `pip big 1.0` |" in (runner / "summary").read_text()
        with sqlite3.connect(runner / "runs.sqlite") as database:
            assert database.execute("SELECT count(*) FROM runs").fetchone() == (1,)

    def test_a_baseline(self, runner: Path) -> None:
        options = {"baseline": "base.json", "arguments": "--isolated"}
        assert act(runner, 1, image="image.tar", baseline="base.json", arguments="--isolated").returncode == 2
        written = act(runner, 1, image="image.tar", baseline="base.json", arguments="--isolated --update-baseline")
        assert written.returncode == 0, written.stderr
        assert act(runner, 1, image="image.tar", **options).returncode == 0
        assert act(runner, 1, image="grown.tar", **options).returncode == 1

    def test_not_judged(self, runner: Path) -> None:
        (runner / "temp/imagelint-gate.md").write_text("of an earlier step")
        done = act(runner, 1, image="nowhere.tar", arguments="--isolated --max-size 1MB")
        assert done.returncode == 2
        assert "no such file: nowhere.tar" in done.stderr
        assert outputs(runner) == {"verdict": "not-judged"}
        assert (runner / "summary").read_text() == ""

    def test_patterns_reach_the_program_and_a_name_is_no_option(self, runner: Path) -> None:
        done = act(runner, 1, image="image.tar", arguments="--isolated --forbid-path * --forbid-package [b]ig")
        assert done.returncode == 1, done.stderr
        assert "forbidden-packages broken: 1 package found, 0 allowed: big" in done.stdout
        done = act(runner, 1, image="--help", arguments="--isolated --max-size 1MB")
        assert done.returncode == 2


def pipeline(runner: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the template's job as GitLab's runner does: its lines one after another in a shell that stops at errors."""
    (job,) = load(TEMPLATE).values()
    given = {**job["variables"], **variables}
    environment = {
        **{name: value for name, value in os.environ.items() if name != "IMAGELINT_CACHE_DIR"},
        "CI_PROJECT_DIR": str(runner),
        "CI_REGISTRY_IMAGE": "registry.invalid/app",
        "CI_COMMIT_SHA": "0" * 40,
        "PATH": f"{runner}/temp/imagelint/bin:{os.environ['PATH']}",
    }
    exported = "".join(f'export {name}="{value}"\n' for name, value in given.items())
    script = exported + "\n".join(job["script"])
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=runner,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


class TestGitlab:
    @pytest.mark.parametrize(("limit", "status"), [("10kB", 0), ("1kB", 1)])
    def test_every_report_that_the_job_keeps_is_written(self, runner: Path, limit: str, status: int) -> None:
        done = pipeline(runner, IMAGELINT_IMAGE="image.tar", IMAGELINT_ARGUMENTS=f"--isolated --max-size {limit}")
        assert done.returncode == status, done.stderr
        assert done.stdout.startswith("BROKEN max-size" if status else "held   max-size")
        (job,) = load(TEMPLATE).values()
        for path in job["artifacts"]["reports"].values():
            assert (runner / path).stat().st_size, path
        assert len(json.loads((runner / job["artifacts"]["reports"]["codequality"]).read_text())) == status
        assert (runner / ".imagelint-cache").is_dir()

    def test_what_cannot_be_judged_fails_the_job(self, runner: Path) -> None:
        done = pipeline(runner, IMAGELINT_IMAGE="nowhere.tar", IMAGELINT_ARGUMENTS="--isolated --max-size 1MB")
        assert done.returncode == 2

    def test_patterns_reach_the_program(self, runner: Path) -> None:
        done = pipeline(runner, IMAGELINT_IMAGE="image.tar", IMAGELINT_ARGUMENTS="--isolated --forbid-path *")
        assert done.returncode == 1, done.stderr

    def test_the_image_is_the_one_that_the_pipeline_pushed(self, runner: Path) -> None:
        done = pipeline(runner, IMAGELINT_ARGUMENTS="--isolated --max-size 1MB")
        assert done.returncode == 2
        assert "registry.invalid" in done.stderr


def test_the_docs_name_every_form_of_report() -> None:
    _, _, text = (ROOT / "docs/gate.md").read_text().partition("## Reports")
    assert [name for name in gateformats.NAMES if f"`{name}`" not in text] == []
