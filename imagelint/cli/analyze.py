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

    from imagelint.image.cache import SqliteCache
    from imagelint.image.model import Image
    from imagelint.image.reading import OpenedImage
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
    """What the command line asks for; what an earlier run found out about the very image is not found out again."""
    from imagelint.image.reading import open_image, read_image

    linted = subject.lint(arguments)
    arguments.sizes_only |= arguments.tar_split
    if arguments.sizes_only:
        arguments.no_verify = True
    alone = linted is None and not (arguments.base or arguments.base_candidate or arguments.sizes_only)
    with subject.reading(arguments) as options:
        with open_image(arguments.image, contents=not arguments.sizes_only, **options) as opened:
            cache = options["cache"] if alone else None
            if cache is not None and (known := _remembered(cache, opened, arguments)) is not None:
                return known
            image = opened.image
        base = read_image(arguments.base, **options) if arguments.base else None
        others = [read_image(reference, **options) for reference in arguments.base_candidate]
    found = _found(arguments, image, linted, base, others)
    if cache is not None and image.verified:
        from imagelint.pricing import remembered

        with subject.reading(arguments) as options:
            options["cache"].put_report(remembered.key(opened.config), remembered.encode(found))
    return found


def _remembered(cache: SqliteCache, opened: OpenedImage, arguments: argparse.Namespace) -> Analysis | None:
    from imagelint.pricing import remembered

    content = cache.report(remembered.key(opened.config))
    if content is None:
        return None
    try:
        return remembered.decode(content, arguments.image, opened.source, verified=not arguments.no_verify)
    except (ValueError, TypeError, KeyError):
        return None  # which is as if it were not there


def _found(
    arguments: argparse.Namespace, image: Image, linted: Linted | None, base: Image | None, others: Sequence[Image]
) -> Analysis:
    """What the layers say, and the Dockerfile with them."""
    from imagelint.image.analyze import analyze, known_base_layers
    from imagelint.pricing import bases
    from imagelint.pricing.analysis import Analysis
    from imagelint.pricing.ladder import ladder
    from imagelint.pricing.ledger import Ledger
    from imagelint.pricing.rebuild import rebuilds

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
    charges = bill.charges if assessed.attribution.matches else _of_history(ledger, image, base_layers)
    return Analysis(
        report,
        linted.path,
        {layer: instruction for instruction, layer in assessed.attribution.layers.items()},
        FileReport(linted.path, linted.source.index, bill.findings, bill.total),
        assessed.attribution,
        ladder(ledger, charges, base_layers),
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
