"""Declaring a rule: a function that visits a part of a Dockerfile and yields findings.

    @rule("IL101", blame=Paths("/var/lib/apt/lists/*"), aliases=("DL3009",))
    def apt_lists_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]: ...

The type of the first parameter says what the rule visits: an instruction, a union of them, a `Stage`, or the whole
`Dockerfile`. The second is the build graph. The function's name in kebab-case is the rule's name; its docstring is
its page of documentation, whose `dockerfile bad|fixed|good` blocks run as tests.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from imagelint.dockerfile.instructions import Instruction
from imagelint.dockerfile.parser import Dockerfile
from imagelint.errors import PluginError
from imagelint.finding import Finding, Severity
from imagelint.graph import BuildGraph, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from imagelint.finding import Blame

CODE = re.compile(r"([A-Z]{2,8})(\d{3,4})")
_EXAMPLE = re.compile(r"^[ \t]*```dockerfile (bad|fixed|good)\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A block of a rule's documentation: `bad` fires, `fixed` is what its fix makes of it, `good` is silent."""

    kind: str
    text: str


class Rule(NamedTuple):
    """A rule, ready to run."""

    code: str
    name: str
    severity: Severity
    aliases: tuple[str, ...]
    blame: Blame
    visits: tuple[type, ...]
    triggers: bool
    function: Callable[[Any, BuildGraph], Iterable[Finding]]

    def check(self, part: Instruction | Stage | Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
        """Run on one part of a Dockerfile; the findings carry the rule's code, name, severity, aliases and blame."""
        for finding in self.function(part, graph):
            yield finding._replace(
                code=self.code,
                name=self.name,
                severity=self.severity if finding.severity is None else finding.severity,
                aliases=self.aliases if finding.aliases is None else finding.aliases,
                blame=self.blame if finding.blame is None else finding.blame,
            )

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
        return tuple(Example(kind, text) for kind, text in _EXAMPLE.findall(self.documentation + "\n"))


def rule(
    code: str,
    *,
    blame: Blame,
    aliases: tuple[str, ...] = (),
    severity: Severity = Severity.WARNING,
    triggers: bool = True,
) -> Callable[[Callable[[Any, BuildGraph], Iterable[Finding]]], Rule]:
    """Make a rule of a function; raises PluginError where the declaration is not one.

    With `triggers` it also visits what stands behind ONBUILD, where another build will run it.
    """

    def declare(function: Callable[[Any, BuildGraph], Iterable[Finding]]) -> Rule:
        if not CODE.fullmatch(code):
            raise PluginError(f"{function.__module__}.{function.__name__}: {code!r} is no rule code, such as IL101")
        name = function.__name__.replace("_", "-")
        return Rule(code, name, severity, aliases, blame, _visits(function), triggers, function)

    return declare


def _visits(function: Callable[..., object]) -> tuple[type, ...]:
    """The types that a rule's first parameter names."""
    where = f"{function.__module__}.{function.__name__}"
    annotations = function.__annotations__
    first = next(iter(annotations.values()), None)
    if isinstance(first, str):
        first = eval(first, function.__globals__)  # noqa: S307 - the plug-in's own annotation, as its author wrote it
    kinds = get_args(first) or (first,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Instruction | Stage | Dockerfile)):
            raise PluginError(f"{where}: the first parameter must be an instruction, a Stage or a Dockerfile")
    return kinds
