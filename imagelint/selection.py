"""Which rules run, and which of their findings are kept: codes, prefixes, names and other tools' ids, as in ruff.

A selector is a code (IL101), a prefix of codes (IL1), a rule's name, another tool's id (DL3009) or ALL. Of a selector
that selects and one that ignores, the more specific one wins; where both are as specific, the one that ignores.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from imagelint import hadolint
from imagelint.dockerfile.globs import Glob
from imagelint.errors import UsageError
from imagelint.finding import Finding, Persona, Severity, names_of
from imagelint.linter import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from imagelint.plugins import Loaded
    from imagelint.rule import Rule

#: How specific the default set is: less than anything that is named but ALL.
_DEFAULT = 1
_EXACT = 100
_NOTHING: Mapping[str, object] = MappingProxyType({})


class Selection(NamedTuple):
    """What somebody wants to hear of. Without `select` that is the default set; `extend_select` adds to either.

    The default set is what the persona wants to hear; with `hadolint` also what hadolint reports by default, and with
    its severities. `severities` and `options` are by selector and by rule; `per_file` has globs of paths with what is
    ignored there.
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    persona: Persona = Persona.REGULAR
    hadolint: bool = False
    severities: Mapping[str, Severity] = MappingProxyType({})
    options: Mapping[str, Mapping[str, object]] = MappingProxyType({})
    per_file: tuple[tuple[str, tuple[str, ...]], ...] = ()
    minimum: Severity = Severity.STYLE


def plan(loaded: Loaded, selection: Selection, *, pragmas: bool = True) -> Plan:
    """The plan of a run; raises UsageError for what names no rule, or is no option of one."""
    catalogue = Catalogue(loaded)
    wanted = {name: catalogue.rank(name) for name in (*selection.select, *selection.extend_select)}
    ignored = {name: catalogue.rank(name) for name in selection.ignore}
    for name in (*selection.severities, *(each for _, names in selection.per_file for each in names)):
        catalogue.rank(name)
    options = {catalogue.one(name).code: (name, given) for name, given in selection.options.items()}
    by_default = not selection.select
    rules = []
    for rule in loaded.rules:
        names = (rule.code, rule.name, *rule.aliases, *catalogue.prefixes(rule.code), "ALL")
        chosen = max((wanted[name] for name in names if name in wanted), default=0)
        if by_default and _in_default_set(rule.persona, rule.aliases, selection):
            chosen = max(chosen, _DEFAULT)
        # An id of another tool may be about some of a rule's findings only; those are judged one by one.
        against = max((ignored[name] for name in names if name in ignored and name not in rule.aliases), default=0)
        if chosen > against:
            rules.append(rule.with_options(options[rule.code][1]) if rule.code in options else rule)
    batches = tuple(
        batch
        for batch in loaded.batches
        if (by_default or any(_of_batch(name, batch.prefix) for name in wanted))
        and batch.prefix not in ignored
        and (not (missing := batch.missing()) or _demanded(wanted, batch.prefix, missing))
    )
    return Plan(tuple(rules), batches, _judge(selection, wanted, ignored), loaded.rules, pragmas)


def _of_batch(name: str, prefix: str) -> bool:
    return name == "ALL" or name.startswith(prefix)


def _demanded(wanted: Iterable[str], prefix: str, missing: str) -> bool:
    """A batch that cannot run is left out in silence, unless its findings were asked for by name."""
    if any(name.startswith(prefix) for name in wanted):
        raise UsageError(f"--select {prefix}: {missing}")
    return False


def _in_default_set(persona: Persona, aliases: Sequence[str], selection: Selection) -> bool:
    if persona is Persona.REGULAR or selection.persona is Persona.PEDANTIC:
        return True
    return selection.hadolint and any(hadolint.on_by_default(alias) for alias in aliases)


