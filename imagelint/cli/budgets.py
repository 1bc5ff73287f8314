"""What `gate` is asked to hold an image to: the command line over the configuration, or dive's rules."""

from __future__ import annotations

import os
from dataclasses import replace

from imagelint import gate, sizes
from imagelint.errors import UsageError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from imagelint.gate import Budgets

DIVE_KEYS = {
    "lowestEfficiency": "lowest_efficiency",
    "highestWastedBytes": "highest_wasted_bytes",
    "highestUserWastedPercent": "highest_user_wasted_percent",
}


def of(arguments: argparse.Namespace, reference: str) -> Budgets:
    """The budgets of an image, the baseline's file among them.

    Raises UsageError where there are none, or where they need a baseline that nobody named.
    """
    if arguments.baseline and arguments.baseline_image:
        raise UsageError("--baseline and --baseline-image exclude each other")
    budgets = _given(arguments, _configured(arguments, reference))
    if arguments.baseline or arguments.baseline_image:
        budgets = replace(budgets, baseline=arguments.baseline)
    updates = arguments.update_baseline
    if updates and not budgets.baseline:
        raise UsageError("--update-baseline needs to know which file to write", hint="give --baseline FILE")
    if arguments.ratchet and not budgets.baseline:
        raise UsageError("--ratchet tightens a baseline", hint="give --baseline FILE")
    compares = bool(arguments.baseline_image or (budgets.baseline and not updates))
    if updates:
        budgets = replace(budgets, max_growth=None)  # nothing is compared: what is written is what will be
    elif compares and budgets.max_growth is None:
        budgets = replace(budgets, max_growth=gate.parse_growth(gate.DEFAULT_GROWTH))
    elif not compares and budgets.max_growth is not None:
        where = "--max-growth" if arguments.max_growth is not None else "the configuration's max-growth"
        hint = "give --baseline FILE, or --baseline-image IMAGE"
        raise UsageError(f"{where} needs something to compare with", hint=hint)
    budgets = replace(budgets, dive=_dive(arguments, any_=budgets.any or updates))
    if not budgets.any and not updates:
        raise UsageError("no budget: nothing to hold the image to", hint="give --max-size SIZE or --baseline FILE")
    return budgets


def configured_images(arguments: argparse.Namespace) -> Sequence[str]:
    """The images that the configuration names without any `*`, in its order."""
    found = _table(arguments)
    if found is None:
        return ()
    from imagelint import gateconfig

    return gateconfig.names(*found)


def _table(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]] | None:
    from imagelint import config

    return None if arguments.isolated else config.load(arguments.config).gate


def _configured(arguments: argparse.Namespace, reference: str) -> Budgets:
    found = _table(arguments)
    if found is None:
        return gate.Budgets()
    from imagelint import gateconfig

    return gateconfig.budgets(*found, reference)


def _given(arguments: argparse.Namespace, over: Budgets) -> Budgets:
    """What the command line says, over what is configured."""

    def size(text: str | None, otherwise: int | None) -> int | None:
        return otherwise if text is None else sizes.parse_size(text)

    if arguments.min_efficiency is not None and not 0 <= arguments.min_efficiency <= 1:
        raise UsageError("--min-efficiency must be from 0 to 1")
    if arguments.max_layers is not None and arguments.max_layers < 0:
        raise UsageError("--max-layers must be 0 or more")
    for option, patterns in (("--forbid-path", arguments.forbid_path), ("--forbid-package", arguments.forbid_package)):
        if "" in patterns:
            raise UsageError(f"{option} is empty", hint="quote the pattern: --forbid-path '/etc/*'")
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
