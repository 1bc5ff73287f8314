"""Which rules run, and which of their findings are kept: codes, prefixes, names and other tools' ids, as in ruff.

A selector is a code (IL101), a rule's name, another tool's id (DL3009), a prefix of such codes (IL1, DL) or ALL. What
one source says of rules is a layer: hadolint's file, imagelint's, the command line, and a later one counts more. Within
a layer the more specific selector wins; of two that are as specific, the one that ignores.
"""

from __future__ import annotations

from types import MappingProxyType

from imagelint import hadolint
from imagelint.errors import UsageError
from imagelint.finding import Finding, Persona, Severity, ids_of
from imagelint.linter import SYNTAX_CODE, Plan
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from imagelint.pathglobs import PathGlobs
    from imagelint.plugins import Loaded
    from imagelint.rule import Batch, Rule

_ALL, _EXACT = 1, 100


class Layer(NamedTuple):
    """What one source says of rules; `source` is the file, for error messages.

    With `select` nothing else is on, whatever earlier layers say; None goes on with what they leave.
    """

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severities: Mapping[str, Severity] = MappingProxyType({})
    source: str | None = None

    @property
    def selects(self) -> tuple[str, ...]:
        """Everything that it turns on."""
        return (*(self.select or ()), *self.extend_select)


class PerFile(NamedTuple):
    """What is ignored in the files that a pattern matches."""

    paths: PathGlobs
    ignore: tuple[str, ...]


class Selection(NamedTuple):
    """What somebody wants to hear of: the default set, changed by the layers in their order.

    The default set is what the persona wants to hear; with `hadolint` also what hadolint reports by default, and with
    its severities. `options` are by rule; they and `per_file` come from the file `source`.
    """

    layers: tuple[Layer, ...] = ()
    persona: Persona = Persona.REGULAR
    hadolint: bool = False
    options: Mapping[str, Mapping[str, object]] = MappingProxyType({})
    per_file: tuple[PerFile, ...] = ()
    minimum: Severity = Severity.STYLE
    source: str | None = None


def plan(loaded: Loaded, selection: Selection, *, pragmas: bool = True) -> Plan:
    """The plan of a run; raises UsageError for what names no rule, or is no option of one."""
    catalogue = Catalogue(loaded)
    for layer in selection.layers:
        for name in (*layer.selects, *layer.ignore, *layer.severities):
            catalogue.check(name, layer.source)
    for each in selection.per_file:
        for name in each.ignore:
            catalogue.check(name, selection.source)
    options = _options(catalogue, selection)
    rules = []
    for rule in loaded.rules:
        # An id of another tool may be about some of a rule's findings only: what it ignores is judged one by one.
        own = (rule.code, rule.name)
        default = _in_default_set(rule.persona, rule.aliases, selection)
        if _chosen(selection.layers, (*own, *rule.aliases), own, default=default):
            rules.append(options.get(rule.code, rule))
    batches = tuple(batch for batch in loaded.batches if _runs(batch, selection.layers))
    return Plan(tuple(rules), batches, _judge(selection), loaded.rules, pragmas)


def strength(selectors: Iterable[str], ids: Collection[str]) -> int:
    """How specific the most specific of the selectors is that means what goes by these ids; 0 where none does."""
    best = 0
    for selector in selectors:
        if selector in ids:
            return _EXACT
        if selector == "ALL":
            best = max(best, _ALL)
        elif any(_is_prefix(selector, each) for each in ids):
            best = max(best, _ALL + len(selector))
    return best


def _is_prefix(selector: str, code: str) -> bool:
    """Whether it is the beginning of a code, which has all of its letters."""
    letters = code.rstrip("0123456789")
    return letters != code and letters.isupper() and len(selector) >= len(letters) and code.startswith(selector)


def _chosen(layers: Iterable[Layer], ids: Collection[str], ignorable: Collection[str], *, default: bool) -> bool:
    """Whether the layers leave on what goes by these ids; only by the `ignorable` ones it can be turned off."""
    on = default
    for layer in layers:
        wanted, unwanted = strength(layer.selects, ids), strength(layer.ignore, ignorable)
        if wanted or unwanted:
            on = wanted > unwanted
        elif layer.select is not None:
            # A file that does not parse is not clean, whatever is looked for in it.
            on = SYNTAX_CODE in ids
    return on


def _in_default_set(persona: Persona, aliases: Iterable[str], selection: Selection) -> bool:
    if persona is Persona.REGULAR or selection.persona is Persona.PEDANTIC:
        return True
    return selection.hadolint and any(hadolint.on_by_default(alias) for alias in aliases)


