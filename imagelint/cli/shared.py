"""What several commands do alike: choosing rules, reading build options."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from imagelint.errors import InputError, UsageError
from imagelint.graph import BuildContext

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from imagelint.rule import Rule


def build_context(arguments: argparse.Namespace, path: str | None = None) -> BuildContext:
    """The target, the build arguments and the build context that the command line names, for the Dockerfile at a path.

    Nothing is read yet. Standard input and no path have no folder, and a context only where one is named.
    """
    pairs: dict[str, str] = {}
    for argument in arguments.build_arg:
        name, equals, value = argument.partition("=")
        if not name or not equals:
            raise UsageError(f"--build-arg {argument}: must be NAME=VALUE")
        pairs[name] = value
    if arguments.context is not None and not os.path.isdir(arguments.context):
        raise InputError(f"--context {arguments.context}: no such folder")
    return BuildContext(arguments.target, pairs, arguments.context, None if path == "-" else path)


def choose(rules: Sequence[Rule], wanted: Sequence[str] | None) -> list[Rule]:
    """The rules that `--select` names: codes, prefixes of codes, names, other tools' ids; None and ALL are all."""
    if not wanted:
        return list(rules)
    chosen: dict[str, Rule] = {}
    for name in (part.strip() for each in wanted for part in each.split(",")):
        found = [rule for rule in rules if name == "ALL" or matches(rule, name)]
        if not found:
            raise UsageError(f"--select {name}: no such rule", hint=_suggestion(rules, name))
        chosen |= {rule.code: rule for rule in found}
    return [chosen[code] for code in sorted(chosen)]


def matches(rule: Rule, name: str) -> bool:
    """Whether a rule goes by a code, a prefix of its code, its name, or an alias."""
    return name in (rule.name, *rule.aliases) or (name.upper() == name and rule.code.startswith(name) and bool(name))


def _suggestion(rules: Sequence[Rule], name: str) -> str:
    import difflib

    known = [each for rule in rules for each in (rule.code, rule.name, *rule.aliases)]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else "`imagelint rule` lists them"
