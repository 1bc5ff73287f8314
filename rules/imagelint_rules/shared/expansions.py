"""The words in which BuildKit replaces variables, each with the names that it reads there."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import (
    Add,
    Arg,
    Copy,
    Env,
    Instruction,
    Label,
    Run,
    Stopsignal,
    User,
    Volume,
    Workdir,
)
from imagelint.dockerfile.words import variables
from imagelint.records import NamedTuple
from imagelint.text import Span

#: The flags whose values BuildKit replaces variables in; of a mount, in every field.
_FLAGS: dict[type[Instruction], tuple[str, ...]] = {
    Add: ("chown", "chmod", "checksum"),
    Copy: ("chown", "chmod"),
    Run: ("mount",),
}


class Expansion(NamedTuple):
    """A word, its place, the names that it reads, each once, and the number of the pair that it belongs to."""

    span: Span
    names: tuple[str, ...]
    pair: int = 0


def expansions(instruction: Instruction) -> Iterator[Expansion]:
    """The words of an instruction that read variables. EXPOSE is left out: BuildKit does not check it."""
    if "$" not in instruction.joined and not instruction.heredocs:
        return
    for span, text, pair in _words(instruction):
        if "$" in text and (names := _names(text, instruction.source.escape)):
            yield Expansion(span, names, pair)
    for heredoc in instruction.heredocs if isinstance(instruction, Add | Copy) else ():
        if heredoc.word.expand:
            # Quotes mean nothing in a body, and its escape is always the backslash.
            body = instruction.source.text[heredoc.body.start : heredoc.body.end]
            if "$" in body and (names := _names(body.replace("'", ".").replace('"', "."), "\\")):
                yield Expansion(heredoc.body, names)


def _words(instruction: Instruction) -> Iterator[tuple[Span, str, int]]:
    for flag in instruction.flags:
        if flag.name in _FLAGS.get(type(instruction), ()):
            for field in (flag.value or "").split(",") if flag.name == "mount" else (flag.value or "",):
                yield instruction.span_of(flag.word), field, 0
    match instruction:
        case Env() | Label() | Arg():
            for number, pair in enumerate(instruction.pairs):
                if "$" in pair.key:
                    yield instruction.span_of(pair.word), pair.key, number
                if pair.value is not None:
                    yield instruction.span_of(pair.word), pair.value, number
        case Add() | Copy() | Volume():
            heredocs = {heredoc.word.start for heredoc in instruction.heredocs}
            for word in instruction.words:
                if word.start not in heredocs:
                    yield instruction.span_of(word), word.value, 0
        case Workdir() | User() | Stopsignal():
            yield instruction.span, instruction.arguments, 0


def _names(text: str, escape: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(variables(text, escape=escape)))
