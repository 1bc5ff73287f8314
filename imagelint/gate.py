"""Judging an image by budgets: absolute size, and growth against a baseline that is kept in a file."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from imagelint import files, sizes
from imagelint.errors import InputError, UsageError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from imagelint.image.report import Report

SCHEMA = 1
#: Growth that is let through where a baseline is given and nothing else is said.
DEFAULT_GROWTH = "1%"
#: A baseline is a few kilobytes; a larger file is none.
MAX_BASELINE = 10_000_000

_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Growth:
    """How much an image may grow: a share of the baseline in millionths, or bytes."""

    millionths: int | None
    fixed: int
    text: str

    def limit(self, baseline: int) -> int:
        """The bytes by which an image of `baseline` bytes may grow."""
        return self.fixed if self.millionths is None else baseline * self.millionths // 1_000_000


def parse_growth(text: str) -> Growth:
    """Read `5%` or `20MB`; raises UsageError."""
    if found := _PERCENT.fullmatch(text):
        whole, _, fraction = found[1].partition(".")
        return Growth(int(whole) * 10_000 + int(f"{fraction:0<4}"[:4]), 0, text.strip())
    return Growth(None, sizes.parse_size(text), text.strip())


@dataclass(frozen=True, slots=True)
class Budgets:
    """What an image is held to; None where nothing is asked."""

    max_size: int | None = None
    max_growth: Growth | None = None

    @property
    def any(self) -> bool:
        """Whether there is anything to hold the image to."""
        return self.max_size is not None or self.max_growth is not None


@dataclass(frozen=True, slots=True)
class BaseLayer:
    """A layer as the baseline remembers it."""

    command: str
    diff_id: str
    layer_bytes: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """An image as it was: its total, its layers in order, and its largest files."""

    reference: str
    layer_bytes: int
    layers: tuple[BaseLayer, ...]
    paths: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Check:
    """One budget: what was observed and what was allowed, in bytes, also where it held."""

    name: str
    observed: int
    limit: int
    held: bool
    message: str


@dataclass(frozen=True, slots=True)
class Culprit:
    """A layer that grew or is new: by how many bytes, and the file that grew most in it where that is known."""

    layer: int
    command: str
    path: str | None
    delta_bytes: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of every budget, and who is to blame, the dearest first."""

    checks: tuple[Check, ...]
    culprits: tuple[Culprit, ...]
    baseline: Baseline | None

    @property
    def held(self) -> bool:
        """Whether every budget held."""
        return all(check.held for check in self.checks)


def judge(report: Report, budgets: Budgets, baseline: Baseline | None) -> Verdict:
    """Hold a report to budgets. Growth is judged only against a baseline; raises UsageError where there is none."""
    checks: list[Check] = []
    total = report.image.layer_bytes
    if budgets.max_size is not None:
        over = total - budgets.max_size
        state = f"{sizes.human(over)} over" if over > 0 else "within"
        message = f"{sizes.human(total)} is {state} the limit of {sizes.human(budgets.max_size)}"
        checks.append(Check("max-size", total, budgets.max_size, over <= 0, message))
    if budgets.max_growth is not None:
        if baseline is None:
            raise UsageError("--max-growth needs something to compare with", hint="give --baseline FILE")
        checks.append(_growth(total, baseline, budgets.max_growth))
    return Verdict(tuple(checks), tuple(_culprits(report, baseline)) if baseline else (), baseline)


def _growth(total: int, baseline: Baseline, growth: Growth) -> Check:
    grown = total - baseline.layer_bytes
    limit = growth.limit(baseline.layer_bytes)
    share = f" ({grown / baseline.layer_bytes:+.2%})" if baseline.layer_bytes else ""
    allowed = f"{sizes.human(limit)} ({growth.text})" if growth.millionths is not None else sizes.human(limit)
    message = (
        f"{sizes.human(baseline.layer_bytes)} → {sizes.human(total)}, {sizes.signed(grown)}{share}; allowed: {allowed}"
    )
    return Check("max-growth", grown, limit, grown <= limit, message)


def _culprits(report: Report, baseline: Baseline) -> Iterator[Culprit]:
    """The layers that grew, by how much. Layers are told apart by command; one that changed its command is new."""
    before = [layer.command for layer in baseline.layers]
    after = [layer.command for layer in report.layers]
    was: dict[int, int] = {}
    for old, new, size in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        for step in range(size):
            was[new + step] = baseline.layers[old + step].layer_bytes
    grown = [
        Culprit(layer.index, layer.command, _path(report, baseline, layer.index), delta)
        for layer in report.layers
        if (delta := layer.layer_bytes - was.get(layer.index, 0)) > 0
    ]
    yield from sorted(grown, key=lambda culprit: (-culprit.delta_bytes, culprit.layer))


def _path(report: Report, baseline: Baseline, layer: int) -> str | None:
    """The file of a layer that is largest beyond what the baseline had at its path."""
    grown = [
        (each.bytes - baseline.paths.get(each.path, 0), each.path) for each in report.largest if each.layer == layer
    ]
    return max(grown)[1] if grown and max(grown)[0] > 0 else None


def baseline_of(report: Report) -> Baseline:
    """What a baseline file keeps of a report."""
    return Baseline(
        report.image.reference,
        report.image.layer_bytes,
        tuple(BaseLayer(layer.command, layer.diff_id, layer.layer_bytes) for layer in report.layers),
        {each.path: each.bytes for each in report.largest},
    )


def write_baseline(path: str, baseline: Baseline) -> None:
    """Write a baseline file in one step; raises InputError where that is not possible."""
    document = {
        "schema": SCHEMA,
        "image": {"reference": baseline.reference, "layer_bytes": baseline.layer_bytes},
        "layers": [
            {"command": layer.command, "diff_id": layer.diff_id, "layer_bytes": layer.layer_bytes}
            for layer in baseline.layers
        ],
        "paths": [{"path": name, "bytes": count} for name, count in baseline.paths.items()],
    }
    files.replace(os.path.realpath(path), (json.dumps(document, indent=2) + "\n").encode())


def read_baseline(path: str) -> Baseline:
    """Read a baseline file; raises InputError where it is missing or not one."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BASELINE + 1)
    except OSError as error:
        hint = "write it first: --baseline FILE --update-baseline"
        raise InputError(f"{path}: the baseline cannot be read: {error.strerror or error}", hint=hint) from error
    try:
        return _baseline(json.loads(data[: MAX_BASELINE + 1]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        hint = "write it again with --update-baseline"
        raise InputError(f"{path}: is not a baseline of imagelint", hint=hint) from error


def _baseline(document: Any) -> Baseline:
    if document["schema"] != SCHEMA:
        raise ValueError("unknown schema")
    layers: Sequence[Any] = document["layers"]
    return Baseline(
        str(document["image"]["reference"]),
        _count(document["image"]["layer_bytes"]),
        tuple(BaseLayer(str(each["command"]), str(each["diff_id"]), _count(each["layer_bytes"])) for each in layers),
        {str(each["path"]): _count(each["bytes"]) for each in document["paths"]},
    )


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("not a number of bytes")
    return value
