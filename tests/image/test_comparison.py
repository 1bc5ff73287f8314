"""Two images side by side: every byte of the difference is somewhere."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelint.image.comparison import Comparison, compare
from imagelint.image.merged import Merged
from imagelint.image.reading import read_image
from imagelint.testing import ImageBuilder, LayerBuilder

BASE = LayerBuilder().file("etc/os-release", 300)
NEWER_BASE = LayerBuilder().file("etc/os-release", 350)


def read(
    folder: Path, name: str, *layers: tuple[LayerBuilder, str], base: LayerBuilder = BASE, **config: object
) -> Merged:
    builder = ImageBuilder(name).layer(base, "/bin/sh -c #(nop) ADD file:0 in / ")
    for layer, command in layers:
        builder.layer(layer, command)
    return Merged(read_image(str(builder.save(folder / f"{name}.tar"))))


def changes(found: Comparison) -> list[tuple[str, str, int]]:
    return [(each.path, each.change, each.delta_bytes) for each in found.paths]


def test_files(tmp_path: Path) -> None:
    old = LayerBuilder().file("a", b"1").file("b", b"22").file("c", b"333").symlink("l", "a").file("gone", b"4" * 10)
    new = (
        LayerBuilder()
        .file("a", b"2")
        .file("b", b"22", mode=0o600)
        .file("c", b"333")
        .symlink("l", "b")
        .file("new", b"5" * 9)
    )
    found = compare(read(tmp_path, "old", (old, "COPY . /")), read(tmp_path, "new", (new, "COPY . /")))
    assert changes(found) == [
        ("/new", "added", 9),
        ("/a", "changed", 0),
        ("/b", "metadata-only", 0),
        ("/l", "changed", 0),
        ("/gone", "removed", -10),
    ]
    assert found.delta_bytes == -1
    assert (found.old_unique, found.new_unique) == (16, 15)


def test_layers_are_told_apart_by_digest_then_by_command(tmp_path: Path) -> None:
    same = (LayerBuilder().file("same", 5), "RUN same")
    old = read(tmp_path, "old", same, (LayerBuilder().file("x", 7), "RUN x"), (LayerBuilder().file("y", 1), "RUN y"))
    new = read(tmp_path, "new", same, (LayerBuilder().file("z", 3), "RUN z"), (LayerBuilder().file("x", 9), "RUN x"))
    found = compare(old, new)
    assert [(each.change, each.delta_bytes) for each in found.layers] == [
        ("same", 0), ("same", 0), ("added", 3), ("changed", 2), ("removed", -1),
    ]  # fmt: skip


def test_a_base_bump_is_told_from_ones_own_change(tmp_path: Path) -> None:
    own = (LayerBuilder().file("x", 7), "RUN x")
    grown = (LayerBuilder().file("x", 10), "RUN x")
    found = compare(read(tmp_path, "old", own), read(tmp_path, "new", grown, base=NEWER_BASE))
    assert (found.delta_bytes, found.base_delta) == (53, 50)


def test_packages(tmp_path: Path) -> None:
    def site(version: str, size: int) -> LayerBuilder:
        info = f"site/x-{version}.dist-info"
        record = f"x/a.py,,\n{info[5:]}/METADATA,,\n{info[5:]}/RECORD,,\n".encode()
        metadata = f"Name: x\nVersion: {version}\n\n".encode()
        return (
            LayerBuilder().file("site/x/a.py", size).file(f"{info}/METADATA", metadata).file(f"{info}/RECORD", record)
        )

    found = compare(
        read(tmp_path, "old", (site("1.0", 1000), "RUN pip")), read(tmp_path, "new", (site("2.0", 5000), "RUN pip"))
    )
    assert [
        (each.manager, each.name, each.old_version, each.new_version, each.delta_bytes) for each in found.packages
    ] == [("pip", "x", "1.0", "2.0", 4000)]


def test_settings(tmp_path: Path) -> None:
    def image(name: str, **config: object) -> Merged:
        class Builder(ImageBuilder):
            def config(self) -> dict[str, object]:
                return {**super().config(), "config": config}

        return Merged(read_image(str(Builder(name).layer(BASE).save(tmp_path / f"{name}.tar"))))

    old = image("old", Env=["A=1", "B=2"], Cmd=["sh"], Labels={"x": "1"})
    new = image("new", Env=["A=1", "B=3"], User="app", Labels={"x": "1", "y": "2"})
    found = {each.name: (each.old, each.new) for each in compare(old, new).settings}
    assert found == {"Env.B": ("2", "3"), "Cmd": (["sh"], None), "User": (None, "app"), "Labels.y": (None, "2")}


PATHS = st.sampled_from(["a", "b", "d/a", "d/b", "d", "e/f/g"])


@st.composite
def layers(draw: st.DrawFn) -> LayerBuilder:
    layer = LayerBuilder()
    for path in draw(st.lists(PATHS, max_size=4, unique=True)):
        kind = draw(st.integers(0, 3))
        if kind == 0:
            layer.whiteout(path)
        elif kind == 1:
            layer.hardlink(path, draw(PATHS))
        else:
            layer.file(path, draw(st.integers(0, 30)))
    return layer


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=st.lists(layers(), max_size=3), new=st.lists(layers(), max_size=3))
def test_deltas_add_up(tmp_path: Path, old: list[LayerBuilder], new: list[LayerBuilder]) -> None:
    sides = [
        read(tmp_path, name, *((layer, f"RUN {number}") for number, layer in enumerate(side)))
        for name, side in (("old", old), ("new", new))
    ]
    found = compare(*sides)
    assert sum(each.delta_bytes for each in found.layers) == found.delta_bytes
    assert sum(each.delta_bytes for each in found.paths) == found.new.live_bytes - found.old.live_bytes
    back = compare(sides[1], sides[0])
    assert back.delta_bytes == -found.delta_bytes
    assert sorted((each.path, -each.delta_bytes) for each in back.paths) == sorted(
        (each.path, each.delta_bytes) for each in found.paths
    )
    assert compare(sides[0], sides[0]).paths == ()
