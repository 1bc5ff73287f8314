"""What BuildKit refuses in an instruction before it builds anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelint.dockerfile.instructions import INSTRUCTIONS, Arg, From, Instruction, Onbuild, Unknown
from imagelint.dockerfile.source import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelint.dockerfile.source import Source


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
            yield Problem(instruction.keyword_span, message)
        if wrong := _arity(instruction):
            yield Problem(instruction.span, wrong)
        if isinstance(instruction, Onbuild) and isinstance(instruction.inner, Unknown):
            yield Problem(instruction.inner.keyword_span, _unknown(instruction.inner.keyword))
    if instructions and not staged and not any(isinstance(each, Unknown) for each in instructions):
        yield Problem(source.span_of_lines(1, 1), "the Dockerfile has no build stage: no FROM")


def is_dockerfile(instructions: Sequence[Instruction]) -> bool:
    """Whether a text looks like a Dockerfile at all: some instruction is one, or is one with a typing error."""
    return any(
        not isinstance(instruction, Unknown) or suggestion(instruction.keyword) is not None
        for instruction in instructions
    )


def suggestion(keyword: str) -> str | None:
    """The instruction that a misspelt keyword is closest to, if one is close."""
    import difflib  # only for files with an error

    close = difflib.get_close_matches(keyword[:20], INSTRUCTIONS, n=1, cutoff=0.6)
    return close[0] if close else None


def _unknown(keyword: str) -> str:
    close = suggestion(keyword)
    shown = keyword if len(keyword) <= 40 else keyword[:40] + "…"
    return f"unknown instruction: {shown}" + (f" (did you mean {close}?)" if close else "")


def _arity(instruction: Instruction) -> str | None:
    keyword, count = instruction.keyword, len(instruction.words)
    match keyword:
        case "FROM" if count != 1 and not (count == 3 and instruction.words[1].value.upper() == "AS"):
            return "FROM takes an image, or an image, AS and a name"
        case "ARG" | "ENV" | "LABEL" | "EXPOSE" | "VOLUME" | "HEALTHCHECK" | "ONBUILD" | "SHELL" if not count:
            return f"{keyword} requires at least one argument"
        case "WORKDIR" | "USER" | "STOPSIGNAL" | "MAINTAINER" if not count:
            return f"{keyword} requires exactly one argument"
        case "COPY" | "ADD" if count < 2:
            return f"{keyword} requires at least two arguments, a source and a destination"
        case "SHELL" if instruction.json is None:
            return "SHELL requires its arguments in JSON form"
    return None
