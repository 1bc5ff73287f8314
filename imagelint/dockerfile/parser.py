"""From a Dockerfile's source to its instructions; goes on after every error."""

from __future__ import annotations

from imagelint.dockerfile import syntax
from imagelint.dockerfile.instructions import INSTRUCTIONS, Flag, Instruction, Onbuild, Unknown
from imagelint.dockerfile.source import LogicalLine, Problem, Source
from imagelint.dockerfile.validate import problems_of
from imagelint.records import NamedTuple

_MIXED = "a JSON array of arguments must hold strings only"


class Dockerfile(NamedTuple):
    """A parsed Dockerfile: its source, its instructions in order, and everything that BuildKit would refuse."""

    source: Source
    instructions: tuple[Instruction, ...]
    problems: tuple[Problem, ...]


def parse(data: bytes | str) -> Dockerfile:
    """Parse a Dockerfile. Never raises on any input: what is wrong is in `problems`, by place."""
    source = Source.from_bytes(data) if isinstance(data, bytes) else Source(data)
    problems = list(source.problems)
    instructions: list[Instruction] = []
    for line in source.logical:
        instruction = _instruction(source, line, 0, problems)
        if instruction is not None:
            instructions.append(instruction)
    problems += problems_of(instructions, source)
    return Dockerfile(source, tuple(instructions), tuple(sorted(problems)))


def _instruction(source: Source, line: LogicalLine, at: int, problems: list[Problem]) -> Instruction | None:
    """Read the instruction that begins at offset `at` of the joined text: the whole line, or ONBUILD's inner one."""
    text = line.joined.text
    head = syntax.keyword(text[at:])
    if head is None:
        return None
    if at:
        head = syntax.Word(head.value, head.start + at, head.end + at)
    kind = INSTRUCTIONS.get(head.value, Unknown)
    if kind is Onbuild:
        words, rest = syntax.flags(text, head.end, source.escape)
        nested = syntax.keyword(text[rest:])
        # A trigger inside a trigger is refused by BuildKit; not following it also bounds the recursion.
        chained = nested is not None and nested.value == "ONBUILD"
        inner = None if chained else _instruction(source, line, rest, problems)
        trigger = Onbuild(source, line, head, tuple(map(_flag, words)), rest, heredocs=line.heredocs)
        trigger.inner = inner
        return trigger
    words, rest = syntax.flags(text, head.end, source.escape)
    flags = tuple(_flag(word) for word in words)
    json = None
    if head.value in _JSON_FORMS:
        start = _json_start(text, head.value, rest)
        try:
            json = syntax.json_strings(text, start)
        except syntax.MixedArrayError:
            problems.append(Problem(line.joined.span(start, len(text)), _MIXED))
    heredocs = line.heredocs if head.value in ("RUN", "COPY", "ADD") and json is None else ()
    return kind(source, line, head, flags, rest, tuple(json) if json is not None else None, heredocs)


_JSON_FORMS = frozenset({"ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME"})


def _json_start(text: str, keyword: str, rest: int) -> int:
    """Where a JSON array could begin: behind HEALTHCHECK's CMD, else right behind the flags."""
    if keyword == "HEALTHCHECK":
        word = next(iter(syntax.words(text, rest)), None)
        return _skip_blanks(text, word.end) if word else rest
    return rest


def _skip_blanks(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip(syntax.SPACE))


def _flag(word: syntax.Word) -> Flag:
    name, equals, value = word.value.removeprefix("--").partition("=")
    return Flag(name, value if equals else None, word)
