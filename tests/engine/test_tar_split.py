"""`--tar-split` on real images: what is read without an export is what the export says, byte for byte."""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import docker
import pytest

from .conftest import Analyze, Cli

pytestmark = pytest.mark.engine

LABEL = "org.imagelint.tar-split"
ANALYZE = ("analyze", "--output-format", "json", "--no-cache")


@pytest.fixture(autouse=True)
def graph_driver() -> None:
    """Skip where the engine keeps no such records."""
    client = docker.from_env()
    try:
        if "io.containerd" in str(client.info().get("DriverStatus")):
            pytest.skip("the engine uses containerd's image store, which has no tar-split records")
    finally:
        client.close()


class Forward(socketserver.BaseRequestHandler):
    """A connection that is handed on to the engine's socket."""

    path = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(self.path)
            answers = threading.Thread(target=pump, args=(engine, self.request))
            answers.start()
            pump(self.request, engine)
            answers.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Hand on what comes until no more does."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def elsewhere() -> Iterator[dict[str, str]]:
    """The environment of one to whom the engine is on another machine: no file of it can be read from disk."""
    if not os.path.exists(Forward.path):
        pytest.skip("the engine is behind no socket of this machine")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forward) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield {**os.environ, "DOCKER_HOST": f"tcp://127.0.0.1:{server.server_address[1]}", "NO_COLOR": "1"}
        server.shutdown()
        thread.join()


def lent() -> list[str]:
    """The containers that imagelint has made and that are there."""
    command = ["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_says_what_the_export_says(image: str, analyze: Analyze) -> None:
    """Layers, waste with its reasons, dive's numbers: everything but packages, and what hangs on them."""
    records, export = analyze("--no-cache", "--tar-split", image), analyze("--no-cache", "--no-verify", image)
    unknown = {"packages", "recommended", "predictions"}
    assert {key: records[key] for key in records if key not in unknown} == {
        key: export[key] for key in export if key not in unknown
    }
    assert (records["packages"], records["predictions"]) == ([], [])


def test_says_it_through_a_container_too(
    small_images: tuple[str, str], analyze: Analyze, elsewhere: dict[str, str]
) -> None:
    """Where the engine's folder is out of reach; no container is left."""
    command = [sys.executable, "-m", "imagelint", *ANALYZE, "--tar-split", small_images[1]]
    done = subprocess.run(command, capture_output=True, text=True, env=elsewhere, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == analyze("--no-cache", "--tar-split", small_images[1])
    assert lent() == []


def test_an_interrupt_leaves_no_container(java_images: dict[str, str], elsewhere: dict[str, str]) -> None:
    """As soon as there is a container, whatever the process is about to do."""
    command = [sys.executable, "-m", "imagelint", *ANALYZE, "--tar-split", java_images["0_0_2"]]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=elsewhere)
    patience = time.monotonic() + 60
    while not lent() and process.poll() is None and time.monotonic() < patience:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert lent() == []


def test_ls_and_gate(small_images: tuple[str, str], cli: Cli) -> None:
    """What reads headers alone can be asked in the same way."""
    image = small_images[1]
    listed = cli("ls", "--no-cache", "--tar-split", "--recursive", image, "/")
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout == cli("ls", "--no-cache", "--no-verify", "--recursive", image, "/").stdout
    held = cli("gate", "--no-cache", "--tar-split", "--max-size", "1GB", image)
    assert held.returncode == 0, held.stderr
    broken = cli("gate", "--no-cache", "--tar-split", "--max-size", "1kB", image)
    assert broken.returncode == 1, broken.stderr
    refused = cli("gate", "--no-cache", "--tar-split", "--forbid-package", "gcc", image)
    assert refused.returncode == 2
    assert "--tar-split looks into no files" in refused.stderr
