"""What is copied from a build context on the disk, and what its ignore file keeps out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelint.finding import Paths, Persona, Severity
from imagelint.graph import BuildContext
from tests.rules import cases

if TYPE_CHECKING:
    from pathlib import Path

HELD = (".git", ".env", "app.py", "node_modules", "tests")

LEAKS = {
    "the whole context": ("FROM a\nCOPY . /b", "", "IL311:2"),
    "by ADD": ("FROM a\nADD ./ /b", "", "IL311:2"),
    "in a stage that the last one is built on": ("FROM a AS b\nCOPY . /b\nFROM b", "", "IL311:2"),
    "all ignored": ("FROM a\nCOPY . /b", ".git\n.env\nnode_modules\ntests", ""),
    "everything but the sources ignored": ("FROM a\nCOPY . /b", "*\n!app.py", ""),
    "excluded": ("FROM a\nCOPY --exclude=.git --exclude=.env --exclude=node_modules --exclude=tests . /b", "", ""),
    "a part of the context": ("FROM a\nCOPY src /b", "", ""),
    "from a stage": ("FROM a AS b\nFROM a\nCOPY --from=b . /c", "", ""),
    "in a stage that is not shipped": ("FROM a AS b\nCOPY . /b\nFROM a\nCOPY --from=b /c /c", "", ""),
    "another context than the one on the disk": ("FROM a\nCOPY elsewhere/x /\nCOPY . /b", "", ""),
}
IGNORED = {
    "by its name": ("FROM a\nCOPY app.py /", "app.py", "CopyIgnoredFile"),
    "by ADD, twice": ("FROM a\nADD a.md b.md c /", "*.md", "CopyIgnoredFile CopyIgnoredFile"),
    "by a variable": ("FROM a\nARG F=app.py\nCOPY ${F} /", "app.py", "CopyIgnoredFile"),
    "in a folder": ("FROM a\nCOPY ./a/b /", "a", "CopyIgnoredFile"),
    "everything": ("FROM a\nCOPY . /", "*", "CopyIgnoredFile"),
    "everything that is hidden": ("FROM a\nCOPY . /", ".*", ""),
    "brought back": ("FROM a\nCOPY app.py /", "**\n!app.py", ""),
    "another file": ("FROM a\nCOPY app.py /", "app", ""),
    "from a stage": ("FROM a AS b\nFROM a\nCOPY --from=b /app.py /", "app.py", ""),
    "a URL": ("FROM a\nADD https://b/app.py /", "**/app.py", ""),
    "an inline file": ("FROM a\nCOPY <<E /\nb\nE", "*", ""),
    "nothing to ignore": ("FROM a\nCOPY app.py /", "", ""),
    "behind a slash, which BuildKit does not see": ("FROM a\nCOPY /app.py /", "app.py", ""),
}


@pytest.fixture
def context(tmp_path: Path) -> BuildContext:
    """A context with history, a password, installed packages and tests."""
    for name in HELD:
        if "." in name[1:] or name == ".env":
            (tmp_path / name).touch()
        else:
            (tmp_path / name).mkdir()
    return BuildContext(context_dir=str(tmp_path))


def ignoring(context: BuildContext, patterns: str) -> BuildContext:
    """The context with an ignore file."""
    assert context.context_dir is not None
    if patterns:
        with open(f"{context.context_dir}/.dockerignore", "w", encoding="utf-8") as file:
            file.write(patterns + "\n")
    return context


@pytest.mark.parametrize(("text", "patterns", "expected"), LEAKS.values(), ids=LEAKS)
def test_leaks(text: str, patterns: str, expected: str, context: BuildContext, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    assert cases.found(text, "IL311", context=ignoring(context, patterns)) == expected


def test_a_leak_names_what_leaks(context: BuildContext) -> None:
    (finding,) = cases.linted("FROM a\nCOPY . /b", "IL311", context=context).findings
    assert finding.message == "COPY of the whole context brings in .env, .git, node_modules"
    assert isinstance(finding.blame, Paths)
    assert "/b/.git/*" in finding.blame.globs


def test_tests_alone_are_left_to_the_pedantic(context: BuildContext) -> None:
    held = ignoring(context, ".git\n.env\nnode_modules")
    (finding,) = cases.linted("FROM a\nCOPY . /b", "IL311", context=held).findings
    assert (finding.persona, finding.severity) == (Persona.PEDANTIC, Severity.INFO)


def test_without_a_disk_there_is_nothing_to_say() -> None:
    assert cases.found("FROM a\nCOPY . /b", "IL311") == ""
    assert cases.found("FROM a\nCOPY . /b", "IL311", context=BuildContext(context_dir="/nowhere\0")) == ""


@pytest.mark.parametrize(("text", "patterns", "expected"), IGNORED.values(), ids=IGNORED)
def test_ignored(text: str, patterns: str, expected: str, context: BuildContext) -> None:
    assert cases.aliases(text, "IL312", context=ignoring(context, patterns)) == expected


def test_a_path_behind_a_slash_is_ignored_too(context: BuildContext) -> None:
    assert cases.found("FROM a\nCOPY /app.py /", "IL312", context=ignoring(context, "app.py")) == "IL312:2"
