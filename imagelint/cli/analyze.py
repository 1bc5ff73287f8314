"""`imagelint analyze`: where an image's bytes are, which are stored in vain, and what it could weigh."""

from __future__ import annotations

import sys

from imagelint.cli import subject
from imagelint.errors import UsageError
from imagelint.finding import FileReport
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from imagelint.image.model import Image
    from imagelint.linter import Linted
    from imagelint.pricing.analysis import Analysis
    from imagelint.pricing.assessment import Assessment
    from imagelint.pricing.ledger import Ledger
    from imagelint.pricing.prices import Charge


def run(arguments: argparse.Namespace) -> int:
    """Read the image and print its report; exits 0 whatever it shows."""
    if arguments.top < 1:
        raise UsageError("--top must be 1 or more")
    found = _analysis(arguments)
    if arguments.output_format == "json":
        from imagelint.output import analysis, json

        sys.stdout.writelines(json.pieces(analysis.analyze(found)))
        print()
        return 0
    if arguments.compat:
        from imagelint.output.compat import dive

        print("\n".join(dive(found.report.dive)))
        return 0
    from imagelint.output import imagetables, tables

    imagetables.analysis(tables.console(sys.stdout), found, arguments.top)
    return 0


def _analysis(arguments: argparse.Namespace) -> Analysis:
    from imagelint.image.analyze import analyze, known_base_layers
    from imagelint.image.reading import read_image
    from imagelint.pricing import bases
    from imagelint.pricing.analysis import Analysis
    from imagelint.pricing.ladder import ladder
    from imagelint.pricing.ledger import Ledger
    from imagelint.pricing.rebuild import rebuilds

    linted = subject.lint(arguments)
    if arguments.sizes_only:
        arguments.no_verify = True
    with subject.reading(arguments) as options:
        image = read_image(arguments.image, contents=not arguments.sizes_only, **options)
        base = read_image(arguments.base, **options) if arguments.base else None
        others = [read_image(reference, **options) for reference in arguments.base_candidate]
    ledger = Ledger(image)
    assessed = _assessed(ledger, linted) if linted is not None else None
    base_layers = assessed.attribution.base_layers if assessed is not None else None
    if base is not None:
        base_layers = bases.shared_layers(image, base)
    if base_layers is None:
        base_layers = known_base_layers(image) or None
    report = analyze(ledger, base_layers)
    candidates = bases.compared(image, base_layers, others)
    if linted is None or assessed is None:
        if arguments.sizes_only:
            return Analysis(report, candidates=candidates)
        charges = _of_history(ledger, image, base_layers)
        return Analysis(report, predictions=ladder(ledger, charges, base_layers), candidates=candidates)
    bill = assessed.bill
    return Analysis(
        report,
        linted.path,
        {layer: instruction for instruction, layer in assessed.attribution.layers.items()},
        FileReport(linted.path, linted.source.index, bill.findings, bill.total),
        assessed.attribution,
        ladder(ledger, bill.charges if assessed.attribution.matches else None, base_layers),
        rebuilds(assessed.graph, assessed.attribution, image.layers),
        candidates,
    )


def _assessed(ledger: Ledger, linted: Linted) -> Assessment:
    """The Dockerfile held against the image; says so where it is not the image's."""
    from imagelint.pricing.assessment import assess

    subject.tie(ledger.image, linted)
    return assess(
        ledger,
        linted,
        lambda measured: subject.linted(linted.path, linted.source.text, linted.graph.context, measured),
    )


def _of_history(ledger: Ledger, image: Image, base_layers: int | None) -> Sequence[Charge] | None:
    """What the image's history tells in the place of a Dockerfile; None where that is nothing."""
    from imagelint.pricing.assessment import assess
    from imagelint.pricing.ladder import dockerfile_of

    text = dockerfile_of(image.history, base_layers or 0)
    if "\nRUN " not in text:
        return ()  # there is nothing that a rule could be about
    linted = subject.linted("history", text, None, batches=False)
    assessed = assess(ledger, linted, lambda _: linted)
    return assessed.bill.charges if assessed.attribution.matches else None
