"""The corpus in fixtures/dockerfiles/constructs: each construct of the language at least once, read as it should be.

`IMAGELINT_UPDATE_REPORTS=1` writes the golden JSON anew; the diff is then what a reviewer reads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest

from imagelint.dockerfile import witness
from imagelint.dockerfile.flags import FLAGS
from imagelint.dockerfile.instructions import INSTRUCTIONS, Instruction, Onbuild, Unknown
from imagelint.dockerfile.parser import parse
from imagelint.dockerfile.source import LineKind, Source
from imagelint.dockerfile.words import expand, variables
from imagelint.output.json import dumps
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from imagelint.dockerfile.parser import Dockerfile

FOLDER = ROOT / "fixtures/dockerfiles/constructs"
FILES = {str(path.relative_to(FOLDER)): path for path in sorted(FOLDER.rglob("*.dockerfile"))}
VALID = [name for name in FILES if not name.startswith("broken/")]
BROKEN = [name for name in FILES if name.startswith("broken/")]

#: Where dockerfile-parse reads something else even with what it gets wrong masked, and why.
WITNESS_DIFFERS = {
    "backslash-first.dockerfile": "takes a backslash alone on the first line for an instruction",
    "backslash-keyword.dockerfile": "takes a backslash before a keyword, or within it, for the keyword",
}
#: The operators of `${name…}`; each must occur in the corpus.
MODIFIERS = (":-", "-", ":+", "+", ":?", "?", "#", "##", "%", "%%", "/", "//")


@cache
def parsed(name: str) -> Dockerfile:
    return parse(FILES[name].read_bytes())


@cache
def documents() -> dict[str, dict[str, Any]]:
    """What `imagelint parse` prints of each file, from one process for all of them."""
    paths = [str(path.relative_to(ROOT)) for path in FILES.values()]
    command = [sys.executable, "-m", "imagelint", "parse", "--output-format", "json", *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=300)
    assert done.stderr == ""
    return dict(zip(FILES, json.loads(done.stdout), strict=True))


def every_instruction() -> Iterator[Instruction]:
    """Each instruction of the corpus, triggers included."""
    for name in FILES:
        for instruction in parsed(name).instructions:
            yield instruction
            if isinstance(instruction, Onbuild) and instruction.inner is not None:
                yield instruction.inner


@pytest.mark.parametrize("name", FILES)
def test_what_is_printed_is_golden(name: str) -> None:
    golden = FILES[name].with_suffix(".json")
    text = dumps([documents()[name]]) + "\n"
    if os.environ.get("IMAGELINT_UPDATE_REPORTS"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_no_golden_is_left_over() -> None:
    assert {path.with_suffix(".dockerfile") for path in FOLDER.rglob("*.json")} == set(FILES.values())


@pytest.mark.parametrize("name", FILES)
def test_every_byte_comes_back(name: str) -> None:
    source = parsed(name).source
    data = FILES[name].read_bytes()
    assert source.to_bytes() == data
    assert len(source.kinds) == len(source.index) == max(1, data.count(b"\n") + (data[-1:] != b"\n"))


@pytest.mark.parametrize("name", VALID)
def test_the_valid_ones_have_no_problem(name: str) -> None:
    assert parsed(name).problems == ()


@pytest.mark.parametrize("name", BROKEN)
def test_the_broken_ones_have_a_problem_where_the_error_is(name: str) -> None:
    dockerfile = parsed(name)
    assert len({problem.span.start for problem in dockerfile.problems}) == 1
    size = len(dockerfile.source.text)
    assert all(0 <= start <= end <= size for (start, end), *_ in dockerfile.problems)


@pytest.mark.parametrize("name", VALID)
def test_the_witness_sees_the_same_instructions(name: str) -> None:
    """An exception that stops being one fails, too: the list tells the truth."""
    assert witness.agrees(parsed(name).source) is (name not in WITNESS_DIFFERS)


def test_every_instruction_occurs() -> None:
    seen = {type(instruction) for instruction in every_instruction()}
    assert seen >= {*INSTRUCTIONS.values(), Unknown}


def test_every_instruction_that_may_be_a_trigger_is_one() -> None:
    inner = {each.inner.keyword for each in every_instruction() if isinstance(each, Onbuild) and each.inner}
    assert inner >= INSTRUCTIONS.keys() - {"FROM", "MAINTAINER", "ONBUILD"}


def test_every_flag_occurs_where_it_is_right() -> None:
    seen = {
        (instruction.keyword, flag.name)
        for name in VALID
        for instruction in parsed(name).instructions
        for flag in instruction.flags
    }
    assert {(keyword, flag) for keyword, flags in FLAGS.items() for flag in flags} <= seen


def test_every_kind_of_line_occurs() -> None:
    assert {kind for name in VALID for kind in parsed(name).source.kinds} == set(LineKind)


def test_every_form_occurs() -> None:
    """JSON and shell form of all that have both; every mark of a heredoc; every directive."""
    forms = {(each.keyword, each.json is not None) for each in every_instruction()}
    both = ("ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME")
    assert {(keyword, json) for keyword in both for json in (True, False)} <= forms
    heredocs = [(each.keyword, heredoc.word) for each in every_instruction() for heredoc in each.heredocs]
    assert {"ADD", "COPY", "RUN"} <= {keyword for keyword, _ in heredocs}
    assert {(word.expand, word.chomp) for _, word in heredocs} == {(a, b) for a in (True, False) for b in (True, False)}
    assert any(word.fd for _, word in heredocs)
    assert any(len(each.heredocs) > 1 for each in every_instruction())
    assert {directive.name for name in VALID for directive in parsed(name).source.directives} == {
        "check",
        "escape",
        "syntax",
    }


def test_every_modifier_of_a_variable_occurs_and_expands() -> None:
    words = [word.value for each in parsed("variables.dockerfile").instructions for word in each.words]
    for modifier in MODIFIERS:
        used = [word for word in words if any(f"{{{name}{modifier}" in word for name in variables(word))]
        assert used, modifier
    environment = {"v": "archive.tar.gz", "e": ""}
    (pairs,) = [each.pairs for each in parsed("variables.dockerfile").instructions if each.start_line == 8]  # type: ignore[attr-defined]
    assert {pair.key: expand(pair.value, environment) for pair in pairs} == {
        "PREFIX": "tar.gz",
        "LONGEST_PREFIX": "gz",
        "SUFFIX": "archive.tar",
        "LONGEST_SUFFIX": "archive",
    }


def folded(path: Path) -> str:
    """What tells files of the corpus apart by line ends and marks at a glance."""
    data = path.read_bytes()
    marks = {"bom": b"\xef\xbb\xbf", "crlf": b"\r\n", "tab": b"\t", "nul": b"\0"}
    return " ".join(mark for mark, found in marks.items() if found in data)


def test_bytes_that_editors_spoil_are_still_there() -> None:
    """A checkout that rewrites line ends, or an editor that tidies, would make these files mean something else."""
    assert folded(FILES["bom-crlf.dockerfile"]) == "bom crlf"
    assert folded(FILES["crlf.dockerfile"]) == "crlf tab"
    assert folded(FILES["control-characters.dockerfile"]) == "nul"
    assert not FILES["dangling-no-newline.dockerfile"].read_bytes().endswith(b"\n")
    with pytest.raises(UnicodeDecodeError):
        FILES["invalid-utf8.dockerfile"].read_text("utf-8")
    assert Source.from_bytes(FILES["invalid-utf8.dockerfile"].read_bytes()).problems == []
