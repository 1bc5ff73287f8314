"""Being told to end: a cancelled job leaves no process and no temporary file behind."""

from __future__ import annotations

import os
import signal
import sys

from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn, TypeVar

    Result = TypeVar("Result")

#: How long a process whose parent is gone may tidy up, in seconds.
_GRACE = 5.0
#: In a worker: whether it was told to end, and whether there is work to interrupt.
_ended = False
_busy = False


def end_in_order() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, by an exception; one that is ignored (nohup) stays so."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # not every system has both
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _exit)


def be_a_worker() -> None:
    """In a pool's process: Ctrl-C is the parent's affair, SIGTERM ends the work, a parent that is gone the process."""
    import threading
    import time
    from multiprocessing import parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    parent, worker = parent_process(), threading.get_ident()

    def watch() -> None:
        assert parent is not None
        parent.join()
        signal.pthread_kill(worker, signal.SIGTERM)
        time.sleep(_GRACE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def unless_ended(work: Callable[[], list[Result]]) -> list[Result]:
    """In a worker: what the work gives; nothing where the process was told to end, before or meanwhile.

    It does not end by itself: a pool would take that for a crash.
    """
    global _busy
    if _ended:
        return []
    try:
        _busy = True
        return work()
    except SystemExit:
        return []
    finally:
        _busy = False


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _stop(number: int, _frame: FrameType | None) -> None:
    global _ended
    _ended = True
    if _busy:
        sys.exit(128 + number)
