"""An image's configuration (OCI image specification, config.md)."""

from __future__ import annotations

import json
from hashlib import sha256

from imagelint.errors import BrokenImageError
from imagelint.image.model import History
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Any

_NAME_LENGTH = 100


class ImageConfig(NamedTuple):
    """The parts of a configuration that are read. `id` is the digest of its bytes, by which engines name an image."""

    id: str
    content: bytes
    platform: str
    diff_ids: tuple[str, ...]
    history: tuple[History, ...]
    labels: dict[str, str]


def clip(name: str) -> str:
    """A name out of an archive, short enough for a message."""
    return name if len(name) <= _NAME_LENGTH else f"{name[:_NAME_LENGTH]}…"


def parse_document(content: bytes, what: str) -> Any:
    """A JSON document of an image; BrokenImageError where it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise BrokenImageError(f"{clip(what)} is not JSON") from None


def parse_config(content: bytes, what: str) -> ImageConfig:
    """Reads a configuration. What is absent or of another type than it should be is taken as not there."""
    document = parse_document(content, what)
    rootfs = _mapping(_mapping(document).get("rootfs"))
    listed = rootfs.get("diff_ids")
    diff_ids = _strings(listed)
    # Of an image without a layer Docker leaves the empty list out.
    nothing = listed == [] or (listed is None and rootfs.get("type") == "layers")
    if not isinstance(document, dict) or not (diff_ids or nothing):
        raise BrokenImageError(f"{clip(what)} is not an image's configuration: it lists no layers")
    history = document.get("history")
    labels = _mapping(_mapping(document.get("config")).get("Labels"))
    platform = [_string(document.get(key)) for key in ("os", "architecture", "variant")]
    return ImageConfig(
        id=f"sha256:{sha256(content).hexdigest()}",
        content=content,
        platform="/".join(part for part in platform if part),
        diff_ids=diff_ids,
        history=tuple(_history(entry) for entry in history) if isinstance(history, list) else (),
        labels={key: value for key, value in labels.items() if isinstance(value, str)},
    )


def _history(entry: Any) -> History:
    entry = _mapping(entry)
    return History(
        created_by=_string(entry.get("created_by")),
        empty_layer=entry.get("empty_layer") is True,
        comment=_string(entry.get("comment")),
        created=_string(entry.get("created")) or None,
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else ()
