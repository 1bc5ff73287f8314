"""The build graph itself: stages, what they need from each other, and what holds at an instruction.

What a lint run asks for is kept in plain adjacency, since importing networkx costs more than linting a file does;
`BuildGraph.digraph` makes the `networkx.DiGraph` where an algorithm or an export needs it.
"""

from __future__ import annotations

from imagelint.dockerfile.instructions import Arg, Copy, Env, From, Instruction, Onbuild, Run
from imagelint.dockerfile.scope import Scope
from imagelint.dockerfile.syntax import Word
from imagelint.dockerfile.words import SubstitutionError, expand
from imagelint.graph import shells
from imagelint.graph.arguments import defaults, define, global_arguments, global_scope
from imagelint.graph.context import BuildContext
from imagelint.graph.stage import Stage
from imagelint.records import TYPE_CHECKING, cached_property

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import networkx

    from imagelint.dockerfile.parser import Dockerfile
    from imagelint.dockerfile.shell import Command
    from imagelint.graph.references import Misreference, Reference
    from imagelint.graph.wiring import Edge, Node, Wiring


class BuildGraph:
    """A Dockerfile's stages and instructions, and how each depends on the others."""

    def __init__(self, dockerfile: Dockerfile, context: BuildContext | None = None) -> None:
        self.dockerfile = dockerfile
        self.context = context or BuildContext()
        self._place: dict[Instruction, int] = {}
        self._stage: dict[Instruction, Stage] = {}
        self._scopes: dict[int, Scope] = {}
        self._commands: dict[Run, tuple[Command, ...]] = {}
        self._posix: dict[Run, bool] = {}
        self.globals = global_scope()
        self.stages: tuple[Stage, ...] = tuple(self._build())
        self.headless = self._headless()
        # Of two stages with one name the last one counts, for what stands before it too.
        self._named = {stage.name: stage for stage in self.stages if stage.name}

    def _build(self) -> Iterator[Stage]:
        """Cut the file into stages; global arguments come first."""
        groups: list[tuple[From, list[Instruction]]] = []
        for place, instruction in enumerate(self.dockerfile.instructions):
            self._place[instruction] = place
            if isinstance(instruction, Onbuild) and instruction.inner is not None:
                self._place[instruction.inner] = place
            if isinstance(instruction, From):
                groups.append((instruction, []))
            elif groups:
                groups[-1][1].append(instruction)
            elif isinstance(instruction, Arg):
                self._define(self.globals, instruction, place)
        by_name: dict[str, Stage] = {}
        for index, (from_, instructions) in enumerate(groups):
            image = self._expanded(from_.image.value)
            stage = Stage(index, from_, tuple(instructions), by_name.get(image), image)
            for each in (from_, *instructions):
                self._stage[each] = stage
                if isinstance(each, Onbuild) and each.inner is not None:
                    self._stage[each.inner] = stage
            if stage.name:
                by_name[stage.name] = stage
            yield stage

    def _headless(self) -> Stage | None:
        """A stage without a FROM, of what stands before the first one: an error, and the rest is linted all the same.

        It is none of `stages`, its number is -1, its image has no name; without any FROM it is the final one.
        """
        dockerfile = self.dockerfile
        stray = [each for each in dockerfile.instructions if each not in self._stage and not isinstance(each, Arg)]
        if not stray:
            return None
        line = stray[0].line
        from_ = From(dockerfile.source, line, Word("FROM", 0, 0), rest=len(line.joined.text))
        stage = Stage(-1, from_, tuple(stray), None, "")
        self._place[from_] = self._place[stray[0]]
        for each in (from_, *stray):
            self._stage[each] = stage
            if isinstance(each, Onbuild) and each.inner is not None:
                self._stage[each.inner] = stage
        return stage

    @property
    def parts(self) -> tuple[Stage, ...]:
        """Every stage, the one without a FROM too."""
        return self.stages if self.headless is None else (self.headless, *self.stages)

    def _expanded(self, word: str) -> str:
        try:
            return expand(word, self.globals.at(), escape=self.dockerfile.source.escape)
        except SubstitutionError:
            return word

    def _define(self, scope: Scope, instruction: Arg | Env, place: float) -> None:
        define(scope, instruction, place, self.globals, self.context.build_args)

    @cached_property
    def declared(self) -> Mapping[str, Arg]:
        """The arguments that an ARG declares for FROM, each with its last ARG; BuildKit sets others by itself."""
        return {pair.key: arg for arg in global_arguments(self.dockerfile.instructions) for pair in arg.pairs}

    @cached_property
    def defaults(self) -> Scope:
        """The variables that FROM may use in a build that is given no arguments."""
        return defaults(self.dockerfile.instructions) if self.context.build_args else self.globals

    @cached_property
    def final(self) -> Stage | None:
        """The stage that the image is made of: the target, or the last one."""
        target = self.context.target
        if target is not None:
            wanted = target.lower()
            for stage in reversed(self.stages):
                if wanted in (stage.name, str(stage.index)):
                    return stage
            return None
        return self.stages[-1] if self.stages else self.headless

    def stage_of(self, instruction: Instruction) -> Stage | None:
        """The stage that an instruction belongs to; None for an ARG before the first FROM."""
        return self._stage.get(instruction)

    def meant(self, reference: str, *, numbers: bool = True) -> Stage | None:
        """The stage that a reference means, wherever it stands: by name in any case, or for `COPY --from` by number.

        None means an image; or, where the reference is a number, nothing at all.
        """
        from imagelint.graph.references import number

        index = number(reference) if numbers else None
        if index is not None:
            return self.stages[index] if 0 <= index < len(self.stages) else None
        return self._named.get(reference.lower())

    def triggers(self, stage: Stage) -> tuple[Instruction, ...]:
        """What a stage runs first of all: the instructions behind ONBUILD in the stage that it is built on."""
        return self._triggers.get(stage.base, ()) if stage.base is not None else ()

    @cached_property
    def _triggers(self) -> dict[Stage, tuple[Instruction, ...]]:
        held: dict[Stage, list[Instruction]] = {}
        for each in self.dockerfile.instructions:
            if isinstance(each, Onbuild) and each.inner is not None and (stage := self._stage.get(each)):
                held.setdefault(stage, []).append(each.inner)
        return {stage: tuple(instructions) for stage, instructions in held.items()}

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """What each COPY and each mount takes from where: a stage, an image, or something that is not there."""
        from imagelint.graph.references import references

        return tuple(references(self))

    @cached_property
    def misreferences(self) -> tuple[Misreference, ...]:
        """The references that BuildKit refuses: to a later stage, to their own, in a circle, to no stage at all.

        FROM is never among them: what is not the name of a stage above it is the name of an image.
        """
        from imagelint.graph.references import misreferences

        return tuple(misreferences(self.references, self.stages))

    def taken(self, stage: Stage, source: Stage) -> tuple[Copy | Run, ...]:
        """The COPYs and the RUNs with mounts by which a stage takes files from another one."""
        found = (each for each in self._taken.get(stage, ()) if each.target is source)
        return tuple(dict.fromkeys(each.instruction for each in found))

    @cached_property
    def _taken(self) -> dict[Stage, list[Reference]]:
        taken: dict[Stage, list[Reference]] = {}
        for each in self.references:
            if each.target is not None and each.target.index < each.stage.index:
                taken.setdefault(each.stage, []).append(each)
        return taken

    @cached_property
    def _needs(self) -> dict[Stage, tuple[Stage, ...]]:
        needs: dict[Stage, tuple[Stage, ...]] = {}
        for stage in self.parts:
            found = [stage.base] if stage.base else []
            found += (each.target for each in self._taken.get(stage, ()) if each.target)
            needs[stage] = tuple(dict.fromkeys(found))
        return needs

    def needs(self, stage: Stage) -> tuple[Stage, ...]:
        """The stages that a stage is built on, copies from or mounts."""
        return self._needs[stage]

    def ancestors(self, stage: Stage) -> frozenset[Stage]:
        """Every stage that must be built before this one."""
        seen: set[Stage] = set()
        todo = [stage]
        while todo:
            for each in self._needs[todo.pop()]:
                if each not in seen:
                    seen.add(each)
                    todo.append(each)
        return frozenset(seen)

    @cached_property
    def unused(self) -> tuple[Stage, ...]:
        """The stages that the final one does not need."""
        if self.final is None:
            return ()
        kept = {self.final, *self.ancestors(self.final)}
        return tuple(stage for stage in self.stages if stage not in kept)

    def shipped(self, stage: Stage) -> bool:
        """Whether a stage's layers are in the final image: it is the final one, or that is built on it."""
        return stage in self._shipped

    @cached_property
    def _shipped(self) -> frozenset[Stage]:
        return frozenset(self._chain(self.final)) if self.final else frozenset()

    def built_on(self, stage: Stage) -> tuple[Stage, ...]:
        """The stages whose FROM names this one, in the order of the file."""
        return tuple(self._built_on.get(stage, ()))

    @cached_property
    def _built_on(self) -> dict[Stage, list[Stage]]:
        found: dict[Stage, list[Stage]] = {}
        for stage in self.stages:
            if stage.base is not None:
                found.setdefault(stage.base, []).append(stage)
        return found

    def _chain(self, stage: Stage) -> list[Stage]:
        """A stage, the one that it is built on, and so on."""
        chain = [stage]
        while (base := chain[-1].base) is not None:
            chain.append(base)
        return chain

    def lineage(self, stage: Stage) -> Iterator[Instruction]:
        """The instructions that make a stage's file system, from its first base stage on."""
        for each in reversed(self._chain(stage)):
            yield from each.instructions

    def later(self, instruction: Instruction) -> Iterator[Instruction]:
        """The instructions behind this one that see its file system: in its stage, and in stages built on that."""
        stage = self._stage.get(instruction)
        if stage is None:
            return
        # A stage's instructions stand in one piece, so that the next one's index is known.
        index = self._place[instruction] - self._place[stage.from_]
        if stage is self.headless:
            index = next(
                (at for at, each in enumerate(stage.instructions, 1) if each is instruction), len(stage.instructions)
            )
        yield from stage.instructions[index:]
        if stage not in self._built_on:
            return
        from heapq import heappop, heappush

        # One stage after another, since few callers look at them all: a stage stands behind the one it is built on.
        waiting: list[tuple[int, int, list[Stage]]] = []

        def wait(stages: list[Stage], at: int = 0) -> None:
            if at < len(stages):
                heappush(waiting, (stages[at].index, at, stages))

        wait(self._built_on.get(stage, []))
        while waiting:
            _, at, stages = heappop(waiting)
            wait(stages, at + 1)
            wait(self._built_on.get(stages[at], []))
            yield from stages[at].instructions

    def scope(self, stage: Stage) -> Scope:
        """The variables of a stage."""
        known = self._scopes.get(stage.index)
        if known is None:
            chain = [stage]
            while chain[-1].base is not None and chain[-1].base.index not in self._scopes:
                chain.append(chain[-1].base)
            for each in reversed(chain):
                known = Scope(self._scopes[each.base.index] if each.base else self._outer(each))
                self._scopes[each.index] = known
                for instruction in each.instructions:
                    if isinstance(instruction, Arg | Env):
                        self._define(known, instruction, self._place[instruction])
        assert known is not None
        return known

    def _outer(self, stage: Stage) -> Scope | None:
        """What a stage starts with that is built on no other one: its image's environment, where it is known."""
        if stage is self.headless:
            return self.globals
        image = self.context.images.get(stage.image)
        if image is None:
            return None
        scope = Scope()
        for name, value in image.environment.items():
            scope.put(name, value, -1)
        return scope

    def variable(self, instruction: Instruction, name: str) -> str | None:
        """What an ENV or ARG has given a variable by the time an instruction runs; None where the file cannot say."""
        stage = self._stage.get(instruction)
        place = self._place[instruction]
        return self.scope(stage).get(name, place) if stage else self.globals.get(name, place)

    def environment(self, instruction: Instruction) -> Mapping[str, str]:
        """Every variable that the file gives a value by the time an instruction runs."""
        stage = self._stage.get(instruction)
        return (self.scope(stage) if stage else self.globals).at(self._place[instruction])

    def closed(self, instruction: Instruction) -> bool:
        """Whether the file shows every variable there is: nothing can come from a base image's environment."""
        stage = self._stage.get(instruction)
        image = "scratch" if stage is None else stage.root.image
        return image == "scratch" or image in self.context.images

    def shell(self, instruction: Instruction) -> tuple[str, ...]:
        """The shell that shell-form instructions run in there: the last SHELL, a pragma, or `/bin/sh -c`."""
        stage = self._stage.get(instruction)
        return shells.DEFAULT if stage is None else self._shells.at(stage, self._place[instruction])

    @cached_property
    def _shells(self) -> shells.Shells:
        return shells.Shells(self.parts, self.dockerfile.source, self._place)

    def posix(self, run: Run) -> bool:
        """Whether a RUN's script is for a POSIX shell, so that its commands can be told."""
        known = self._posix.get(run)
        if known is None:
            known = self._posix[run] = shells.is_posix(self.shell(run), run)
        return known

    def commands(self, run: Run) -> tuple[Command, ...]:
        """The commands of a RUN; none where its shell is not a POSIX one."""
        known = self._commands.get(run)
        if known is None:
            known = self._commands[run] = run.script.commands if self.posix(run) else ()
        return known

    def runs_in_a_row(self, stage: Stage) -> Iterator[tuple[Run, ...]]:
        """The groups of two or more RUNs with nothing between them, equal flags and a POSIX shell."""
        group: list[Run] = []
        for each in (*stage.instructions, None):
            run = each if isinstance(each, Run) and self.posix(each) else None
            if run is not None and (not group or _flags(run) == _flags(group[-1])):
                group.append(run)
                continue
            if len(group) > 1:
                yield tuple(group)
            group = [run] if run is not None else []

    @cached_property
    def _wiring(self) -> Wiring:
        from imagelint.graph.wiring import Wiring

        return Wiring(self)

    @property
    def nodes(self) -> Mapping[str, Node]:
        """Every node by its id, in the order of the file: stages, instructions, triggers, variables."""
        return self._wiring.nodes

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Every edge, from what is needed to what needs it."""
        return self._wiring.edges

    def invalidated_by(self, *instructions: Instruction) -> tuple[Instruction, ...]:
        """What may have to be built again when these instructions change, in the order of the file.

        That is everything behind them in their stages, and what is built on, copies from or mounts those, or reads a
        variable that they define. BuildKit may find that some of it has stayed the same, and still take it from its
        cache.
        """
        reached = self._wiring.reached(instructions)
        return tuple(sorted(reached, key=lambda each: (self._place[each], each.head.start)))

    @cached_property
    def digraph(self) -> networkx.DiGraph[str]:
        """The whole graph for networkx: nodes by id with `kind`, `label`, `line`, `stage`; edges with their `kinds`.

        Edges point from what is needed to what needs it, so that `networkx.descendants` is what a change invalidates.
        """
        return self._wiring.digraph()


def _flags(run: Run) -> tuple[str, ...]:
    return tuple(flag.word.value for flag in run.flags)
