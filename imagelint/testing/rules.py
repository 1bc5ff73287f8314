"""Running the examples on a rule's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelint import fixer
from imagelint.graph.context import BuildContext, Demands
from imagelint.linter import lint

if TYPE_CHECKING:
    from imagelint.rule import Example, Rule


def check_rule(rule: Rule) -> None:
    """Run every example of a rule; raises AssertionError with the example that does not do what it is there for.

    `bad` fires, and its fix gives the `fixed` block behind it and leaves nothing to report; a rule without a fix has
    no `fixed` block. `good` and `fixed` are silent.
    """
    kinds = [example.kind for example in rule.examples]
    assert "bad" in kinds and "good" in kinds, f"{rule.code}: its page needs a bad and a good example"  # noqa: PT018
    for example, following in zip(rule.examples, (*rule.examples[1:], None), strict=True):
        context = BuildContext(demands=_demands(example))
        linted = lint("Dockerfile", example.text, [rule], context)
        wrong = "; ".join(problem.message for problem in linted.dockerfile.problems)
        assert not wrong, f"{rule.code}: the {example.kind} example does not parse: {wrong}\n{example.text}"
        if example.kind != "bad":
            assert not linted.findings, f"{rule.code}: fires on its {example.kind} example\n{example.text}"
            continue
        assert linted.findings, f"{rule.code}: is silent on its bad example\n{example.text}"
        _check_fix(rule, fixer.fix(linted, [rule], context), following)


def _demands(example: Example) -> Demands:
    """What an example's first line asks for beside its kind."""
    words = example.demands.split()
    labels = [word.removeprefix("label=").partition(":") for word in words if word.startswith("label=")]
    return Demands(
        registries=tuple(word.removeprefix("registry=") for word in words if word.startswith("registry=")),
        labels={name: kind or "text" for name, _, kind in labels},
        strict_labels="strict-labels" in words,
    )


def _check_fix(rule: Rule, fixed: fixer.Fixed, following: Example | None) -> None:
    expected = following.text if following is not None and following.kind == "fixed" else None
    text = fixed.after.source.text
    if expected is None:
        assert not fixed.changed, f"{rule.code}: its fix is not shown; it makes\n{text}"
    else:
        assert text == expected, f"{rule.code}: its fix makes\n{text}\nand not\n{expected}"
        assert not fixed.after.findings, f"{rule.code}: fires on what its fix made\n{text}"
