"""`imagelint gate`: fail when an image is too big or has grown, and say which line, package or file did it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from imagelint import gate, sizes
from imagelint.cli import complain, subject
from imagelint.errors import ImagelintError, UsageError
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse

    from imagelint.gate import Budgets, Snapshot

DIVE_KEYS = {
    "lowestEfficiency": "lowest_efficiency",
    "highestWastedBytes": "highest_wasted_bytes",
    "highestUserWastedPercent": "highest_user_wasted_percent",
}


def run(arguments: argparse.Namespace) -> int:
    """Hold images to their budgets: 0 all held, 1 one broken; whatever cannot be judged ends in 2."""
    images: list[str] = arguments.image
    if len(images) == 1:
        arguments.image = images[0]
        return _reported(arguments)
    if arguments.output_format != "text" or arguments.baseline or arguments.baseline_image:
        raise UsageError("several images are judged by budgets alone, and reported as text", hint="name one image")
    worst = 0
    for image in images:
        arguments.image = image
        print(f"{printable(image)}:", flush=True)
        try:
            worst = max(worst, _reported(arguments))
        except ImagelintError as error:
            complain(error)
            worst = 2
    return worst


def _reported(arguments: argparse.Namespace) -> int:
    """Judge one image; a program that waits for a report gets one of what cannot be judged too."""
    try:
        return _judge(arguments)
    except ImagelintError as error:
        if arguments.output_format == "json":
            from imagelint.output import analysis, json

            print(json.dumps(analysis.not_judged(error.message)))
        raise


def _judge(arguments: argparse.Namespace) -> int:
    budgets = _budgets(arguments)
    writes = arguments.update_baseline
    # What was promised is read before the image, which may take a minute.
    baseline = gate.read_baseline(arguments.baseline) if arguments.baseline and not writes else None
    if arguments.baseline_image:
        baseline = gate.snapshot(subject.read_as(arguments, arguments.baseline_image).report)
    read = subject.read(arguments, contents=_needs_contents(budgets), priced=budgets.max_reclaimable is not None)
    verdict = gate.judge(gate.Subject(read.report, read.paths, read.findings_bytes), budgets, baseline)
    _keep(arguments, gate.snapshot(read.report), baseline, held=verdict.held)
    if arguments.record:
        from imagelint import trend

        trend.record(arguments.record, read.report, verdict, arguments.commit)
    from imagelint.output import gateformats

    print(gateformats.report(arguments.output_format, read, verdict, sys.stdout), end="")
    return 0 if verdict.held else 1


def _needs_contents(budgets: Budgets) -> bool:
    """Whether files have to be looked into: packages are, and what findings cost."""
    return bool(budgets.forbidden_packages) or budgets.max_reclaimable is not None


def _keep(arguments: argparse.Namespace, now: Snapshot, before: Snapshot | None, *, held: bool) -> None:
    """Write the baseline file where that was asked for, or where the ratchet finds that the image has shrunk."""
    tighter = arguments.ratchet and held and before is not None and now.layer_bytes < before.layer_bytes
    if arguments.update_baseline or tighter:
        gate.write_baseline(arguments.baseline, now)
        note = f"wrote {arguments.baseline}: {sizes.exact(now.layer_bytes)}"
        print(f"imagelint: {printable(note)}{' (tighter than before)' if tighter else ''}", file=sys.stderr)


def _budgets(arguments: argparse.Namespace) -> Budgets:
    """The budgets of the command line over those of the configuration, or dive's where there is nothing else.

    Raises UsageError where there are none, or where they need a baseline.
    """
    if arguments.update_baseline and not arguments.baseline:
        raise UsageError("--update-baseline needs to know which file to write", hint="give --baseline FILE")
    if arguments.ratchet and not arguments.baseline:
        raise UsageError("--ratchet tightens a baseline", hint="give --baseline FILE")
    if arguments.baseline and arguments.baseline_image:
        raise UsageError("--baseline and --baseline-image exclude each other")
    compares = bool(arguments.baseline_image or (arguments.baseline and not arguments.update_baseline))
    if arguments.max_growth is not None and not (arguments.baseline or arguments.baseline_image):
        raise UsageError("--max-growth needs something to compare with", hint="give --baseline FILE")
    budgets = _given(arguments, _configured(arguments))
    if not compares:
        budgets = replace(budgets, max_growth=None)
    elif budgets.max_growth is None:
        budgets = replace(budgets, max_growth=gate.parse_growth(gate.DEFAULT_GROWTH))
    budgets = replace(budgets, dive=_dive(arguments, any_=budgets.any or compares or arguments.update_baseline))
    if not budgets.any and not arguments.update_baseline:
        raise UsageError("no budget: nothing to hold the image to", hint="give --max-size SIZE or --baseline FILE")
    return budgets


def _configured(arguments: argparse.Namespace) -> Budgets:
    from imagelint import config, gateconfig

    if arguments.isolated:
        return gate.Budgets()
    settings = config.load(arguments.config)
    if settings.gate is None:
        return gate.Budgets()
    path, table = settings.gate
    return gateconfig.budgets(path, table, arguments.image)


def _given(arguments: argparse.Namespace, over: Budgets) -> Budgets:
    """What the command line says, over what is configured."""

    def size(text: str | None, otherwise: int | None) -> int | None:
        return otherwise if text is None else sizes.parse_size(text)

    if arguments.min_efficiency is not None and not 0 <= arguments.min_efficiency <= 1:
        raise UsageError("--min-efficiency must be from 0 to 1")
    return replace(
        over,
        max_size=size(arguments.max_size, over.max_size),
        max_growth=gate.parse_growth(arguments.max_growth) if arguments.max_growth is not None else over.max_growth,
        min_growth=size(arguments.min_growth, over.min_growth) or 0,
        max_layer=size(arguments.max_layer, over.max_layer),
        max_waste=size(arguments.max_waste, over.max_waste),
        max_reclaimable=size(arguments.max_reclaimable, over.max_reclaimable),
        min_efficiency=over.min_efficiency if arguments.min_efficiency is None else arguments.min_efficiency,
        max_layers=over.max_layers if arguments.max_layers is None else arguments.max_layers,
        forbidden_paths=(*over.forbidden_paths, *arguments.forbid_path),
        forbidden_packages=(*over.forbidden_packages, *arguments.forbid_package),
        own_only=over.own_only or arguments.own_layers,
        compressed=over.compressed or arguments.compressed,
    )


def _dive(arguments: argparse.Namespace, *, any_: bool) -> gate.DiveRules | None:
    """dive's rules, where they are asked for, or where its file is there and nothing else is asked for."""
    from imagelint import divefile

    given = {key: getattr(arguments, name) for key, name in DIVE_KEYS.items()}
    path: str | None = arguments.dive_ci
    if path is None and not any_ and not arguments.isolated and os.path.lexists(divefile.NAME):
        path = divefile.NAME
    if path is None and not any(value is not None for value in given.values()):
        return None
    return divefile.rules(path, given)
