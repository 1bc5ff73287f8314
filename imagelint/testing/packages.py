"""Running the examples of all rules of a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelint import plugins
from imagelint.rule import Rule
from imagelint.testing.rules import check_rule

if TYPE_CHECKING:
    from types import ModuleType


def check_rules(package: str | ModuleType, prefix: str | None = None) -> int:
    """Run every example of every rule of a package or module, given by its name or itself; returns their number.

    Raises AssertionError for an example that does not do what it is there for, a rule that does not explain itself,
    two rules of one code or name, a code that does not begin with the prefix, and a package without rules. Without
    `prefix` it is that of the package's entry point, if the package is installed with one. Raises PluginError for a
    module that cannot be imported.
    """
    name = package if isinstance(package, str) else package.__name__
    if prefix is None:
        prefix = next((plugin.prefix for plugin in plugins.discover() if plugin.module == name), None)
    rules = [each for each in plugins.below(name) if isinstance(each, Rule)]
    assert rules, f"{name}: declares no rules"
    known: dict[str, Rule] = {}
    for rule in rules:
        for called in (rule.code, rule.name):
            assert called not in known, f"{rule.code}: two rules are called {called}"
            known[called] = rule
        _check_page(rule, prefix)
        check_rule(rule)
    return sum(len(rule.examples) for rule in rules)


def _check_page(rule: Rule, prefix: str | None) -> None:
    code = rule.code
    if prefix is not None:
        assert code.rstrip("0123456789") == prefix, f"{code}: its code does not begin with the prefix {prefix}"
    assert rule.summary.endswith("."), f"{code}: its page must begin with a sentence that fills one line"
    assert "Why:" in rule.documentation, f"{code}: its page does not say why"
