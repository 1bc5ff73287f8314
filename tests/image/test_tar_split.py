"""A Docker engine's records of its layers: from disk, through a container, and whatever may be wrong with them."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from imagelint.errors import BrokenImageError, EngineError
from imagelint.image.analyze import analyze
from imagelint.image.cache import SqliteCache
from imagelint.image.index import LayerIndex
from imagelint.image.limits import DEFAULT_LIMITS
from imagelint.image.model import Image
from imagelint.image.reading import read_image
from imagelint.image.sources import engine_client
from imagelint.image.sources.interface import Reading
from imagelint.image.sources.layerdb import Records, chain_ids, places, shelf
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


@pytest.fixture
def archive(tmp_path: Path) -> Image:
    """The image out of its archive, every content hashed."""
    return read_image(str(IMAGE.save(tmp_path / "image.tar")))


def but_contents(layers: Iterable[LayerIndex]) -> list[tuple[object, ...]]:
    """What is in layers but for the hashes of contents; and of these, which are the same."""
    hashes: dict[int, int] = {}
    return [
        (
            each.paths, each.types, each.sizes, each.attributes, each.times, each.offsets, each.links, each.owners,
            each.markers, each.layer_bytes, [hashes.setdefault(content, len(hashes)) for content in each.contents],
        )
        for each in layers
    ]  # fmt: skip


def exported(handler: type[Engine]) -> bool:
    return any(path.endswith("/get") for path in handler.seen)


def test_says_what_the_archive_says(monkeypatch: pytest.MonkeyPatch, archive: Image) -> None:
    calls: list[tuple[str, int, int | None]] = []
    with engine(monkeypatch) as handler:
        image = read_image("example:1", tar_split=True, progress=lambda *call: calls.append(call))
    entries, expected = [[layer.entries for layer in each.layers] for each in (image, archive)]
    assert but_contents(entries) == but_contents(expected)
    assert (image.id, image.history, image.config) == (archive.id, archive.history, archive.config)
    assert analyze(image).reclaimable == analyze(archive).reclaimable
    assert {each.reason for each in analyze(image).waste} == {
        "moved", "metadata-only", "overwritten", "removed", "duplicate"
    }  # fmt: skip
    assert (image.source, image.verified, image.contents) == ("docker", False, False)
    assert not exported(handler)
    assert not handler.made, "the container is removed"
    assert calls[-1][1] == sum(layer.layer_bytes for layer in image.layers)


def test_the_container_can_be_found_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine(monkeypatch, removed_status=409) as handler:
        with pytest.raises(EngineError, match=r"does not remove the container imagelint-\w+: it is busy") as caught:
            read_image("example:1", tar_split=True)
        ((name, config),) = handler.made.items()
    assert caught.value.hint == f"`docker rm --volumes {name}`"
    assert config["Labels"] == {"org.imagelint.tar-split": "1"}
    assert config["NetworkDisabled"]
    assert not any("/start" in path for path in handler.seen)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_the_container_is_removed_whatever_happens(monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    def interrupt(*_: object) -> None:
        raise error

    with engine(monkeypatch) as handler:
        with pytest.raises(error):
            read_image("example:1", tar_split=True, progress=interrupt)
        assert not handler.made
    assert any(path.startswith("DELETE") for path in handler.seen)


def test_a_container_that_is_made_when_nobody_waits_for_it_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "_EXPORT_SECONDS", 0.3)

    def do_post(handler: Engine) -> None:
        time.sleep(0.9)
        handler.seen.append("made")
        Engine.do_POST(handler)

    with engine(monkeypatch, do_POST=do_post) as handler:
        with pytest.raises(EngineError, match="stopped answering"):
            read_image("example:1", tar_split=True)
        assert "made" in handler.seen
        assert not handler.made


@pytest.mark.parametrize(
    ("behaviour", "notice"),
    [
        ({"create_status": 403}, "the engine does not lend its records: not here"),
        ({"archive_status": 500}, "the engine does not hand out what it has lent: out of order"),
        ({"records": [RECORDS[0], None]}, f"the engine has no record of the layer {DIFF_IDS[1]}"),
        ({"info": [1]}, "the engine does not say where its layers are"),
        ({"info": {"DockerRootDir": "/a/../b", "Driver": DRIVER}}, "the engine does not say where its layers are"),
        ({"info": {"DockerRootDir": ROOT, "Driver": "../x"}}, "the engine does not say where its layers are"),
        ({"info": {"DockerRootDir": "C:\\x", "Driver": DRIVER}}, "the engine does not say where its layers are"),
        ({"layers": ["sha256:../../etc"]}, "the engine does not say what layers the image has"),
        (
            {"info": {"Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}},
            "the engine keeps its images in containerd's store, without such records",
        ),
    ],
)
def test_where_there_are_no_records_the_image_is_exported(
    monkeypatch: pytest.MonkeyPatch, archive: Image, behaviour: dict[str, object], notice: str
) -> None:
    said: list[str] = []
    with engine(monkeypatch, **behaviour) as handler:
        image = read_image("example:1", tar_split=True, notice=said.append)
        assert not handler.made
    assert said == [f"{notice}; it exports the image"]
    assert exported(handler)
    assert [layer.entries for layer in image.layers] == [layer.entries for layer in archive.layers]
    assert not image.verified


def test_only_an_engine_has_records(tmp_path: Path) -> None:
    said: list[str] = []
    path = str(IMAGE.save(tmp_path / "image.tar"))
    image = read_image(path, tar_split=True, notice=said.append)
    assert said == [f"{path} is in no Docker engine, whose records could be read"]
    assert (image.verified, image.contents) == (False, False)


@pytest.fixture
def cache(tmp_path: Path) -> SqliteCache:
    return SqliteCache(tmp_path / "cache" / "layers.sqlite", 1_000_000, lambda _: None)


def test_nothing_enters_the_cache(monkeypatch: pytest.MonkeyPatch, cache: SqliteCache) -> None:
    with engine(monkeypatch):
        read_image("example:1", tar_split=True, cache=cache)
    assert [cache.get(diff_id) for diff_id in DIFF_IDS] == [None, None]
    assert cache.document(DIGEST) is None


def test_what_is_known_of_some_layers_is_not_mixed_with_records(
    monkeypatch: pytest.MonkeyPatch, cache: SqliteCache, archive: Image
) -> None:
    """Their hashes are others, and the same content would not be known again."""
    cache.put(DIFF_IDS[0], archive.layers[0].entries)
    with engine(monkeypatch):
        image = read_image("example:1", tar_split=True, cache=cache)
    assert analyze(image).reclaimable == analyze(archive).reclaimable


def test_what_is_known_of_all_layers_is_enough(
    monkeypatch: pytest.MonkeyPatch, cache: SqliteCache, archive: Image
) -> None:
    cache.put_document(DIGEST, CONFIG)
    for layer in archive.layers:
        cache.put(layer.diff_id, layer.entries)
    with engine(monkeypatch, create_status=500) as handler:
        image = read_image("example:1", tar_split=True, cache=cache)
    assert image.layers == archive.layers
    assert not exported(handler)
    assert (image.verified, image.contents) == (False, False)


def test_a_configuration_of_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    other = CONFIG.replace(b"RUN more", b"RUN less")
    with engine(monkeypatch, config=other) as handler:
        with pytest.raises(BrokenImageError, match="the configuration is not what its name says"):
            read_image("example:1", tar_split=True)
        assert not handler.made


def test_layers_that_the_configuration_does_not_list(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        engine(monkeypatch, layers=DIFF_IDS[:1]),
        pytest.raises(BrokenImageError, match="lists other layers than the configuration"),
    ):
        read_image("example:1", tar_split=True)


def on_disk(folder: Path) -> Records:
    """The image's records in a folder as an engine has it."""
    found = places(str(folder), DRIVER, DIGEST, DIFF_IDS)
    for name, path in found.paths.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if name == "config":
            Path(path).write_bytes(CONFIG)
        else:
            Path(path).mkdir()
            Path(path, "tar-split.json.gz").write_bytes(RECORDS[found.chains.index(name)])
    return Records(found, shelf(found, Never(), local=True))


