"""Patterns of files in a configuration, as in `.gitignore`: `vendor` at any depth, `a/*.dockerfile` from one folder."""

from __future__ import annotations

import os

from imagelint.dockerfile.globs import Glob
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class PathGlobs:
    """Some patterns, and the folder that those with a slash begin in; raises ValueError for one that is none.

    A pattern matches a file, or a folder and everything below.
    """

    __slots__ = ("_folder", "_globs")

    def __init__(self, patterns: Iterable[str], folder: str = os.curdir) -> None:
        self._folder = os.path.abspath(folder)
        self._globs = [Glob(_anchored(pattern)) for pattern in patterns]

    def matches(self, path: str) -> bool:
        """Whether a pattern matches a path, which is relative to the working folder."""
        if not self._globs:
            return False
        inside = self._relative(path)
        return any(glob.matches(inside) for glob in self._globs)

    def _relative(self, path: str) -> str:
        try:
            inside = os.path.relpath(path, self._folder)
            if inside.startswith(os.pardir):  # the working folder may be known by another name
                inside = os.path.relpath(os.path.realpath(path), os.path.realpath(self._folder))
        except ValueError:  # not a path that a system could have
            return path
        return inside


def _anchored(pattern: str) -> str:
    """The pattern for the whole path from the folder: one without a slash inside may begin anywhere."""
    if pattern.startswith("!"):
        raise ValueError(f"the pattern {pattern!r} begins with !, which has no meaning here")
    plain = pattern.removeprefix("./").rstrip("/")
    return plain.lstrip("/") if "/" in plain else f"**/{plain}" if plain else ""
