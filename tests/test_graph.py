"""Stages, what they need from each other, and the variables in them."""

from __future__ import annotations

import networkx
import pytest

from imagelint.dockerfile.instructions import Run
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
    found = [each for each in built.references if each.stage is built.stages[3] and each.kind == "copies_from"]
    assert [each.target and each.target.label for each in found] == ["build", "build", None]


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


def test_a_stage_is_meant_by_its_name_in_any_case_or_by_its_number() -> None:
    built = graph("FROM a AS One\nFROM b AS one\nFROM c\n")
    assert [built.meant(name) for name in ("ONE", "0", "+1", "002")] == [built.stages[each] for each in (1, 0, 1, 2)]
    for name in ("two", "3", "-1", "9" * 5000, "²", "1_0", ""):
        assert built.meant(name) is None
    assert built.meant("0", numbers=False) is None


def test_from_knows_stages_by_their_exact_name_and_only_those_above() -> None:
    built = graph("FROM a AS One\nFROM One\nFROM one\nFROM two\nFROM golang AS golang\nFROM 0\nFROM b AS two\n")
    assert [stage.base and stage.base.index for stage in built.stages] == [None, None, 0, None, None, None, None]
    assert built.misreferences == ()


def test_mounts_know_stages_by_name_alone() -> None:
    built = graph("FROM a AS one\nFROM b\nRUN --mount=from=0,target=/x --mount=from=ONE,target=/y c\n")
    assert built.needs(built.stages[1]) == (built.stages[0],)
    assert [(each.name, each.target and each.target.index) for each in built.references] == [("0", None), ("ONE", 0)]


def test_forward_references_and_cycles_are_no_edges() -> None:
    built = graph("FROM b AS a\nCOPY --from=b /x /y\nCOPY --from=a /x /y\nFROM a AS b\n")
    assert built.needs(built.stages[0]) == ()
    assert built.ancestors(built.stages[1]) == {built.stages[0]}


MISREFERENCES = {
    "later": ("FROM a\nCOPY --from=b /x /y\nFROM c AS b\n", [(2, "b", "forward", "b")]),
    "a later number": ("FROM a\nCOPY --from=1 /x /y\nFROM c\n", [(2, "1", "forward", "1")]),
    "later mount": (
        "FROM a\nRUN --mount=type=bind,from=B,target=/x --mount=type=cache,target=/y z\nFROM c AS b\n",
        [(2, "B", "forward", "B")],
    ),
    "the last of a name is meant": (
        "FROM a AS x\nFROM b\nCOPY --from=x / /\nFROM c AS x\n",
        [(3, "x", "forward", "x")],
    ),
    "itself": ("FROM a AS b\nCOPY --chown=1 --from=b /x /y\n", [(2, "b", "self", "b")]),
    "its own number": ("FROM a\nCOPY --from=0 /x /y\n", [(2, "0", "self", "0")]),
    "circle": (
        "FROM a AS x\nCOPY --from=y / /\nFROM b AS y\nRUN --mount=from=z,target=/z :\nFROM c AS z\nCOPY --from=x / /\n",
        [(2, "y", "circular", "y"), (4, "z", "circular", "z")],
    ),
    "a base makes no circle": ("FROM a AS x\nCOPY --from=y / /\nFROM x AS y\n", [(2, "y", "forward", "y")]),
    "out of range": (
        "FROM a\nCOPY --from=7 / /\nCOPY --from=-1 / /\n",
        [(2, "7", "out-of-range", "7"), (3, "-1", "out-of-range", "-1")],
    ),
    "an image": ("FROM a\nCOPY --from=nginx / /\nRUN --mount=from=3,target=/x y\n", []),
    "quotes": ('FROM a AS b\nCOPY --from="b" / /\n', [(2, '--from="b"', "self", "b")]),
    "a continuation": ("FROM a AS b\nCOPY \\\n--fr\\\nom=b / /\n", [(2, "b", "self", "b")]),
    "a trigger nobody runs": ("FROM a AS b\nONBUILD COPY --from=c / /\nFROM x AS c\n", []),
    "a trigger": (
        "FROM a AS b\nONBUILD COPY --from=c / /\nFROM b\nFROM b\nFROM x AS c\n",
        [(2, "c", "forward", "c")],
    ),
    "a trigger of its own stage": ("FROM a AS b\nONBUILD COPY --from=c / /\nFROM b AS c\n", [(2, "c", "self", "c")]),
}


