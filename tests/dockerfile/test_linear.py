"""Time grows with the input, not with its square: operations are counted, since time itself is never the same twice.

What is counted are calls, of Python functions and of C ones. What a call costs inside (a copy, a regular expression
that tries every way) is not seen by that; for it there are large inputs in a process of its own, which must end.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from imagelint.dockerfile.instructions import Onbuild, Run
from imagelint.dockerfile.parser import parse
from imagelint.linter import lint
from imagelint.output import parsed as output
from tests.conftest import ROOT
from tests.fuzz.shapes import GLOBS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from imagelint.rule import Rule

#: Twice the input may take so many times the operations; the square would take four times as many.
DOUBLE = 2.3
#: Processor seconds are not limited, only hanging is: what is linear here takes less than a second.
TIMEOUT = 60

#: Shapes that take the square of time inside single calls, at a size at which that takes longer than TIMEOUT.
LARGE = {
    "one RUN": 100_000,
    "comments inside a RUN": 50_000,
    "blank lines": 500_000,
    "backslashes alone": 200_000,
    "backslashes in a line": 2_000_000,
    "trailing blanks": 1_000_000,
    "heredoc's lines": 50_000,
    "heredocs without an end": 100_000,
    "less-than signs": 300_000,
    "words that look like heredocs": 100_000,
    "substitutions, nested": 300_000,
    "backticks, escaped": 500_000,
    "double quotes": 1_000_000,
    "dollar braces": 500_000,
    "words of a COPY": 300_000,
    "wrappers": 120_000,
    "strings of an array": 200_000,
    "brackets of an array": 1_000_000,
    "ONBUILD in ONBUILD": 200_000,
    "ENV of a long value": 60_000,
    "one unknown word": 2_000_000,
    "bytes that are no text": 1_000_000,
}


def operations(function: Callable[[], object]) -> int:
    """How many calls a function makes, those of C functions included."""
    count = 0

    def called(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def read(text: str) -> None:
    """Parse a file and look at everything that is worked out only when it is asked for."""
    dockerfile = parse(text)
    output.document("Dockerfile", dockerfile)
    for outer in dockerfile.instructions:
        for each in (outer, outer.inner) if isinstance(outer, Onbuild) and outer.inner else (outer,):
            _ = each.words, getattr(each, "pairs", ()), getattr(each, "mounts", ())
            if isinstance(each, Run):
                for command in each.script.commands:
                    _ = command.span, [command.span_of(word) for word in command.words]


@pytest.mark.parametrize("shape", SHAPES)
def test_reading_is_linear(shape: str) -> None:
    counts = [operations(partial(read, SHAPES[shape](size))) for size in (150, 300, 600)]
    assert all(larger <= DOUBLE * smaller for smaller, larger in pairwise(counts)), counts


@pytest.mark.parametrize("shape", SHAPES)
def test_linting_is_linear(shape: str, rules: list[Rule]) -> None:
    lint("Dockerfile", SHAPES[shape](2), rules)  # what is imported and compiled once is not counted
    counts = [operations(partial(lint, "Dockerfile", SHAPES[shape](size), rules)) for size in (150, 300)]
    assert all(larger <= DOUBLE * smaller for smaller, larger in pairwise(counts)), counts


def ends(program: str, *arguments: object) -> str:
    """Run a program in a process of its own, which must end in time; what it prints."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT, cwd=ROOT).stdout


def test_large_inputs_are_read_in_time() -> None:
    program = (
        "import sys\n"
        "from tests.dockerfile.test_linear import LARGE, SHAPES, read\n"
        "for shape, size in LARGE.items(): read(SHAPES[shape](size))\n"
        "print('read')\n"
    )
    assert ends(program) == "read\n"


@pytest.mark.parametrize("word", GLOBS)
def test_a_pattern_of_many_stars_is_matched_in_time(word: str) -> None:
    """Values come from the file, too: `ENV x=aaaa…` and `ENV y=${x##*a*a*a…b}` would stop a linter for good."""
    program = (
        "import sys\n"
        "from imagelint.dockerfile.words import expand\n"
        "word = sys.argv[1].replace('STARS', sys.argv[2] * 40)\n"
        "print(len(expand(word, {'x': 'a' * 60_000})))\n"
    )
    assert int(ends(program, word, GLOBS[word])) <= 60_002
