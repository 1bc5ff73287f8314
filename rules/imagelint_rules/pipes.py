"""Pipes whose failures nobody sees."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Fix, Persona, Safety, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint.text import Edit, Span

#: Shells that have pipefail. Plain `sh` has it where it is BusyBox; dash refuses the option, mostly.
_WITH_PIPEFAIL = frozenset({"ash", "bash", "ksh", "zsh"})
_BUSYBOX = r"(?:.*/)?(?:alpine|busybox)(?:[:@].*)?|[^@]*:[^/@]*alpine[^/]*"
#: How many stages a stage is looked through to the image that it is built on.
_MAX_BASES = 16
#: What stands before a pipe and does not fail, or fails with nothing amiss: `dpkg-query` on a file of no package, `ldd`
#: on a program that is static, `yes` when it is cut off.
_CANNOT_FAIL = frozenset(
    ": arch dpkg-query echo env find getconf hostname ldd ls nproc printf scanelf true uname yes".split()
)
#: What does not fail between two pipes, where it reads what the first one brings.
_FILTERS = frozenset("awk column cut gawk grep head rev sed sort tac tail tee tr uniq wc xargs".split())
#: tar's long options that make it decompress.
_DECOMPRESS = "--gzip --gunzip --ungzip --bzip2 --xz --lzma --lzip --lzop --zstd --use-compress-program".split()
_PACKED = frozenset("zjJ")
_INTERPRETERS = r"(?:[abdkz]|da|ba)?sh|node|perl|php[0-9.]*|python[0-9.]*|ruby"


@rule("IL806", blame=Unpriced("it is about failures that nobody sees"), aliases=("DL4006",))
def pipe_without_pipefail(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""A pipe hides the failure of the commands before its last one.

    Why: A shell takes the exit status of a pipe's last command for that of the pipe. Where a download fails or breaks
    off, `| sh` is content with an empty script, or with half of one, and the build goes on. With `pipefail` the pipe
    fails.

    imagelint reads the script as its shell will: `set -o pipefail` in it counts, so do the shebang of a heredoc and
    the options of `bash <<EOF`, an exec form has no pipes, and a stage that is built on another one has its SHELL.
    hadolint sees none of these.

    A pipe is only a pedantic finding where nothing is hidden in practice: behind what does not fail (`echo`, `find`),
    in a `$(…)` among the words of a command, whose status no shell looks at, and before a command that itself fails on
    input that is missing or cut off: `sha256sum -c`, `gpg --import`, `apt-key add`, `gunzip`, `tar xz`. (A `tar x` that
    unpacks nothing takes an archive that ends between two files for a whole one.)

    ```dockerfile bad
    FROM debian:12
    RUN curl -fsSL https://example.org/install.sh | sh
    ```

    ```dockerfile good
    FROM debian:12
    SHELL ["/bin/bash", "-o", "pipefail", "-c"]
    RUN curl -fsSL https://example.org/install.sh | sh
    ```

    ```dockerfile good
    FROM debian:12
    RUN <<EOF
    #!/bin/bash
    set -euo pipefail
    curl -fsSL https://example.org/install.sh | sh
    EOF
    ```
    """
    stage = graph.stage_of(run)
    if not run.script.pipes or stage is None:
        return
    own = _shebang(run)
    if own is None and not graph.posix(run):
        return
    shell = own or graph.shell(run)
    safe = _has_pipefail(shell, stage)
    inner = _input_shell(run)
    safe_inside = _has_pipefail(inner, stage) if inner else safe
    hidden: list[tuple[Span, Command | None]] = []
    for pipe, left, on in _walk(run):
        if not (on or (safe_inside if _in_body(run, pipe) else safe)):
            hidden.append((pipe, left))
    if not hidden:
        return
    ends = _Ends(run)
    failing = [each for each in hidden if not ends.harmless(*each)]
    pipe, left = (failing or hidden)[0]
    last = ends.last(pipe)
    name = f"of `{left.name}`" if left is not None and left.name else "before it"
    if last is None or not last.name:
        note = "without pipefail a pipe fails only if its last command does"
    elif re.fullmatch(_INTERPRETERS, last.name):
        note = f"`{last.name}` runs what it gets, be it nothing or half of a script, and the build goes on"
    else:
        note = f"without pipefail the pipe fails only if its last command, `{last.name}`, does"
    yield Finding(
        pipe if left is None else Span(min(left.span.start, pipe.start), pipe.end),
        f"the pipe hides a failure {name}",
        note=note,
        help="begin the script with `set -o pipefail`, which its shell knows"
        if _knows_pipefail(inner if inner and _in_body(run, pipe) else shell, stage)
        else 'SHELL ["/bin/bash", "-o", "pipefail", "-c"] before it, if there is a bash: not every `sh` knows pipefail',
        fix=_fix(run, shell, stage) if failing else None,
        persona=None if failing else Persona.PEDANTIC,
    )


