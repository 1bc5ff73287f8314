"""Budgets and baselines: what holds, what breaks, who is to blame."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelint import gate, sizes
from imagelint.errors import InputError, UsageError
from imagelint.image.report import DiveNumbers, ImageSummary, LayerReport, PathSize, Report

if TYPE_CHECKING:
    from pathlib import Path


def report(*layers: tuple[str, int], largest: tuple[PathSize, ...] = ()) -> Report:
    total = sum(size for _, size in layers)
    return Report(
        image=ImageSummary("x:1", "docker", "sha256:0", "linux/amd64", total, None, True),
        layers=tuple(
            LayerReport(index, f"sha256:{index}", None, command, size, None, 1, False, index)
            for index, (command, size) in enumerate(layers)
        ),
        live_bytes=total,
        reclaimable_bytes=0,
        reclaimable=(),
        waste=(),
        largest=largest,
        dive=DiveNumbers(1.0, 0, None),
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("20MB", 20_000_000),
        ("20MiB", 20 * 2**20),
        ("1.5GB", 1_500_000_000),
        ("0.1kB", 100),
        ("1Ki", 1024),
        ("7", 7),
        ("7 B", 7),
        ("2T", 2 * 10**12),
    ],
)
def test_sizes_are_read(text: str, count: int) -> None:
    assert sizes.parse_size(text) == count


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1XB", "1e6", "1,5MB", "٣MB", "1 000", "nan", "10%"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        sizes.parse_size(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (9_995, "9.99 kB"), (999_499, "999 kB"), (999_500, "1.00 MB"),
     (241_000_000, "241 MB"), (1_478_008_207, "1.48 GB"), (-27_300_000, "-27.3 MB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_sizes_are_shown_with_three_digits(count: int, text: str) -> None:
    assert sizes.human(count) in (text, text.replace("9.99 kB", "10.0 kB"))


@pytest.mark.parametrize(
    ("size", "limit", "held"), [(100, 100, True), (101, 100, False), (0, 0, True), (99, 100, True)]
)
def test_a_size_on_the_limit_holds(size: int, limit: int, held: bool) -> None:
    assert gate.judge(report(("a", size)), gate.Budgets(max_size=limit), None).held is held


@pytest.mark.parametrize(
    ("now", "growth", "held"),
    [
        (1010, "1%", True),
        (1011, "1%", False),
        (1000, "0%", True),
        (1001, "0%", False),
        (1015, "1.5%", True),
        (1016, "1.5%", False),
        (1020, "20B", True),
        (1021, "20B", False),
        (500, "0%", True),
    ],
)
def test_growth(now: int, growth: str, held: bool) -> None:
    baseline = gate.snapshot(report(("a", 1000)))
    budgets = gate.Budgets(max_growth=gate.parse_growth(growth))
    assert gate.judge(report(("a", now)), budgets, baseline).held is held


@pytest.mark.parametrize("text", ["5", "0.5", "100", " 05 ", "99.", "00.1"])
def test_a_growth_that_may_be_percent_or_bytes_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="percent or bytes"):
        gate.parse_growth(text)


@pytest.mark.parametrize(("text", "limit"), [("0", 0), ("0.0", 0), ("101", 101), ("5B", 5), ("468894", 468_894)])
def test_a_growth_in_bytes(text: str, limit: int) -> None:
    assert gate.parse_growth(text).limit(10**9) == limit


def test_the_layer_that_grew_is_named_with_its_file() -> None:
    old = report(("base", 100), ("RUN pip", 50), ("COPY", 10), largest=(PathSize("/a", 40, 1),))
    new = report(
        ("base", 100), ("RUN apt", 7), ("RUN pip", 90), ("COPY", 5),
        largest=(PathSize("/a", 41, 2), PathSize("/b", 38, 2), PathSize("/c", 6, 1)),
    )  # fmt: skip
    verdict = gate.judge(new, gate.Budgets(max_growth=gate.parse_growth("1%")), gate.snapshot(old))
    assert [(each.layer, each.delta_bytes, each.path) for each in verdict.culprits] == [(2, 40, "/b"), (1, 7, "/c")]


def test_a_baseline_comes_back_as_it_was(tmp_path: Path) -> None:
    path = str(tmp_path / "baseline.json")
    baseline = gate.snapshot(report(("a \udce9\x1b", 5), ("b", 6), largest=(PathSize("/x\udcff", 5, 0),)))
    gate.write_baseline(path, baseline)
    assert gate.read_baseline(path) == baseline
    assert [entry.name for entry in tmp_path.iterdir()] == ["baseline.json"]


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"schema": 2}', "[" * 50_000, '{"schema": 1, "image": {"layer_bytes": -1}}', "\xff"],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match="not a baseline"):
        gate.read_baseline(str(path))


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "baseline.json")
    gate.write_baseline(path, gate.snapshot(report(("a", 5))))
    document = json.loads((tmp_path / "baseline.json").read_text())
    for wrong in (-1, 1.5, "5", None, True):
        document["image"]["layer_bytes"] = wrong
        (tmp_path / "baseline.json").write_text(json.dumps(document))
        with pytest.raises(InputError, match="not a baseline"):
            gate.read_baseline(path)


LAYERS = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 1000)), max_size=6)


@given(LAYERS, LAYERS, st.integers(0, 1000))
def test_the_gate_is_monotone(old: list[tuple[str, int]], new: list[tuple[str, int]], growth: int) -> None:
    """What holds under a limit holds under a wider one, and a smaller image never fails where a larger one holds."""
    baseline = gate.snapshot(report(*old))
    tight = gate.Budgets(max_growth=gate.parse_growth(f"{growth}B"), max_size=growth)
    wide = gate.Budgets(max_growth=gate.parse_growth(f"{growth + 1}B"), max_size=growth + 1)
    verdict = gate.judge(report(*new), tight, baseline)
    assert gate.judge(report(*new), wide, baseline).held or not verdict.held
    assert gate.judge(report(*new[1:]), tight, baseline).held or not verdict.held


@given(LAYERS)
def test_an_image_never_grows_against_itself(layers: list[tuple[str, int]]) -> None:
    verdict = gate.judge(
        report(*layers), gate.Budgets(max_growth=gate.parse_growth("0%")), gate.snapshot(report(*layers))
    )
    assert verdict.held
    assert verdict.culprits == ()
