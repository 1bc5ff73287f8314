"""What the instructions around a RUN have done by then: settings written, files brought in, variables declared."""

from __future__ import annotations

import re
from functools import lru_cache

from imagelint.dockerfile.instructions import Add, Arg, Cmd, Copy, Entrypoint, Env
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagelint.dockerfile.instructions import Instruction, Run
    from imagelint.graph import BuildGraph, Stage

#: How stages are called that others take from, or that people work in.
_BUILDER = (
    r"(?i)(?:^|[-_.])"
    r"(?:build(?:er|s|ing|env)?|compil(?:e|er)|toolchain|dev(?:el|elop|elopment|container)?|ci)(?:$|[-_.\d])"
)


def declared(run: Run, graph: BuildGraph, name: str) -> bool:
    """Whether an ARG or ENV of a RUN's stage, or of one that it is built on, declares a variable, be it empty."""
    names = _declared(graph)
    stage = graph.stage_of(run)
    while stage is not None:
        if name in names[stage]:
            return True
        stage = stage.base
    return False


@lru_cache(maxsize=2)
def _declared(graph: BuildGraph) -> Mapping[Stage, set[str]]:
    return {
        stage: {pair.key for each in stage.instructions if isinstance(each, Arg | Env) for pair in each.pairs}
        for stage in graph.parts
    }


def configured(run: Run, graph: BuildGraph, pattern: str) -> bool:
    """Whether what builds a RUN's file system writes a setting down, such as a line of an apt.conf, up to there."""
    return _reached(run, graph, _written(graph, pattern))


def brings_files(run: Run, graph: BuildGraph) -> bool:
    """Whether files come into the build before a RUN, by COPY, by ADD, or mounted into it."""
    return any(mount["type"] == "bind" for mount in run.mounts) or copied_into(run, graph, "")


def copied_into(run: Run, graph: BuildGraph, path: str) -> bool:
    """Whether a COPY or ADD before a RUN has a destination that begins with a path."""
    return _reached(run, graph, _copied(graph, path))


def _reached(run: Run, graph: BuildGraph, lines: Mapping[Stage, int]) -> bool:
    stage = graph.stage_of(run)
    line = lines.get(stage) if stage is not None else None
    return line is not None and line <= run.start_line


@lru_cache(maxsize=8)
def _written(graph: BuildGraph, pattern: str) -> Mapping[Stage, int]:
    return _first_lines(graph, lambda each: re.search(pattern, _text(each)) is not None)


@lru_cache(maxsize=8)
def _copied(graph: BuildGraph, path: str) -> Mapping[Stage, int]:
    def wanted(each: Instruction) -> bool:
        to = each.destination if isinstance(each, Copy | Add) else None
        return to is not None and to.value.strip("\"'").startswith(path)

    return _first_lines(graph, wanted)


def _first_lines(graph: BuildGraph, wanted: Callable[[Instruction], bool]) -> Mapping[Stage, int]:
    """The line of the first wanted instruction of each stage, or of the one that it is built on."""
    lines: dict[Stage, int] = {}
    for stage in graph.parts:
        # A stage stands below the one that it is built on.
        if stage.base is not None and stage.base in lines:
            lines[stage] = lines[stage.base]
        elif (first := next((each for each in stage.instructions if wanted(each)), None)) is not None:
            lines[stage] = first.start_line
    return lines


def _text(instruction: Instruction) -> str:
    """An instruction's text with its heredocs."""
    text = instruction.source.text
    return instruction.joined + "".join(text[each.body.start : each.body.end] for each in instruction.heredocs)


@lru_cache(maxsize=2)
def started(graph: BuildGraph) -> frozenset[str]:
    """The names of the programs that ENTRYPOINT and CMD of the image name, and those of the words behind them."""
    last: dict[type, Instruction] = {}
    for each in graph.lineage(graph.final) if graph.final is not None else ():
        if isinstance(each, Cmd | Entrypoint):
            last[type(each)] = each
    return frozenset(
        word.rpartition("/")[2]
        for each in last.values()
        for word in re.split(r"""[\s\[\],"';&|()]+""", each.arguments)
        if word
    )


@lru_cache(maxsize=2)
def is_builder(graph: BuildGraph) -> bool:
    """Whether the image is there to build others with: by the name of its last stage, and it starts nothing."""
    final = graph.final
    return (
        final is not None
        and re.search(_BUILDER, final.name or "") is not None
        and not any(isinstance(each, Cmd | Entrypoint) for each in graph.lineage(final))
    )


def root_image(run: Run, graph: BuildGraph) -> str:
    """The image that a RUN's stage is built on in the end, without Docker Hub's `library`, tag and digest."""
    stage = graph.stage_of(run)
    return _root_images(graph).get(stage, "") if stage is not None else ""


@lru_cache(maxsize=2)
def _root_images(graph: BuildGraph) -> dict[Stage, str]:
    images: dict[Stage, str] = {}
    for stage in graph.parts:
        name = images.get(stage.base) if stage.base is not None else None
        if name is None:
            head, slash, last = stage.image.partition("@")[0].rpartition("/")
            name = (head + slash + last.partition(":")[0]).removeprefix("docker.io/").removeprefix("library/")
        images[stage] = name
    return images
