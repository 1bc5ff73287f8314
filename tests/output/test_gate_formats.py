"""The gate's reports, each read as its readers read it, of images whose names and commands a stranger chose."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from imagelint import gate
from imagelint.gate import Check, Cost, Culprit, Verdict
from imagelint.image.report import DiveNumbers, ImageSummary, LayerReport, Report
from imagelint.output import gateformats, schemas
from imagelint.output.places import Place
from tests.output.test_hostile import PATH, TEXT, WORST, seen
from tests.output.test_sarif import validator

#: What GitLab documents of a code quality report; its importer drops an issue that lacks one of these.
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "minLength": 1, "not": {"pattern": "^\\./"}},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}, "end": {"type": "integer"}},
                        "additionalProperties": False,
                    },
                },
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
    },
}
#: What the readers of JUnit's XML have in common: elements, their children, and their attributes (True: must be there).
JUNIT: dict[str, tuple[set[str], dict[str, bool]]] = {
    "testsuites": ({"testsuite"}, {"name": False, "tests": False, "failures": False, "errors": False, "time": False}),
    "testsuite": (
        {"testcase"},
        {"name": True, "tests": True, "failures": True, "errors": True, "skipped": False, "time": True},
    ),
    "testcase": ({"skipped", "error", "failure", "system-out"}, {"name": True, "classname": True, "time": True}),
    "failure": (set(), {"type": False, "message": False}),
    "skipped": (set(), {"type": False, "message": False}),
    "system-out": (set(), {}),
}
COMMAND = re.compile(r"::(error|warning|notice) (?:[A-Za-z]+=[^:,\n]*,?)+::[^\r\n]+")


@dataclass(frozen=True)
class Judged:
    """What a format is handed."""

    report: Report
    path: str = "Dockerfile"
    places: dict[int, Place] = field(default_factory=dict)


def judged(reference: str = "x:1", command: str = "RUN make", path: str = "Dockerfile") -> Judged:
    """Three layers of which the first has a line."""
    summary = ImageSummary(reference, "docker", "sha256:0", "linux/amd64", 300, None, True)
    layers = tuple(LayerReport(n, f"sha256:{n}", None, command, 100, None, 1, False, n) for n in range(3))
    report = Report(summary, layers, 300, 0, (), (), (), DiveNumbers(1.0, 0, None))
    return Judged(report, path, {0: Place(path, 7, 9)})


def verdict(*states: str, culprits: int = 0, text: str = "make", costs: int = 0) -> Verdict:
    """Checks that are held, broken or waived, so many layers that grew and findings that cost, the dearest first."""
    checks = [
        Check(
            f"check-{n}",
            5 + n,
            4,
            state != "broken",
            f"{text}, 5 is more than 4",
            f"as {text}" if state == "waived" else None,
        )
        for n, state in enumerate(states)
    ]
    grown = [Culprit(n % 3, text, text or None, 1000 - n, text if n % 2 else None) for n in range(culprits)]
    dear = [Cost("IL1", text, n // 2 + 1, n + 1, 100 - n) for n in range(costs)]
    return Verdict(tuple(checks), tuple(grown), None, tuple(dear))


def made(form: str, found: Verdict, read: Judged | None = None) -> str:
    text = gateformats.report(form, read or judged(), found, None)
    assert text.endswith("\n")
    seen(text.replace("\n", " ") if form != "text" else "")
    return text


BROKEN = verdict("held", "broken", "waived", culprits=4)


@given(PATH, TEXT, PATH)
@example(WORST, WORST, "a b#c?.dockerfile")
def test_json_is_what_its_schema_says(reference: str, text: str, path: str) -> None:
    document = json.loads(
        made("json", verdict("broken", "waived", culprits=2, text=text, costs=2), judged(reference, text, path))
    )
    jsonschema.Draft202012Validator(json.loads(schemas.text("gate"))).validate(document)


class TestSarif:
    @given(PATH, TEXT, PATH)
    @example(WORST, WORST, "a b#c?.dockerfile")
    def test_it_is_what_its_schema_says(self, reference: str, text: str, path: str) -> None:
        found = verdict("held", "broken", culprits=30, text=text, costs=4)
        log = json.loads(made("sarif", found, judged(reference, text, path)))
        validator().validate(log)
        results = log["runs"][0]["results"]
        assert len(results) == 15
        prints = [each["partialFingerprints"]["primaryLocationLineHash"] for each in results]
        assert len(set(prints[:8])) == 8
        rules = {rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}
        assert {each["ruleId"] for each in results} <= rules

    def test_the_path_is_an_uri(self) -> None:
        log = json.loads(made("sarif", BROKEN, judged(path="a b#c.dockerfile")))
        places = [each["locations"][0]["physicalLocation"] for each in log["runs"][0]["results"]]
        assert places[0]["artifactLocation"] == {"uri": "a%20b%23c.dockerfile", "uriBaseId": "%SRCROOT%"}
        assert places[1]["region"] == {"startLine": 7, "endLine": 9}

    def test_what_held_is_no_result(self) -> None:
        log = json.loads(made("sarif", verdict("held", "waived", culprits=3)))
        validator().validate(log)
        assert log["runs"][0]["results"] == []


class TestGitlab:
    @given(PATH, TEXT, PATH)
    @example(WORST, WORST, "./a b")
    def test_it_is_what_gitlab_takes(self, reference: str, text: str, path: str) -> None:
        found = verdict("held", "broken", "broken", culprits=3, text=text, costs=2)
        entries = json.loads(made("gitlab", found, judged(reference, text, path)))
        jsonschema.Draft202012Validator(CODE_QUALITY).validate(entries)
        assert [each["severity"] for each in entries] == ["critical"] * 2 + ["major"] * 5
        assert len({each["fingerprint"] for each in entries}) == 7

    def test_what_held_is_an_empty_list(self) -> None:
        assert json.loads(made("gitlab", verdict("held", "waived", culprits=3))) == []


class TestJunit:
    @given(PATH, TEXT)
    @example(WORST, WORST)
    def test_it_has_what_readers_know_and_counts_right(self, reference: str, text: str) -> None:
        found = verdict("held", "broken", "waived", "broken", culprits=2, text=text)
        root = ElementTree.fromstring(made("junit", found, judged(reference)))
        assert root.tag == "testsuites"
        for element in root.iter():
            children, attributes = JUNIT[element.tag]
            assert {child.tag for child in element} <= children
            assert set(element.keys()) <= set(attributes)
            assert {name for name, needed in attributes.items() if needed} <= set(element.keys())
        (suite,) = root
        assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "2", "0", "1"]
        assert [len(suite.findall(f"testcase/{tag}")) for tag in ("failure", "skipped", "system-out")] == [2, 1, 1]

    def test_a_case_that_passed_says_what_was_observed(self) -> None:
        root = ElementTree.fromstring(made("junit", BROKEN))
        assert root.findtext(".//system-out") == "make, 5 is more than 4"


class TestOpenMetrics:
    def families(self, found: Verdict, reference: str = "x:1") -> dict[str, Any]:
        """The metrics as Prometheus' own parser reads them: it refuses what the specification forbids."""
        families = list(text_string_to_metric_families(made("openmetrics", found, judged(reference))))
        assert len({family.name for family in families}) == len(families)
        return {family.name: family for family in families}

    @given(PATH)
    @example(WORST)
    @example('a"b\\n\\"')
    def test_any_name_is_a_label(self, reference: str) -> None:
        families = self.families(BROKEN, reference)
        (sample,) = families["image_layer_bytes"].samples
        assert sample.value == 300
        assert sample.labels["image"] or not reference

    def test_each_budget_has_its_numbers(self) -> None:
        families = self.families(BROKEN, 'a"b\\c')
        assert families["image_layer_bytes"].unit == "bytes"
        assert families["image_layers"].samples[0].labels == {"image": 'a"b\\c'}
        found = {
            name: {each.labels["budget"]: each.value for each in families[f"budget_{name}"].samples}
            for name in ("observed", "limit", "held")
        }
        assert found["observed"] == {"check-0": 5, "check-1": 6, "check-2": 7}
        assert found["limit"] == dict.fromkeys(found["limit"], 4)
        assert found["held"] == {"check-0": 1, "check-1": 0, "check-2": 1}

    def test_no_budget_makes_no_empty_family(self) -> None:
        assert not any(name.startswith("budget") for name in self.families(Verdict((), (), None)))


