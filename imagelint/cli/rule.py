"""`imagelint rule`: a rule's page."""

from __future__ import annotations

from imagelint import plugins
from imagelint.errors import UsageError
from imagelint.finding import Persona
from imagelint.records import TYPE_CHECKING
from imagelint.selection import Catalogue

if TYPE_CHECKING:
    import argparse

    from imagelint.rule import Rule


def run(arguments: argparse.Namespace) -> int:
    """Print the page of each rule that is meant; without a name, the list of all."""
    if arguments.name is None:
        from imagelint.cli import rules

        return rules.table()
    catalogue = Catalogue(plugins.load())
    pages = [page(rule) for rule in catalogue.found(arguments.name)]
    if (batch := catalogue.batch(arguments.name)) is not None:
        pages.append(f"{batch.prefix} {batch.name}\n\n{batch.summary}")
    if not pages:
        raise UsageError(
            f"{arguments.name}: is known, but no rule here answers to it", hint="docs/hadolint.md says why"
        )
    print("\n\n".join(pages))
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
