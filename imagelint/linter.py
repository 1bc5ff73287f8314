"""Running rules over a Dockerfile."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from imagelint.dockerfile.instructions import Instruction, Onbuild
from imagelint.dockerfile.parser import Dockerfile, parse
from imagelint.errors import PluginError
from imagelint.finding import Finding, Severity, Unpriced
from imagelint.graph import BuildGraph, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imagelint.dockerfile.source import Source
    from imagelint.graph import BuildContext
    from imagelint.rule import Rule

#: The code of what BuildKit itself would refuse; hadolint's name for it is an alias.
SYNTAX_CODE, SYNTAX_NAME = "IL001", "syntax-error"


class Linted(NamedTuple):
    """A Dockerfile and what was found in it, in the order of the file."""

    path: str
    dockerfile: Dockerfile
    graph: BuildGraph
    findings: tuple[Finding, ...]

    @property
    def source(self) -> Source:
        """The file's source, which turns spans into lines and columns."""
        return self.dockerfile.source


def lint(path: str, data: bytes | str, rules: Sequence[Rule], context: BuildContext | None = None) -> Linted:
    """Parse a Dockerfile and run the rules over it; syntax errors are findings, and the rest is linted all the same."""
    dockerfile = parse(data)
    graph = BuildGraph(dockerfile, context)
    findings = [*_syntax(dockerfile), *_run(rules, graph)]
    findings.sort(key=lambda finding: (finding.span.start, finding.code, finding.span.end))
    return Linted(path, dockerfile, graph, tuple(findings))


def _syntax(dockerfile: Dockerfile) -> Iterator[Finding]:
    for problem in dockerfile.problems:
        yield Finding(
            problem.span,
            problem.message,
            severity=Severity.ERROR,
            aliases=problem.aliases,
            blame=Unpriced("the build fails here"),
            code=SYNTAX_CODE,
            name=SYNTAX_NAME,
        )


def _run(rules: Sequence[Rule], graph: BuildGraph) -> Iterator[Finding]:
    """Visit every part of the graph with the rules that are about its kind."""
    wanted: dict[tuple[type, bool], list[Rule]] = {}
    for part, trigger in _parts(graph):
        kind = (type(part), trigger)
        if kind not in wanted:
            wanted[kind] = [
                rule for rule in rules if issubclass(kind[0], rule.visits) and (rule.triggers or not trigger)
            ]
        for rule in wanted[kind]:
            yield from _guarded(rule, part, graph)


def _guarded(rule: Rule, part: Instruction | Stage | Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """A rule that crashes names itself; nothing is passed over in silence."""
    try:
        yield from rule.check(part, graph)
    except Exception as error:
        where = f" at line {part.start_line}" if isinstance(part, Instruction) else ""
        message = f"the rule {rule.code} ({rule.name}) failed{where}: {type(error).__name__}: {error}"
        raise PluginError(message, hint="this is a bug in the rule; please report it with the Dockerfile") from error


def _parts(graph: BuildGraph) -> Iterator[tuple[Instruction | Stage | Dockerfile, bool]]:
    """Every part of a file, and whether it stands behind ONBUILD."""
    yield graph.dockerfile, False
    for stage in graph.parts:
        yield stage, False
    for instruction in graph.dockerfile.instructions:
        yield instruction, False
        if isinstance(instruction, Onbuild) and instruction.inner is not None:
            yield instruction.inner, True


def select(findings: Iterable[Finding], minimum: Severity) -> Iterator[Finding]:
    """The findings that matter at least that much."""
    return (finding for finding in findings if (finding.severity or Severity.WARNING) >= minimum)
