"""Running ShellCheck: found, started with a limit of time and memory, its report read, its failures told."""

from __future__ import annotations

import os
import sys

from imagelint.errors import PluginError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import Popen
    from typing import Any

#: What is always off: which files are sourced, and how a script begins that only looks like a file.
EXCLUDED = "SC1090,SC1091,SC2148,SC2187,SC2239"
#: Seconds for one process, and for each of its scripts.
SECONDS, SECONDS_A_SCRIPT = 20.0, 0.1
#: How much memory it may take, where the system can hold it to that.
MAX_MEMORY = 1 << 30
MAX_REPORT = 64 << 20
_SANE = "#!/bin/sh\necho $1\n"
_HINT = "`shellcheck --version` should say 0.10 or later; `--ignore SC` goes on without it"


class ShellCheckError(Exception):
    """One process of ShellCheck gave no report; says why."""


def find() -> str | None:
    """ShellCheck beside the interpreter, where pip puts it, or on the PATH; never in the working folder."""
    folders = [os.path.dirname(sys.executable), *os.get_exec_path()]
    for folder in folders:
        if os.path.isabs(folder):
            path = os.path.join(folder, "shellcheck")
            if os.access(path, os.X_OK) and os.path.isfile(path):
                return path
    return None


def check(program: str, scripts: Sequence[str], folder: str, limit: float) -> list[list[dict[str, Any]]]:
    """What ShellCheck says of each script, by one process; raises ShellCheckError where it does not say it."""
    import json
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(dir=folder) as inner:
        paths = {os.path.join(inner, str(number)): number for number in range(len(scripts))}
        for path, text in zip(paths, scripts, strict=True):
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        command = [program, "--norc", "--format=json1", "--severity=style", f"--exclude={EXCLUDED}", *paths]
        report, complaint = os.path.join(inner, "report"), os.path.join(inner, "complaint")
        with open(report, "wb") as out, open(complaint, "wb") as err:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder, env=_environment()
            )
            _limit_memory(process)
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                raise ShellCheckError(f"took longer than {limit:.0f} seconds") from None
            finally:
                process.kill()
                process.wait()
        with open(complaint, "rb") as file:
            said = file.read(2000).decode("utf-8", "replace").strip().partition("\n")[0]
        if os.path.getsize(report) > MAX_REPORT:
            raise ShellCheckError("its report is too long")
        try:
            with open(report, "rb") as file:
                comments = json.load(file)["comments"]
            if status not in (0, 1):
                raise ValueError
            out_of: list[list[dict[str, Any]]] = [[] for _ in scripts]
            for comment in comments:
                for key in ("line", "column", "endLine", "endColumn", "code"):
                    int(comment[key])
                str(comment["message"] + comment["level"])
                out_of[paths[comment["file"]]].append(comment)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ShellCheckError(said or f"ended with status {status} and without a report") from None
        return out_of


def check_all(program: str, scripts: Sequence[Sequence[str]]) -> list[list[list[dict[str, Any]] | str]]:
    """What ShellCheck says of each script of each bunch, or why it says nothing; a process a bunch, some at a time.

    One script on which it fails takes no other one with it: the others of its bunch are tried again, each alone.
    Raises PluginError where ShellCheck does not work at all.
    """
    import tempfile
    import time

    patience = [6 * SECONDS]

    def attempt(bunch: Sequence[str]) -> list[list[dict[str, Any]] | str]:
        began = time.monotonic()
        limit = SECONDS + SECONDS_A_SCRIPT * len(bunch)
        try:
            return [*check(program, bunch, folder, limit)]
        except OSError as error:
            raise PluginError(f"{program} cannot be started: {error.strerror}", hint=_HINT) from error
        except ShellCheckError as error:
            _probe(program, folder)
            patience[0] -= time.monotonic() - began
            if len(bunch) > 1 and patience[0] > 0:
                return [each for text in bunch for each in attempt([text])]
            return [str(error)] * len(bunch)

    with tempfile.TemporaryDirectory(prefix="imagelint-") as folder:
        if len(scripts) < 2:
            return [attempt(bunch) for bunch in scripts]  # a small run does without the pool's import
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(processors()) as pool:
            try:
                return list(pool.map(attempt, scripts))
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


def _probe(program: str, folder: str) -> None:
    """Raise PluginError where ShellCheck fails on a script that it must be able to read."""
    try:
        check(program, [_SANE], folder, SECONDS)
    except (ShellCheckError, OSError) as error:
        raise PluginError(f"{program} does not work: {error}", hint=_HINT) from error


def _environment() -> dict[str, str]:
    """The environment without what would change the results."""
    kept = {name: value for name, value in os.environ.items() if name not in ("SHELLCHECK_OPTS", "GHCRTS")}
    return kept | {"LC_ALL": "C.UTF-8"}


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # where the system has it
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _limit_memory(process: Popen[bytes]) -> None:
    """Hold a process to its memory. Only Linux can do so from outside; where it cannot, the time limit must do."""
    if sys.platform == "linux":
        import resource

        try:
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
        except (OSError, ValueError):
            return  # it has ended already, or may not be limited
