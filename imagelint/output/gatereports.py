"""A gate's verdict for programs: code scanning, code quality, test reports and metrics, as CI reads them."""

from __future__ import annotations

from imagelint.output import escape
from imagelint.output.gateformats import SHOWN, Judged, blamed, costly, culprit, observed, sentence
from imagelint.output.json import dumps
from imagelint.records import TYPE_CHECKING
from imagelint.repository import from_root
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.gate import Verdict

    Lines = tuple[int, int]


def sarif(read: Judged, verdict: Verdict) -> Iterator[str]:
    """Broken budgets as errors, who grew and what costs as warnings; what held is no result."""
    from imagelint import __version__

    reference = read.report.image.reference
    results = [
        _result(read, check.name, "error", sentence(check), None, f"{reference}:{check.name}")
        for check in verdict.checks
        if not check.held
    ]
    if results:
        results += (
            _result(read, each.rule, "warning", each.text, each.lines, each.identity) for each in blamed(read, verdict)
        )
    names = [*dict.fromkeys(check.name for check in verdict.checks), "costs", "grew"]
    driver = {
        "name": "imagelint",
        "version": __version__,
        "rules": [{"id": name, "shortDescription": {"text": name}} for name in names],
    }
    yield dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "results": results}],
        }
    )


def _result(read: Judged, rule: str, level: str, text: str, lines: Lines | None, identity: str) -> dict[str, object]:
    """A SARIF result at the Dockerfile's line, or its first one where it is about the whole image."""
    from imagelint.output.sarif import artifact

    path, line, end = _place(read, lines)
    region = {"startLine": line, "endLine": end}
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": escape.sarif_message(text)},
        "locations": [{"physicalLocation": {"artifactLocation": artifact(path), "region": region}}],
        "partialFingerprints": {"primaryLocationLineHash": _hash(identity)},
    }


def _place(read: Judged, lines: Lines | None) -> tuple[str, int, int]:
    """The Dockerfile's path from the repository's root, and the lines; a Dockerfile that was not named is supposed."""
    return (from_root(read.path or "Dockerfile"), *(lines or (1, 1)))


def _hash(identity: str) -> str:
    from hashlib import sha256

    return sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def gitlab(read: Judged, verdict: Verdict) -> Iterator[str]:
    """Broken budgets at the Dockerfile's first line, and who grew most at theirs; each has its own fingerprint."""
    reference = read.report.image.reference
    entries = [
        _issue(read, check.name, "critical", sentence(check), None, f"{reference}:{check.name}")
        for check in verdict.checks
        if not check.held
    ]
    if entries:
        entries += (
            _issue(read, each.rule, "major", each.text, each.lines, each.identity) for each in blamed(read, verdict)
        )
    yield dumps(entries)


def _issue(read: Judged, name: str, severity: str, text: str, lines: Lines | None, identity: str) -> dict[str, object]:
    path, line, end = _place(read, lines)
    return {
        "description": escape.lines(text),
        "check_name": name,
        "fingerprint": _hash(identity),
        "severity": severity,
        "location": {"path": escape.unicode(path), "lines": {"begin": line, "end": end}},
    }


def junit(read: Judged, verdict: Verdict) -> Iterator[str]:
    """A case a budget, with what was observed also where it held; a waived one is skipped."""
    broken = sum(not check.held for check in verdict.checks)
    waived = sum(check.waived is not None for check in verdict.checks)
    name = escape.xml(read.report.image.reference)
    counts = f'tests="{len(verdict.checks)}" failures="{broken}" errors="0"'
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<testsuites name="imagelint gate" {counts}>'
    yield f'  <testsuite name="{name}" {counts} skipped="{waived}" time="0">'
    for check in verdict.checks:
        text = escape.xml(observed(check))
        yield f'    <testcase classname="{name}" name="{escape.xml(check.name)}" time="0">'
        if not check.held:
            if check.name == "max-reclaimable":
                named = [costly(each) for each in verdict.costs[:SHOWN]]
            else:
                named = [culprit(each, read.places) for each in verdict.culprits[:SHOWN]]
            lines = "&#10;".join(map(escape.xml, named))
            yield f'      <failure type="{escape.xml(check.name)}" message="{text}">{lines}</failure>'
        elif check.waived:
            yield f'      <skipped message="{text}"/>'
        else:
            yield f"      <system-out>{text}</system-out>"
        yield "    </testcase>"
    yield "  </testsuite>"
    yield "</testsuites>"


def openmetrics(read: Judged, verdict: Verdict) -> Iterator[str]:
    """Gauges for GitLab's metrics reports and for Prometheus (OpenMetrics 1.0)."""
    image = read.report.image
    label = printable(image.reference).replace("\\", "\\\\").replace('"', '\\"')
    for name, value in (
        ("image_layer_bytes", image.layer_bytes),
        ("image_compressed_bytes", image.compressed_bytes),
        ("image_live_bytes", read.report.live_bytes),
        ("image_reclaimable_bytes", read.report.reclaimable_bytes),
        ("image_layers", len(read.report.layers)),
    ):
        if value is not None:
            yield f"# TYPE {name} gauge"
            if name.endswith("_bytes"):
                yield f"# UNIT {name} bytes"
            yield f'{name}{{image="{label}"}} {value}'
    for name in ("observed", "limit", "held") if verdict.checks else ():
        yield f"# TYPE budget_{name} gauge"
        for check in verdict.checks:
            shown = {"observed": check.observed, "limit": check.limit, "held": int(check.held)}[name]
            yield f'budget_{name}{{image="{label}",budget="{check.name}"}} {shown}'
    yield "# EOF"
