"""Instructions behind ONBUILD: they do nothing where they stand, and run in the stages that are built on theirs."""

from imagelint.dockerfile.instructions import Instruction
from imagelint.graph import BuildGraph


def is_trigger(instruction: Instruction) -> bool:
    """Whether an instruction stands behind ONBUILD."""
    return bool(instruction.joined[: instruction.head.start].strip())


def waits(instruction: Instruction, graph: BuildGraph) -> bool:
    """Whether an instruction stands behind ONBUILD and nothing in this file runs it: BuildKit's checks see no such."""
    if not is_trigger(instruction):
        return False
    stage = graph.stage_of(instruction)
    return stage is None or not graph.built_on(stage)


def seen(instruction: Instruction, graph: BuildGraph, *names: str) -> tuple[str, ...]:
    """The names of BuildKit's checks, where BuildKit runs the instruction at all."""
    return () if waits(instruction, graph) else names
