"""What parses and fails all the same when a stage is built: words, ports, signals, volumes, triggers, directives."""

import re
from collections.abc import Iterator
from functools import lru_cache

from imagelint.dockerfile.instructions import (
    Add,
    Arg,
    Copy,
    Env,
    Expose,
    From,
    Instruction,
    Label,
    Onbuild,
    Stopsignal,
    User,
    Volume,
    Workdir,
)
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.syntax import Word
from imagelint.dockerfile.validate import problems
from imagelint.dockerfile.words import SubstitutionError, expand
from imagelint.finding import Finding, Severity
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint_rules.shared.values import FAILS, value_of

_SIGNALS = frozenset(
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP"
    " TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX".split()
)


def _expanded(instruction: Instruction) -> Iterator[tuple[str, Word | None]]:
    """The texts of an instruction in which BuildKit replaces variables, each with its word; None stands for all."""
    match instruction:
        case Arg() | Env() | Label():
            for pair in instruction.pairs:
                if pair.value is not None:
                    yield pair.value, pair.word
        case User() | Workdir() | Stopsignal():
            yield instruction.arguments, None
        case Add() | Copy() | Expose() | Volume() | From():
            words = instruction.words[:1] if isinstance(instruction, From) else instruction.words
            heredocs = {heredoc.word.start for heredoc in instruction.heredocs}
            for word in words:
                if word.start not in heredocs:
                    yield word.value, word
            for flag in instruction.flags:
                if flag.value and flag.name in ("chown", "chmod", "platform") and flag is instruction.flag(flag.name):
                    yield flag.value, flag.word


@rule("IL002", blame=FAILS, severity=Severity.ERROR, triggers=False)
def bad_substitution(
    instruction: Add | Arg | Copy | Env | Expose | From | Label | Stopsignal | User | Volume | Workdir,
    graph: BuildGraph,
) -> Iterator[Finding]:
    """A variable is replaced in a form that does not exist, or a quote is left open.

    Why: BuildKit knows `${x:-y}`, `${x:+y}`, `${x:?y}`, `${x#y}`, `${x%y}`, `${x/y/z}` and their long forms. Anything
    else that a shell would understand ends the build.

    ```dockerfile bad
    FROM scratch
    COPY ${SOURCE:=app} /app
    ```

    ```dockerfile good
    FROM scratch
    COPY ${SOURCE:-app} /app
    ```
    """
    for text, word in _expanded(instruction):
        try:
            value_of(text, instruction, graph)
        except SubstitutionError as error:
            span = instruction.span if word is None else instruction.span_of(word)
            yield Finding(span, error.message, help="quote it with ' or a backslash where it is meant as it stands")
    for heredoc in instruction.heredocs:
        if heredoc.word.expand and isinstance(instruction, Add | Copy):
            body = instruction.source.text[heredoc.body.start : heredoc.body.end]
            try:
                expand(body, {}, quotes=False)
            except SubstitutionError as error:
                help_ = f"quote the delimiter, <<'{heredoc.word.name}', where the body is meant as it stands"
                yield Finding(heredoc.body, error.message, help=help_)


@rule("IL006", blame=FAILS, aliases=("DL3011",), severity=Severity.ERROR, triggers=False)
def bad_port(expose: Expose, graph: BuildGraph) -> Iterator[Finding]:
    """EXPOSE names something that is no port.

    Why: a port is a number up to 65535, or a range of them, with tcp, udp or sctp behind a slash; nothing else, no
    comma and no comment.

    ```dockerfile bad
    FROM scratch
    EXPOSE 80,443
    ```

    ```dockerfile good
    FROM scratch
    EXPOSE 80 443/tcp 8000-8010/udp
    ```
    """
    for word in expose.words:
        try:
            value = value_of(word.value, expose, graph)
        except SubstitutionError:
            continue
        for port in (value or "").split():
            if not _is_port(port):
                too_high = any(len(digits) > 8 or int(digits) > 65535 for digits in re.findall(r"\d+", port))
                yield Finding(
                    expose.span_of(word), f"{port[:60]} is no port", aliases=None if too_high else (),
                    help="a number up to 65535, or a range, with /tcp, /udp or /sctp",
                )  # fmt: skip


def _is_port(text: str) -> bool:
    ports, slash, protocol = text.partition("/")
    if slash and protocol.lower() not in ("tcp", "udp", "sctp"):
        return False
    for number, part in enumerate(reversed(ports.rsplit(":", 2))):
        if number < 2 and (part or number == 0):
            found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", part, re.ASCII)
            if not found or int(found[1]) > int(found[2] or found[1]) or int(found[2] or found[1]) > 65535:
                return False
    return True


