"""What COPY and the mounts of RUN take from where, and references that BuildKit refuses.

All of a file's stages are known before the first reference is looked up: of two stages with one name the last one is
meant, wherever it stands, and a stage that is only defined further down is an error, not an image.
"""

from __future__ import annotations

from imagelint.dockerfile.instructions import Copy, Run
from imagelint.dockerfile.syntax import Word
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal

    from imagelint.dockerfile.instructions import Flag, Instruction
    from imagelint.graph.build import BuildGraph
    from imagelint.graph.stage import Stage
    from imagelint.text import Span

#: Triggers times stages that are built on them: a file in which that is more has its other triggers left out.
MAX_TRIGGERED = 50_000

_GO_INT = 1 << 63


class Reference(NamedTuple):
    """That an instruction takes from `name`: a stage, or (`target` is None) an image.

    `stage` is where it runs: for the instruction behind ONBUILD a stage that is built on the one where it stands.
    """

    instruction: Copy | Run
    word: Word
    name: str
    kind: Literal["copies_from", "mounts_from"]
    stage: Stage
    target: Stage | None
    triggered: bool

    @property
    def numbered(self) -> bool:
        """Whether the stage is meant by its number."""
        return self.kind == "copies_from" and number(self.name) is not None


class Misreference(NamedTuple):
    """A reference that BuildKit refuses.

    `forward`: the stage is defined only further down. `self`: it is the instruction's own. `circular`: it is further
    down, and needs this one. `out-of-range`: there is no stage of that number.
    """

    instruction: Copy | Run
    span: Span
    kind: Literal["forward", "self", "circular", "out-of-range"]
    name: str
    target: Stage | None


def number(name: str) -> int | None:
    """The number of a stage that a name of `COPY --from` is, as Go reads numbers; None where it is a name."""
    digits = name[1:] if name.startswith(("+", "-")) else name
    if not (digits.isascii() and digits.isdigit()):
        return None
    digits = digits.lstrip("0") or "0"
    # Python refuses to convert thousands of digits; Go takes what is too large for a number for a name.
    value = int(digits) if len(digits) < 20 else _GO_INT
    if value >= _GO_INT:
        return None
    return -value if name.startswith("-") else value


def names_of(instruction: Instruction) -> Iterator[tuple[str, Word]]:
    """What `--from` or the mounts of an instruction name, each with its place in the joined text."""
    if isinstance(instruction, Copy):
        flag = instruction.flag("from")
        if flag is not None and flag.value:
            yield flag.value, _place(instruction, flag, flag.value)
    elif isinstance(instruction, Run) and instruction.flags:
        mounts = iter(instruction.mounts)
        for flag in instruction.flags:
            if flag.name == "mount" and (name := next(mounts).get("from")):
                yield name, _place(instruction, flag, name)


def _place(instruction: Instruction, flag: Flag, name: str) -> Word:
    """Where the name stands within its flag; the whole flag where quotes or escapes are in the way."""
    raw = instruction.joined[flag.word.start : flag.word.end]
    at = raw.lower().rfind("from=") + len("from=")
    if raw == flag.word.value and raw.startswith(name, at):
        start = flag.word.start + at
        return Word(name, start, start + len(name))
    return flag.word


def references(graph: BuildGraph) -> Iterator[Reference]:
    """Every reference of a file in order, those of triggers with the stages that run them."""
    left = MAX_TRIGGERED
    for stage in graph.stages:
        triggers = graph.triggers(stage)[:left]
        left -= len(triggers)
        for triggered, instructions in ((True, triggers), (False, stage.instructions)):
            for each in instructions:
                if isinstance(each, Copy | Run):
                    kind: Literal["copies_from", "mounts_from"]
                    kind = "copies_from" if isinstance(each, Copy) else "mounts_from"
                    for name, word in names_of(each):
                        target = graph.meant(name, numbers=kind == "copies_from")
                        yield Reference(each, word, name, kind, stage, target, triggered)


def misreferences(found: Iterable[Reference], stages: Sequence[Stage]) -> Iterator[Misreference]:
    """The references among those found that BuildKit refuses, in their order, each once."""
    found = list(found)
    wrong = [each for each in found if each.target is not None and each.target.index >= each.stage.index]
    # BuildKit looks for circles among COPYs and mounts alone, and before it looks at any trigger.
    circles: dict[int, int] = {}
    if any(each.target is not each.stage and not each.triggered for each in wrong):
        circles = _components(found, len(stages))
    seen: set[tuple[Instruction, int, str]] = set()
    for each in found:
        kind: Literal["forward", "self", "circular", "out-of-range"]
        if each.target is None:
            if not each.numbered:
                continue
            kind = "out-of-range"
        elif each.target.index < each.stage.index:
            continue
        elif each.target is each.stage:
            kind = "self"
        elif not each.triggered and circles[each.target.index] == circles[each.stage.index]:
            kind = "circular"
        else:
            kind = "forward"
        key = (each.instruction, each.word.start, kind)
        if key not in seen:
            seen.add(key)
            span = each.instruction.span_of(each.word)
            yield Misreference(each.instruction, span, kind, each.name, each.target)


def _components(found: Iterable[Reference], count: int) -> dict[int, int]:
    """Tarjan's algorithm: a number for each stage, the same for those that reach each other through references."""
    next_: list[list[int]] = [[] for _ in range(count)]
    for each in found:
        if each.target is not None and not each.triggered:
            next_[each.stage.index].append(each.target.index)
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    component: dict[int, int] = {}
    open_: list[int] = []
    for root in range(count):
        if root in order:
            continue
        order[root] = low[root] = len(order)
        open_.append(root)
        path = [(root, iter(next_[root]))]
        while path:
            at, rest = path[-1]
            for each_ in rest:
                if each_ not in order:
                    order[each_] = low[each_] = len(order)
                    open_.append(each_)
                    path.append((each_, iter(next_[each_])))
                    break
                if each_ not in component:
                    low[at] = min(low[at], order[each_])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[at])
                if low[at] == order[at]:
                    while True:
                        member = open_.pop()
                        component[member] = at
                        if member == at:
                            break
    return component
