"""Budgets and baselines: whether an image is held or broken, and who made it grow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher

from imagelint.gate.budgets import (
    DEFAULT_GROWTH,
    Budgets,
    Check,
    Cost,
    DiveRules,
    Growth,
    Subject,
    Waiver,
    judged,
    parse_growth,
)
from imagelint.gate.snapshot import BaseLayer, Snapshot, grown_packages, read_baseline, snapshot, write_baseline
from imagelint.image.report import Report

__all__ = [
    "DEFAULT_GROWTH",
    "BaseLayer",
    "Budgets",
    "Check",
    "Cost",
    "Culprit",
    "DiveRules",
    "Growth",
    "Snapshot",
    "Subject",
    "Verdict",
    "Waiver",
    "judge",
    "parse_growth",
    "read_baseline",
    "snapshot",
    "write_baseline",
]


@dataclass(frozen=True, slots=True)
class Culprit:
    """A layer or a package that grew or is new: by how many bytes, and its file that grew most where that is known."""

    layer: int
    command: str
    path: str | None
    delta_bytes: int
    package: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of every budget, and who is to blame: layers and packages, the dearest first.

    `costs` are what the Dockerfile's findings cost, where these cost too much.
    """

    checks: tuple[Check, ...]
    culprits: tuple[Culprit, ...]
    baseline: Snapshot | None
    costs: tuple[Cost, ...] = ()

    @property
    def held(self) -> bool:
        """Whether every budget held, or may be broken."""
        return all(check.held for check in self.checks)


def judge(subject: Report | Subject, budgets: Budgets, baseline: Snapshot | None, today: date | None = None) -> Verdict:
    """Hold an image to budgets. Growth is judged only against a baseline; raises UsageError where there is none."""
    subject = subject if isinstance(subject, Subject) else Subject(subject)
    checks = judged(subject, budgets, baseline, today or date.today())
    culprits = sorted(_culprits(subject.report, baseline), key=lambda each: -each.delta_bytes) if baseline else ()
    broken = any(check.name == "max-reclaimable" and not check.held for check in checks)
    costs = sorted(subject.costs, key=lambda each: -each.bytes) if broken else ()
    return Verdict(tuple(checks), tuple(culprits), baseline, tuple(costs))


def _culprits(report: Report, baseline: Snapshot) -> Iterator[Culprit]:
    """The layers that grew, then the packages. Layers are told apart by command; one that changed it is new."""
    before = [layer.command for layer in baseline.layers]
    after = [layer.command for layer in report.layers]
    was: dict[int, int] = {}
    for old, new, size in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        for step in range(size):
            was[new + step] = baseline.layers[old + step].layer_bytes
    for layer in report.layers:
        delta = layer.layer_bytes - was.get(layer.index, 0)
        if delta > 0:
            yield Culprit(layer.index, layer.command, _path(report, baseline, layer.index), delta)
    commands = {layer.index: layer.command for layer in report.layers}
    for package, delta in grown_packages(report.packages, baseline.packages):
        name = f"{package.manager} {package.name} {package.version}".rstrip()
        yield Culprit(package.layer, commands.get(package.layer, ""), None, delta, name)


def _path(report: Report, baseline: Snapshot, layer: int) -> str | None:
    """The file of a layer that is largest beyond what the baseline had at its path."""
    grown = [
        (each.bytes - baseline.paths.get(each.path, 0), each.path) for each in report.largest if each.layer == layer
    ]
    return max(grown)[1] if grown and max(grown)[0] > 0 else None
