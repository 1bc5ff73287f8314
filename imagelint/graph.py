"""The build graph: stages and instructions, and how each depends on the others.

What a lint run asks for is kept in plain adjacency, since importing networkx costs more than linting a file does;
`BuildGraph.digraph` makes the `networkx.DiGraph` where an algorithm or an export needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from imagelint.dockerfile.instructions import Arg, Copy, Env, From, Instruction, Onbuild, Run, Shell
from imagelint.dockerfile.scope import Scope
from imagelint.dockerfile.words import SubstitutionError, expand

if TYPE_CHECKING:
    from collections.abc import Iterator

    import networkx

    from imagelint.dockerfile.parser import Dockerfile
    from imagelint.dockerfile.shell import Command

#: Build arguments that BuildKit sets by itself; usable in FROM at once. Values: the common default platform.
PLATFORM_ARGS: dict[str, str] = {
    **{f"{side}PLATFORM": "linux/amd64" for side in ("BUILD", "TARGET")},
    **{f"{side}OS": "linux" for side in ("BUILD", "TARGET")},
    **{f"{side}OSVERSION": "" for side in ("BUILD", "TARGET")},
    **{f"{side}ARCH": "amd64" for side in ("BUILD", "TARGET")},
    **{f"{side}VARIANT": "" for side in ("BUILD", "TARGET")},
    "TARGETSTAGE": "default",
}
_POSIX_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What the file alone cannot say: the target, build arguments, and what lies beside the file."""

    target: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage: its FROM, the instructions behind it, and the earlier stage that it is built on, if it is one."""

    index: int
    from_: From
    instructions: tuple[Instruction, ...]
    base: Stage | None
    image: str

    @property
    def name(self) -> str | None:
        """The stage's name, in small letters."""
        return self.from_.name.value if self.from_.name else None

    @property
    def label(self) -> str:
        """How a person would call it: its name, or its number."""
        return self.name or f"stage {self.index}"


