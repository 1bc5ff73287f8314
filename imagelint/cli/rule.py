"""`imagelint rule`: a rule's page, or the list of all rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelint import plugins
from imagelint.cli.shared import choose

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Print the page of each rule that is meant, or one line for each rule there is."""
    rules = plugins.load().rules
    if arguments.name is None:
        for rule in rules:
            aliases = f" ({', '.join(rule.aliases)})" if rule.aliases else ""
            print(f"{rule.code}  {rule.name:24} {rule.severity.label:8} {rule.summary}{aliases}")
        return 0
    for number, rule in enumerate(choose(rules, [arguments.name])):
        if number:
            print()
        aliases = f", also known as {', '.join(rule.aliases)}" if rule.aliases else ""
        print(f"{rule.code} {rule.name} ({rule.severity.label}{aliases})\n\n{rule.documentation}")
    return 0
