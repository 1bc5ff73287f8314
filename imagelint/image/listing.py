"""Which paths are in which folder, told when first asked: most layers of most images never ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


class Listing:
    """The paths that were ever put into each folder; the root's is `""`.

    Nothing is taken out but whole folders: whoever asks knows which of the paths are still there. So what a path costs
    is two appends, however often it comes and goes. `new` are those that no folder was asked for yet.
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._folders: defaultdict[str, list[str]] = defaultdict(list)
        self.new = list(paths)

    def add(self, paths: Iterable[str]) -> None:
        """Puts paths into their folders."""
        self.new.extend(paths)

    def of(self, folder: str) -> list[str]:
        """The paths in a folder, some perhaps more than once."""
        return self._sorted().get(folder, [])

    def take(self, folder: str) -> list[str]:
        """The paths in a folder, which is empty then."""
        return self._sorted().pop(folder, [])

    def _sorted(self) -> defaultdict[str, list[str]]:
        folders = self._folders
        for path in self.new:
            folders[path.rpartition("/")[0]].append(path)
        self.new.clear()
        return folders
