"""What each finding of a Dockerfile costs in an image that was built from it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from imagelint.attribution import Attribution
from imagelint.dockerfile.instructions import Instruction
from imagelint.finding import (
    Duplicates,
    Finding,
    Hidden,
    Paths,
    Price,
    Recommended,
    Shadowed,
    Unpriced,
    WholeLayer,
)
from imagelint.graph import BuildGraph
from imagelint.pricing.ledger import NONE, Ledger, Nodes
from imagelint.records import NamedTuple

MISMATCH = "the Dockerfile does not match the image"


class Charge(NamedTuple):
    """A finding with its price, and the entries that it is charged with."""

    finding: Finding
    nodes: Nodes


class Bill(NamedTuple):
    """All findings of a Dockerfile priced, the dearest first; what is charged to two of them counts once in `total`.

    Where the Dockerfile is not the image's, nothing is known of a total either.
    """

    charges: tuple[Charge, ...]
    total: int | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings, each with its price."""
        return tuple(charge.finding for charge in self.charges)


class Pricer:
    """Prices findings of one Dockerfile in one image."""

    def __init__(
        self, ledger: Ledger, graph: BuildGraph, attribution: Attribution, recommended: Nodes | None = None
    ) -> None:
        """`recommended` are the entries of packages that are there only because others recommend them, if known."""
        self._ledger = ledger
        self._graph = graph
        self._attribution = attribution
        self._recommended = recommended
        self._instructions: Sequence[Instruction] = graph.dockerfile.instructions
        self._starts = [each.span.start for each in self._instructions]

    def bill(self, findings: Sequence[Finding]) -> Bill:
        """Prices findings. Those that cannot be priced come last, in their order, and say why."""
        return self.sum([self.charge(finding) for finding in findings])

    def sum(self, charges: Sequence[Charge]) -> Bill:
        """The bill of findings that are priced, the dearest first."""
        order = sorted(range(len(charges)), key=lambda number: (_rank(charges[number].finding), number))
        total = self._ledger.bytes(NONE.union(*(charge.nodes for charge in charges)))
        dearest = self._repeated(charges[number] for number in order)
        return Bill(tuple(dearest), total if self._attribution.matches else None)

    def _repeated(self, charges: Iterable[Charge]) -> Iterator[Charge]:
        """The same charges; those for the same bytes as one before say so, lest their prices be added up."""
        first: dict[Nodes, Finding] = {}
        for charge in charges:
            other = first.setdefault(charge.nodes, charge.finding)
            price = charge.finding.price
            if other is not charge.finding and charge.nodes and price is not None and price.reason is None:
                line = self._graph.dockerfile.source.index.position(other.span.start).line
                price = price._replace(reason=f"the same bytes as in line {line}, {other.code}")
                charge = Charge(charge.finding._replace(price=price), charge.nodes)
            yield charge

    def charge(self, finding: Finding) -> Charge:
        """Prices one finding."""
        nodes, why = self._nodes(finding)
        if nodes is None:
            return Charge(finding._replace(price=Price(None, reason=why)), NONE)
        size = self._ledger.bytes(nodes)
        how = "predicted" if isinstance(finding.blame, Recommended) else "measured"
        price = Price(size, None, how, self._ledger.layers(nodes), why)
        return Charge(finding._replace(price=price), nodes)

    def _nodes(self, finding: Finding) -> tuple[Nodes | None, str | None]:
        """The entries that a finding is about, or None and why they cannot be told."""
        blame = finding.blame
        if blame is None:
            return None, "the rule does not say which bytes it is about"
        if isinstance(blame, Unpriced):
            return None, blame.reason
        if not self._attribution.matches:
            return None, MISMATCH
        instruction = self.instruction_at(finding.span.start)
        layer = self._layer(instruction)
        if instruction is None or layer is None:
            return None, self._why_unknown(instruction)
        related = [self._layer(self.instruction_at(each.span.start)) for each in finding.related]
        others = {each for each in related if each is not None}
        ledger = self._ledger
        match blame:
            case Paths(globs=globs):
                return ledger.stored_at(layer, globs), None
            case Shadowed():
                if None in related:
                    return None, "not all of its RUNs are found in the image's history"
                return ledger.hidden_between({layer, *others}), None
            case Hidden(globs=globs):
                return ledger.hidden_by(layer, globs, others), None
            case Duplicates():
                return ledger.copied_again(layer, others), None
            case WholeLayer():
                return frozenset(ledger.nodes(layer)), None
            case Recommended():
                if self._recommended is None:
                    none = "the image has no package database that tells"
                    return None, none if ledger.image.contents else "which packages there are was not read"
                own = ledger.nodes(layer)
                return frozenset(node for node in self._recommended if node in own), None

    def instruction_at(self, offset: int) -> Instruction | None:
        """The instruction that a place in the file belongs to."""
        at = bisect_right(self._starts, offset) - 1
        return self._instructions[at] if at >= 0 else None

    def _layer(self, instruction: Instruction | None) -> int | None:
        return None if instruction is None else self._attribution.layers.get(instruction)

    def _why_unknown(self, instruction: Instruction | None) -> str:
        stage = self._graph.stage_of(instruction) if instruction is not None else None
        if stage is None or instruction is None:
            return "it belongs to no layer"
        if not self._graph.shipped(stage):
            return "its stage is not shipped: its layers are not in the image"
        if instruction in self._attribution.instructions.values():
            return "the instruction makes no layer"
        return "its instruction is not found in the image's history"


def _rank(finding: Finding) -> tuple[int, int]:
    size = finding.price.layer_bytes if finding.price is not None else None
    return (1, 0) if size is None else (0, -size)