@rule("IL007", blame=FAILS, severity=Severity.ERROR, triggers=False)
def bad_signal(stop: Stopsignal, graph: BuildGraph) -> Iterator[Finding]:
    """STOPSIGNAL names something that is no signal.

    Why: it takes a signal's name, with or without SIG, or its number.

    ```dockerfile bad
    FROM scratch
    STOPSIGNAL SIGSTOPPED
    ```

    ```dockerfile good
    FROM scratch
    STOPSIGNAL SIGTERM
    ```
    """
    try:
        value = value_of(stop.arguments, stop, graph)
    except SubstitutionError:
        return
    if value is None:
        return
    name = value.upper().removeprefix("SIG")
    real_time = re.fullmatch(r"RTMIN\+(?:\d|1[0-5])|RTMAX-(?:\d|1[0-4])", name)
    number = value.isascii() and value.isdigit() and len(value) < 6 and int(value) > 0
    if name not in _SIGNALS and not real_time and not number:
        yield Finding(
            stop.span, f"{value[:60] or 'nothing'} is no signal", help="SIGTERM, SIGINT, SIGQUIT, or a number"
        )


@rule("IL008", blame=FAILS, severity=Severity.ERROR, triggers=False)
def empty_volume(volume: Volume, graph: BuildGraph) -> Iterator[Finding]:
    """VOLUME names nothing, once its variables are replaced.

    Why: an empty path cannot be mounted, and BuildKit refuses it.

    ```dockerfile bad
    FROM scratch
    VOLUME $DATA
    ```

    ```dockerfile good
    FROM scratch
    ENV DATA=/data
    VOLUME $DATA
    ```
    """
    for word in volume.words:
        try:
            value = value_of(word.value, volume, graph)
        except SubstitutionError:
            continue
        if value is not None and not value.strip() and word.value.strip():
            yield Finding(volume.span_of(word), f"{word.value} is empty: VOLUME takes no empty path")


@rule("IL009", blame=FAILS, severity=Severity.ERROR, triggers=False)
def bad_trigger(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """A stage is built on one whose ONBUILD cannot run.

    Why: BuildKit reads what stands behind ONBUILD only when it triggers, in the stage that is built on it.

    ```dockerfile bad
    FROM scratch AS base
    ONBUILD COPY app
    FROM base
    ```

    ```dockerfile good
    FROM scratch AS base
    ONBUILD COPY app /app
    FROM base
    ```
    """
    stage = graph.stage_of(from_)
    failing = _failing_trigger(stage.base) if stage and stage.base else None
    if failing is not None:
        line, problem = failing
        yield Finding(from_.span, f"the trigger at line {line} fails here: {problem}")


@lru_cache(maxsize=64)  # many stages can be built on one with many triggers
def _failing_trigger(base: Stage) -> tuple[int, str] | None:
    """The line of a stage's first trigger that cannot run, where the build ends, and what is wrong with it."""
    for each in base.instructions:
        if isinstance(each, Onbuild) and each.inner is not None:
            for problem in problems(each.inner):
                return each.start_line, problem.message
    return None


@rule("IL010", blame=FAILS, severity=Severity.ERROR, triggers=False)
def bad_check_directive(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """A `# check=` directive is malformed.

    Why: BuildKit reads `skip=`, `experimental=` and `error=` in it, separated by semicolons, and refuses the rest.

    ```dockerfile bad
    # check=error=yes
    FROM scratch
    ```

    ```dockerfile good
    # check=skip=JSONArgsRecommended;error=true
    FROM scratch
    ```
    """
    for directive in dockerfile.source.directives:
        if directive.name != "check":
            continue
        for part in directive.value.split(" ")[0].split(";"):
            key, equals, value = part.strip().partition("=")
            wrong = not equals or key not in ("skip", "experimental", "error")
            if key == "error" and value not in (
                "1",
                "t",
                "T",
                "TRUE",
                "true",
                "True",
                "0",
                "f",
                "F",
                "FALSE",
                "false",
                "False",
            ):
                wrong = True
            if wrong:
                span = dockerfile.source.span_of_lines(directive.line, directive.line)
                yield Finding(span, f"{part[:60]} is no option of the check directive", help="skip=RULE,…;error=true")