class TestGithub:
    @given(PATH, TEXT, PATH, st.integers(0, 14), st.integers(0, 14))
    @example(WORST, WORST, WORST, 14, 14)
    @example("x", "::error::x", "x", 2, 14)
    def test_ten_annotations_and_no_other_command(
        self, reference: str, text: str, path: str, broken: int, culprits: int
    ) -> None:
        costs = min(broken, 3)  # where nothing is broken nothing costs too much
        found = verdict("held", *["broken"] * broken, "waived", culprits=culprits, text=text, costs=costs)
        lines = made("github", found, judged(reference, text, path)).splitlines()
        commands = [line for line in lines if "::" in line[:2]]
        assert all(COMMAND.fullmatch(line) for line in commands)
        assert len(commands) == min(broken + 1 + costs + (culprits if broken else 0), 10)
        levels = [line[2:].partition(" ")[0] for line in commands]
        assert levels == sorted(levels, key=["error", "notice", "warning"].index)
        assert len(lines) == broken + 2 + costs + (min(culprits, 10) if broken else 0)

    def test_what_costs_stands_at_its_lines(self) -> None:
        lines = made("github", verdict("broken", costs=2)).splitlines()
        assert lines[1:] == [
            "::warning file=Dockerfile,line=1,endLine=1,title=costs::100 B line 1: IL1 make",
            "::warning file=Dockerfile,line=1,endLine=2,title=costs::99 B line 1: IL1 make",
        ]

    def test_the_dearest_come_first_at_their_lines(self) -> None:
        lines = made("github", verdict("broken", culprits=12)).splitlines()
        assert lines[1] == "::warning file=Dockerfile,line=7,endLine=9,title=grew::+1.00 kB line 7: make, mostly make"
        shown = [int(found[1]) for line in lines[2:] if (found := re.search(r"\+(\d+) B", line))]
        assert shown == list(range(999, 990, -1))


