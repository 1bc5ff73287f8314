"""An image's report as JSON for programs; the keys are a contract (`docs/json.md`)."""

from __future__ import annotations

from imagelint.output import json as findings_json
from imagelint.output.places import of_instructions
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from imagelint.gate import Snapshot, Verdict
    from imagelint.image.report import ImageSummary, LayerReport, Package, Report
    from imagelint.output.places import Place
    from imagelint.pricing.analysis import Analysis

SCHEMA = 1


def analyze(found: Analysis) -> dict[str, Any]:
    """The report of `analyze`."""
    report, file = found.report, found.file
    places = of_instructions(found.instructions, found.path)
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
        "waste": findings_json.Table(("path", "bytes", "reason", "stored_by", "hidden_by"), report.waste),
        "largest": [{"path": each.path, "bytes": each.bytes, "layer": each.layer} for each in report.largest],
        "folders": [{"path": each.path, "bytes": each.bytes, "files": each.files} for each in report.folders],
        "leftovers": [
            {"kind": each.kind, "bytes": each.bytes, "files": each.files, "example": each.example}
            for each in report.leftovers
        ],
        "packages": [_package(each) for each in report.packages],
        "recommended": [_package(each) for each in report.recommended],
        "compat": {
            "dive": {
                "efficiency": report.dive.efficiency,
                "wasted_bytes": report.dive.wasted_bytes,
                "user_wasted_percent": report.dive.user_wasted_percent,
            }
        },
        "predictions": [
            {
                "name": each.name,
                "after": list(each.after),
                "layer_bytes": each.layer_bytes,
                "how": each.how,
                "explanation": each.explanation,
            }
            for each in found.predictions
        ],
        "attribution": {
            "confidence": found.attribution.confidence,
            "found": found.attribution.found,
            "expected": found.attribution.expected,
            "base_layers": found.attribution.base_layers,
        }
        if found.attribution
        else None,
        "rebuilds": [
            {
                "line": each.instruction.start_line,
                "end_line": each.instruction.end_line,
                "keyword": each.instruction.keyword,
                "first_layer": each.first_layer,
                "layer_bytes": each.layer_bytes,
                "compressed_bytes": each.compressed_bytes,
            }
            for each in found.rebuilds
        ],
        "base_candidates": [
            {
                "reference": each.reference,
                "layer_bytes": each.layer_bytes,
                "compressed_bytes": each.compressed_bytes,
                "image_layer_bytes": each.image_bytes,
                "image_compressed_bytes": each.image_compressed,
            }
            for each in found.candidates
        ],
        "findings": [findings_json.finding(file, each) for each in file.findings] if file else [],
        "total": {"layer_bytes": file.total_bytes} if file and file.total_bytes is not None else None,
    }


def _package(each: Package) -> dict[str, Any]:
    return {
        "manager": each.manager,
        "name": each.name,
        "version": each.version,
        "bytes": each.bytes,
        "files": each.files,
        "layer": each.layer,
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
        "added": layer.added,
        "changed": layer.changed,
        "removed": layer.removed,
        "base": layer.base,
        "instruction": {"path": place.path, "line": place.line, "end_line": place.end_line} if place else None,
    }


def gate(report: Report, verdict: Verdict, places: Mapping[int, Place]) -> dict[str, Any]:
    """The report of `gate`: every budget with what was observed, the layers that grew, and what cost too much."""
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
                "waived": check.waived,
                "message": check.message,
            }
            for check in verdict.checks
        ],
        "culprits": [
            {
                "layer": each.layer,
                "command": each.command,
                "line": places[each.layer].line if each.layer in places else None,
                "package": each.package,
                "path": each.path,
                "delta_bytes": each.delta_bytes,
            }
            for each in verdict.culprits
        ],
        "findings": [
            {"code": each.code, "message": each.message, "line": each.line, "bytes": each.bytes}
            for each in verdict.costs
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
        "findings": [],
        "message": message,
    }


def _baseline(baseline: Snapshot) -> dict[str, Any]:
    return {"reference": baseline.reference, "layer_bytes": baseline.layer_bytes}
