"""Docker's containerd image store: ids are digests of manifests or of indexes, and exports are OCI layouts too.

What the engine answers here has the shape of what 26.1 answers, with and without attestations, for one platform and
for two; `tests/engine/test_containerd.py` asks a real one.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from imagelint.errors import BrokenImageError, EngineError, InputError
from imagelint.image.analyze import analyze
from imagelint.image.cache import SqliteCache
from imagelint.image.reading import read_image
from imagelint.image.sources import manifests
from imagelint.testing import OCI, ImageBuilder, LayerBuilder, tar_of
from imagelint.testing.images import Compression, image_entry

from .test_archive import example, facts
from .test_engine import Engine, engine

ATTESTATION = {
    "vnd.docker.reference.type": "attestation-manifest",
    "vnd.docker.reference.digest": f"sha256:{'0' * 64}",
}


def digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


class Store:
    """An image as the store has it: what its id is, and the export of it."""

    def __init__(
        self, *images: ImageBuilder, attested: bool = True, present: int = 99, compression: Compression = "gzip"
    ) -> None:
        self.files: dict[str, bytes] = {}
        entries = []
        for image in images:
            files: dict[str, bytes] = {}
            entries.append(image_entry(image, files, compression))
            entries[-1].pop("annotations", None)
            if len(entries) <= present:
                self.files |= files
        top: dict[str, Any] = entries[0]
        if attested or len(entries) > 1:
            proof = self._put({"schemaVersion": 2, "mediaType": OCI.manifest, "layers": []}, OCI.manifest)
            proof |= {"annotations": ATTESTATION, "platform": {"os": "unknown", "architecture": "unknown"}}
            index = {"schemaVersion": 2, "mediaType": OCI.index, "manifests": [*entries, proof]}
            top = self._put(index, OCI.index)
        self.id = top["digest"]
        manifest = json.loads(self.files[f"blobs/sha256/{entries[0]['digest'][7:]}"])
        names = [f"blobs/sha256/{each['digest'][7:]}" for each in (manifest["config"], *manifest["layers"])]
        self.config = names[0]
        listed = [{"Config": names[0], "RepoTags": ["example:1"], "Layers": names[1:]}]
        self.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [top]}).encode()
        self.files["manifest.json"] = json.dumps(listed).encode()

    def _put(self, document: dict[str, Any], media_type: str) -> dict[str, Any]:
        content = json.dumps(document).encode()
        self.files[f"blobs/sha256/{digest(content)[7:]}"] = content
        return {"mediaType": media_type, "digest": digest(content), "size": len(content)}

    def behaviour(self, **told: Any) -> dict[str, Any]:
        """The engine's methods and attributes."""
        image = {"Id": self.id, "Os": "linux", "Architecture": "amd64", "Size": 1000} | told

        def do_get(handler: Engine) -> None:
            handler.seen.append(handler.path)
            if handler.path.endswith("/version"):
                handler.answer({"ApiVersion": "1.45", "Version": "26.1.5"})
            elif handler.path.endswith("/images/example:1/json"):
                handler.answer(image)
            elif handler.path.endswith(f"/images/{self.id}/get"):
                handler.stream()
            else:
                handler.answer({"message": "No such image"}, 404)

        return {"do_GET": do_get, "export": tar_of(self.files)}


