"""`imagelint rule`: a rule's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelint import plugins
from imagelint.finding import Persona
from imagelint.selection import Catalogue

if TYPE_CHECKING:
    import argparse

    from imagelint.rule import Rule


def run(arguments: argparse.Namespace) -> int:
    """Print the page of each rule that is meant; without a name, the list of all."""
    if arguments.name is None:
        from imagelint.cli import rules

        return rules.table()
    for number, rule in enumerate(Catalogue(plugins.load()).found(arguments.name)):
        if number:
            print()
        print(page(rule))
    return 0


def page(rule: Rule) -> str:
    """A rule's page as text: what it goes by, its documentation, and its options."""
    also = f", also known as {', '.join(rule.aliases)}" if rule.aliases else ""
    off = ", off by default" if rule.persona is Persona.PEDANTIC else ""
    text = f"{rule.code} {rule.name} ({rule.severity.label}{off}{also})\n\n{rule.documentation}"
    if rule.options:
        shown = (f"  {name} ({rule.option_type(name)}, default {value!r})" for name, value in rule.options.items())
        text += "\n\nOptions:\n" + "\n".join(shown)
    return text
