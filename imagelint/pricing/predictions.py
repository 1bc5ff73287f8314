"""What an image would weigh if it were built otherwise, told from the image itself, without a build.

Each rung of the ladder is a set of entries that would not be stored. Rungs that come after each other are predicted
together, by the union of their sets: bytes that two fixes would save are saved once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imagelint.finding import Duplicates, Hidden, Paths, Recommended, Shadowed
from imagelint.pricing.ledger import NONE, Ledger, Nodes
from imagelint.pricing.prices import Charge
from imagelint.records import NamedTuple

MERGED, CLEANED, STORED_ONCE, NO_RECOMMENDS = "merged", "cleaned", "stored-once", "no-recommends"
MULTI_STAGE, MULTI_STAGE_MINIMAL, LOWER_BOUND = "multi-stage", "multi-stage-minimal", "lower-bound"


class Prediction(NamedTuple):
    """A size that the image could have: the rungs that it comes after, its layer bytes, and how that was got."""

    name: str
    after: tuple[str, ...]
    layer_bytes: int
    explanation: str
    how: str = "predicted"


def rungs(
    ledger: Ledger,
    charges: Sequence[Charge],
    base_layers: int,
    recommended: Nodes = NONE,
    names: Sequence[str] = (),
) -> list[Prediction]:
    """The rungs that changes of single lines lead to: RUNs merged, caches cleaned, files stored once, and so on.

    Caches are those that findings name, and those that are found in the layers above the `base_layers` of the base.
    `recommended` are the entries of packages that are only recommended, `names` what these are called.
    """
    own = range(base_layers, len(ledger.indexes))
    caches = NONE.union(*(nodes for layer in own for nodes in ledger.caches(layer).values()))
    steps = [
        (MERGED, _of(charges, Shadowed), "RUNs that should be one, merged: what dies within a group is not stored"),
        (CLEANED, _of(charges, Paths) | caches, "caches and leftovers removed in the RUN that makes them"),
        (
            STORED_ONCE,
            _of(charges, Hidden, Duplicates),
            "owner, mode and place of files right where they are stored, and what is removed never stored",
        ),
        (NO_RECOMMENDS, recommended | _of(charges, Recommended), _without(names)),
    ]
    out: list[Prediction] = []
    gone: Nodes = NONE
    after: tuple[str, ...] = ()
    for name, nodes, explanation in steps:
        gone |= nodes
        out.append(Prediction(name, after, ledger.total - ledger.bytes(gone), explanation))
        after = (*after, name)
    return out


def without_recommended(ledger: Ledger, recommended: Nodes, names: Sequence[str]) -> Prediction:
    """The one of these rungs that asks for no line of a Dockerfile, by itself."""
    return Prediction(NO_RECOMMENDS, (), ledger.total - ledger.bytes(recommended), _without(names))


def _of(charges: Iterable[Charge], *blames: type) -> Nodes:
    return NONE.union(*(charge.nodes for charge in charges if isinstance(charge.finding.blame, blames)))


_NAMED = 8


def _without(names: Sequence[str]) -> str:
    if not names:
        return "no package is there only because another one recommends it"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"without {len(names)} recommended packages: {', '.join(names[:_NAMED])}{more}"
