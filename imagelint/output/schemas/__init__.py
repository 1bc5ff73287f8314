"""The JSON Schemas (draft 2020-12) of every report that programs read."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The reports that have a schema."""
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


def text(name: str) -> str:
    """The schema of a report, as JSON."""
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
