"""Stages, what they need from each other, and the variables in them."""

from __future__ import annotations

import networkx
import pytest

from imagelint.dockerfile.instructions import Copy, Run
from imagelint.dockerfile.parser import parse
from imagelint.graph import BuildContext, BuildGraph

FILE = """\
ARG BASE=debian
ARG TAG=12
FROM ${BASE}:${TAG} AS build
ENV DIR=/src PIP_NO_CACHE_DIR=1
RUN make
FROM alpine AS unused
RUN x
FROM build AS test
RUN --mount=type=bind,from=unused,target=/u y
FROM scratch
ARG TAG
COPY --from=build /src /dst
COPY --from=0 /a /b
COPY --from=nginx /a /b
"""


def graph(text: str = FILE, **context: object) -> BuildGraph:
    return BuildGraph(parse(text), BuildContext(**context))  # type: ignore[arg-type]


def test_stages_know_their_base() -> None:
    stages = graph().stages
    assert [(stage.label, stage.image, stage.base and stage.base.label) for stage in stages] == [
        ("build", "debian:12", None),
        ("unused", "alpine", None),
        ("test", "build", "build"),
        ("stage 3", "scratch", None),
    ]


def test_build_arguments_choose_the_base() -> None:
    assert graph(build_args={"BASE": "ubuntu", "TAG": "24.04"}).stages[0].image == "ubuntu:24.04"


def test_copies_lead_to_stages_and_images_do_not() -> None:
    built = graph()
    copies = [each for each in built.stages[3].instructions if isinstance(each, Copy)]
    assert [source and source.label for source in map(built.copies_from, copies)] == ["build", "build", None]


@pytest.mark.parametrize(
    ("target", "unused", "shipped"),
    [(None, ["unused", "test"], ["stage 3"]), ("test", ["stage 3"], ["build", "test"]), ("BUILD", None, ["build"])],
)
def test_the_target_says_what_is_used_and_shipped(
    target: str | None, unused: list[str] | None, shipped: list[str]
) -> None:
    built = graph(target=target)
    assert [stage.label for stage in built.stages if built.shipped(stage)] == shipped
    if unused is not None:
        assert [stage.label for stage in built.unused] == unused


def test_a_target_that_is_not_there() -> None:
    assert graph(target="nope").final is None


def test_variables_are_inherited_through_from() -> None:
    built = graph()
    run = built.stages[2].instructions[0]
    assert built.variable(run, "PIP_NO_CACHE_DIR") == "1"
    assert built.variable(run, "TAG") is None
    copy = built.stages[3].instructions[1]
    assert built.variable(copy, "TAG") == "12"


def test_the_shell_is_inherited_and_may_be_no_posix_one() -> None:
    built = graph('FROM a AS x\nSHELL ["pwsh", "-c"]\nFROM x\nRUN y\nSHELL ["/bin/bash", "-c"]\nRUN z\n')
    first, second = (each for each in built.stages[1].instructions if isinstance(each, Run))
    assert (built.posix(first), built.posix(second)) == (False, True)


def test_runs_in_a_row() -> None:
    built = graph("FROM a\nRUN a\n# c\n\nRUN b\nRUN --network=none c\nRUN --network=none d\nUSER x\nRUN e\n")
    rows = [[run.arguments for run in row] for row in built.runs_in_a_row(built.stages[0])]
    assert rows == [["a", "b"], ["c", "d"]]


def test_forward_references_and_cycles_are_no_edges() -> None:
    built = graph("FROM b AS a\nCOPY --from=b /x /y\nCOPY --from=a /x /y\nFROM a AS b\n")
    assert built.needs(built.stages[0]) == ()
    assert built.ancestors(built.stages[1]) == {built.stages[0]}


def test_descendants_in_the_digraph_are_what_a_change_invalidates() -> None:
    digraph = graph().digraph
    assert networkx.is_directed_acyclic_graph(digraph)
    assert networkx.descendants(digraph, "line:5") == {"stage:2", "line:9", "line:12", "line:13", "line:14"}