class _Ends:
    """What the pipes of a script lead to."""

    def __init__(self, run: Run) -> None:
        self._commands = sorted(run.script.commands, key=lambda each: each.span.start)
        self._starts = [each.span.start for each in self._commands]
        #: For each command the last one of its pipeline.
        self._last = list(self._commands)
        for at in range(len(self._commands) - 1, -1, -1):
            following = bisect_left(self._starts, self._commands[at].span.end)
            if following < len(self._commands) and self._commands[following].operator in ("|", "|&"):
                self._last[at] = self._last[following]
        #: For each command where those end that began before, itself included, and are no bare assignments.
        self._reach: list[int] = []
        for each in self._commands:
            self._reach.append(max(each.span.end if each.words else 0, self._reach[-1] if self._reach else 0))

    def last(self, pipe: Span) -> Command | None:
        """The last command of the pipeline that a pipe is in."""
        at = bisect_left(self._starts, pipe.end)
        return self._last[at] if at < len(self._commands) and self._commands[at].operator in ("|", "|&") else None

    def harmless(self, pipe: Span, left: Command | None) -> bool:
        """Whether a pipe hides nothing that would be seen without it."""
        if left is not None:
            if left.name in _CANNOT_FAIL or (left.operator in ("|", "|&") and left.name in _FILTERS):
                return True
            # `make -j$(nproc | …)`: the status of a substitution is lost, with pipefail too.
            before = bisect_left(self._starts, pipe.start)
            if before and self._reach[before - 1] >= pipe.end:
                return True
        last = self.last(pipe)
        # `| head` cuts off what stands before it, which would fail for that.
        return last is not None and (last.name == "head" or _checks(last))


def _checks(command: Command) -> bool:
    """Whether a command fails on input that is empty, cut off, or something else than what it is to be."""
    name = command.name
    if name in ("gunzip", "bunzip2", "zcat", "bzcat", "unzstd", "zstdcat", "cpio"):
        return True
    if name in ("gzip", "bzip2", "zstd"):
        return command.option("-d", "--decompress", "--uncompress")
    if name.endswith("sum"):
        return command.option("-c", "--check")
    if name in ("gpg", "gpg2", "gpgv", "shasum"):
        return name == "gpgv" or command.option("-c", "--check", "-d", "--decrypt", "--import", "--verify", "--dearmor")
    if name == "apt-key":
        return command.has("add")
    if name in ("tar", "gtar"):
        # What unpacks it checks it to the end, whichever tar runs it; an archive alone may end behind any of its files.
        return _unpacks(command)
    return False


def _unpacks(tar: Command) -> bool:
    """Whether tar is told to decompress: `xz`, `-xJf -`, `--gzip`."""
    if tar.option(*_DECOMPRESS):
        return True
    for at, word in enumerate(tar.args):
        # In the old form all letters stand in the first word; behind a dash a value may follow its letter.
        if (not at and word.value.isalpha() and not _PACKED.isdisjoint(word.value)) or re.match(
            r"-[^-CfITXbgHKLNVF]*[zjJI]", word.value
        ):
            return True
    return False


