"""Golden reports in fixtures/reports: what people and programs see, to the letter.

`IMAGELINT_UPDATE_REPORTS=1 make test` writes them anew; the diff is then what a reviewer reads.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

sys.path.insert(0, str(ROOT / "fixtures/images"))

JAVA = "fixtures/dockerfiles/java"
REPORTS = {
    "check-0_0_2.txt": ["check", f"{JAVA}/0_0_2/Dockerfile"],
    "check-0_0_2.json": ["check", f"{JAVA}/0_0_2/Dockerfile", "--output-format", "json"],
    "check-0_0_2.diff": ["check", f"{JAVA}/0_0_2/Dockerfile", "--diff"],
    "check-0_0_3.txt": ["check", f"{JAVA}/0_0_3/Dockerfile"],
    "check-0_0_4.txt": ["check", f"{JAVA}/0_0_4/Dockerfile"],
    "check-flask.txt": ["check", "fixtures/dockerfiles/flask/Dockerfile"],
    "analyze-0_0_2.txt": ["analyze", "0_0_2.tar", "--dockerfile", f"{JAVA}/0_0_2/Dockerfile"],
    "analyze-0_0_4.json": [
        *("analyze", "0_0_4.tar", "--dockerfile", f"{JAVA}/0_0_4/Dockerfile", "--output-format", "json"),
    ],
    "gate-0_0_2.txt": ["gate", "0_0_2.tar", "--max-size", "1MB", "--dockerfile", f"{JAVA}/0_0_2/Dockerfile"],
}


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Miniatures of the course's images, and the fixtures beside them."""
    from miniature import miniature

    folder = tmp_path_factory.mktemp("reports")
    (folder / "fixtures").symlink_to(ROOT / "fixtures")
    for tag in ("0_0_2", "0_0_4"):
        miniature(ROOT / JAVA / tag / "Dockerfile", f"miniature:{tag}").save(folder / f"{tag}.tar", layout="legacy")
    return folder


@pytest.mark.parametrize("name", REPORTS)
def test_report(imagelint: Run, archives: Path, name: str) -> None:
    done = imagelint(*REPORTS[name], cwd=archives)
    assert done.stderr == ""
    golden = ROOT / "fixtures/reports" / name
    text = "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())
    if os.environ.get("IMAGELINT_UPDATE_REPORTS"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_the_readme_shows_what_is_printed(imagelint: Run) -> None:
    """Each command of the README's console blocks that runs without an engine prints what stands below it."""
    shown = 0
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        command, _, output = block.partition("\n")
        if output.strip() and command.startswith("$ imagelint check"):
            printed = imagelint(*command.split()[2:], cwd=ROOT).stdout
            assert printed.startswith(output)
            shown += 1
    assert shown == 1


def test_the_readme_names_two_commands_that_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:`|\$ )make ([a-z-]+)", (ROOT / "README.md").read_text())
    assert {"demo", "test"} <= set(named) <= set(targets)