class Never:
    """No container is asked for."""

    def archive(self, path: str) -> Any:
        raise AssertionError(path)


READING = Reading(verify=False, contents=False)


def test_who_may_read_the_engines_folder_needs_no_container(tmp_path: Path, archive: Image) -> None:
    records = on_disk(tmp_path)
    config = records.config(READING)
    blobs = records.index(config, [1, 0], "example:1", None, READING)
    assert config.content == archive.config
    assert but_contents(blobs[place].entries for place in (0, 1)) == but_contents(
        layer.entries for layer in archive.layers
    )


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    records = on_disk(tmp_path)
    config = records.config(READING)
    path = next(tmp_path.rglob("tar-split.json.gz"))
    path.unlink()
    with pytest.raises(EngineError, match="cannot be read: No such file"):
        records.index(config, [0, 1], "example:1", None, READING)
    os.mkfifo(path)
    with pytest.raises(EngineError, match="is no file"):
        records.index(config, [0, 1], "example:1", None, READING)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(EngineError, match="cannot be read"):
        records.index(config, [0, 1], "example:1", None, READING)


def header(size: int) -> dict[str, object]:
    info = tarfile.TarInfo("f")
    info.size = size
    return segment(info.tobuf())


def entry(size: object) -> dict[str, object]:
    return {"type": 1, "name": "f", "size": size, "payload": "AAAAAAAAAAA=", "position": 1}


