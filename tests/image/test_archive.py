"""A `docker save` archive says the same in whatever shape it comes."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import tarfile
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelint.errors import BrokenImageError, InputError
from imagelint.image.analyze import analyze
from imagelint.image.limits import Limits
from imagelint.image.reading import read_image
from imagelint.image.report import LayerReport, Report
from imagelint.testing import ImageBuilder, LayerBuilder, archive, tar_of

COMPRESSIONS = (None, "gzip", *(["zstd"] if find_spec("backports.zstd") else []), "xz", "bzip2")
OUTER: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}
SHAPES = [
    pytest.param({"layout": layout, "compression": compression}, id=f"{layout}-{compression or 'plain'}")
    for layout in ("legacy", "blobs")
    for compression in COMPRESSIONS
]


def example() -> ImageBuilder:
    """An image with a bit of everything; its third layer is its second again."""
    base = LayerBuilder().directory("etc").file("etc/motd", b"hello").file("big", 100_000).symlink("s", "big")
    change = LayerBuilder().file("etc/motd", b"good bye").whiteout("s").file("\udcff/odd", b"1")
    return (
        ImageBuilder("example:1", labels={"org.opencontainers.image.title": "example"})
        .layer(base, "/bin/sh -c #(nop) ADD file:abc in / ")
        .empty('/bin/sh -c #(nop)  CMD ["bash"]')
        .layer(change, "RUN /bin/sh -c make # buildkit")
        .layer(change, "RUN /bin/sh -c make # buildkit")
        .layer(LayerBuilder(), "WORKDIR /nowhere")
    )


def facts(report: Report) -> Report:
    """A report without what hangs on where the image was read from."""
    unknown = {"digest": None, "compressed_bytes": None}
    image = report.image._replace(reference="", source="", compressed_bytes=None, verified=False)
    layers = tuple(LayerReport(**{**vars(layer), **unknown}) for layer in report.layers)
    return report._replace(image=image, layers=layers)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("outer", ["file", *OUTER, "pipe"])
@pytest.mark.parametrize("verify", [True, False])
def test_every_shape_gives_the_same_report(tmp_path: Path, shape: dict, outer: str, verify: bool) -> None:
    plain = example().save(tmp_path / "plain.tar", layout="legacy")
    path = example().save(tmp_path / "image.tar", **shape)
    if outer in OUTER:
        path.write_bytes(OUTER[outer](path.read_bytes()))
    elif outer == "pipe":
        content = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(content,), daemon=True).start()
    report = analyze(read_image(str(path), verify=verify))
    assert facts(report) == facts(analyze(read_image(str(plain))))
    assert report.image.verified is verify
    assert report.image.source == "docker-archive"


def test_what_is_read(tmp_path: Path) -> None:
    image = read_image(str(example().save(tmp_path / "image.tar")))
    assert image.platform == "linux/amd64"
    assert image.labels == {"org.opencontainers.image.title": "example"}
    assert image.id.startswith("sha256:")
    assert [len(layer.entries) for layer in image.layers] == [4, 3, 3, 0]
    assert [layer.layer_bytes for layer in image.layers] == [100_005, 9, 9, 0]
    assert [layer.history and layer.history.created_by[:4] for layer in image.layers] == [
        "/bin",
        "RUN ",
        "RUN ",
        "WORK",
    ]
    assert len(image.history) == 5
    report = analyze(image)
    assert [layer.command for layer in report.layers] == [
        "ADD file:abc in /",
        "RUN make",
        "RUN make",
        "WORKDIR /nowhere",
    ]
    assert [layer.history_index for layer in report.layers] == [0, 2, 3, 4]
    assert [layer.base for layer in report.layers] == [True, False, False, False]
    assert report.image.layer_bytes == 100_023 == report.live_bytes + report.reclaimable_bytes
    assert report.image.compressed_bytes is None


def test_compressed_layers_have_a_digest_and_a_size(tmp_path: Path) -> None:
    image = read_image(str(example().save(tmp_path / "image.tar", compression="gzip")))
    with tarfile.open(tmp_path / "image.tar") as tar:
        sizes = {f"sha256:{Path(member.name).name}": member.size for member in tar}
    assert [layer.compressed_bytes for layer in image.layers] == [sizes[str(layer.digest)] for layer in image.layers]
    assert analyze(image).image.compressed_bytes == sum(sizes[str(layer.digest)] for layer in image.layers)


@pytest.mark.parametrize("shape", SHAPES)
def test_without_contents_only_reasons_are_lost(tmp_path: Path, shape: dict) -> None:
    path = str(example().save(tmp_path / "image.tar", **shape))
    sizes, full = (analyze(read_image(path, contents=contents, verify=contents)) for contents in (False, True))
    assert (sizes.live_bytes, sizes.reclaimable_bytes, sizes.dive) == (
        full.live_bytes,
        full.reclaimable_bytes,
        full.dive,
    )
    assert {entry.reason for entry in full.reclaimable} == {"overwritten", "metadata-only"}
    assert {entry.reason for entry in sizes.reclaimable} == {"overwritten"}


def test_progress_goes_up_to_the_end(tmp_path: Path) -> None:
    path = str(example().save(tmp_path / "image.tar"))
    calls: list[tuple[str, int, int | None]] = []
    read_image(path, progress=lambda *call: calls.append(call))
    assert {what for what, _, _ in calls} == {path}
    assert calls == sorted(calls, key=lambda call: call[1])
    assert calls[-1][1] == calls[-1][2]


def test_kaniko_names(tmp_path: Path) -> None:
    layer = LayerBuilder().file("a", b"1").tar()
    image = ImageBuilder().layer(layer)
    config = json.dumps(image.config()).encode()
    path = tmp_path / "kaniko.tar"
    names = {"Config": "sha256:config", "RepoTags": ["x"], "Layers": ["0.tar.gz"]}
    path.write_bytes(
        tar_of(
            {"sha256:config": config, "0.tar.gz": gzip.compress(layer), "manifest.json": json.dumps([names]).encode()}
        )
    )
    assert read_image(str(path)).layers[0].layer_bytes == 1


class TestSeveralImages:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        images = [ImageBuilder(f"image:{number}", "other").layer(LayerBuilder().file("a", number)) for number in (1, 2)]
        path = tmp_path / "images.tar"
        path.write_bytes(archive(*images))
        return path

    def test_one_must_be_named(self, path: Path) -> None:
        with pytest.raises(InputError, match="has 2 images") as caught:
            read_image(str(path))
        assert caught.value.hint is not None
        assert "image:1, other, image:2, other" in caught.value.hint

    def test_one_is_named(self, path: Path) -> None:
        assert read_image(f"docker-archive:{path}:image:2").layers[0].layer_bytes == 2

    def test_a_tag_that_is_not_there(self, path: Path) -> None:
        with pytest.raises(InputError, match="no images of the tag image:3"):
            read_image(f"docker-archive:{path}:image:3")

    def test_a_tag_that_is_there_twice(self, path: Path) -> None:
        with pytest.raises(InputError, match="has 2 images of the tag other"):
            read_image(f"docker-archive:{path}:other")


def change_manifest(path: Path, change: Callable[[list[str]], None]) -> None:
    """Changes the list of layers in an archive's manifest.json."""
    members: dict[str, bytes | str] = {}
    with tarfile.open(path) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            members[member.name] = file.read()
    manifest = json.loads(members["manifest.json"])
    change(manifest[0]["Layers"])
    members["manifest.json"] = json.dumps(manifest).encode()
    path.write_bytes(tar_of(members))


