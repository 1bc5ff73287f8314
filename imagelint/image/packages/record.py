"""What every package manager's records come down to."""

from __future__ import annotations


class Installed:
    """A package as its manager's records have it.

    `paths` are files (and folders) relative to the image's root, as the records name them; `folders` are those of which
    everything that nobody else owns belongs to it. The paths are gone once it is known whose the files are.
    """

    __slots__ = ("folders", "manager", "name", "paths", "version")

    def __init__(
        self, manager: str, name: str, version: str, paths: list[str] | None = None, folders: list[str] | None = None
    ) -> None:
        self.manager = manager
        self.name = name
        self.version = version
        self.paths = [] if paths is None else paths
        self.folders = [] if folders is None else folders
