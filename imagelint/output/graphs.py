"""Build graphs, for people and for programs: what every form shows, the text tree, and JSON."""

from __future__ import annotations

from imagelint.output.json import SCHEMA, location
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from imagelint.dockerfile.instructions import Instruction
    from imagelint.graph import BuildGraph, Stage
    from imagelint.graph.references import Misreference
    from imagelint.output.style import Style

#: Longer instructions are cut in the text tree.
MAX_WIDTH = 100
#: Stages that are nested deeper in the text tree begin a tree of their own.
MAX_DEPTH = 8


class Arrow(NamedTuple):
    """An edge between stages as it is drawn: the ids of two nodes, `base`, `copies_from`, `mounts_from`, `reads`.

    `reads` is from the instruction that defines a variable, for variables that are defined before the first FROM: those
    within a stage would only repeat the order of its instructions.
    """

    source: str
    target: str
    kind: str
    label: str


VERBS = {"base": "built on", "copies_from": "copies", "mounts_from": "mounts", "reads": "reads"}


def one_line(instruction: Instruction, width: int) -> str:
    """An instruction on one line, cut to a width, with nothing in it that moves a terminal's cursor."""
    start = instruction.head.end
    rest = " ".join(instruction.joined[start : start + 4 * width].split())
    text = printable(f"{instruction.keyword} {rest}".rstrip())
    more = len(text) > width or len(instruction.joined) > start + 4 * width
    return text[: width - 1] + "…" if more else text


def title(stage: Stage) -> str:
    """How a stage is called in every form: its number, and its name if it has one."""
    return printable(f"stage {stage.index}: {stage.name}" if stage.name else f"stage {stage.index}")


def statuses(graph: BuildGraph) -> dict[Stage, str]:
    """What the target makes of the stages: one is the `target`, some are `unused`; the others are not in here."""
    out = dict.fromkeys(graph.unused, "unused")
    return out | {graph.final: "target"} if graph.final in graph.stages else out


def arrows(graph: BuildGraph) -> Iterator[Arrow]:
    """The edges between stages, in the order of their targets' kinds."""
    for source, target, kind in graph.edges:
        if kind in ("base", "copies_from", "mounts_from"):
            yield Arrow(source, target, kind, VERBS[kind])
        elif kind == "reads" and graph.nodes[source].stage is None:
            variable = graph.nodes[source]
            yield Arrow(f"line:{variable.line}", target, kind, printable(variable.label))


def images(graph: BuildGraph) -> Iterator[tuple[str, str, str]]:
    """What is taken from images rather than stages: the image, the id of the node that takes, and the kind."""
    ids = {node.instruction: node.id for node in graph.nodes.values() if node.kind != "variable"}
    for each in graph.references:
        if each.target is None and not each.numbered:
            yield each.name, f"stage:{each.stage.index}" if each.triggered else ids[each.instruction], each.kind


def explained(wrong: Misreference) -> str:
    """What is the matter with a reference that BuildKit refuses."""
    name = printable(wrong.name)
    if wrong.target is None:
        return f"there is no stage {name}"
    if wrong.kind == "self":
        return f"{name} is this stage itself"
    where = f"{name} is only defined at line {wrong.target.from_.start_line}"
    return f"{where}, and needs this stage" if wrong.kind == "circular" else where


def lines(path: str, graph: BuildGraph, style: Style) -> Iterator[str]:
    """The graph as a tree: images, the stages built on them, their instructions, and the stages built on those."""
    count = len(graph.stages)
    target = f", builds {title(graph.final)}" if graph.final in graph.stages else ""
    yield style(f"{printable(path)}: {count} stage{'s' * (count != 1)}{target}", "bold")
    tree = _Tree(graph, style)
    before = [each for each in graph.dockerfile.instructions if graph.stage_of(each) in (None, graph.headless)]
    if before:
        yield ""
        yield "before the first FROM"
        yield from tree.rows(before, "")
    for name, stages in tree.roots.items():
        yield ""
        yield name
        yield from tree.below(stages)


