"""SARIF, held against its schema and against what GitHub makes of it."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelint.finding import FileError, FileReport, Finding, Fix, Related, RulePage, Severity
from imagelint.output import sarif
from imagelint.text import Edit, LineIndex, Span, apply_edits
from tests.conftest import ROOT
from tests.output import reports

if TYPE_CHECKING:
    from pathlib import Path


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "tests/output/schemas/sarif-2.1.0.json").read_text())
    return jsonschema.Draft202012Validator(schema)


def run(files: list[FileReport], errors: tuple[FileError, ...] = (), **rules: RulePage) -> Any:
    """The one run of a log that is valid."""
    log = json.loads(sarif.report(files, errors, rules or reports.RULES))
    validator().validate(log)
    return log["runs"][0]


def one(text: str, *found: Finding, path: str = "Dockerfile") -> Any:
    return run([FileReport(path, LineIndex(text), found)])


def region(text: str, span: Span) -> dict[str, int]:
    result = one(text, Finding(span, "m", code="IL101"))["results"][0]
    place: dict[str, int] = result["locations"][0]["physicalLocation"]["region"]
    return place


def test_the_schema_refuses_what_is_wrong() -> None:
    log = json.loads(sarif.report(*reports.small(), reports.RULES))
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    assert not validator().is_valid(log)


def test_nothing_found_is_a_log_too() -> None:
    assert run([])["results"] == []
    assert run([])["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_what_could_not_be_read_is_told_apart_from_findings() -> None:
    made = run([], (FileError("a b/Dockerfile", "no such file"),))
    (invocation,) = made["invocations"]
    assert made["results"] == []
    assert not invocation["executionSuccessful"]
    (told,) = invocation["toolExecutionNotifications"]
    assert told["message"]["text"] == "no such file"
    assert told["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("a%20b/Dockerfile")


REGIONS = {
    "a word": ("FROM a\n", Span(5, 6), (1, 6, 1, 7)),
    "behind characters of two units": ("FROM a\nRUN echo 🐳🐳 x\n", Span(19, 20), (2, 15, 2, 16)),
    "over a character of two units": ("FROM a\nRUN echo 🐳\n", Span(16, 17), (2, 10, 2, 12)),
    "one on another line": ("FROM 🐳\nRUN x\n", Span(7, 10), (2, 1, 2, 4)),
    "several lines": ("RUN a \\\n  b \\\n  c\n", Span(0, 17), (1, 1, 1, 8)),
    "several lines that end with CRLF": ("RUN a \\\r\n  b\r\n", Span(0, 12), (1, 1, 1, 8)),
    "nothing": ("FROM a\n", Span(5, 5), (1, 6, 1, None)),
    "the line end": ("FROM a\nRUN b\n", Span(6, 7), (1, 7, 1, None)),
    "an empty file": ("", Span(0, 0), (1, 1, 1, None)),
    "behind a byte order mark": ("\ufeffFROM a\n", Span(6, 7), (1, 6, 1, 7)),
}


@pytest.mark.parametrize("case", REGIONS)
def test_a_region_is_on_one_line_and_counts_as_utf_16_does(case: str) -> None:
    text, span, expected = REGIONS[case]
    made = region(text, span)
    assert (made["startLine"], made["startColumn"], made["endLine"], made.get("endColumn")) == expected


def replaced(text: str, replacements: list[Any]) -> str:
    """Apply SARIF's replacements as an editor would that counts lines and UTF-16 code units."""
    starts = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")]

    def offset(line: int, column: int) -> int:
        end = starts[line] if line < len(starts) else len(text)
        units = text[starts[line - 1] : end].encode("utf-16-le")[: 2 * (column - 1)]
        assert len(units) == 2 * (column - 1), "the column is on the line"
        return starts[line - 1] + len(units.decode("utf-16-le"))

    edits = []
    for each in replacements:
        deleted = each["deletedRegion"]
        span = Span(
            offset(deleted["startLine"], deleted["startColumn"]), offset(deleted["endLine"], deleted["endColumn"])
        )
        edits.append(Edit(span, each.get("insertedContent", {"text": ""})["text"]))
    return apply_edits(text, edits)


@given(st.text(st.sampled_from("aé🐳\n "), min_size=2, max_size=40), st.data())
def test_a_fix_does_in_an_editor_what_it_does_here(text: str, data: st.DataObject) -> None:
    at = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=4, unique=True)))
    edits = tuple(Edit(Span(start, end), "🐳x\n") for start, end in zip(at[::2], at[1::2], strict=False))
    made = one(text, Finding(Span(0, 1), "m", fix=Fix("do it", edits), code="IL101"))
    (change,) = made["results"][0]["fixes"][0]["artifactChanges"]
    assert replaced(text, change["replacements"]) == apply_edits(text, edits)


