"""A registry in a thread, which keeps to the protocol, or does not in the way that a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext

Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class Registry:
    """What a registry has, and what was asked of it.

    `manifests` are by tag or digest, with their media types; `blobs` by digest. `change` may put another answer in the
    place of the right one, or return None to drop the connection; `cut` are the bytes of a blob after which each
    connection breaks, one after another, None for never.
    """

    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    change: Callable[[str, Mapping[str, str], Answer], Answer | None] = lambda path, headers, answer: answer
    cut: list[int] = field(default_factory=list)
    ranges: bool = True
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    host: str = ""

    def put(self, files: Mapping[str, bytes], tag: str) -> None:
        """Takes an OCI layout in; its index gets the tag."""
        for name, content in files.items():
            if name.startswith("blobs/sha256/"):
                digest = f"sha256:{name.rpartition('/')[2]}"
                self.blobs[digest] = content
                media_type = _media_type(content)
                if media_type:
                    self.manifests[digest] = (media_type, content)
        index = files["index.json"]
        entries = json.loads(index)["manifests"]
        top = (
            (entries[0]["mediaType"], self.blobs[entries[0]["digest"]])
            if len(entries) == 1
            else (_media_type(index), index)
        )
        self.manifests[tag] = top
        self.manifests[f"sha256:{sha256(top[1]).hexdigest()}"] = top

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        """The right answer."""
        kind, _, name = path.rpartition("/")
        if path == "/v2/":
            return 200, {}, b"{}"
        if kind.endswith("/manifests") and name in self.manifests:
            media_type, content = self.manifests[name]
            return 200, {"Content-Type": media_type}, content
        if kind.endswith("/blobs") and name in self.blobs:
            content = self.blobs[name]
            start = int(headers.get("Range", "bytes=0-")[6:-1])
            if start and self.ranges:
                return 206, {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}, content[start:]
            return 200, {"Content-Type": "application/octet-stream"}, content
        return 404, {}, json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}).encode()

    def paths(self, part: str) -> list[str]:
        """The paths that were asked for and have a part in them."""
        return [path for path, _ in self.asked if part in path]


def _media_type(content: bytes) -> str:
    try:
        return str(json.loads(content).get("mediaType", ""))
    except (ValueError, AttributeError):
        return ""


@contextmanager
def served(registry: Registry, tls: SSLContext | None = None) -> Iterator[Registry]:
    """A registry that answers on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            registry.asked.append((self.path, dict(self.headers)))
            path = self.path.partition("?")[0]
            found = registry.change(self.path, dict(self.headers), registry.answer(path, dict(self.headers)))
            if found is None:
                self.close_connection = True
                return
            status, headers, content = found
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if "/blobs/" in path and registry.cut:
                content = content[: registry.cut.pop(0)]
                self.close_connection = True
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    registry.host = f"127.0.0.1:{server.server_port}"
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
