"""Running ShellCheck: found, started with a limit of time and memory, its report read, its failures told.

`subprocess` and `tempfile` would do the same, and take longer to import than ShellCheck takes over a Dockerfile.
"""

from __future__ import annotations

import os
import sys
import time

from imagelint.errors import PluginError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

#: What is always off: which files are sourced, and how a script begins that only looks like a file.
EXCLUDED = "SC1090,SC1091,SC2148,SC2187,SC2239"
#: Seconds for one process, and for each of its scripts; and for all that had to be done again, in multiples of these.
SECONDS, SECONDS_A_SCRIPT, PATIENCE = 20.0, 0.1, 6
#: How much memory it may take, where the system can hold it to that.
MAX_MEMORY = 1 << 30
MAX_REPORT = 64 << 20
#: The first and the longest pause, in seconds, before looking again whether a process has ended.
_PAUSE, _LONGEST_PAUSE = 0.0002, 0.004
_KILL = 9
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


class Process:
    """One process of ShellCheck over some scripts: started at once, ended by `comments` or `kill`."""

    __slots__ = ("_complaint", "_deadline", "_limit", "_paths", "_pid", "_report", "_status", "began", "scripts")

    def __init__(self, program: str, scripts: Sequence[str], folder: str) -> None:
        """`folder` is private, and no other process is told of it; raises OSError where it cannot be started."""
        self.scripts = scripts
        self._status: int | None = None
        self._limit = SECONDS + SECONDS_A_SCRIPT * len(scripts)
        stem = os.path.join(folder, os.urandom(8).hex())
        self._report, self._complaint = f"{stem}-report", f"{stem}-complaint"
        self._paths = {f"{stem}-{number}": number for number in range(len(scripts))}
        for path, text in zip(self._paths, scripts, strict=True):
            with open(path, "x", encoding="utf-8", newline="") as file:
                file.write(text)
        command = [program, "--norc", "--format=json1", "--severity=style", f"--exclude={EXCLUDED}", *self._paths]
        created = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, self._report, created, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, self._complaint, created, 0o600),
        ]
        self.began = time.monotonic()
        self._deadline = self.began + self._limit
        self._pid = os.posix_spawn(program, command, _environment(), file_actions=files)
        _limit_memory(self._pid)

    @property
    def over(self) -> bool:
        """Whether it has ended, or should have."""
        return self._ended(os.WNOHANG) or time.monotonic() > self._deadline

    def comments(self) -> list[list[dict[str, Any]]]:
        """What it says of each script, once it is over; raises ShellCheckError where it does not say it."""
        if self._status is None:
            self.kill()
            raise ShellCheckError(f"took longer than {self._limit:.0f} seconds")
        import json

        try:
            if os.path.getsize(self._report) > MAX_REPORT:
                raise ShellCheckError("its report is too long")
            with open(self._report, "rb") as report:
                comments = json.loads(report.read())["comments"]
            if self._status not in (0, 1):
                raise ValueError
            out_of: list[list[dict[str, Any]]] = [[] for _ in self.scripts]
            for comment in comments:
                for key in ("line", "column", "endLine", "endColumn", "code"):
                    int(comment[key])
                str(comment["message"] + comment["level"])
                out_of[self._paths[comment["file"]]].append(comment)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            raise ShellCheckError(self._said()) from None
        return out_of

    def kill(self) -> None:
        """End it, if it has not ended."""
        if not self._ended(os.WNOHANG):
            try:
                os.kill(self._pid, _KILL)
            except ProcessLookupError:
                return  # where SIGCHLD is ignored
            self._ended(0)

    def _ended(self, options: int) -> bool:
        if self._status is None:
            try:
                pid, status = os.waitpid(self._pid, options)
            except ChildProcessError:  # where SIGCHLD is ignored, the system keeps no status
                pid, status = self._pid, 0
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status is not None

    def _said(self) -> str:
        """Why it failed, in its own words or by its status."""
        try:
            with open(self._complaint, "rb") as file:
                said = file.read(2000).decode("utf-8", "replace").strip().partition("\n")[0]
        except OSError:
            said = ""
        return said or f"ended with status {self._status} and without a report"


