"""What an image is held to, and how it is judged. Every check says what was observed and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import translate

from imagelint import sizes
from imagelint.errors import UsageError
from imagelint.gate.snapshot import Snapshot
from imagelint.image.report import Report

#: Growth that is let through where a baseline is given and nothing else is said.
DEFAULT_GROWTH = "1%"
_PERCENT = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*%\s*", re.ASCII)
#: A number from 0 to 100, 0 itself left out, without a unit.
_DOUBTFUL = re.compile(r"\s*(?!0+(?:\.0*)?\s*$)0*(?:\d{1,2}(?:\.\d*)?|100)\s*", re.ASCII)


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
    """Read `5%` or `20MB`; raises UsageError, also for `5`, for 5 bytes are hardly meant."""
    if found := _PERCENT.fullmatch(text):
        whole, _, fraction = found[1].partition(".")
        return Growth(int(whole) * 10_000 + int(f"{fraction:0<4}"[:4]), 0, text.strip())
    hint = "write 5% of the baseline, or 20MB"
    if _DOUBTFUL.fullmatch(text):
        raise UsageError(f"{text!r} may be percent or bytes", hint=hint)
    try:
        return Growth(None, sizes.parse_size(text), text.strip())
    except UsageError:
        raise UsageError(f"{text!r} is no growth", hint=hint) from None


@dataclass(frozen=True, slots=True)
class DiveRules:
    """dive's three rules; None where one is disabled."""

    lowest_efficiency: float | None = 0.9
    highest_wasted_bytes: int | None = None
    highest_user_wasted_percent: float | None = 0.1


@dataclass(frozen=True, slots=True)
class Waiver:
    """A check that may be broken until a day (that one included), and why."""

    check: str
    reason: str
    expires: date


@dataclass(frozen=True, slots=True)
class Budgets:
    """What an image is held to; None where nothing is asked. Sizes are bytes.

    `min_growth` is growth that never counts, whatever share it is. With `own_only` the base image's layers are left
    out, with `compressed` sizes are those of the compressed blobs. Paths may be forbidden without the `/` that they
    begin with. `baseline` is the file that keeps the image as it was.
    """

    max_size: int | None = None
    max_growth: Growth | None = None
    min_growth: int = 0
    max_layer: int | None = None
    max_waste: int | None = None
    min_efficiency: float | None = None
    max_layers: int | None = None
    max_reclaimable: int | None = None
    forbidden_paths: tuple[str, ...] = ()
    forbidden_packages: tuple[str, ...] = ()
    own_only: bool = False
    compressed: bool = False
    dive: DiveRules | None = None
    baseline: str | None = None
    waivers: tuple[Waiver, ...] = field(default=())

    @property
    def any(self) -> bool:
        """Whether there is anything to hold the image to."""
        asked = (
            self.max_size,
            self.max_growth,
            self.max_layer,
            self.max_waste,
            self.min_efficiency,
            self.max_layers,
            self.max_reclaimable,
            self.dive,
        )
        return any(each is not None for each in asked) or bool(self.forbidden_paths or self.forbidden_packages)


