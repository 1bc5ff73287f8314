"""The scripts of a Dockerfile as ShellCheck is given them, and the way back from its lines into the Dockerfile."""

from __future__ import annotations

import re
from bisect import bisect_right

from imagelint.dockerfile.instructions import Arg, Env, Onbuild, Run, Shell
from imagelint.records import TYPE_CHECKING
from imagelint.text import LineIndex, OffsetMap, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.source import Heredoc, Source
    from imagelint.graph import BuildGraph, Stage

#: The shells that ShellCheck knows, and the line by which it tells them.
_SHEBANGS = {
    "ash": "#!/bin/busybox sh",
    "bash": "#!/bin/bash",
    "dash": "#!/bin/dash",
    "ksh": "#!/bin/ksh",
    "sh": "#!/bin/sh",
}
#: The build arguments that every build knows.
_PROXIES = tuple(
    name
    for each in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    for name in (each, each.upper())
)
#: With more variables than these, names that only resemble a script's words are not told: comparing would take long.
_MANY_NAMES = 64
_MAX_NAMES = 1000
#: ShellCheck follows the values of variables through a script in a time and a memory that grow with its square.
_LONG = 8_000
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
#: The lines before the first command. The last one may lack its end.
_LEAD = r"(?:[ \t]*(?:#[^\n]*(?:\n|\Z)|\n))*"
_DISABLE = r"\s*#\s*shellcheck\s(?:.*\s)?disable=([A-Za-z0-9,-]+)"


class Script:
    """A script for ShellCheck, put together from parts of the Dockerfile and lines that are not in it."""

    __slots__ = ("_index", "_maps", "_starts", "graph", "run", "text")

    def __init__(self, graph: int, run: Run, parts: list[str | OffsetMap]) -> None:
        """`graph` is the number of the Dockerfile's graph; a part that is a plain text is in no Dockerfile."""
        self.graph = graph
        self.run = run
        self._starts: list[int] = []
        self._maps: list[OffsetMap | None] = []
        texts: list[str] = []
        at = 0
        for part in parts:
            text = part if isinstance(part, str) else part.text
            if text:
                self._starts.append(at)
                self._maps.append(None if isinstance(part, str) else part)
                texts.append(text)
                at += len(text)
        # A byte that is no UTF-8 stays one character, so that columns stay right.
        self.text = "".join(texts)
        if not self.text.isascii():
            self.text = re.sub("[\ud800-\udfff]", "\ufffd", self.text)
        self._index: LineIndex | None = None

    @property
    def long(self) -> bool:
        """Whether ShellCheck may take its time over it."""
        return len(self.text) > _LONG

    def span(self, line: int, column: int, end_line: int, end_column: int) -> Span | None:
        """A place in the script as one in the Dockerfile; None where the Dockerfile does not hold it."""
        start = self._offset(line, column)
        end = max(self._offset(end_line, end_column), start)
        first = self._origin(start)
        last = self._origin(end - 1) if end > start else None
        if first is None:
            return None
        return Span(first, first) if last is None else Span(first, max(first, last + 1))

    def _origin(self, offset: int) -> int | None:
        """Where a character of the script stands in the Dockerfile; a line end that it lacks stands where it would."""
        number = bisect_right(self._starts, offset) - 1
        text = self._maps[number]
        if text is not None:
            return text.offset(offset - self._starts[number])
        before = self._maps[number - 1] if number else None
        return before.end if before is not None and self.text[offset] == "\n" else None

    def _offset(self, line: int, column: int) -> int:
        """The offset of a line and a column, both kept within the script."""
        if self._index is None:
            self._index = LineIndex(self.text)
        if line > len(self._index):
            return len(self.text) - 1
        start, end = self._index.line_span(max(line, 1))
        return min(start + max(column, 1) - 1, end - 1)


