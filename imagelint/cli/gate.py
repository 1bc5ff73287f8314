"""`imagelint gate`: fail when an image is too big or has grown, and say which line, package or file did it."""

from __future__ import annotations

import os
import sys

from imagelint import files, gate, sizes
from imagelint.cli import budgets as asked
from imagelint.cli import subject
from imagelint.cli.parser import complain
from imagelint.errors import ImagelintError, UsageError
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from imagelint.gate import Budgets, Snapshot

#: The forms that reports of several images can simply follow each other in.
FOR_SEVERAL = ("text", "markdown", "github")


def run(arguments: argparse.Namespace) -> int:
    """Hold images to their budgets: 0 held, 1 broken; what cannot be judged ends in 2, which beats the others."""
    images = list(dict.fromkeys(arguments.images or asked.configured_images(arguments)))
    reports = list(_reports(arguments))
    if len(images) == 1:
        arguments.image = images[0]
        return _one(arguments, reports)
    _check_several(arguments, images)
    status = 0
    baselines: dict[str, str] = {}
    for number, arguments.image in enumerate(images):
        if arguments.output_format == "text":
            print("\n" * (number > 0) + f"{printable(arguments.image)}:", flush=True)
        try:
            found = _judge(arguments, (), baselines)
        except ImagelintError as error:
            complain(error)
            found = 2
        status = max(status, found)
    return status


def _check_several(arguments: argparse.Namespace, images: Sequence[str]) -> None:
    """Refuse what makes sense for one image alone."""
    if not images:
        raise UsageError("no image is named", hint="give IMAGE, or name images in the configuration: [[gate.image]]")
    for option in ("baseline", "baseline_image", "dockerfile", "report"):
        if getattr(arguments, option):
            raise UsageError(f"--{option.replace('_', '-')} is about one image, and there are {len(images)}")
    if arguments.output_format not in FOR_SEVERAL:
        hint = f"--output-format {', '.join(FOR_SEVERAL)} can hold several"
        raise UsageError(f"{arguments.output_format} is about one image, and there are {len(images)}", hint=hint)


def _reports(arguments: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """The reports that are to be written beside the one that is printed: form and file."""
    from imagelint.output import gateformats

    for given in arguments.report:
        form, equals, path = given.partition("=")
        if not equals or form not in gateformats.NAMES or not path:
            hint = f"FORMAT is one of {', '.join(gateformats.NAMES)}"
            raise UsageError(f"--report {given}: must be FORMAT=FILE", hint=hint)
        yield form, path


def _one(arguments: argparse.Namespace, reports: Sequence[tuple[str, str]]) -> int:
    """Judge the only image: a program that reads JSON is told too where that was not possible."""
    try:
        return _judge(arguments, reports, {})
    except ImagelintError as error:
        from imagelint.output import analysis, json

        document = json.dumps(analysis.not_judged(error.message)) + "\n"
        if arguments.output_format == "json":
            print(document, end="")
        for path in (path for form, path in reports if form == "json"):
            files.put(path, document.encode())
        raise


def _judge(arguments: argparse.Namespace, reports: Sequence[tuple[str, str]], baselines: dict[str, str]) -> int:
    """Judge an image. `baselines` are the files that are some image's already, and whose."""
    budgets = asked.of(arguments, arguments.image)
    if (
        budgets.baseline
        and baselines.setdefault(os.path.realpath(budgets.baseline), arguments.image) != arguments.image
    ):
        owner = baselines[os.path.realpath(budgets.baseline)]
        hint = "each [[gate.image]] needs a baseline of its own"
        raise UsageError(f"{budgets.baseline} is the baseline of {owner}, and not of {arguments.image}", hint=hint)
    if arguments.tar_split and (arguments.baseline_image or _needs_contents(budgets, None)):
        needs = "a baseline, --forbid-package and --max-reclaimable ask what is in files"
        raise UsageError(f"--tar-split looks into no files, and {needs}", hint="leave --tar-split out")
    # What was promised is read before the image, which may take a minute.
    baseline = gate.read_baseline(budgets.baseline) if budgets.baseline and not arguments.update_baseline else None
    if arguments.baseline_image:
        baseline = gate.snapshot(subject.read_as(arguments, arguments.baseline_image).report)
    read = subject.read(
        arguments, contents=_needs_contents(budgets, baseline), priced=budgets.max_reclaimable is not None
    )
    verdict = gate.judge(gate.Subject(read.report, read.paths, read.findings_bytes, read.costs), budgets, baseline)
    _keep(arguments, budgets, gate.snapshot(read.report), baseline if verdict.held else None)
    if arguments.record:
        from imagelint import trend

        trend.record(arguments.record, read.report, verdict, arguments.commit)
    from imagelint.output import gateformats

    for form, path in reports:
        files.put(path, gateformats.report(form, read, verdict, None).encode("utf-8", "backslashreplace"))
    print(gateformats.report(arguments.output_format, read, verdict, sys.stdout), end="")
    return 0 if verdict.held else 1


def _needs_contents(budgets: Budgets, baseline: Snapshot | None) -> bool:
    """Whether files have to be looked into: for packages, in a baseline and of those that grew, and for findings."""
    kept = budgets.baseline is not None or baseline is not None
    return kept or bool(budgets.forbidden_packages) or budgets.max_reclaimable is not None


def _keep(arguments: argparse.Namespace, budgets: Budgets, now: Snapshot, before: Snapshot | None) -> None:
    """Write the baseline file where that was asked for, or where the ratchet finds that the image has shrunk.

    `before` is what the image was held to, None where it did not hold.
    """
    sizes_ = [each.size(budgets.own_only, budgets.compressed) for each in (now, before) if each is not None]
    tighter = arguments.ratchet and before is not None and sizes_[0] < sizes_[1]
    if budgets.baseline and (arguments.update_baseline or tighter):
        gate.write_baseline(budgets.baseline, now)
        note = f"wrote {budgets.baseline}: {sizes.exact(now.layer_bytes)}"
        print(f"imagelint: {printable(note)}{' (tighter than before)' if tighter else ''}", file=sys.stderr)
