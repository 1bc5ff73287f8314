"""A Dockerfile held against an image: which line made which layer, and what each finding costs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from imagelint.attribution import Attribution, attribution
from imagelint.finding import Finding
from imagelint.graph import BuildGraph
from imagelint.image.model import Image
from imagelint.image.tar_content import Chunk
from imagelint.linter import Linted
from imagelint.pricing import crosslayer
from imagelint.pricing.ladder import recommended_nodes
from imagelint.pricing.ledger import Ledger
from imagelint.pricing.prices import Bill, Charge, Pricer
from imagelint.records import NamedTuple

Tars = Callable[[Collection[int]], Iterator[tuple[tuple[int, ...], Iterable[Chunk]]]]
"""The uncompressed tars of layers, each with the indexes that it has among them (`OpenImage.tars`)."""


class Assessment(NamedTuple):
    """What is known of an image and its Dockerfile together. `doubt` says so where they do not match."""

    ledger: Ledger
    graph: BuildGraph
    attribution: Attribution
    bill: Bill
    doubt: str

    def costing(self, least: int) -> Bill:
        """The bill of those findings alone that cost so many layer bytes or more."""
        dear = [
            each for each in self.bill.charges if each.finding.price and (each.finding.price.layer_bytes or 0) >= least
        ]
        total = self.ledger.bytes(frozenset[int]().union(*(charge.nodes for charge in dear)))
        return Bill(tuple(dear), None if self.bill.total is None else total)


def assess(
    image: Image | Ledger,
    linted: Linted,
    again: Callable[[Sequence[Finding]], Linted],
    *,
    least: int = 0,
    tars: Tars | None = None,
) -> Assessment:
    """Prices what was found in a Dockerfile in the image that was built from it.

    What the layers show and no rule has seen is added: `again` lints once more with these findings, so that they are
    chosen and silenced like all others. Only what costs `least` layer bytes is kept, unknown prices are not. With
    `tars` compressed bytes are measured too, which takes a while.
    """
    ledger = Ledger(image) if isinstance(image, Image) else image
    image = ledger.image
    tied = attribution(image.history, linted.graph)
    pricer = Pricer(ledger, linted.graph, tied, recommended_nodes(ledger) if ledger.has_packages else None)
    bill = pricer.bill(linted.findings)
    charged = frozenset[int]().union(*(charge.nodes for charge in bill.charges))
    extra = [*crosslayer.caches(ledger, tied, besides=charged)]
    charged = charged.union(*(charge.nodes for charge in extra))
    extra += crosslayer.findings(ledger, tied, besides=charged)
    if extra:
        bill = _with(pricer, again([charge.finding for charge in extra]).findings, extra)
    doubt = f"{linted.path} does not look like the Dockerfile of {image.reference}: its lines are not in the history"
    found = Assessment(ledger, linted.graph, tied, bill, doubt)
    if least:
        found = found._replace(bill=found.costing(least))
    if tars is not None:
        from imagelint.pricing.compressed import measured

        found = found._replace(bill=measured(found.bill, ledger, tars))
    return found


def _with(pricer: Pricer, findings: Sequence[Finding], extra: Sequence[Charge]) -> Bill:
    """The bill of all findings; those of the layers are priced already, whatever severity they were given since."""
    prices = {(charge.finding.span, charge.finding.message): charge for charge in extra}
    charges = []
    for finding in findings:
        known = prices.get((finding.span, finding.message)) if finding.code in crosslayer.CODES else None
        charges.append(pricer.charge(finding) if known is None else Charge(finding, known.nodes))
    return pricer.sum(charges)