def scripts(number: int, graph: BuildGraph) -> Iterator[Script]:
    """Every script of a Dockerfile that ShellCheck can read."""
    known: dict[int, dict[str, None]] = {}
    for stage in graph.parts:
        names = dict(known[stage.base.index]) if stage.base is not None else _initial(graph, stage)
        known[stage.index] = names
        own: dict[str, None] = {}  # the stage's ARGs, which a build from its triggers does not see
        triggered: dict[str, None] = {}
        shell: tuple[str, ...] | None = None  # of the triggers, where one of them sets it
        for each in stage.instructions:
            if isinstance(each, Run):
                yield from _of_run(number, graph.shell(each), each, list(names))
            elif isinstance(each, Arg | Env):
                _learn(names, each)
                if isinstance(each, Arg):
                    _learn(own, each)
            elif isinstance(each, Onbuild) and isinstance(each.inner, Arg | Env):
                _learn(triggered, each.inner)
            elif isinstance(each, Onbuild) and isinstance(each.inner, Shell):
                shell = tuple(word.value for word in each.inner.json or ())
            elif isinstance(each, Onbuild) and isinstance(each.inner, Run):
                hidden = own.keys() - triggered.keys()
                seen = [name for name in names if name not in hidden]
                yield from _of_run(number, shell or graph.shell(each.inner), each.inner, [*seen, *triggered])


def disabled(run: Run) -> tuple[tuple[int, int], ...]:
    """The ranges of codes that comments above a RUN and between its lines turn off, as ShellCheck writes it."""
    ranges: list[tuple[int, int]] = []
    for number in (*run.line.lead, *run.line.comments):
        found = re.match(_DISABLE, run.source.index.line_text(number))
        for each in found[1].split(",") if found else ():
            if each == "all":
                ranges.append((0, 99_999))
            elif code := re.fullmatch(r"(?:SC)?(\d{1,5})(?:-(?:SC)?(\d{1,5}))?", each):
                ranges.append((int(code[1]), int(code[2] or code[1])))
    return tuple(ranges)


def _initial(graph: BuildGraph, stage: Stage) -> dict[str, None]:
    """The variables that a stage begins with that is built on no other one."""
    names = dict.fromkeys(_PROXIES)
    if stage.index < 0:
        for each in graph.dockerfile.instructions:
            if isinstance(each, Arg) and graph.stage_of(each) is None:
                _learn(names, each)
    elif image := graph.context.images.get(stage.image):
        names |= dict.fromkeys(name for name in image.environment if re.fullmatch(_IDENTIFIER, name))
    return names


def _learn(names: dict[str, None], instruction: Arg | Env) -> None:
    for pair in instruction.pairs:
        if len(names) < _MAX_NAMES and re.fullmatch(_IDENTIFIER, pair.key):
            names[pair.key] = None


def _of_run(number: int, shell: tuple[str, ...], run: Run, names: list[str]) -> Iterator[Script]:
    """The scripts of one RUN: what its shell is given, and a heredoc that is the input of a shell."""
    if run.json is not None:
        return
    shebang = _shebang(shell)
    if len(run.heredocs) == 1 and run.arguments == run.joined[run.heredocs[0].word.start : run.heredocs[0].word.end]:
        body = _body(run.source, run.heredocs[0], chomp=run.heredocs[0].word.chomp)
        if body.text.startswith("#!"):
            # The body is a file that runs by itself, whatever SHELL says.
            if _program(body.text.partition("\n")[0][2:]) in (*_SHEBANGS, "busybox"):
                yield _script(number, run, "", body, names)
        elif shebang:
            yield _script(number, run, shebang, body, names)
        return
    if not shebang:
        return
    command = run.line.joined.cut(run.rest)
    if not run.heredocs:
        if command.text:
            yield _script(number, run, shebang, command, names)
        return
    parts: list[str | OffsetMap] = [command, "\n"]
    for heredoc in run.heredocs:
        parts += [_body(run.source, heredoc), _terminator(run.source, heredoc), "\n"]
    text = "".join(part if isinstance(part, str) else part.text for part in parts)
    yield Script(number, run, [*_prefix(shebang, text, names), *parts])
    yield from _input(number, run, names)


def _input(number: int, run: Run, names: list[str]) -> Iterator[Script]:
    """The body of `bash <<EOF`: a script for another shell than the one that reads the line."""
    first = next(iter(run.script.commands), None)
    heredoc = run.heredocs[0]
    if first is None or first.text.text != run.joined[run.rest :] or heredoc.word.fd != 0:
        return
    program = _SHEBANGS.get(first.name)
    options = [word.value for word in first.args]
    if program is None or any(each[:1] not in ("-", "+") and "pipefail" not in each for each in options):
        return
    body = _body(run.source, heredoc, chomp=heredoc.word.chomp)
    # The outer shell takes one layer of escapes away, if the delimiter is not quoted: then this is not the script.
    if not heredoc.word.expand or "\\" not in body.text:
        yield _script(number, run, program + _errexit(options), body, names)


