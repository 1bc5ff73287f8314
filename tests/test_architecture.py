"""What holds the program together beside the import contracts: start-up stays light, modules stay readable."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted([*(ROOT / "imagelint").rglob("*.py"), *(ROOT / "rules").rglob("*.py")])

#: What linting one file must not import: each costs more than the linting does.
HEAVY = {
    "docker",
    "requests",
    "networkx",
    "rich",
    "importlib.metadata",
    "dockerfile_parse",
    "logging",
    "json",
    "tarfile",
}
HEAVY |= {"dataclasses", "inspect", "tempfile", "difflib", "subprocess", "typing", "contextlib", "shutil"}

PROBE = """
import sys
from imagelint.cli import main
status = main(["check", "--ignore", "SC", sys.argv[1]])  # ShellCheck is a process of its own
print(sorted(set(sys.argv[2].split(",")) & set(sys.modules)), status, file=sys.stderr)
"""


def test_checking_one_file_imports_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text('FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\nCOPY x y\nCMD ["/app"]\n')
    command = [sys.executable, "-c", PROBE, str(path), ",".join(HEAVY)]
    # Not in this project's folder: its pyproject.toml is about imagelint, and reading TOML has its price.
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stderr.strip() == "[] 1"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert text.startswith('"""'), "every module says what it is"


def test_there_is_no_package_in_the_rules_folder_itself() -> None:
    assert not (ROOT / "rules" / "__init__.py").exists()


RULES = ROOT / "rules/imagelint_rules"


def test_what_modules_of_rules_share_stands_apart_from_them() -> None:
    without = [path.name for path in RULES.glob("*.py") if not re.search("^@rule", path.read_text(), re.MULTILINE)]
    assert without == ["__init__.py"]
    for path in (RULES / "shared").glob("*.py"):
        text = path.read_text()
        assert not re.search("^@rule", text, re.MULTILINE), path.name
        assert not re.search(r"from imagelint_rules(?!\.shared\b)", text), path.name


@pytest.mark.parametrize("path", sorted((ROOT / "rules").rglob("*.py")), ids=lambda path: path.stem)
def test_a_module_of_rules_compiles_no_pattern_when_it_is_imported(path: Path) -> None:
    assert not re.search(r"^\S.*\bre\.compile\(", path.read_text(), re.MULTILINE)


def test_the_map_of_the_project_has_every_module() -> None:
    """By its name, or by its folder's."""
    named = (ROOT / "docs/architecture.md").read_text()
    for path in MODULES:
        covered = any(f"`{folder}/`" in named for folder in path.relative_to(ROOT).parents)
        if not covered and path.stem not in ("__init__", "__main__"):
            assert f"/{path.name}`" in named or f"`{path.name}`" in named, path
