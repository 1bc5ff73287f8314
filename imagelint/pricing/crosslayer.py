"""Waste across layers, as the layers tell it: what one instruction stored, and which later one stored or hid it again.

Rules see such waste in the text; this sees it in the bytes, whatever did it: a script that calls chown, a package
manager that rewrites its database, an installer that moves what a COPY brought.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from imagelint.attribution import Attribution
from imagelint.dockerfile.instructions import Add, Copy, Instruction
from imagelint.finding import Finding, Hidden, Paths, Price, Related, Severity
from imagelint.image.waste import METADATA_ONLY, MOVED, OVERWRITTEN
from imagelint.pricing.ledger import Ledger, Nodes
from imagelint.pricing.prices import Charge
from imagelint.records import NamedTuple
from imagelint.sizes import human

CODE, NAME = "IL220", "stored-in-vain"
CACHE_CODE, CACHE_NAME = "IL221", "cache-stored"
CODES = frozenset((CODE, CACHE_CODE))
LEAST_BYTES = 100_000
"""What is smaller is not worth a line to anybody."""
_LEAST_OF_BASE = 5_000_000  # every package manager rewrites some of what the base image stores
_LEAST_CACHE = 1_000_000
_WARNING_BYTES = 10_000_000

_DATABASES = (
    "var/lib/dpkg/",
    "var/lib/apt/",
    "var/cache/apt/",
    "var/cache/debconf/",
    "lib/apk/db/",
    "usr/lib/apk/db/",
    "var/lib/rpm/",
    "usr/lib/sysimage/rpm/",
    "var/lib/dnf/",
    "var/cache/dnf/",
    "var/cache/ldconfig/",
    "etc/ld.so.cache",
    "var/log/",
)


class Kind(Enum):
    """What a later layer did to files of an earlier one, and what to do about it."""

    OWNER = "changes the owner of"
    MODE = "changes the mode of"
    TOUCHED = "stores again, unchanged,"
    MOVED = "moves"
    REMOVED = "removes"
    DATABASE = "rewrites, of the package manager's files,"
    REWRITTEN = "overwrites"


class Pair(NamedTuple):
    """Bytes that one layer stored and another one hid, and how."""

    kind: Kind
    stored_by: int
    hidden_by: int
    nodes: Nodes
    bytes: int
    example: str
    owner: tuple[int, int] | None
    """The new user and group, where every file was given the same."""


def pairs(ledger: Ledger, besides: Nodes = frozenset(), least: int = LEAST_BYTES) -> list[Pair]:
    """Every pair of layers with waste of one kind between them, the dearest first, without what is charged already."""
    groups: defaultdict[tuple[Kind, int, int], list[int]] = defaultdict(list)
    deaths = ledger.tree.deaths
    layers = zip(deaths.nodes, ledger.wasted.stored_by, deaths.layers, strict=True)
    for row, (node, stored_by, hidden_by) in enumerate(layers):
        if stored_by != hidden_by and node not in besides:
            groups[_kind(ledger, row), stored_by, hidden_by].append(row)
    found = [_pair(ledger, *key, members) for key, members in groups.items()]
    return sorted(
        (each for each in found if each.bytes >= least), key=lambda each: (-each.bytes, each.stored_by, each.hidden_by)
    )


def caches(ledger: Ledger, attribution: Attribution, besides: Nodes = frozenset()) -> Iterator[Charge]:
    """A finding for each known cache that a layer holds, at the instruction that left it there, with its price."""
    for instruction, layer in attribution.layers.items():
        for kind, nodes in sorted(ledger.caches(layer).items()):
            left = nodes - besides
            size = ledger.bytes(left)
            if size >= _LEAST_CACHE:
                finding = Finding(
                    instruction.keyword_span,
                    f"{instruction.keyword} leaves {kind} in its layer",
                    note="a later instruction can hide them, but no longer save the bytes",
                    help="remove them in the same RUN, or mount a cache there (`RUN --mount=type=cache,…`)",
                    severity=Severity.WARNING if size >= _WARNING_BYTES else Severity.INFO,
                    aliases=(),
                    blame=Paths(),
                    code=CACHE_CODE,
                    name=CACHE_NAME,
                    price=Price(size, None, "measured", (layer,)),
                )
                yield Charge(finding, left)


def findings(ledger: Ledger, attribution: Attribution, besides: Nodes = frozenset()) -> Iterator[Charge]:
    """A finding for each pair whose hiding instruction is known, at that instruction, with its price."""
    instructions = {layer: instruction for instruction, layer in attribution.layers.items()}
    for pair in pairs(ledger, besides):
        hiding = instructions.get(pair.hidden_by)
        of_base = pair.stored_by < (attribution.base_layers or 0)
        if hiding is not None and (pair.bytes >= _LEAST_OF_BASE or not of_base):
            yield Charge(_finding(pair, hiding, instructions, attribution.base_layers or 0), pair.nodes)


def _kind(ledger: Ledger, row: int) -> Kind:
    """What was done to the file in a row of what is hidden."""
    deaths, reason = ledger.tree.deaths, ledger.wasted.reasons[row]
    if reason == METADATA_ONLY and (successor := deaths.successors[row]) >= 0:
        old, new = _attributes(ledger, deaths.nodes[row]), _attributes(ledger, successor)
        if old[1:] != new[1:]:
            return Kind.OWNER
        return Kind.MODE if old[0] != new[0] else Kind.TOUCHED
    if deaths.paths[row].startswith(_DATABASES):
        return Kind.DATABASE
    if reason == MOVED:
        return Kind.MOVED
    return Kind.REWRITTEN if reason == OVERWRITTEN else Kind.REMOVED


def _attributes(ledger: Ledger, node: int) -> tuple[int, int, int]:
    layer, row = ledger.tree.place(node)
    index = ledger.indexes[layer]
    return index.owners[index.attributes[row]]


def _pair(ledger: Ledger, kind: Kind, stored_by: int, hidden_by: int, rows: Sequence[int]) -> Pair:
    deaths, sizes = ledger.tree.deaths, ledger.wasted.bytes
    nodes = frozenset(map(deaths.nodes.__getitem__, rows))
    largest = max(rows, key=lambda row: (sizes[row], deaths.paths[row]))
    owners = {_attributes(ledger, deaths.successors[row])[1:] for row in rows} if kind is Kind.OWNER else set()
    owner = owners.pop() if len(owners) == 1 else None
    return Pair(kind, stored_by, hidden_by, nodes, ledger.bytes(nodes), f"/{deaths.paths[largest]}", owner)


def _finding(pair: Pair, hiding: Instruction, instructions: Mapping[int, Instruction], base_layers: int) -> Finding:
    storing = instructions.get(pair.stored_by)
    size = human(pair.bytes)
    if storing is not None:
        stored = f"the {storing.keyword} in line {storing.start_line} stored"
    elif pair.stored_by < base_layers:
        stored = "the base image stores"
    else:
        stored = f"layer {pair.stored_by} stored"
    related = (Related(storing.keyword_span, f"stored {size} here"),) if storing is not None else ()
    return Finding(
        hiding.keyword_span,
        f"{hiding.keyword} {pair.kind.value} what {stored}",
        note=f"{size} are stored for nothing; the largest file is {pair.example}",
        help=_help(pair, storing, of_base=pair.stored_by < base_layers),
        related=related,
        severity=Severity.WARNING if pair.bytes >= _WARNING_BYTES else Severity.INFO,
        aliases=(),
        blame=Hidden(),
        code=CODE,
        name=NAME,
        price=Price(pair.bytes, None, "measured", (pair.stored_by,)),
    )


def _help(pair: Pair, storing: Instruction | None, *, of_base: bool) -> str:
    copies = isinstance(storing, Copy | Add)
    keyword = storing.keyword if storing is not None else "COPY"
    if of_base:
        return "a base image that is as you need it, or leave its files as they are"
    match pair.kind:
        case Kind.OWNER:
            owner = "user:group" if pair.owner is None else f"{pair.owner[0]}:{pair.owner[1]}"
            return f"`{keyword} --chown={owner}`" if copies else "change the owner in the RUN that stores them"
        case Kind.MODE:
            return f"`{keyword} --chmod=…`" if copies else "change the mode in the RUN that stores them"
        case Kind.MOVED:
            return f"`{keyword}` it to where it belongs" if copies else "store it where it belongs"
        case Kind.REMOVED:
            return "mount it (`RUN --mount=type=bind,…`)" if copies else "remove it in the RUN that stores it"
        case Kind.DATABASE:
            return "install everything in one RUN"
        case Kind.TOUCHED | Kind.REWRITTEN:
            return "write it once, in one layer"
