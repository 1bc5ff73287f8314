"""What BuildKit refuses in an instruction before it builds anything."""

from __future__ import annotations

import re

from imagelint.dockerfile import flags
from imagelint.dockerfile.instructions import (
    INSTRUCTIONS,
    Add,
    Arg,
    Copy,
    Env,
    From,
    Healthcheck,
    Instruction,
    Label,
    Onbuild,
    Shell,
    Unknown,
    Volume,
)
from imagelint.dockerfile.source import Problem
from imagelint.dockerfile.syntax import words
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelint.dockerfile.source import Source
    from imagelint.text import Span

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_SOME = frozenset({"ARG", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "SHELL", "VOLUME"})
_ONE = frozenset({"MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"})
#: Others take whatever there is. Not to split them saves time: a RUN may have hundreds of words.
_COUNTED = _SOME | _ONE | {"ADD", "COPY", "FROM"}
_NO_TRIGGER = frozenset({"FROM", "MAINTAINER", "ONBUILD"})


def problems_of(instructions: Sequence[Instruction], source: Source) -> Iterator[Problem]:
    """Every error of the instructions, each where it stands."""
    staged = False
    for instruction in instructions:
        if isinstance(instruction, Unknown):
            yield Problem(instruction.keyword_span, _unknown(instruction.keyword))
            continue
        if isinstance(instruction, From):
            staged = True
        elif not staged and not isinstance(instruction, Arg):
            message = f"{instruction.keyword} stands before the first FROM: there is no build stage yet"
            yield Problem(instruction.keyword_span, message, ("DL3061",))
        yield from problems(instruction)
    if instructions and not staged and not any(isinstance(each, Unknown) for each in instructions):
        yield Problem(source.span_of_lines(1, 1), "the Dockerfile has no build stage: no FROM")


def is_dockerfile(instructions: Sequence[Instruction]) -> bool:
    """Whether a text looks like a Dockerfile at all.

    It begins as one does, a typing error allowed, or a third of its lines are instructions: prose has a line that
    begins with "Run" or "Add" here and there, and a Dockerfile with one broken heredoc has many that are none.
    """
    first = instructions[0]
    if isinstance(first, From | Arg) or (isinstance(first, Unknown) and suggestion(first.keyword) == "FROM"):
        return True
    known = sum(not isinstance(instruction, Unknown) for instruction in instructions)
    return known * 3 >= len(instructions)


def suggestion(keyword: str) -> str | None:
    """The instruction that a misspelt keyword is closest to, if one is close."""
    import difflib  # only for files with an error

    close = difflib.get_close_matches(keyword[:20], INSTRUCTIONS, n=1, cutoff=0.6)
    return close[0] if close else None


def _unknown(keyword: str) -> str:
    close = suggestion(keyword)
    shown = keyword if len(keyword) <= 40 else keyword[:40] + "…"
    return f"unknown instruction: {shown}" + (f" (did you mean {close}?)" if close else "")


def problems(instruction: Instruction) -> Iterator[Problem]:
    """What is wrong with one instruction: its number of arguments first, then what they are."""
    for span, message in flags.problems(instruction):
        yield Problem(span, message)
    if wrong := _arity(instruction):
        yield Problem(instruction.span, wrong)
        return
    match instruction:
        case From(name=name) if name is not None and not _STAGE_NAME.fullmatch(name.value):
            yield Problem(
                instruction.span_of(name),
                f"invalid stage name {name.value!r}: a letter, then letters, digits and - _ . alone",
            )
        case Arg() | Env() | Label():
            for span, message in _pairs(instruction):
                yield Problem(span, message)
        case Copy() | Add():
            destination = instruction.destination
            heredocs = {heredoc.word.start for heredoc in instruction.heredocs}
            if destination is not None and destination.start in heredocs:
                yield Problem(instruction.span_of(destination), f"{instruction.keyword} cannot go to a heredoc")
        case Volume() if any(not word.value.strip() for word in instruction.words):
            yield Problem(instruction.span, "VOLUME takes no empty path")
        case Healthcheck():
            if message := _healthcheck(instruction):
                yield Problem(instruction.span, message)
        case Onbuild(inner=inner):
            yield from _trigger(instruction, inner)


def _arity(instruction: Instruction) -> str:
    keyword = instruction.keyword
    if keyword not in _COUNTED:
        return ""
    count = len(instruction.words)
    if keyword == "FROM" and count != 1 and not (count == 3 and instruction.words[1].value.upper() == "AS"):
        return "FROM takes an image, or an image, AS and a name"
    if keyword in _SOME and not count and not (isinstance(instruction, Healthcheck) and instruction.arguments):
        return f"{keyword} requires at least one argument"
    if keyword in _ONE and not count:
        return f"{keyword} requires exactly one argument"
    if keyword in ("COPY", "ADD") and count < 2:
        return f"{keyword} requires at least two arguments, a source and a destination"
    if isinstance(instruction, Shell) and instruction.json is None:
        return "SHELL requires its arguments in JSON form"
    return ""


def _pairs(instruction: Arg | Env | Label) -> Iterator[tuple[Span, str]]:
    """Pairs without a name; of ENV and LABEL also those without a value."""
    keyword = instruction.keyword
    legacy = keyword != "ARG" and "=" not in instruction.words[0].value
    if legacy and len(instruction.words) < 2:
        yield instruction.span, f"{keyword} must have two arguments, a name and a value"
        return
    for pair in instruction.pairs:
        if keyword != "ARG" and pair.value is None:
            shown = instruction.joined[pair.word.start : pair.word.end]
            yield instruction.span_of(pair.word), f"there is no = in {shown!r}: {keyword} takes name=value"
        elif not pair.key.strip():
            yield instruction.span_of(pair.word), f"a name of {keyword} is empty"


def _healthcheck(instruction: Healthcheck) -> str:
    found = words(instruction.joined, instruction.rest)
    kind, rest = found[0].value.upper(), found[1:]
    if kind == "NONE":
        return "HEALTHCHECK NONE takes no arguments" if rest else ""
    if kind != "CMD":
        return f"unknown type of HEALTHCHECK: {kind[:40]}; there are NONE and CMD"
    empty = not rest if instruction.json is None else not instruction.json
    return "HEALTHCHECK CMD misses its command" if empty else ""


def _trigger(instruction: Onbuild, inner: Instruction | None) -> Iterator[Problem]:
    """ONBUILD's own rules; what else is wrong inside shows only when it triggers, but pairs are read at once."""
    word = instruction.words[0]
    keyword = word.value.upper()
    if keyword in _NO_TRIGGER:
        yield Problem(instruction.span_of(word), f"{keyword} is not allowed as a trigger of ONBUILD", ("DL3043",))
    elif isinstance(inner, Env | Label) and inner.words:
        for span, message in _pairs(inner):
            yield Problem(span, message)
