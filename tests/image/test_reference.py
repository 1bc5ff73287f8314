"""What a person may name an image by."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagelint.errors import InputError, UsageError
from imagelint.image.reference import find_source, split
from imagelint.image.sources.anywhere import Anywhere
from imagelint.image.sources.archive import Archive
from imagelint.image.sources.engine import Engine
from imagelint.image.sources.oci_layout import OciLayout
from imagelint.image.sources.registry.source import Registry


@pytest.mark.parametrize(
    ("reference", "scheme", "rest"),
    [
        ("debian", None, "debian"),
        ("docker", None, "docker"),
        ("docker:27", None, "docker:27"),
        ("registry:2", None, "registry:2"),
        ("podman:latest", None, "podman:latest"),
        ("docker:27:1", "docker", "27:1"),
        ("docker:debian:12", "docker", "debian:12"),
        ("docker:library/debian", "docker", "library/debian"),
        ("docker://27", "docker", "27"),
        ("registry:localhost:5000/debian", "registry", "localhost:5000/debian"),
        ("docker-archive:image.tar", "docker-archive", "image.tar"),
        ("docker-archive:image.tar:debian:12", "docker-archive", "image.tar:debian:12"),
        ("oci:layout", "oci", "layout"),
        ("oci-archive:layout.tar:1", "oci-archive", "layout.tar:1"),
        ("localhost:5000/debian:12", None, "localhost:5000/debian:12"),
        ("debian@sha256:abc", None, "debian@sha256:abc"),
    ],
)
def test_prefixes(reference: str, scheme: str | None, rest: str) -> None:
    assert split(reference) == (scheme, rest)


def test_a_path_that_exists_needs_no_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("docker:27").touch()
    Path("debian").touch()
    assert find_source("docker:27") == Archive("docker:27", "docker:27")
    assert find_source("debian") == Archive("debian", "debian")
    assert find_source("docker://debian") == Engine("docker://debian", "debian")


def test_a_tag_in_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "a:b.tar"
    path.touch()
    assert find_source(f"docker-archive:{path}") == Archive(f"docker-archive:{path}", str(path), None, "docker-archive")
    assert find_source(f"docker-archive:{path}:x:1") == Archive(
        f"docker-archive:{path}:x:1", str(path), "x:1", "docker-archive"
    )
    assert find_source(f"{path}:x:1") == Archive(f"{path}:x:1", str(path), "x:1")


def test_standard_input() -> None:
    assert find_source("-") == Archive("-", "-")
    assert find_source("oci-archive:-:1.0") == Archive("oci-archive:-:1.0", "-", "1.0", "oci-archive")


def test_engines() -> None:
    assert find_source("podman:a/b") == Engine("podman:a/b", "a/b", "podman")
    assert find_source("docker:a/b") == Engine("docker:a/b", "a/b")
    assert find_source("debian:12") == Anywhere("debian:12", "debian:12")
    assert find_source("registry:a/b") == Registry("registry:a/b", "a/b")


@pytest.mark.parametrize("reference", ["", " ", "a\0b", "docker://", "docker-archive:", "ftp://x"])
def test_names_of_nothing(reference: str) -> None:
    with pytest.raises(UsageError):
        find_source(reference)


@pytest.mark.parametrize(
    "reference",
    ["/no/such/file", "./image", "image.tar", "some/image.tar.gz", "docker-archive:nowhere", "docker-archive:a:b"],
)
def test_paths_to_nothing(reference: str) -> None:
    with pytest.raises(InputError, match="no such file"):
        find_source(reference)


def test_directories(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no OCI layout: it has no index\.json"):
        find_source(str(tmp_path))
    with pytest.raises(InputError, match="is a directory, not an image archive"):
        find_source(f"docker-archive:{tmp_path}")
    (tmp_path / "index.json").touch()
    assert find_source(str(tmp_path)) == OciLayout(str(tmp_path), str(tmp_path))
    assert find_source(f"oci:{tmp_path}:a:b") == OciLayout(f"oci:{tmp_path}:a:b", str(tmp_path), "a:b")
    assert find_source(f"{tmp_path}:1") == OciLayout(f"{tmp_path}:1", str(tmp_path), "1")


def test_a_file_is_no_layout(tmp_path: Path) -> None:
    (tmp_path / "x.tar").touch()
    with pytest.raises(InputError, match="is a file: an OCI layout is a directory"):
        find_source(f"oci:{tmp_path}/x.tar")
