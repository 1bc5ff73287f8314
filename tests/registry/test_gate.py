"""`imagelint gate` against the registry's tag of the main branch: own growth, in layer bytes and in compressed ones."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imagelint.testing import ImageBuilder, LayerBuilder, layout

from .server import Registry, served

Run = Callable[..., "subprocess.CompletedProcess[str]"]
BASE = os.urandom(5000)


@dataclass(frozen=True)
class Branches:
    """A repository's two tags, and the bytes of their blobs."""

    host: str
    blobs: dict[str, int]

    def reference(self, tag: str) -> str:
        return f"registry:{self.host}/team/app:{tag}"


@pytest.fixture
def branches() -> Iterator[Branches]:
    with served(Registry()) as registry:
        blobs = {}
        for tag, size in (("main", 1000), ("grown", 3000)):
            builder = ImageBuilder("x:1").layer(LayerBuilder().file("base", BASE), "/bin/sh -c #(nop) ADD file:0 in / ")
            builder.layer(LayerBuilder().file("app", os.urandom(size)), "COPY app /app # buildkit")
            files = layout(builder, compression="gzip")
            registry.put(files, tag)
            manifest = json.loads(registry.manifests[tag][1])
            blobs[tag] = sum(each["size"] for each in manifest["layers"])
        yield Branches(registry.host, blobs)


def ask(imagelint: Run, *arguments: object) -> tuple[int, dict[str, Any]]:
    options = ("--isolated", "--plain-http", "--platform", "linux/amd64", "--output-format", "json")
    done = imagelint("gate", *options, *arguments)
    return done.returncode, json.loads(done.stdout)


def test_growth_against_the_tag_of_main(imagelint: Run, branches: Branches) -> None:
    main = ("--baseline-image", branches.reference("main"))
    status, report = ask(imagelint, branches.reference("main"), *main, "--max-growth", "0%")
    assert (status, report["verdict"]) == (0, "held")
    status, report = ask(imagelint, branches.reference("grown"), *main, "--own-layers")
    assert (status, report["verdict"]) == (1, "broken")
    assert (report["checks"][0]["observed"], report["checks"][0]["limit"]) == (2000, 10)
    assert [(each["layer"], each["delta_bytes"]) for each in report["culprits"]] == [(1, 2000)]


def test_compressed_bytes_are_those_of_the_manifest(imagelint: Run, branches: Branches) -> None:
    main, grown = branches.blobs["main"], branches.blobs["grown"]
    options = ("--compressed", "--baseline-image", branches.reference("main"))
    for growth, status in ((grown - main, 0), (grown - main - 1, 1)):
        found, report = ask(
            imagelint, branches.reference("grown"), *options, "--max-growth", f"{growth}B", "--max-size", f"{grown}B"
        )
        assert found == status
        assert [check["observed"] for check in report["checks"]] == [grown, grown - main]


def test_a_baseline_keeps_compressed_sizes(imagelint: Run, branches: Branches, tmp_path: Path) -> None:
    baseline = ("--compressed", "--baseline", tmp_path / "base.json")
    assert ask(imagelint, branches.reference("main"), *baseline, "--update-baseline")[0] == 0
    assert ask(imagelint, branches.reference("main"), *baseline, "--max-growth", "0%")[0] == 0
    status, report = ask(imagelint, branches.reference("grown"), *baseline)
    assert status == 1
    assert report["checks"][0]["observed"] == branches.blobs["grown"] - branches.blobs["main"]


def test_a_tag_that_is_not_there_is_no_baseline(imagelint: Run, branches: Branches) -> None:
    status, report = ask(imagelint, branches.reference("grown"), "--baseline-image", branches.reference("nowhere"))
    assert (status, report["verdict"]) == (2, "not-judged")