def test_a_fix_with_bytes_that_are_no_unicode_is_left_out() -> None:
    found = Finding(Span(0, 1), "m", fix=Fix("do it", (Edit(Span(0, 1), "\udcff"),)), code="IL101")
    assert "fixes" not in one("FROM a\n", found)["results"][0]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a b#c?.dockerfile", "a%20b%23c%3F.dockerfile"),
        ("100%:x/Dockerfile", "100%25%3Ax/Dockerfile"),
        ("é/\udcff", "%C3%A9/%FF"),
        ("./x/../Dockerfile", "Dockerfile"),
        ("-", "-"),
    ],
)
def test_a_path_becomes_a_relative_uri(path: str, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = one("FROM a\n", Finding(Span(0, 1), "m", code="IL101"), path=path)["results"][0]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": uri, "uriBaseId": "%SRCROOT%"}


def test_a_file_outside_the_repository_has_an_absolute_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    result = one("FROM a\n", Finding(Span(0, 1), "m", code="IL101"), path="../Dockerfile")["results"][0]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": f"file://{tmp_path}/Dockerfile"}


def test_a_rule_has_what_github_asks_for() -> None:
    (rule,) = one("FROM a\n", Finding(Span(0, 1), "m", code="IL101"))["tool"]["driver"]["rules"]
    assert rule["shortDescription"]["text"] == "apt's package lists stay in the layer."
    assert rule["fullDescription"]["text"].endswith("which <nobody> reads & needs at run time.")
    assert rule["helpUri"] == "https://example.org/rules/IL101"
    assert rule["defaultConfiguration"] == {"level": "warning"}
    assert rule["properties"] == {
        "tags": ["dockerfile", "DL3009"],
        "precision": "high",
        "problem.severity": "warning",
    }


def test_the_help_is_markdown_without_html() -> None:
    (rule,) = one("FROM a\n", Finding(Span(0, 1), "m", code="IL101"))["tool"]["driver"]["rules"]
    assert "&lt;nobody> reads &amp; needs" in rule["help"]["markdown"]
    assert "Bad:\n\n```dockerfile\nRUN apt-get update && apt-get install -y curl <<EOF\n```" in rule["help"]["markdown"]
    assert "```dockerfile bad" in rule["help"]["text"]


def test_long_descriptions_and_many_tags_are_cut() -> None:
    page = RulePage("IL1", "n", "s" * 2000, "s", Severity.INFO, tuple(f"DL{n}" for n in range(30)), None)
    files = [FileReport("Dockerfile", LineIndex("FROM a\n"), (Finding(Span(0, 1), "m", code="IL1"),))]
    (rule,) = run(files, IL1=page)["tool"]["driver"]["rules"]
    assert len(rule["shortDescription"]["text"]) == len(rule["fullDescription"]["text"]) == 1024
    assert len(rule["properties"]["tags"]) == 10


def test_a_message_makes_no_link() -> None:
    found = Finding(Span(0, 1), "ENV [x](http://e.org) [y](1)", code="IL101")
    assert one("FROM a\n", found)["results"][0]["message"]["text"] == "ENV [x] (http://e.org) [y] (1)"


def test_each_result_points_at_its_rule() -> None:
    found = [Finding(Span(0, 1), "m", code=code) for code in ("IL2", "IL1", "IL2", "SC2086", "IL1")]
    made = one("FROM a\n", *found)
    rules = [rule["id"] for rule in made["tool"]["driver"]["rules"]]
    assert rules == ["IL2", "IL1", "SC2086"]
    assert [rules[each["ruleIndex"]] for each in made["results"]] == [each.code for each in found]


def test_related_places_are_numbered_and_limited() -> None:
    related = tuple(Related(Span(5, 6), "here") for _ in range(200))
    (result,) = one("FROM a\n", Finding(Span(0, 1), "m", related=related, code="IL101"))["results"]
    assert [each["id"] for each in result["relatedLocations"]] == list(range(1, 101))


def test_more_results_than_github_takes_lose_the_least_of_them() -> None:
    count = sarif.MAX_RESULTS
    found = [Finding(Span(0, 1), "style", severity=Severity.STYLE, code="IL1")]
    found += [Finding(Span(0, 1), "m", severity=Severity.INFO, code="IL2")] * (count - 1)
    found += [Finding(Span(0, 1), "error", severity=Severity.ERROR, code="IL3")]
    files = [FileReport("Dockerfile", LineIndex("FROM a\n"), tuple(found))]
    made = json.loads(sarif.report(files, (), {}))["runs"][0]
    assert len(made["results"]) == count
    assert made["results"][-1]["level"] == "error"
    assert [rule["id"] for rule in made["tool"]["driver"]["rules"]] == ["IL2", "IL3"]
    (told,) = made["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == f"{count + 1} findings; the {count} that matter most are listed"
