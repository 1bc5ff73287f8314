"""Pipes whose failures nobody sees."""

import re
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
#: What stands before a pipe and does not fail, or may be cut off and is meant to.
_CANNOT_FAIL = frozenset({":", "echo", "printf", "true", "yes"})


@rule("IL806", blame=Unpriced("it is about failures that nobody sees"), aliases=("DL4006",))
def pipe_without_pipefail(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""A pipe hides the failure of the commands before its last one.

    Why: A shell takes the exit status of a pipe's last command for that of the pipe. If a download breaks off, its
    `| tar x` may still succeed with half of the files, and the build goes on. With `pipefail` the pipe fails.

    imagelint reads the script as its shell will: `set -o pipefail` in it counts, so do the shebang of a heredoc and
    the options of `bash <<EOF`, an exec form has no pipes, and a stage that is built on another one has its SHELL.
    hadolint sees none of these. Behind `echo`, `printf` or `yes` a pipe is only a pedantic finding.

    ```dockerfile bad
    FROM debian:12
    RUN curl -fsSL https://example.org/a.tgz | tar xz
    ```

    ```dockerfile good
    FROM debian:12
    SHELL ["/bin/bash", "-o", "pipefail", "-c"]
    RUN curl -fsSL https://example.org/a.tgz | tar xz
    ```

    ```dockerfile good
    FROM debian:12
    RUN <<EOF
    #!/bin/bash
    set -euo pipefail
    curl -fsSL https://example.org/a.tgz | tar xz
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
    failing = [each for each in hidden if each[1] is None or each[1].name not in _CANNOT_FAIL]
    pipe, left = (failing or hidden)[0]
    name = f"of `{left.name}`" if left is not None and left.name else "before it"
    yield Finding(
        pipe if left is None else Span(min(left.span.start, pipe.start), pipe.end),
        f"the pipe hides a failure {name}",
        note="without pipefail a pipe fails only if its last command does",
        help='SHELL ["/bin/bash", "-o", "pipefail", "-c"] before it, or `set -o pipefail` where the shell has that',
        fix=_fix(run, shell, stage),
        persona=None if failing else Persona.PEDANTIC,
    )


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
    start = run.line.joined.offset(run.rest)
    # Unsafe: a command that was cut off, as `yes` is by `head`, fails the build from now on.
    return Fix("turn pipefail on", (Edit(Span(start, start), "set -o pipefail && "),), Safety.UNSAFE)
