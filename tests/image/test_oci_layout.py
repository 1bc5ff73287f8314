"""OCI layouts, as directories and as tars: the same report as from any other source, and one clear line for lies."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelint.errors import BrokenImageError, ImagelintError, InputError
from imagelint.image.analyze import analyze
from imagelint.image.model import Image
from imagelint.image.reading import open_image, read_image
from imagelint.image.sources import manifests
from imagelint.testing import DOCKER, OCI, ImageBuilder, LayerBuilder, Media, image_entry, layout, tar_of, write

from .test_archive import example, facts


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs on one platform."""
    monkeypatch.setattr(manifests, "host_platform", lambda: "linux/amd64")


def small(*tags: str, architecture: str = "amd64", size: int = 1000) -> ImageBuilder:
    return ImageBuilder(*tags, architecture=architecture).layer(LayerBuilder().file("a", size))


@pytest.mark.parametrize("compression", [None, "gzip", "zstd", "xz", "bzip2"])
@pytest.mark.parametrize("media", [OCI, DOCKER], ids=["oci", "docker"])
def test_every_shape_gives_the_report_of_the_archive(tmp_path: Path, compression: Any, media: Media) -> None:
    files = layout(example(), compression=compression, media=media)
    folder = write(files, tmp_path / "layout")
    (tmp_path / "layout.tar").write_bytes(tar_of(files))
    (tmp_path / "layout.tar.gz").write_bytes(gzip.compress(tar_of(files)))
    expected = facts(analyze(read_image(str(example().save(tmp_path / "image.tar")))))
    for reference, source in (
        (str(folder), "oci"),
        (f"oci:{folder}:example:1", "oci"),
        (f"{tmp_path}/layout.tar", "oci-archive"),
        (f"oci-archive:{tmp_path}/layout.tar.gz:example:1", "oci-archive"),
    ):
        image = read_image(reference)
        assert facts(analyze(image)) == expected
        assert image.source == source
        assert image.verified
        blobs = [files[f"blobs/{layer.digest.replace(':', '/')}"] for layer in image.layers if layer.digest]
        assert [layer.compressed_bytes for layer in image.layers] == [len(blob) for blob in blobs]


def test_a_layer_is_read_anew(tmp_path: Path) -> None:
    folder = write(layout(small()), tmp_path)
    with open_image(str(folder)) as opened, opened.source.tar(0) as chunks:
        assert b"".join(bytes(chunk) for chunk in chunks) == small().layers[0]


