"""Which Dockerfiles a path means, reading them without being led astray, and writing files in one step."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys

from imagelint.errors import InputError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: No Dockerfile is larger; a larger file is none.
MAX_BYTES = 10_000_000

_NAME = re.compile(r"(?:dockerfile|containerfile)(?:[.-].+)?|.+\.(?:dockerfile|containerfile)", re.IGNORECASE)
_SKIPPED_FOLDERS = frozenset({".bzr", ".git", ".hg", ".svn", ".tox", ".venv", "__pycache__", "node_modules"})


def is_dockerfile_name(name: str) -> bool:
    """Whether a file found in a folder is taken for a Dockerfile; one that is named outright always is."""
    return _NAME.fullmatch(name) is not None and not name.lower().endswith(".dockerignore")


def is_plain_name(path: str) -> bool:
    """Whether a file is called just Dockerfile or Containerfile, as no template of one is."""
    return os.path.basename(path).lower() in ("dockerfile", "containerfile")


def walk(path: str, left_out: Callable[[str], bool] | None = None) -> Iterator[str]:
    """The Dockerfiles that a path means: the file itself, or those in a folder and below, in order.

    Of a folder, what git ignores is left out, and whatever `left_out` says, with all below it; symbolic links in it are
    not followed. Raises InputError where there is no such path.
    """
    try:
        mode = os.stat(path).st_mode if path != "-" else 0
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {_reason(error)}") from error
    if stat.S_ISDIR(mode):
        yield from _below(path, left_out)
    else:
        yield path


def _below(top: str, left_out: Callable[[str], bool] | None) -> Iterator[str]:
    from imagelint.gitignored import ignored_below  # only for folders

    ignored = ignored_below(top)
    todo = [] if left_out is not None and left_out(top) else [top]
    failed: InputError | None = None
    while todo:
        folder = todo.pop()
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            failed = failed or InputError(f"{folder}: {_reason(error)}")
            continue
        if ignored:
            found = [entry for entry in found if os.path.relpath(entry.path, top) not in ignored]
        for entry in found:
            if (
                entry.is_file(follow_symlinks=False)
                and is_dockerfile_name(entry.name)
                and (left_out is None or not left_out(entry.path))
            ):
                yield _plain(entry.path, top)
        todo += [
            entry.path
            for entry in reversed(found)
            if entry.is_dir(follow_symlinks=False)
            and entry.name not in _SKIPPED_FOLDERS
            and (left_out is None or not left_out(entry.path))
        ]
    if failed is not None:  # the others first
        raise failed


def _plain(path: str, top: str) -> str:
    """`./Dockerfile` as `Dockerfile` where the walk began in the working folder."""
    return path[2:] if top == "." and path.startswith("./") else path


def read(path: str, *, limit: int = MAX_BYTES) -> bytes:
    """A regular file's bytes, or standard input's for `-`; raises InputError, and never waits for a pipe."""
    if path == "-":
        if sys.stdin is None:
            raise InputError("-: standard input is closed")
        data = sys.stdin.buffer.read(limit + 1)
    else:
        try:
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise InputError(f"{path}: is not a regular file")
                data = file.read(limit + 1)
        except OSError as error:
            raise InputError(f"{path}: {_reason(error)}") from error
    if len(data) > limit:
        size = f"{limit // 1_000_000} MB" if limit >= 1_000_000 else f"{limit // 1_000} kB"
        raise InputError(f"{path}: is larger than {size}")
    return data


def put(path: str, data: bytes) -> None:
    """Write a report: into a pipe or a device such as /dev/stdout, or in the place of the file of that name."""
    try:
        # /dev/stdout can lead to a regular file, and must stay what it is all the same.
        folder = os.path.realpath(os.path.dirname(path))
        if folder == "/dev" or folder.startswith("/proc/") or (os.path.exists(path) and not os.path.isfile(path)):
            with open(path, "ab") as file:  # whoever redirected the output may have written before
                file.write(data)
            return
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {_reason(error)}") from error
    replace(path, data)


def replace(path: str, data: bytes) -> None:
    """Put a file in the place of whatever is there, in one step: a reader sees the old one or the new one.

    Mode and owner stay as they were, as far as the user may. A symbolic link is replaced, not followed. Raises
    InputError where that is not possible.
    """
    import tempfile  # only for what writes
    from contextlib import suppress

    try:
        old = os.lstat(path) if os.path.exists(path) and not os.path.islink(path) else None
        if old is not None and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "it is read-only")
        handle, temporary = tempfile.mkstemp(prefix=".imagelint-", dir=os.path.dirname(path) or ".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            if old is not None:
                with suppress(PermissionError):
                    os.chown(temporary, old.st_uid, old.st_gid)
            os.chmod(temporary, stat.S_IMODE(old.st_mode) if old is not None else 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {_reason(error)}") from error


def _umask() -> int:
    """The modes that the user gives no new file; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file or folder"
    if isinstance(error, IsADirectoryError):
        return "is a folder"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
