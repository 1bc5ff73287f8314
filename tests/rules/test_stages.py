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
    "a variant of another stage": "FROM a AS b\nCOPY c d\nFROM b AS rootless\nUSER e\nFROM b",
    "only a name for an image": "FROM a AS b\nFROM a",
}
BUILDS = {
    "sources before the build": ("FROM a\nCOPY src/ /s/\nRUN make", "IL301:3"),
    "a COPY behind the build": ("FROM a\nRUN make -C /already/there\nCOPY src/ /s/", ""),
    "configuration alone": ("FROM a\nCOPY a.conf /etc/\nRUN make -C /already/there", ""),
    "tools behind the build": ("FROM a\nRUN make -C /x\nRUN apk add gcc", ""),
    "tools of a later build": ("FROM a\nRUN make -C /x\nRUN apk add gcc\nRUN make -C /y", "IL301:4"),
    "a program that only tells its version": ("FROM a\nRUN apk add gcc\nRUN bazel version", ""),
    "only installers installed": ("FROM a\nRUN apk add gcc && pip install -U pip 'setuptools>=60'", ""),
    "only Bundler installed": ("FROM a\nRUN apk add gcc && gem install bundler -v 2", ""),
    "compiled by pip": ("FROM a\nRUN apk add gcc \\\n && pip install -U pip \\\n && pip install x", "IL301:4"),
    "compiled by Poetry": ("FROM a\nRUN apk add gcc\nRUN poetry install", "IL301:3"),
    "a container that builds": ('FROM a\nCOPY . .\nRUN mvn compile\nCMD ["mvn", "jetty:run"]', ""),
    "a container that runs what was built": (
        'FROM a\nCOPY . .\nRUN dotnet publish\nCMD ["dotnet", "x.dll"]',
        "IL301:3",
    ),
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


BY_WHAT_IS_LEFT = {
    "a compiler": ("FROM a\nRUN apk add gcc && make", Persona.REGULAR),
    "headers alone": ("FROM a\nRUN apt-get install -y libpcap-dev=1 zlib1g-dev && make", Persona.PEDANTIC),
    "headers and sources": ("FROM a\nCOPY src/ /s\nRUN apt-get install -y libpcap-dev && make", Persona.REGULAR),
    "build-base": ("FROM a\nRUN dnf install -y gcc-c++-devel build-essential && make", Persona.REGULAR),
    "a base image to build in": ("FROM buildpack-deps:bookworm\nRUN apt-get install -y gcc && make", Persona.PEDANTIC),
    "a devcontainer": ("FROM mcr.microsoft.com/devcontainers/base:1\nRUN apk add gcc && make", Persona.PEDANTIC),
    "a last stage to build in": ("FROM a AS x-builder\nRUN apk add gcc && make", Persona.PEDANTIC),
    "a last stage that starts something": ("FROM a AS build\nRUN apk add gcc && make\nCMD x", Persona.REGULAR),
}


@pytest.mark.parametrize(("text", "persona"), BY_WHAT_IS_LEFT.values(), ids=BY_WHAT_IS_LEFT)
def test_who_is_told_of_build_tools(text: str, persona: Persona) -> None:
    assert [each.persona for each in cases.linted(text, "IL301").findings] == [persona]


def test_time_grows_with_the_file() -> None:
    installs = " && ".join(["apk add gcc"] * 10_000)
    stages = "".join(f"FROM a AS b{number}\nRUN c\n" for number in range(3000))
    started = time.perf_counter()
    cases.linted(f"{stages}FROM a\nCOPY . .\nRUN {installs} && make\n", "IL301", "IL302")
    assert time.perf_counter() - started < 5
