"""Images in memory with the Dockerfiles that could have made them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imagelint import plugins
from imagelint.image.model import Image
from imagelint.image.reading import read_image
from imagelint.linter import Linted, lint
from imagelint.pricing.assessment import Assessment, assess
from imagelint.selection import Selection, plan
from imagelint.testing import ImageBuilder, LayerBuilder

BASE = LayerBuilder().directory("etc").file("etc/passwd", 1_000).file("bin/sh", 500_000)

#: A line of a Dockerfile, and the layer that it made; None where it makes none.
Step = tuple[str, LayerBuilder | None]


def built(steps: Sequence[Step], folder: Path) -> tuple[str, Image]:
    """The Dockerfile of the steps, and the image that BuildKit would have made of them, on `BASE`."""
    builder = ImageBuilder("example:1").layer(BASE, "/bin/sh -c #(nop) ADD file:f00 in / ")
    lines = ["FROM base:1"]
    for line, layer in steps:
        lines.append(line)
        command = f"RUN /bin/sh -c {line.removeprefix('RUN ')}" if line.startswith("RUN ") else line
        if layer is None:
            builder.empty(command)
        else:
            builder.layer(layer, f"{command} # buildkit")
    path = builder.save(folder / "image.tar")
    return "\n".join(lines) + "\n", read_image(str(path))


def assessed(text: str, image: Image) -> Assessment:
    """What the default rules find in a Dockerfile, priced in an image."""
    chosen = plan(plugins.load(), Selection())

    def linted(measured: Sequence[object] | None = None) -> Linted:
        return lint("Dockerfile", text, chosen, None, measured)  # type: ignore[arg-type]

    return assess(image, linted(), linted)