@pytest.mark.parametrize(("text", "expected"), MISREFERENCES.values(), ids=MISREFERENCES)
def test_misreferences(text: str, expected: list[tuple[int, str, str, str]]) -> None:
    found = [
        (each.instruction.start_line, text[each.span.start : each.span.end], each.kind, each.name)
        for each in graph(text).misreferences
    ]
    assert found == expected


def test_a_stage_runs_the_triggers_of_the_stage_that_it_is_built_on() -> None:
    text = "FROM a AS x\nFROM b AS base\nONBUILD COPY --from=x / /\nFROM base AS y\nFROM y AS z\n"
    built = graph(text)
    assert [built.needs(stage) for stage in built.stages[1:]] == [
        (),
        built.stages[1:2] + built.stages[:1],
        built.stages[2:3],
    ]
    assert [len(built.triggers(stage)) for stage in built.stages] == [0, 0, 1, 0]
    assert built.unused == ()


def test_what_a_stage_takes_from_another() -> None:
    built = graph()
    build, unused, test, last = built.stages
    assert [each.start_line for each in built.taken(last, build)] == [12, 13]
    assert [each.start_line for each in built.taken(test, unused)] == [9]
    assert built.taken(build, last) == ()


def test_later_is_what_sees_the_same_files() -> None:
    built = graph("FROM a AS x\nRUN 1\nRUN 2\nFROM x AS y\nRUN 3\nFROM b\nRUN 4\nFROM y\nRUN 5\nFROM x\nRUN 6\n")
    first, second = built.stages[0].instructions
    assert [each.arguments for each in built.later(first)] == ["2", "3", "5", "6"]
    assert [each.arguments for each in built.later(second)] == ["3", "5", "6"]