@pytest.fixture(autouse=True)
def amd64(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine."""
    monkeypatch.setattr(manifests, "host_platform", lambda: "linux/amd64")


@pytest.fixture
def cache(tmp_path: Path) -> SqliteCache:
    """An empty cache."""
    return SqliteCache(tmp_path / "layers.sqlite", 10**9, lambda text: None)


def arm() -> ImageBuilder:
    """The same for another machine."""
    image = example()
    image.architecture = "arm64"
    return image


@pytest.mark.parametrize("attested", [True, False], ids=["index", "manifest"])
def test_the_report_is_that_of_the_archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, attested: bool) -> None:
    archive = tmp_path / "image.tar"
    store = Store(example(), attested=attested)
    archive.write_bytes(tar_of(store.files))
    with engine(monkeypatch, **store.behaviour()):
        image = read_image("example:1")
    assert image.id == digest(store.files[store.config])
    assert facts(analyze(image)) == facts(analyze(read_image(str(archive))))
    assert facts(analyze(image)) == facts(analyze(read_image(str(example().save(tmp_path / "other.tar")))))


@pytest.mark.parametrize("attested", [True, False], ids=["index", "manifest"])
@pytest.mark.parametrize("compression", ["gzip", None], ids=["built", "loaded"])
def test_a_second_run_says_the_same_from_inspect_alone(
    monkeypatch: pytest.MonkeyPatch, cache: SqliteCache, attested: bool, compression: Compression
) -> None:
    store = Store(example(), attested=attested, compression=compression)
    with engine(monkeypatch, **store.behaviour()) as seen:
        first = read_image("example:1", cache=cache)
        assert any(path.endswith("/get") for path in seen)
        seen.clear()
        second = read_image("example:1", cache=cache)
    assert not any(path.endswith("/get") for path in seen)
    assert second.layers == first.layers
    assert all(layer.digest and layer.compressed_bytes for layer in first.layers), "the store keeps what is pushed"


def test_nothing_unverified_is_known_to_a_second_run(monkeypatch: pytest.MonkeyPatch, cache: SqliteCache) -> None:
    with engine(monkeypatch, **Store(example()).behaviour()) as seen:
        for _ in range(2):
            read_image("example:1", verify=False, cache=cache)
    assert sum(path.endswith("/get") for path in seen) == 2


class TestPlatforms:
    def test_the_engines_own_is_the_default(self, monkeypatch: pytest.MonkeyPatch, cache: SqliteCache) -> None:
        said: list[str] = []
        with engine(monkeypatch, **Store(example(), arm()).behaviour(Architecture="arm64", Variant="v8")):
            for _ in range(2):
                assert read_image("example:1", cache=cache, notice=said.append).platform == "linux/arm64"
        assert said == ["example:1 is there for 2 platforms; this is linux/arm64/v8 (--platform chooses)"] * 2

    def test_manifest_json_lists_one_and_the_other_can_be_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, cache: SqliteCache
    ) -> None:
        with engine(monkeypatch, **Store(example(), arm()).behaviour()) as seen:
            for platform in ("linux/arm64", "linux/amd64") * 2:
                assert read_image("example:1", cache=cache, platform=platform).platform == platform
        assert sum(path.endswith("/get") for path in seen) == 2

    def test_one_that_was_never_pulled(self, monkeypatch: pytest.MonkeyPatch, cache: SqliteCache) -> None:
        with engine(monkeypatch, **Store(example(), arm(), present=1).behaviour()):
            assert read_image("example:1", cache=cache).platform == "linux/amd64"
            for _ in range(2):
                with pytest.raises(InputError, match="is there for linux/amd64, not for linux/arm64") as caught:
                    read_image("example:1", cache=cache, platform="linux/arm64")
                assert "docker pull --platform linux/arm64 example:1" in (caught.value.hint or "")

    def test_an_archive_that_the_engine_saved(self, tmp_path: Path) -> None:
        """A platform that was asked for is never passed over in silence."""
        archive = tmp_path / "image.tar"
        archive.write_bytes(tar_of(Store(example(), arm()).files))
        assert read_image(str(archive)).platform == "linux/amd64"
        assert read_image(str(archive), platform="linux/arm64").platform == "linux/arm64"
        with pytest.raises(InputError, match="is there for linux/amd64, not for linux/s390x"):
            read_image(str(archive), platform="linux/s390x")
        legacy = example().save(tmp_path / "legacy.tar", layout="legacy")
        assert read_image(str(legacy), platform="linux/amd64").platform == "linux/amd64"
        with pytest.raises(InputError, match="is there for linux/amd64, not for linux/arm64"):
            read_image(str(legacy), platform="linux/arm64")

    @pytest.mark.parametrize("missing", [{"Os": None}, {"Os": 1, "Architecture": []}, {"Architecture": "vax"}])
    def test_an_engine_that_does_not_say_or_says_another(
        self, monkeypatch: pytest.MonkeyPatch, missing: dict[str, Any]
    ) -> None:
        with engine(monkeypatch, **Store(example(), arm()).behaviour(**missing)):
            assert read_image("example:1").platform == "linux/amd64"


class TestHostile:
    def test_a_blob_that_is_not_the_id(self, monkeypatch: pytest.MonkeyPatch) -> None:
        store = Store(example())
        store.files[f"blobs/sha256/{store.id[7:]}"] += b" "
        with engine(monkeypatch, **store.behaviour()), pytest.raises(BrokenImageError, match="not what its name says"):
            read_image("docker://example:1")

    def test_a_layer_that_is_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        store = Store(example())
        for name, content in list(store.files.items()):
            if content[:2] == b"\x1f\x8b":
                store.files[name] = LayerBuilder().file("another", 9).tar()
        with engine(monkeypatch, **store.behaviour()), pytest.raises(BrokenImageError, match=r"layer \d is not what"):
            read_image("docker://example:1")

    @pytest.mark.parametrize("identifier", [None, 5, ["x"], ""])
    def test_an_id_that_is_none(self, monkeypatch: pytest.MonkeyPatch, identifier: Any) -> None:
        store = Store(example())
        with (
            engine(monkeypatch, **store.behaviour(Id=identifier)),
            pytest.raises(EngineError, match="gives no id for example:1"),
        ):
            read_image("docker://example:1")

    def test_an_export_that_the_engine_refuses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """26.1 says so where a platform was pulled that is not its own."""
        store = Store(example())
        behaviour = store.behaviour()

        def do_get(handler: Engine) -> None:
            if handler.path.endswith("/get"):
                handler.answer({"message": "content digest sha256:c70: not found"}, 404)
            else:
                behaviour["do_GET"](handler)

        with (
            engine(monkeypatch, **behaviour | {"do_GET": do_get}),
            pytest.raises(EngineError, match="example:1 cannot be exported: content digest sha256:c70: not found"),
        ):
            read_image("docker://example:1")
