"""What a container runs: CMD, ENTRYPOINT and HEALTHCHECK."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Cmd, Entrypoint, Healthcheck, Instruction, Onbuild, Shell
from imagelint.dockerfile.parser import Dockerfile
from imagelint.finding import Finding, Fix, Persona, Related, Safety, Severity, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint.text import Edit
from imagelint_rules.shared import onbuild

_METADATA = Unpriced("what a container runs is metadata and takes no bytes")
#: A command line that means the same without a shell: plain words.
_PLAIN_WORDS = r"[A-Za-z0-9_./:@%+-]+(?:[ \t]+[A-Za-z0-9_./:@%+=,-]+)*"
#: What only a shell understands.
_SHELL_SYNTAX = r"[$`*?;&|<>(){}~]"
#: First words that only a shell knows.
_BUILTINS = frozenset(
    ". alias bg break case cd command continue eval exec exit export fg for function hash if jobs local read readonly"
    " return select set shift source time times trap type ulimit umask unalias unset until wait while".split()
)
#: What each instruction is when a stage holds it twice: hadolint's id and severity.
_ONCE: dict[type[Instruction], tuple[str, Severity]] = {
    Cmd: ("DL4003", Severity.WARNING),
    Entrypoint: ("DL4004", Severity.ERROR),
    Healthcheck: ("DL3012", Severity.ERROR),
}


@rule("IL701", blame=_METADATA, aliases=("DL3025", "JSONArgsRecommended"))
def shell_form_command(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """CMD or ENTRYPOINT is in shell form.

    Why: the shell form runs `/bin/sh -c "…"`. The shell is then process 1, and does not pass signals on: `docker stop`
    waits for ten seconds and kills. An ENTRYPOINT in shell form also takes no arguments, neither CMD's nor those of
    `docker run`. Broken JSON is shell form too: `CMD ['nginx']` looks for a program that is called `[nginx]`.

    Where a SHELL was chosen before, BuildKit takes the shell form for meant; hadolint does not. A HEALTHCHECK in shell
    form costs a shell each time and little else, and hadolint alone reports it. `CMD exec program` makes the program
    process 1. All three are for those who ask for opinions.

    ```dockerfile bad
    FROM node:20
    CMD node server.js
    ```

    ```dockerfile good
    FROM node:20
    CMD ["node", "server.js"]
    ```

    ```dockerfile good
    FROM node:20
    HEALTHCHECK NONE
    ENTRYPOINT ["/entrypoint.sh"]
    ```
    """
    chosen: dict[Stage, bool] = {}
    for stage in graph.parts:
        shell = stage.base is not None and chosen[stage.base]
        for each in stage.instructions:
            instruction = each.inner if isinstance(each, Onbuild) else each
            shell = shell or isinstance(each, Shell)
            if isinstance(instruction, Cmd | Entrypoint | Healthcheck) and instruction.json is None:
                finding = _in_shell_form(instruction, graph, shell=shell)
                if finding is not None:
                    yield finding
        chosen[stage] = shell


def _in_shell_form(instruction: Cmd | Entrypoint | Healthcheck, graph: BuildGraph, *, shell: bool) -> Finding | None:
    start = instruction.rest
    if isinstance(instruction, Healthcheck):
        found = re.match(r"(?i)CMD[ \t]+(?=\S)", instruction.arguments)
        if found is None:
            return None
        start += found.end()
    text = instruction.joined[start:].rstrip()
    ids: tuple[str, ...] = ("DL3025",) if text else ()
    if not isinstance(instruction, Healthcheck) and not shell:
        ids += onbuild.seen(instruction, graph, "JSONArgsRecommended")
    broken = text.startswith("[")
    what = "broken JSON, and so shell form" if broken else "in shell form"
    note = "the shell is process 1 then, and passes no signal on: the container is killed when it should stop"
    # `exec` hands process 1 over to the program, signals and all.
    hands_over = re.match(r"exec\s", re.split(r"&&|\|\||[;|\n]", text)[-1].strip()) is not None
    if isinstance(instruction, Healthcheck):
        note = "it starts a shell for every check"
    elif hands_over:
        note = "the shell is replaced by what it runs; it takes no further arguments"
    help_ = 'write the arguments as JSON: `["program", "argument"]`, in double quotes'
    if re.search(_SHELL_SYNTAX, text) and not broken:
        help_ = (
            'it needs a shell: let a script end with `exec program`, or write `["sh", "-c", "exec program $OPTION"]`'
        )
    return Finding(
        instruction.span,
        f"{instruction.keyword} is {what}",
        note=note,
        help=help_,
        fix=None if broken else _exec_form(instruction, start, text),
        aliases=ids,
        persona=Persona.PEDANTIC
        if shell or isinstance(instruction, Healthcheck) or (hands_over and isinstance(instruction, Cmd))
        else Persona.REGULAR,
    )


def _exec_form(instruction: Instruction, start: int, text: str) -> Fix | None:
    """Plain words as a JSON array. Unsafe: no shell looks for a profile or an alias, and signals arrive."""
    if not re.fullmatch(_PLAIN_WORDS, text) or text.split()[0] in _BUILTINS:
        return None
    joined = instruction.line.joined
    if not joined.contiguous(start, start + len(text)):
        return None
    array = ", ".join(f'"{word}"' for word in text.split())
    return Fix("write it in exec form", (Edit(joined.span(start, start + len(text)), f"[{array}]"),), Safety.UNSAFE)


@rule("IL702", blame=_METADATA, aliases=("DL4003", "DL4004", "DL3012", "MultipleInstructionsDisallowed"))
def repeated_instruction(stage: Stage, graph: BuildGraph) -> Iterator[Finding]:
    """A stage has more than one CMD, ENTRYPOINT or HEALTHCHECK.

    Why: only the last one of a stage counts. The others do nothing, and whoever reads the first one believes it.

    The finding is at the later one, as with hadolint. BuildKit reports at the earlier one, but both tools want their
    comments that allow it above the later one.

    ```dockerfile bad
    FROM debian:12
    CMD ["nginx"]
    CMD ["nginx", "-g", "daemon off;"]
    ```

    ```dockerfile good
    FROM debian:12 AS base
    CMD ["sh"]

    FROM base
    CMD ["nginx", "-g", "daemon off;"]
    ```
    """
    before: dict[type[Instruction], Instruction] = {}
    for each in stage.instructions:
        kind = type(each)
        if kind not in _ONCE:
            continue
        if kind in before:
            code, severity = _ONCE[kind]
            yield Finding(
                each.span,
                f"a second {each.keyword} in this stage: that of line {before[kind].start_line} has no effect",
                help=f"keep one {each.keyword} in the stage",
                related=(Related(before[kind].span, "this one has no effect"),),
                severity=severity,
                aliases=(code, "MultipleInstructionsDisallowed"),
            )
        before[kind] = each