@dataclass(frozen=True, slots=True)
class Check:
    """One budget: what was observed and what was allowed, also where it held. `waived` is why it may be broken."""

    name: str
    observed: int | float
    limit: int | float
    held: bool
    message: str
    waived: str | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """A finding of the Dockerfile at its lines, and the layer bytes that it costs."""

    code: str
    message: str
    line: int
    end_line: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: an image's report, its live paths, and what its Dockerfile's findings cost, where known.

    `findings_bytes` is what they cost together, which is less than the sum of `costs` where two share bytes.
    """

    report: Report
    paths: Sequence[str] = ()
    findings_bytes: int | None = None
    costs: Sequence[Cost] = ()


def judged(subject: Subject, budgets: Budgets, baseline: Snapshot | None, today: date) -> list[Check]:
    """Holds an image to budgets; raises UsageError where what a budget is about is not known."""
    # Of several waivers of a check the one that lasts longest counts, wherever it stands.
    waivers = {each.check: each for each in sorted(budgets.waivers, key=lambda each: (each.expires, each.reason))}
    return [_waived(check, waivers.get(check.name), today) for check in _checks(subject, budgets, baseline)]


def _waived(check: Check, waiver: Waiver | None, today: date) -> Check:
    """A check as it counts: a broken one with a waiver holds, or says when that expired."""
    if check.held or waiver is None:
        return check
    if waiver.expires < today:
        return replace(check, message=f"{check.message}; its waiver expired on {waiver.expires}")
    return replace(check, held=True, waived=f"{waiver.reason} (until {waiver.expires})")


def _checks(subject: Subject, budgets: Budgets, baseline: Snapshot | None) -> Iterator[Check]:
    report = subject.report
    layers = [layer for layer in report.layers if not (budgets.own_only and layer.base)]
    total = size_of(report, budgets)
    if budgets.max_size is not None:
        yield _most("max-size", total, budgets.max_size, "")
    if budgets.max_growth is not None:
        if baseline is None:
            raise UsageError("--max-growth needs something to compare with", hint="give --baseline FILE")
        yield _growth(total, _before(report, baseline, budgets), budgets)
    if budgets.max_layer is not None:
        largest = max(layers, key=lambda layer: (layer.layer_bytes, -layer.index), default=None)
        size = largest.layer_bytes if largest else 0
        yield _most("max-layer", size, budgets.max_layer, f"layer {largest.index}, " if largest else "")
    if budgets.max_waste is not None:
        wasted = sum(
            each.bytes
            for each in report.reclaimable
            if each.within_stored and not (budgets.own_only and report.layers[each.stored_by].base)
        )
        yield _most("max-waste", wasted, budgets.max_waste, "wasted ")
    if budgets.min_efficiency is not None:
        stored = max(report.image.layer_bytes, 1)
        share = round(1 - report.reclaimable_bytes / stored, 6)
        held = share >= budgets.min_efficiency
        word = "at least" if held else "below"
        message = f"{share:.2%} is {word} {budgets.min_efficiency:.2%}"
        yield Check("min-efficiency", share, budgets.min_efficiency, held, message)
    if budgets.max_layers is not None:
        count = len(layers)
        held = count <= budgets.max_layers
        message = f"{count} layer{'s' * (count != 1)}, {budgets.max_layers} allowed"
        yield Check("max-layers", count, budgets.max_layers, held, message)
    if budgets.max_reclaimable is not None:
        if subject.findings_bytes is None:
            hint = "give --dockerfile FILE, the one that the image was built from"
            raise UsageError("max-reclaimable prices the findings of the image's Dockerfile", hint=hint)
        yield _most("max-reclaimable", subject.findings_bytes, budgets.max_reclaimable, "the findings' ")
    if budgets.forbidden_paths:
        patterns = [each for given in budgets.forbidden_paths for each in (given, f"/{given}")]
        yield _none("forbidden-paths", "path", patterns, subject.paths)
    if budgets.forbidden_packages:
        names = [each.name for each in report.packages]
        yield _none("forbidden-packages", "package", budgets.forbidden_packages, names)
    if budgets.dive is not None:
        yield from _dive(report, budgets.dive)


def size_of(report: Report, budgets: Budgets) -> int:
    """The bytes that an image is judged by; raises UsageError where the compressed ones are not known."""
    layers = [layer for layer in report.layers if not (budgets.own_only and layer.base)]
    if not budgets.compressed:
        return sum(layer.layer_bytes for layer in layers)
    sizes_ = [layer.compressed_bytes for layer in layers]
    known = [size for size in sizes_ if size is not None]
    if len(known) < len(sizes_):
        hint = "name the image in a registry, or an OCI layout"
        raise UsageError(f"{report.image.reference}: its source does not compress layers", hint=hint)
    return sum(known)


def _most(name: str, observed: int, limit: int, what: str) -> Check:
    over = observed - limit
    state = f"{sizes.human(over)} over" if over > 0 else "within"
    message = f"{what}{sizes.human(observed)} is {state} the limit of {sizes.human(limit)}"
    return Check(name, observed, limit, over <= 0, message)


def _before(report: Report, baseline: Snapshot, budgets: Budgets) -> int:
    """The baseline's bytes. A layer that both have is the base image's in both or in neither."""
    own = {layer.diff_id for layer in report.layers if not layer.base}
    if budgets.own_only and any(layer.base and layer.layer_bytes and layer.diff_id in own for layer in baseline.layers):
        hint = "give --dockerfile FILE, as when the baseline was written"
        raise UsageError("the baseline has more layers that are the base image's", hint=hint)
    base = {layer.diff_id for layer in report.layers if layer.base} - own
    return baseline.size(budgets.own_only, budgets.compressed, base)


def _growth(total: int, before: int, budgets: Budgets) -> Check:
    assert budgets.max_growth is not None
    growth = budgets.max_growth
    grown = total - before
    limit = max(growth.limit(before), budgets.min_growth)
    share = f" ({grown / before:+.2%})" if before else ""
    allowed = f"{sizes.human(limit)} ({growth.text})" if growth.millionths is not None else sizes.human(limit)
    message = f"{sizes.human(before)} → {sizes.human(total)}, {sizes.signed(grown)}{share}; allowed: {allowed}"
    return Check("max-growth", grown, limit, grown <= limit, message)


def _none(name: str, what: str, patterns: Sequence[str], found: Sequence[str]) -> Check:
    matches = re.compile("|".join(map(translate, patterns))).match
    bad = sorted(each for each in found if matches(each))
    named = f": {', '.join(bad[:3])}{f' and {len(bad) - 3} more' if len(bad) > 3 else ''}" if bad else ""
    message = f"{len(bad):,} {what}{'s' * (len(bad) != 1)} found, 0 allowed{named}"
    return Check(name, len(bad), 0, not bad, message)


def _dive(report: Report, rules: DiveRules) -> Iterator[Check]:
    """dive's rules as it judges them: strictly, by its own numbers; where it has no number, the rule holds."""
    dive = report.dive
    if rules.lowest_efficiency is not None:
        held = not dive.efficiency < rules.lowest_efficiency
        message = f"dive's efficiency {dive.efficiency:.4%}, at least {rules.lowest_efficiency:.4%}"
        yield Check("lowestEfficiency", dive.efficiency, rules.lowest_efficiency, held, message)
    if rules.highest_wasted_bytes is not None:
        held = not dive.wasted_bytes > rules.highest_wasted_bytes
        limit = sizes.human(rules.highest_wasted_bytes)
        message = f"dive's wasted bytes {sizes.human(dive.wasted_bytes)}, at most {limit}"
        yield Check("highestWastedBytes", dive.wasted_bytes, rules.highest_wasted_bytes, held, message)
    if rules.highest_user_wasted_percent is not None:
        percent = dive.user_wasted_percent
        held = percent is None or not percent > rules.highest_user_wasted_percent
        shown = "no number" if percent is None else f"{percent:.4%}"
        message = f"dive's user wasted percent {shown}, at most {rules.highest_user_wasted_percent:.4%}"
        yield Check("highestUserWastedPercent", percent or 0.0, rules.highest_user_wasted_percent, held, message)
