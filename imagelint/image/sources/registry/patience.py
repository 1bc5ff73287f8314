"""How long a server may take to answer, and how much it may say that is no content.

A socket's own timeout begins anew with every byte, and `http.client` reads interim answers and trailers for as long as
some come. So what is read from the connection is counted here, below both.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from imagelint.errors import RegistryError
from imagelint.image.limits import MIB

if TYPE_CHECKING:
    from socket import socket

Overdue = Callable[[], bool]
"""Whether the time is over that an answer may take in all."""

_SLOWEST = 1000  # bytes a second, once the stall's seconds are over


def bounded(stall: float, overdue: Overdue) -> HTTPAdapter:
    """What `requests` makes its connections with: an answer that stalls for so many seconds, or is overdue, ends."""

    class Answer(_Answer):
        """With these bounds."""

        def __init__(self, sock: socket, *arguments: Any, **more: Any) -> None:
            super().__init__(sock, *arguments, **more)
            self.counted = _Counted(self.fp.detach(), stall, overdue)
            self.fp = io.BufferedReader(self.counted)

    class Plain(HTTPConnection):
        """Without TLS."""

        response_class = Answer

    class Secure(HTTPSConnection):
        """With TLS."""

        response_class = Answer

    class PlainPool(HTTPConnectionPool):
        """Of connections without TLS."""

        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        """Of connections with TLS."""

        ConnectionCls = Secure

    class Adapter(HTTPAdapter):
        """With these pools, whether there is a proxy or not."""

        def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
            super().init_poolmanager(*arguments, **more)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, *arguments: Any, **more: Any) -> Any:
            manager = super().proxy_manager_for(*arguments, **more)
            manager.pool_classes_by_scheme = pools
            return manager

    pools = {"http": PlainPool, "https": SecurePool}
    return Adapter()


class _Answer(HTTPResponse):
    """An answer that cannot go on for ever with what its reader never sees."""

    counted: _Counted

    def begin(self) -> None:
        """Reads the head, which has no right to be slow."""
        self.counted.expect(0)
        super().begin()
        self.counted.in_head = False

    def read1(self, n: int = -1) -> bytes:
        """Reads what has come of the content."""
        self.counted.expect(n if n > 0 else MIB)
        return super().read1(n)


class _Counted(io.RawIOBase):
    """A connection's bytes, and the seconds that were spent on waiting for them; not those that their reader took."""

    def __init__(self, raw: io.RawIOBase, stall: float, overdue: Overdue) -> None:
        self._raw = raw
        self._stall = stall
        self._overdue = overdue
        self._received = 0
        self._waited = 0.0
        self._left = MIB  # a proxy's answer to CONNECT is read without a beginning
        self.in_head = True

    def expect(self, count: int) -> None:
        """So many bytes are asked for: there may be a little more, for the lengths of chunks and what is at the end."""
        self._left = count + MIB

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Waits for the next bytes."""
        start = time.monotonic()
        count = self._raw.readinto(buffer)
        self._waited += time.monotonic() - start
        self._received += count or 0
        self._left -= count or 0
        if self._left < 0:
            raise RegistryError(f"the registry answers with more than {MIB:,} bytes that are no content")
        granted = 0.0 if self.in_head else self._received / _SLOWEST
        if self._overdue() or self._waited > self._stall + granted:
            raise RegistryError(
                f"the registry's answer comes too slowly: {self._received:,} bytes in {self._waited:.0f} seconds"
            )
        return int(count) if count is not None else None

    def close(self) -> None:
        """Closes the connection's file."""
        self._raw.close()
        super().close()
