"""docs/rules is written from the rules, and `make check` holds that it is up to date."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imagelint.finding import Finding, Persona, Unpriced
from imagelint.rule import rule as declare
from imagelint.testing import check_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.instructions import Run
    from imagelint.graph import BuildGraph
    from imagelint.rule import Rule

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "docs/generate"


@pytest.fixture(scope="module")
def script() -> Any:
    """The script as a module."""
    spec = spec_from_loader("docs_generate", SourceFileLoader("docs_generate", str(SCRIPT)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generate(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_pages_are_those_of_the_rules() -> None:
    done = generate("--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_stale_pages_are_named_and_written_anew_and_others_left_alone(tmp_path: Path) -> None:
    assert generate("--check", tmp_path).returncode == 1
    assert not list(tmp_path.iterdir())
    assert generate(tmp_path).returncode == 0
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {"README.md", "aliases.md", "IL101.md"} <= first.keys()
    (tmp_path / "IL101.md").write_text("old\n")
    (tmp_path / "IL102.md").unlink()
    (tmp_path / "GONE001.md").write_text("of a rule that is gone\n")
    (tmp_path / "notes.md").write_text("somebody's own\n")
    done = generate("--check", tmp_path)
    assert done.returncode == 1
    assert re.findall(r"(\w+)\.md is stale", done.stdout) == ["IL101", "IL102", "GONE001"]
    assert generate(tmp_path).returncode == 0
    assert generate("--check", tmp_path).returncode == 0
    after = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert after == first | {"notes.md": "somebody's own\n"}


def test_every_link_between_the_pages_leads_somewhere() -> None:
    folder = SCRIPT.parent / "rules"
    for path in folder.glob("*.md"):
        for target in re.findall(r"\]\((?!https:)([^)]*)\)", path.read_text()):
            assert (folder / target).is_file(), f"{path}: {target}"


def quiet(run: Run, graph: BuildGraph, *, words: tuple[str, ...] = ('a"b', "c"), most: int = 3) -> Iterator[Finding]:
    """`a | b` costs <b>bytes</b> | more.

    Why: of $PATH and R&D,
    # 1 of all; `x < y &&
    z` is code, and so is

        <this> & $that

    but not <that>.

    ```dockerfile bad
    FROM a:1
    RUN x <y> && z
    ```

    ```dockerfile good
    FROM a:1
    ```
    """
    yield from ()


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> Rule:
    """A rule with everything that a page can have to say."""
    from imagelint.dockerfile.instructions import Run

    monkeypatch.setitem(quiet.__annotations__, "run", Run)
    aliases = ("DL3025", "JSONArgsRecommended", "FromPlatformFlagConstDisallowed", "DL1000")
    declared = declare("TEST001", blame=Unpriced("<none>"), aliases=aliases, persona=Persona.PEDANTIC)
    return declared(quiet)


def test_a_page_is_markdown_in_which_prose_is_no_markup(script: Any, sample: Rule) -> None:
    page = script.page(sample)
    assert "`a | b` costs &lt;b&gt;bytes&lt;/b&gt; | more." in page
    assert "**Why:** of \\$PATH and R&amp;D,\n\\# 1 of all; `x < y &&\nz` is code" in page
    assert "\n    <this> & $that\n" in page
    assert "but not &lt;that&gt;." in page
    assert "**Bad:**\n\n```dockerfile\nFROM a:1\nRUN x <y> && z\n```" in page
    assert "**Good:**\n\n```dockerfile\nFROM a:1\n```" in page


def test_a_page_says_what_the_rule_goes_by_and_takes(script: Any, sample: Rule) -> None:
    page = script.page(sample)
    assert "| runs | when asked for (pedantic) |" in page
    assert "[DL3025](https://github.com/hadolint/hadolint/wiki/DL3025)" in page
    assert "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/" in page
    assert "https://docs.docker.com/go/dockerfile/rule/from-platform-flag-const-disallowed/" in page
    assert "wiki/DL1000" not in page
    assert "| fix | none |" in page
    assert "| bytes | none are counted: &lt;none&gt; |" in page
    assert '| `words` | `tuple[str, ...]` | `["a\\"b", "c"]` |' in page
    assert '[rules.quiet]\nwords = ["a\\"b", "c"]\nmost = 3\n' in page


def test_the_table_marks_what_is_off_and_wants_a_heading_for_each_group(
    script: Any, sample: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="what the rules TEST0… are about"):
        script.table([sample], [])
    monkeypatch.setitem(script.GROUPS, "TEST0", "Tests")
    table = script.table([sample], [])
    assert "## TEST0xx: Tests" in table
    assert "| [TEST001](TEST001.md)\\* | quiet | warning |" in table
    assert "`a \\| b` costs" in table


def test_the_rule_that_contributing_shows_is_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.search(r"(?s)````python\n(.*?)````", (ROOT / "CONTRIBUTING.md").read_text())
    assert shown is not None
    (tmp_path / "contributed_rules.py").write_text(shown[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    assert check_rules("contributed_rules", prefix="IL") == 2


def test_each_dependency_says_what_it_is_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for group in project["optional-dependencies"].values() for each in group]
    text = (ROOT / "docs/dependencies.md").read_text()
    for requirement in project["dependencies"] + extras:
        name = re.split(r"[^\w.-]", requirement)[0]
        assert f"`{name}`" in text, name
