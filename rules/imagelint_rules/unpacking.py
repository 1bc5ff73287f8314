"""Archives that are copied into a layer, and unpacked in the next one."""

from __future__ import annotations

import re
from functools import lru_cache

from imagelint.dockerfile.instructions import Copy, Run
from imagelint.dockerfile.parser import Dockerfile
from imagelint.finding import Finding, Paths, Persona, Related, Severity
from imagelint.graph import BuildGraph
from imagelint.records import TYPE_CHECKING
from imagelint.rule import rule
from imagelint_rules import stored

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

    hadolint's DL3010 does not see `tar xzf` without a dash; this rule does. In a stage that is not shipped nothing is
    carried along, and only the pedantic are told.

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
        stage = graph.stage_of(copy)
        shipped = stage is not None and graph.shipped(stage)
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


@lru_cache(maxsize=1)
def archives(graph: BuildGraph) -> Mapping[Copy, Command]:
    """The COPYs of an archive from the build context that a later RUN of their stage unpacks, and what does."""
    found: dict[Copy, Command] = {}
    for stage in graph.parts:
        waiting: dict[str, Copy] = {}
        for each in stage.instructions:
            if isinstance(each, Copy) and each.from_ is None:
                waiting |= dict.fromkeys(_archive_names(each), each)
            elif isinstance(each, Run) and waiting:
                for command in graph.commands(each):
                    if stored.unpacks(command):
                        for name in _names(command) & waiting.keys():
                            found.setdefault(waiting[name], command)
    return found


def _archive_names(copy: Copy) -> list[str]:
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
