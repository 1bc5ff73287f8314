"""Which variables are known at an instruction, an ARG without a value included."""

from collections.abc import Iterable, Iterator

from imagelint.dockerfile.instructions import Arg, Env, Instruction, Onbuild
from imagelint.graph import BuildGraph, Stage


class Known:
    """One walk over the tree that stages and their bases make, with the names that are known at each point.

    A stage begins with what its base ends with, and takes its own names off again when the walk leaves it; so the cost
    is that of the file, however long the chain of bases.
    """

    def __init__(self, graph: BuildGraph) -> None:
        self._graph = graph
        self._count: dict[str, int] = {"PATH": 1}
        self._defined: list[str] = []
        #: The last line of the stage at hand that defines a name.
        self.later: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return bool(self._count.get(name))

    def set_before(self, name: str) -> bool:
        """Whether something that is known has set a variable; PATH is there without."""
        return self._count.get(name, 0) > (name == "PATH")

    def instructions(self) -> Iterator[Instruction]:
        """Every instruction of every stage, at the point where this holds what is known before it."""
        # (stage, None) is entered, (stage, names) is left with what it defined.
        todo: list[tuple[Stage, list[str] | None]] = [(stage, None) for stage in self._graph.parts if not stage.base]
        while todo:
            stage, defined = todo.pop()
            if defined is not None:
                for name in defined:
                    self._count[name] -= 1
                continue
            self._defined = []
            yield from self._stage(stage)
            todo.append((stage, self._defined))
            todo += ((each, None) for each in self._graph.built_on(stage))

    def _stage(self, stage: Stage) -> Iterator[Instruction]:
        if stage is self._graph.headless:
            self._define(self._graph.globals.names())
        elif stage.base is None and (image := self._graph.context.images.get(stage.image)):
            self._define(image.environment)
        self.later = {
            pair.key: each.start_line
            for each in stage.instructions
            if isinstance(each, Arg | Env)
            for pair in each.pairs
        }
        triggers = []
        for each in stage.instructions:
            if isinstance(each, Onbuild):
                triggers += [each.inner] if each.inner is not None else []
                continue
            yield each
            self._define_by(each)
        # A trigger runs where all of its stage is known; what it defines, the stages that are built on this one know.
        for inner in triggers:
            yield inner
            self._define_by(inner)

    def _define_by(self, instruction: Instruction) -> None:
        if isinstance(instruction, Arg | Env):
            self._define(pair.key for pair in instruction.pairs)

    def _define(self, names: Iterable[str]) -> None:
        for name in names:
            self._count[name] = self._count.get(name, 0) + 1
            self._defined.append(name)
