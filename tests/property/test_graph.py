"""What must hold of the build graph of any file, and how its cost grows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelint.dockerfile.instructions import Arg, Copy, Env, From, Instruction, Onbuild, Run
from imagelint.dockerfile.parser import parse
from imagelint.graph import BuildContext, BuildGraph, Stage
from imagelint.output import diagrams, drawing, graphs
from imagelint.output.style import Style
from tests.property.test_dockerfile import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = st.sampled_from(["a", "b", "B", "c", "0", "1", "2", "nginx"])
LINES = st.one_of(
    st.builds("FROM {} AS {}".format, NAMES, st.sampled_from(["a", "b", "c", "D"])),
    st.builds("FROM x{}".format, st.sampled_from(["", ":$V", ":${W:-1}"])),
    st.builds("COPY --from={} /x /y".format, NAMES),
    st.builds("RUN --mount=from={},target=/x --mount=from={},target=/y z".format, NAMES, NAMES),
    st.builds("ONBUILD COPY --from={} /x /y".format, NAMES),
    st.sampled_from([
        "ARG V", "ARG V=1", "ARG W=$V", "ENV V=1 W=$V", "ENV W=2", "RUN echo $V", "RUN x", "WORKDIR /$W", "USER $V",
        "ONBUILD RUN $W", "ONBUILD ENV W=$V", "ONBUILD ARG V", "CMD x", "FOO", "# c", "COPY a b",
    ]),
)  # fmt: skip
TEXTS = st.lists(LINES, max_size=30).map("\n".join)


def graph(text: str, target: str | None = None) -> BuildGraph:
    return BuildGraph(parse(text), BuildContext(target))


def instructions(built: BuildGraph) -> Iterator[Instruction]:
    for each in built.dockerfile.instructions:
        yield each
        if isinstance(each, Onbuild) and each.inner is not None:
            yield each.inner


@given(st.one_of(TEXTS, FILES))
def test_the_digraph_is_whole_and_has_no_circle(text: str) -> None:
    built = graph(text)
    digraph = built.digraph
    assert networkx.is_directed_acyclic_graph(digraph)
    assert set(digraph) == set(built.nodes)
    for source, target, kind in built.edges:
        assert kind in digraph.edges[source, target]["kinds"]
        assert built.nodes[source].line <= built.nodes[target].line
    found = [node.instruction for node in built.nodes.values() if node.kind != "variable"]
    assert found == list(instructions(built))


@settings(max_examples=200)
@given(TEXTS)
def test_descendants_are_what_a_change_invalidates(text: str) -> None:
    built = graph(text)
    ids = {node.instruction: node.id for node in built.nodes.values() if node.kind != "variable"}
    for each in instructions(built):
        reached = networkx.descendants(built.digraph, ids[each])
        assert {ids[found] for found in built.invalidated_by(each)} == {
            found for found in reached if not found.startswith("variable")
        }


def naive(built: BuildGraph, changed: Instruction) -> set[Instruction]:
    """What is dirty in the end, found without a graph: by looking at the whole file again and again."""
    dirty = {changed}
    while True:
        before = len(dirty)
        for stage in built.stages:
            everything = (stage.from_, *stage.instructions)
            for place, each in enumerate(everything):
                behind = place > 0 and everything[place - 1] in dirty
                if behind or any(_finished(source) in dirty for source in _sources(built, stage, each)):
                    dirty.add(each)
                if isinstance(each, Onbuild) and each.inner is not None and each in dirty:
                    dirty.add(each.inner)
            if stage.base and {_finished(stage.base), *built.triggers(stage)} & dirty:
                dirty.add(stage.from_)
        if len(dirty) == before:
            return dirty - {changed}


def _finished(stage: Stage) -> Instruction:
    return (stage.from_, *stage.instructions)[-1]


def _sources(built: BuildGraph, stage: Stage, each: Instruction) -> list[Stage]:
    todo = built.triggers(stage) if isinstance(each, From) else (each,)
    names: list[tuple[str, bool]] = []
    for taker in todo:
        if isinstance(taker, Copy) and taker.from_:
            names.append((taker.from_, True))
        elif isinstance(taker, Run):
            names += ((mount["from"], False) for mount in taker.mounts if "from" in mount)
    found = []
    for name, numbers in names:
        matches = [other for other in built.stages if (other.name or "") == name.lower()]
        if numbers and name.isdigit():
            matches = [other for other in built.stages if other.index == int(name)]
        found += matches[-1:]
    return [other for other in found if other.index < stage.index]


@settings(max_examples=200)
@given(TEXTS)
def test_a_change_reaches_what_a_second_opinion_says(text: str) -> None:
    """Without global variables, which reach further than the order of instructions does."""
    built = graph("\n".join(["FROM scratch", text]))
    for each in instructions(built):
        if not isinstance(each, Arg | Env):
            assert set(built.invalidated_by(each)) == naive(built, each)


@given(TEXTS)
def test_stages_need_and_take_the_same(text: str) -> None:
    built = graph(text)
    for stage in built.stages:
        taken = {source for source in built.stages if built.taken(stage, source)}
        assert set(built.needs(stage)) == taken | ({stage.base} if stage.base else set())
        assert stage not in built.ancestors(stage)
    wrong = {(each.instruction, each.name) for each in built.misreferences}
    for each in built.references:
        sound = each.target is None if not each.numbered else False
        sound = sound or (each.target is not None and each.target.index < each.stage.index)
        assert sound or (each.instruction, each.name) in wrong


@given(st.one_of(TEXTS, FILES, st.text()))
def test_every_form_shows_any_file(text: str) -> None:
    built = graph(text)
    shown = [
        *graphs.lines("Dockerfile", built, Style(colour=False)),
        *diagrams.mermaid(built),
        *diagrams.dot(built),
        *drawing.svg(built),
    ]
    assert not [char for line in shown for char in line if ord(char) < 32 or 0xD800 <= ord(char) < 0xE000]
    graphs.document("Dockerfile", built)


def chain(count: int) -> str:
    """Each stage built on the one before, copying from the first, reading the same variables."""
    out = ["ARG G=1", "FROM a AS s0", "ENV V=1"]
    for number in range(1, count):
        out += [f"FROM s{number - 1} AS s{number}", "ARG G", "RUN echo $V $G $MISSING", "COPY --from=s0 /a /b", "RUN b"]
    return "\n".join(out)


def fan(count: int) -> str:
    """All stages built on one, and one that takes from all; some references lead nowhere."""
    out = ["FROM a AS s0", "ENV V=1", "ONBUILD RUN x", 'SHELL ["/bin/bash", "-c"]']
    for number in range(1, count):
        out += [f"FROM s0 AS s{number}", "RUN echo $V", f"COPY --from=s{number + 1} / /"]
    out += ["FROM s0", *(f"COPY --from=s{number} /a /b" for number in range(count))]
    return "\n".join(out)


def everything(text: str) -> float:
    dockerfile = parse(text)
    begin = time.perf_counter()
    built = BuildGraph(dockerfile)
    assert built.nodes
    assert built.edges
    _ = built.misreferences, built.unused
    for stage in built.stages:
        built.shipped(stage)
        list(built.runs_in_a_row(stage))
        for each in stage.instructions:
            if isinstance(each, Run):
                built.shell(each)
    built.invalidated_by(built.dockerfile.instructions[0])
    list(graphs.lines("x", built, Style(colour=False)))
    list(diagrams.mermaid(built))
    list(drawing.svg(built))
    graphs.document("x", built)
    return time.perf_counter() - begin


@pytest.mark.parametrize("make", [chain, fan])
def test_two_thousand_stages_take_no_more_than_their_share(make: object) -> None:
    assert callable(make)
    everything(make(50))
    small = min(everything(make(500)) for _ in range(2))
    # Four times as many take four times as long; a square would be sixteen.
    assert everything(make(2000)) < 10 * small + 0.5
