"""A gate's verdict in every form: for people, for a pull request, for CI's own reports, for metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Protocol

from imagelint.output import analysis, escape
from imagelint.output.json import dumps
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import human, signed

if TYPE_CHECKING:
    from typing import TextIO

    from imagelint.gate import Check, Culprit, Verdict
    from imagelint.image.report import Report
    from imagelint.output.places import Place


class Judged(Protocol):
    """What was judged: a report, the Dockerfile's path (empty without one), and the lines behind the layers."""

    @property
    def report(self) -> Report:
        """The image's report."""
        ...

    @property
    def path(self) -> str:
        """The Dockerfile."""
        ...

    @property
    def places(self) -> Mapping[int, Place]:
        """The line behind each layer that is known."""
        ...


NAMES = ("text", "json", "markdown", "github", "sarif", "gitlab", "junit", "openmetrics")
_SHOWN = 10


def report(form: str, read: Judged, verdict: Verdict, stream: TextIO) -> str:
    """The verdict in a form, ended by a line end."""
    if form == "text":
        from imagelint.output import tables

        out = StringIO()
        tables.gate(tables.console(stream, out), read.report, verdict, read.places)
        return out.getvalue()
    if form == "json":
        return dumps(analysis.gate(read.report, verdict, read.places)) + "\n"
    makers = {
        "markdown": _markdown,
        "github": _github,
        "sarif": _sarif,
        "gitlab": _gitlab,
        "junit": _junit,
        "openmetrics": _openmetrics,
    }
    return "\n".join(makers[form](read, verdict)) + "\n"


def _sentence(check: Check) -> str:
    word = "waived" if check.waived else "held" if check.held else "broken"
    why = f" (waived: {check.waived})" if check.waived else ""
    return f"{check.name} {word}: {check.message}{why}"


def _culprit(each: Culprit, places: Mapping[int, Place]) -> str:
    """Who grew, by how much, and at which line."""
    place = places.get(each.layer)
    where = f"line {place.line}" if place else f"layer {each.layer}"
    what = each.package or each.command
    return f"{signed(each.delta_bytes)} {where}: {what}" + (f", mostly {each.path}" if each.path else "")


def _markdown(read: Judged, verdict: Verdict) -> Iterator[str]:
    """One comment's worth, in a form that a bot can find and write anew."""
    image = read.report.image
    yield "<!-- imagelint gate -->"
    word = "✅ held" if verdict.held else "❌ broken"
    yield f"### {word}: {escape.code_cell(image.reference)}, {human(image.layer_bytes)}"
    yield ""
    yield "| budget | | observed |"
    yield "|---|---|---|"
    for check in verdict.checks:
        word = "waived" if check.waived else "held" if check.held else "**broken**"
        yield f"| {check.name} | {word} | {escape.code_cell(check.message)} |"
    if verdict.culprits:
        yield from ("", "| change | where | what |", "|--:|---|---|")
        for each in sorted(verdict.culprits, key=lambda each: -each.delta_bytes)[:_SHOWN]:
            place = read.places.get(each.layer)
            where = f"line {place.line}" if place else f"layer {each.layer}"
            yield f"| {signed(each.delta_bytes)} | {where} | {escape.code_cell(each.package or each.command)} |"


def _github(read: Judged, verdict: Verdict) -> Iterator[str]:
    """Annotations: broken budgets as errors, then who grew most, at the Dockerfile's lines; GitHub shows ten."""
    for check in verdict.checks:
        level = "notice" if check.held else "error"
        title = escape.github_property(f"imagelint {check.name}")
        yield f"::{level} title={title}::{escape.github_message(_sentence(check))}"
    if not verdict.held:
        for each in sorted(verdict.culprits, key=lambda each: -each.delta_bytes)[:_SHOWN]:
            place = read.places.get(each.layer)
            at = f"file={escape.github_property(place.path)},line={place.line}," if place else ""
            yield f"::warning {at}title=grew::{escape.github_message(_culprit(each, read.places))}"


def _sarif(read: Judged, verdict: Verdict) -> Iterator[str]:
    results = [
        {
            "ruleId": check.name,
            "level": "error",
            "message": {"text": escape.sarif_message(_sentence(check))},
            "locations": [_location(read, None)],
            "partialFingerprints": {"primaryLocationLineHash": f"{read.report.image.reference}:{check.name}"},
        }
        for check in verdict.checks
        if not check.held
    ]
    blamed = sorted(verdict.culprits, key=lambda each: -each.delta_bytes)[:_SHOWN] if results else []
    results += (
        {
            "ruleId": "grew",
            "level": "warning",
            "message": {"text": escape.sarif_message(_culprit(each, read.places))},
            "locations": [_location(read, each.layer)],
            "partialFingerprints": {"primaryLocationLineHash": f"{each.command[:200]}:{each.package or ''}"},
        }
        for each in blamed
    )
    names = [*dict.fromkeys(check.name for check in verdict.checks), "grew"]
    driver = {"name": "imagelint", "rules": [{"id": name, "shortDescription": {"text": name}} for name in names]}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    yield dumps(document)


def _location(read: Judged, layer: int | None) -> dict[str, object]:
    """The Dockerfile's line, or its first one where it is about the whole image."""
    place = read.places.get(layer) if layer is not None else None
    path = place.path if place else read.path or "Dockerfile"
    line = place.line if place else 1
    return {"physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": line, "endLine": line}}}


def _gitlab(read: Judged, verdict: Verdict) -> Iterator[str]:
    from hashlib import sha256

    entries = []
    for check in verdict.checks:
        if not check.held:
            key = f"{read.report.image.reference}:{check.name}"
            entries.append(
                {
                    "description": escape.lines(_sentence(check)),
                    "check_name": check.name,
                    "fingerprint": sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32],
                    "severity": "critical",
                    "location": {"path": read.path or "Dockerfile", "lines": {"begin": 1}},
                }
            )
    yield dumps(entries)


def _junit(read: Judged, verdict: Verdict) -> Iterator[str]:
    broken = sum(not check.held for check in verdict.checks)
    name = escape.xml(read.report.image.reference)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<testsuites><testsuite name="imagelint gate" tests="{len(verdict.checks)}" failures="{broken}">'
    for check in verdict.checks:
        yield f'  <testcase classname="{name}" name="{escape.xml(check.name)}">'
        if not check.held:
            yield f'    <failure message="{escape.xml(check.message)}"/>'
        yield "  </testcase>"
    yield "</testsuite></testsuites>"


def _openmetrics(read: Judged, verdict: Verdict) -> Iterator[str]:
    """Gauges for GitLab's metrics reports and for Prometheus (OpenMetrics 1.0)."""
    image = read.report.image
    label = image.reference.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    for name, value in (
        ("image_layer_bytes", image.layer_bytes),
        ("image_compressed_bytes", image.compressed_bytes),
        ("image_live_bytes", read.report.live_bytes),
        ("image_reclaimable_bytes", read.report.reclaimable_bytes),
        ("image_layers", len(read.report.layers)),
    ):
        if value is not None:
            yield f"# TYPE {name} gauge"
            yield f'{name}{{image="{label}"}} {value}'
    for check in verdict.checks:
        metric = check.name.replace("-", "_")
        yield f"# TYPE budget_{metric}_held gauge"
        yield f'budget_{metric}_held{{image="{label}"}} {int(check.held)}'
    yield "# EOF"