class BuildGraph:
    """A Dockerfile's stages and instructions with the edges `base`, `copies_from`, `mounts_from` and `follows`."""

    def __init__(self, dockerfile: Dockerfile, context: BuildContext | None = None) -> None:
        self.dockerfile = dockerfile
        self.context = context or BuildContext()
        self._place: dict[Instruction, int] = {}
        self._stage: dict[Instruction, Stage] = {}
        self._scopes: dict[int, Scope] = {}
        self.globals = Scope()
        self.stages: tuple[Stage, ...] = tuple(self._build())

    def _build(self) -> Iterator[Stage]:
        """Cut the file into stages; global arguments come first."""
        for name, value in PLATFORM_ARGS.items():
            self.globals.define(name, value, -1)
        groups: list[tuple[From, list[Instruction]]] = []
        for place, instruction in enumerate(self.dockerfile.instructions):
            self._place[instruction] = place
            if isinstance(instruction, From):
                groups.append((instruction, []))
            elif groups:
                groups[-1][1].append(instruction)
            elif isinstance(instruction, Arg):
                self._define(self.globals, instruction, place)
        by_name: dict[str, Stage] = {}
        for index, (from_, instructions) in enumerate(groups):
            base = by_name.get(from_.image.value)
            image = self._expanded(from_.image.value)
            base = base or by_name.get(image)
            stage = Stage(index, from_, tuple(instructions), base, image)
            for each in (from_, *instructions):
                self._stage[each] = stage
                if isinstance(each, Onbuild) and each.inner:
                    self._stage[each.inner] = stage
                    self._place[each.inner] = self._place[each]
            if stage.name:
                by_name[stage.name] = stage
            yield stage

    def _expanded(self, word: str) -> str:
        try:
            return expand(word, self.globals.at(), escape=self.dockerfile.source.escape)
        except SubstitutionError:
            return word

    def _define(self, scope: Scope, instruction: Arg | Env, place: float) -> None:
        """Define an instruction's variables; those of ENV see what was before it, those of ARG one another."""
        for number, pair in enumerate(instruction.pairs):
            value, at = pair.value, place
            if isinstance(instruction, Arg):
                given = self.context.build_args.get(pair.key)
                if given is not None:
                    value = "'" + given.replace("'", "'\\''") + "'"
                elif value is None and scope is not self.globals:
                    inherited = self.globals.get(pair.key)
                    value = None if inherited is None else "'" + inherited.replace("'", "'\\''") + "'"
                at = place + number / (len(instruction.pairs) + 1)
            scope.define(pair.key, value, at, escape=self.dockerfile.source.escape)

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
        return self.stages[-1] if self.stages else None

    def stage_of(self, instruction: Instruction) -> Stage | None:
        """The stage that an instruction belongs to; None before the first FROM."""
        return self._stage.get(instruction)

    def stage_named(self, reference: str, before: Stage) -> Stage | None:
        """The stage that `--from=reference` means in a stage: an earlier one, by name or number."""
        if reference.isdigit():
            number = int(reference) if len(reference) < 6 else len(self.stages)
            return self.stages[number] if number < before.index else None
        wanted = reference.lower()
        for stage in reversed(self.stages[: before.index]):
            if stage.name == wanted:
                return stage
        return None

    def copies_from(self, copy: Copy) -> Stage | None:
        """The stage that a COPY takes from, if it takes from one."""
        stage = self._stage.get(copy)
        return self.stage_named(copy.from_, stage) if copy.from_ and stage else None

    def mounts_from(self, run: Run) -> tuple[Stage, ...]:
        """The stages that a RUN mounts."""
        stage = self._stage.get(run)
        if stage is None:
            return ()
        found = (self.stage_named(mount["from"], stage) for mount in run.mounts if mount.get("from"))
        return tuple(each for each in found if each is not None)

    @cached_property
    def _needs(self) -> dict[Stage, tuple[Stage, ...]]:
        needs: dict[Stage, tuple[Stage, ...]] = {}
        for stage in self.stages:
            found = [stage.base] if stage.base else []
            for each in stage.instructions:
                if isinstance(each, Copy) and (source := self.copies_from(each)):
                    found.append(source)
                elif isinstance(each, Run) and each.mounts:
                    found += self.mounts_from(each)
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
        at = self.final
        while at is not None:
            if at is stage:
                return True
            at = at.base
        return False

    def lineage(self, stage: Stage) -> Iterator[Instruction]:
        """The instructions that make a stage's file system, from its first base stage on."""
        chain: list[Stage] = []
        at: Stage | None = stage
        while at is not None:
            chain.append(at)
            at = at.base
        for each in reversed(chain):
            yield from each.instructions

    def later(self, instruction: Instruction) -> Iterator[Instruction]:
        """The instructions behind this one that see its file system: in its stage, and in stages built on that."""
        stage = self._stage.get(instruction)
        if stage is None:
            return
        place = self._place[instruction]
        yield from (each for each in stage.instructions if self._place[each] > place)
        built_on = {stage}
        for other in self.stages[stage.index + 1 :]:
            if other.base in built_on:
                built_on.add(other)
                yield from other.instructions

    def scope(self, stage: Stage) -> Scope:
        """The variables of a stage."""
        known = self._scopes.get(stage.index)
        if known is None:
            chain = [stage]
            while chain[-1].base is not None and chain[-1].base.index not in self._scopes:
                chain.append(chain[-1].base)
            for each in reversed(chain):
                known = Scope(self._scopes[each.base.index] if each.base else None)
                self._scopes[each.index] = known
                for instruction in each.instructions:
                    if isinstance(instruction, Arg | Env):
                        self._define(known, instruction, self._place[instruction])
        assert known is not None
        return known

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
        at = self._stage.get(instruction)
        while at is not None and at.base is not None:
            at = at.base
        return at is None or at.image == "scratch"

    def shell(self, instruction: Instruction) -> tuple[str, ...]:
        """The shell that shell-form instructions run in there: the last SHELL, or `/bin/sh -c`."""
        stage = self._stage.get(instruction)
        place = self._place.get(instruction, 0)
        while stage is not None:
            for each in reversed(stage.instructions):
                if isinstance(each, Shell) and each.json and self._place[each] < place:
                    return tuple(word.value for word in each.json)
            stage, place = stage.base, len(self._place)
        return ("/bin/sh", "-c")

    def posix(self, run: Run) -> bool:
        """Whether a RUN's script is for a POSIX shell, so that its commands can be told."""
        if run.json is not None:
            return True
        program = self.shell(run)[0].replace("\\", "/").rpartition("/")[2].lower()
        return program.removesuffix(".exe") in _POSIX_SHELLS

    def commands(self, run: Run) -> tuple[Command, ...]:
        """The commands of a RUN; none where its shell is not a POSIX one."""
        return run.script.commands if self.posix(run) else ()

    def runs_in_a_row(self, stage: Stage) -> Iterator[tuple[Run, ...]]:
        """The groups of two or more RUNs with nothing between them, equal flags and a POSIX shell."""
        group: list[Run] = []
        for each in (*stage.instructions, None):
            joins = isinstance(each, Run) and self.posix(each) and (not group or _flags(each) == _flags(group[-1]))
            if joins and isinstance(each, Run):
                group.append(each)
                continue
            if len(group) > 1:
                yield tuple(group)
            group = [each] if isinstance(each, Run) and self.posix(each) else []

    @cached_property
    def digraph(self) -> networkx.DiGraph[str]:
        """The whole graph for networkx: nodes `stage:N` and `line:N`, edges with a `kind`.

        Edges point from what is needed to what needs it, so that `networkx.descendants` is what a change invalidates.
        """
        import networkx  # 100 ms: only where an algorithm or an export asks for it

        graph: networkx.DiGraph[str] = networkx.DiGraph()
        for stage in self.stages:
            at = f"stage:{stage.index}"
            graph.add_node(at, kind="stage", label=stage.label, image=stage.image)
            if stage.base:
                graph.add_edge(self._last(stage.base), at, kind="base")
            previous = at
            for each in stage.instructions:
                here = f"line:{each.start_line}"
                graph.add_node(here, kind="instruction", label=each.keyword, stage=stage.index)
                graph.add_edge(previous, here, kind="follows")
                if isinstance(each, Copy) and (source := self.copies_from(each)):
                    graph.add_edge(self._last(source), here, kind="copies_from")
                if isinstance(each, Run):
                    for source in self.mounts_from(each):
                        graph.add_edge(self._last(source), here, kind="mounts_from")
                previous = here
        return graph

    def _last(self, stage: Stage) -> str:
        """The node that stands for a finished stage."""
        return f"line:{stage.instructions[-1].start_line}" if stage.instructions else f"stage:{stage.index}"


def _flags(run: Run) -> tuple[str, ...]:
    return tuple(flag.word.value for flag in run.flags)
