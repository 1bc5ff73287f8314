"""A user without credentials, on one platform, whom nobody lets wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from imagelint.image.sources import manifests
from imagelint.image.sources.registry import transport
from imagelint.testing import layout

from .asking import small
from .server import Registry, served


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that has Docker's configuration; empty."""
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(manifests, "host_platform", lambda: "linux/amd64")
    monkeypatch.setattr(transport, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(transport, "STALL_SECONDS", 1.0)
    return folder


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry with one image, of which nothing can be compressed."""
    with served(Registry()) as found:
        found.put(layout(small()), "1")
        yield found
