"""An image's report as JSON for programs; the keys are a contract (`docs/json.md`)."""

from __future__ import annotations

from imagelint.output import json as findings_json
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from imagelint.finding import FileReport
    from imagelint.gate import Baseline, Verdict
    from imagelint.image.report import ImageSummary, LayerReport, Report
    from imagelint.output.places import Place

SCHEMA = 1


def analyze(report: Report, places: Mapping[int, Place], file: FileReport | None) -> dict[str, Any]:
    """The report of `analyze`. `places` says which line made which layer, as far as that is known."""
    return {
        "schema": SCHEMA,
        "image": image(report.image),
        "layers": [_layer(layer, places.get(layer.index)) for layer in report.layers],
        "live_bytes": report.live_bytes,
        "reclaimable_bytes": report.reclaimable_bytes,
        "reclaimable": [
            {
                "reason": each.reason,
                "bytes": each.bytes,
                "files": each.files,
                "stored_by": each.stored_by,
                "hidden_by": each.hidden_by,
                "within_stored": each.within_stored,
            }
            for each in report.reclaimable
        ],
        "waste": [
            {
                "path": each.path,
                "bytes": each.bytes,
                "reason": each.reason,
                "stored_by": each.stored_by,
                "hidden_by": each.hidden_by,
            }
            for each in report.waste
        ],
        "largest": [{"path": each.path, "bytes": each.bytes, "layer": each.layer} for each in report.largest],
        "packages": [],
        "compat": {
            "dive": {
                "efficiency": report.dive.efficiency,
                "wasted_bytes": report.dive.wasted_bytes,
                "user_wasted_percent": report.dive.user_wasted_percent,
            }
        },
        "predictions": [],
        "findings": [findings_json.finding(file, each) for each in file.findings] if file else [],
    }


def image(summary: ImageSummary) -> dict[str, Any]:
    """Which image it was."""
    return {
        "reference": summary.reference,
        "source": summary.source,
        "id": summary.id,
        "platform": summary.platform,
        "layer_bytes": summary.layer_bytes,
        "compressed_bytes": summary.compressed_bytes,
        "verified": summary.verified,
    }


def _layer(layer: LayerReport, place: Place | None) -> dict[str, Any]:
    return {
        "index": layer.index,
        "diff_id": layer.diff_id,
        "digest": layer.digest,
        "command": layer.command,
        "layer_bytes": layer.layer_bytes,
        "compressed_bytes": layer.compressed_bytes,
        "entries": layer.entries,
        "base": layer.base,
        "instruction": {"path": place.path, "line": place.line, "end_line": place.end_line} if place else None,
    }


def gate(report: Report, verdict: Verdict, places: Mapping[int, Place]) -> dict[str, Any]:
    """The report of `gate`: every budget with what was observed, and the layers that grew."""
    return {
        "schema": SCHEMA,
        "verdict": "held" if verdict.held else "broken",
        "image": image(report.image),
        "baseline": _baseline(verdict.baseline) if verdict.baseline else None,
        "checks": [
            {
                "name": check.name,
                "observed": check.observed,
                "limit": check.limit,
                "held": check.held,
                "message": check.message,
            }
            for check in verdict.checks
        ],
        "culprits": [
            {
                "layer": each.layer,
                "command": each.command,
                "line": places[each.layer].line if each.layer in places else None,
                "package": None,
                "path": each.path,
                "delta_bytes": each.delta_bytes,
            }
            for each in verdict.culprits
        ],
    }


def not_judged(message: str) -> dict[str, Any]:
    """The report of a `gate` that could not be judged."""
    return {
        "schema": SCHEMA,
        "verdict": "not-judged",
        "image": None,
        "baseline": None,
        "checks": [],
        "culprits": [],
        "message": message,
    }


def _baseline(baseline: Baseline) -> dict[str, Any]:
    return {"reference": baseline.reference, "layer_bytes": baseline.layer_bytes}
