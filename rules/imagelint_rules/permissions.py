"""Rights of files that an image has."""

import re
from collections.abc import Iterator
from itertools import pairwise

from imagelint.dockerfile.instructions import Add, Copy, Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Fix, Persona, Safety, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint.text import Edit, Span

_CLAUSE = r"([ugoa]*)[+=]([rwxXst]*)"
#: Folders that are everybody's, or are made anew when a container starts.
_SHARED = r"(?:/var)?/(?:tmp|run|lock)(?:/.*)?|/dev/.*"
_SCRIPT = r".*/s?bin/[^/]+|.*\.(?:sh|py|pl|rb)|.*entrypoint[^/]*"


@rule("IL614", programs=("chmod", "install", "mkdir"), blame=Unpriced("rights take no bytes"), severity=Severity.INFO)
def world_writable_files(instruction: Run | Copy | Add, graph: BuildGraph) -> Iterator[Finding]:
    """Files are made writable for everybody.

    Why: Every process of the container can then change them, whoever it runs as: one that was taken over can replace a
    program, or what another one reads. `chmod 777` mostly stands in for an owner: `COPY --chown`, `chown`, or, where
    the user's number is not known before the container runs, `chgrp -R 0` and `chmod -R g=u` say who may write.

    A folder with the sticky bit (`1777`), as `/tmp` is, is not reported. Below `/tmp`, `/run` and `/dev`, and in a
    stage that is not shipped, it is pedantic.

    ```dockerfile bad
    FROM debian:12
    RUN mkdir /data && chmod -R 777 /data
    ```

    ```dockerfile good
    FROM debian:12
    RUN mkdir /data && chown app /data && chmod 1777 /tmp
    ```
    """
    stage = graph.stage_of(instruction)
    shipped = stage is not None and graph.shipped(stage)
    for span, mode, targets in _modes(instruction, graph):
        if not _everybody(mode):
            continue
        shared = bool(targets) and all(re.fullmatch(_SHARED, each) for each in targets)
        more = f" and {len(targets) - 1} more" if len(targets) > 1 else ""
        yield Finding(
            span,
            f"{mode[:20]} lets everybody write {targets[0][:60] if targets else 'it'}{more}",
            note="whatever is taken over in the container can change it",
            help="give it to the user who writes it: `chown`, `COPY --chown`, or `chgrp 0` and `chmod g=u`",
            fix=_fix(instruction, span, mode, targets),
            persona=Persona.PEDANTIC if shared or not shipped else None,
        )


def _modes(instruction: Run | Copy | Add, graph: BuildGraph) -> Iterator[tuple[Span, str, tuple[str, ...]]]:
    """The modes that an instruction sets: where each stands, what it is, and of what."""
    if isinstance(instruction, Copy | Add):
        flag = instruction.flag("chmod")
        if flag is not None and flag.value:
            target = instruction.destination
            span = instruction.span_of(flag.word)
            yield Span(span.end - len(flag.value), span.end), flag.value, (target.value,) if target else ()
    else:
        for command in graph.commands(instruction):
            if command.name == "chmod":
                operands = command.operands(frozenset({"--reference"}))
                # A mode such as `-w` takes rights away.
                if len(operands) > 1 and not command.option("--reference"):
                    yield command.span_of(operands[0]), operands[0].value, tuple(each.value for each in operands[1:])
            elif command.name in ("mkdir", "install"):
                yield from _made(command)


def _made(command: Command) -> Iterator[tuple[Span, str, tuple[str, ...]]]:
    """The mode that `mkdir -m` and `install -m` give, in its three forms."""
    operands = command.operands(frozenset({"-m", "--mode", "-o", "--owner", "-g", "--group", "-t"}))
    targets = tuple(each.value for each in (operands if command.name == "mkdir" else operands[-1:]))
    for word, following in pairwise((*command.args, None)):
        assert word is not None
        found = re.fullmatch(r"(?:--mode(?:=|$)|-[a-zA-Z]*m)(.*)", word.value)
        if found:
            mode = found[1] or (following.value if following else "")
            yield command.span_of(word if found[1] or following is None else following), mode, targets


def _everybody(mode: str) -> bool:
    """Whether a mode lets everybody write, without the sticky bit, which keeps everybody from others' files."""
    if re.fullmatch(r"[0-7]{1,5}", mode):
        return bool(int(mode, 8) & 0o2) and not int(mode, 8) & 0o1000
    clauses = [re.fullmatch(_CLAUSE, clause) for clause in mode[:200].split(",")]
    if any(each and "t" in each[2] for each in clauses):
        return False
    # Without a letter in front the umask holds, so that `+w` is for the owner.
    return any(each and ("a" in each[1] or "o" in each[1]) and "w" in each[2] for each in clauses)


def _fix(instruction: Run | Copy | Add, span: Span, mode: str, targets: tuple[str, ...]) -> Fix | None:
    """The same mode without the others' right to write, for what is a program by its name."""
    if not re.fullmatch(r"0?[0-7]{3}", mode) or not all(re.fullmatch(_SCRIPT, each) for each in targets):
        return None
    if not targets or instruction.source.text[span.start : span.end] != mode:
        return None
    # 777 is 755, and 666 is 644: the group is mostly meant as little as the others are.
    narrower = mode[:-2] + "".join(str(int(digit) & 5) for digit in mode[-2:])
    return Fix("let only the owner write", (Edit(span, narrower),), Safety.UNSAFE)