def _runs(batch: Batch, layers: Sequence[Layer]) -> bool:
    """Whether a batch runs; one that cannot is left out in silence, unless its findings are asked for by name."""
    on, named = True, None
    for layer in layers:
        codes = [name for name in layer.selects if batch.owns(name)]
        wanted = max((_ALL + len(name) for name in codes), default=_ALL if "ALL" in layer.selects else 0)
        unwanted = _ALL + len(batch.prefix) if batch.prefix in layer.ignore else _ALL if "ALL" in layer.ignore else 0
        if wanted or unwanted or layer.select is not None:
            on = wanted > unwanted
            named = f"{layer.source or '--select'}: {codes[0]}" if codes else None
    if not on:
        return False
    missing = batch.missing()
    if missing and named:
        raise UsageError(f"{named}: {missing}")
    return not missing


def _options(catalogue: Catalogue, selection: Selection) -> dict[str, Rule]:
    """The rules that are given other options than their own, by code."""
    changed: dict[str, Rule] = {}
    for name, given in selection.options.items():
        rule = catalogue.one(name, selection.source)
        try:
            changed[rule.code] = changed.get(rule.code, rule).with_options(given)
        except UsageError as error:
            raise UsageError(_placed(error.message, selection.source), hint=error.hint) from error
    return changed


class _Verdict(NamedTuple):
    """What the layers say of findings that go by the same ids."""

    ids: frozenset[str]
    kept: bool
    severity: Severity | None


def _judge(selection: Selection) -> Callable[[str, Finding, tuple[str, ...]], Finding | None]:
    known: dict[tuple[object, ...], _Verdict] = {}
    per_file: dict[str, tuple[str, ...]] = {}

    def ignored_in(path: str) -> tuple[str, ...]:
        if path not in per_file:
            per_file[path] = tuple(
                name for each in selection.per_file if each.paths.matches(path) for name in each.ignore
            )
        return per_file[path]

    def judge(path: str, finding: Finding, aliases: tuple[str, ...]) -> Finding | None:
        key = (finding.code, finding.aliases, finding.persona)
        verdict = known.get(key)
        if verdict is None:
            verdict = known[key] = _verdict(selection, finding, frozenset(ids_of(finding, aliases)))
        if not verdict.kept or (selection.per_file and strength(ignored_in(path), verdict.ids)):
            return None
        severity = verdict.severity
        if severity is None:
            severity = finding.weight
        if severity < selection.minimum:
            return None
        return finding if severity is finding.severity else finding._replace(severity=severity)

    return judge


def _verdict(selection: Selection, finding: Finding, ids: frozenset[str]) -> _Verdict:
    persona = finding.persona or Persona.REGULAR
    default = _in_default_set(persona, finding.aliases or (), selection)
    severity = hadolint.severity(finding.aliases or ()) if selection.hadolint else None
    for layer in selection.layers:
        best = 0
        for name, level in layer.severities.items():
            if (specific := strength((name,), ids)) and specific >= best:
                best, severity = specific, level
    return _Verdict(ids, _chosen(selection.layers, ids, ids, default=default), severity)


def _placed(message: str, source: str | None) -> str:
    return f"{source}: {message}" if source else message


class Catalogue:
    """Everything that rules go by, to check selectors against."""

    def __init__(self, loaded: Loaded) -> None:
        self._rules = loaded.rules
        self._batches = loaded.batches
        self._ids: dict[str, Rule] = {}
        for rule in loaded.rules:
            for name in (rule.code, rule.name, *rule.aliases):
                self._ids.setdefault(name, rule)

    def check(self, name: str, source: str | None = None) -> None:
        """Raise UsageError where a selector names nothing."""
        if name == "ALL" or name in self._ids or hadolint.is_code(name) or self.batch(name):
            return
        if not any(_is_prefix(name, each) for each in self._ids):
            raise self._unknown(name, source)

    def batch(self, name: str) -> Batch | None:
        """The batch whose code it is, such as SC2086, or the beginning of one."""
        return next((batch for batch in self._batches if batch.owns(name)), None)

    def one(self, name: str, source: str | None = None) -> Rule:
        """The rule of that code or name; raises UsageError where there is none."""
        rule = self._ids.get(name)
        if rule is None or name not in (rule.code, rule.name):
            raise self._unknown(name, source)
        return rule

    def found(self, name: str) -> Iterator[Rule]:
        """The rules that a selector means, sorted by code; raises UsageError where it names nothing."""
        self.check(name)
        return (rule for rule in self._rules if strength((name,), (rule.code, rule.name, *rule.aliases)))

    def _unknown(self, name: str, source: str | None) -> UsageError:
        import difflib  # only for what is misspelt

        written = {each.casefold(): each for each in self._ids}
        close = written.get(name.casefold())
        if close is None:
            close = next(iter(difflib.get_close_matches(name[:80], self._ids, n=1, cutoff=0.5)), None)
        hint = f"did you mean {close}?" if close else "`imagelint rules` lists them"
        return UsageError(_placed(f"{name or 'an empty text'}: no such rule", source), hint=hint)
