"""Progress on standard error: only where a person looks, and only for what takes longer than a moment."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, contextmanager
from threading import Lock

from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    #: What is being done, bytes done so far, and bytes in all where that is known.
    Progress = Callable[[str, int, int | None], None]


_PATIENCE_SECONDS = 1.0


@contextmanager
def bar(*, quiet: bool) -> Iterator[Progress | None]:
    """A callback that draws a bar with bytes and rate; None where nobody would see it.

    Nothing is drawn, nor imported for it, until something has taken a second.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as stack:
        begun = time.monotonic()
        drawn: Progress | None = None
        lock = Lock()

        def report(what: str, done: int, total: int | None) -> None:
            nonlocal drawn
            if drawn is None:
                if time.monotonic() - begun < _PATIENCE_SECONDS:
                    return
                with lock:
                    drawn = drawn or _drawn(stack)
            drawn(what, done, total)

        yield report


def _drawn(stack: ExitStack) -> Progress:
    """The bar itself, for as long as the stack is open."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    progress = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
    task = progress.add_task("reading", total=None)

    def report(what: str, done: int, total: int | None) -> None:
        progress.update(task, description=printable(what), completed=done, total=total)

    return report


@contextmanager
def counter(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A callback that is told of files done, and draws a bar where a person looks."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # No thread that draws: the processes that lint are forked off this one.
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as progress:
        task = progress.add_task(what, total=total)

        def done(count: int) -> None:
            progress.update(task, advance=count, refresh=True)

        yield done
