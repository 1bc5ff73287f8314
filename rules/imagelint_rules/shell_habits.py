"""Habits of an interactive shell that make no sense, or another one, while an image is built."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Onbuild, Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Fix, Persona, Related, Safety, Severity, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint.text import Edit, Span

#: Commands for a machine that somebody sits at or that runs services; hadolint knows the first ones.
_HADOLINT = frozenset({"free", "kill", "mount", "ps", "service", "shutdown", "ssh", "top", "vim"})
_MORE = frozenset({"halt", "htop", "ifconfig", "nano", "poweroff", "reboot", "vi"})
_EDITORS = frozenset({"nano", "vi", "vim"})
#: What `systemctl` does to a manager that does not run here; `enable` and `mask` only make links.
_NEEDS_SYSTEMD = frozenset({"daemon-reload", "reload", "restart", "start", "status", "stop"})
#: Commands that have their use while a RUN is still running: it starts a database, fills it, and stops it again.
_WITHIN_RUN = frozenset({"kill", "ps", "service"})
_SH = ("/bin/sh", "/usr/bin/sh")
_DOWNLOADERS = ("wget", "curl")
_MOVERS = ("ln", "mv", "cp")


@rule(
    "IL801",
    programs=(*_HADOLINT, *_MORE, "systemctl"),
    blame=Unpriced("it is about what a command does"),
    aliases=("DL3001",),
    severity=Severity.INFO,
)
def interactive_or_service_command(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A command for an interactive machine or for running services is used in a build.

    Why: A build keeps files, and nothing else. A service that a RUN starts is gone when the RUN ends, an editor has
    nobody who types, a mount is not stored, and `free` or `top` describe the builder. Such a line is mostly left over
    from a machine that was set up by hand.

    hadolint knows nine such commands. imagelint knows some more, and calls it pedantic where a command can be of use:
    `service` with more commands behind it in the same RUN, `ssh` with an ssh mount, `vim` that is told what to do,
    `mount` in a RUN that is allowed to.

    ```dockerfile bad
    FROM debian:12
    RUN service nginx start
    ```

    ```dockerfile good
    FROM debian:12
    CMD ["nginx", "-g", "daemon off;"]
    ```
    """
    commands = graph.commands(run)
    for at, command in enumerate(commands):
        name = command.name
        started = name == "systemctl" and command.has(*_NEEDS_SYSTEMD) and not command.option("--root")
        if not started and name not in _HADOLINT and name not in _MORE:
            continue
        yield Finding(
            command.span,
            f"`{name}` has no use in a build",
            note="a build keeps files: no process, no service and no mount outlives its RUN, and nobody types",
            help=_instead(name),
            aliases=None if name in _HADOLINT else (),
            persona=Persona.PEDANTIC if _of_use(command, run, last=at == len(commands) - 1) else None,
        )


def _of_use(command: Command, run: Run, *, last: bool) -> bool:
    """Whether a command may well do what its author wants, unlike most of its kind."""
    name = command.name
    if name in _EDITORS:
        return any(word.value[:1] in "+-" for word in command.args if word.value)
    if name == "ssh":
        return command.option("-V") or any(mount["type"] == "ssh" for mount in run.mounts)
    if name == "mount":
        return run.flag("security") is not None
    return name in _WITHIN_RUN and not last


def _instead(name: str) -> str:
    if name in ("service", "systemctl"):
        return "start the service when the container runs: name it in CMD or ENTRYPOINT"
    if name in _EDITORS:
        return "change files with COPY, sed or a heredoc"
    return "leave it out; what a container needs at run time belongs into CMD or ENTRYPOINT"


