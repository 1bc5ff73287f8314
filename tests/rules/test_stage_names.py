"""Names of stages and what is copied from them: what the rules' examples leave out."""

from __future__ import annotations

import pytest

from imagelint import fixer
from imagelint.finding import Persona
from tests.rules import cases

NAMES = {
    "scratch": ("FROM a AS scratch", "DL3063 ReservedStageName"),
    "context": ("FROM a AS context", "DL3063 ReservedStageName"),
    "in capitals": ("FROM a AS Scratch", "ReservedStageName"),
    "as a part": ("FROM a AS scratch2", ""),
    "twice": ("FROM a AS b\nFROM a AS b", "DL3024 DuplicateStageName"),
    "twice, and in capitals": ("FROM a AS b\nFROM a AS B", "DuplicateStageName"),
    "three times": ("FROM a AS b\nFROM a AS B\nFROM a AS B", "DL3024 DuplicateStageName DuplicateStageName"),
    "without a name": ("FROM a\nFROM a", ""),
    "a stage and an image": ("FROM b AS b", ""),
}


@pytest.mark.parametrize(("text", "expected"), NAMES.values(), ids=NAMES)
def test_names(text: str, expected: str) -> None:
    assert cases.aliases(text, "IL409", "IL410") == expected


CAPITALS = {
    "a mount, a trigger and a stage built on it": (
        "FROM a AS Base\nFROM base\nRUN --mount=type=bind,from=BASE,target=/x y\nONBUILD COPY --from=Base /x /x\n",
        "FROM a AS base\nFROM base\nRUN --mount=type=bind,from=base,target=/x y\nONBUILD COPY --from=base /x /x\n",
    ),
    "what is no reference": (
        "FROM a AS Base\nFROM Base\nCOPY Base /Base\nCOPY --from=Other /x /x\n",
        "FROM a AS base\nFROM Base\nCOPY Base /Base\nCOPY --from=Other /x /x\n",
    ),
    "a quoted flag": ("FROM a AS B\nFROM a\nCOPY --from='B' /x /x\n", "FROM a AS b\nFROM a\nCOPY --from='B' /x /x\n"),
    "in two pieces": ("FROM a AS B\\\nC\n", "FROM a AS B\\\nC\n"),
    "a dozen of them": (
        "".join(f"FROM a AS S{number}\n" for number in range(12)) + "FROM a\nCOPY --from=S1 /x /x\n",
        "".join(f"FROM a AS s{number}\n" for number in range(12)) + "FROM a\nCOPY --from=S1 /x /x\n",
    ),
    "some whose fixes reach over one another": (
        "FROM a AS B\nFROM a AS C\nFROM a\nCOPY --from=B /x /x\nCOPY --from=C /x /x\n",
        "FROM a AS b\nFROM a AS c\nFROM a\nCOPY --from=b /x /x\nCOPY --from=c /x /x\n",
    ),
}


@pytest.mark.parametrize(("text", "expected"), CAPITALS.values(), ids=CAPITALS)
def test_capitals_are_written_small_with_their_references(text: str, expected: str) -> None:
    linted = cases.linted(text, "IL411")
    assert fixer.fix(linted, cases.rules("IL411")).after.source.text == expected


COPIES = {
    "a typing error": ("FROM a AS build\nFROM b\nCOPY --from=biuld /x /x", "DL3022"),
    "an image": ("FROM b\nCOPY --from=composer /x /x", "DL3022"),
    "an image with a tag": ("FROM b\nCOPY --from=composer:2 /x /x", ""),
    "an image with a digest": (f"FROM b\nCOPY --from=c@sha256:{'0' * 64} /x /x", ""),
    "a registry with a port": ("FROM b\nCOPY --from=host:5000/c /x /x", "DL3022"),
    "a stage in capitals": ("FROM a AS Build\nFROM b\nCOPY --from=build /x /x", ""),
    "a number": ("FROM a\nFROM b\nCOPY --from=0 /x /x", ""),
    "a number too high": ("FROM b\nCOPY --from=7 /x /x", "DL3022"),
    "a stage further down": ("FROM b\nCOPY --from=c /x /x\nFROM d AS c", "DL3022"),
    "its own name": ("FROM b AS c\nCOPY --from=c /x /x", "DL3023"),
    "its own number": ("FROM b\nCOPY --from=0 /x /x", ""),
    "without any FROM": ("COPY --from=b /x /x\nCOPY --from=0 /x /x", "DL1000 DL3022 DL3022 DL3061 DL3061"),
    "before its stage": ("COPY --from=b /x /x\nFROM a AS b", "DL3022 DL3061"),
    "a variable": ("FROM b\nCOPY --from=$X /x /x", "DL3022"),
    "what is no name": ("FROM b\nCOPY --from=-x- /x /x", "DL3022"),
    "a mount": ("FROM b\nRUN --mount=from=c,target=/c x", ""),
    "a trigger runs in another file": ("FROM b\nONBUILD COPY --from=build /x /x", ""),
    "the context": ("FROM b\nCOPY /x /x", ""),
    "everything": ("FROM a AS b\nFROM c\nCOPY --from=b / /", "DL3067"),
    "everything, among others": ("FROM a AS b\nFROM c\nCOPY --from=b /x / /", "DL3067"),
    "everything, in JSON": ('FROM a AS b\nFROM c\nCOPY --from=b ["/", "/"]', "DL3067"),
    "everything, by a star": ("FROM a AS b\nFROM c\nCOPY --from=b /* /", "DL3067"),
    "everything into a folder": ("FROM a AS b\nFROM c\nCOPY --from=b / /x", ""),
    "a folder": ("FROM a AS b\nFROM c\nCOPY --from=b /x /", ""),
    "everything of the context": ("FROM c\nCOPY / /", ""),
}


@pytest.mark.parametrize(("text", "expected"), COPIES.values(), ids=COPIES)
def test_copies(text: str, expected: str) -> None:
    assert cases.aliases(text, "IL005", "IL011", "IL412", "IL413") == expected


def test_what_may_be_meant() -> None:
    (finding,) = cases.linted("FROM a AS build\nFROM b\nCOPY --from=Biuld /x /x", "IL412").findings
    assert finding.help == "was build meant?"


def test_contexts_can_be_named() -> None:
    (rule,) = cases.rules("IL412")
    (copy,) = (linted := cases.linted("FROM a\nCOPY --from=src /x /x")).graph.stages[0].instructions
    assert list(rule.check(copy, linted.graph))
    assert not list(rule.with_options({"contexts": ["src"]}).check(copy, linted.graph))


WHOLE = {
    "of a stage that builds": ("FROM a AS b\nRUN c\nFROM d\nCOPY --from=b / /", False),
    "of a stage by its number": ("FROM a\nRUN c\nFROM d\nCOPY --from=0 / /", False),
    "onto scratch": ("FROM a AS b\nRUN c\nFROM scratch\nCOPY --from=b / /", True),
    "of an image": ("FROM d\nCOPY --from=a:1 / /", True),
    "of a stage that is an image": ("FROM a AS b\nFROM d\nCOPY --from=b / /", True),
    "of a stage on scratch": ("FROM scratch AS b\nCOPY c /c\nFROM d\nCOPY --from=b / /", True),
}


@pytest.mark.parametrize(("text", "pedantic"), WHOLE.values(), ids=WHOLE)
def test_copying_everything_may_be_meant(text: str, pedantic: bool) -> None:
    (finding,) = cases.linted(text, "IL413").findings
    assert (finding.persona is Persona.PEDANTIC) == pedantic