def _script(number: int, run: Run, shebang: str, text: OffsetMap, names: list[str]) -> Script:
    """A script of one piece, which may begin with comments for ShellCheck that are about all of it."""
    found = re.match(_LEAD, text.text)
    lead = found.end() if found else 0
    head, rest = text.cut(0, lead), text.cut(lead)
    if lead and not head.text.endswith("\n"):
        return Script(number, run, [shebang, "\n" if shebang else "", head, "\n"])
    analysis, exports = _prefix("", text.text, names)
    if not shebang:
        line = head.text.find("\n") + 1
        return Script(number, run, [head.cut(0, line), analysis, head.cut(line), exports, rest, "\n"])
    return Script(number, run, [shebang + "\n" + analysis, head, exports, rest, "\n"])


def _prefix(shebang: str, text: str, names: list[str]) -> tuple[str, str]:
    """The lines before a script: its shell and what ShellCheck should leave; then the variables that it knows."""
    lines = shebang + "\n" if shebang else ""
    if len(text) > _LONG:
        lines += "# shellcheck extended-analysis=false\n"
    told = _told(text, names)
    return lines, "export" + "".join(f" {name}=1" for name in told) + "\n" if told else ""


def _told(text: str, names: list[str]) -> list[str]:
    """The variables that a script must be told of: ShellCheck takes longer over ten of them than over most scripts.

    They are those that it names, and those that ShellCheck might propose instead of one that is not set (SC2153,
    SC2154): it does so where not more than two letters have to change, or nothing but their case.
    """
    words = {*re.findall(_IDENTIFIER, text)}
    if len(names) > _MANY_NAMES:
        return [name for name in dict.fromkeys(names) if name in words]
    folded = {word.lower() for word in words}
    by_length: dict[int, list[str]] = {}
    for word in words:
        by_length.setdefault(len(word), []).append(word)
    return [
        name for name in dict.fromkeys(names) if name in words or name.lower() in folded or _resembles(name, by_length)
    ]


def _resembles(name: str, words: dict[int, list[str]]) -> bool:
    """Whether one of these words, by their length, might be two edits away; an edit changes two letters of the set."""
    letters = {*name}
    return any(
        len(letters.symmetric_difference(word)) <= 4
        for length in range(len(name) - 2, len(name) + 3)
        for word in words.get(length, ())
    )


def _shebang(shell: tuple[str, ...]) -> str | None:
    """The first line for a SHELL; None where ShellCheck does not know it."""
    program = shell[0].replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe") if shell else ""
    line = _SHEBANGS.get(program)
    return line and line + _errexit(shell[1:])


def _errexit(options: tuple[str, ...] | list[str]) -> str:
    """` -e` where a shell is started so that it ends at the first failure: some checks are about nothing else."""
    for each in options:
        if each == "errexit" or (each.startswith("-") and not each.startswith("--") and "e" in each):
            return " -e"
    return ""


def _program(shebang: str) -> str:
    """The name of the program that a shebang (without its `#!`) starts."""
    for word in shebang.split():
        name = word.rpartition("/")[2]
        if name != "env" and not word.startswith("-") and "=" not in word:
            return name
    return ""


def _body(source: Source, heredoc: Heredoc, *, chomp: bool = False) -> OffsetMap:
    """A heredoc's body; with `chomp` without its leading tabs. Line ends are the file's, which git may have made."""
    text, (at, end) = source.text, heredoc.body
    crlf = source.newline == "\r\n"
    pieces: list[tuple[int, str]] = []
    while at < end:
        stop = text.find("\n", at, end)
        line = text[at : end if stop < 0 else stop]
        start = at + len(line) - len(line.lstrip("\t")) if chomp else at
        kept = line[start - at :]
        if crlf and stop >= 0 and kept.endswith("\r"):
            pieces += [(start, kept[:-1]), (stop, "\n")]
        else:
            pieces.append((start, kept if stop < 0 else kept + "\n"))
        at += len(line) + 1
    return OffsetMap(pieces, end)


def _terminator(source: Source, heredoc: Heredoc) -> OffsetMap:
    """The line that ends a heredoc."""
    start = heredoc.body.end
    stop = source.text.find("\n", start)
    line = source.text[start : len(source.text) if stop < 0 else stop].rstrip("\r")
    return OffsetMap([(start, line)], start + len(line))
