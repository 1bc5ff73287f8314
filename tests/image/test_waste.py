"""Each kind of change, by the bytes that it leaves behind; dive's figures beside ours are measured with dive 0.13.1."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagelint.image.analyze import analyze
from imagelint.image.reading import read_image
from imagelint.image.report import DiveNumbers, Report
from imagelint.testing import ImageBuilder, LayerBuilder

KB = 1000


def weigh(tmp_path: Path, *layers: LayerBuilder) -> Report:
    image = ImageBuilder("example:1")
    for number, layer in enumerate(layers):
        image.layer(layer, f"RUN step {number}")
    report = analyze(read_image(str(image.save(tmp_path / "image.tar", layout="legacy"))))
    assert report.live_bytes + report.reclaimable_bytes == report.image.layer_bytes
    assert sum(entry.bytes for entry in report.reclaimable if entry.within_stored) == report.reclaimable_bytes
    return report


def summary(report: Report) -> list[tuple[str, int, int, int | None]]:
    return [(entry.reason, entry.bytes, entry.stored_by, entry.hidden_by) for entry in report.reclaimable]


def base() -> LayerBuilder:
    return LayerBuilder().file("keep", 90 * KB).directory("d").file("d/f", b"content" * KB)


def test_nothing(tmp_path: Path) -> None:
    report = weigh(tmp_path, base())
    assert summary(report) == []
    assert report.dive == DiveNumbers(1.0, 0, None)
    assert [(file.path, file.bytes, file.layer) for file in report.largest] == [
        ("/keep", 90 * KB, 0),
        ("/d/f", 7 * KB, 0),
    ]


def test_overwritten(tmp_path: Path) -> None:
    report = weigh(tmp_path, base(), LayerBuilder().file("d/f", b"changed" * KB))
    assert summary(report) == [("overwritten", 7 * KB, 0, 1)]
    assert report.dive == DiveNumbers(97 / 104, 14 * KB, 2.0)


@pytest.mark.parametrize("change", [{"mode": 0o600}, {"uid": 1}, {"mtime": 1}, {}])
def test_metadata_only(tmp_path: Path, change: dict[str, int]) -> None:
    report = weigh(tmp_path, base(), LayerBuilder().file("d/f", b"content" * KB, **change))
    assert summary(report) == [("metadata-only", 7 * KB, 0, 1)]


def test_removed(tmp_path: Path) -> None:
    report = weigh(tmp_path, base(), LayerBuilder().whiteout("d/f"), LayerBuilder().file("x", 1))
    assert summary(report) == [("removed", 7 * KB, 0, 1)]
    assert report.dive == DiveNumbers(90001 / 97001, 7 * KB, 7000.0)


def test_removed_with_its_directory(tmp_path: Path) -> None:
    report = weigh(tmp_path, base(), LayerBuilder().whiteout("d"))
    assert summary(report) == [("removed", 7 * KB, 0, 1)]
    assert report.dive == DiveNumbers(1.0, 0, None), "dive does not see it"


def test_opaque(tmp_path: Path) -> None:
    layer = LayerBuilder().directory("d").opaque("d").file("d/new", 5)
    report = weigh(tmp_path, base(), layer)
    assert summary(report) == [("opaque", 7 * KB, 0, 1)]
    assert report.dive == DiveNumbers(1.0, 0, 0.0), "dive does not see it"


def test_opaque_and_written_again(tmp_path: Path) -> None:
    layer = LayerBuilder().file("d/f", b"changed").opaque("d")
    assert summary(weigh(tmp_path, base(), layer)) == [("overwritten", 7 * KB, 0, 1)]


def test_the_whole_root_opaque(tmp_path: Path) -> None:
    report = weigh(tmp_path, base(), LayerBuilder().opaque("").file("new", 5))
    assert summary(report) == [("opaque", 97 * KB, 0, 1)]
    assert report.live_bytes == 5


def test_moved(tmp_path: Path) -> None:
    report = weigh(tmp_path, base(), LayerBuilder().whiteout("d").directory("e").file("e/f", b"content" * KB))
    assert summary(report) == [("moved", 7 * KB, 0, 1)]
    assert report.dive == DiveNumbers(1.0, 0, 0.0), "dive does not see it"


def test_duplicate(tmp_path: Path) -> None:
    report = weigh(tmp_path, base(), LayerBuilder().file("copy", 90 * KB).hardlink("link", "copy"))
    assert summary(report) == [("duplicate", 90 * KB, 1, None)]
    assert report.reclaimable_bytes == 0
    assert [(file.path, file.reason) for file in report.waste] == [("/copy", "duplicate")]
    assert [entry.within_stored for entry in report.reclaimable] == [False]


def test_a_layer_that_comes_again(tmp_path: Path) -> None:
    layer = LayerBuilder().file("keep", 90 * KB)
    report = weigh(tmp_path, layer, layer)
    assert summary(report) == [("metadata-only", 90 * KB, 0, 1)]
    assert report.dive == DiveNumbers(1.0, 0, None), "dive reads it as empty"


def test_a_path_twice_in_a_layer(tmp_path: Path) -> None:
    report = weigh(tmp_path, LayerBuilder().file("a", b"1" * 10).file("a", b"2" * 20))
    assert summary(report) == [("overwritten", 10, 0, 0)]
    assert report.image.layer_bytes == 30


def test_a_directory_that_becomes_a_link(tmp_path: Path) -> None:
    report = weigh(tmp_path, base(), LayerBuilder().symlink("d", "elsewhere"))
    assert summary(report) == [("removed", 7 * KB, 0, 1)]


def test_a_file_that_becomes_a_directory(tmp_path: Path) -> None:
    report = weigh(tmp_path, base(), LayerBuilder().directory("keep").file("keep/x", 1))
    assert summary(report) == [("overwritten", 90 * KB, 0, 1)]


def test_a_file_that_becomes_a_directory_that_no_entry_names(tmp_path: Path) -> None:
    report = weigh(tmp_path, base(), LayerBuilder().file("keep/x", 1))
    assert summary(report) == [("overwritten", 90 * KB, 0, 1)]


def test_a_whiteout_of_nothing(tmp_path: Path) -> None:
    report = weigh(tmp_path, LayerBuilder().whiteout("x").file("a", 5), LayerBuilder().whiteout("y/z").file("a", 5))
    assert summary(report) == [("metadata-only", 5, 0, 1)]
    assert report.dive.wasted_bytes == 0, "dive gives both layers up at the whiteout"


class TestHardLinks:
    links = LayerBuilder().file("a", b"1" * KB).hardlink("b", "a").hardlink("c", "b")

    def test_are_one_file(self, tmp_path: Path) -> None:
        report = weigh(tmp_path, self.links)
        assert report.live_bytes == KB
        assert [(file.path, file.bytes) for file in report.largest] == [("/a", KB)]

    def test_live_while_one_is_left(self, tmp_path: Path) -> None:
        report = weigh(tmp_path, self.links, LayerBuilder().whiteout("a").whiteout("b"))
        assert summary(report) == []
        assert report.dive.wasted_bytes == KB, "dive calls it wasted"

    def test_die_of_the_last(self, tmp_path: Path) -> None:
        report = weigh(tmp_path, self.links, LayerBuilder().whiteout("a"), LayerBuilder().file("b", 1).whiteout("c"))
        assert summary(report) == [("overwritten", KB, 0, 2)]

    def test_changed_in_metadata_are_stored_again_as_one(self, tmp_path: Path) -> None:
        again = LayerBuilder().file("a", b"1" * KB, mode=0o600).hardlink("b", "a").hardlink("c", "a")
        assert summary(weigh(tmp_path, self.links, again)) == [("metadata-only", KB, 0, 1)]

    def test_to_nothing_or_to_directories_have_no_bytes(self, tmp_path: Path) -> None:
        layer = LayerBuilder().hardlink("x", "nowhere").directory("d").hardlink("y", "d").hardlink("z", "z")
        assert weigh(tmp_path, layer).live_bytes == 0


def test_markers_that_have_content(tmp_path: Path) -> None:
    layer = LayerBuilder().file(".wh.x", 10).file("d/.wh..wh..opq", 20).file(".wh..wh.aufs", 30).file(".wh.", 40)
    report = weigh(tmp_path, layer)
    assert (report.live_bytes, report.reclaimable_bytes) == (0, 100)
    assert {entry.reason for entry in report.reclaimable} == {"removed"}


def test_no_layers(tmp_path: Path) -> None:
    report = weigh(tmp_path)
    assert (report.live_bytes, report.layers, len(report.waste)) == (0, (), 0)
    assert report.dive == DiveNumbers(1.0, 0, None)
