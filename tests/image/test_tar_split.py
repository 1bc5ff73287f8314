"""A Docker engine's records of its layers, from disk and through a container, and where there are none."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from imagelint.errors import BrokenImageError, EngineError
from imagelint.image.analyze import analyze
from imagelint.image.cache import SqliteCache
from imagelint.image.index import LayerIndex
from imagelint.image.model import Image
from imagelint.image.reading import read_image
from imagelint.image.sources import engine_client
from imagelint.image.sources.interface import Reading
from imagelint.image.sources.layerdb import Records, places, shelf
from tests.image.lending import CONFIG, DIFF_IDS, DIGEST, DRIVER, IMAGE, RECORDS, ROOT, Engine, engine


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
