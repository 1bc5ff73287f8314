"""`imagelint check` on the Dockerfiles of the images that the engine builds. Needs no engine itself."""

from __future__ import annotations

import json

import pytest

from .conftest import ROOT, Cli

JAVA_DOCKERFILES = ROOT / "fixtures" / "dockerfiles" / "java"


def found(cli: Cli, version: str) -> dict[str, set[int]]:
    """The families of rules that fire on a version's Dockerfile (IL1, IL2, …), each with its lines."""
    path = JAVA_DOCKERFILES / version / "Dockerfile"
    done = cli("check", "--isolated", "--output-format", "json", path)
    assert done.returncode in (0, 1), done.stderr
    families: dict[str, set[int]] = {}
    for finding in json.loads(done.stdout)["findings"]:
        families.setdefault(finding["code"][:3], set()).add(finding["location"]["line"])
    return families


def line_of(version: str, text: str) -> int:
    """The first line of a version's Dockerfile that holds `text`."""
    lines = (JAVA_DOCKERFILES / version / "Dockerfile").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_the_naive_dockerfile_fires_all_three_families(cli: Cli) -> None:
    """Caches kept, RUNs that should be one, and a compiler that is shipped: each at its line."""
    families = found(cli, "0_0_2")
    first, last = line_of("0_0_2", "apt-get -y update"), line_of("0_0_2", "autoreconf -i")
    assert first in families["IL1"], "the first update leaves its lists"
    assert first in families["IL2"], "the row of RUNs begins there"
    assert all(first <= line <= last for line in families["IL3"])
    assert families["IL3"] & {line_of("0_0_2", "build-essential"), last}


def test_the_merged_dockerfile_still_ships_the_compiler(cli: Cli) -> None:
    """Merging takes the split RUNs away, and nothing else."""
    families = found(cli, "0_0_3")
    assert "IL2" not in families
    assert "IL3" in families


@pytest.mark.parametrize("family", ["IL2", "IL3"])
def test_the_multi_stage_dockerfile_is_clean(cli: Cli, family: str) -> None:
    """Neither split RUNs nor a missed stage in the Dockerfile with two stages."""
    assert family not in found(cli, "0_0_4")
