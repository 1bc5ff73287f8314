"""`.dockerignore` files: moby's own cases, a port of its regular expressions as a second opinion, and hostile files."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelint.dockerfile.globs import Glob
from imagelint.dockerfile.ignorefile import MAX_BYTES, IgnoreFile, read
from imagelint.graph import BuildContext, Folder

if TYPE_CHECKING:
    from pathlib import Path

#: From moby/patternmatcher's tests: pattern, path, whether it or a parent matches.
MOBY = [
    ("**", "file", True), ("**/", "file", True), ("**", "dir/file", True), ("**/", "dir/file", True),
    ("**/**", "dir/file", True), ("dir/**", "dir/file", True), ("dir/**", "dir/dir2/file", True),
    ("**/dir", "dir", True), ("**/dir", "dir/file", True), ("**/dir2/*", "dir/dir2/file", True),
    ("**/dir2/**", "dir/dir2/dir3/file", True), ("**file", "file", True), ("**file", "dir/file", True),
    ("**/file", "dir/file", True), ("**file", "dir/dir/file", True), ("**/file*", "dir/dir/file.txt", True),
    ("**/file*txt", "dir/dir/file.txt", True), ("**/file*.txt*", "dir/dir/file.txt", True),
    ("**/**/*.txt", "dir/dir/file.txt", True), ("**/**/*.txt2", "dir/dir/file.txt", False),
    ("**/*.txt", "file.txt", True), ("**/**/*.txt", "file.txt", True), ("a**/*.txt", "a/file.txt", True),
    ("a**/*.txt", "a/dir/dir/file.txt", True), ("a/*.txt", "a/dir/file.txt", False), ("a/*.txt", "a/file.txt", True),
    ("a/*.txt**", "a/file.txt", True), ("a[b-d]e", "ae", False), ("a[b-d]e", "ace", True), ("a[b-d]e", "aae", False),
    ("a[^b-d]e", "aze", True), (".*", ".foo", True), (".*", "foo", False), ("abc.def", "abcdef", False),
    ("abc.def", "abc.def", True), ("abc?def", "abcZdef", True), ("abc?def", "abcdef", False), ("a\\\\", "a\\", True),
    ("**/foo/bar", "foo/bar", True), ("**/foo/bar", "dir/dir2/foo/bar", True), ("abc/**", "abc", False),
    ("abc/**", "abc/def/ghi", True), ("**/.foo", ".foo", True), ("**/.foo", "bar.foo", False),
    ("a(b)c/def", "a(b)c/def", True), ("a(b)c/def", "a(b)c/xyz", False), ("a.|)$(}+{bc", "a.|)$(}+{bc", True),
    ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", True), ("a\\*b", "a*b", True),
    ("**foo", "dir/xfoo/y", True), ("a**foo", "axfoo", False), ("a**foo", "ax/foo", True), ("a**", "abc/d", True),
]  # fmt: skip


def ignored(text: str, path: str) -> bool:
    file = IgnoreFile(".dockerignore", text)
    assert file.problem is None
    return file.ignores(path)


@pytest.mark.parametrize(("pattern", "path", "expected"), MOBY)
def test_the_cases_of_moby(pattern: str, path: str, expected: bool) -> None:
    assert ignored(pattern, path) is expected


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("**\n!util/docker/web", "util/docker/web/foo", False),
        ("**\n!util/docker/web\nutil/docker/web/foo", "util/docker/web/foo", True),
        ("!a.go\n*.go", "a.go", True),
        ("docs/\n!docs/README.md", "docs/README.md", False),
        ("docs/*\n!docs/README.md", "docs/other", True),
        ("# a\n\n  /b/./c/../d/  \r\n", "b/d", True),
        ("\ufeffa", "a", True),
        (" # a", "# a", True),
        ("a", "./a/b", True),
        ("a", "/a", True),
        ("/", "a", False),
        (".", "a", False),
        ("../a", "a", False),
        ("! /a\n! b ", "a", False),
        ("node_modules", "x/node_modules", False),
        ("*", ".", True),
        ("*\n!src", ".", False),
        ("a", ".", False),
    ],
)
def test_whole_files(text: str, path: str, expected: bool) -> None:
    assert ignored(text, path) is expected


def test_patterns_are_listed_as_they_are_matched() -> None:
    file = IgnoreFile("x", "test1\n/test2\n/a/file/here\n\nlastfile\n# comment\n! /inverted/abs/path\n")
    assert file.patterns == ("test1", "test2", "a/file/here", "lastfile", "!inverted/abs/path")
    assert file.exceptions


@pytest.mark.parametrize(
    "text", ["!", "! ", "!/", "[", "a[", "[]", "[]a]", "[a-]", "[-a]", "[z-a]", "a\\", "[\\", "[a\\"]
)
def test_a_pattern_that_buildkit_refuses_is_the_files_problem(text: str) -> None:
    file = IgnoreFile("x", f"a\n{text}\n")
    assert file.problem
    assert file.patterns == ()
    assert not file.ignores("a")


def moby(pattern: str) -> re.Pattern[str]:
    """The regular expression that moby's `Pattern.compile` makes, its special cases put into one."""
    out, at, plain = "", 0, not re.search(r"[*?\[\]\\]", pattern.removeprefix("**"))
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*" and pattern[at : at + 1] == "*":
            at += 1
            slash = pattern[at : at + 1] == "/"
            first = at == 2
            at += slash
            out += ".*" if at == len(pattern) or (first and plain and not slash) else "(?:.*/)?"
        elif char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "\\":
            out += re.escape(pattern[at])
            at += 1
        elif char == "[":
            end = pattern.index("]", at)
            out += f"[{pattern[at:end]}]"
            at = end + 1
        else:
            out += re.escape(char)
    return re.compile(f"{out}\\Z", re.DOTALL)


