"""Which paths are in which folder, told when first asked: most layers of most images never ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


class Listing:
    """The paths that were ever put into each folder; the root's is `""`.

    Nothing is taken out but whole folders: whoever asks knows which of the paths are still there. So what a path costs
    is two appends, however often it comes and goes.
    """

    def __init__(self) -> None:
        self._folders: defaultdict[str, list[str]] = defaultdict(list)
        self._new: list[tuple[Iterable[str], Iterable[str]]] = []
        self._paths: list[str] = []
        self._into: list[str] = []

    def add(self, paths: Iterable[str], folders: Iterable[str]) -> None:
        """Puts paths into their folders. Neither may change any more: they are looked at when first asked for."""
        self._new.append((paths, folders))

    def put(self, path: str, folder: str) -> None:
        """Puts one path into its folder."""
        self._paths.append(path)
        self._into.append(folder)

    def of(self, folder: str) -> list[str]:
        """The paths in a folder, some perhaps more than once."""
        return self._sorted().get(folder, [])

    def take(self, folder: str) -> list[str]:
        """The paths in a folder, which is empty then."""
        return self._sorted().pop(folder, [])

    def _sorted(self) -> defaultdict[str, list[str]]:
        by_folder = self._folders
        if self._new or self._paths:
            for paths, folders in (*self._new, (self._paths, self._into)):
                for path, folder in zip(paths, folders, strict=True):
                    by_folder[folder].append(path)
            self._new.clear()
            self._paths.clear()
            self._into.clear()
        return by_folder