@rule("IL802", programs=("cd",), blame=Unpriced("it is about where a command runs"), aliases=("DL3003",))
def cd_in_run(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A RUN changes its working directory with `cd`.

    Why: Each RUN begins in the directory that WORKDIR set, so that a `cd` at the end of a RUN has no effect at all:
    the next instruction does not know of it. A `cd` with commands behind it works, and is a matter of taste: WORKDIR
    says where things happen in a line of its own, but holds for everything behind it.

    hadolint reports every `cd`. imagelint calls those that work pedantic.

    ```dockerfile bad
    FROM debian:12
    RUN cd /app
    RUN ./configure
    ```

    ```dockerfile good
    FROM debian:12
    WORKDIR /app
    RUN ./configure
    ```
    """
    commands = graph.commands(run)
    for at, command in enumerate(commands):
        if command.name != "cd":
            continue
        if at == len(commands) - 1 and not command.nested:
            yield Finding(
                command.span,
                "this `cd` has no effect: the next instruction begins in the directory that WORKDIR set",
                help="use WORKDIR",
                fix=_workdir(run, command) if len(commands) == 1 else None,
            )
        else:
            yield Finding(
                command.span,
                "the working directory is changed with `cd`",
                help="WORKDIR says so in a line of its own",
                persona=Persona.PEDANTIC,
            )


def _workdir(run: Run, command: Command) -> Fix | None:
    """WORKDIR in place of a RUN that is nothing but a `cd`."""
    path = command.args[0].value if len(command.args) == 1 else ""
    if run.flags or run.heredocs or run.json is not None or run.arguments != f"cd {path}":
        return None
    if not re.fullmatch(r"/[\w./-]*", path) or not run.line.joined.contiguous(run.head.start, len(run.joined)):
        return None
    return Fix("use WORKDIR", (Edit(run.span, f"WORKDIR {path}"),), Safety.UNSAFE)


@rule("IL803", programs=("sudo",), blame=Unpriced("it is about rights"), aliases=("DL3004",))
def sudo_in_run(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A RUN uses sudo.

    Why: A build runs as root until USER says otherwise, so that `sudo` does nothing there but ask to be installed.
    It takes away the environment, has its own idea of a terminal and of signals, and whoever gets into the container
    finds a way to become root. Where another user is needed, USER says so for the build; `gosu` or `setpriv` start a
    program as somebody else when the container runs. hadolint calls it an error; where sudo is installed it works.

    ```dockerfile bad
    FROM debian:12
    RUN sudo apt-get update
    ```

    ```dockerfile good
    FROM debian:12
    USER root
    RUN apt-get update
    USER app
    ```
    """
    seen: set[Span] = set()
    for command in graph.commands(run):
        bare = command.name == "sudo" and not command.option("-V", "--version")
        places = [each.span for each in command.wrappers if each.name == "sudo"]
        if bare:
            places.append(command.span_of(command.words[0]))
        for span in places:
            if span in seen:
                continue
            seen.add(span)
            yield Finding(
                span,
                "sudo is used in a build",
                note="a RUN is run by root, or by whom USER names",
                help="leave it out, or put USER root before the RUN and the other user behind it",
                fix=None if bare else _without(run, span),
            )


def _without(run: Run, sudo: Span) -> Fix | None:
    """The same command without `sudo`, where nothing but blanks and the command follows it."""
    if run.json is not None:
        return None
    # 80 blanks are enough for everybody, and keep a hostile line from being read again for each of its commands.
    behind = run.source.text[sudo.end : sudo.end + 80]
    blanks = len(behind) - len(behind.lstrip(" \t"))
    if not re.match(r"[A-Za-z./][\w./-]*(?:[\s;&|)'\"]|$)", behind[blanks:]):
        return None
    return Fix("leave out sudo", (Edit(Span(sudo.start, sudo.end + blanks), ""),), Safety.UNSAFE)


@rule("IL804", blame=Unpriced("it is about two tools for one thing"), aliases=("DL4001",), persona=Persona.PEDANTIC)
def wget_and_curl(stage: Stage, graph: BuildGraph) -> Iterator[Finding]:
    """A stage downloads with both wget and curl.

    Why: Either does what the other does. Two of them are two programs to install and to update, and two sets of
    options to know when a download fails.

    hadolint reports each RUN from the second tool on. imagelint reports the first use of the second tool.

    ```dockerfile bad
    FROM debian:12
    RUN wget -q https://example.org/a
    RUN curl -fsSLO https://example.org/b
    ```

    ```dockerfile good
    FROM debian:12
    RUN curl -fsSLO https://example.org/a
    RUN curl -fsSLO https://example.org/b
    ```
    """
    for triggers in (False, True):
        first: dict[str, Command] = {}
        for each in stage.instructions:
            run = each.inner if triggers and isinstance(each, Onbuild) else each
            if not isinstance(run, Run) or len(first) == 2 or (triggers and run is each):
                continue
            if run.programs.isdisjoint(_DOWNLOADERS):
                continue
            for command in graph.commands(run):
                if command.name in _DOWNLOADERS and command.name not in first:
                    first[command.name] = command
        if len(first) == 2:
            one, other = first.values()
            yield Finding(
                other.span_of(other.words[0]),
                f"the stage downloads with {other.name}, and with {one.name} too",
                help="use one of them for all downloads",
                related=(Related(one.span_of(one.words[0]), f"{one.name} is used here"),),
            )


@rule("IL805", programs=_MOVERS, blame=Unpriced("it is about which shell runs"), aliases=("DL4005",))
def bin_sh_replaced(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """`/bin/sh` is replaced by another shell.

    Why: The scripts of the distribution are written for its own `/bin/sh`, and an upgrade of its package puts that
    back. SHELL changes what runs the instructions of the Dockerfile, and nothing else.

    hadolint reports a link from `/bin/sh` too, such as `ln -s /bin/sh /usr/bin/ksh`. That replaces nothing.

    ```dockerfile bad
    FROM ubuntu:24.04
    RUN ln -sf /bin/bash /bin/sh
    ```

    ```dockerfile good
    FROM ubuntu:24.04
    SHELL ["/bin/bash", "-c"]
    ```
    """
    for command in graph.commands(run):
        operands = command.operands(frozenset({"-S", "--suffix"}))
        if command.name in _MOVERS and len(operands) > 1 and operands[-1].value in _SH:
            yield Finding(
                command.span,
                f"{operands[-1].value} is replaced by {operands[-2].value}",
                note="the distribution's own scripts run in it",
                help='SHELL ["/bin/bash", "-c"] changes the shell of the instructions behind it',
                aliases=None if command.name == "ln" else (),
            )
