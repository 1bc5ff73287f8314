"""What the tests of registries have in common: an image, asking for it, and what a registry may want to know first."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from imagelint.errors import ImagelintError, RegistryError
from imagelint.image.model import Image
from imagelint.image.reading import read_image
from imagelint.testing import ImageBuilder, LayerBuilder

from .server import Answer, Registry


def small(architecture: str = "amd64", size: int = 200_000) -> ImageBuilder:
    return ImageBuilder("x:1", architecture=architecture).layer(LayerBuilder().file("a", os.urandom(size)))


def read(registry: Registry, version: str = ":1", **more: Any) -> Image:
    return read_image(f"registry:{registry.host}/team/app{version}", **more)


def refused(registry: Registry, kind: type[ImagelintError] = RegistryError, **more: Any) -> ImagelintError:
    with pytest.raises(kind) as caught:
        read(registry, **more)
    assert "\n" not in caught.value.message
    return caught.value


def login(home: Path, registry: Registry, user: str = "ann", password: str = "secret") -> None:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (home / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))


def guarded(registry: Registry, *, token: str = "t0k", realm: str | None = None) -> None:
    """Wants a token that `/token` gives to ann alone."""

    def change(path: str, headers: Mapping[str, str], answer: Answer) -> Answer:
        given = headers.get("Authorization", "")
        if path.startswith("/token"):
            right = given == "Basic " + base64.b64encode(b"ann:secret").decode()
            return (200, {}, json.dumps({"token": token}).encode()) if right else (401, {}, b"{}")
        if given == "Bearer t0k":
            return answer
        where = realm or f"http://{registry.host}/token"
        return 401, {"WWW-Authenticate": f'Bearer realm="{where}",service="s",scope="repository:team/app:pull"'}, b"{}"

    registry.change = change
