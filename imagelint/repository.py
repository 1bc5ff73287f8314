"""Which repository a folder is in, and paths from its root: what they are called there, wherever one works."""

from __future__ import annotations

import os


def root(folder: str = os.curdir) -> str | None:
    """The nearest folder with a `.git`, from a folder upwards, links resolved; None where there is none."""
    folder = os.path.realpath(folder)
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def from_root(path: str, top: str | None = None) -> str:
    """A path from a root, links resolved; absolute where it lies outside; `-` is standard input.

    Without `top` it is the root of the repository that the working folder is in, or that folder itself.
    """
    if path == "-":
        return path
    top = top or root() or os.path.realpath(os.curdir)
    try:
        real = os.path.realpath(path)
    except ValueError:  # not a path that a system could have
        return path
    for each in (real, os.path.abspath(path)):  # a link that leaves the repository counts where it stands
        if each.startswith(os.path.join(top, "")):
            return os.path.relpath(each, top)
    return real
