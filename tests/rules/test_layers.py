"""RUNs that should be one: where hadolint says so, and where only the pedantic are told."""

from __future__ import annotations

import time

import pytest

from imagelint.finding import Persona
from tests.rules import cases

HADOLINT = {
    "one command each": ("FROM a\nRUN b\nRUN c", "DL3059"),
    "three in a row are one finding": ("FROM a\nRUN b\nRUN c\nRUN d", "DL3059"),
    "a comment between": ("FROM a\nRUN b\n# c\nRUN d", "DL3059"),
    "equal flags": ("FROM a\nRUN --network=none b\nRUN --network=none c", "DL3059"),
    "in a builder": ("FROM a AS b\nRUN c\nRUN d\nFROM a\nCOPY --from=b /x /x", "DL3059"),
    "a chain": ("FROM a\nRUN b && c\nRUN d", ""),
    "a chain between": ("FROM a\nRUN b\nRUN c; d\nRUN e", ""),
    "other flags": ("FROM a\nRUN --network=none b\nRUN c", ""),
    "something between": ("FROM a\nRUN b\nENV c=d\nRUN e", ""),
    "a chain with a package manager in both": ("FROM a\nRUN apk add b && c\nRUN apk add d", ""),
}
PERSONAS = {
    "something is stored twice": ("FROM a\nRUN apk add b && c\nRUN apk add d", "regular"),
    "short ones, as hadolint has it": ("FROM a\nRUN b\nRUN c", "pedantic"),
    "short chains": ("FROM a\nRUN b && c\nRUN d", "pedantic"),
    "in a builder": ("FROM a AS b\nRUN apk add c\nRUN apk add d\nFROM a\nCOPY --from=b /x /x", "pedantic"),
    "in a stage that is shipped": ("FROM a AS b\nRUN apk add c\nRUN apk add d\nFROM b", "regular"),
}
SEVERITIES = {
    "the same package manager": ("FROM a\nRUN apk add b && c\nRUN apk add d", "info"),
    "an index that a later one installs with": ("FROM a\nRUN apt-get update\nRUN apt-get install b", "warning"),
    "an index each": (
        "FROM a\nRUN apt-get update && apt-get install b\nRUN apt-get update && apt-get install c",
        "info",
    ),
    "an index that an earlier one fetched": (
        "FROM a\nRUN apt-get update && apt-get install b\nRUN apt-get install c",
        "warning",
    ),
    "packages removed": ("FROM a\nRUN apk add gcc && x && y\nRUN apk del gcc", "warning"),
    "a folder removed": ("FROM a\nWORKDIR /b\nRUN npm ci && npm run c\nRUN rm -rf node_modules && npm ci", "warning"),
    "an index that the RUN removes": (
        "FROM a\nRUN apt-get update && apt-get install b && rm -rf /var/lib/apt/lists/*\nRUN apt-get install -fy c",
        "info",
    ),
    "something removed": ("FROM a\nRUN a && b && wget x.tgz\nRUN c && d && rm x.tgz", "warning"),
    "nothing in common": ("FROM a\nRUN b\nRUN c", "info"),
}
REMOVED = {
    "by its name": ("RUN a && b && wget x.tgz\nRUN c && d && rm x.tgz", True),
    "by a pattern": ("RUN a && b && wget x-1.tgz\nRUN c && d && rm x-1*", True),
    "everything in a folder": ("RUN a && b && wget -P /got x\nRUN c && d && rm -rf /got/*", True),
    "a name that only contains it": ("RUN a && b && wget xy.tgz\nRUN c && d && rm y.tgz", False),
    "what it has made itself": ("RUN a && b && wget x.tgz\nRUN c && wget x.tgz && rm x.tgz", False),
    "by a pattern, what it has made itself": ("RUN a && b && wget x-1\nRUN c && wget x-2 && rm x-*", False),
}


@pytest.mark.parametrize(("text", "expected"), HADOLINT.values(), ids=HADOLINT)
def test_where_hadolint_reports(text: str, expected: str) -> None:
    assert cases.aliases(text, "IL201") == expected


def test_without_from() -> None:
    assert "DL3059" in cases.aliases("RUN b\nRUN c", "IL201").split()


@pytest.mark.parametrize(("text", "persona"), PERSONAS.values(), ids=PERSONAS)
def test_who_is_told(text: str, persona: str) -> None:
    (finding,) = cases.linted(text, "IL201").findings
    assert finding.persona is Persona(persona)
    assert persona == "regular" or finding.fix is None


@pytest.mark.parametrize(("text", "severity"), SEVERITIES.values(), ids=SEVERITIES)
def test_how_much_it_matters(text: str, severity: str) -> None:
    (finding,) = cases.linted(text, "IL201").findings
    assert finding.severity is not None
    assert finding.severity.label == severity


@pytest.mark.parametrize(("text", "expected"), REMOVED.values(), ids=REMOVED)
def test_removed_a_run_later(text: str, expected: bool) -> None:
    assert bool(cases.found(f"FROM a\n{text}", "IL201")) is expected


def test_time_grows_with_the_file() -> None:
    first = "RUN " + " && ".join(f"wget file{number}" for number in range(20_000))
    second = "RUN " + " && ".join(f"touch made{number} && rm /x/gone{number}" for number in range(10_000))
    started = time.perf_counter()
    cases.linted(f"FROM a\n{first}\n{second}\n", "IL201")
    assert time.perf_counter() - started < 5