READS = {
    "from": ("ARG A=1\nFROM x:$A\n", [(1, "A", "stage:0")]),
    "platform": ("ARG A=1\nFROM --platform=$A x\n", [(1, "A", "stage:0")]),
    "a global one is not known in a stage": ("ARG A=1\nFROM x\nRUN $A\n", []),
    "declared again": ("ARG A=1\nFROM x\nARG A\nRUN $A\n", [(1, "A", "line:3"), (3, "A", "line:4")]),
    "with a default of its own": ("ARG A=1\nFROM x\nARG A=2\nRUN $A\n", [(3, "A", "line:4")]),
    "global ones see one another": ("ARG A=1 B=$A\nARG C=$B\nFROM x\n", [(1, "B", "line:2")]),
    "the last one counts": ("FROM x\nENV A=1\nENV A=2\nRUN $A\n", [(3, "A", "line:4")]),
    "ENV sees what was before it": (
        "FROM x\nENV A=1\nENV A=2 B=$A\nUSER $B\n",
        [(2, "A", "line:3"), (3, "B", "line:4")],
    ),
    "legacy ENV": ("FROM x\nENV A b c\nENV B $A $A\n", [(2, "A", "line:3")]),
    "through FROM": ("FROM x AS a\nENV A=1\nFROM a\nENV A=2\nFROM a\nWORKDIR $A\n", [(2, "A", "line:6")]),
    "not to a sister": ("FROM x AS a\nFROM a\nENV A=1\nFROM a\nRUN $A\n", []),
    "words and flags": (
        "FROM x\nENV A=1 B=2\nCOPY --chown=$A x ${B:-c} /y\nADD --exclude=$A --checksum=$B a b\n",
        [(2, "A", "line:3"), (2, "B", "line:3"), (2, "B", "line:4")],
    ),
    "mount": ("FROM x\nARG A=1\nRUN --mount=type=cache,id=$A,target=/x y\n", [(2, "A", "line:3")]),
    "quotes": ("FROM x\nENV A=1\nLABEL a='$A' b=\\$A\nLABEL c=\"$A\"\n", [(2, "A", "line:4")]),
    "shell": ("FROM x\nENV A=1 B=2 C=3\nRUN echo ${A%x} \\$B ${#C}\n", [(2, "A", "line:3"), (2, "C", "line:3")]),
    "exec form": ('FROM x\nENV A=1\nRUN ["echo", "$A"]\nRUN ["/bin/sh", "-c", "$A"]\n', [(2, "A", "line:4")]),
    "heredoc": (
        "FROM x\nENV A=1\nRUN <<E\necho $A\nE\nCOPY <<E /x\n'$A\nE\nCOPY <<'E' /x\n$A\nE\n",
        [(2, "A", "line:3"), (2, "A", "line:6")],
    ),
    "PowerShell": ('FROM x\nENV A=1 B=2\nSHELL ["pwsh", "-c"]\nRUN $A $env:B\n', [(2, "B", "line:4")]),
    "CMD reads when it runs": ("FROM x\nENV A=1\nCMD $A\nENTRYPOINT $A\nHEALTHCHECK CMD $A\n", []),
    "triggers": ("FROM x AS a\nONBUILD ENV A=1\nRUN $A\nFROM a\nRUN $A\n", [(2, "A", "line:5")]),
    "a trigger reads where it runs": ("FROM x AS a\nENV A=1\nONBUILD RUN $A\nFROM a\n", [(2, "A", "stage:1")]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READS.values(), ids=READS)
def test_who_reads_which_variable(text: str, expected: list[tuple[int, str, str]]) -> None:
    built = graph(text)
    found = [
        (built.nodes[edge.source].line, built.nodes[edge.source].label, edge.target)
        for edge in built.edges
        if edge.kind == "reads"
    ]
    assert sorted(found) == sorted(expected)
    defined = {edge.target for edge in built.edges if edge.kind == "defines"}
    assert {node.id for node in built.nodes.values() if node.kind == "variable"} == defined


def test_a_change_reaches_what_follows_what_is_built_on_it_and_what_takes_from_it() -> None:
    built = graph()
    tag, run = built.dockerfile.instructions[1], built.dockerfile.instructions[4]
    assert [each.start_line for each in built.invalidated_by(run)] == [8, 9, 12, 13, 14]
    assert [each.start_line for each in built.invalidated_by(tag)] == [3, 4, 5, 8, 9, 11, 12, 13, 14]
    assert built.invalidated_by(built.dockerfile.instructions[-1]) == ()


def test_a_trigger_reaches_the_stages_that_run_it() -> None:
    built = graph("FROM a AS x\nONBUILD RUN y\nRUN z\nFROM x\nFROM b\n")
    onbuild = built.stages[0].instructions[0]
    inner = built.triggers(built.stages[1])[0]
    assert [each.keyword for each in built.invalidated_by(inner)] == ["FROM"]
    assert [each.keyword for each in built.invalidated_by(onbuild)] == ["RUN", "RUN", "FROM"]


def test_descendants_in_the_digraph_are_what_a_change_invalidates() -> None:
    digraph = graph().digraph
    assert networkx.is_directed_acyclic_graph(digraph)
    assert networkx.descendants(digraph, "line:5") == {"stage:2", "line:9", "line:12", "line:13", "line:14"}
    assert digraph.nodes["variable:2:TAG"] == {"kind": "variable", "label": "TAG", "line": 2}
    assert digraph.edges["variable:2:TAG", "stage:0"]["kinds"] == ("reads",)
