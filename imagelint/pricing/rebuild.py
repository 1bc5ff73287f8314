"""What a change costs: the bytes that are pushed and pulled again when an instruction, or what it copies, changes."""

from __future__ import annotations

from collections.abc import Sequence

from imagelint.attribution import Attribution
from imagelint.dockerfile.instructions import Add, Copy, From, Instruction, Run
from imagelint.graph import BuildGraph
from imagelint.image.model import Layer
from imagelint.records import NamedTuple


class Rebuild(NamedTuple):
    """What is stored anew when an instruction changes: its first layer, and the bytes from there up.

    It is the most that it can be: an instruction that makes the very same layer again costs nothing.
    `compressed_bytes` are None where the image's source does not compress layers.
    """

    instruction: Instruction
    first_layer: int
    layer_bytes: int
    compressed_bytes: int | None


def rebuilds(graph: BuildGraph, attribution: Attribution, layers: Sequence[Layer]) -> list[Rebuild]:
    """The cost of a change of every RUN, COPY, ADD and FROM that the image hangs on, in the order of the file.

    Instructions of builder stages count by the layers that are made from what they make. Those whose first layer
    cannot be told are left out.
    """
    out: list[Rebuild] = []
    for instruction in graph.dockerfile.instructions:
        if not isinstance(instruction, Run | Copy | Add | From):
            continue
        first = _first_layer(instruction, graph, attribution)
        if first is not None:
            above = layers[first:]
            compressed = [layer.compressed_bytes for layer in above]
            known = [each for each in compressed if each is not None]
            out.append(
                Rebuild(
                    instruction,
                    first,
                    sum(layer.layer_bytes for layer in above),
                    sum(known) if len(known) == len(compressed) else None,
                )
            )
    return out


def _first_layer(instruction: Instruction, graph: BuildGraph, attribution: Attribution) -> int | None:
    """The lowest layer that is made anew when an instruction changes; None where that cannot be told.

    A FROM of the stage that ships changes the base image, and so everything.
    """
    if not attribution.matches:
        return None
    stage = graph.stage_of(instruction)
    if isinstance(instruction, From) and stage is not None and graph.shipped(stage) and stage.base is None:
        return 0
    made = {instruction, *graph.invalidated_by(instruction)}
    shipped = [
        each
        for each in made
        if isinstance(each, Run | Copy | Add) and (of := graph.stage_of(each)) is not None and graph.shipped(of)
    ]
    if not shipped or any(each not in attribution.layers for each in shipped):
        return None
    return min(attribution.layers[each] for each in shipped)
