"""`imagelint gate` over several images, with what each is compared with, and the reports that one run writes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imagelint.testing import ImageBuilder, LayerBuilder
from tests.test_gate_command import ADD, image

Run = Callable[..., "subprocess.CompletedProcess[str]"]
CONFIG = """\
[gate]
max-size = "10kB"
forbidden-paths = ["app/b"]

[[gate.image]]
name = "image.tar"
baseline = "image.json"
forbidden-paths = []

[[gate.image]]
name = "grown.tar"
max-size = "1MB"
baseline = "grown.json"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image(tmp_path / "image.tar")
    image(tmp_path / "grown.tar", 50_000)
    return tmp_path


def test_the_worst_of_several_is_the_status(imagelint: Run, folder: Path) -> None:
    limit = ("--isolated", "--max-size", "10kB")
    done = imagelint("gate", "image.tar", "grown.tar", *limit, cwd=folder)
    assert done.returncode == 1
    first, second = done.stdout.split("\n\n")
    assert first.startswith("image.tar:\nheld   max-size: 3.89 kB")
    assert second.startswith("grown.tar:\nBROKEN max-size: 52.9 kB")
    done = imagelint("gate", "grown.tar", "nowhere.tar", "image.tar", *limit, cwd=folder)
    assert done.returncode == 2
    assert "nowhere.tar" in done.stderr
    assert [word in done.stdout for word in ("BROKEN max-size", "held   max-size")] == [True, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output-format", "json"], "json is about one image"),
        (["--baseline", "base.json"], "--baseline is about one image"),
        (["--baseline-image", "image.tar"], "--baseline-image is about one image"),
        (["--report", "json=out.json"], "--report is about one image"),
        (["--dockerfile", "Dockerfile"], "--dockerfile is about one image"),
    ],
)
def test_what_is_about_one_image(imagelint: Run, folder: Path, options: list[str], message: str) -> None:
    done = imagelint("gate", "image.tar", "grown.tar", "--max-size", "1MB", *options, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


class TestConfigured:
    def test_each_image_has_its_budgets_and_its_baseline(self, imagelint: Run, folder: Path) -> None:
        (folder / "imagelint.toml").write_text(CONFIG)
        done = imagelint("gate", cwd=folder)
        assert done.returncode == 2
        assert done.stderr.count("the baseline cannot be read") == 2
        done = imagelint("gate", "--update-baseline", cwd=folder)
        assert done.returncode == 1, done.stderr
        assert "BROKEN forbidden-paths: 1 path found, 0 allowed: /app/b" in done.stdout.partition("grown.tar:")[2]
        assert "forbidden" not in done.stdout.partition("grown.tar:")[0]
        sizes = [json.loads((folder / f"{name}.json").read_text())["image"] for name in ("image", "grown")]
        assert [each["layer_bytes"] for each in sizes] == [3888, 52888]
        image(folder / "image.tar", 2000)
        done = imagelint("gate", "image.tar", cwd=folder)
        assert done.returncode == 1
        assert "+1.00 kB (+25.72%); allowed: 38 B (1%)" in done.stdout

    def test_two_images_have_no_baseline_in_common(self, imagelint: Run, folder: Path) -> None:
        (folder / "imagelint.toml").write_text('[gate]\nbaseline = "base.json"\n')
        for options in (("--update-baseline",), ()):
            done = imagelint("gate", "image.tar", "grown.tar", "image.tar", *options, cwd=folder)
            assert done.returncode == 2
            assert "base.json is the baseline of image.tar, and not of grown.tar" in done.stderr
        assert json.loads((folder / "base.json").read_text())["image"]["layer_bytes"] == 3888

    def test_a_baseline_stands_beside_the_configuration(self, imagelint: Run, folder: Path) -> None:
        (folder / "ci").mkdir()
        (folder / "ci/imagelint.toml").write_text('[gate]\nbaseline = "image.json"\n')
        options = ("--config", "ci/imagelint.toml")
        assert imagelint("gate", "image.tar", *options, "--update-baseline", cwd=folder).returncode == 0
        assert (folder / "ci/image.json").is_file()
        assert imagelint("gate", "image.tar", *options, cwd=folder).returncode == 0

    def test_a_growth_that_is_configured_is_never_passed_over(self, imagelint: Run, folder: Path) -> None:
        (folder / "imagelint.toml").write_text('[gate]\nmax-size = "1MB"\nmax-growth = "5%"\n')
        done = imagelint("gate", "image.tar", cwd=folder)
        assert done.returncode == 2
        assert "the configuration's max-growth needs something to compare with" in done.stderr

    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("host/team/app:*", True),
            ("registry:host/team/app:*", True),
            ("host/team/app:latest", True),
            ("host/team/ap", False),
            ("docker:host/team/app*", False),
        ],
    )
    def test_a_pattern_needs_no_scheme_and_no_tag(self, name: str, found: bool) -> None:
        from imagelint import gateconfig

        table = {"max-size": "1kB", "image": [{"name": name, "max-size": "2kB"}]}
        assert gateconfig.budgets("x", table, "registry:host/team/app").max_size == (2000 if found else 1000)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("max-layers = -1\n", "max-layers must be 0 or more"),
            ("max-layers = true\n", "max-layers must be a number, not true"),
            ("min-efficiency = 2\n", "min-efficiency must be from 0 to 1"),
            ('forbidden-paths = [""]\n', "forbidden-paths has a pattern that is empty"),
            ('max-growth = "5"\n', "'5' may be percent or bytes"),
            ('[[gate.waiver]]\ncheck = "max-size"\nimage = 7\n', "a waiver's image must be a text"),
        ],
    )
    def test_mistakes(self, imagelint: Run, folder: Path, text: str, message: str) -> None:
        (folder / "imagelint.toml").write_text(f"[gate]\n{text}")
        done = imagelint("gate", "image.tar", "--max-size", "1MB", cwd=folder)
        assert done.returncode == 2
        assert message in done.stderr

    def test_a_whole_number_is_a_number(self, imagelint: Run, folder: Path) -> None:
        (folder / "imagelint.toml").write_text("[gate]\nmin-efficiency = 0\n")
        assert imagelint("gate", "image.tar", cwd=folder).returncode == 0

    def test_a_waiver_can_be_for_one_image_and_the_longest_counts(self, imagelint: Run, folder: Path) -> None:
        today = datetime.now(UTC).date()
        waiver = '[[gate.waiver]]\ncheck = "max-size"\nreason = "{}"\nimage = "image*"\nexpires = {}\n'
        entries = [waiver.format("over", today - timedelta(9)), waiver.format("lasts", today + timedelta(9))]
        for order in (entries, entries[::-1]):
            (folder / "imagelint.toml").write_text('[gate]\nmax-size = "1kB"\n' + "".join(order))
            done = imagelint("gate", "image.tar", "grown.tar", cwd=folder)
            assert done.returncode == 1
            assert "waived max-size" in done.stdout.partition("grown.tar:")[0]
            assert "lasts (until" in done.stdout
            assert "BROKEN max-size" in done.stdout.partition("grown.tar:")[2]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--max-layers", "-1"], "--max-layers must be 0 or more"),
        (["--forbid-path", ""], "--forbid-path is empty"),
        (["--max-size", "9" * 5000], "is no size"),
        (["--max-growth", "9" * 5000 + "%", "--baseline-image", "image.tar"], "is no growth"),
        (["--max-growth", "5", "--baseline-image", "image.tar"], "'5' may be percent or bytes"),
        (["--max-growth", "x", "--baseline-image", "image.tar"], "write 5% of the baseline, or 20MB"),
        (["--max-size", "1MB", "--report", "nothing=x"], "must be FORMAT=FILE"),
        (["--max-size", "1MB", "--report", "json=nowhere/x"], "cannot be written"),
    ],
)
def test_a_bad_option_is_never_a_verdict(imagelint: Run, folder: Path, option: list[str], message: str) -> None:
    done = imagelint("gate", "image.tar", "--isolated", *option, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("pattern", ["/app/b", "app/b", "*/b", "app/*", "/app/[ab]"])
def test_a_forbidden_path_needs_no_slash_in_front(imagelint: Run, folder: Path, pattern: str) -> None:
    done = imagelint("gate", "image.tar", "--isolated", "--forbid-path", pattern, cwd=folder)
    assert done.returncode == 1
    assert done.stdout.startswith("BROKEN forbidden-paths: 1 path found, 0 allowed: /app/b\n")


def test_one_run_writes_several_reports(imagelint: Run, folder: Path) -> None:
    reports = [option for form in ("json", "gitlab", "text") for option in ("--report", f"{form}=out.{form}")]
    done = imagelint("gate", "image.tar", "--isolated", "--max-size", "1kB", *reports, cwd=folder)
    assert done.returncode == 1
    assert json.loads((folder / "out.json").read_text())["verdict"] == "broken"
    assert len(json.loads((folder / "out.gitlab").read_text())) == 1
    assert (folder / "out.text").read_text() == done.stdout
    done = imagelint("gate", "nowhere.tar", "--isolated", "--max-size", "1kB", *reports, cwd=folder)
    assert done.returncode == 2
    assert json.loads((folder / "out.json").read_text())["verdict"] == "not-judged"


def test_a_baseline_has_its_packages_without_a_cache_too(imagelint: Run, folder: Path) -> None:
    options = ("--isolated", "--no-cache", "--baseline", "base.json")
    assert imagelint("gate", "image.tar", *options, "--update-baseline", cwd=folder).returncode == 0
    assert json.loads((folder / "base.json").read_text())["packages"]
    assert "pip big 1.0" in imagelint("gate", "grown.tar", *options, cwd=folder).stdout


@pytest.mark.parametrize("more", [(), ("--dockerfile", "Dockerfile"), ("--no-cache",)])
def test_a_baseline_is_written_twice_the_same(imagelint: Run, folder: Path, more: tuple[str, ...]) -> None:
    (folder / "Dockerfile").write_text("FROM base:1\nCOPY . /app\nRUN rm /app/a\nRUN pip install --no-cache-dir big\n")
    options = ("--isolated", "--baseline", "base.json", *more)
    written = []
    for _ in range(2):
        assert imagelint("gate", "image.tar", *options, "--update-baseline", cwd=folder).returncode == 0
        written.append((folder / "base.json").read_bytes())
        done = imagelint("gate", "image.tar", *options, "--max-growth", "0%", cwd=folder)
        assert done.returncode == 0
        assert done.stdout == "held   max-growth: 3.89 kB → 3.89 kB, 0 B (+0.00%); allowed: 0 B (0%)\n"
    assert written[0] == written[1]


class TestOwnLayers:
    """A base image of two layers: only a Dockerfile tells that the second one is not one's own."""

    def build(self, folder: Path, base: int, own: int) -> str:
        builder = ImageBuilder("x:1").layer(LayerBuilder().file("base", 2000), ADD)
        builder.layer(LayerBuilder().file("python", base), "RUN /bin/sh -c apt-get install python # buildkit")
        builder.layer(LayerBuilder().file("app", own), "COPY app /app # buildkit")
        return str(builder.save(folder / f"{base}-{own}.tar"))

    @pytest.fixture
    def options(self, tmp_path: Path) -> list[str]:
        (tmp_path / "Dockerfile").write_text("FROM python:1\nCOPY app /app\n")
        return ["--isolated", "--dockerfile", str(tmp_path / "Dockerfile")]

    def test_a_base_bump_is_told_apart(self, imagelint: Run, tmp_path: Path, options: list[str]) -> None:
        old, bumped, grown = (self.build(tmp_path, *sizes) for sizes in ((500, 100), (900, 100), (500, 300)))
        judge = ["--own-layers", "--max-growth", "0%", *options]
        assert imagelint("gate", bumped, "--baseline-image", old, *judge).returncode == 0
        done = imagelint("gate", grown, "--baseline-image", old, *judge)
        assert done.returncode == 1
        assert "100 B → 300 B, +200 B" in done.stdout
        for new, delta in ((bumped, 400), (grown, 0)):
            found = imagelint("diff", old, new, *options[1:], "--output-format", "json")
            assert json.loads(found.stdout)["delta"]["base_layer_bytes"] == delta

    def test_a_layer_is_the_base_images_in_both_or_in_neither(
        self, imagelint: Run, tmp_path: Path, options: list[str]
    ) -> None:
        image = self.build(tmp_path, 500, 100)
        judge = ["--own-layers", "--max-growth", "0%", "--baseline", str(tmp_path / "base.json")]
        imagelint("gate", image, "--isolated", *judge, "--update-baseline")
        done = imagelint("gate", image, *judge, *options)
        assert done.returncode == 0, done.stdout
        assert "100 B → 100 B" in done.stdout
        imagelint("gate", image, *judge, *options, "--update-baseline")
        done = imagelint("gate", image, "--isolated", *judge)
        assert done.returncode == 2
        assert "the baseline has more layers that are the base image's" in done.stderr

    def test_an_image_against_its_own_base(self, imagelint: Run, tmp_path: Path, options: list[str]) -> None:
        builder = ImageBuilder("x:1").layer(LayerBuilder().file("base", 2000), ADD)
        builder.layer(LayerBuilder().file("python", 500), "RUN /bin/sh -c apt-get install python # buildkit")
        base = builder.save(tmp_path / "base.tar")
        found = imagelint("diff", base, self.build(tmp_path, 500, 100), *options[1:], "--output-format", "json")
        delta = json.loads(found.stdout)["delta"]
        assert (delta["layer_bytes"], delta["base_layer_bytes"]) == (100, 0)


def test_the_ratchet_goes_by_what_is_judged(imagelint: Run, tmp_path: Path) -> None:
    """A base image that shrank more than one's own layers grew loosens nothing."""
    for name, base, own in (("old", 2000, 1000), ("new", 1000, 1005)):
        builder = ImageBuilder("x:1").layer(LayerBuilder().file("base", base), ADD)
        builder.layer(LayerBuilder().file("app", own), "COPY app /app # buildkit").save(tmp_path / f"{name}.tar")
    options = ("--isolated", "--own-layers", "--baseline", "base.json")
    imagelint("gate", "old.tar", *options, "--update-baseline", cwd=tmp_path)
    before = (tmp_path / "base.json").read_text()
    assert imagelint("gate", "new.tar", *options, "--ratchet", cwd=tmp_path).returncode == 0
    assert (tmp_path / "base.json").read_text() == before


def test_the_trend_of_an_image_that_was_never_judged(imagelint: Run, folder: Path) -> None:
    options = ("--isolated", "--max-size", "10kB", "--record", "a?b#%41.sqlite")
    assert imagelint("gate", "image.tar", *options, cwd=folder).returncode == 0
    (run,) = json.loads(imagelint("trend", options[-1], "--output-format", "json", cwd=folder).stdout)["runs"]
    assert run["budgets"] == [{"name": "max-size", "observed": 3888, "limit": 10_000, "held": True, "waived": None}]
    done = imagelint("trend", options[-1], "--image", "imaeg.tar", cwd=folder)
    assert done.returncode == 2
    assert "has no run of imaeg.tar" in done.stderr