def _walk(run: Run) -> Iterator[tuple[Span, Command | None, bool]]:
    """Each pipe with the command to its left, and whether the script has turned pipefail on by then."""
    script = run.script
    commands = sorted(script.commands, key=lambda each: each.span.end)
    at, on = 0, False
    left: Command | None = None
    for pipe in sorted(script.pipes):
        while at < len(commands) and commands[at].span.end <= pipe.start:
            left = commands[at]
            at += 1
            # What `sh -c "…"` sets is set in another shell, so that its text is another one.
            if left.name == "set" and (left.text is script.text or _in_body(run, left.span)):
                on = _set(left, on=on)
        yield pipe, left, on


def _set(command: Command, *, on: bool) -> bool:
    """Whether pipefail is on behind a `set`."""
    words = [word.value for word in command.args]
    for option, value in pairwise(words):
        if value == "pipefail" and re.fullmatch(r"[-+][A-Za-z]*o[A-Za-z]*", option):
            on = option[0] == "-"
    return on


def _in_body(run: Run, span: Span) -> bool:
    """Whether a place is in the body of the RUN's first heredoc."""
    return bool(run.heredocs) and run.heredocs[0].body.start <= span.start < run.heredocs[0].body.end


def _shebang(run: Run) -> tuple[str, ...] | None:
    """The shell that a heredoc's own first line names: then the body is a file that runs by itself."""
    if not run.heredocs or run.script.text.text != _body(run) or not run.script.text.text.startswith("#!"):
        return None
    words = run.script.text.text.partition("\n")[0][2:].split()
    while words and (words[0].rpartition("/")[2] == "env" or words[0].startswith("-") or "=" in words[0]):
        del words[0]
    return tuple(words)


def _body(run: Run) -> str:
    body = run.heredocs[0].body
    return run.source.text[body.start : body.end]


def _input_shell(run: Run) -> tuple[str, ...] | None:
    """The shell of `bash <<EOF`, with its options."""
    first = next(iter(run.script.commands), None)
    if not run.heredocs or first is None or _in_body(run, first.span):
        return None
    return (first.name, *(word.value for word in first.args))


def _has_pipefail(shell: tuple[str, ...], stage: Stage) -> bool:
    """Whether a shell is started with pipefail, and knows it."""
    options = any(
        value == "pipefail" and re.fullmatch(r"-[A-Za-z]*o[A-Za-z]*", option) for option, value in pairwise(shell)
    )
    return options and _knows_pipefail(shell, stage)


def _knows_pipefail(shell: tuple[str, ...], stage: Stage) -> bool:
    program = shell[0].replace("\\", "/").rpartition("/")[2].removesuffix(".exe") if shell else "sh"
    if program == "sh":
        for _ in range(_MAX_BASES):
            stage = stage.base or stage
        return re.fullmatch(_BUSYBOX, stage.image) is not None
    return program in _WITH_PIPEFAIL


def _fix(run: Run, shell: tuple[str, ...], stage: Stage) -> Fix | None:
    """Turn pipefail on at the beginning of the script, where its shell is known to have it."""
    if run.heredocs or run.json is not None or not _knows_pipefail(shell, stage):
        return None
    start, text = run.line.joined.offset(run.rest), "set -o pipefail && "
    first = next(iter(run.script.commands), None)
    if first is not None and first.name == "set" and first.span.start == start and not first.wrappers:
        options = [word.value for word in first.args]
        if len(options) == 1 and re.fullmatch(r"-[a-np-z]+", options[0]):
            start, text = first.span.end, " -o pipefail"  # `set -eux -o pipefail`
    # Unsafe: a command that was cut off, as `yes` is by `head`, fails the build from now on.
    return Fix("turn pipefail on", (Edit(Span(start, start), text),), Safety.UNSAFE)
