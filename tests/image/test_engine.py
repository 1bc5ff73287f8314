"""The Docker engine as a source, against a server that speaks its API well or badly; no engine is needed."""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from imagelint.errors import BrokenImageError, EngineError, ImagelintError, ImageNotFoundError, InputError
from imagelint.image.analyze import analyze
from imagelint.image.reading import open_image, read_image
from imagelint.image.sources import engine_client
from imagelint.testing import ImageBuilder, LayerBuilder

IMAGE = ImageBuilder("example:1").layer(LayerBuilder().file("a", 100_000)).layer(LayerBuilder().whiteout("a"))


class Engine(BaseHTTPRequestHandler):
    """Just enough of the Engine API: version, inspect and export."""

    protocol_version = "HTTP/1.1"
    export: bytes = b""
    cut = False
    status = 200
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        if self.path.endswith("/version"):
            self.answer({"ApiVersion": "1.41", "Version": "20.10"})
        elif self.status != 200:
            self.answer({"message": "out of order"}, self.status)
        elif self.path.endswith("/images/example:1/json"):
            self.answer({"Id": "sha256:abc", "Size": 100_000})
        elif self.path.endswith("/images/sha256:abc/get"):
            self.stream()
        else:
            self.answer({"message": "No such image"}, 404)

    def answer(self, document: object, status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(self.export), 3000):
            chunk = self.export[at : at + 3000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if self.cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def engine(monkeypatch: pytest.MonkeyPatch, **behaviour: object) -> Iterator[list[str]]:
    handler = type("Handler", (Engine,), {"export": IMAGE.archive(layout="legacy"), "seen": [], **behaviour})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
        try:
            yield handler.seen  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


def test_says_what_the_archive_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int | None]] = []
    with engine(monkeypatch) as seen:
        image = read_image("example:1", progress=lambda *call: calls.append(call))
    archive = read_image(str(IMAGE.save(tmp_path / "image.tar")))
    assert (image.source, image.reference, image.verified) == ("docker", "example:1", True)
    assert image.layers == archive.layers
    assert analyze(image).reclaimable == analyze(archive).reclaimable
    assert calls[-1][1] == len(IMAGE.archive(layout="legacy"))
    assert any("/images/sha256:abc/get" in path for path in seen), "the image is asked for by its id"


