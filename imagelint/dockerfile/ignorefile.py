"""`.dockerignore`: which files of the build context a build never sees.

Read as BuildKit reads it (moby/patternmatcher and its `ignorefile`): patterns are cleaned like paths, the last one that
matches decides, and what matches a folder matches everything below it.
"""

from __future__ import annotations

import os
import posixpath
import stat

from imagelint.dockerfile.globs import Glob
from imagelint.dockerfile.syntax import SPACE

#: No ignore file is larger, no path is longer, none has more patterns; what goes beyond is a problem of the file.
MAX_BYTES = 1_000_000
MAX_PATTERNS = 10_000
MAX_PATH = 4096
#: BuildKit's limit for one line.
_MAX_LINE = 65_536
_MEMORY = 10_000


class IgnoreFile:
    """The patterns of an ignore file in order, each as it is matched, `!` in front of those that bring back.

    `problem` says why BuildKit refuses the file, or why it was not read; it ignores nothing then.
    """

    def __init__(self, path: str, text: str = "", problem: str | None = None) -> None:
        self.path = path
        self.patterns: tuple[str, ...] = ()
        self._compiled: list[Glob] = []
        self._known: dict[str, bool] = {}
        try:
            self._compiled = [Glob(pattern) for pattern in _patterns(text)]
        except ValueError as error:
            problem = problem or str(error)
        else:
            self.patterns = tuple(pattern.text for pattern in self._compiled)
        self.problem = problem

    @property
    def exceptions(self) -> bool:
        """Whether some pattern brings files back: a folder may be ignored then, and a file in it not."""
        return any(pattern.exception for pattern in self._compiled)

    def ignores(self, path: str) -> bool:
        """Whether a path of the context, given from its root, is ignored, by itself or with a folder above it.

        The root itself is ignored where a pattern without exceptions takes everything in it.
        """
        path = _clean(path)
        if path == ".":
            return not self.exceptions and any(each.text in ("*", "**", "**/*") for each in self._compiled)
        if len(path) > MAX_PATH:
            return False
        known = self._known.get(path)
        if known is None:
            if len(self._known) >= _MEMORY:
                self._known.clear()
            known = self._known[path] = self._ignores(path)
        return known

    def _ignores(self, path: str) -> bool:
        ignored = False
        for pattern in self._compiled:
            if pattern.exception is ignored and pattern.matches(path):
                ignored = not pattern.exception
        return ignored


def read(path: str) -> IgnoreFile | None:
    """The ignore file of that path; None where there is none. Never raises: what cannot be read is a `problem`."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return IgnoreFile(path, problem="is not a regular file")
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        return IgnoreFile(path, problem=str(getattr(error, "strerror", None) or error))
    if len(data) > MAX_BYTES:
        return IgnoreFile(path, problem=f"is larger than {MAX_BYTES // 1_000_000} MB")
    return IgnoreFile(path, data.decode("utf-8", "surrogateescape"))


def _patterns(text: str) -> list[str]:
    """The lines that are patterns, cleaned; raises ValueError where there are too many, or one is too long."""
    out: list[str] = []
    for line in text.removeprefix("\ufeff").split("\n"):
        if len(line) >= _MAX_LINE:
            raise ValueError(f"a line is longer than {_MAX_LINE} bytes")
        if line.startswith("#"):
            continue
        pattern = line.strip(SPACE)
        if not pattern:
            continue
        mark = "!" if pattern.startswith("!") else ""
        if mark:
            pattern = pattern[1:].strip(SPACE)
        if pattern:
            pattern = _clean(pattern, keep_root=True)
        # As in moby, blanks that cleaning has brought to the edge go too; what is left may begin with another `!`.
        pattern = mark + (pattern.rstrip(SPACE) if mark else pattern.strip(SPACE))
        if pattern:
            out.append(pattern)
        if len(out) > MAX_PATTERNS:
            raise ValueError(f"has more than {MAX_PATTERNS:,} patterns")
    return out


def _clean(path: str, *, keep_root: bool = False) -> str:
    """A path as Go's `filepath.Clean` leaves it, from the root of the context: `/a/./b//` is `a/b`."""
    path = posixpath.normpath(path)
    path = path[1:] if path.startswith("//") else path  # POSIX lets two slashes stand, Go does not
    return path[1:] or ("/" if keep_root else ".") if path.startswith("/") else path
