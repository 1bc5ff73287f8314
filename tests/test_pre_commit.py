"""The pre-commit hooks, run by the real pre-commit on a repository of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from pre_commit.clientlib import load_manifest

from imagelint.files import is_dockerfile_name
from imagelint.testing import ImageBuilder, LayerBuilder

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = ROOT / ".pre-commit-hooks.yaml"

DOCKERFILE = "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl\n"
DOCKERFILES = ("app.dockerfile", "Dockerfile-dev", "sub/Containerfile")
# Archives of images by the bytes that they store; the budget is 1 kB.
ARCHIVES = {"small.tar": 999, "large.tar": 1001}
# Dockerfiles by what they hold, and not by their names: a hook that reads them would report and fix them.
OTHERS = ("x.dockerignore", "Dockerfile.dockerignore", "notes.txt", "mydockerfile")

NAMES = {
    "Dockerfile": True,
    "a/b/Dockerfile": True,
    "dockerfile": True,
    "DOCKERFILE.Prod": True,
    "Dockerfile-dev": True,
    "Dockerfile.d/notes": False,
    "Containerfile": True,
    "sub/containerfile.alpine": True,
    "app.dockerfile": True,
    "app.Containerfile": True,
    "x.dockerignore": False,
    ".dockerignore": False,
    "Dockerfile.dockerignore": False,
    "sub/Dockerfile.DockerIgnore": False,
    "x.dockerignore/Dockerfile": True,
    "Dockerfile_dev": False,
    "Dockerfile.": False,
    ".dockerfile": False,
    "mydockerfile": False,
    "docker-compose.yml": False,
}


@pytest.mark.parametrize(("path", "taken"), NAMES.items())
def test_the_pattern_takes_what_check_takes_from_a_folder(path: str, taken: bool) -> None:
    """Both hooks choose files as `imagelint check` does when it walks a folder."""
    hooks = [hook for hook in load_manifest(str(MANIFEST)) if hook["id"] != "imagelint-gate"]
    assert [hook["id"] for hook in hooks] == ["imagelint", "imagelint-fix"]
    for hook in hooks:
        assert bool(re.search(hook["files"], path)) is taken
    assert is_dockerfile_name(Path(path).name) is taken


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of pre-commit: the repository it ran on, its status, and what each hook printed."""

    repository: Path
    status: int
    hooks: dict[str, str]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Run all hooks with `pre-commit try-repo`. It installs imagelint, so it runs once for all the tests here."""
    project = _snapshot(tmp_path_factory.mktemp("project"))
    repository = tmp_path_factory.mktemp("repository")
    for name in (*DOCKERFILES, *OTHERS):
        path = repository / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(DOCKERFILE)
    for name, size in ARCHIVES.items():
        ImageBuilder("x:1").layer(LayerBuilder().file("a", size), "COPY a /").save(repository / name)
    (repository / "imagelint.toml").write_text('[gate]\nmax-size = "1kB"\n')
    _commit(repository)
    command = [
        sys.executable,
        "-m",
        "pre_commit",
        "try-repo",
        str(project),
        "--all-files",
        "--verbose",
        "--color=never",
    ]
    environment = _environment() | {"PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit"))}
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=600)
    parts = re.split(r"^- hook id: (\S+)$", done.stdout, flags=re.MULTILINE)
    hooks = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert set(hooks) == {"imagelint", "imagelint-fix", "imagelint-gate"}, done.stdout + done.stderr
    return Ran(repository, done.returncode, hooks)


def _snapshot(folder: Path) -> Path:
    """A repository that holds the project's files as they are now, committed or not."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        env=_environment(),
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout: pre-commit installs from a repository")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    _commit(folder)
    return folder


def _commit(folder: Path) -> None:
    """Make a folder a repository with one commit."""
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "--quiet"], ["add", "--all", "--force"], [*identity, "commit", "--quiet", "-m", "All"]):
        subprocess.run(["git", *arguments], cwd=folder, env=_environment(), check=True)


def _environment() -> dict[str, str]:
    """This process's environment without git's own variables, which are set when the tests run in a git hook."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_hook_lints_each_dockerfile(ran: Ran, name: str) -> None:
    """Findings end the hook with status 1, and the file is named."""
    assert ran.status == 1
    assert "- exit code: 1" in ran.hooks["imagelint"]
    assert re.search(rf"(^|\s){re.escape(name)}:2:\d+", ran.hooks["imagelint"]), ran.hooks["imagelint"]
    assert "files were modified" not in ran.hooks["imagelint"]


def test_the_fixing_hook_writes_the_fixes(ran: Ran) -> None:
    """What is safe to fix is fixed, and pre-commit says that files were modified."""
    assert "- files were modified by this hook" in ran.hooks["imagelint-fix"]
    for name in DOCKERFILES:
        assert "rm -rf /var/lib/apt/lists/*" in (ran.repository / name).read_text()


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_left_alone(ran: Ran, name: str) -> None:
    """An ignore file is neither linted nor fixed, whatever it holds."""
    assert (ran.repository / name).read_text() == DOCKERFILE
    for output in ran.hooks.values():
        assert not re.search(rf"(^|\s){re.escape(name)}\b", output)


def test_the_gate_judges_each_archive(ran: Ran) -> None:
    """Several archives are given to one run of the hook: each has its verdict, and the worst is the status."""
    output = ran.hooks["imagelint-gate"]
    assert "- exit code: 1" in output
    assert "small.tar:\nheld   max-size: 999 B is within the limit of 1.00 kB" in output
    assert "large.tar:\nBROKEN max-size: 1.00 kB is 1 B over the limit of 1.00 kB" in output
