"""Every example on every rule's page: bad fires, its fix gives the fixed one and then nothing more, good is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelint import plugins
from imagelint.finding import Finding, Unpriced
from imagelint.rule import rule as declare
from imagelint.testing import check_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.instructions import Run
    from imagelint.graph import BuildGraph
    from imagelint.rule import Rule

RULES = {rule.code: rule for rule in plugins.load().rules}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_examples(rule: Rule) -> None:
    check_rule(rule)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_explains_itself(rule: Rule) -> None:
    assert rule.summary.endswith(".")
    assert "Why:" in rule.documentation
    assert rule.name.replace("-", "_") == rule.function.__name__


def silent(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    yield from ()


def loud(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    yield Finding(run.span, "found")


PAGE = "Something.\n\n```dockerfile bad\nFROM a\nRUN x\n```\n\n```dockerfile good\nFROM a\n{good}\n```\n"


@pytest.mark.parametrize(
    ("function", "page", "message"),
    [
        (silent, "Something.", "needs a bad and a good example"),
        (silent, PAGE.format(good="USER x"), "silent on its bad example"),
        (loud, PAGE.format(good="RUN y"), "fires on its good example"),
        (loud, PAGE.format(good="RUNN y"), "does not parse"),
    ],
)
def test_a_page_that_is_wrong_is_found_out(
    function: object, page: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagelint.dockerfile.instructions import Run

    monkeypatch.setitem(function.__annotations__, "run", Run)  # type: ignore[attr-defined]
    rule = declare("TEST001", blame=Unpriced("none"))(function)  # type: ignore[arg-type]
    monkeypatch.setattr(function, "__doc__", page)
    with pytest.raises(AssertionError, match=message):
        check_rule(rule)
