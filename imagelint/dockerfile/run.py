"""What a RUN runs: its script, whichever form it is written in, and the commands behind wrappers such as sudo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelint.dockerfile import shellreader
from imagelint.dockerfile.shell import Command, Script, ShellWord, Wrapper
from imagelint.text import OffsetMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.instructions import Run

#: Wrappers that run the command behind them, with those of their options that take a value of their own.
_WRAPPERS: dict[str, frozenset[str]] = {
    "builtin": frozenset(),
    "busybox": frozenset(),
    "chronic": frozenset(),
    "command": frozenset(),
    "eatmydata": frozenset(),
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "exec": frozenset({"-a"}),
    "gosu": frozenset(),
    "ionice": frozenset({"-c", "-n"}),
    "nice": frozenset({"-n", "--adjustment"}),
    "nohup": frozenset(),
    "setsid": frozenset(),
    "stdbuf": frozenset({"-i", "-o", "-e"}),
    "sudo": frozenset({"-u", "--user", "-g", "--group", "-h", "--host", "-p", "--prompt", "-C", "-D"}),
    "time": frozenset({"-f", "-o"}),
    "timeout": frozenset({"-k", "-s", "--kill-after", "--signal"}),
    "xargs": frozenset({"-a", "-d", "-E", "-I", "-L", "-n", "-P", "-s"}),
}
#: Wrappers whose first operand is their own: a user, a duration.
_TAKES_OPERAND = frozenset({"gosu", "timeout"})
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
_MAX_NESTING = 4
#: More wrappers than these around one command are looked through, and not kept.
_MAX_WRAPPERS = 8


def script_of(run: Run) -> Script:
    """The script of a RUN, with what `sudo`, `env`, `sh -c "…"` and their like hide brought out."""
    if run.json is not None:
        script = _exec_form(run)
    elif run.heredocs and _only_heredoc(run):
        script = _body(run)
    else:
        script = shellreader.read(run.line.joined.cut(run.rest))
        if run.heredocs:
            script = script._replace(chain=False, open_end=False)
            if script.commands and script.commands[0].name in _SHELLS:
                body = _body(run)
                script = script._replace(commands=script.commands + body.commands, pipes=script.pipes + body.pipes)
    commands = tuple(each for command in script.commands for each in _look_through(command, 0))
    return script._replace(commands=commands)


def _only_heredoc(run: Run) -> bool:
    """Whether the heredoc's body is the script: nothing but `<<EOF` stands on the line."""
    word = run.heredocs[0].word
    return len(run.heredocs) == 1 and run.arguments == run.joined[word.start : word.end]


def _body(run: Run) -> Script:
    """The body of the first heredoc; nothing where its shebang names something else than a shell."""
    heredoc = run.heredocs[0]
    text = run.source.text[heredoc.body.start : heredoc.body.end]
    body = OffsetMap([(heredoc.body.start, text)], heredoc.body.end)
    if text.startswith("#!") and not any(
        name in _SHELLS for name in text.split("\n", 1)[0][2:].replace("/", " ").split()
    ):
        body = OffsetMap([], heredoc.body.start)
    return shellreader.read(body)._replace(chain=False, open_end=False)


def _exec_form(run: Run) -> Script:
    """The one command of a JSON array."""
    words = tuple(ShellWord(word.value, word.start, word.end) for word in run.json or ())
    text = run.line.joined
    command = Command(text, words, (), "", False, words[0].start, words[-1].end) if words else None
    return Script(text, (command,) if command else (), chain=False, open_end=False, end=len(text.text))


def _look_through(command: Command, depth: int) -> Iterator[Command]:
    """The command itself, or what it runs where it is a wrapper; a wrapped one keeps the wrapper's operator."""
    words, at = command.words, 0
    wrappers = list(command.wrappers)
    while at < len(words) and (name := words[at].value.rpartition("/")[2]) in _WRAPPERS:
        behind = _behind(name, words, at + 1)
        if behind >= len(words):
            break
        if len(wrappers) < _MAX_WRAPPERS:
            wrappers.append(Wrapper(name, command.span_of(words[at])))
        at = behind
    inner = command._replace(words=words[at:], wrappers=tuple(wrappers)) if at else command
    if depth < _MAX_NESTING and inner.name in _SHELLS:
        script = _quoted_script(inner)
        if script is not None:
            for each in script.commands:
                yield from _look_through(each._replace(nested=True, wrappers=inner.wrappers), depth + 1)
            return
    yield inner


def _behind(name: str, words: tuple[ShellWord, ...], at: int) -> int:
    """Where the command that a wrapper runs begins, `at` being the word behind the wrapper's name."""
    valued = _WRAPPERS[name]
    operand = name in _TAKES_OPERAND
    while at < len(words):
        value = words[at].value
        if value == "--":
            return at + 1
        if value.startswith("-") and len(value) > 1:
            at += 2 if value in valued else 1
        elif name in ("env", "sudo") and "=" in value:
            at += 1
        elif operand:
            operand = False
            at += 1
        else:
            break
    return at


def _quoted_script(command: Command) -> Script | None:
    """The script of `sh -c "…"`, with places that lead back into the quotes."""
    args = iter(command.args)
    for word in args:
        if word.value.startswith("-") and not word.value.startswith("--") and "c" in word.value:
            script = next(args, None)
            return shellreader.read(_unquoted(command.text, script)) if script else None
        if not word.value.startswith("-"):
            return None
    return None


def _unquoted(text: OffsetMap, word: ShellWord) -> OffsetMap:
    """A quoted word's content as a text of its own, each character still knowing where it stands."""
    raw = text.text[word.start : word.end]
    pieces: list[tuple[int, str]] = []
    quote = ""
    at = 0
    while at < len(raw):
        char = raw[at]
        if char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif char == "\\" and quote != "'" and at + 1 < len(raw) and (not quote or raw[at + 1] in '"$`\\'):
            at += 1
            pieces.append((text.offset(word.start + at), raw[at]))
        else:
            pieces.append((text.offset(word.start + at), char))
        at += 1
    return OffsetMap(pieces, text.offset(word.end - 1) + 1)
