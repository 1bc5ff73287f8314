"""The fuzzing target on a short leash: the corpus, what a run has found before, and a few mutations with a fixed seed.

`benchmarks/fuzz` is the long one.
"""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.fuzz.checks import BrokenPromiseError, check, key_of, minimise
from tests.fuzz.mutate import MAX_BYTES, Mutator

CORPUS = sorted((ROOT / "fixtures/dockerfiles").rglob("*.dockerfile"))

#: What fuzzing has found, made small; each broke a promise once.
FOUND: dict[str, bytes] = {
    "a trigger before any FROM has no place": b"ONBUILD a",
    "what Python strips and Go does not": b"\x1c",
    "a blank that only Unicode knows, at the end": b"= }\xc2\x85",
    "an open quote in a flag, and a blank behind it": b"= --''' ",
    "a platform that is no word": b"FROM --platform=${t- /",
}


@pytest.mark.parametrize("name", [str(path.relative_to(ROOT / "fixtures/dockerfiles")) for path in CORPUS])
def test_the_corpus_holds(name: str) -> None:
    check((ROOT / "fixtures/dockerfiles" / name).read_bytes())


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once_holds(name: str) -> None:
    check(FOUND[name])


def test_a_short_run_holds() -> None:
    mutator = Mutator([path.read_bytes() for path in CORPUS], seed=2026)
    for _ in range(60):
        data = mutator.next()
        assert len(data) <= MAX_BYTES
        check(data)


def test_the_same_seed_makes_the_same_inputs() -> None:
    first, second = (Mutator([b"FROM a\nRUN b\n"], seed=7) for _ in range(2))
    assert [first.next() for _ in range(20)] == [second.next() for _ in range(20)]


def test_a_failing_input_is_made_small() -> None:
    data = b"FROM a\n" * 50 + b"RUN needle\n" + b"COPY a b\n" * 50
    assert minimise(data, lambda each: b"needle" in each) == b"needle"


def test_failures_are_told_apart_by_their_place() -> None:
    assert key_of(BrokenPromiseError("fixes settle", "a detail")) == "fixes settle"
    assert key_of(ValueError("a detail")) == "ValueError in ?"
