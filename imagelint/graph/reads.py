"""Which variables an instruction reads: those that BuildKit expands, and those that a RUN's shell does."""

from __future__ import annotations

import re

from imagelint.dockerfile.instructions import (
    Add,
    Copy,
    Env,
    Expose,
    From,
    Label,
    Run,
    Stopsignal,
    User,
    Volume,
    Workdir,
)
from imagelint.dockerfile.words import variables
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.instructions import Arg, Flag, Instruction

#: The flags whose values BuildKit expands; of a mount it expands every field but `from`, which holds no variable.
_EXPANDED_FLAGS: dict[type, frozenset[str]] = {
    Add: frozenset({"chown", "chmod", "checksum"}),
    Copy: frozenset({"chown", "chmod"}),
    From: frozenset({"platform"}),
    Run: frozenset({"mount"}),
}
_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh")


def read_by(instruction: Instruction, *, posix: bool = True) -> list[str]:
    """The names of the variables that an instruction reads, each once, whether or not anything defines them.

    ARG is left out: its pairs see one another, so that `read_by_pair` is asked for each. CMD and its like read theirs
    when a container starts. `posix` tells whether a RUN's shell is a POSIX one.
    """
    if "$" not in instruction.joined and not instruction.heredocs and posix:
        return []
    return list(dict.fromkeys(_names(instruction, posix=posix)))


def read_by_pair(instruction: Arg, place: int) -> list[str]:
    """The names of the variables that the default of ARG's pair number `place` reads."""
    value = instruction.pairs[place].value
    return list(dict.fromkeys(variables(value, escape=instruction.source.escape))) if value and "$" in value else []


def _names(instruction: Instruction, *, posix: bool) -> Iterator[str]:
    expanded = _EXPANDED_FLAGS.get(type(instruction), ())
    for flag in instruction.flags:
        if flag.name in expanded:
            yield from _flag_names(instruction, flag)
    escape = instruction.source.escape
    match instruction:
        case From():
            yield from variables(instruction.image.value, escape=escape)
        case Run():
            yield from _shell_names(instruction, posix=posix)
        case Env() | Label():
            for pair in instruction.pairs:
                yield from variables(instruction.joined[pair.word.start : pair.word.end], escape=escape)
        case Add() | Copy() | Expose() | Volume():
            for word in instruction.words:
                yield from variables(word.value, escape=escape)
            for heredoc in instruction.heredocs:
                if heredoc.word.expand:
                    body = instruction.source.text[heredoc.body.start : heredoc.body.end]
                    yield from _body_names(body)
        case Stopsignal() | User() | Workdir():
            yield from variables(instruction.arguments, escape=escape)


def _flag_names(instruction: Instruction, flag: Flag) -> list[str]:
    """The raw flag is asked, since its value has lost its quotes."""
    raw = instruction.joined[flag.word.start : flag.word.end]
    return variables(raw, escape=instruction.source.escape) if "$" in raw else []


def _body_names(body: str) -> list[str]:
    """Quotes mean nothing in the body of a COPY's heredoc, and its escape is always the backslash."""
    return variables(body.replace("'", ".").replace('"', "."), escape="\\") if "$" in body else []


def _shell_names(run: Run, *, posix: bool) -> Iterator[str]:
    """Every `$NAME` of a RUN. Single quotes do not hide any: what they hold may be another shell's script.

    That may be a variable too many (`awk '{print $NF}'`), which matters only where ENV or ARG defines one of that name.
    """
    if run.json is not None and (not run.json or run.json[0].value.rpartition("/")[2] not in _SHELLS):
        return  # no shell reads anything here
    texts = [run.joined[run.rest :]]
    texts += (run.source.text[heredoc.body.start : heredoc.body.end] for heredoc in run.heredocs)
    # `\$NAME` is no variable for the shell that reads it first; PowerShell has `$env:NAME`, cmd `%NAME%`.
    pattern = r"\\.|\$(?:\{[#!]?)?(\w+)" if posix else r"\$\{?env:(\w+)|%(\w+)%"
    for text in texts:
        for found in re.finditer(pattern, text, re.DOTALL):
            name = found[1] if posix else found[1] or found[2]
            if name:
                yield name