class Checks:
    """ShellCheck at work on bunches of scripts: a process a bunch, some at a time, beside what this process does.

    One script on which it fails takes no other one with it: the others of its bunch are tried again, each alone.
    """

    def __init__(self, program: str, bunches: Sequence[Sequence[str]]) -> None:
        """Start with the first ones; raises PluginError where ShellCheck cannot be started."""
        self._program = program
        #: What is still to be started, the first one last; and why it failed before.
        self._waiting: list[tuple[Sequence[str], str | None]] = [(bunch, None) for bunch in reversed(bunches)]
        self._running: list[Process] = []
        self._patience = PATIENCE * SECONDS
        self._answers: dict[str, list[dict[str, Any]] | str] = {}
        self._folder = _private_folder()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def answers(self) -> dict[str, list[dict[str, Any]] | str]:
        """What it says of each script, or why it says nothing; raises PluginError where it does not work at all."""
        pause = _PAUSE
        while self._running:
            over = [process for process in self._running if process.over]
            for process in over:
                self._take(process)
                self._running.remove(process)
            self._start()
            if over:
                pause = _PAUSE
            elif self._running:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        return self._answers

    def close(self) -> None:
        """End what is still running, and remove the scripts."""
        for process in self._running:
            process.kill()
        self._running = []
        try:
            for name in os.listdir(self._folder):
                os.unlink(os.path.join(self._folder, name))
            os.rmdir(self._folder)
        except OSError:
            return  # closed before, or somebody else's work: nothing depends on it

    def _start(self) -> None:
        """Start as many as may run at a time."""
        while self._waiting and len(self._running) < processors():
            bunch, reason = self._waiting.pop()
            if reason is not None and self._patience <= 0:
                self._answers |= dict.fromkeys(bunch, reason)
                continue
            try:
                self._running.append(Process(self._program, bunch, self._folder))
            except OSError as error:
                raise PluginError(f"{self._program} cannot be started: {error.strerror}", hint=_HINT) from error

    def _take(self, process: Process) -> None:
        """Keep what a process said; where it said nothing, try again or give up."""
        try:
            self._answers |= zip(process.scripts, process.comments(), strict=True)
        except ShellCheckError as error:
            self._probe()
            self._patience -= time.monotonic() - process.began
            if len(process.scripts) > 1 and self._patience > 0:
                self._waiting += [([text], str(error)) for text in reversed(process.scripts)]
            else:
                self._answers |= dict.fromkeys(process.scripts, str(error))

    def _probe(self) -> None:
        """Raise PluginError where ShellCheck fails on a script that it must be able to read."""
        try:
            process = Process(self._program, [_SANE], self._folder)
            try:
                while not process.over:
                    time.sleep(_PAUSE)
                process.comments()
            finally:
                process.kill()
        except (ShellCheckError, OSError) as error:
            raise PluginError(f"{self._program} does not work: {error}", hint=_HINT) from error


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # where the system has it
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _private_folder() -> str:
    """A new folder that only this user may enter."""
    base = os.environ.get("TMPDIR", "")
    folder = os.path.join(base if os.path.isabs(base) else "/tmp", f"imagelint-{os.urandom(8).hex()}")  # noqa: S108
    try:
        os.mkdir(folder, 0o700)
    except OSError:
        from tempfile import mkdtemp  # which knows other places

        return mkdtemp(prefix="imagelint-")
    return folder


def _environment() -> dict[str, str]:
    """The environment without what would change the results."""
    kept = {name: value for name, value in os.environ.items() if name not in ("SHELLCHECK_OPTS", "GHCRTS")}
    return kept | {"LC_ALL": "C.UTF-8"}


def _limit_memory(pid: int) -> None:
    """Hold a process to its memory. Only Linux can do so from outside; where it cannot, the time limit must do."""
    if sys.platform == "linux":
        import resource

        try:
            resource.prlimit(pid, resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
        except (OSError, ValueError):
            return  # it has ended already, or may not be limited
