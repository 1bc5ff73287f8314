"""Rules come from plug-ins; one that cannot be loaded stops the run."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest

from imagelint import plugins
from imagelint.errors import PluginError

if TYPE_CHECKING:
    from pathlib import Path

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