@pytest.mark.parametrize("packed", [False, True])
class TestLies:
    def read(self, path: Path, packed: bool, **options: object) -> str:
        if packed:
            path.write_bytes(gzip.compress(path.read_bytes()))
        with pytest.raises(BrokenImageError) as caught:
            read_image(str(path), **options)  # type: ignore[arg-type]
        assert str(path) in caught.value.message
        assert "\n" not in caught.value.message
        return caught.value.message

    def test_a_layer_that_is_not_its_diff_id(self, tmp_path: Path, packed: bool) -> None:
        path = example().save(tmp_path / "image.tar", layout="legacy")
        path.write_bytes(path.read_bytes().replace(b"good bye", b"bad luck"))
        assert read_image(str(path), verify=False).verified is False
        assert "layer 1 is not what the configuration says" in self.read(path, packed)

    def test_a_blob_that_is_not_its_name(self, tmp_path: Path, packed: bool) -> None:
        image = ImageBuilder().layer(LayerBuilder().file("a", b"1"))
        path = image.save(tmp_path / "image.tar", compression="gzip")
        content = path.read_bytes()
        blob = gzip.compress(image.layers[0], mtime=0)
        path.write_bytes(content.replace(blob[:10], blob[:4] + b"\1\1\1\1" + blob[8:10]))
        assert "is not what its name says" in self.read(path, packed)

    def test_a_configuration_that_is_not_its_name(self, tmp_path: Path, packed: bool) -> None:
        path = example().save(tmp_path / "image.tar")
        path.write_bytes(path.read_bytes().replace(b'"amd64"', b'"arm64"'))
        assert "is not what its name says" in self.read(path, packed)

    def test_more_layers_than_the_configuration_has(self, tmp_path: Path, packed: bool) -> None:
        path = example().save(tmp_path / "image.tar")
        change_manifest(path, lambda layers: layers.append(layers[0]))
        assert "lists 5 layers, the configuration 4" in self.read(path, packed)

    def test_a_layer_that_is_not_there(self, tmp_path: Path, packed: bool) -> None:
        path = example().save(tmp_path / "image.tar")
        change_manifest(path, lambda layers: layers.__setitem__(0, "blobs/sha256/nowhere"))
        assert "lacks the layer blobs/sha256/nowhere" in self.read(path, packed)

    def test_links_in_a_circle(self, tmp_path: Path, packed: bool) -> None:
        path = tmp_path / "image.tar"
        config = json.dumps(example().config()).encode()
        manifest = json.dumps([{"Config": "c", "Layers": ["a"]}]).encode()
        path.write_bytes(tar_of({"a": "b", "b": "a", "c": config, "manifest.json": manifest}))
        assert "has no end" in self.read(path, packed)

    @pytest.mark.parametrize(
        ("manifest", "message"),
        [
            (b"{", "manifest.json is not JSON"),
            (b"[" * 100_000, "manifest.json is not JSON"),
            (b"[]", "lists no image"),
            (b"{}", "lists no image"),
            (b"[1]", "lists no image"),
            (b"[{}]", "names no configuration"),
            (b'[{"Config": 1, "Layers": []}]', "names no configuration"),
            (b'[{"Config": "c", "Layers": "c"}]', "or no layers"),
            (b'[{"Config": "c", "Layers": [1]}]', "or no layers"),
            (b'[{"Config": "c", "Layers": []}]', "lacks the configuration c"),
            (b'[{"Config": "manifest.json", "Layers": []}]', "is not an image's configuration"),
        ],
    )
    def test_manifests(self, tmp_path: Path, packed: bool, manifest: bytes, message: str) -> None:
        path = tmp_path / "image.tar"
        path.write_bytes(tar_of({"manifest.json": manifest}))
        assert message in self.read(path, packed)

    def test_a_gzip_bomb(self, tmp_path: Path, packed: bool) -> None:
        path = ImageBuilder().layer(LayerBuilder().file("a", 3_000_000)).save(tmp_path / "i.tar", compression="gzip")
        assert "more than 1,000,000 bytes" in self.read(path, packed, limits=Limits(layer_bytes=1_000_000))

    def test_too_many_entries(self, tmp_path: Path, packed: bool) -> None:
        layers = [LayerBuilder(), LayerBuilder()]
        for number in range(10):
            layers[number % 2].file(str(number))
        path = ImageBuilder().layer(layers[0]).layer(layers[1]).save(tmp_path / "image.tar")
        assert "more than 9 entries" in self.read(path, packed, limits=Limits(entries=9))
        assert len(read_image(str(path), limits=Limits(entries=10)).layers) == 2

    def test_a_layer_that_is_repeated_too_often(self, tmp_path: Path, packed: bool) -> None:
        image = ImageBuilder()
        for _ in range(5):
            image.layer(LayerBuilder().file("a").file("b"))
        path = image.save(tmp_path / "image.tar")
        assert "has 5 layers; 4 are allowed" in self.read(path, packed, limits=Limits(layers=4))
        path = image.save(tmp_path / "image.tar")
        assert "more than 9 entries" in self.read(path, packed, limits=Limits(entries=9))

    def test_names_that_are_too_long_to_tell(self, tmp_path: Path, packed: bool) -> None:
        manifest = json.dumps([{"Config": "c" * 10_000, "Layers": []}]).encode()
        path = tmp_path / "image.tar"
        path.write_bytes(tar_of({"manifest.json": manifest}))
        assert self.read(path, packed).endswith("lacks the configuration " + "c" * 100 + "…")

    def test_paths_that_take_too_much(self, tmp_path: Path, packed: bool) -> None:
        layer = LayerBuilder()
        for number in range(100):
            layer.file(f"{number:0200}")
        path = ImageBuilder().layer(layer).save(tmp_path / "image.tar")
        assert "paths take more than 10,000 bytes" in self.read(path, packed, limits=Limits(name_bytes=10_000))

    def test_a_document_without_end(self, tmp_path: Path, packed: bool) -> None:
        path = example().save(tmp_path / "image.tar")
        assert "has more than 100 bytes" in self.read(path, packed, limits=Limits(document_bytes=100))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an image archive"),
        (b"hello", "is not an image archive"),
        (b"FROM debian\n" * 100, "is not an image archive"),
        (tar_of({"etc/passwd": b"root"}), "has no manifest.json"),
        (tar_of({}), "has no manifest.json"),
        (gzip.compress(b"hello"), "is not an image archive"),
        (lzma.compress(b"hello"), "is not an image archive"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_image(str(path))
    assert caught.value.hint is not None
    assert "docker save" in caught.value.hint


@pytest.mark.parametrize("outer", [bytes, gzip.compress])
def test_of_members_of_one_name_the_last_counts(tmp_path: Path, outer: type) -> None:
    image = example()
    manifest = b'[{"Config": "c", "Layers": ["0", "1", "2", "3"]}]'
    tar = LayerBuilder().file("c", b"{}").symlink("0", "1").file("1", b"no layer").file("manifest.json", b"[]")
    for name, layer in enumerate(image.layers):
        tar.file(str(name), layer)
    tar.file("./c", json.dumps(image.config()).encode()).file("manifest.json", manifest)
    path = tmp_path / "image.tar"
    path.write_bytes(outer(tar.tar()))
    assert [len(layer.entries) for layer in read_image(str(path)).layers] == [4, 3, 3, 0]


def test_a_layer_of_no_bytes(tmp_path: Path) -> None:
    image = ImageBuilder().layer(b"").layer(LayerBuilder().file("a", b"1"))
    for outer in (bytes, gzip.compress):
        path = tmp_path / "image.tar"
        path.write_bytes(outer(image.archive()))
        assert [layer.layer_bytes for layer in read_image(str(path)).layers] == [0, 1]


SMALL = ImageBuilder("x").layer(LayerBuilder().directory("d").file("d/a", b"1")).layer(LayerBuilder().whiteout("d/a"))
ARCHIVES = [
    outer(SMALL.archive(layout=layout, compression=compression))
    for layout in ("legacy", "blobs")
    for compression in COMPRESSIONS
    for outer in (bytes, gzip.compress, lzma.compress)
]


def read_bytes(path: Path, content: bytes, *, verify: bool) -> Report | None:
    """The report of an archive, None where it is refused as it should be: with one line."""
    path.write_bytes(content)
    try:
        return analyze(read_image(str(path), verify=verify, contents=verify))
    except InputError as error:
        message = error.message
    assert "\n" not in message
    return None


@pytest.mark.parametrize("number", range(len(ARCHIVES)))
def test_truncated_anywhere(tmp_path: Path, number: int) -> None:
    content = ARCHIVES[number]
    whole = read_bytes(tmp_path / "image.tar", content, verify=True)
    assert whole is not None
    step = max(1, len(content) // 150)
    for length in range(0, len(content), step):
        report = read_bytes(tmp_path / "image.tar", content[:length], verify=True)
        # Only zeros behind the end, or gzip's own, may be missing unnoticed.
        assert report is None or facts(report) == facts(whole)


@pytest.mark.parametrize(("compress", "name"), [(gzip.compress, "gzip"), (lzma.compress, "xz")])
def test_a_compressed_archive_that_is_cut_is_said_to_be(
    tmp_path: Path, compress: Callable[[bytes], bytes], name: str
) -> None:
    path = ImageBuilder("example:1").layer(LayerBuilder().file("a", os.urandom(300_000))).save(tmp_path / "image.tar")
    path.write_bytes(compress(path.read_bytes())[:200_000])
    with pytest.raises(BrokenImageError, match=f"the {name} stream ends too early"):
        read_image(str(path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.sampled_from(ARCHIVES), st.data(), st.booleans())
def test_bits_flipped_anywhere(tmp_path: Path, content: bytes, data: st.DataObject, verify: bool) -> None:
    flipped = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    read_bytes(tmp_path / "image.tar", bytes(flipped), verify=verify)
