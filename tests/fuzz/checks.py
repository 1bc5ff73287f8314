"""What must hold for any bytes at all, as one function that a fuzzer calls.

`check` raises `BrokenPromiseError` for a promise that is broken; any other exception is a crash. Both have a `key` that
tells one bug from another, so that a run can pass over what is already known.
"""

from __future__ import annotations

import signal
import time
import traceback
from collections import Counter
from contextlib import contextmanager, suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from imagelint import fixer, plugins
from imagelint.dockerfile import witness
from imagelint.dockerfile.flags import FLAGS
from imagelint.dockerfile.instructions import INSTRUCTIONS, Instruction, Onbuild, Run
from imagelint.dockerfile.parser import parse
from imagelint.dockerfile.source import LineKind
from imagelint.dockerfile.words import SubstitutionError, expand, variables
from imagelint.linter import lint
from imagelint.output import parsed as output
from imagelint.output.json import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from imagelint.dockerfile.parser import Dockerfile
    from imagelint.linter import Linted
    from imagelint.rule import Rule
    from imagelint.text import Span

#: Processor seconds that an input may take: a base, and so much a byte. Linting, fixing and linting again take about
#: a tenth of it on the slowest of the corpus; what grows with the square of its size passes it soon.
BASE_SECONDS, SECONDS_A_BYTE = 1.0, 4e-4
#: An input that takes so many times as long is stopped.
STOP_AFTER = 10
ENVIRONMENT = {"A": "value", "v": "archive.tar.gz", "EMPTY": "", "PATH": "/usr/bin:/bin", "x": "*?\\/}"}
PACKAGES = ("/imagelint/", "/imagelint_rules/")


class BrokenPromiseError(Exception):
    """A promise that an input breaks: which one, and how."""

    def __init__(self, promise: str, detail: str) -> None:
        super().__init__(f"{promise}: {detail}")
        self.key = promise


def key_of(error: BaseException) -> str:
    """What tells one failure from another: the promise, or the exception and our innermost line."""
    if isinstance(error, BrokenPromiseError):
        return error.key
    cause = error.__cause__ or error
    where = "?"
    for frame in traceback.extract_tb(cause.__traceback__):
        if any(part in frame.filename for part in PACKAGES):
            where = f"{Path(frame.filename).name}:{frame.name}"
    return f"{type(cause).__name__} in {where}"


@cache
def rules() -> list[Rule]:
    """Every rule that is installed."""
    return list(plugins.load().rules)


def check(data: bytes) -> frozenset[object]:
    """Read, print, lint and fix an input; raises where a promise is broken. Returns what the input was made of."""
    begin = time.process_time()
    with _alarm(len(data)):
        linted = lint("Dockerfile", data, rules())
        dockerfile = linted.dockerfile
        _whole(dockerfile, data)
        _nested(dockerfile)
        _words(dockerfile)
        _printed(dockerfile)
        _findings(linted)
        _fixed(linted)
        witness.agrees(dockerfile.source)
    took = time.process_time() - begin
    limit = BASE_SECONDS + SECONDS_A_BYTE * len(data)
    if took > limit:
        raise BrokenPromiseError("bounded time", f"{took:.2f} s for {len(data)} bytes")
    return features(linted)


def features(linted: Linted) -> frozenset[object]:
    """What an input exercised, roughly: an input with something new is worth mutating further.

    Names that a mutation made up count as one, or every input would be new.
    """
    found: set[object] = set(pairwise(linted.source.kinds))
    found |= {problem.message[:16] for problem in linted.dockerfile.problems}
    found |= {(finding.code, finding.fix is not None) for finding in linted.findings}
    for each in _instructions(linted.dockerfile):
        keyword = each.keyword if each.keyword in INSTRUCTIONS else "?"
        found.add((keyword, each.json is None, min(len(each.heredocs), 3), min(len(each.words), 3)))
        known = FLAGS.get(keyword, {})
        found |= {(keyword, flag.name if flag.name in known else "?", flag.value is None) for flag in each.flags}
        if isinstance(each, Run):
            found.add((each.script.chain, each.script.open_end, min(len(each.script.commands), 8)))
            found |= {(len(command.operator), command.nested, bool(command.words)) for command in each.script.commands}
    return frozenset(found)


