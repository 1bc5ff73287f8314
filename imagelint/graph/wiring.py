"""The nodes and edges of a build graph: what the exports show, and what a change to an instruction reaches.

Nodes are `stage:N` (a stage, and its FROM), `line:N` (the instruction that begins there), `trigger:N` (the one behind
ONBUILD there) and `variable:N:NAME` (what the ARG or ENV there defines). Every edge leads from what is needed to what
needs it, and forward in the file; so there is no circle, whatever the file says.
"""

from __future__ import annotations

from imagelint.dockerfile.instructions import Arg, Env, From, Onbuild, Run
from imagelint.graph.reads import read_by, read_by_pair
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import networkx

    from imagelint.dockerfile.instructions import Instruction
    from imagelint.graph.build import BuildGraph
    from imagelint.graph.stage import Stage


class Node(NamedTuple):
    """A node: `kind` is `stage`, `instruction`, `trigger` or `variable`; `instruction` is the one it stands for.

    `label` is the stage's name or number, the keyword or the variable's name, `stage` the stage's number, None before
    the first FROM.
    """

    id: str
    kind: str
    label: str
    line: int
    stage: int | None
    instruction: Instruction


class Edge(NamedTuple):
    """From what is needed to what needs it.

    `kind` is `follows` (the next instruction), `base` (FROM a stage), `copies_from`, `mounts_from` (from a stage's
    last instruction), `defines` (a variable), `reads` (from the variable) or `triggers` (ONBUILD to what it holds, and
    that to the stages that run it).
    """

    source: str
    target: str
    kind: str


