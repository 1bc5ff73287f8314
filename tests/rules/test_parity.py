"""Places at the edges of hadolint's rules, found by asking hadolint 2.15.1: whether its id is among the aliases."""

from __future__ import annotations

import pytest

from imagelint.finding import Persona, Severity
from tests.rules import cases

EDGES = {
    "DL3001: where a program is": ("RUN command -v ssh", "IL801", ""),
    "DL3001: behind command": ("RUN command ssh", "IL801", "DL3001"),
    "DL3003: inside a default": ("RUN echo ${a:-$(cd b)}", "IL802", "DL3003"),
    "DL3003: in a function": ("RUN function f { cd a; }; f", "IL802", "DL3003"),
    "DL3004: where it is": ("RUN command -v sudo", "IL803", ""),
    "DL3011: a number with many digits": ("EXPOSE 99999999999", "IL006", "DL3011"),
    "DL3021: to here": ("COPY b c .", "IL210", "DL3021"),
    "DL3021: to a variable that nobody knows": ("COPY b c $D", "IL210", ""),
    "DL3032: groups": ("RUN yum -y groups install x", "IL105", "DL3032"),
    "DL3040: groups": ("RUN dnf -y groups install x", "IL106", "DL3040"),
    "DL3040: groups that are only listed": ("RUN dnf groups list", "IL106", ""),
    "DL3042: an option of pip's own with a value": ("RUN pip --proxy a install x==1", "IL103", "DL3042"),
    "DL3042: install as a value": ("RUN pip --log install download x==1", "IL103", ""),
    "DL3046: -o takes no value": ("RUN useradd -ou 123456 x", "IL126", "DL3046"),
    "DL3048: quotes in the old form": ('LABEL "b" c', "IL711", ""),
    "DL3059: a condition is no command": ("RUN b\nRUN [ -f c ] && d", "IL201", "DL3059"),
    "DL3059: a condition with two commands": ("RUN b\nRUN [[ -f c ]] && d && e", "IL201", ""),
    "DL3059: a quoted script is one": ("RUN b\nRUN sh -c 'c && d && e'", "IL201", "DL3059"),
    "DL3059: two quoted scripts": ("RUN b\nRUN sh -c c && sh -c d && sh -c e", "IL201", ""),
    "DL3064: a name that is no secret": ("ENV TRAVIS_SUDO=1", "IL601", "DL3064"),
    "DL4001: where it is": ("RUN command -v curl\nRUN wget -q b", "IL804", ""),
    "DL4006: an alternative in a condition": ("RUN [[ b =~ c|d ]]", "IL806", ""),
    "DL4006: an option behind the o": ('SHELL ["/bin/bash", "-oe", "pipefail", "-c"]\nRUN b | c', "IL806", ""),
    "DL4006: set with it": ("RUN set -oe pipefail; b | c", "IL806", ""),
}  # fmt: skip
IMAGES = {
    "a registry that only the build knows": ("ARG R\nFROM $R/debian", "DL3006"),
    "a path that only the build knows": ("ARG R\nFROM x/$R/debian", "DL3006"),
    "an image that only the build knows": ("ARG R\nFROM $R", ""),
    "a tag that only the build knows": ("ARG R\nFROM $R/debian:$T", ""),
    "a last part that only the build knows": ("ARG R\nFROM x/$R/b$C", ""),
    "latest of an image that only the build knows": ("ARG R\nFROM $R:latest", "DL3007"),
    "latest of a registry that only the build knows": ("ARG R\nFROM $R/debian:latest", "DL3007"),
    "latest and a digest": (f"ARG R\nFROM $R/debian:latest@sha256:{'0' * 64}", ""),
    "no image whatever the build knows": ("ARG R\nFROM $R/DEBIAN:latest", ""),
    "a stage": ("FROM a:1 AS b\nFROM b", ""),
}  # fmt: skip
HEALTH = {
    "a builder": ("FROM a AS b\nFROM a\nHEALTHCHECK NONE", [("IL720:1", Severity.STYLE)]),
    "the stage below": ("FROM a AS b\nFROM b\nHEALTHCHECK NONE", []),
    "two below": ("FROM a AS b\nFROM b AS c\nFROM c\nHEALTHCHECK NONE", []),
    "a stage on one that has it": ("FROM a AS b\nHEALTHCHECK NONE\nFROM b AS c\nFROM b", []),
    "none at all": ("FROM a AS b\nFROM a", [("IL720:1", Severity.STYLE), ("IL720:2", Severity.INFO)]),
}


@pytest.mark.parametrize(("text", "code", "expected"), EDGES.values(), ids=EDGES)
def test_edges(text: str, code: str, expected: str) -> None:
    assert cases.aliases(f"FROM a\n{text}", code) == expected


@pytest.mark.parametrize(("text", "expected"), IMAGES.values(), ids=IMAGES)
def test_images(text: str, expected: str) -> None:
    assert cases.aliases(text, "IL401", "IL402") == expected


@pytest.mark.parametrize(("text", "expected"), HEALTH.values(), ids=HEALTH)
def test_health(text: str, expected: list[tuple[str, Severity]]) -> None:
    linted = cases.linted(text, "IL720")
    got = [(cases.places(linted, [each]), each.severity) for each in linted.findings]
    assert got == expected


def test_what_hadolint_alone_takes_for_one_is_left_to_the_pedantic() -> None:
    (condition,) = cases.linted("FROM a\nRUN b\nRUN [ -f c ] && d", "IL201").findings
    (name,) = cases.linted("FROM a\nENV TRAVIS_SUDO=1", "IL601").findings
    assert (condition.persona, name.persona) == (Persona.PEDANTIC, Persona.PEDANTIC)
    assert name.message.startswith("TRAVIS_SUDO is on hadolint's list")
