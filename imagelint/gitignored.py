"""What git leaves out of a folder: asked of git itself, which alone knows every file that says so."""

from __future__ import annotations

import os

from imagelint import repository

#: A repository that takes longer is walked as it is.
_SECONDS = 10.0
_OF_A_HOOK = ("GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE")


def ignored_below(folder: str) -> frozenset[str]:
    """The files and folders below a folder that git ignores, as paths from it; empty where there is no git.

    The repository may be a stranger's: its configuration gets to run nothing.
    """
    if repository.root(folder) is None:
        return frozenset()
    import subprocess

    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", folder, "ls-files"]
    command += ["--others", "--ignored", "--exclude-standard", "--directory", "-z"]
    # A hook's GIT_DIR and GIT_INDEX_FILE are about the repository of the commit, whichever folder is asked about.
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    environment["GIT_NO_LAZY_FETCH"] = "1"
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    if done.returncode:
        return frozenset()
    return frozenset(os.fsdecode(name).rstrip("/") for name in done.stdout.split(b"\0") if name)