@contextmanager
def _alarm(size: int) -> Iterator[None]:
    """Stop what does not end; the regular expression engine, too, looks for signals."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise BrokenPromiseError("an end", f"no end in sight for {size} bytes")

    previous = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, STOP_AFTER * (BASE_SECONDS + SECONDS_A_BYTE * size))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def _instructions(dockerfile: Dockerfile) -> Iterator[Instruction]:
    for each in dockerfile.instructions:
        yield each
        if isinstance(each, Onbuild) and each.inner is not None:
            yield each.inner


def _whole(dockerfile: Dockerfile, data: bytes) -> None:
    """Nothing is lost, and every line has one kind and at most one owner."""
    source = dockerfile.source
    if source.to_bytes() != data:
        raise BrokenPromiseError("round trip", "other bytes came back")
    if len(source.kinds) != len(source.index):
        raise BrokenPromiseError("a kind for each line", f"{len(source.kinds)} kinds, {len(source.index)} lines")
    if parse(source.text).instructions and parse(data).source.kinds != source.kinds:
        raise BrokenPromiseError("same twice", "parsing again gave other kinds of lines")
    last = 0
    for line in source.logical:
        if not last < line.start_line <= line.end_line <= len(source.index):
            raise BrokenPromiseError(
                "a line for one instruction", f"lines {line.start_line}-{line.end_line} after {last}"
            )
        if source.kinds[line.start_line - 1] is not LineKind.HEAD:
            raise BrokenPromiseError(
                "a head first", f"line {line.start_line} is {source.kinds[line.start_line - 1].value}"
            )
        last = line.end_line


def _nested(dockerfile: Dockerfile) -> None:
    """Every place is inside the text, and inside what it belongs to."""
    source = dockerfile.source
    size = len(source.text)
    everything = (0, size)
    for problem in dockerfile.problems:
        _inside("a problem", problem.span, everything)
    for directive in source.directives:
        if not 1 <= directive.line <= len(source.index):
            raise BrokenPromiseError("places inside", f"a directive on line {directive.line}")
    for outer in dockerfile.instructions:
        lines = source.span_of_lines(outer.start_line, outer.end_line)
        _inside("an instruction", outer.span, lines)
        each: Instruction | None = outer
        while each is not None:
            _inside("an inner instruction", each.span, outer.span)
            _inside("a keyword", each.keyword_span, each.span)
            if source.text[each.keyword_span.start : each.keyword_span.end].upper() != each.keyword and (
                each.line.joined.contiguous(each.head.start, each.head.end)
            ):
                raise BrokenPromiseError("places are true", "the keyword's range holds another text")
            for flag in each.flags:
                _inside("a flag", each.span_of(flag.word), each.span)
            for before, after in pairwise(each.words):
                if before.end > after.start:
                    raise BrokenPromiseError("places in order", f"words overlap in line {each.start_line}")
            for word in each.words:
                _inside("a word", each.span_of(word), each.span)
            for heredoc in each.heredocs:
                _inside("a heredoc's body", heredoc.body, everything)
                _inside("a heredoc's word", each.line.joined.span(heredoc.word.start, heredoc.word.end), each.span)
            if isinstance(each, Run):
                _commands(each, lines)
            each = each.inner if isinstance(each, Onbuild) else None


def _commands(run: Run, lines: Span) -> None:
    script = run.script
    if not 0 <= script.end <= len(script.text.text):
        raise BrokenPromiseError("places inside", "a script ends outside itself")
    for command in script.commands:
        _inside("a command", command.span, lines)
        for word in (*command.assignments, *command.words):
            _inside("a word of a command", command.span_of(word), (0, len(run.source.text)))
        command.operands()
        command.option("-y", "--yes")


def _inside(what: str, span: tuple[int, int], outer: tuple[int, int]) -> None:
    if not outer[0] <= span[0] <= span[1] <= outer[1]:
        raise BrokenPromiseError(f"{what} inside", f"{tuple(span)} is not within {tuple(outer)}")


def _words(dockerfile: Dockerfile) -> None:
    """Expanding gives a text or a SubstitutionError, and nothing else."""
    escape = dockerfile.source.escape
    for each in _instructions(dockerfile):
        for word in (*(word.value for word in each.words), each.arguments):
            variables(word, escape=escape)
            with suppress(SubstitutionError):
                expand(word, ENVIRONMENT, escape=escape)
        for pair in getattr(each, "pairs", ()):
            variables(pair.value or "", escape=escape)
        for name in ("image", "name", "sources", "destination", "from_", "mounts"):
            getattr(each, name, None)


def _printed(dockerfile: Dockerfile) -> None:
    """What is printed is ASCII as JSON, and moves no terminal as text."""
    dumps(output.document("Dockerfile", dockerfile)).encode("ascii")
    for line in output.lines("Dockerfile", dockerfile):
        if any(ord(char) < 32 and char != "\t" for char in line):
            raise BrokenPromiseError("printable", f"a control character in {line[:60]!r}")


def _findings(linted: Linted) -> None:
    everything = (0, len(linted.source.text))
    graph = linted.graph
    for stage in graph.stages:
        graph.needs(stage), graph.ancestors(stage), graph.shipped(stage), list(graph.lineage(stage))
    for each in _instructions(linted.dockerfile):
        list(graph.later(each)), graph.shell(each), dict(graph.environment(each))
    for finding in linted.findings:
        _inside("a finding", finding.span, everything)
        for related in finding.related:
            _inside("a related place", related.span, everything)
        for edit in finding.fix.edits if finding.fix else ():
            _inside("an edit", edit.span, everything)


def _comments(dockerfile: Dockerfile) -> Counter[str]:
    source = dockerfile.source
    kinds = (LineKind.COMMENT, LineKind.DIRECTIVE)
    return Counter(
        source.index.line_text(number).strip() for number, kind in enumerate(source.kinds, 1) if kind in kinds
    )


def _fixed(linted: Linted) -> None:
    """Fixes settle, break nothing and keep every comment."""
    fixed = fixer.fix(linted, rules())
    if not fixed.changed:
        return
    if linted.dockerfile.problems:
        raise BrokenPromiseError("broken files are left alone", "a file with errors was changed")
    after = fixed.after.dockerfile
    if after.problems:
        raise BrokenPromiseError("fixes break nothing", after.problems[0].message)
    if _comments(after) != _comments(linted.dockerfile):
        raise BrokenPromiseError("fixes keep comments", "a comment is gone")
    if fixer.fix(fixed.after, rules()).changed:
        raise BrokenPromiseError("fixes settle", "a second run changes the file again")
    fixed.diff()


def minimise(data: bytes, fails: Callable[[bytes], bool], seconds: float = 60.0) -> bytes:
    """A smaller input that still fails: whole lines are taken out first, then characters."""
    end = time.monotonic() + seconds
    for split in (lambda each: each.splitlines(keepends=True), lambda each: [bytes([byte]) for byte in each]):
        parts = split(data)
        size = max(1, len(parts) // 2)
        while size and time.monotonic() < end:
            at, smaller = 0, False
            while at < len(parts) and time.monotonic() < end:
                shorter = parts[:at] + parts[at + size :]
                if shorter and fails(b"".join(shorter)):
                    parts, smaller = shorter, True
                else:
                    at += size
            size = size if smaller and size == 1 else size // 2
        data = b"".join(parts)
    return data
