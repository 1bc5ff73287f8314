"""`imagelint rules`: every rule that is installed."""

from __future__ import annotations

from imagelint import plugins
from imagelint.finding import Persona
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each rule, or all of them as JSON."""
    if arguments.output_format == "text":
        return table()
    from imagelint.output import json

    loaded = plugins.load()
    print(
        json.dumps(
            {
                "schema": json.SCHEMA,
                "rules": [
                    {
                        "code": rule.code,
                        "name": rule.name,
                        "severity": rule.severity.label,
                        "persona": rule.persona.value,
                        "aliases": list(rule.aliases),
                        "summary": rule.summary,
                        "options": dict(rule.options),
                    }
                    for rule in loaded.rules
                ],
                "batches": [
                    {"prefix": batch.prefix, "name": batch.name, "summary": batch.summary, "missing": batch.missing()}
                    for batch in loaded.batches
                ],
            }
        )
    )
    return 0


def table() -> int:
    """A line for each rule: `*` marks those that are off by default."""
    loaded = plugins.load()
    width = max(len(rule.name) for rule in loaded.rules)
    for rule in loaded.rules:
        aliases = f" ({', '.join(rule.aliases)})" if rule.aliases else ""
        off = "*" if rule.persona is Persona.PEDANTIC else " "
        print(f"{rule.code}{off} {rule.name:{width}} {rule.severity.label:8} {rule.summary}{aliases}")
    for batch in loaded.batches:
        missing = batch.missing()
        note = f" (not here: {missing})" if missing else ""
        print(f"{batch.prefix}…    {batch.name:{width}} {'':8} {batch.summary}{note}")
    return 0
