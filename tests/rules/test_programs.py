"""A rule with `programs` finds nothing in a RUN that calls none of them, so that it loses nothing by not seeing it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelint import plugins
from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.parser import parse
from imagelint.errors import PluginError
from imagelint.finding import Finding, Unpriced
from imagelint.linter import lint
from imagelint.rule import Rule
from imagelint.rule import rule as declare

RULES = plugins.load().rules
#: The same rules, shown every RUN there is.
UNFILTERED = [rule._replace(programs=None, prefixes=()) for rule in RULES]
FILES = sorted(
    path for path in (Path(__file__).parents[2] / "fixtures/dockerfiles").rglob("*Dockerfile*") if path.is_file()
)
NAMES = sorted({name.replace("*", "3.11") for rule in RULES for name in rule.programs or ()} - {""})
WORDS = (
    "install add update upgrade i ci run build package sync -y -m pip --force -R -k -x -xf -o x.deb x.tar.gz 777 /sh"
    " /bin/sh /srv https://example.org/x.tgz http://example.org/x.sh root:Kq7vT2mZ clone get -c A=1 --allow-untrusted"
).split()


def found(text: str | bytes, rules: list[Rule] | tuple[Rule, ...]) -> list[tuple[object, ...]]:
    """The findings with the globs of their blame, which itself is equal to no other."""
    findings = lint("Dockerfile", text, rules).findings
    return [(each._replace(blame=None), getattr(each.blame, "globs", type(each.blame))) for each in findings]


@pytest.mark.parametrize("rule", RULES, ids=[rule.code for rule in RULES])
def test_nothing_is_lost_in_the_examples_of_a_rule(rule: Rule) -> None:
    for example in rule.examples:
        assert found(example.text, RULES) == found(example.text, UNFILTERED)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_nothing_is_lost_in_the_fixtures(path: Path) -> None:
    assert found(path.read_bytes(), RULES) == found(path.read_bytes(), UNFILTERED)


commands = st.builds(
    lambda wrapper, name, words: " ".join([*wrapper, name, *words]),
    st.sampled_from([[], [], ["sudo"], ["env", "B=2"], ["xargs"], ["C=3"], ["sh", "-c"], ["conda", "run"]]),
    st.sampled_from(["", "export", *NAMES]),
    st.lists(st.sampled_from(WORDS + NAMES), max_size=5),
)
scripts = st.builds(
    lambda parts: "".join(f"{joint}{part}" for joint, part in parts)[4:],
    st.lists(st.tuples(st.sampled_from([" && ", " || ", " | x", " ;  "]), commands), min_size=1, max_size=4),
)


@given(st.lists(scripts, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_in_any_script(scripts: list[str]) -> None:
    text = "FROM debian:12\nCOPY . /srv\n" + "".join(f"RUN {script}\n" for script in scripts)
    assert found(text, RULES) == found(text, UNFILTERED)


@pytest.mark.parametrize(
    ("script", "programs"),
    [
        ("A=1; cd /x && apt-get update", {"", "cd", "apt-get"}),
        ("sudo -E /usr/bin/pip3 install x", {"sudo", "pip3"}),
        ("bash -c 'curl x | tar x'", {"curl", "tar"}),
        ("echo $(nproc)", {"echo", "nproc"}),
        ('["/bin/ls", "-l"]', {"ls"}),
    ],
)
def test_programs_are_those_that_run_wrappers_too(script: str, programs: set[str]) -> None:
    run = parse(f"FROM a\nRUN {script}\n").instructions[1]
    assert isinstance(run, Run)
    assert run.programs == programs


def loud(run: Run, graph: object) -> list[Finding]:
    return [Finding(run.span, "found")]


def test_a_rule_is_shown_the_runs_that_call_its_programs() -> None:
    rule = declare("XX100", programs=("apt-get", "pip*"), blame=Unpriced("a test"))(loud)
    text = "FROM a\nRUN apt-get x\nRUN apt x\nRUN pip3.11 x\nRUN sudo pip x\nRUN pi x\nONBUILD RUN pip x\n"
    linted = lint("Dockerfile", text, [rule])
    assert [linted.source.index.position(each.span.start).line for each in linted.findings] == [2, 4, 5, 7]


def test_programs_are_several_names() -> None:
    with pytest.raises(PluginError, match=r"test_programs\.loud: programs must be several names"):
        declare("XX100", programs="apt-get", blame=Unpriced("a test"))(loud)
