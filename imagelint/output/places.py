"""The Dockerfile lines behind an image's layers, as reports show them."""

from __future__ import annotations

from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelint.dockerfile.instructions import Instruction
    from imagelint.image.report import Report


class Place(NamedTuple):
    """An instruction's lines in a Dockerfile, from 1."""

    path: str
    line: int
    end_line: int


def of_instructions(instructions: Mapping[int, Instruction], path: str) -> dict[int, Place]:
    """The places of instructions, by whatever they are known by."""
    return {key: Place(path, each.start_line, each.end_line) for key, each in instructions.items()}


def of_layers(report: Report, instructions: Mapping[int, Instruction], path: str) -> dict[int, Place]:
    """The place behind each layer (by its index) whose history entry an instruction was found for."""
    out: dict[int, Place] = {}
    for layer in report.layers:
        instruction = instructions.get(layer.history_index) if layer.history_index is not None else None
        if instruction is not None:
            out[layer.index] = Place(path, instruction.start_line, instruction.end_line)
    return out
