"""What all tests share: the rules as they are installed, and the command line run as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from imagelint import plugins

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelint.rule import Rule

ROOT = Path(__file__).parent.parent

# A shared machine can be slow for a while; a deadline would make that a failure.
settings.register_profile("imagelint", deadline=None)
settings.load_profile("imagelint")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or writes the cache of the user who runs it, nor depends on the width of their window."""
    os.environ["IMAGELINT_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))
    os.environ.pop("COLUMNS", None)
    os.unsetenv("COLUMNS")  # readline, which pytest imports, sets it behind the back of `os.environ`


@pytest.fixture(scope="session")
def rules() -> list[Rule]:
    return list(plugins.load().rules)


@pytest.fixture
def imagelint() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the program as a user does; `stdin`, `cwd` and `env` may be given."""

    def run(*arguments: object, stdin: str = "", **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "imagelint", *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=300, **options)

    return run
