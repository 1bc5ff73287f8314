"""One stage of a Dockerfile."""

from __future__ import annotations

from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from imagelint.dockerfile.instructions import From, Instruction

#: Build arguments that BuildKit sets by itself; usable in FROM at once. Values: the common default platform.
PLATFORM_ARGS: dict[str, str] = {
    **{f"{side}PLATFORM": "linux/amd64" for side in ("BUILD", "TARGET")},
    **{f"{side}OS": "linux" for side in ("BUILD", "TARGET")},
    **{f"{side}OSVERSION": "" for side in ("BUILD", "TARGET")},
    **{f"{side}ARCH": "amd64" for side in ("BUILD", "TARGET")},
    **{f"{side}VARIANT": "" for side in ("BUILD", "TARGET")},
    "TARGETSTAGE": "default",
}


class Stage:
    """One stage: its FROM, the instructions behind it, and the earlier stage that it is built on, if it is one.

    `image` is what FROM names, variables expanded; `root` is the stage that it goes back to along its bases.
    """

    __slots__ = ("base", "from_", "image", "index", "instructions", "root")

    def __init__(
        self, index: int, from_: From, instructions: tuple[Instruction, ...], base: Stage | None, image: str
    ) -> None:
        self.index = index
        self.from_ = from_
        self.instructions = instructions
        self.base = base
        self.image = image
        self.root: Stage = base.root if base is not None else self

    @property
    def name(self) -> str | None:
        """The stage's name, in small letters."""
        return self.from_.name.value if self.from_.name else None

    @property
    def label(self) -> str:
        """How a person would call it: its name, or its number."""
        return self.name or f"stage {self.index}"
