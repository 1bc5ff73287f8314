"""All that is predicted of an image: the rungs that changes of lines lead to, then those of another kind of build."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import compress

from imagelint.attribution import command_of
from imagelint.image.model import History
from imagelint.pricing import multistage, predictions
from imagelint.pricing.ledger import NONE, Ledger, Nodes
from imagelint.pricing.predictions import Prediction
from imagelint.pricing.prices import Charge

_INFO = "var/lib/dpkg/info/"
_DEBCONF = ("var/cache/debconf/templates.dat-old", "var/cache/debconf/config.dat-old")
_BUNDLE, _CERTIFICATES = "ca-certificates", "etc/ssl/certs/"


def ladder(ledger: Ledger, charges: Sequence[Charge] | None, base_layers: int | None) -> list[Prediction]:
    """Every prediction that can be made. Without `charges` nothing is known of a Dockerfile's lines.

    Of an image whose files nobody looked into neither packages are known nor the libraries that programs load.
    """
    if not ledger.image.contents:
        rungs = predictions.rungs(ledger, charges, base_layers or 0) if charges is not None else []
        return [rung for rung in rungs if rung.name != predictions.NO_RECOMMENDS]
    inventory = ledger.inventory
    names = [each.name for each in inventory.recommended]
    recommended = recommended_nodes(ledger)
    if charges is None:
        rungs = [predictions.without_recommended(ledger, recommended, names)]
    else:
        rungs = predictions.rungs(ledger, charges, base_layers or 0, recommended, names)
    return [*rungs, *multistage.rungs(ledger, inventory, base_layers)]


def recommended_nodes(ledger: Ledger) -> Nodes:
    """All entries that would not be stored without the packages that are only recommended, in whichever layer.

    That is what they own, what dpkg keeps of them, and what is written only since they are there: the bundle of
    certificates, and the copy that debconf keeps of its database before it changes, in a layer in which no other
    package has questions.
    """
    inventory = ledger.inventory
    if not inventory.recommended:
        return NONE
    names = {package.name for package in inventory.recommended}
    live = inventory.nodes_of(inventory.recommended)
    paths = {path for path, node in inventory.files.items() if node in live}
    # Nearly all entries are in a folder in which there is nothing to be found.
    folders = {_INFO.rstrip("/"), *(path.rpartition("/")[0] for path in (*paths, *_DEBCONF))}
    bundle = (_CERTIFICATES,) if _BUNDLE in names else ()
    found = set(live)  # whichever of its paths a file is known by
    for layer, index in enumerate(ledger.indexes):
        own = set(index.folders)
        here = (own & folders).union(folder for folder in own if f"{folder}/".startswith(bundle))
        rows = list(compress(range(len(index)), map(here.__contains__, index.folders)))
        asking = {_package(path) for path in map(index.paths.__getitem__, rows) if _asks(path)}
        written = (*bundle, *_DEBCONF) if asking and asking <= names else bundle
        start = ledger.tree.start(layer)
        for row in rows:
            path = index.paths[row]
            if path in paths or path.startswith(written) or (path.startswith(_INFO) and _package(path) in names):
                found.add(start + row)
    return frozenset(found)


def _asks(path: str) -> bool:
    """Whether it is one of dpkg's files that says that a package has questions."""
    return path.startswith(_INFO) and path.endswith(".templates")


def _package(path: str) -> str:
    """The package that one of dpkg's files is about: `…/info/libc6:amd64.list` is libc6's."""
    return path.rpartition("/")[2].rpartition(".")[0].partition(":")[0]


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
