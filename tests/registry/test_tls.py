"""TLS, straight and through a proxy: nothing is said to a registry that nobody vouches for, not even without TLS."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from imagelint.errors import RegistryError
from imagelint.image.reading import read_image
from imagelint.image.sources.registry import transport
from imagelint.testing import layout

from .asking import login, read, small
from .server import Registry, served

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate that this machine has signed itself, and its key, in one file."""
    path = tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.fixture
def registry(certificate: Path, home: Path) -> Iterator[Registry]:
    """A registry behind it, to which somebody is logged in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with served(Registry(), context) as found:
        found.put(layout(small()), "1")
        login(home, found)
        yield found


def test_a_certificate_that_is_trusted(registry: Registry, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert read(registry).layers[0].layer_bytes == 200_000


def test_a_certificate_that_is_not(registry: Registry) -> None:
    """Neither is it spoken to without TLS, though that is allowed on this machine."""
    with pytest.raises(RegistryError, match="has a certificate that is not to be trusted") as caught:
        read(registry)
    assert "REQUESTS_CA_BUNDLE" in (caught.value.hint or "")
    assert registry.asked == []


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that connects to whatever it is asked to, and what it was asked."""
    asked: list[str] = []

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while came := source.recv(65536):
                target.sendall(came)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            asked.append(head.split(b"\r\n")[0].decode())
            host, _, port = asked[-1].split()[1].partition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                threading.Thread(target=copy, args=(server, client), daemon=True).start()
                copy(client, server)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)


def test_through_a_proxy(registry: Registry, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "is_loopback", lambda host: False)
    monkeypatch.setattr(transport, "is_inward", lambda host: False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with proxy() as (address, asked):
        monkeypatch.setenv("https_proxy", address)
        assert read_image(f"registry:{registry.host}/team/app:1").layers[0].layer_bytes == 200_000
        assert {line.rpartition(" ")[0] for line in asked} == {f"CONNECT {registry.host}"}
