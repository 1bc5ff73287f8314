"""Declaring a rule: a function that visits a part of a Dockerfile and yields findings.

    @rule("IL101", blame=Paths("/var/lib/apt/lists/*"), aliases=("DL3009",))
    def apt_lists_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]: ...

The type of the first parameter says what the rule visits: an instruction, a union of them, a `Stage`, or the whole
`Dockerfile`. The second is the build graph. Keyword-only parameters are the rule's options, with their defaults. The
function's name in kebab-case is the rule's name; its docstring is its page of documentation, whose `dockerfile
bad|fixed|good` blocks run as tests.

A check that wants all Dockerfiles of a run at once, because it hands them to another program, is a `batch`.
"""

from __future__ import annotations

import re

from imagelint.dockerfile.instructions import Instruction
from imagelint.dockerfile.parser import Dockerfile
from imagelint.errors import PluginError, UsageError
from imagelint.finding import Finding, Persona, Severity
from imagelint.graph import BuildGraph, Stage
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from imagelint.finding import Blame

CODE = r"([A-Z]{2,8})(\d{3,4})"
_EXAMPLE = r"(?ms)^[ \t]*```dockerfile (bad|fixed|good)\n(.*?)^[ \t]*```"
#: What an option may be, by its annotation: the type that a configuration gives, and how it is called.
_OPTION_TYPES: dict[str, tuple[type, str]] = {
    "bool": (bool, "true or false"),
    "int": (int, "a number"),
    "str": (str, "a text"),
    "tuple[str, ...]": (list, "a list of texts"),
}


class Example(NamedTuple):
    """A block of a rule's documentation: `bad` fires, `fixed` is what its fix makes of it, `good` is silent."""

    kind: str
    text: str


class Rule(NamedTuple):
    """A rule, ready to run. `options` are the values of its keyword-only parameters, by name in kebab-case.

    It is shown the RUNs that call one of its `programs`, or one that begins with one of `prefixes`; with neither, all.
    What is `measured` is found in an image's layers: its function finds nothing in the text.
    """

    code: str
    name: str
    severity: Severity
    persona: Persona
    aliases: tuple[str, ...]
    blame: Blame
    visits: tuple[type, ...]
    triggers: bool
    function: Callable[..., Iterable[Finding]]
    options: Mapping[str, Any]
    measured: bool = False
    programs: frozenset[str] | None = None
    prefixes: tuple[str, ...] = ()

    def wants(self, programs: frozenset[str]) -> bool:
        """Whether it is to be shown a RUN that calls these programs."""
        if self.programs is None or not self.programs.isdisjoint(programs):
            return True
        return bool(self.prefixes) and any(name.startswith(self.prefixes) for name in programs)

    def check(self, part: Instruction | Stage | Dockerfile, graph: BuildGraph) -> list[Finding]:
        """Run on one part of a Dockerfile; the findings carry what the rule says of itself and they do not."""
        if self.options:
            given = {name.replace("-", "_"): value for name, value in self.options.items()}
            found = list(self.function(part, graph, **given))
        else:
            found = list(self.function(part, graph))
        return [self._stamped(finding) for finding in found] if found else found

    def _stamped(self, finding: Finding) -> Finding:
        return Finding(
            finding.span,
            finding.message,
            finding.note,
            finding.help,
            finding.fix,
            finding.related,
            self.severity if finding.severity is None else finding.severity,
            self.persona if finding.persona is None else finding.persona,
            self.aliases if finding.aliases is None else finding.aliases,
            self.blame if finding.blame is None else finding.blame,
            self.code,
            self.name,
            finding.price,
        )

    def with_options(self, given: Mapping[str, object]) -> Rule:
        """The rule with other values for its options; raises UsageError for one that it lacks, or of another type."""
        options = dict(self.options)
        for name, value in given.items():
            if name not in options:
                known = ", ".join(options) or "it has none"
                raise UsageError(f"the rule {self.code} ({self.name}) has no option {name}", hint=f"options: {known}")
            kind, called = _OPTION_TYPES[self.option_type(name)]
            wrong = type(value) is not kind
            if isinstance(value, list):
                wrong = wrong or not all(isinstance(each, str) for each in value)
                value = tuple(value)
            if wrong:
                raise UsageError(f"the option {name} of {self.code} must be {called}, not {shown(value)}")
            options[name] = value
        return self._replace(options=options)

    def option_type(self, name: str) -> str:
        """The annotation of an option: `bool`, `int`, `str` or `tuple[str, ...]`."""
        annotation = self.function.__annotations__[name.replace("-", "_")]
        return annotation.__name__ if type(annotation) is type else str(annotation)

    @property
    def documentation(self) -> str:
        """The rule's page: its docstring, without the code's indentation."""
        import inspect

        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The page's first line."""
        return self.documentation.partition("\n")[0]

    @property
    def examples(self) -> tuple[Example, ...]:
        """The examples of the page, in order."""
        return tuple(Example(kind, text) for kind, text in re.findall(_EXAMPLE, self.documentation + "\n"))


