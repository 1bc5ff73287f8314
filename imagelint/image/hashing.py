"""SHA-256 beside the work: what is hashed is looked through at the same time by who hands it on."""

from __future__ import annotations

from hashlib import sha256
from queue import Queue
from threading import Thread

_LEAST_BYTES = 256 * 1024  # that are worth a thread
_AHEAD = 4  # chunks that may wait


class Hasher:
    """A hash that a thread of its own keeps; chunks must not change any more. `end` has to be called."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._waiting: Queue[bytes | memoryview | None] | None = None
        self._thread: Thread | None = None

    def update(self, chunk: bytes | memoryview) -> None:
        """Takes the next bytes; waits where the thread is behind by some chunks."""
        if self._waiting is None:
            if len(chunk) < _LEAST_BYTES:
                self._hash.update(chunk)
                return
            self._waiting = Queue(_AHEAD)
            self._thread = Thread(target=self._run, args=(self._waiting,), daemon=True)
            self._thread.start()
        self._waiting.put(chunk)

    def end(self) -> None:
        """Waits for the thread, if there is one."""
        if self._waiting is not None and self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._waiting = self._thread = None

    def hexdigest(self) -> str:
        """The hash of all that came."""
        self.end()
        return self._hash.hexdigest()

    def _run(self, waiting: Queue[bytes | memoryview | None]) -> None:
        while (chunk := waiting.get()) is not None:
            self._hash.update(chunk)