class TestChoice:
    def two(self) -> dict[str, bytes]:
        return layout(small("x:1", architecture="amd64"), small("x:1", architecture="arm64", size=2000))

    def read(self, files: dict[str, bytes], folder: Path, **more: Any) -> tuple[Image, list[str]]:
        said: list[str] = []
        return read_image(f"oci:{write(files, folder)}:x:1", notice=said.append, **more), said

    def test_the_hosts_platform_is_taken_and_said(self, tmp_path: Path) -> None:
        image, said = self.read(self.two(), tmp_path)
        assert image.platform == "linux/amd64"
        assert said == [f"oci:{tmp_path}:x:1 is there for 2 platforms; this is linux/amd64 (--platform chooses)"]

    @pytest.mark.parametrize("wanted", ["linux/arm64", "linux/arm64/v8", "arm64", "Linux/aarch64"])
    def test_another_platform(self, tmp_path: Path, wanted: str) -> None:
        image, said = self.read(self.two(), tmp_path, platform=wanted)
        assert image.layers[0].layer_bytes == 2000
        assert said == []

    def test_a_platform_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="is not there for linux/s390x") as caught:
            self.read(self.two(), tmp_path, platform="linux/s390x")
        assert caught.value.hint == "--platform names one of: linux/amd64, linux/arm64"

    def test_the_only_platform_is_taken_whichever_it_is(self, tmp_path: Path) -> None:
        image, said = self.read(layout(small("x:1", architecture="s390x")), tmp_path)
        assert image.platform == "linux/s390x"
        assert said == [f"oci:{tmp_path}:x:1 is for linux/s390x, not for this machine's linux/amd64"]

    def test_attestations_are_passed_over(self, tmp_path: Path) -> None:
        files = layout(small("x:1"))
        index = json.loads(files["index.json"])
        proof = dict(index["manifests"][0], platform={"os": "unknown", "architecture": "unknown"})
        proof["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
        index["manifests"].insert(0, proof)
        files["index.json"] = json.dumps(index).encode()
        image, said = self.read(files, tmp_path)
        assert image.platform == "linux/amd64"
        assert said == []

    def test_an_index_in_an_index(self, tmp_path: Path) -> None:
        files: dict[str, bytes] = {}
        entries = [image_entry(small(architecture=each), files, "gzip") for each in ("arm64", "amd64")]
        inner = json.dumps({"schemaVersion": 2, "mediaType": OCI.index, "manifests": entries}).encode()
        digest = manifests.sha256(inner).hexdigest()
        files[f"blobs/sha256/{digest}"] = inner
        entry = {"mediaType": OCI.index, "digest": f"sha256:{digest}", "size": len(inner)}
        entry["annotations"] = {"org.opencontainers.image.ref.name": "x:1"}
        files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        assert self.read(files, tmp_path)[0].platform == "linux/amd64"

    def test_few_indexes_that_lead_to_very_many_manifests(self, tmp_path: Path) -> None:
        """Three indexes, each of which names the next one a thousand times: a billion in less than a megabyte."""
        files: dict[str, bytes] = {}
        entry = image_entry(small(), files, "gzip")
        for _ in range(3):
            index = json.dumps({"schemaVersion": 2, "mediaType": OCI.index, "manifests": [entry] * 1000}).encode()
            digest = manifests.sha256(index).hexdigest()
            files[f"blobs/sha256/{digest}"] = index
            entry = {"mediaType": OCI.index, "digest": f"sha256:{digest}", "size": len(index)}
        files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        with pytest.raises(BrokenImageError, match="lead to more than 10,000 manifests"):
            read_image(str(write(files, tmp_path)))

    def test_several_images_want_a_tag(self, tmp_path: Path) -> None:
        folder = write(layout(small("a:1"), small("b:2", size=5)), tmp_path)
        with pytest.raises(InputError, match="holds 2 images") as caught:
            read_image(str(folder))
        assert caught.value.hint == "name one of them, as PATH:TAG; the tags: a:1, b:2"
        assert read_image(f"{folder}:b:2").layers[0].layer_bytes == 5
        with pytest.raises(InputError, match="no image is called c"):
            read_image(f"{folder}:c")


Change = Callable[[dict[str, bytes]], None]


def blob(files: dict[str, bytes], media_type: str) -> str:
    """The name of the blob that the manifest says is of a media type."""
    entry = json.loads(files["index.json"])["manifests"][0]
    manifest = json.loads(files[f"blobs/{entry['digest'].replace(':', '/')}"])
    found = {each["mediaType"]: each["digest"] for each in [entry, manifest["config"], *manifest["layers"]]}
    return f"blobs/{found[media_type].replace(':', '/')}"


def longer(kind: str) -> Change:
    return lambda files: files.update({blob(files, kind): files[blob(files, kind)] + b" "})


def flipped(kind: str) -> Change:
    return lambda files: files.update({blob(files, kind): b"\x00" + files[blob(files, kind)][1:]})


def gone(kind: str) -> Change:
    return lambda files: files.update(dict.fromkeys(files, b"") if not kind else {blob(files, kind): b""})


LAYER = f"{OCI.layer}+gzip"
HUGE = b'{"manifests": [{"digest": "sha256:%s", "size": 1%s}]}' % (b"0" * 64, b"0" * 400)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (longer(OCI.manifest), "bytes, not"),
        (flipped(OCI.manifest), "is not what its name says"),
        (longer(OCI.config), "bytes, not"),
        (flipped(OCI.config), "is not what its name says"),
        (longer(LAYER), "bytes, not"),
        (gone(LAYER), "bytes, not"),
        (lambda files: files.update({"index.json": b"[]"}), "lists no manifests"),
        (lambda files: files.update({"index.json": b"{"}), "is not JSON"),
        (lambda files: files.update({"index.json": b'{"manifests": [1]}'}), "is no descriptor"),
        (lambda files: files.update({"index.json": b'{"manifests": [{"digest": "md5:0"}]}'}), "has no digest"),
        (lambda files: files.update({"index.json": b'{"manifests": []}'}), "holds no image"),
        (lambda files: files.update({"index.json": HUGE}), "has no size"),
    ],
)
def test_lies(tmp_path: Path, change: Change, message: str) -> None:
    files = layout(small("x:1"))
    change(files)
    with pytest.raises(InputError, match=message) as caught:
        read_image(str(write(files, tmp_path)))
    assert "\n" not in caught.value.message


def test_a_layer_that_is_another_one(tmp_path: Path) -> None:
    """The right length, and a tar, but not the bytes of the digest."""
    files = layout(small(), compression=None)
    name = blob(files, OCI.layer)
    files[name] = LayerBuilder().file("b", 1000).tar()
    with pytest.raises(BrokenImageError, match="is not what the configuration says"):
        read_image(str(write(files, tmp_path)))


def test_a_missing_blob_and_a_pipe_in_its_place(tmp_path: Path) -> None:
    files = layout(small())
    folder = write(files, tmp_path)
    path = folder / blob(files, LAYER)
    path.unlink()
    with pytest.raises(BrokenImageError, match="cannot be read: No such file"):
        read_image(str(folder))
    os.mkfifo(path)
    with pytest.raises(BrokenImageError, match="has 0 bytes, not"):
        read_image(str(folder))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bits_flipped_anywhere(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever byte of whatever file is another one, the image is refused in one line, or is still the same."""
    files = layout(small("x:1"))
    name = data.draw(st.sampled_from(sorted(files)))
    at = data.draw(st.integers(0, len(files[name]) - 1))
    content = bytearray(files[name])
    content[at] ^= data.draw(st.integers(1, 255))
    files[name] = bytes(content)
    said = "read"
    try:
        image = read_image(str(write(files, tmp_path)))
        assert image.layers[0].layer_bytes == 1000
    except ImagelintError as error:
        said = error.message
    assert "\n" not in said


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imagelint.image.sources import archive

    path = tmp_path / "layout.tar"
    path.write_bytes(tar_of(layout(small("x:1"))))
    with path.open("rb") as file:
        monkeypatch.setattr(archive.os, "dup", lambda _: os.open(f"/dev/fd/{file.fileno()}", os.O_RDONLY))
        assert read_image("-").source == "oci-archive"
