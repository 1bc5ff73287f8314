"""Which instruction made which layer, told from the image's history.

A layer is tied to an instruction only where the history's text is that of the instruction; what cannot be told stays
unknown. Both builders write the history in forms of their own: the classic one puts `/bin/sh -c #(nop) ` before what
runs nothing, BuildKit the keyword before and `# buildkit` behind everything. Neither form is specified.
"""

from __future__ import annotations

import re

from imagelint.dockerfile.instructions import Add, Copy, Instruction, Run
from imagelint.dockerfile.words import SubstitutionError, expand
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelint.graph import BuildGraph
    from imagelint.image.model import History

#: More comparisons than this are not made; no real image comes near.
MAX_COMPARISONS = 1_000_000

_BUILDKIT = " # buildkit"
_NOP = re.compile(r"(?:/bin/sh -c )?#\(nop\)\s+")
_ARGUMENTS = re.compile(r"\|\d+ ")
_KEYWORD = re.compile(r"([A-Z]+)\s+(.*)", re.DOTALL)
_SHELL = "/bin/sh -c "
_ANY_SHELL = re.compile(r"/\S+( -\S+| pipefail)* -c ")


class Command(NamedTuple):
    """What a history entry says: the instruction's keyword and its text, blanks folded."""

    keyword: str
    text: str


def command_of(created_by: str) -> Command | None:
    """Read a history entry's `created_by`; None where neither builder wrote it."""
    text = created_by.removesuffix(_BUILDKIT)
    if nop := _NOP.match(text):
        found = _KEYWORD.match(text, nop.end())
        return Command(found[1], _folded(found[2])) if found else None
    found = _KEYWORD.match(text)
    keyword, text = (found[1], found[2]) if found else ("RUN", text)
    if keyword == "RUN":
        if arguments := _ARGUMENTS.match(text):
            # The build arguments stand between: `|1 NAME=value /bin/sh -c …`.
            at = text.find(_SHELL, arguments.end())
            text = text[at:] if at >= 0 else text
        elif not found and not _ANY_SHELL.match(text):
            return None
        text = text.removeprefix(_SHELL)
    return Command(keyword, _folded(text))


class Attribution(NamedTuple):
    """Which instruction made which layer, as far as that can be told.

    `instructions` are by the place of a history entry, `layers` the layer (by its index) of each instruction that made
    one. `base_layers` is how many of the lowest layers are the base image's, None where that cannot be told. `matches`
    is False where the Dockerfile is not that of the image: then nothing is tied to anything. `found` of `expected`
    instructions that make layers are in the history: how far the rest is to be trusted.
    """

    instructions: Mapping[int, Instruction]
    layers: Mapping[Instruction, int]
    base_layers: int | None
    matches: bool
    found: int = 0
    expected: int = 0

    @property
    def confidence(self) -> str:
        """`exact` where every layer's instruction is found, `partial` where some are, `none` else."""
        if not self.matches:
            return "none"
        return "exact" if self.found == self.expected else "partial"


def attribution(history: Sequence[History], graph: BuildGraph) -> Attribution:
    """Ties an image's history to a Dockerfile.

    A Dockerfile is an image's only where the history has at least half of what makes a layer in it, word by word: with
    less, what looks alike (`ENV`, `CMD`, a common `apt-get update`) may be chance.
    """
    found = attribute(history, graph)
    places = [place for place, entry in enumerate(history) if not entry.empty_layer]
    layer_of = {place: layer for layer, place in enumerate(places)}
    layers = {instruction: layer_of[place] for place, instruction in found.items() if place in layer_of}
    lineage = list(graph.lineage(graph.final)) if graph.final is not None else []
    makers = [each for each in lineage if isinstance(each, Run | Copy | Add)]
    known = sum(each in layers for each in makers)
    if 2 * known < len(makers) or not found:
        return Attribution({}, {}, None, not makers and not lineage, known, len(makers))
    base_layers = _base_layers(found, lineage, layer_of, len(places))
    return Attribution(found, layers, base_layers, True, known, len(makers))


def _base_layers(
    found: Mapping[int, Instruction], lineage: Sequence[Instruction], layer_of: Mapping[int, int], layers: int
) -> int | None:
    """The layers below the first one of the Dockerfile's own; None where an instruction in front of it is not found.

    What makes no layer may be missing: nothing in the history tells it from the base image's own.
    """
    first = min((place for place in found if place in layer_of), default=None)
    if first is None:
        return None if any(isinstance(each, Run | Copy | Add) for each in lineage) else layers
    before = lineage[: lineage.index(found[first])]
    return None if any(isinstance(each, Run | Copy | Add) for each in before) else layer_of[first]


