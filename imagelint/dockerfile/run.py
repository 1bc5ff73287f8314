"""What a RUN runs: its script, whichever form it is written in, and the commands behind wrappers such as sudo."""

from __future__ import annotations

from imagelint.dockerfile import shellreader
from imagelint.dockerfile.shell import Command, Script, ShellWord, Wrapper
from imagelint.records import TYPE_CHECKING
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
    "doas": frozenset({"-u", "-C", "-a"}),
    "eatmydata": frozenset(),
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "exec": frozenset({"-a"}),
    "gosu": frozenset(),
    "ionice": frozenset({"-c", "-n"}),
    "nice": frozenset({"-n", "--adjustment"}),
    "nohup": frozenset(),
    "setpriv": frozenset({"--reuid", "--regid", "--groups", "--inh-caps", "--ambient-caps", "--bounding-set"}),
    "setsid": frozenset(),
    "stdbuf": frozenset({"-i", "-o", "-e"}),
    "su-exec": frozenset(),
    "sudo": frozenset({"-u", "--user", "-g", "--group", "-h", "--host", "-p", "--prompt", "-C", "-D"}),
    "time": frozenset({"-f", "-o"}),
    "timeout": frozenset({"-k", "-s", "--kill-after", "--signal"}),
    "xargs": frozenset({"-a", "-d", "-E", "-I", "-L", "-n", "-P", "-s"}),
}
#: Wrappers whose first operand is their own: a user, a duration.
_TAKES_OPERAND = frozenset({"gosu", "su-exec", "timeout"})
#: Programs that run a command of another environment: the word behind their name, and options with a value.
_RUNNERS = frozenset({"conda", "mamba", "micromamba"})
_RUNNER_VALUED = frozenset({"-n", "--name", "-p", "--prefix", "--cwd", "-r", "--root-prefix"})
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
#: Long options of shells that take a value.
_SHELL_FILES = frozenset({"--rcfile", "--init-file"})
#: `su` and `runuser` run a script as somebody else; these of their options take a value.
_SWITCHES_USER = frozenset({"su", "runuser"})
_SWITCH_VALUED = frozenset({"-s", "--shell", "-g", "--group", "-G", "--supp-group", "-w", "--whitelist-environment"})
#: The programs behind which there may be another one.
_HIDING = _SHELLS.union(_WRAPPERS, _RUNNERS, _SWITCHES_USER)
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
    if _HIDING.isdisjoint(command.name for command in script.commands):
        return script
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
    assigned: list[ShellWord] = []
    wrappers = list(command.wrappers)
    while at < len(words) and (behind := _unwrapped(words, at)) < len(words):
        name = words[at].value.rpartition("/")[2]
        if name in ("env", "sudo"):
            between = words[at + 1 : behind]
            assigned += (word for word in between if "=" in word.value[1:] and not word.value.startswith("-"))
        if len(wrappers) < _MAX_WRAPPERS:
            wrappers.append(Wrapper(name, command.span_of(words[at])))
        at = behind
    if at:
        assignments = (*command.assignments, *assigned)
        inner = command._replace(words=words[at:], assignments=assignments, wrappers=tuple(wrappers))
    else:
        inner = command
    if depth < _MAX_NESTING:
        script = _quoted_script(inner)
        if script is not None:
            for each in script.commands:
                yield from _look_through(each._replace(nested=True, wrappers=inner.wrappers), depth + 1)
            return
    yield inner


def _unwrapped(words: tuple[ShellWord, ...], at: int) -> int:
    """Where the command begins that the wrapper at `at` runs; the end where there is no wrapper, or nothing in it."""
    name = words[at].value.rpartition("/")[2]
    if name == "command" and _asks(words[at + 1 : at + 2]):
        return len(words)
    if name in _WRAPPERS:
        return _behind(words, at + 1, _WRAPPERS[name], assigns=name in ("env", "sudo"), operand=name in _TAKES_OPERAND)
    if name in _RUNNERS and at + 1 < len(words) and words[at + 1].value == "run":
        return _behind(words, at + 2, _RUNNER_VALUED)
    if name == "runuser" and any(word.value in ("-u", "--user") for word in words[at + 1 : at + 2]):
        return _behind(words, at + 1, frozenset({"-u", "--user"}))
    return len(words)


def _asks(words: tuple[ShellWord, ...]) -> bool:
    """Whether `command` is only asked where a program is, as in `command -v curl`."""
    return any(word.value in ("-v", "-V", "-pv", "-pV") for word in words)


def _behind(
    words: tuple[ShellWord, ...], at: int, valued: frozenset[str], *, assigns: bool = False, operand: bool = False
) -> int:
    """Where the command behind a wrapper's options begins, its assignments and its own operand left behind as well."""
    while at < len(words):
        value = words[at].value
        if value == "--":
            return at + 1
        if value.startswith("-") and len(value) > 1:
            at += 2 if value in valued else 1
        elif assigns and "=" in value:
            at += 1
        elif operand:
            operand = False
            at += 1
        else:
            break
    return at


def _quoted_script(command: Command) -> Script | None:
    """The script of `sh -c "…"` or `su -c "…"`, with places that lead back into the quotes."""
    if command.name in _SHELLS:
        word = _shell_operand(command.args)
    elif command.name in _SWITCHES_USER:
        word = _switch_operand(command.args)
    else:
        return None
    return shellreader.read(_unquoted(command.text, word)) if word else None


def _shell_operand(args: tuple[ShellWord, ...]) -> ShellWord | None:
    """The script that a shell gets with `-c`: its first operand, as in `bash -euxo pipefail -c script name`."""
    script = False
    words = iter(args)
    for word in words:
        value = word.value
        if value in ("-", "--"):
            word = next(words, word)
        elif value.startswith("--"):
            if value in _SHELL_FILES:
                next(words, None)
            continue
        elif value[:1] in ("-", "+") and len(value) > 1:
            script = script or (value[0] == "-" and "c" in value)
            # Each `o` takes the name of an option from the words behind.
            for _ in range(value.lower().count("o")):
                next(words, None)
            continue
        return word if script else None
    return None


def _switch_operand(args: tuple[ShellWord, ...]) -> ShellWord | None:
    """The script that `su` or `runuser` gets with `-c`, wherever the user's name stands."""
    words = iter(args)
    for word in words:
        value = word.value
        if value == "--":
            return None
        if value in ("--command", "--session-command") or (value[:1] == "-" != value[1:2] and value.endswith("c")):
            return next(words, None)
        if value in _SWITCH_VALUED:
            next(words, None)
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