class _Tree:
    """The text tree; what stands behind an instruction is known by its line, which ONBUILD's inner one shares."""

    def __init__(self, graph: BuildGraph, style: Style) -> None:
        self.graph, self.style = graph, style
        self.statuses = statuses(graph)
        self.notes = self._notes()
        self.roots: dict[str, list[Stage]] = {}
        self.depth: dict[Stage, int] = {}
        for stage in graph.stages:
            self.depth[stage] = 0 if stage.base is None else (self.depth[stage.base] + 1) % MAX_DEPTH
            if not self.depth[stage]:
                name = printable(stage.image) if stage.base is None else f"{title(stage.base)}, continued"
                self.roots.setdefault(name, []).append(stage)

    def below(self, roots: list[Stage]) -> Iterator[str]:
        """Stages with everything in them and on them."""
        todo = [(stage, "", stage is roots[-1]) for stage in reversed(roots)]
        while todo:
            stage, indent, last = todo.pop()
            line = stage.from_.start_line
            word = self.statuses.get(stage, "")
            shown = f" {self.style(word, 'green' if word == 'target' else 'yellow')}" if word else ""
            head = f"{self.style(title(stage), 'bold')} (line {line}){shown}"
            yield f"{indent}{'└── ' if last else '├── '}{head}{self.notes.get(line, '')}"
            indent += "    " if last else "│   "
            nested = [each for each in self.graph.built_on(stage) if self.depth[each]]
            yield from self.rows(stage.instructions, indent, more=bool(nested))
            todo += ((each, indent, each is nested[-1]) for each in reversed(nested))

    def rows(self, instructions: Sequence[Instruction], indent: str, *, more: bool = False) -> Iterator[str]:
        """A line for each instruction; `more` where stages follow."""
        for place, each in enumerate(instructions, start=1):
            branch = "├── " if more or place < len(instructions) else "└── "
            text = one_line(each, MAX_WIDTH)
            yield f"{indent}{branch}{each.start_line}: {text}{self.notes.get(each.start_line, '')}"

    def _notes(self) -> dict[int, str]:
        """By line: where an instruction takes from, which global variables it reads, what is wrong with that."""
        notes: dict[int, list[str]] = {}
        nodes = self.graph.nodes
        for source, target, kind in self.graph.edges:
            if kind == "reads" and nodes[source].stage is None:
                note = f"{printable(nodes[source].label)}, line {nodes[source].line}"
                notes.setdefault(nodes[target].line, []).append(note)
        for each in self.graph.references:
            # What a trigger names is taken by the stage that runs it.
            line = (each.stage.from_ if each.triggered else each.instruction).start_line
            if each.target is None and not each.numbered:
                notes.setdefault(line, []).append(f"image {printable(each.name)}")
            elif each.target is not None and each.target.index < each.stage.index:
                notes.setdefault(line, []).append(title(each.target))
        out = {line: self.style(f"  ← {'; '.join(dict.fromkeys(found))}", "cyan") for line, found in notes.items()}
        for wrong in self.graph.misreferences:
            line = wrong.instruction.start_line
            out[line] = out.get(line, "") + self.style(f"  ✗ {explained(wrong)}", "red")
        return out


def document(path: str, graph: BuildGraph) -> dict[str, Any]:
    """The graph as JSON: stages, nodes, edges, and what is unused or wrong (`docs/json.md`)."""
    source = graph.dockerfile.source
    unused = set(graph.unused)
    return {
        "schema": SCHEMA,
        "path": path,
        "target": graph.final.index if graph.final in graph.stages else None,
        "stages": [_stage(graph, stage, used=stage not in unused) for stage in graph.stages],
        "unused": [stage.index for stage in graph.unused],
        "nodes": [
            {
                "id": node.id,
                "kind": node.kind,
                "label": node.label,
                "stage": node.stage,
                "line": node.line,
                "end_line": node.instruction.end_line,
            }
            for node in graph.nodes.values()
        ],
        "edges": [{"source": start, "target": end, "kind": kind} for start, end, kind in graph.edges],
        "misreferences": [
            {
                "kind": wrong.kind,
                "name": wrong.name,
                "message": explained(wrong),
                "stage": wrong.target.index if wrong.target else None,
                "location": location(source.index, wrong.span),
            }
            for wrong in graph.misreferences
        ],
    }


def _stage(graph: BuildGraph, stage: Stage, *, used: bool) -> dict[str, Any]:
    platform = stage.from_.flag("platform")
    return {
        "index": stage.index,
        "name": stage.name,
        "image": stage.image,
        "platform": platform.value if platform else None,
        "line": stage.from_.start_line,
        "base": stage.base.index if stage.base else None,
        "needs": [each.index for each in graph.needs(stage)],
        "used": used,
        "shipped": graph.shipped(stage),
    }
