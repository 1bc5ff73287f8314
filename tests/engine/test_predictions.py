"""Predictions from an image and its Dockerfile alone, against the image that is built with the fix."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import statistics
import sys
from typing import Any

import pytest

from .conftest import ROOT

sys.path.insert(0, str(ROOT / "fixtures" / "images"))


@pytest.fixture(scope="module")
def predictions() -> Any:
    """The benchmark that prints them, as a module."""
    path = str(ROOT / "benchmarks" / "predictions")
    spec = importlib.util.spec_from_loader("predictions", importlib.machinery.SourceFileLoader("predictions", path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["predictions"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.engine
def test_the_courses_images(predictions: Any, java_images: dict[str, str]) -> None:
    """From 0_0_2: 0_0_3's size within 0.1 %, 0_0_4's within 1 %."""
    merged, staged = predictions.java()
    assert abs(merged.predicted - merged.after) <= 0.001 * merged.after
    assert abs(staged.predicted - staged.after) <= 0.01 * staged.after


@pytest.mark.engine_slow
def test_rebuilds(predictions: Any, java_images: dict[str, str], flask_image: str, small_images: object) -> None:
    """The error, relative to what is saved: the median at most 1 %, none above 5 %."""
    found = {case.name: predictions.outcome(case) for case in predictions.CASES}
    errors = {name: abs(each.error) for name, each in found.items()}
    assert len(found) >= 10
    assert all(each.before > each.after for each in found.values()), found
    assert statistics.median(errors.values()) <= 1, errors
    assert max(errors.values()) <= 5, errors
