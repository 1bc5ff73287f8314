"""Golden reports in fixtures/reports/findings.*: each output of the same findings, to the letter.

`IMAGELINT_UPDATE_REPORTS=1 make test` writes them anew; the diff is then what a reviewer reads.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from imagelint.output import sarif
from tests.conftest import ROOT
from tests.output import reports

if TYPE_CHECKING:
    from pathlib import Path

GOLDEN = {
    "sarif": "findings.sarif",
    "github": "findings.github.txt",
    "gitlab": "findings.gitlab.json",
    "junit": "findings.junit.xml",
    "checkstyle": "findings.checkstyle.xml",
    "hadolint_json": "findings.hadolint.json",
    "statistics": "findings.statistics.txt",
}


@pytest.mark.parametrize("name", reports.FORMATS)
def test_report(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sarif, "__version__", "0.0.0")
    golden = ROOT / "fixtures/reports" / GOLDEN[name]
    made = reports.report(name, *reports.small()) + "\n"
    if os.environ.get("IMAGELINT_UPDATE_REPORTS"):
        golden.write_text(made)
    assert made == golden.read_text()
