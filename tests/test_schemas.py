"""Every report that programs read, held against the schema that is published for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from imagelint.output import schemas
from imagelint.testing import ImageBuilder, LayerBuilder
from tests.conftest import ROOT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

JAVA = ROOT / "fixtures/dockerfiles/java"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    layer = LayerBuilder().file("a", 5000).file("b", b"x" * 100_000).file("c", b"x" * 100_000)
    builder = ImageBuilder("example:1").layer(layer, "RUN /bin/sh -c make # buildkit")
    builder.layer(LayerBuilder().whiteout("a"), "RUN /bin/sh -c rm a # buildkit")
    return builder.save(tmp_path / "image.tar")


def valid(name: str, text: str) -> None:
    jsonschema.Draft202012Validator(json.loads(schemas.text(name))).validate(json.loads(text))


@pytest.mark.parametrize("name", schemas.names())
def test_each_schema_is_one_and_is_printed(imagelint: Run, name: str) -> None:
    printed = json.loads(imagelint("schema", name).stdout)
    jsonschema.Draft202012Validator.check_schema(printed)
    assert name in imagelint("schema").stdout.split()


def test_there_is_no_schema_of_nothing(imagelint: Run) -> None:
    assert imagelint("schema", "nothing").returncode == 2


def test_check(imagelint: Run) -> None:
    valid("check", imagelint("check", "--output-format", "json", JAVA, "nope").stdout)


def test_parse(imagelint: Run, tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text('# check=skip=all\nFROM a\nONBUILD RUN <<E\nx\nE\nCMD ["a"]\nFOO\n')
    done = imagelint("parse", "--output-format", "json", path)
    assert done.returncode == 0
    valid("parse", done.stdout)
    (document,) = json.loads(done.stdout)
    assert document["instructions"][1]["trigger"]["keyword"] == "RUN"
    assert [error["line"] for error in document["errors"]] == [7]


def test_rules(imagelint: Run) -> None:
    printed = imagelint("rules", "--output-format", "json").stdout
    valid("rules", printed)
    listed = json.loads(printed)
    assert {"IL101", "IL001"} <= {each["code"] for each in listed["rules"]}
    assert [each["prefix"] for each in listed["batches"]] == ["SC"]


def test_the_baseline_of_check(imagelint: Run, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    imagelint("check", "--isolated", "--baseline", path, "--update-baseline", JAVA)
    valid("check-baseline", path.read_text())
    assert json.loads(path.read_text())["findings"]


def test_analyze(imagelint: Run, image: Path) -> None:
    dockerfile = JAVA / "0_0_2/Dockerfile"
    valid("analyze", imagelint("analyze", image, "--output-format", "json").stdout)
    valid("analyze", imagelint("analyze", image, "--dockerfile", dockerfile, "--output-format", "json").stdout)


def test_gate_and_baseline(imagelint: Run, image: Path) -> None:
    baseline = image.parent / "b.json"
    arguments = ("--baseline", baseline, "--output-format", "json")
    for more in (["--update-baseline"], [], ["--max-size", "1kB"], ["--max-size", "nonsense"]):
        valid("gate", imagelint("gate", image, *arguments, *more).stdout)
    valid("baseline", baseline.read_text())


def test_cache(imagelint: Run) -> None:
    valid("cache", imagelint("cache", "info", "--output-format", "json").stdout)


def test_ls_and_diff(imagelint: Run, image: Path) -> None:
    valid("ls", imagelint("ls", "--all-layers", "--recursive", "--output-format", "json", image).stdout)
    valid("diff", imagelint("diff", "--output-format", "json", image, image).stdout)
    other = ImageBuilder("example:2", labels={"a": "1"}).layer(
        LayerBuilder().file("a", 70), "RUN /bin/sh -c make # buildkit"
    )
    path = other.save(image.parent / "other.tar")
    printed = imagelint("diff", "--output-format", "json", image, path).stdout
    valid("diff", printed)
    assert all(json.loads(printed)[key] for key in ("layers", "paths", "configuration"))


def test_trend(imagelint: Run, image: Path) -> None:
    """A run that held, one with a waiver, one that was broken, with whole numbers and a share."""
    folder = image.parent
    (folder / "waived.toml").write_text(
        '[gate]\n[[gate.waiver]]\ncheck = "max-size"\nreason = "it is new"\nexpires = 2999-01-01\n'
    )
    for options in (["--max-size", "1MB", "--min-efficiency", "0.1"], ["--max-size", "1kB"]):
        imagelint("gate", image, "--config", folder / "waived.toml", "--record", folder / "r.sqlite", *options)
    imagelint("gate", image, "--isolated", "--record", folder / "r.sqlite", "--max-size", "1kB")
    printed = imagelint("trend", folder / "r.sqlite", "--output-format", "json").stdout
    valid("trend", printed)
    runs = json.loads(printed)["runs"]
    assert [run["held"] for run in runs] == [True, True, False]
    assert [len(run["budgets"]) for run in runs] == [2, 1, 1]
    assert runs[1]["budgets"][0]["waived"] == "it is new (until 2999-01-01)"
