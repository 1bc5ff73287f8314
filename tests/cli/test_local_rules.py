"""Local rules are code of the repository that is linted: it runs only when somebody who may decide that has said so.

Each of these rules leaves a mark when it is imported, so that it is seen whether any of its code ran.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

RULE = '''
from pathlib import Path
Path({mark!r}).write_text("ran")

from imagelint.dockerfile.instructions import Run
from imagelint.finding import Finding, Unpriced
from imagelint.rule import rule

@rule("{code}", blame=Unpriced("none"))
def {name}(run: Run, graph, *, word: str = "found"):
    """Something."""
    yield Finding(run.span, word + " by a local rule")
'''
NOTE = "note: the local rules of {} do not run without --allow-local-rules"


class Places:
    """A repository with local rules in `lint`, a user's home beside it, and the mark that the rules leave."""

    def __init__(self, root: Path, imagelint: Run) -> None:
        self.repository, self.home, self.mark = root / "repository", root / "home", root / "mark"
        self.user = self.home / ".config/imagelint"
        self._imagelint = imagelint
        for folder in (self.repository / ".git", self.repository / "lint", self.user):
            folder.mkdir(parents=True)
        (self.repository / "Dockerfile").write_text("FROM debian:12\nRUN true\n")
        self.write(self.repository / "lint/house.py")

    def write(self, path: Path, code: str = "LOCAL001", name: str = "house_rule", mark: Path | None = None) -> None:
        """Put a file of rules somewhere."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RULE.format(mark=str(mark or self.mark), code=code, name=name))

    def run(self, *arguments: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Run imagelint in the repository, as the user whose home it is."""
        environment = {name: value for name, value in os.environ.items() if name != "XDG_CONFIG_HOME"}
        environment |= {"HOME": str(self.home)} | more
        return self._imagelint(*arguments, cwd=cwd or self.repository, env=environment)


@pytest.fixture
def places(tmp_path: Path, imagelint: Run) -> Places:
    return Places(tmp_path, imagelint)


#: How a repository can name its rules: the file, what it says, and from which folder imagelint is run.
REPOSITORY = {
    "imagelint.toml": ("imagelint.toml", 'local-rules = ["lint"]\n', "."),
    "a hidden imagelint.toml": (".imagelint.toml", 'local-rules = ["lint/house.py"]\n', "."),
    "pyproject.toml": ("pyproject.toml", '[tool.imagelint]\nlocal-rules = ["lint"]\n', "."),
    "a file above": ("imagelint.toml", 'local-rules = ["lint"]\n', "sub/sub"),
}


@pytest.mark.parametrize(("name", "text", "folder"), REPOSITORY.values(), ids=REPOSITORY)
def test_a_repository_cannot_run_its_own_rules(places: Places, name: str, text: str, folder: str) -> None:
    (places.repository / name).write_text(text)
    here = places.repository / folder
    here.mkdir(parents=True, exist_ok=True)
    path = os.path.relpath(places.repository / "Dockerfile", here)
    done = places.run("check", path, cwd=here)
    assert done.returncode == 0
    assert not places.mark.exists()
    assert NOTE.format(os.path.relpath(places.repository / name, here)) in done.stderr
    done = places.run("check", "--allow-local-rules", path, cwd=here)
    assert (done.returncode, done.stderr) == (1, "")
    assert "warning[LOCAL001] found by a local rule" in done.stdout
    assert places.mark.exists()


COMMANDS = {
    "named on the command line": ["check", "--config", "imagelint.toml"],
    "a rule of theirs is asked for": ["check", "--select", "LOCAL001"],
    "fixing": ["check", "--fix"],
    "other formats": ["check", "--output-format", "sarif"],
    "no configuration": ["check", "--isolated", "--allow-local-rules"],
    "the list of rules": ["rules"],
    "a rule's page": ["rule", "ALL"],
    "the graph": ["graph", "Dockerfile"],
    "the instructions": ["parse", "Dockerfile"],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_nothing_else_runs_them(places: Places, arguments: list[str]) -> None:
    (places.repository / "imagelint.toml").write_text('local-rules = ["lint"]\n')
    done = places.run(*arguments)
    assert "Traceback" not in done.stderr
    assert not places.mark.exists()


@pytest.mark.parametrize("name", ["imagelint_rules", "imagelint", "yaml", "tomllib", "difflib"])
def test_a_module_of_the_repository_is_not_taken_for_one_of_ours(places: Places, name: str) -> None:
    (places.repository / "imagelint.toml").write_text('local-rules = ["lint"]\n')
    (places.repository / ".hadolint.yaml").write_text("ignored: [DL3008]\n")
    places.write(places.repository / f"{name}.py")
    program = Path(sys.executable).with_name("imagelint")
    done = subprocess.run([program, "check", "--diff"], cwd=places.repository, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert not places.mark.exists()


@pytest.mark.parametrize("variable", [False, True], ids=["~/.config", "XDG_CONFIG_HOME"])
def test_the_users_own_rules_run_unasked(places: Places, tmp_path: Path, variable: bool) -> None:
    folder = tmp_path / "elsewhere/imagelint" if variable else places.user
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "elsewhere")} if variable else {}
    places.write(folder / "mine/own.py", "MINE001", "own_rule")
    (folder / "imagelint.toml").write_text('local-rules = ["mine"]\n[rules.own-rule]\nword = "seen"\n')
    done = places.run("check", **environment)
    assert (done.returncode, done.stderr) == (1, "")
    assert "warning[MINE001] seen by a local rule" in done.stdout
    assert places.mark.exists()


def test_a_repositorys_configuration_is_not_trusted_because_the_user_has_one(places: Places, tmp_path: Path) -> None:
    own = tmp_path / "own-mark"
    places.write(places.user / "mine/own.py", "MINE001", "own_rule", own)
    (places.user / "imagelint.toml").write_text('local-rules = ["mine"]\n')
    (places.repository / "imagelint.toml").write_text('local-rules = ["lint"]\n')
    done = places.run("check")
    assert NOTE.format("imagelint.toml") in done.stderr
    assert not places.mark.exists()
    assert not own.exists()  # the nearest file alone holds


def test_rules_run_for_many_files_as_for_one(places: Places) -> None:
    (places.repository / "imagelint.toml").write_text('local-rules = ["lint"]\n')
    for number in range(300):
        (places.repository / f"Dockerfile.{number}").write_text("FROM debian:12\nRUN true\n")
    done = places.run("check", "--allow-local-rules", "--select", "LOCAL", "--statistics")
    assert "301" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1/0", "lint/house.py cannot be loaded: ZeroDivisionError"),
        (RULE.format(mark="/dev/null", code="IL999", name="x"), "the prefix of IL999 is another plug-in's"),
        (RULE.format(mark="/dev/null", code="LOCAL1", name="x"), "is no rule code"),
        (RULE.format(mark="/dev/null", code="LOCAL001", name="apt_lists_kept"), "two rules are called"),
    ],
)
def test_broken_local_rules_stop_the_run(places: Places, source: str, message: str) -> None:
    (places.repository / "imagelint.toml").write_text('local-rules = ["lint"]\n')
    (places.repository / "lint/house.py").write_text(source)
    done = places.run("check", "--allow-local-rules")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_local_rules_that_are_not_there_stop_the_run(places: Places) -> None:
    (places.repository / "imagelint.toml").write_text('local-rules = ["lnit"]\n')
    done = places.run("check", "--allow-local-rules")
    assert done.returncode == 2
    assert "lnit: no such rules" in done.stderr
