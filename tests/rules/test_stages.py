"""Which stages are used, and what is built in the one that is shipped."""

from __future__ import annotations

import time

import pytest

from imagelint.finding import Persona
from imagelint.graph import BuildContext
from tests.rules import cases

UNUSED = {
    "a builder whose COPY lost its --from": ("FROM a AS build\nRUN b\nFROM a\nCOPY c d", "IL302:1"),
    "a stage without a name": ("FROM a\nRUN b\nFROM a", "IL302:1"),
    "of a chain the last one": ("FROM a AS b\nRUN c\nFROM b AS d\nRUN e\nFROM a", "IL302:3"),
    "copied from": ("FROM a AS b\nRUN c\nFROM a\nCOPY --from=b x x", ""),
    "copied from by number": ("FROM a\nRUN c\nFROM a\nCOPY --from=0 x x", ""),
    "mounted": ("FROM a AS b\nRUN c\nFROM a\nRUN --mount=from=b,target=/b d", ""),
    "built on": ("FROM a AS b\nRUN c\nFROM b", ""),
}
TARGETS = {
    "by its name": "FROM a AS unit-test\nRUN b\nFROM a",
    "by what it runs": 'FROM a AS api\nCMD ["b"]\nFROM a',
    "for its files": "FROM a AS b\nFROM scratch AS files\nCOPY --from=b x x\nFROM b",
    "only a name for an image": "FROM a AS b\nFROM a",
}
BUILDS = {
    "sources before the build": ("FROM a\nCOPY src/ /s/\nRUN make", "IL301:3"),
    "a COPY behind the build": ("FROM a\nRUN make -C /already/there\nCOPY src/ /s/", ""),
    "configuration alone": ("FROM a\nCOPY a.conf /etc/\nRUN make -C /already/there", ""),
    "code by its suffix": ("FROM a\nCOPY a.c /s/\nRUN gcc /s/a.c", "IL301:3"),
    "maven that builds nothing": ("FROM a\nCOPY . .\nRUN mvn versions:set", ""),
    "maven that builds": ("FROM a\nCOPY . .\nRUN mvn -B clean package", "IL301:3"),
    "tools removed behind another install": (
        "FROM a\nRUN apk add gcc && apk add make && make && apk del gcc make",
        "",
    ),
}


@pytest.mark.parametrize(("text", "expected"), UNUSED.values(), ids=UNUSED)
def test_unused_stages(text: str, expected: str) -> None:
    assert cases.found(text, "IL302") == expected


@pytest.mark.parametrize("text", TARGETS.values(), ids=TARGETS)
def test_targets_are_left_to_the_pedantic(text: str) -> None:
    assert {each.persona for each in cases.linted(text, "IL302").findings} == {Persona.PEDANTIC}


def test_with_a_target_the_others_are_not_looked_at() -> None:
    assert cases.found("FROM a AS b\nRUN c\nFROM a", "IL302", context=BuildContext(target="b")) == ""


@pytest.mark.parametrize(("text", "expected"), BUILDS.values(), ids=BUILDS)
def test_builds_in_the_stage_that_is_shipped(text: str, expected: str) -> None:
    assert cases.found(text, "IL301") == expected


def test_time_grows_with_the_file() -> None:
    installs = " && ".join(["apk add gcc"] * 10_000)
    stages = "".join(f"FROM a AS b{number}\nRUN c\n" for number in range(3000))
    started = time.perf_counter()
    cases.linted(f"{stages}FROM a\nCOPY . .\nRUN {installs} && make\n", "IL301", "IL302")
    assert time.perf_counter() - started < 5