PIECES = st.sampled_from(["a", "b", "/", "/", "*", "**", "**/", "?", "[ab]", "[^a]", "[a-c]", "\\a", ".", "]"])
PATTERNS = st.lists(PIECES, min_size=1, max_size=9).map("".join).filter(lambda each: each[0] not in "/.]")
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "ba", "c", "]", ".a"]), min_size=1, max_size=5).map("/".join)


@settings(max_examples=300)
@given(PATTERNS, PATHS)
def test_a_glob_is_mobys_regular_expression(pattern: str, path: str) -> None:
    parents = [path[:at] for at, char in enumerate(path) if char == "/"]
    wanted = any(moby(pattern).match(each) for each in [path, *parents])
    assert Glob(pattern).matches(path) is wanted


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_text_is_a_file(text: str, path: str) -> None:
    file = IgnoreFile("x", text)
    assert file.ignores(path) in (True, False)
    assert file.problem is None or not file.ignores(path)


@pytest.mark.parametrize(
    "pattern", ["*a" * 2000, "**/a" * 1000, "**/*" * 1500, "[a-z]*" * 1000, "***" * 2000, "?" * 4000, "a**" * 2000]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    glob = Glob(pattern)
    begin = time.perf_counter()
    for path in ("a" * 4000, "a/" * 2000 + "b", "b" * 4000):
        glob.matches(path)
    assert time.perf_counter() - begin < 2


def test_hostile_files_are_problems(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert read(str(path)) is None
    for content in (b"a\n" * 10_001, b"a" * 65_536, b"a/" * (MAX_BYTES // 2) + b"b\n"):
        path.write_bytes(content)
        file = read(str(path))
        assert file is not None
        assert file.problem
        assert not file.ignores("a")
    path.unlink()
    os.mkfifo(path)
    assert getattr(read(str(path)), "problem", None) == "is not a regular file"
    assert getattr(read(str(tmp_path)), "problem", None)
    assert read("a\0b") is not None


def test_the_dockerfiles_own_ignore_file_wins(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/.dockerignore").write_text("general\n")
    context = BuildContext(dockerfile=str(tmp_path / "app/Dockerfile"))
    assert (context.context_dir, context.ignores("general")) == (str(tmp_path / "app"), True)
    (tmp_path / "build.Dockerfile.dockerignore").write_text("special\n")
    context = BuildContext(None, {}, str(tmp_path / "app"), str(tmp_path / "build.Dockerfile"))
    assert (context.ignores("special"), context.ignores("general")) == (True, False)
    assert BuildContext().ignore_file is None


def test_a_folder_is_read_once_for_all_that_share_it(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    folders: dict[str, Folder] = {}
    first, second = (BuildContext(dockerfile=str(tmp_path / name), folders=folders) for name in ("a", "b"))
    assert first.folder is not None
    assert first.folder.names == {"a"}
    (tmp_path / "b").touch()
    assert second.folder is first.folder
    assert second.folder.names == {"a"}
    alone = BuildContext(dockerfile=str(tmp_path / "b"))
    assert alone.folder is not None
    assert alone.folder.names == {"a", "b"}
    assert not BuildContext().ignores("general")
