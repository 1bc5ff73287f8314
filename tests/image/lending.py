"""An engine that lends its records of an image's layers: enough of its API, and the records of two layers."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import threading
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from imagelint.image.sources.layerdb import chain_ids
from imagelint.testing import ImageBuilder, LayerBuilder

LAYERS = (
    LayerBuilder()
    .directory("d")
    .file("d/a", 100_000)
    .file("empty")
    .symlink("l", "d/a")
    .file("d/" + "n" * 300, b"n")
    .file("touched", b"same")
    .file("changed", b"one")
    .file("gone", b"gone"),
    LayerBuilder()
    .whiteout("d/a")
    .file("b", 100_000)
    .file("c", 100_000)
    .file("d/block", 512)
    .hardlink("h", "d/block")
    .file("é", 1)
    .file("touched", b"same", mode=0o600)
    .file("changed", b"two")
    .whiteout("gone"),
)
IMAGE = ImageBuilder("example:1").layer(LAYERS[0]).layer(LAYERS[1], "RUN more")
ROOT, DRIVER = "/engine/root", "overlay2"


def config_of(image: ImageBuilder) -> bytes:
    """The image's configuration, out of its archive."""
    with tarfile.open(fileobj=io.BytesIO(image.archive(layout="legacy"))) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        return archive.extractfile(manifest[0]["Config"]).read()  # type: ignore[union-attr]


CONFIG = config_of(IMAGE)
DIGEST = f"sha256:{sha256(CONFIG).hexdigest()}"
DIFF_IDS = json.loads(CONFIG)["rootfs"]["diff_ids"]


def segment(raw: bytes) -> dict[str, object]:
    return {"type": 2, "payload": b64encode(raw).decode(), "position": 0}


def lines(tar: bytes) -> list[dict[str, object]]:
    """What tar-split records of a tar: its bytes up to a file's content, and in the place of that its size."""
    found: list[dict[str, object]] = []
    at = 0
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            found.append(segment(tar[at : member.offset_data]))
            at = member.offset_data
            entry: dict[str, object] = {"type": 1, "name": member.name, "payload": None, "position": 0}
            if member.isreg() and member.size:
                # Any sum will do that tells contents apart.
                checksum = sha256(tar[at : at + member.size]).digest()[:8]
                entry |= {"size": member.size, "payload": b64encode(checksum).decode()}
                at += member.size
            found.append(entry)
    return [*found, segment(tar[at:]), segment(b"")]


def packed(records: Iterable[object]) -> bytes:
    # As Docker's Go writes JSON: nothing between its parts.
    return gzip.compress("".join(json.dumps(each, separators=(",", ":")) + "\n" for each in records).encode())


RECORDS = [packed(lines(layer.tar())) for layer in LAYERS]


class Engine(BaseHTTPRequestHandler):
    """As much of the Engine API as lends records; `made` are the containers that are there."""

    protocol_version = "HTTP/1.1"
    info: object = {"DockerRootDir": ROOT, "Driver": DRIVER, "DriverStatus": [["Backing Filesystem", "extfs"]]}
    layers: object = DIFF_IDS
    create_status = archive_status = 201
    records: Any = RECORDS
    config = CONFIG
    removed_status = 204
    made: dict[str, dict[str, Any]]
    seen: list[str]

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        self.seen.append(path.path)
        if path.path.endswith("/version"):
            self.answer({"ApiVersion": "1.41", "Version": "20.10"})
        elif path.path.endswith("/info"):
            self.answer(self.info)
        elif path.path.endswith("/images/example:1/json"):
            self.answer({"Id": DIGEST, "Size": 100_000, "RootFS": {"Type": "layers", "Layers": self.layers}})
        elif path.path.endswith("/get"):
            self.send(IMAGE.archive(layout="legacy"))
        elif path.path.endswith("/archive"):
            name = path.path.split("/")[-2]
            self.archive(self.made[name], parse_qs(path.query)["path"][0])
        else:
            self.answer({"message": "No such image"}, 404)

    def do_POST(self) -> None:
        name = parse_qs(urlsplit(self.path).query)["name"][0]
        config = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.create_status == 201:
            self.made[name] = config
        self.answer({"Id": name, "message": "not here"}, self.create_status)

    def do_DELETE(self) -> None:
        name = unquote(urlsplit(self.path).path.split("/")[-1])
        self.seen.append(f"DELETE {name}")
        if name not in self.made:
            self.answer({"message": "No such container"}, 404)
        elif self.removed_status != 204:
            self.answer({"message": "it is busy"}, self.removed_status)
        else:
            del self.made[name]
            self.send(b"", 204)

    def archive(self, container: dict[str, Any], asked: str) -> None:
        """A tar of what is mounted at a path or below it, as Docker makes it: named from the path's last component."""
        if self.archive_status != 201:
            self.answer({"message": "out of order"}, self.archive_status)
            return
        files: dict[str, bytes] = {}
        for mount in container["HostConfig"]["Mounts"]:
            assert mount["ReadOnly"]
            if mount["Source"] == f"{ROOT}/image/{DRIVER}/imagedb/content/sha256/{DIGEST[7:]}":
                files[mount["Target"]] = self.config
            for chain, record in zip(chain_ids(DIFF_IDS), self.records, strict=False):
                if mount["Source"] == f"{ROOT}/image/{DRIVER}/layerdb/sha256/{chain[7:]}" and record is not None:
                    files[mount["Target"] + "/cache-id"] = b"abc"
                    files[mount["Target"] + "/tar-split.json.gz"] = record
        builder, above = LayerBuilder(), asked.rpartition("/")[0] + "/"
        for path, content in files.items():
            if path == asked or path.startswith(asked + "/"):
                builder.file(path.removeprefix(above), content)
        self.send(builder.tar())

    def answer(self, document: object, status: int = 200) -> None:
        self.send(json.dumps(document).encode(), status, "application/json")

    def send(self, body: bytes, status: int = 200, kind: str = "application/x-tar") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def engine(monkeypatch: pytest.MonkeyPatch, **behaviour: object) -> Iterator[type[Engine]]:
    handler = type("Handler", (Engine,), {"made": {}, "seen": [], **behaviour})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
        try:
            yield handler
        finally:
            server.shutdown()
            thread.join()
