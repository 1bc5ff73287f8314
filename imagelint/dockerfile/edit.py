"""Changing a RUN by text edits: put a command behind it, put a word into one, make several RUNs one.

Each function answers None where the change could alter what the build does, or could not be written in place.
"""

from __future__ import annotations

import re
from itertools import pairwise

from imagelint.dockerfile.source import LineKind
from imagelint.records import TYPE_CHECKING
from imagelint.text import Edit, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelint.dockerfile.instructions import Run
    from imagelint.dockerfile.shell import Command, ShellWord

#: Builtins that change the shell they run in: what stands behind them in the same script would see it.
_STATEFUL = frozenset(
    ". alias cd declare enable eval exec exit export hash local popd pushd read readonly return set shift shopt source"
    " trap typeset ulimit umask unalias unset wait".split()
)
#: Comments that tell a tool something about the instruction below; inside a RUN they would tell nobody.
_PRAGMA = re.compile(r"\s*#\s*(?:hadolint|check\s*=|imagelint|shellcheck|tally)\b", re.IGNORECASE)
#: What ends a script early, or runs a part of it as somebody else.
_OTHER_USER_OR_END = re.compile(r"\b(?:sudo|gosu|doas|su|runuser|chroot|exec|exit|return)\b")
#: What the next shell would start with, and the rest of the same one would not.
_CHANGES_SHELL = re.compile(r"\b(?:exec|usermod|groupmod|chsh|dpkg-reconfigure)\b|/bin/sh\b|profile|bashrc|BASH_ENV")
#: Linux takes no argument longer than 128 KiB, and a shell-form RUN is one argument.
MAX_SCRIPT = 100_000
#: What is further in than this is aligned with a word above it.
_DEEP = 16


def insert_behind(
    run: Run, command: Command, word: ShellWord, text: str, *, over_cache: bool = False
) -> tuple[Edit, ...] | None:
    """Put ` text` behind a word of a command; with `over_cache` where a cache is mounted too, which it is not about."""
    if (
        run.json is not None
        or (_has_cache(run) and not over_cache)
        or not command.text.contiguous(word.start, word.end)
    ):
        return None
    end = command.span_of(word).end
    return (Edit(Span(end, end), f" {text}"),)


def append(run: Run, command: str) -> tuple[Edit, ...] | None:
    """Put `&& command` behind all that a RUN runs, on a line of its own."""
    script = run.script
    if run.json is not None or run.heredocs or not script.open_end or _has_cache(run):
        return None
    # Behind these it would not run, or not as the user who may; `exec` and `sudo` are looked through in the commands.
    if _OTHER_USER_OR_END.search(script.text.text):
        return None
    end = run.span.end
    return (Edit(Span(end, end), _joint(run) + command),)


def can_join(first: Run, second: Run) -> bool:
    """Whether `RUN a` and `RUN b` may be `RUN a && b`: same outcome, nothing of the first's shell leaks into b."""
    if any(run.json is not None or run.heredocs for run in (first, second)):
        return False
    if not first.script.open_end or not second.script.chain:
        return False
    if len(first.joined) + len(second.joined) > MAX_SCRIPT:
        return False
    text = second.script.text.text
    if _CHANGES_SHELL.search(first.script.text.text):
        return False
    for command in first.script.commands:
        if command.name in _STATEFUL and not _harmless_set(command):
            return False
        if not command.words and any(_mentions(text, word.value) for word in command.assignments):
            return False
    return not any(_PRAGMA.match(comment) for comment in _comments_between(first, second))


def join(runs: Sequence[Run]) -> tuple[Edit, ...]:
    """Make one RUN of several that `can_join` one after the other; comments between them stay, blank lines go."""
    edits: list[Edit] = []
    for first, second in pairwise(runs):
        newline = first.source.newline
        comments = "".join(comment + newline for comment in _comments_between(first, second))
        joint = _joint(runs[0])
        if comments:
            head, _, tail = joint.rpartition(newline)
            joint = head + newline + comments + tail
        start = second.line.joined.offset(second.rest)
        edits.append(Edit(Span(first.span.end, start), joint))
    return tuple(edits)


def _joint(run: Run) -> str:
    """`&&` on a new line, in the RUN's own style: leading or trailing, and as far in as its other lines."""
    source = run.source
    lines = [source.index.line_text(line) for line in range(run.start_line, run.end_line + 1)]
    follow = [line for line in lines[1:] if line.strip() and not line.lstrip().startswith("#")]
    end = r"&&\s*" + re.escape(source.escape) + r"\s*$"
    trailing = any(re.search(end, line) for line in lines)
    # A command's own arguments may be further in than the commands are.
    leaders = [line for line in follow if line.lstrip().startswith("&&")]
    leading = bool(leaders)
    if not leading:
        behind = [line for before, line in pairwise(lines) if re.search(end, before)]
        leaders = [line for line in behind if line.strip() and not line.lstrip().startswith("#")] or follow
    indent = leaders[-1][: len(leaders[-1]) - len(leaders[-1].lstrip())] if leaders else ""
    if len(indent.expandtabs(4)) > _DEEP or not indent:
        indent = "    "
    if trailing and not leading:
        return f" && {source.escape}{source.newline}{indent}"
    return f" {source.escape}{source.newline}{indent}&& "


def _comments_between(first: Run, second: Run) -> list[str]:
    """The comment lines from the end of one RUN's text to the beginning of the next one's command."""
    source = first.source
    begin = source.index.position(max(first.span.end - 1, 0)).line + 1
    end = source.index.position(second.line.joined.offset(second.rest)).line
    return [source.index.line_text(line) for line in range(begin, end) if source.kinds[line - 1] is LineKind.COMMENT]


def _has_cache(run: Run) -> bool:
    """Whether a cache is mounted: what a fix would clean or leave out may be just that."""
    return any(mount["type"] != "bind" for mount in run.mounts)


def _harmless_set(command: Command) -> bool:
    """`set -e`, `set -x`, `set -ex`: they change nothing for a chain of `&&`."""
    return command.name == "set" and all(word.value in ("-e", "-x", "-ex", "-xe") for word in command.args)


def _mentions(text: str, assignment: str) -> bool:
    name = re.match(r"\w+", assignment)
    return name is not None and re.search(rf"\b{name[0]}\b", text) is not None