def test_layers_are_read_again_from_one_export(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also one that the image has twice, and none that is not asked for."""
    layers = [LayerBuilder().file(name, size) for name, size in (("a", 50_000), ("b", 7), ("a", 60_000), ("c", 70_000))]
    image = ImageBuilder("example:1")
    for place in (0, 1, 2, 0, 3):
        image.layer(layers[place])
    for layout in ("legacy", "blobs"):
        with (
            engine(monkeypatch, export=image.archive(layout=layout)) as seen,
            open_image("docker://example:1") as opened,
        ):
            opened.image.layers  # noqa: B018 (reads them)
            tars = {places: b"".join(chunks) for places, chunks in opened.source.tars([4, 0, 3, 2])}
            assert sum(path.endswith("/get") for path in seen) == 2
        found = {place: tar for places, tar in tars.items() for place in places}
        assert found == {place: image.layers[place] for place in (0, 2, 3, 4)}
        assert len(tars) == 3


def test_an_export_that_lacks_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ImageBuilder("example:1").layer(LayerBuilder().file("other", 1)).archive(layout="blobs")
    exports = [other, IMAGE.archive(layout="blobs")]

    def stream(handler: Engine) -> None:
        handler.export = exports.pop()
        Engine.stream(handler)

    with engine(monkeypatch, stream=stream), open_image("docker://example:1") as opened:
        opened.image.layers  # noqa: B018
        with pytest.raises(BrokenImageError, match="the archive lacks blobs/sha256/"):
            list(opened.source.tars([0, 1]))


def test_no_such_image(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine(monkeypatch), pytest.raises(ImageNotFoundError, match="has no image other:1") as caught:
        read_image("docker://other:1")
    assert caught.value.hint is not None
    assert "docker pull other:1" in caught.value.hint


def test_an_engine_that_is_out_of_order(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine(monkeypatch, status=500), pytest.raises(EngineError, match="out of order"):
        read_image("docker://example:1")


def test_an_engine_that_stops_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    half = IMAGE.archive(layout="legacy")[:30_000]
    with engine(monkeypatch, export=half, cut=True), pytest.raises(EngineError, match="stopped answering"):
        read_image("docker://example:1")


def test_an_export_that_ends_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    half = IMAGE.archive(layout="legacy")[:30_000]
    with engine(monkeypatch, export=half), pytest.raises(BrokenImageError, match="example:1: the tar ends"):
        read_image("docker://example:1")


def test_an_export_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine(monkeypatch, export=b"<html>" * 1000), pytest.raises(InputError):
        read_image("docker://example:1")


@pytest.mark.parametrize(
    ("version", "inspect", "message"),
    [
        ({"ApiVersion": "1.41"}, [1], "none of its protocol"),
        ({"ApiVersion": "1.41"}, "x", "none of its protocol"),
        ({"ApiVersion": "x"}, {}, "cannot be asked"),
        ([1], {}, "does not answer"),
        ({"ApiVersion": "1.41"}, {"Id": 7}, "gives no id for example:1"),
    ],
)
def test_what_is_no_engine(monkeypatch: pytest.MonkeyPatch, version: object, inspect: object, message: str) -> None:
    def do_get(handler: Engine) -> None:
        handler.answer(version if handler.path.endswith("/version") else inspect)

    with engine(monkeypatch, do_GET=do_get), pytest.raises(EngineError, match=message):
        read_image("docker://example:1")


def test_an_error_that_is_no_object(monkeypatch: pytest.MonkeyPatch) -> None:
    def do_get(handler: Engine) -> None:
        if handler.path.endswith("/version"):
            handler.answer({"ApiVersion": "1.41"})
        else:
            handler.answer([1], 500)

    with engine(monkeypatch, do_GET=do_get), pytest.raises(EngineError, match="none of its protocol"):
        read_image("docker://example:1")


def test_an_engine_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers in a while, or not at all; an export may take longer to begin."""
    monkeypatch.setattr(engine_client, "_ANSWER_SECONDS", 0.3)
    hangs = ["/json"]

    def do_get(handler: Engine) -> None:
        if handler.path.endswith(tuple(hangs)):
            time.sleep(0.6)
        Engine.do_GET(handler)

    with engine(monkeypatch, do_GET=do_get):
        with pytest.raises(EngineError, match="stopped answering"):
            read_image("docker://example:1")
        hangs[:] = ["/get"]
        assert read_image("docker://example:1").layers[0].layer_bytes == 100_000


def test_an_engine_that_hangs_in_the_middle_of_an_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "_EXPORT_SECONDS", 0.3)
    over = threading.Event()

    def stream(handler: Engine) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(IMAGE.archive(layout="legacy")[:30_000])
        handler.close_connection = True
        over.wait(60)

    with engine(monkeypatch, stream=stream):
        with pytest.raises(EngineError, match="stopped answering"):
            read_image("docker://example:1")
        over.set()


@pytest.mark.parametrize("written", ["[]", "{", '{"currentContext": 5}', '{"currentContext": "there"}'])
def test_a_configuration_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str) -> None:
    """Docker's configuration and a context in it, whatever is written there, never end in a traceback."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    (tmp_path / "config.json").write_text(written)
    context = tmp_path / "contexts" / "meta" / sha256(b"there").hexdigest()
    context.mkdir(parents=True)
    (context / "meta.json").write_text('{"Name": "there", "Endpoints": 5}')
    with pytest.raises(ImagelintError):
        read_image("docker://imagelint-test/nowhere:1")


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("unix:///no/such/socket", "does not answer: No such file or directory"),
        ("tcp://127.0.0.1:1", "does not answer: Connection refused"),
        ("nonsense://x", "does not answer: Invalid bind address protocol"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_engine(monkeypatch: pytest.MonkeyPatch, host: str, message: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineError, match=message) as caught:
        read_image("docker://example:1")
    assert caught.value.hint is not None
    assert "docker save" in caught.value.hint
    # The SDK leaves a socket open that could not connect; it must not be another test that is told.
    del caught
    gc.collect()


def test_contexts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONTEXT", "nowhere")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with pytest.raises(EngineError, match="context 'nowhere' not found"):
        read_image("docker://example:1")