def _judge(
    selection: Selection, wanted: Mapping[str, int], ignored: Mapping[str, int]
) -> Callable[[str, Finding, tuple[str, ...]], Finding | None]:
    by_default = not selection.select
    globs = [(Glob(pattern), frozenset(names)) for pattern, names in selection.per_file]
    per_file: dict[str, frozenset[str]] = {}
    named = bool(wanted or ignored or selection.severities or globs)

    def here(path: str) -> frozenset[str]:
        """What is ignored in a file."""
        if path not in per_file:
            plain = path.removeprefix("./").lstrip("/")
            base = plain.rpartition("/")[2]
            found = [names for glob, names in globs if glob.matches(plain) or glob.matches(base)]
            per_file[path] = frozenset().union(*found)
        return per_file[path]

    def judge(path: str, finding: Finding, aliases: tuple[str, ...]) -> Finding | None:
        persona = finding.persona or Persona.REGULAR
        chosen = _DEFAULT if by_default and _in_default_set(persona, finding.aliases or (), selection) else 0
        severity = finding.severity if finding.severity is not None else Severity.WARNING
        if selection.hadolint and (theirs := hadolint.severity(finding.aliases or ())) is not None:
            severity = theirs
        if named:
            names = names_of(finding, aliases)
            chosen = max([chosen, *(wanted[name] for name in names if name in wanted)])
            against = max((ignored[name] for name in names if name in ignored), default=0)
            if chosen <= against or (globs and here(path).intersection(names)):
                return None
            if selection.severities:
                known = [name for name in names if name in selection.severities]
                if known:
                    severity = selection.severities[max(known, key=_specificity)]
        if not chosen or severity < selection.minimum:
            return None
        return finding if severity is finding.severity else finding._replace(severity=severity)

    return judge


def _specificity(name: str) -> int:
    """How specific a selector is: ALL, then prefixes by their length, then what names one rule."""
    if name == "ALL":
        return _DEFAULT
    digits = name.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    if name.isupper() and len(name) - len(digits) <= 8 and len(digits) < 3 and (digits.isdigit() or not digits):
        return _DEFAULT + 1 + len(name)
    return _EXACT


class Catalogue:
    """Everything that rules go by, to check selectors against."""

    def __init__(self, loaded: Loaded) -> None:
        self._rules: dict[str, Rule] = {}
        self._batches = tuple(batch.prefix for batch in loaded.batches)
        for rule in loaded.rules:
            for name in (rule.code, rule.name, *rule.aliases, *self.prefixes(rule.code)):
                self._rules.setdefault(name, rule)

    @staticmethod
    def prefixes(code: str) -> list[str]:
        """The letters of a code, and the letters with some of the digits."""
        letters = len(code.rstrip("0123456789"))
        return [code[:end] for end in range(letters, len(code))]

    def rank(self, name: str) -> int:
        """How specific a selector is; raises UsageError where it names nothing."""
        if name == "ALL" or name in self._rules or self.is_of_batch(name) or hadolint.is_code(name):
            return _specificity(name)
        raise UsageError(f"{name or 'an empty text'}: no such rule", hint=self._suggestion(name))

    def is_of_batch(self, name: str) -> bool:
        """Whether it is a code of a batch, such as SC2086, or the beginning of one."""
        return any(name.startswith(prefix) and name[len(prefix) :].isdigit() for prefix in self._batches) or (
            name in self._batches
        )

    def one(self, name: str) -> Rule:
        """The rule of that code or name; raises UsageError where there is none."""
        rule = self._rules.get(name)
        if rule is None or name not in (rule.code, rule.name):
            raise UsageError(f"{name}: no such rule", hint=self._suggestion(name))
        return rule

    def found(self, name: str) -> list[Rule]:
        """The rules that a selector means, sorted by code; raises UsageError where it names nothing."""
        self.rank(name)
        rules = {rule.code: rule for rule in self._rules.values()}
        return [
            rule
            for code, rule in sorted(rules.items())
            if name in ("ALL", code, rule.name, *rule.aliases, *self.prefixes(code))
        ]

    def _suggestion(self, name: str) -> str:
        import difflib  # only for what is misspelt

        close = difflib.get_close_matches(name[:80], self._rules, n=1, cutoff=0.5)
        return f"did you mean {close[0]}?" if close else "`imagelint rules` lists them"
