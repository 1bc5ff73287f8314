"""Rules come from plug-ins; one that cannot be loaded stops the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelint import plugins
from imagelint.errors import PluginError
from imagelint.testing import check_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    Program = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).resolve().parents[1]
ACME = ROOT / "fixtures/rules/acme_rules"

RULE = '''
from collections.abc import Iterator
from imagelint.dockerfile.instructions import {kind}
from imagelint.finding import Finding, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule

@rule("{code}", blame=Unpriced("none"))
def {name}(part: {kind}, graph: BuildGraph) -> Iterator[Finding]:
    """Something."""
    yield Finding(part.span, "found")
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, into which a test can put a plug-in."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(site: Path, prefix: str, module: str, source: str) -> None:
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(f"[other]\nx = y\n\n[imagelint.rules]\n{prefix} = {module}\n")
    (site / f"{module}.py").write_text(source)
    sys.modules.pop(module, None)


def test_discovery_finds_what_importlib_metadata_finds() -> None:
    expected = {(point.name, point.value) for point in entry_points(group=plugins.GROUP)}
    assert {tuple(plugin) for plugin in plugins.discover()} == expected != set()


def test_a_third_partys_rules_come_in_by_the_same_door(site: Path) -> None:
    install(site, "ACME", "acme_rules_one", RULE.format(kind="Run", code="ACME001", name="no_run"))
    assert {"ACME001", "IL101"} <= {rule.code for rule in plugins.load().rules}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import not_there", "cannot be loaded: ModuleNotFoundError"),
        ("1/0", "ZeroDivisionError"),
        (RULE.format(kind="Run", code="OTHER001", name="x"), "does not begin with"),
        (RULE.format(kind="Run", code="ACME1", name="x"), "no rule code"),
        (RULE.format(kind="Run", code="ACME001", name="apt_lists_kept"), "two rules are called"),
        (RULE.replace("part: {kind}", "part: str").format(kind="Run", code="ACME001", name="x"), "first parameter"),
    ],
)
def test_a_broken_plug_in_stops_the_run_with_its_name(site: Path, source: str, message: str) -> None:
    install(site, "ACME", "acme_rules_two", source)
    with pytest.raises(PluginError, match=message) as raised:
        plugins.load()
    assert "acme_rules_two" in raised.value.message


def test_two_plug_ins_may_not_share_a_prefix(site: Path) -> None:
    install(site, "IL", "acme_rules_three", "")
    with pytest.raises(PluginError, match="claim the rule prefix IL"):
        plugins.load()


def test_the_working_folder_is_never_searched(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "EVIL", "evil_rules", "1/0")
    monkeypatch.chdir(site)
    assert "EVIL" not in {plugin.prefix for plugin in plugins.discover()}


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Run imagelint of an environment of its own, in which this checkout and the sample plug-in are installed.

    Neither `rules` nor `check` needs a dependency, so none is installed. `PYTHONPATH` may be given.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet", "--no-deps"]
    done = subprocess.run([*command, str(ROOT), str(ACME)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr

    def run(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
        command = [str(folder / "bin/imagelint"), *arguments]
        return subprocess.run(command, cwd=cwd, env=environment | more, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a Dockerfile that breaks both of the sample's rules, and one of imagelint's own."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM debian:12\nRUN pip install a && curl -O https://x/y\nEXPOSE 80 5005\n")
    return tmp_path


def findings(done: subprocess.CompletedProcess[str]) -> list[tuple[str, int, str]]:
    return [(each["code"], each["location"]["line"], each["help"]) for each in json.loads(done.stdout)["findings"]]


def test_the_sample_plug_in_is_listed_and_run(acme: Program, project: Path) -> None:
    listed = acme("rules", cwd=project).stdout
    assert {"ACME001", "ACME002", "IL103"} <= {line.partition(" ")[0] for line in listed.splitlines()}
    done = acme("check", "--select", "ACME", "--output-format", "json", cwd=project)
    assert done.returncode == 1, done.stderr
    assert findings(done) == [
        ("ACME001", 2, "give it `--retry 3`"),
        ("ACME002", 3, "expose it at run time instead"),
    ]
    assert "IL103" in acme("check", cwd=project).stdout


@pytest.mark.parametrize("name", ["ACME001", "download-tried-once"])
def test_the_sample_plug_ins_option_is_configured(acme: Program, project: Path, name: str) -> None:
    (project / "imagelint.toml").write_text(f'select = ["ACME001"]\n[rules.{name}]\nretries = 7\n')
    done = acme("check", "--output-format", "json", cwd=project)
    assert findings(done) == [("ACME001", 2, "give it `--retry 7`")]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ('retries = "7"', "the option retries of ACME001 must be a number, not '7'"),
        ("retires = 7", "the rule ACME001 (download-tried-once) has no option retires"),
    ],
)
def test_a_wrong_option_of_the_sample_is_an_error(acme: Program, project: Path, option: str, message: str) -> None:
    (project / "imagelint.toml").write_text(f"[rules.ACME001]\n{option}\n")
    done = acme("check", cwd=project)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_plug_in_that_does_not_load_stops_the_program_with_its_name(acme: Program, project: Path) -> None:
    site = project / "site"
    site.mkdir()
    install(site, "BAD", "bad_rules", "import not_there")
    for command in ("check", "rules"):
        done = acme(command, cwd=project, PYTHONPATH=str(site))
        assert (done.returncode, done.stdout) == (2, "")
        assert "the rule plug-in bad_rules cannot be loaded: ModuleNotFoundError" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_sample_plug_in_passes_its_own_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ACME)]
    environment = os.environ | {"PYTHONPATH": str(ACME), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, cwd=ACME, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


EXPLAINED = """
    Why: it is.

    ```dockerfile bad
    FROM a:1
    RUN b
    ```

    ```dockerfile good
    FROM a:1
    ```