class TestMarkdown:
    @given(PATH, TEXT)
    @example(WORST, WORST)
    @example("x", "|`|<img src=x> @somebody [a](b) \\| `` |\n| a |")
    def test_nothing_of_a_stranger_is_markup(self, reference: str, text: str) -> None:
        found = verdict("held", "broken", "waived", culprits=12, text=text, costs=11)
        tokens = MarkdownIt("commonmark").enable("table").parse(made("markdown", found, judged(reference, text)))
        blocks = [token for token in tokens if token.type == "html_block"]
        assert [token.content.strip() for token in blocks] == ["<!-- imagelint gate -->"]
        inline = [child for token in tokens for child in token.children or ()]
        assert {child.type for child in inline} <= {"text", "code_inline", "strong_open", "strong_close"}
        rows = [token.type for token in tokens].count("tr_open")
        assert rows == 1 + 3 + 1 + 10 + 1 + 10
        cells = [token.type for token in tokens].count("td_open")
        assert cells == 3 * (3 + 10 + 10)

    def test_it_is_one_comments_worth(self) -> None:
        """GitHub takes 65,536 characters in a comment."""
        text = "x" * 10_000
        assert (
            len(made("markdown", verdict(*["broken"] * 12, culprits=500, text=text, costs=500), judged(text, text)))
            < 20_000
        )


def test_waivers_are_said_in_every_form_for_people() -> None:
    report = judged().report
    waiver = gate.Waiver("max-size", "the new model", date(2026, 1, 31))
    budgets = gate.Budgets(max_size=1, waivers=(waiver,))
    waived = gate.judge(report, budgets, None, today=date(2026, 1, 31))
    expired = gate.judge(report, budgets, None, today=date(2026, 2, 1))
    assert waived.held
    assert not expired.held
    for form in ("text", "markdown", "github", "junit", "json"):
        assert "the new model (until 2026-01-31)" in made(form, waived), form
        assert "its waiver expired on 2026-01-31" in made(form, expired), form


@pytest.mark.parametrize("form", [form for form in gateformats.NAMES if form not in ("gitlab", "sarif")])
def test_what_held_says_what_was_observed_and_allowed(form: str) -> None:
    budgets = gate.Budgets(max_size=1000, max_layers=4, forbidden_paths=("/etc/*",))
    text = made(form, gate.judge(judged().report, budgets, None))
    if form == "openmetrics":
        for line in ('observed{image="x:1",budget="max-layers"} 3', 'limit{image="x:1",budget="max-layers"} 4'):
            assert f"budget_{line}\n" in text
    else:
        assert "300 B is within the limit of 1.00 kB" in text
        assert "3 layers, 4 allowed" in text
        assert "0 paths found, 0 allowed" in text
