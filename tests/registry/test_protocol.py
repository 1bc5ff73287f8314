"""What a server can do below what `http.server` can: bytes that come one by one, heads and bodies without end."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from imagelint.errors import ImagelintError, RegistryError
from imagelint.image.reading import read_image

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
Say = Callable[[bytes], None]


@contextmanager
def server(answer: Callable[[Say], None]) -> Iterator[str]:
    """A host that says yes to `/v2/`, and what a test wants to all else, as long as somebody listens."""

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            asked = b""
            while b"\r\n\r\n" not in asked:
                came = connection.recv(65536)
                if not came or came.startswith(b"\x16"):
                    return
                asked += came
            if asked.startswith(b"GET /v2/ "):
                connection.sendall(HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}")
            else:
                answer(connection.sendall)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def refused(answer: Callable[[Say], None]) -> str:
    with server(answer) as host, pytest.raises(ImagelintError) as caught:
        read_image(f"registry:{host}/a/b:1")
    assert "\n" not in caught.value.message
    return caught.value.message


def without_end(start: bytes, piece: bytes, pause: float = 0.0) -> Callable[[Say], None]:
    """An answer that begins in one way and goes on in another for ever."""

    def answer(say: Say) -> None:
        say(start)
        while True:
            say(piece)
            time.sleep(pause)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        without_end(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-Trailer: aaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 100),
        without_end(HEAD, b"X: " + b"a" * 60_000 + b"\r\n"),
    ],
    ids=["interim answers", "trailers", "headers"],
)
def test_what_is_no_content_has_an_end(answer: Callable[[Say], None]) -> None:
    assert "that are no content" in refused(answer)


@pytest.mark.parametrize(
    "start",
    [HEAD + b"X: ", b"", CHUNKED + b"1;", CHUNKED + b"2\r\n{}\r\n0\r\nX: "],
    ids=["header", "status", "chunk", "trailer"],
)
def test_bytes_that_come_one_by_one(start: bytes) -> None:
    """Each comes well before a socket would give up."""
    assert "comes too slowly" in refused(without_end(start, b"a", pause=0.05))


def test_a_redirect_that_brings_a_body_without_end() -> None:
    """Nobody reads it."""
    start = b"HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert "without TLS" in refused(without_end(start, b"10000\r\n" + b"a" * 0x10000 + b"\r\n"))


def test_a_manifest_that_would_unpack_to_much() -> None:
    packed = gzip.compress(bytes(50_000_000))
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    tracemalloc.start()
    try:
        assert "is not JSON" in refused(lambda say: say(head + packed))
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (CHUNKED + b"2;" + b"a" * 100_000 + b"\r\n{}", "breaks off"),
        (CHUNKED + b"zz\r\n{}", "breaks off"),
        (HEAD + b"Content-Length: 500\r\n\r\n{", "breaks off"),
        (HEAD + b"Content-Length: " + b"9" * 60_000 + b"\r\n\r\n{}", "is no image's manifest"),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: \xb2\r\nContent-Length: 0\r\n\r\n", "too many requests"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[::1/\r\nContent-Length: 0\r\n\r\n", "which is no web address"),
        (
            b'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="https://[::1"\r\nContent-Length: 0\r\n\r\n',
            "without TLS",
        ),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "is not known: none"),
        (b"\x00\xff" * 2000, "does not answer"),
    ],
)
def test_one_line(answer: bytes, message: str) -> None:
    assert message in refused(lambda say: say(answer))


def test_a_manifest_that_breaks_off_is_asked_for_again() -> None:
    count = 0

    def answer(say: Say) -> None:
        nonlocal count
        count += 1
        say(HEAD + b"Connection: close\r\nContent-Length: 10\r\n\r\n" + (b"{" if count == 1 else b"[12345678]"))

    assert "is no image's manifest" in refused(answer)
    assert count == 2


def test_patience_bounds_a_body_too() -> None:
    from imagelint.image.sources.interface import Reading
    from imagelint.image.sources.registry.source import Registry

    with (
        server(without_end(CHUNKED, b"3e8\r\n" + b" " * 1000 + b"\r\n", pause=0.05)) as host,
        pytest.raises(RegistryError, match="comes too slowly"),
        Registry("x", f"{host}/a/b:1", patience=0.5).open(Reading()),
    ):
        pass
