"""`imagelint gate` between the course's images: what shrank passes, what grew fails and is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Cli, Count

pytestmark = pytest.mark.engine


def gate(cli: Cli, status: int, *arguments: str | Path) -> dict[str, Any]:
    """Run `imagelint gate`, expect an exit status, and give the report."""
    done = cli("gate", "--output-format", "json", *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def test_the_merged_image_passes_against_the_naive_one(java_images: dict[str, str], cli: Cli, tmp_path: Path) -> None:
    """0_0_3 against 0_0_2's baseline: smaller, so held."""
    baseline = tmp_path / "baseline.json"
    written = gate(cli, 0, java_images["0_0_2"], "--baseline", baseline, "--update-baseline")
    assert written["verdict"] == "held"
    assert baseline.is_file()
    report = gate(cli, 0, java_images["0_0_3"], "--baseline", baseline)
    assert report["verdict"] == "held"
    assert all(check["held"] for check in report["checks"])


def test_the_naive_image_fails_against_the_merged_one(
    java_images: dict[str, str], cli: Cli, counted: Count, tmp_path: Path
) -> None:
    """0_0_2 against 0_0_3's baseline: over, by the difference to the byte, and the culprits are apt's layers."""
    baseline = tmp_path / "baseline.json"
    gate(cli, 0, java_images["0_0_3"], "--baseline", baseline, "--update-baseline")
    report = gate(cli, 1, java_images["0_0_2"], "--baseline", baseline)
    assert report["verdict"] == "broken"
    assert [check["held"] for check in report["checks"]] == [False]
    new, old = (sum(layer.layer_bytes for layer in counted(java_images[tag])) for tag in ("0_0_2", "0_0_3"))
    assert report["image"]["layer_bytes"] - report["baseline"]["layer_bytes"] == new - old
    commands = [culprit["command"] for culprit in report["culprits"]]
    assert any("build-essential" in command for command in commands), commands
    assert all(culprit["layer"] is not None for culprit in report["culprits"])


def test_a_layer_that_was_added_is_the_culprit(small_images: tuple[str, str], cli: Cli, tmp_path: Path) -> None:
    """small:2 is small:1 and two layers more: the one that stores bytes is named with them."""
    baseline = tmp_path / "baseline.json"
    gate(cli, 0, small_images[0], "--baseline", baseline, "--update-baseline")
    report = gate(cli, 1, small_images[1], "--baseline", baseline)
    worst = max(report["culprits"], key=lambda culprit: culprit["delta_bytes"])
    assert "/data/grown" in worst["command"]
    assert worst["delta_bytes"] == 468_894


def test_a_size_budget(small_images: tuple[str, str], cli: Cli, counted: Count) -> None:
    """The budget is a limit that may be reached: one byte less breaks it."""
    size = sum(layer.layer_bytes for layer in counted(small_images[0]))
    assert gate(cli, 0, small_images[0], "--max-size", f"{size}B")["verdict"] == "held"
    assert gate(cli, 1, small_images[0], "--max-size", f"{size - 1}B")["verdict"] == "broken"


def test_no_budget_cannot_be_judged(small_images: tuple[str, str], cli: Cli) -> None:
    """A gate without a budget would always be open."""
    done = cli("gate", small_images[0])
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_an_image_that_is_not_there(cli: Cli) -> None:
    """No image, no verdict: exit 2, one clear line."""
    for command in (["analyze"], ["gate", "--max-size", "1GB"]):
        done = cli(*command, "imagelint-test/no-such-image:1")
        assert done.returncode == 2
        assert done.stdout == ""
        assert "imagelint-test/no-such-image:1" in done.stderr
        assert "Traceback" not in done.stderr
