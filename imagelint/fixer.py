"""Applying fixes: text edits over the source, and only where the result is provably still the same build file.

A fix is refused unless the result parses, an independent parser sees the same instructions, every comment is kept,
every instruction that the fix does not touch is untouched, and a second run has nothing left to do.
"""

from __future__ import annotations

import difflib
import os
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from imagelint import files
from imagelint.dockerfile import witness
from imagelint.dockerfile.parser import Dockerfile, parse
from imagelint.dockerfile.source import LineKind
from imagelint.errors import InputError
from imagelint.finding import Safety
from imagelint.linter import Linted, Plan, lint
from imagelint.records import TYPE_CHECKING
from imagelint.text import apply_edits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagelint.finding import Finding, Fix
    from imagelint.graph import BuildContext
    from imagelint.rule import Rule
    from imagelint.text import Edit

#: Each pass fixes what does not overlap; more passes than this mean that two fixes undo each other.
MAX_PASSES = 12

#: How many characters are read to find out which of several fixes may not be kept.
_MAX_TRIED = 10_000_000

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """A Dockerfile before and after its fixes, and the findings that were fixed on the way.

    Fixes that undo each other change nothing; `unsettled` are the codes of those.
    """

    before: Linted
    after: Linted
    applied: tuple[Finding, ...]
    unsettled: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before.source.text != self.after.source.text

    def diff(self) -> str:
        """The change as a unified diff, control characters included as they are."""
        old = _LINE.findall(self.before.source.text)
        new = _LINE.findall(self.after.source.text)
        path = self.before.path
        lines = difflib.unified_diff(old, new, f"a/{path.lstrip('/')}", f"b/{path.lstrip('/')}")
        return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def fix(
    linted: Linted, rules: Sequence[Rule] | Plan, context: BuildContext | None = None, *, unsafe: bool = False
) -> Fixed:
    """Apply every safe fix until none is left; with `unsafe` the others too.

    A file with syntax errors is left alone.
    """
    current = linted
    applied: list[Finding] = []
    refused: set[tuple[str, str]] = set()
    for _ in range(MAX_PASSES):
        candidates = [
            finding
            for finding in current.findings
            if finding.fix is not None
            and (unsafe or finding.fix.safety is Safety.SAFE)
            and _key(finding, current) not in refused
        ]
        chosen = _apart(candidates)
        if not chosen or current.dockerfile.problems:
            return Fixed(linted, current, tuple(applied))
        text = _applied(current, chosen)
        if text is None:
            # One of them may not be kept; the others need not wait for it, unless it is only together that they fail.
            sound_alone = _sound_among(current, chosen)
            kept = {id(finding) for finding in sound_alone}
            refused |= {_key(finding, current) for finding in chosen if id(finding) not in kept}
            text = _applied(current, sound_alone) if sound_alone else None
            chosen = sound_alone if text is not None else sound_alone[:1]
            text = text if text is not None or not chosen else _applied(current, chosen)
        if text is not None:
            applied += chosen
            current = lint(linted.path, text, rules, context)
    return Fixed(linted, linted, (), tuple(dict.fromkeys(finding.code for finding in applied)))


def write(fixed: Fixed) -> None:
    """Put the fixed text in the file's place, in one step; never where a stranger's symbolic link leads."""
    path = fixed.before.path
    if os.path.islink(path):
        raise InputError(f"{path}: not fixed: it is a symbolic link", hint="name the file that it leads to")
    if _strays(path):
        raise InputError(
            f"{path}: not fixed: a symbolic link leads out of the working folder", hint=f"name {os.path.realpath(path)}"
        )
    files.replace(path, fixed.after.source.to_bytes())


def _strays(path: str) -> bool:
    """Whether a relative path that seems to be below the working folder is not.

    An absolute path and one that goes up say where they lead, as far as a user can tell.
    """
    if os.path.isabs(path) or os.pardir in path.split(os.sep):
        return False
    here = os.path.realpath(os.curdir)
    return os.path.commonpath([here, os.path.realpath(path)]) != here


def _key(finding: Finding, linted: Linted) -> tuple[str, str]:
    """What tells a finding from others when lines have moved: its code, and the text that it is about."""
    line = linted.source.index.position(finding.span.start).line
    return finding.code, linted.source.index.line_text(line)


def _apart(findings: Iterable[Finding]) -> list[Finding]:
    """The findings whose fixes do not touch each other; of two that do, the one that stands first in the file."""
    out: list[Finding] = []
    starts: list[int] = []
    ends: list[int] = []
    for finding in findings:
        assert finding.fix is not None
        begin = min(edit.span.start for edit in finding.fix.edits)
        end = max(edit.span.end for edit in finding.fix.edits)
        place = bisect_right(starts, end)
        if place and ends[place - 1] >= begin:
            continue
        out.append(finding)
        starts.insert(place, begin)
        ends.insert(place, end)
    return out


def _sound_among(linted: Linted, findings: Sequence[Finding]) -> list[Finding]:
    """Those of some findings that may be fixed, looked for by halves, since each try reads the file.

    Where many may not in a long file, there is an end to it, and what was not tried is not among them.
    """
    found: list[Finding] = []
    todo = [findings]
    characters = _MAX_TRIED
    while todo and characters > 0:
        some = todo.pop()
        characters -= len(linted.source.text)
        if _applied(linted, some) is not None:
            found += some
        elif len(some) > 1:
            middle = len(some) // 2
            todo += [some[middle:], some[:middle]]
    return found


def _applied(linted: Linted, findings: Sequence[Finding]) -> str | None:
    """The text with these findings fixed; None where the result may not be kept."""
    fixes: list[Fix] = [finding.fix for finding in findings if finding.fix is not None]
    edits = [edit for fix in fixes for edit in fix.edits]
    text = apply_edits(linted.source.text, edits)
    return text if sound(linted.dockerfile, parse(text), edits) else None


def sound(before: Dockerfile, after: Dockerfile, edits: Sequence[Edit]) -> bool:
    """Whether an edited Dockerfile parses, keeps each comment and leaves the other instructions as they were."""
    if after.problems or _comments(before) != _comments(after) or _exec_forms(before) != _exec_forms(after):
        return False
    kept = iter([each.joined.strip() for each in after.instructions])
    places = sorted(edit.span for edit in edits)  # which do not overlap, so that the ends are sorted too
    ends = [place.end for place in places]
    for instruction in before.instructions:
        start, end = instruction.span
        near = bisect_left(ends, start)
        untouched = near == len(places) or places[near].start > end
        if untouched and instruction.joined.strip() not in kept:
            return False
    return witness.agrees(after.source) is not False or witness.agrees(before.source) is False


def _exec_forms(dockerfile: Dockerfile) -> int:
    """How many instructions are in exec form: an edit inside the brackets could make shell of one."""
    parts = (part for each in dockerfile.instructions for part in (each, getattr(each, "inner", None)))
    return sum(part is not None and part.json is not None for part in parts)


def _comments(dockerfile: Dockerfile) -> list[str]:
    source = dockerfile.source
    return [
        source.index.line_text(number).strip()
        for number, kind in enumerate(source.kinds, start=1)
        if kind in (LineKind.COMMENT, LineKind.DIRECTIVE)
    ]