"""
SECOND = '\n\n@rule("{code}", blame=Unpriced("none"))\ndef {name}(part: Run, graph: BuildGraph):\n    """Other."""\n'


def source(page: str) -> str:
    """A module with a rule that fires on every RUN, and has this page."""
    return RULE.format(kind="Run", code="ACME001", name="no_run").replace("Something.", page)


@pytest.mark.parametrize(
    ("page", "more", "prefix", "message"),
    [
        ("Something." + EXPLAINED, "", "OTHER", "ACME001: its code does not begin with the prefix OTHER"),
        ("Something" + EXPLAINED, "", None, "must begin with a sentence that fills one line"),
        ("Something." + EXPLAINED.replace("Why", "How"), "", None, "does not say why"),
        ("Something." + EXPLAINED.replace("RUN b", "USER b"), "", None, "silent on its bad example"),
        ("Something." + EXPLAINED, SECOND.format(code="ACME001", name="x"), None, "two rules are called ACME001"),
        ("Something." + EXPLAINED, SECOND.format(code="ACME002", name="x"), None, "ACME002: its page does not say why"),
    ],
)
def test_check_rules_finds_out_what_is_wrong(
    site: Path, page: str, more: str, prefix: str | None, message: str
) -> None:
    (site / "acme_rules_four.py").write_text(source(page) + more)
    sys.modules.pop("acme_rules_four", None)
    with pytest.raises(AssertionError, match=message):
        check_rules("acme_rules_four", prefix)


def test_check_rules_knows_the_prefix_of_what_is_installed_and_counts_the_examples(site: Path) -> None:
    install(site, "OTHER", "acme_rules_five", source("Something." + EXPLAINED))
    with pytest.raises(AssertionError, match="the prefix OTHER"):
        check_rules("acme_rules_five")
    assert check_rules("acme_rules_five", "ACME") == 2
    assert check_rules(sys.modules["acme_rules_five"], "ACME") == 2


def test_check_rules_is_not_content_with_a_package_without_rules() -> None:
    with pytest.raises(AssertionError, match="declares no rules"):
        check_rules("imagelint.text")
