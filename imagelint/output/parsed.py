"""Parsed Dockerfiles, for people and for programs."""

from __future__ import annotations

from imagelint.dockerfile.instructions import Onbuild
from imagelint.output.json import location
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from imagelint.dockerfile.instructions import Instruction
    from imagelint.dockerfile.parser import Dockerfile


def document(path: str, dockerfile: Dockerfile) -> dict[str, Any]:
    """A file's directives, instructions and errors. Lines count from 1; a file with errors is whole all the same."""
    source = dockerfile.source
    return {
        "path": path,
        "directives": [{"name": each.name, "value": each.value, "line": each.line} for each in source.directives],
        "instructions": [_instruction(each) for each in dockerfile.instructions],
        "errors": [
            {"line": source.index.position(problem.span.start).line, "message": problem.message}
            | {"location": location(source.index, problem.span)}
            for problem in dockerfile.problems
        ],
    }


def _instruction(instruction: Instruction) -> dict[str, Any]:
    out: dict[str, Any] = {
        "keyword": instruction.keyword,
        "start_line": instruction.start_line,
        "end_line": instruction.end_line,
        "flags": [flag.word.value for flag in instruction.flags],
        "json": instruction.json is not None,
        "arguments": [word.value for word in instruction.json]
        if instruction.json is not None
        else instruction.arguments,
        "heredocs": [
            {"name": each.word.name, "expand": each.word.expand, "chomp": each.word.chomp, "fd": each.word.fd}
            | {"body": instruction.source.text[each.body.start : each.body.end]}
            for each in instruction.heredocs
        ],
        "location": location(instruction.source.index, instruction.span),
    }
    if isinstance(instruction, Onbuild):
        out["trigger"] = _instruction(instruction.inner) if instruction.inner else None
    return out


def lines(path: str, dockerfile: Dockerfile) -> Iterator[str]:
    """A line for each instruction and each error, as `path:line: …`."""
    for each in dockerfile.instructions:
        span = f"{each.start_line}" if each.start_line == each.end_line else f"{each.start_line}-{each.end_line}"
        yield printable(f"{path}:{span}: {each.keyword} {' '.join(each.joined[each.head.end :].split())}")
    for problem in dockerfile.problems:
        at = dockerfile.source.index.position(problem.span.start)
        yield printable(f"{path}:{at.line}:{at.column}: error: {problem.message}")