def rule(
    code: str,
    *,
    blame: Blame,
    aliases: tuple[str, ...] = (),
    severity: Severity = Severity.WARNING,
    persona: Persona = Persona.REGULAR,
    triggers: bool = True,
    measured: bool = False,
    programs: Iterable[str] | None = None,
) -> Callable[[Callable[..., Iterable[Finding]]], Rule]:
    """Make a rule of a function; raises PluginError where the declaration is not one.

    With `triggers` it also visits what stands behind ONBUILD, where another build will run it. What is `measured` is
    found by imagelint in an image's layers, and here only to be chosen, explained and silenced like any other.
    `programs` say that there is nothing to find in a RUN that calls none of them, so that it is not shown one: names
    such as `apt-get`, or beginnings such as `python*`.
    """

    def declare(function: Callable[..., Iterable[Finding]]) -> Rule:
        where = f"{function.__module__}.{function.__name__}"
        if not re.fullmatch(CODE, code):
            raise PluginError(f"{where}: {code!r} is no rule code, such as IL101")
        name = function.__name__.replace("_", "-")
        options = {key.replace("_", "-"): value for key, value in (function.__kwdefaults__ or {}).items()}
        if isinstance(programs, str):
            raise PluginError(f"{where}: programs must be several names, not one text")
        names = None if programs is None else frozenset(programs)
        starts = tuple(sorted(each[:-1] for each in names or () if each.endswith("*")))
        made = Rule(
            code, name, severity, persona, aliases, blame, _visits(function), triggers, function, options, measured,
            names, starts,
        )  # fmt: skip
        for option in options:
            if made.option_type(option) not in _OPTION_TYPES:
                kinds = ", ".join(_OPTION_TYPES)
                raise PluginError(f"{where}: the option {option} must be annotated with one of {kinds}")
        return made

    return declare


def _visits(function: Callable[..., object]) -> tuple[type, ...]:
    """The types that a rule's first parameter names."""
    where = f"{function.__module__}.{function.__name__}"
    annotations = function.__annotations__
    first = next(iter(annotations.values()), None)
    if isinstance(first, str):
        first = eval(first, function.__globals__)  # noqa: S307 - the plug-in's own annotation, as its author wrote it
    kinds = tuple(getattr(first, "__args__", ())) or (first,)  # a union has members
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Instruction | Stage | Dockerfile)):
            raise PluginError(f"{where}: the first parameter must be an instruction, a Stage or a Dockerfile")
    return kinds


class Batch(NamedTuple):
    """A check over many Dockerfiles at once. Its findings bring their own codes, which begin with `prefix`.

    `missing` says what it lacks to run here, or None. `function` is called before the rules run, so that it can start
    what works beside them; the findings that it returns, each with the number of its graph, are read after they have.
    What it returns is closed in any case, where it has a `close`, as generators have.
    """

    prefix: str
    name: str
    summary: str
    missing: Callable[[], str | None]
    function: Callable[[Sequence[BuildGraph]], Iterable[tuple[int, Finding]]]

    def owns(self, name: str) -> bool:
        """Whether it is a code of this batch, such as SC2086, or the beginning of one."""
        return name.startswith(self.prefix) and not name[len(self.prefix) :].strip("0123456789")


def batch(
    prefix: str, *, missing: Callable[[], str | None]
) -> Callable[[Callable[[Sequence[BuildGraph]], Iterable[tuple[int, Finding]]]], Batch]:
    """Make a batch of a function; its name in kebab-case is the batch's name, its docstring's first line says what."""

    def declare(function: Callable[[Sequence[BuildGraph]], Iterable[tuple[int, Finding]]]) -> Batch:
        summary = (function.__doc__ or "").partition("\n")[0]
        return Batch(prefix, function.__name__.replace("_", "-"), summary, missing, function)

    return declare
