"""Every example on every rule's page: bad fires, its fix gives the fixed one and then nothing more, good is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelint import fixer, plugins
from imagelint.linter import lint

if TYPE_CHECKING:
    from imagelint.rule import Rule

RULES = {rule.code: rule for rule in plugins.load()}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_examples(rule: Rule) -> None:
    kinds = [example.kind for example in rule.examples]
    assert "bad" in kinds
    assert "good" in kinds
    for number, example in enumerate(rule.examples):
        linted = lint("Dockerfile", example.text, [rule])
        assert not linted.dockerfile.problems
        if example.kind != "bad":
            assert not linted.findings, example
            continue
        assert linted.findings, example
        fixed = fixer.fix(linted, [rule])
        following = rule.examples[number + 1]
        assert fixed.changed == (following.kind == "fixed")
        if fixed.changed:
            assert fixed.after.source.text == following.text
            assert not fixed.after.findings


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_explains_itself(rule: Rule) -> None:
    assert rule.summary.endswith(".")
    assert "Why:" in rule.documentation
    assert rule.name.replace("-", "_") == rule.function.__name__
