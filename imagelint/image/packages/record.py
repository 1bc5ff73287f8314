"""What every package manager's records come down to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Installed:
    """A package as its manager's records have it.

    `paths` are files (and folders) relative to the image's root, as the records name them; `folders` are those of which
    everything that nobody else owns belongs to it.
    """

    manager: str
    name: str
    version: str
    paths: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
