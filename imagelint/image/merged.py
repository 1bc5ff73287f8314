"""An image with its layers merged: what every question about its bytes begins with, each part made when first asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from imagelint.image.deaths import Death
from imagelint.image.index import LayerIndex
from imagelint.image.model import Image
from imagelint.image.packages.inventory import Inventory
from imagelint.image.report import WastedFile
from imagelint.image.tree import Tree
from imagelint.image.waste import hidden_files
from imagelint.image.wasted import Wasted


class Merged:
    """An image, the index of each layer, and what they make together."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.indexes: Sequence[LayerIndex] = [layer.entries for layer in image.layers]

    @cached_property
    def tree(self) -> Tree:
        """The merged file system."""
        return self.image.tree or Tree(self.indexes)

    @cached_property
    def wasted(self) -> Wasted:
        """Every entry with bytes that is stored and not live, and why."""
        return hidden_files(self.indexes, self.tree)

    @property
    def hidden(self) -> Iterator[tuple[Death, WastedFile]]:
        """What is wasted, and how each entry went away."""
        return zip(self.tree.deaths, self.wasted, strict=True)

    @cached_property
    def files(self) -> dict[str, int]:
        """The live files with bytes, by path; one with several paths has the first by name."""
        return self.tree.files()

    @cached_property
    def inventory(self) -> Inventory:
        """The packages, and whose the live bytes are."""
        return Inventory(self.indexes, self.tree, self.files)
