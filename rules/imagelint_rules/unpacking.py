"""Archives that are copied into a layer, and unpacked in the next one."""

from __future__ import annotations

import re
from functools import lru_cache

from imagelint.dockerfile.instructions import Add, Copy, Run
from imagelint.dockerfile.parser import Dockerfile
from imagelint.finding import Finding, Paths, Persona, Related, Severity
from imagelint.graph import BuildGraph
from imagelint.records import TYPE_CHECKING
from imagelint.rule import rule
from imagelint_rules.shared import changes, stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelint.dockerfile.shell import Command

#: What ADD unpacks by itself: tar archives, compressed or not.
_TAR = r"(?i).*\.(?:tar(?:\.(?:gz|bz2|xz|zst))?|tgz|tbz2?|tb2|txz)"


@rule("IL208", blame=Paths("*.tar", "*.tar.*", "*.tgz"), aliases=("DL3010",), severity=Severity.INFO)
def archive_unpacked_in_a_later_layer(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    r"""An archive is copied, and unpacked in a later layer.

    Why: the archive stays in the layer of the COPY, beside everything that was in it, and removing it later takes no
    byte away. `ADD` unpacks a local tar archive itself, and stores only what is in it. What `ADD` does not unpack, such
    as a single `.gz` file, can be mounted into the RUN that does.

    hadolint's DL3010 does not see `tar xzf` without a dash; this rule does, and it sees archives that come from a URL,
    which ADD does not unpack, or from another stage. In a stage that is not shipped nothing is carried along, and only
    the pedantic are told.

    ```dockerfile bad
    FROM debian:12
    COPY app.tar.gz /tmp/
    RUN tar xzf /tmp/app.tar.gz -C /opt && rm /tmp/app.tar.gz
    ```

    ```dockerfile good
    FROM debian:12
    ADD app.tar.gz /opt/
    ```
    """
    for copy, command in archives(graph).items():
        shipped = _is_shipped(copy, graph)
        words = _names(command)
        name = next(name for name in _archive_names(copy) if name in words)
        tar = re.fullmatch(_TAR, name)
        yield Finding(
            copy.span,
            f"{name} is stored here, and unpacked in a later layer",
            note="the archive stays in this layer, beside what was in it",
            help=f"`ADD {name} …` unpacks it by itself" if tar else "`RUN --mount=type=bind,…` to unpack it",
            related=(Related(command.span, "unpacked here"),),
            persona=None if shipped else Persona.PEDANTIC,
        )
    yield from _from_elsewhere(graph)


def _from_elsewhere(graph: BuildGraph) -> Iterator[Finding]:
    """Archives from a URL or another stage that stay. Where they are removed later, that is reported (IL205)."""
    found = {each: command for each, command in _unpacked(graph, local=False).items() if _is_shipped(each, graph)}
    if not found:
        return
    removed = {
        each.instruction
        for change in changes.changes(graph)
        if change.kind is changes.REMOVE
        for each in change.earlier
    }
    for transfer, command in found.items():
        if transfer in removed:
            continue
        names = _archive_names(transfer)
        name = next(name for name in names if name in _names(command))
        yield Finding(
            transfer.span,
            f"{name} is stored here, and unpacked in a later layer",
            note="the archive stays in this layer, beside what was in it",
            help="download and unpack it in one RUN: `curl -fsSL … | tar -xz`"
            if isinstance(transfer, Add)
            else "unpack it in the stage that it comes from, or mount it: `RUN --mount=type=bind,from=…`",
            related=(Related(command.span, "unpacked here"),),
            aliases=(),
        )


def _is_shipped(transfer: Copy | Add, graph: BuildGraph) -> bool:
    stage = graph.stage_of(transfer)
    return stage is not None and graph.shipped(stage)


@lru_cache(maxsize=1)
def archives(graph: BuildGraph) -> Mapping[Copy | Add, Command]:
    """The COPYs of an archive from the build context that a later RUN of their stage unpacks, and what does."""
    return _unpacked(graph, local=True)


def _unpacked(graph: BuildGraph, *, local: bool) -> dict[Copy | Add, Command]:
    found: dict[Copy | Add, Command] = {}
    for stage in graph.parts:
        waiting: dict[str, Copy | Add] = {}
        for each in stage.instructions:
            if isinstance(each, Copy | Add) and _is_from(each, local=local):
                waiting |= dict.fromkeys(_archive_names(each), each)
            elif isinstance(each, Run) and waiting:
                for command in graph.commands(each):
                    if stored.unpacks(command):
                        for name in _names(command) & waiting.keys():
                            found.setdefault(waiting[name], command)
    return found


def _is_from(transfer: Copy | Add, *, local: bool) -> bool:
    """Whether a transfer may bring an archive as it is: from the build context, or from elsewhere."""
    if isinstance(transfer, Copy):
        return (transfer.from_ is None) is local
    remote = any(re.match(r"(?i)(?:https?|ftp)://", word.value) for word in transfer.sources)
    return not local and remote and transfer.flag("unpack") is None


def _archive_names(copy: Copy | Add) -> list[str]:
    """The names that a COPY's archives have in the image."""
    names = [_last(word.value) for word in copy.sources]
    target = copy.destination
    if target is not None and stored.is_archive(name := _last(target.value)):
        return [name]
    return [name for name in names if stored.is_archive(name)]


def _names(command: Command) -> set[str]:
    return {_last(word.value) for word in command.args}


def _last(path: str) -> str:
    """The last component of a path, Windows' too, without quotes."""
    return re.split(r"[/\\]", path.strip("\"'"))[-1]
