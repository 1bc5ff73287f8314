"""Images from strangers: one clear line and status 2, or an analysis; in bounded time and memory, no cursor moved."""

from __future__ import annotations

import gzip
import io
import json
import re
import resource
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import pytest

from imagelint.testing import ImageBuilder, LayerBuilder, layout, tar_of, write

#: What a terminal does not just show: controls but line ends, marks that turn a line around.
MOVES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
MEMORY = 1_500_000_000
SECONDS = 60


def run(*arguments: object, text: bool = True) -> subprocess.CompletedProcess[str]:
    """Run imagelint within limits of memory and processor time."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    command = [sys.executable, "-m", "imagelint", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=text, preexec_fn=limit, timeout=300, check=False)


def refused(path: Path, *options: str) -> str:
    """The one line that says why an image is not analysed."""
    done = run("analyze", path, "--no-cache", *options)
    assert done.returncode == 2, done.stdout[-500:] + done.stderr[-500:]
    assert done.stdout == ""
    message, *rest = done.stderr.strip().split("\n")
    assert message.startswith("imagelint: error: ")
    assert len(message) < 700
    assert all(line.startswith("  hint: ") for line in rest)
    assert not MOVES.search(done.stderr)
    return message


def analysed(path: Path, *options: str) -> str:
    """The text of an analysis, in which nothing moves the cursor."""
    done = run("analyze", path, "--no-cache", *options)
    assert done.returncode == 0, done.stderr
    assert not MOVES.search(done.stdout)
    return done.stdout


def image(folder: Path, *layers: LayerBuilder | bytes) -> Path:
    builder = ImageBuilder("x:1")
    for layer in layers:
        builder.layer(layer)
    return builder.save(folder / "image.tar")


def with_blob(folder: Path, blob: bytes, diff_id: str) -> Path:
    """An OCI layout whose only layer is this blob, all digests but the diff_id right."""
    files = layout(ImageBuilder("x:1").layer(LayerBuilder().file("a", 1)))
    index = json.loads(files["index.json"])

    def name(digest: str) -> str:
        return f"blobs/{digest.replace(':', '/')}"

    def put(content: bytes) -> dict[str, object]:
        digest = f"sha256:{sha256(content).hexdigest()}"
        files[name(digest)] = content
        return {"digest": digest, "size": len(content)}

    manifest = json.loads(files[name(index["manifests"][0]["digest"])])
    config = json.loads(files[name(manifest["config"]["digest"])])
    config["rootfs"]["diff_ids"] = [diff_id]
    manifest["config"] |= put(json.dumps(config).encode())
    manifest["layers"][0] |= put(blob)
    index["manifests"][0] |= put(json.dumps(manifest).encode())
    files["index.json"] = json.dumps(index).encode()
    return write(files, folder / "layout")


class TestBombs:
    @pytest.mark.parametrize("kind", ["gzip", "zstd"])
    def test_a_layer_that_unpacks_without_end(self, tmp_path: Path, kind: str) -> None:
        piece = bytes(1 << 20)
        compress = gzip.compress if kind == "gzip" else import_module("backports.zstd").compress
        blob = compress(piece * 300)
        path = with_blob(tmp_path, blob * 20, f"sha256:{'0' * 64}")
        assert "has more than 100,000,000 bytes" in refused(path, "--max-layer-bytes", "100MB")

    def test_zeros_that_are_no_tar(self, tmp_path: Path) -> None:
        path = with_blob(tmp_path, gzip.compress(bytes(200 << 20)), f"sha256:{'0' * 64}")
        assert "is not what the configuration says" in refused(path)

    def test_a_million_entries(self, tmp_path: Path) -> None:
        """They are legal: analysed, in bounded time and memory."""
        header = LayerBuilder().file("f0000000", 0).tar()[:512]
        out = bytearray()
        for number in range(1_000_000):
            block = bytearray(header)
            block[:8] = b"f%07d" % number
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
            out += block
        out += bytes(1024)
        start = time.monotonic()
        assert "1,000,000" in analysed(image(tmp_path, bytes(out)))
        assert time.monotonic() - start < SECONDS

    def test_many_files_of_one_size_that_many_of_that_size_hide(self, tmp_path: Path) -> None:
        """Each may have moved to each: they are looked at once, not pair by pair."""
        below, above = LayerBuilder().directory("d"), LayerBuilder().directory("d").opaque("d")
        for number in range(50_000):
            below.file(f"d/{number}", b"1")
            above.file(f"d/new{number}", b"2")
        assert "50,000" in analysed(image(tmp_path, below, above), "--no-verify")

    def test_one_path_again_and_again(self, tmp_path: Path) -> None:
        entry = LayerBuilder().file("a", b"1").tar()[:1024]
        assert "500,000" in analysed(image(tmp_path, entry * 500_001 + bytes(1024)))

    def test_a_deep_tree(self, tmp_path: Path) -> None:
        layer = LayerBuilder()
        for depth in range(1, 300):
            layer.file("d/" * depth + "f", 1)
        analysed(image(tmp_path, layer, LayerBuilder().whiteout("d")))

    def test_a_tree_deeper_than_calls_may_be(self, tmp_path: Path) -> None:
        path = image(tmp_path, LayerBuilder().file("d/" * 1900 + "f", 1))
        analysed(path)
        done = run("ls", path, "--recursive", "--no-cache")
        assert (done.returncode, done.stderr, len(done.stdout.strip().split("\n"))) == (0, "", 1901)

    def test_deep_paths_in_every_layer(self, tmp_path: Path) -> None:
        """What their folders take is there once, however many layers have them all; and so it is with whiteouts."""
        deep = ["/".join([f"{number:02d}", *"d" * 2000, "f"]) for number in range(14)]
        layers = [LayerBuilder() for _ in range(40)]
        for size, layer in enumerate(layers):
            for path in deep:
                layer.file(path, size)
        last = LayerBuilder()
        for path in deep:
            last.whiteout(path.partition("/")[0])
        analysed(image(tmp_path, *layers, last))

    def test_paths_that_imply_more_than_they_say(self, tmp_path: Path) -> None:
        layer = LayerBuilder()
        for number in range(40_000):
            layer.file(f"{number}/" + "d/" * 1900 + "f")
        assert "imply too many directories" in refused(image(tmp_path, layer))


class TestOdd:
    @pytest.mark.parametrize(
        "name",
        [
            "../../etc/passwd",
            "/../x",
            "a/../../b",
            "a\x1b[2Jb",
            "\u202egpj.exe",
            "line\nend",
            "\r",
            "\udcff\udcfe",
            "a" * 250,
        ],
    )
    def test_names(self, tmp_path: Path, name: str) -> None:
        layer = LayerBuilder().file(name, 1_000_000)
        path = image(tmp_path, layer, layer)
        analysed(path)
        done = run("ls", path, "--recursive", "--no-cache")
        assert done.returncode == 0
        assert not MOVES.search(done.stdout)
        assert ".." not in [part for line in done.stdout.split("\n") for part in line.split("/")]

    def test_commands_and_tags(self, tmp_path: Path) -> None:
        builder = ImageBuilder("x\x1b[2J:1", labels={"a\x07": "b\x1b]0;t\x07"})
        builder.layer(LayerBuilder().file("a", 1), "RUN echo \x1b[31m \u202e\n\r" + "x" * 10_000)
        analysed(builder.save(tmp_path / "image\x1b[2J.tar"))

    def test_links_in_circles(self, tmp_path: Path) -> None:
        layer = LayerBuilder().symlink("a", "b").symlink("b", "a").hardlink("c", "d").hardlink("d", "c")
        layer.symlink("lib", "lib").file("var/lib/dpkg/status", b"Package: x\nStatus: install ok installed\n")
        layer.file("var/lib/dpkg/info/x.list", b"/a/b\n/lib/x\n/c\n")
        analysed(image(tmp_path, layer))

    def test_history_that_does_not_match(self, tmp_path: Path) -> None:
        builder = ImageBuilder("x:1").layer(LayerBuilder().file("a", 1)).layer(LayerBuilder().file("b", 1))
        for history in ([], [{"empty_layer": True}] * 3, [{}] * 9, [1, None, "x"], "x", [{"created_by": 7}]):
            builder.history = history  # type: ignore[assignment]
            analysed(builder.save(tmp_path / "image.tar"))


def headers(**fields: object) -> bytes:
    """A tar of one file whose header says this; the checksum is right."""
    block = bytearray(LayerBuilder().file("f", b"content").tar()[:512])
    for name, value in fields.items():
        start, length = {"size": (124, 12), "kind": (156, 1), "mode": (100, 8), "time": (136, 12)}[name]
        block[start : start + length] = value  # type: ignore[assignment]
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + b"content".ljust(512, b"\0") + bytes(1024)


@pytest.mark.parametrize(
    "tar",
    [
        headers(size=b"\x80" + b"\xff" * 11),
        headers(size=b"\xff" * 12),
        headers(size=b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7),
        headers(size=b"77777777777\0"),
        headers(size=b"not a size!!"),
        headers(kind=b"x", size=b"77777777777\0"),
        headers(kind=b"L", size=b"00007777777\0"),
        headers(kind=b"S", size=b"00000000007\0"),
        headers(mode=b"9999999\0"),
    ],
    ids=["base-256", "negative", "2**63", "8 GB", "no number", "PAX of 8 GB", "name of 2 MB", "sparse", "mode"],
)
def test_absurd_headers(tmp_path: Path, tar: bytes) -> None:
    done = run("analyze", image(tmp_path, tar), "--no-cache")
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().split("\n")) <= 2


def test_pax_headers_without_end(tmp_path: Path) -> None:
    """One extended header after another, for a file that never comes."""
    record = b"30 mtime=1700000000.123456789\n"
    block = bytearray(LayerBuilder().file("x", 0).tar()[:512])
    block[124:136] = b"%011o\0" % len(record)
    block[156:157] = b"x"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    tar = (bytes(block) + record.ljust(512, b"\0")) * 50_000
    done = run("analyze", image(tmp_path, tar), "--no-cache")
    assert done.returncode in (0, 2)
    assert "Traceback" not in done.stderr


MAKE: dict[str, Callable[[], bytes]] = {
    "docker": lambda: ImageBuilder("x:1").layer(LayerBuilder().file("a", b"1" * 600).whiteout("b")).archive(),
    "oci": lambda: tar_of(layout(ImageBuilder("x:1").layer(LayerBuilder().file("a", b"1" * 600)))),
}


@pytest.mark.parametrize("kind", MAKE)
def test_every_byte_cut_off_or_flipped(tmp_path: Path, kind: str) -> None:
    """A small archive, cut after each 97th byte, and with each 31st byte another one: an error or an analysis."""
    from imagelint.errors import ImagelintError
    from imagelint.image.analyze import analyze
    from imagelint.image.reading import read_image

    whole = MAKE[kind]()
    path = tmp_path / "image.tar"
    changed = [whole[:at] for at in range(0, len(whole), 97)]
    for at in range(0, len(whole), 31):
        content = bytearray(whole)
        content[at] ^= 0x5A
        changed.append(bytes(content))
    for content in changed:
        path.write_bytes(content)
        said = ""
        try:
            report = analyze(read_image(str(path)))
            assert report.live_bytes + report.reclaimable_bytes == report.image.layer_bytes
        except ImagelintError as error:
            said = error.message
        assert "\n" not in said


@pytest.mark.parametrize(
    "manifest",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"[" + b"1" * 5000 + b"]",
        b'[{"Config": "c", "Layers": ["' + b"../" * 1000 + b'x"]}]',
        b'[{"Config": "\\ud800", "Layers": []}]',
        b'[{"Config": "manifest.json", "Layers": [], "Config": "c"}]',
        b"[]" * 3,
        '[{"Config": "\u202e\x1b", "Layers": []}]'.encode(),
    ],
)
def test_documents(tmp_path: Path, manifest: bytes) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(tar_of({"manifest.json": manifest}))
    refused(path)


def test_an_archive_of_too_many_members(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in range(100_500):
            tar.addfile(tarfile.TarInfo(f"f{number}"))
    path = tmp_path / "image.tar"
    path.write_bytes(out.getvalue())
    assert "has more than 100,000 members" in refused(path)


def test_devices_and_folders_are_not_read(tmp_path: Path) -> None:
    for name in ("/dev/zero", "/dev/null", "/proc/self/mem", str(tmp_path)):
        refused(Path(name))