END = segment(bytes(1024))
HOSTILE = {
    "nothing": (b"", "not compressed with gzip"),
    "no gzip": (b"{}\n", "not compressed with gzip"),
    "cut": (RECORDS[0][:-20], "gzip stream"),
    "flipped": (RECORDS[0][:60] + bytes(8) + RECORDS[0][68:], "gzip stream|not JSON|none of tar-split|base64"),
    "no JSON": (gzip.compress(b"{\n"), "not JSON"),
    "no record": (packed([[1]]), "none of tar-split's"),
    "deep": (gzip.compress(b"[" * 1_000_000 + b"\n"), "not JSON"),
    "another type": (packed([{"type": 3}]), "none of tar-split's"),
    "a payload of another type": (packed([{"type": 2, "payload": 7}]), "none of tar-split's"),
    "no base64": (packed([{"type": 2, "payload": "@@@@", "position": 0}]), "not base64"),
    "base64 that is cut": (packed([{"type": 2, "payload": "YQ=a", "position": 0}]), "not base64"),
    "a base64 that is none elsewhere": (packed([{"payload": "é", "type": 2}]), "not base64"),
    "a negative size": (packed([header(5), entry(-5)]), "none of tar-split's"),
    "a size that is none": (packed([header(5), entry(True)]), "none of tar-split's"),
    "an absurd size": (packed([header(5), entry(1 << 63)]), "none of tar-split's"),
    "a sum of four bytes": (packed([header(5), entry(5) | {"payload": "AAAAAA=="}]), "none of tar-split's"),
    "two records in a line": (gzip.compress(b'{"type":2}{"type":2}'), "not JSON"),
    "a size of thousands of digits": (gzip.compress(b'{"type":1,"size":' + b"9" * 5000 + b"}\n"), "not JSON"),
    "more than a layer may have": (packed([header(8 << 30), entry(1 << 62)]), "more than 68,719,476,736 bytes"),
    "less content": (packed([header(600), entry(5), segment(bytes(507)), END]), "different sizes"),
    "more content": (packed([header(600), entry(5000), segment(bytes(4)), END]), "different sizes"),
    "content of no header": (packed([entry(5), END]), "content where a header should be"),
    "content of a directory": (packed([segment(tarfile.TarInfo("d/").tobuf()), entry(5), END]), "different|content"),
    "content in a tar's end": (packed([segment(bytes(512)), entry(512), segment(bytes(512))]), "content|lone block"),
    "content twice": (packed([header(5), entry(5), entry(5), END]), "lacks a file's padding"),
    "no padding": (packed([header(5), entry(5)]), "ends too early"),
    "no header": (packed([segment(b"x" * 512), END]), "checksum is wrong"),
    "half a header": (packed([segment(b"x" * 100)]), "middle of a header"),
    "a layer that is compressed": (packed([segment(gzip.compress(bytes(64))), entry(5)]), "content where|gzip stream"),
    "a long line": (gzip.compress(b'{"type":2,"payload":"' + b"A" * (6 << 20)), "a line of more than"),
}


@pytest.mark.parametrize(("record", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_records(monkeypatch: pytest.MonkeyPatch, record: bytes, message: str) -> None:
    """One line says what it is, and what helps; and the container is gone."""
    with engine(monkeypatch, records=[RECORDS[0], record]) as handler:
        with pytest.raises(BrokenImageError, match=message) as caught:
            read_image("example:1", tar_split=True)
        assert not handler.made
    assert f"example:1: layer {DIFF_IDS[1]}: " in caught.value.message
    assert caught.value.hint == "without --tar-split the image is exported and verified"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"type":2,"payload":"","position":1}\n', "more than 2,048,000 bytes"),
        (b'{"type":1,"name":"x","payload":null,"position":1}\n', "more than 2,048,000 bytes"),
        (b" " * 1023 + b"\n", "not JSON"),
    ],
)
def test_what_unpacks_to_much_more_than_it_is(monkeypatch: pytest.MonkeyPatch, line: bytes, message: str) -> None:
    """A record that goes on for ever with nothing in it has an end: as many bytes as the entries allowed may have."""
    limits = DEFAULT_LIMITS._replace(entries=1000)
    bomb = gzip.compress(line * 100_000)
    with engine(monkeypatch, records=[RECORDS[0], bomb]), pytest.raises(BrokenImageError, match=message):
        read_image("example:1", tar_split=True, limits=limits)
