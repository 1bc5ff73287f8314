"""What each output's readers rely on, beside what the golden reports show."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from imagelint.finding import FileReport, Finding, Fix, Safety, Severity
from imagelint.output import escape, hadolint_json, statistics
from imagelint.repository import from_root
from imagelint.text import Edit, LineIndex, Span
from tests.output import reports


def file(*found: Finding, path: str = "Dockerfile", text: str = "FROM a\nRUN b\nRUN b\n") -> FileReport:
    return FileReport(path, LineIndex(text), found)


def at(start: int, code: str = "IL101", severity: Severity | None = Severity.WARNING, **more: object) -> Finding:
    return Finding(Span(start, start + 1), "m", severity=severity, code=code)._replace(**more)


def test_github_shows_what_matters_most_first() -> None:
    found = [at(n, severity=Severity(n)) for n in range(4)]
    made = reports.report("github", [file(*found), file(*found, path="b")]).split("\n")
    assert [line.partition(" ")[0] for line in made] == ["::error"] * 2 + ["::warning"] * 2 + ["::notice"] * 4
    assert [line.partition("col=")[2][0] for line in made] == list("44332211")[:4] + list("2211")
    assert ["file=b" in line for line in made] == [False, True] * 4


def test_github_escapes_properties_more_than_messages() -> None:
    made = reports.report("github", [file(at(0, message="50%: a,b\nc"), path="a:b,c%.dockerfile")])
    assert "file=a%3Ab%2Cc%25.dockerfile," in made
    assert made.endswith("::50%25: a,b%0Ac")


def test_gitlab_tells_equal_findings_apart() -> None:
    again = file(at(11), at(17), at(17))
    made = json.loads(reports.report("gitlab", [again, again, file(at(11), path="./Dockerfile")]))
    assert len({each["fingerprint"] for each in made}) == len(made) == 7
    assert {each["location"]["path"] for each in made} == {"Dockerfile"}


def test_junit_counts_and_passes_clean_files() -> None:
    files, errors = reports.small()
    root = ElementTree.fromstring(reports.report("junit", files, errors))
    for suite in [root, *root.iter("testsuite")]:
        cases = list(suite.iter("testcase"))
        assert int(suite.get("tests", "")) == len(cases)
        assert int(suite.get("failures", "")) == len(list(suite.iter("failure")))
        assert int(suite.get("errors", "")) == len(list(suite.iter("error")))
        assert len({(each.get("classname"), each.get("name")) for each in cases}) == len(cases)


@pytest.mark.parametrize(
    ("code", "aliases", "expected"),
    [
        ("IL101", ("DL3009",), "DL3009"),
        ("IL101", ("JSONArgsRecommended", "DL3025"), "DL3025"),
        ("IL101", ("DL3004", "DL3009"), "DL3004"),
        ("IL101", ("WorkdirRelativePath",), "IL101"),
        ("IL101", None, "IL101"),
        ("SC2086", (), "SC2086"),
        ("ACME101", ("DL3009x",), "ACME101"),
    ],
)
def test_hadolint_json_gives_hadolints_id_first(code: str, aliases: tuple[str, ...] | None, expected: str) -> None:
    assert hadolint_json.code(at(0, code, aliases=aliases)) == expected


@pytest.mark.parametrize("name", ["gitlab", "hadolint_json"])
def test_lists_are_lists_where_nothing_was_found(name: str) -> None:
    assert json.loads(reports.report(name, [file()])) == []


def test_statistics_sort_by_count_and_mark_what_can_be_fixed() -> None:
    safe = Fix("x", (Edit(Span(0, 1), ""),))
    found = [at(0, "IL2", name="two", fix=safe), *[at(0, "IL10", name="ten")] * 9, at(0, "IL2", name="two", fix=safe)]
    found += [at(0, "IL3", name="three", fix=safe), at(0, "IL3", fix=safe._replace(safety=Safety.UNSAFE)), at(0, "SC1")]
    assert list(statistics.lines([file(*found[:5]), file(*found[5:])])) == [
        "9  IL10       ten",
        "2  IL2   [*]  two",
        "2  IL3   [-]  three",
        "1  SC1",
        "",
        "[*] can be fixed with --fix; [-] some can be fixed with --fix",
    ]


def test_statistics_of_nothing_are_nothing() -> None:
    assert list(statistics.lines([file()])) == []


def test_statistics_without_fixes_have_no_column_for_them() -> None:
    assert list(statistics.lines([file(at(0, name="n"))])) == ["1  IL101  n"]


MARKDOWN = {
    "a tag": ("<img src=x>", "&lt;img src=x>"),
    "an entity": ("a &amp; b", "a &amp;amp; b"),
    "a tag as code": ("use `<x>` and <y>", "use `<x>` and &lt;y>"),
    "a backtick that closes nothing": ("`<x>", "`&lt;x>"),
    "a block": ("```sh\n<x>\n```\n<y>", "```sh\n<x>\n```\n&lt;y>"),
    "a longer block": ("````\n```\n<x>\n````\n<y>", "````\n```\n<x>\n````\n&lt;y>"),
    "a terminal's escape": ("a\x1b[2J\nb", "a\\x1b[2J\nb"),
}


@pytest.mark.parametrize("case", MARKDOWN)
def test_markdown_has_no_html(case: str) -> None:
    text, expected = MARKDOWN[case]
    assert escape.markdown(text) == expected


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose folder `sub` is the working one."""
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/sub/deep").mkdir(parents=True)
    (tmp_path / "repo/Dockerfile").touch()
    (tmp_path / "outside").touch()
    (tmp_path / "repo/sub/link").symlink_to("../Dockerfile")
    (tmp_path / "repo/sub/away").symlink_to("../../outside")
    monkeypatch.chdir(tmp_path / "repo/sub")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Dockerfile", "sub/Dockerfile"),
        ("./deep/../Dockerfile", "sub/Dockerfile"),
        ("../Dockerfile", "Dockerfile"),
        ("link", "Dockerfile"),
        ("away", "sub/away"),
        ("{top}/repo/sub/Dockerfile", "sub/Dockerfile"),
        ("../../outside", "{top}/outside"),
        ("{top}/repo2/Dockerfile", "{top}/repo2/Dockerfile"),
        ("-", "-"),
    ],
)
def test_a_path_is_given_from_the_repositorys_root(repository: Path, path: str, expected: str) -> None:
    assert from_root(path.format(top=repository)) == expected.format(top=repository)