class Wiring:
    """All nodes of a graph by their id, in the order of the file, and all edges."""

    def __init__(self, graph: BuildGraph) -> None:
        self.graph = graph
        self.nodes: dict[str, Node] = {}
        self.ids: dict[Instruction, str] = {}
        edges: dict[Edge, None] = {}
        edges |= dict.fromkeys(self._instructions())
        edges |= dict.fromkeys(self._stages())
        edges |= dict.fromkeys(_Variables(self).edges())
        self.edges = tuple(edges)
        self.successors: dict[str, list[str]] = {}
        for edge in self.edges:
            self.successors.setdefault(edge.source, []).append(edge.target)

    def _instructions(self) -> Iterator[Edge]:
        """Make the nodes, and the edges within each stage."""
        previous: dict[int, str] = {}
        for each in self.graph.dockerfile.instructions:
            stage = self.graph.stage_of(each)
            stage = None if stage is self.graph.headless else stage
            if isinstance(each, From) and stage is not None:
                here = self._add(f"stage:{stage.index}", "stage", stage.label, each, stage)
            else:
                here = self._add(f"line:{each.start_line}", "instruction", each.keyword, each, stage)
            if stage is not None:
                if stage.index in previous:
                    yield Edge(previous[stage.index], here, "follows")
                previous[stage.index] = here
            if isinstance(each, Onbuild) and each.inner is not None:
                inner = self._add(f"trigger:{each.start_line}", "trigger", each.inner.keyword, each.inner, stage)
                yield Edge(here, inner, "triggers")
                yield from self._defined(each.inner, stage)
            yield from self._defined(each, stage)

    def _defined(self, instruction: Instruction, stage: Stage | None) -> Iterator[Edge]:
        if isinstance(instruction, Arg | Env):
            for pair in instruction.pairs:
                variable = f"variable:{instruction.start_line}:{pair.key}"
                self.nodes[variable] = Node(
                    variable, "variable", pair.key, instruction.start_line, stage.index if stage else None, instruction
                )
                yield Edge(self.ids[instruction], variable, "defines")

    def _add(self, id_: str, kind: str, label: str, instruction: Instruction, stage: Stage | None) -> str:
        place = stage.index if stage is not None else None
        self.nodes[id_] = Node(id_, kind, label, instruction.start_line, place, instruction)
        self.ids[instruction] = id_
        return id_

    def _stages(self) -> Iterator[Edge]:
        """What stages take from others; one that is taken from is finished, so that its last instruction counts."""
        for stage in self.graph.stages:
            if stage.base is not None:
                yield Edge(self.last(stage.base), f"stage:{stage.index}", "base")
                for trigger in self.graph.triggers(stage):
                    yield Edge(self.ids[trigger], f"stage:{stage.index}", "triggers")
        for each in self.graph.references:
            if each.target is not None and each.target.index < each.stage.index:
                here = f"stage:{each.stage.index}" if each.triggered else self.ids[each.instruction]
                yield Edge(self.last(each.target), here, each.kind)

    def last(self, stage: Stage) -> str:
        """The node that stands for a finished stage."""
        return self.ids[stage.instructions[-1]] if stage.instructions else f"stage:{stage.index}"

    def reached(self, instructions: Iterable[Instruction]) -> set[Instruction]:
        """Every instruction that a path leads to from one of these; they themselves are not in it."""
        seen: set[str] = set()
        todo = [self.ids[each] for each in instructions]
        while todo:
            for target in self.successors.get(todo.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        return {self.nodes[each].instruction for each in seen if self.nodes[each].kind != "variable"}

    def digraph(self) -> networkx.DiGraph[str]:
        """The same for networkx: nodes with `kind`, `label`, `line` and, in a stage, `stage`; edges with `kinds`."""
        import networkx  # 100 ms: only where an algorithm or an export asks for it

        graph: networkx.DiGraph[str] = networkx.DiGraph()
        for node in self.nodes.values():
            graph.add_node(node.id, kind=node.kind, label=node.label, line=node.line)
            if node.stage is not None:
                graph.nodes[node.id]["stage"] = node.stage
        for source, target, kind in self.edges:
            known = graph.edges[source, target]["kinds"] if graph.has_edge(source, target) else ()
            graph.add_edge(source, target, kinds=(*known, kind))
        return graph


class _Variables:
    """Who reads what whom defined, found by one walk over the tree that stages and their bases make.

    A stage begins with what its base ends with. The walk keeps one stack of definitions for each name and takes a
    stage's own off again when it leaves it; so its cost is that of the file, however long the chain of bases.
    """

    def __init__(self, wiring: Wiring) -> None:
        self.wiring, self.graph = wiring, wiring.graph
        self.globals: dict[str, str] = {}
        self.known: dict[str, list[str]] = {}

    def edges(self) -> Iterator[Edge]:
        for each in self.graph.dockerfile.instructions:
            if isinstance(each, From):
                break
            if isinstance(each, Arg):
                yield from self._global(each)
        # (stage, None) is entered, (stage, names) is left with what it defined.
        todo: list[tuple[Stage, list[str] | None]] = [(stage, None) for stage in self.graph.stages if not stage.base]
        while todo:
            stage, defined = todo.pop()
            if defined is not None:
                for name in defined:
                    self.known[name].pop()
                continue
            defined = []
            todo.append((stage, defined))
            todo += ((each, None) for each in self.graph.built_on(stage))
            yield from self._stage(stage, defined)

    def _global(self, arg: Arg) -> Iterator[Edge]:
        for place, pair in enumerate(arg.pairs):
            for name in read_by_pair(arg, place):
                yield from self._read(self.globals.get(name), arg, self.wiring.ids[arg])
            self.globals[pair.key] = f"variable:{arg.start_line}:{pair.key}"

    def _stage(self, stage: Stage, defined: list[str]) -> Iterator[Edge]:
        here = f"stage:{stage.index}"
        for name in read_by(stage.from_):
            yield from self._read(self.globals.get(name), stage.from_, here)
        for trigger in self.graph.triggers(stage):
            yield from self._instruction(trigger, here, defined)
        for each in stage.instructions:
            yield from self._instruction(each, self.wiring.ids[each], defined)

    def _instruction(self, instruction: Instruction, reader: str, defined: list[str]) -> Iterator[Edge]:
        if isinstance(instruction, Arg):
            for place, pair in enumerate(instruction.pairs):
                for name in read_by_pair(instruction, place):
                    yield from self._read(self._definition(name), instruction, reader)
                if pair.value is None:
                    # Declared without a default it has the global one, or else what was known before.
                    source = self.globals.get(pair.key) or self._definition(pair.key)
                    yield from self._read(source, instruction, reader)
                self._define(pair.key, instruction, defined)
            return
        posix = not isinstance(instruction, Run) or self.graph.posix(instruction)
        for name in read_by(instruction, posix=posix):
            yield from self._read(self._definition(name), instruction, reader)
        if isinstance(instruction, Env):
            for pair in instruction.pairs:
                self._define(pair.key, instruction, defined)

    def _definition(self, name: str) -> str | None:
        found = self.known.get(name)
        return found[-1] if found else None

    def _define(self, name: str, instruction: Instruction, defined: list[str]) -> None:
        self.known.setdefault(name, []).append(f"variable:{instruction.start_line}:{name}")
        defined.append(name)

    def _read(self, variable: str | None, instruction: Instruction, reader: str) -> Iterator[Edge]:
        """An edge from a variable to its reader, unless the reader is the one that defined it."""
        if variable is not None and self.wiring.nodes[variable].instruction is not instruction:
            yield Edge(variable, reader, "reads")
