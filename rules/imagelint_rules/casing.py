"""Capitals and small letters of keywords."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import From, Instruction, Unknown
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.syntax import Word
from imagelint.finding import Finding, Fix, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint.text import Edit

_LOOKS = Unpriced("it is about how the file looks")


@rule("IL901", blame=_LOOKS, aliases=("FromAsCasing",), severity=Severity.STYLE)
def from_as_casing(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """FROM is in capitals and `as` in small letters, or the other way round.

    Why: keywords stand out from names only while all of them look alike.

    ```dockerfile bad
    FROM golang:1.23 as build
    ```

    ```dockerfile fixed
    FROM golang:1.23 AS build
    ```

    ```dockerfile good
    from golang:1.23 as build
    ```
    """
    keyword = _written(from_)
    as_ = _as(from_)
    if as_ is None or keyword not in (keyword.upper(), keyword.lower()):
        return
    wanted = "AS" if keyword.isupper() else "as"
    if as_.value != wanted:
        yield Finding(
            from_.span_of(as_),
            f"{as_.value} stands beside {keyword}",
            help=f"write {wanted}",
            fix=_fix(from_, [(as_, wanted)]),
        )


@rule("IL902", blame=_LOOKS, aliases=("ConsistentInstructionCasing",), severity=Severity.STYLE)
def instruction_casing(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """An instruction's keyword is not written like most of the file's.

    Why: who looks for the instructions of a file goes by how they look; one in small letters among capitals is
    missed. Where there are as many of either, capitals are right, as in BuildKit's check.

    ```dockerfile bad
    FROM debian:12 AS base
    copy app /app
    Run /app
    ```

    ```dockerfile fixed
    FROM debian:12 AS base
    COPY app /app
    RUN /app
    ```

    ```dockerfile good
    from debian:12
    copy app /app
    ```
    """
    # An ARG before the first FROM has no vote, and none is asked to change.
    each_ = [each for each in dockerfile.instructions if graph.stage_of(each) and not isinstance(each, Unknown)]
    votes = [_written(each) for each in each_]
    lower = sum(vote.islower() for vote in votes) > sum(vote.isupper() for vote in votes)
    for instruction, keyword in zip(each_, votes, strict=True):
        wanted = keyword.lower() if lower else keyword.upper()
        if keyword == wanted:
            continue
        words = [(instruction.head, wanted)]
        if isinstance(instruction, From) and (as_ := _as(instruction)):
            words.append((as_, "as" if lower else "AS"))
        most = "small letters" if lower else "capitals"
        yield Finding(
            instruction.keyword_span,
            f"{keyword} is written otherwise than most instructions of the file",
            help=f"write it in {most}: {wanted}",
            fix=_fix(instruction, words),
        )


def _written(instruction: Instruction) -> str:
    return instruction.joined[instruction.head.start : instruction.head.end]


def _as(from_: From) -> Word | None:
    """FROM's `AS`, if it has one."""
    return from_.words[1] if from_.name is not None else None


def _fix(instruction: Instruction, words: list[tuple[Word, str]]) -> Fix | None:
    """Write words otherwise, where they stand in one piece and differ."""
    joined = instruction.line.joined
    if not all(joined.contiguous(word.start, word.end) for word, _ in words):
        return None
    edits = [
        Edit(joined.span(word.start, word.end), wanted)
        for word, wanted in words
        if instruction.joined[word.start : word.end] != wanted
    ]
    return Fix("write " + " and ".join(edit.replacement for edit in edits), tuple(edits))
