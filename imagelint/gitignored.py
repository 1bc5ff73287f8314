"""What git leaves out of a folder: asked of git itself, which alone knows every file that says so."""

from __future__ import annotations

import os

#: A repository that takes longer is walked as it is.
_SECONDS = 10.0


def ignored_below(folder: str) -> frozenset[str]:
    """The files and folders below a folder that git ignores, as paths from it; empty where there is no git.

    The repository may be a stranger's: its configuration gets to run nothing.
    """
    if not _in_repository(folder):
        return frozenset()
    import subprocess

    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", folder, "ls-files"]
    command += ["--others", "--ignored", "--exclude-standard", "--directory", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    if done.returncode:
        return frozenset()
    return frozenset(os.fsdecode(name).rstrip("/") for name in done.stdout.split(b"\0") if name)


def _in_repository(folder: str) -> bool:
    folder = os.path.realpath(folder)
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return False
        folder = parent
    return True
