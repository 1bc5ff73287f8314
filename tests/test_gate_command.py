"""`imagelint gate` as it is used in CI: every budget, every form, waivers, dive's rules, what is never let through."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imagelint import gate
from imagelint.image.analyze import analyze
from imagelint.image.reading import read_image
from imagelint.testing import ImageBuilder, LayerBuilder

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ADD = "/bin/sh -c #(nop) ADD file:f00 in / "


def site(size: int) -> LayerBuilder:
    """A Python package of so many bytes."""
    info = "usr/lib/python3.11/site-packages/big-1.0.dist-info"
    layer = LayerBuilder().file("usr/lib/python3.11/site-packages/big.py", size)
    layer.file(f"{info}/METADATA", b"Name: big\nVersion: 1.0\n")
    return layer.file(f"{info}/RECORD", b"big.py,,\nbig-1.0.dist-info/METADATA,,\nbig-1.0.dist-info/RECORD,,\n")


def image(path: Path, package: int = 1000) -> Path:
    builder = ImageBuilder("x:1").layer(LayerBuilder().file("base", 2000), ADD)
    builder.layer(LayerBuilder().file("app/a", 500).file("app/b", 300), "COPY . /app # buildkit")
    builder.layer(LayerBuilder().whiteout("app/a"), "RUN /bin/sh -c rm /app/a # buildkit")
    return builder.layer(site(package), "RUN /bin/sh -c pip install --no-cache-dir big # buildkit").save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image(tmp_path / "image.tar")
    image(tmp_path / "grown.tar", 50_000)
    (tmp_path / "Dockerfile").write_text(
        "FROM base:1\nCOPY . /app\nRUN rm /app/a\nRUN pip install --no-cache-dir big\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("options", "held"),
    [
        (["--max-size", "4kB"], True),
        (["--max-size", "3kB"], False),
        (["--max-size", "2kB", "--own-layers"], True),
        (["--max-size", "1kB", "--own-layers"], False),
        (["--max-layer", "2000"], True),
        (["--max-layer", "1999"], False),
        (["--max-layer", "1999", "--own-layers"], True),
        (["--max-waste", "500"], True),
        (["--max-waste", "499"], False),
        (["--min-efficiency", "0.8"], True),
        (["--min-efficiency", "0.9"], False),
        (["--max-layers", "4"], True),
        (["--max-layers", "3"], False),
        (["--max-layers", "3", "--own-layers"], True),
        (["--forbid-path", "/app/c*"], True),
        (["--forbid-path", "/app/*"], False),
        (["--forbid-package", "small"], True),
        (["--forbid-package", "b*g"], False),
        (["--max-reclaimable", "500", "--dockerfile", "Dockerfile"], True),
        (["--max-reclaimable", "499", "--dockerfile", "Dockerfile"], False),
    ],
)
def test_budgets(imagelint: Run, folder: Path, options: list[str], held: bool) -> None:
    done = imagelint("gate", "image.tar", "--isolated", "--output-format", "json", *options, cwd=folder)
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == ((0, "held") if held else (1, "broken")), done.stderr
    assert all(check["message"] and "observed" in check and "limit" in check for check in report["checks"])


@pytest.mark.parametrize("form", ["text", "markdown", "github", "sarif", "gitlab", "junit", "json"])
def test_findings_that_cost_too_much_are_named(imagelint: Run, folder: Path, form: str) -> None:
    """With their lines; layers are named where another budget is broken too."""
    arguments = ["gate", "image.tar", "--isolated", "--dockerfile", "Dockerfile", "--output-format", form]
    done = imagelint(*arguments, "--max-reclaimable", "499", cwd=folder)
    assert done.returncode == 1
    if form == "json":
        found = [(each["code"], each["line"], each["bytes"]) for each in json.loads(done.stdout)["findings"]]
        assert found == [("IL205", 3, 500)]
    else:
        assert "IL205" in done.stdout
        assert "line 3" in done.stdout
    assert "the largest layers" not in done.stdout
    held = imagelint(*arguments, "--max-reclaimable", "500", "--max-size", "1", cwd=folder)
    assert "IL205" not in held.stdout
    if form == "text":
        both = imagelint(*arguments, "--max-reclaimable", "499", "--max-size", "1", cwd=folder)
        assert both.stdout.index("the dearest findings:") < both.stdout.index("the largest layers:")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "no budget"),
        (["--max-reclaimable", "1"], "prices the findings of the image's Dockerfile"),
        (["--compressed", "--max-size", "1MB"], "does not compress layers"),
        (["--max-growth", "1%"], "needs something to compare with"),
        (["--baseline", "nowhere.json"], "cannot be read"),
        (["--baseline-image", "nowhere.tar"], "no such file"),
        (["--ratchet"], "tightens a baseline"),
        (["--min-efficiency", "2", "--max-size", "1"], "from 0 to 1"),
        (["--dive-ci", "nowhere"], "nowhere"),
        (["--lowestEfficiency", "x"], "must be a number from 0 to 1"),
        (["--config", "nowhere.toml", "--max-size", "1MB"], "nowhere.toml"),
    ],
)
def test_what_cannot_be_judged_never_passes(imagelint: Run, folder: Path, options: list[str], message: str) -> None:
    done = imagelint("gate", "image.tar", "--output-format", "json", *options, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert json.loads(done.stdout)["verdict"] == "not-judged"


class TestGrowth:
    def gate(self, imagelint: Run, folder: Path, *options: str) -> tuple[int, dict[str, object]]:
        done = imagelint("gate", "--isolated", "--output-format", "json", *options, cwd=folder)
        return done.returncode, json.loads(done.stdout)

    def test_the_culprit_is_named_by_package_and_line(self, imagelint: Run, folder: Path) -> None:
        self.gate(imagelint, folder, "image.tar", "--baseline", "base.json", "--update-baseline")
        for base in (["--baseline", "base.json"], ["--baseline-image", "image.tar"]):
            status, report = self.gate(imagelint, folder, "grown.tar", "--dockerfile", "Dockerfile", *base)
            assert status == 1
            culprits = report["culprits"]
            assert isinstance(culprits, list)
            assert {"layer": 3, "line": 4, "package": "pip big 1.0", "delta_bytes": 49_000} in [
                {key: each[key] for key in ("layer", "line", "package", "delta_bytes")} for each in culprits
            ]

    def test_a_floor_under_the_percent(self, imagelint: Run, folder: Path) -> None:
        base = ["--baseline-image", "image.tar", "--max-growth", "1%"]
        assert self.gate(imagelint, folder, "grown.tar", *base)[0] == 1
        assert self.gate(imagelint, folder, "grown.tar", *base, "--min-growth", "49kB")[0] == 0
        assert self.gate(imagelint, folder, "grown.tar", *base, "--min-growth", "48kB")[0] == 1

    def test_the_ratchet_tightens_and_never_loosens(self, imagelint: Run, folder: Path) -> None:
        self.gate(imagelint, folder, "grown.tar", "--baseline", "base.json", "--update-baseline")
        before = (folder / "base.json").read_text()
        assert self.gate(imagelint, folder, "grown.tar", "--baseline", "base.json", "--ratchet")[0] == 0
        assert (folder / "base.json").read_text() == before
        assert self.gate(imagelint, folder, "image.tar", "--baseline", "base.json", "--ratchet")[0] == 0
        assert json.loads((folder / "base.json").read_text())["image"]["layer_bytes"] < 5000
        assert self.gate(imagelint, folder, "grown.tar", "--baseline", "base.json", "--ratchet")[0] == 1


class TestConfiguration:
    def test_several_images_and_a_waiver(self, imagelint: Run, folder: Path) -> None:
        today = datetime.now(UTC).date()
        config = '[gate]\nmax-size = "1kB"\n[[gate.image]]\nname = "grown*"\nmax-size = "1MB"\n[[gate.waiver]]\n'
        config += 'check = "max-size"\nreason = "the new model"\nexpires = '
        statuses = {}
        for name, day in (("waived", today + timedelta(1)), ("expired", today - timedelta(1))):
            (folder / "imagelint.toml").write_text(f"{config}{day}\n")
            statuses[name] = [imagelint("gate", each, cwd=folder) for each in ("grown.tar", "image.tar")]
        assert [done.returncode for done in statuses["waived"]] == [0, 0]
        assert "waived max-size" in statuses["waived"][1].stdout
        assert "the new model (until" in statuses["waived"][1].stdout
        assert [done.returncode for done in statuses["expired"]] == [0, 1]
        assert imagelint("gate", "image.tar", "--max-size", "1MB", cwd=folder).returncode == 0

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('[gate]\nmax-sizes = "1kB"\n', "did you mean max-size?"),
            ("[gate]\nmax-size = 7\n", "must be a text"),
            ('[[gate.image]]\nmax-size = "1kB"\n', "needs a name"),
            ('[[gate.waiver]]\ncheck = "max-sizes"\n', "a waiver's check must be one of"),
            ('[[gate.waiver]]\ncheck = "max-size"\nexpires = 2026-01-01\n', "needs a reason"),
            ('[[gate.waiver]]\ncheck = "max-size"\nreason = "x"\nexpires = "soon"\n', "needs a day"),
            ("gate = 7\n", "must be a table"),
        ],
    )
    def test_mistakes(self, imagelint: Run, folder: Path, text: str, message: str) -> None:
        (folder / "imagelint.toml").write_text(text)
        done = imagelint("gate", "image.tar", "--max-size", "1MB", cwd=folder)
        assert done.returncode == 2
        assert message in done.stderr


class TestForms:
    def run(self, imagelint: Run, folder: Path, form: str) -> str:
        done = imagelint(
            "gate", "grown.tar", "--isolated", "--baseline-image", "image.tar", "--max-size", "1MB",
            "--dockerfile", "Dockerfile", "--output-format", form, cwd=folder,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        return done.stdout

    def test_text(self, imagelint: Run, folder: Path) -> None:
        text = self.run(imagelint, folder, "text")
        assert "held   max-size: 52.9 kB is within the limit of 1.00 MB" in text
        assert "BROKEN max-growth" in text
        assert "pip big 1.0" in text

    def test_markdown(self, imagelint: Run, folder: Path) -> None:
        text = self.run(imagelint, folder, "markdown")
        assert text.startswith("<!-- imagelint gate -->\n### ❌ broken: `grown.tar`")
        assert "| +49.0 kB | line 4 | `pip big 1.0` |" in text

    def test_github(self, imagelint: Run, folder: Path) -> None:
        lines = self.run(imagelint, folder, "github").splitlines()
        assert lines[0].startswith("::error title=imagelint max-growth::max-growth broken")
        assert lines[1].startswith("::warning file=")
        assert "Dockerfile,line=4,endLine=4,title=grew::+49.0 kB line 4: RUN pip" in lines[1]
        assert lines[-1] == "max-size held: 52.9 kB is within the limit of 1.00 MB"

    def test_sarif_and_gitlab(self, imagelint: Run, folder: Path) -> None:
        results = json.loads(self.run(imagelint, folder, "sarif"))["runs"][0]["results"]
        assert results[0]["ruleId"] == "max-growth"
        assert results[1]["locations"][0]["physicalLocation"]["region"]["startLine"] == 4
        entries = json.loads(self.run(imagelint, folder, "gitlab"))
        assert [(entry["check_name"], entry["severity"], entry["location"]["lines"]["begin"]) for entry in entries] == [
            ("max-growth", "critical", 1),
            ("grew", "major", 4),
            ("grew", "major", 4),
        ]

    def test_junit(self, imagelint: Run, folder: Path) -> None:
        suite = ElementTree.fromstring(self.run(imagelint, folder, "junit"))[0]
        assert (suite.get("tests"), suite.get("failures")) == ("2", "1")

    def test_openmetrics(self, imagelint: Run, folder: Path) -> None:
        lines = self.run(imagelint, folder, "openmetrics").splitlines()
        assert 'image_layer_bytes{image="grown.tar"} 52888' in lines
        assert 'budget_observed{image="grown.tar",budget="max-growth"} 49000' in lines
        assert 'budget_held{image="grown.tar",budget="max-growth"} 0' in lines
        assert lines[-1] == "# EOF"


def test_a_record_and_its_trend(imagelint: Run, folder: Path) -> None:
    for name in ("image.tar", "grown.tar", "image.tar"):
        imagelint(
            "gate", name, "--isolated", "--max-size", "10kB", "--record", "runs.sqlite", "--commit", "abc", cwd=folder
        )
    text = imagelint("trend", "runs.sqlite", cwd=folder).stdout
    assert "broken: max-size" in text
    report = json.loads(imagelint("trend", "runs.sqlite", "--output-format", "json", cwd=folder).stdout)
    assert [(run["image"], run["held"], run["commit"]) for run in report["runs"]] == [
        ("image.tar", True, "abc"), ("grown.tar", False, "abc"), ("image.tar", True, "abc"),
    ]  # fmt: skip
    only = imagelint("trend", "runs.sqlite", "--image", "image.tar", "--svg", "plot.svg", cwd=folder)
    assert "▁▁" in only.stdout
    assert ElementTree.parse(folder / "plot.svg").getroot().tag.endswith("svg")
    (folder / "other").write_text("no database")
    assert imagelint("trend", "other", cwd=folder).returncode == 2
    assert imagelint("trend", "nowhere", cwd=folder).returncode == 2


def test_a_record_of_the_first_versions_has_no_budgets(imagelint: Run, folder: Path) -> None:
    """It is read as it is, and the next run brings the table along."""
    record = ["gate", "image.tar", "--isolated", "--max-size", "10kB", "--record", "runs.sqlite"]
    imagelint(*record, cwd=folder)
    with closing(sqlite3.connect(folder / "runs.sqlite")) as connection:
        connection.execute("DROP TABLE budgets")

    def budgets() -> list[list[str]]:
        done = imagelint("trend", "runs.sqlite", "--output-format", "json", cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
        return [[each["name"] for each in run["budgets"]] for run in json.loads(done.stdout)["runs"]]

    assert budgets() == [[]]
    imagelint(*record, cwd=folder)
    assert budgets() == [[], ["max-size"]]


def test_the_snapshot_of_a_real_image_comes_back(tmp_path: Path) -> None:
    now = gate.snapshot(analyze(read_image(str(image(tmp_path / "image.tar")))))
    gate.write_baseline(str(tmp_path / "base.json"), now)
    assert gate.read_baseline(str(tmp_path / "base.json")) == now
    assert now.packages == {("pip", "big"): 1000 + 23 + 65}


def test_a_size_in_two_words_names_no_second_image(imagelint: Run, folder: Path) -> None:
    done = imagelint("gate", "image.tar", "--max-size", "4", "kB", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("imagelint: error: unrecognized arguments: kB\n")
