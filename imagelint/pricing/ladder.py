"""All that is predicted of an image: the rungs that changes of lines lead to, then those of another kind of build."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imagelint.attribution import command_of
from imagelint.image.model import History
from imagelint.pricing import multistage, predictions
from imagelint.pricing.ledger import NONE, Ledger, Nodes
from imagelint.pricing.predictions import Prediction
from imagelint.pricing.prices import Charge


def ladder(ledger: Ledger, charges: Sequence[Charge] | None, base_layers: int | None) -> list[Prediction]:
    """Every prediction that can be made. Without `charges` nothing is known of a Dockerfile's lines."""
    inventory = ledger.inventory
    recommended = inventory.recommended
    rungs = predictions.rungs(
        ledger, charges or (), base_layers or 0, recommended_nodes(ledger), [each.name for each in recommended]
    )
    if charges is None:
        rungs = [rung._replace(after=()) for rung in rungs if rung.name == predictions.NO_RECOMMENDS]
    return [*rungs, *multistage.rungs(ledger, inventory, base_layers)]


def recommended_nodes(ledger: Ledger) -> Nodes:
    """All entries at the paths of packages that are only recommended, in whichever layer: none would be stored."""
    inventory = ledger.inventory
    if not inventory.recommended:
        return NONE
    live = inventory.nodes_of(inventory.recommended)
    paths = {path for path, node in inventory.files.items() if node in live}
    found: set[int] = set()
    for layer, index in enumerate(ledger.indexes):
        found.update(node for node, path in zip(ledger.nodes(layer), index.paths, strict=True) if path in paths)
    return frozenset(found)


def dockerfile_of(history: Sequence[History], base_entries: int) -> str:
    """A Dockerfile that reads as an image's history does: what stands for one that is not at hand.

    Only RUNs and what moves files are told, the sources of COPY and ADD are not known. The first `base_entries` of the
    history are the base image's.
    """
    lines = ["FROM base"]
    for entry in history[base_entries:]:
        command = command_of(entry.created_by)
        if command is None or command.keyword not in ("RUN", "COPY", "ADD", "USER", "WORKDIR", "ENV", "SHELL"):
            continue
        text = command.text
        if command.keyword in ("COPY", "ADD"):
            text = re.sub(r"^(?:dir|file|multi):[0-9a-f]{64} in ", "context ", text)
        lines.append(f"{command.keyword} {text}")
    return "\n".join(lines) + "\n"
