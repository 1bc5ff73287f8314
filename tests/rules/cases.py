"""What a table of rule cases needs: lint a text with some rules, and say what they find as `CODE:line`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from imagelint import plugins
from imagelint.linter import lint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelint.finding import Finding
    from imagelint.graph import BuildContext
    from imagelint.linter import Linted
    from imagelint.rule import Rule


@cache
def rules(*select: str) -> tuple[Rule, ...]:
    """The rules whose codes begin with one of these."""
    return tuple(rule for rule in plugins.load().rules if rule.code.startswith(select))


def linted(text: str, *select: str, context: BuildContext | None = None) -> Linted:
    """A Dockerfile's text with what the selected rules find in it; pedantic findings are among them."""
    result = lint("Dockerfile", text if text.endswith("\n") else text + "\n", rules(*select), context)
    known = {rule.code: rule.aliases for rule in rules(*select)}
    for finding in result.findings:
        # An id that the rule itself does not go by could not be selected.
        assert set(finding.aliases or ()) <= set(known.get(finding.code, finding.aliases or ())), finding
    return result


def found(text: str, *select: str, context: BuildContext | None = None) -> str:
    """The findings in the order of the file, `CODE:line` separated by blanks."""
    result = linted(text, *select, context=context)
    return places(result, result.findings)


def places(result: Linted, findings: Sequence[Finding]) -> str:
    """Findings as `CODE:line`."""
    index = result.source.index
    return " ".join(f"{each.code}:{index.position(each.span.start).line}" for each in findings)


def aliases(text: str, *select: str, context: BuildContext | None = None) -> str:
    """The other tools' ids of the findings, each as often as it is reported, sorted."""
    result = linted(text, *select, context=context)
    return " ".join(sorted(alias for each in result.findings for alias in each.aliases or ()))
