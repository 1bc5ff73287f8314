"""Hashing only what is asked for gives the report that hashing everything gives."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelint.image.analyze import analyze
from imagelint.image.reading import read_image
from imagelint.image.sources.files import CHUNK_BYTES
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
    assert lazy._replace(image=lazy.image._replace(verified=True)) == full


def test_only_what_can_matter_is_hashed(tmp_path: Path) -> None:
    """Of four large files two are of one size at one path: the others are not even read; small ones come in anyway."""
    least = 2 * CHUNK_BYTES
    base = LayerBuilder().file("same", b"1" * least).file("other", b"2" * (least + 1)).file("small", b"4")
    top = LayerBuilder().file("same", b"1" * least, mode=0o755).file("third", b"3" * (least + 2))
    folder = write(layout(ImageBuilder("x:1").layer(base).layer(top), compression=None), tmp_path)
    image = read_image(str(folder), verify=False)
    hashed = [[bool(content) for content in layer.entries.contents] for layer in image.layers]
    assert hashed == [[True, False, True], [True, False]]
    every = read_image(str(folder), verify=False, every=True)
    assert all(all(layer.entries.contents) for layer in every.layers)
