"""Hashing only what is asked for gives the report that hashing everything gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelint.image.analyze import analyze
from imagelint.image.reading import read_image
from imagelint.image.waste import DUPLICATE_BYTES
from imagelint.testing import ImageBuilder, LayerBuilder, layout, write

PATHS = st.sampled_from(["a", "b", "d/a", "d/b", "d", "var/lib/dpkg/status"])
CONTENTS = st.sampled_from([b"", b"x", b"y", b"xx", b"1" * DUPLICATE_BYTES, b"2" * DUPLICATE_BYTES, b"3" * 2_000_000])


@st.composite
def layers(draw: st.DrawFn) -> LayerBuilder:
    layer = LayerBuilder()
    for path in draw(st.lists(PATHS, max_size=5)):
        match draw(st.integers(0, 4)):
            case 0:
                layer.whiteout(path)
            case 1:
                layer.opaque("d")
            case _:
                layer.file(path, draw(CONTENTS), mode=draw(st.sampled_from([0o644, 0o755])))
    return layer


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stack=st.lists(layers(), max_size=4), legacy=st.booleans())
def test_the_report_is_the_same(tmp_path: Path, stack: list[LayerBuilder], legacy: bool) -> None:
    builder = ImageBuilder("x:1")
    for layer in stack:
        builder.layer(layer)
    path = str(builder.save(tmp_path / "image.tar", layout="legacy" if legacy else "blobs"))
    full = analyze(read_image(path))
    lazy = analyze(read_image(path, verify=False))
    assert replace(lazy, image=replace(lazy.image, verified=True)) == full


def test_only_what_can_matter_is_hashed(tmp_path: Path) -> None:
    """Of four files two are of one size at one path: the others are not even read."""
    base = LayerBuilder().file("same", b"1" * 500).file("other", b"2" * 400)
    top = LayerBuilder().file("same", b"1" * 500, mode=0o755).file("third", b"3" * 300)
    folder = write(layout(ImageBuilder("x:1").layer(base).layer(top), compression=None), tmp_path)
    image = read_image(str(folder), verify=False)
    hashed = [[bool(content) for content in layer.entries.contents] for layer in image.layers]
    assert hashed == [[True, False], [True, False]]
    every = read_image(str(folder), verify=False, every=True)
    assert all(all(layer.entries.contents) for layer in every.layers)