def attribute(history: Sequence[History], graph: BuildGraph) -> Mapping[int, Instruction]:
    """The instruction behind each history entry (by its place) that one can be found for.

    The instructions of the final stage and of the stages that it is built on are matched with the history in order,
    so that as many as possible agree; two that read alike are told apart by what stands around them.
    """
    if graph.final is None:
        return {}
    instructions = list(graph.lineage(graph.final))
    commands = [command_of(entry.created_by) for entry in history]
    if len(commands) * len(instructions) > MAX_COMPARISONS:
        return {}
    wanted = [_expected(instruction, graph) for instruction in instructions]
    return {place: instructions[index] for place, index in _aligned(commands, wanted)}


def _expected(instruction: Instruction, graph: BuildGraph) -> Command:
    """What the history says of an instruction. Of COPY and ADD it is the destination alone: sources become digests."""
    if isinstance(instruction, Run):
        return Command("RUN", _folded(_script(instruction)))
    if isinstance(instruction, Copy | Add):
        destination = instruction.destination
        return Command(instruction.keyword, _expanded(destination.value if destination else "", instruction, graph))
    return Command(instruction.keyword, _folded(_expanded(instruction.arguments, instruction, graph)))


def _script(run: Run) -> str:
    """What a RUN's history entry says: the words of an exec form, the script of a heredoc, with its end where it has
    a command in front."""
    if run.json is not None:
        return " ".join(word.value for word in run.json)
    if not run.heredocs:
        return run.arguments
    text = run.source.text
    bodies = [text[each.body.start : each.body.end] for each in run.heredocs]
    if run.arguments.startswith("<<") and len(bodies) == 1:
        return bodies[0]
    parts = zip(bodies, run.heredocs, strict=True)
    return "\n".join([run.arguments, *(f"{body}{heredoc.word.name}" for body, heredoc in parts)])


def _expanded(text: str, instruction: Instruction, graph: BuildGraph) -> str:
    stage = graph.stage_of(instruction)
    if stage is None or "$" not in text:
        return text
    try:
        return expand(text, graph.environment(instruction), escape=instruction.source.escape)
    except SubstitutionError:
        return text


def _aligned(commands: Sequence[Command | None], wanted: Sequence[Command]) -> list[tuple[int, int]]:
    """The longest list of pairs in order in which both sides agree, the last ones preferred: bases stand in front."""
    rows, columns = len(commands), len(wanted)
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            agree = _agree(commands[row - 1], wanted[column - 1])
            best[row][column] = max(
                best[row - 1][column], best[row][column - 1], best[row - 1][column - 1] + agree if agree else 0
            )
    pairs: list[tuple[int, int]] = []
    row, column = rows, columns
    while row and column:
        agree = _agree(commands[row - 1], wanted[column - 1])
        if agree and best[row][column] == best[row - 1][column - 1] + agree:
            pairs.append((row - 1, column - 1))
            row, column = row - 1, column - 1
        elif best[row - 1][column] == best[row][column]:
            row -= 1
        else:
            column -= 1
    return pairs[::-1]


def _agree(command: Command | None, wanted: Command) -> int:
    """Whether a history entry can be that instruction's. A RUN weighs more: its text is there word by word."""
    if command is None or command.keyword != wanted.keyword:
        return 0
    if command.keyword == "RUN":
        # Behind a shell of one's own: `/bin/bash -o pipefail -c …`.
        return 4 if command.text == wanted.text or command.text.endswith(f" -c {wanted.text}") else 0
    if command.keyword in ("COPY", "ADD"):
        return 2 if _ends_in(command.text, wanted.text) else 0
    return 1


def _ends_in(text: str, destination: str) -> bool:
    """Whether a COPY's entry goes to a destination; the slash at its end may be missing, a WORKDIR stand before it."""
    shown = " " + text.rstrip().rstrip("/")
    bare = destination.rstrip("/")
    relative = bare.removeprefix("./")
    return shown.endswith(" " + bare) or (relative not in ("", ".") and shown.endswith("/" + relative))


def _folded(text: str) -> str:
    return " ".join(text.split())
