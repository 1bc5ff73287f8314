"""Running rules over Dockerfiles: parse, visit, hand batches their scripts, silence what comments silence, judge."""

from __future__ import annotations

from imagelint import hadolint
from imagelint.dockerfile.instructions import Instruction, Onbuild, Run
from imagelint.dockerfile.parser import Dockerfile, parse
from imagelint.errors import PluginError
from imagelint.finding import Fails, FileReport, Finding, Severity, Unpriced, clipped
from imagelint.graph import BuildGraph, Stage
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.suppress import Suppressions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from imagelint.dockerfile.source import Source
    from imagelint.finding import Blame
    from imagelint.graph import BuildContext
    from imagelint.rule import Batch, Rule

#: The code of what BuildKit itself would refuse; its rule is there for its page alone.
SYNTAX_CODE, SYNTAX_NAME = "IL001", "syntax-error"
#: The rules whose findings are made here, where comments are held against what they silence.
UNUSED, UNUSED_PRAGMA, MISSPELT = "unused-suppression", "unused-pragma", "misspelt-suppression"
#: For how many misspelt names of a file the one that may be meant is looked for: that takes a while.
_MAX_SUGGESTIONS = 100
_SILENT: Blame = Unpriced("a comment takes no byte of an image")


class Plan(NamedTuple):
    """What a run does: its rules and batches, and what becomes of a finding.

    `judge` is given a file's path, a finding and the ids of its rule; it answers with the finding, perhaps changed, or
    None. `catalogue` are all rules there are: a comment may name one that does not run. Without `pragmas` hadolint's
    and BuildKit's comments are passed over.
    """

    rules: tuple[Rule, ...]
    batches: tuple[Batch, ...] = ()
    judge: Callable[[str, Finding, tuple[str, ...]], Finding | None] | None = None
    catalogue: tuple[Rule, ...] | None = None
    pragmas: bool = True


class Task(NamedTuple):
    """A Dockerfile to lint: its path, its content, how it is built, and what its image's layers tell, if known."""

    path: str
    data: bytes | str
    context: BuildContext | None = None
    measured: Sequence[Finding] | None = None


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

    @property
    def report(self) -> FileReport:
        """What a report needs of it: plain data."""
        return FileReport(self.path, self.source.index, self.findings)


def lint(
    path: str,
    data: bytes | str,
    rules: Sequence[Rule] | Plan,
    context: BuildContext | None = None,
    measured: Sequence[Finding] | None = None,
) -> Linted:
    """Parse a Dockerfile and run the rules over it; syntax errors are findings, and the rest is linted all the same.

    `measured` are findings of an image's layers, None where no image was looked at; they are chosen and silenced like
    those of the text.
    """
    plan = rules if isinstance(rules, Plan) else Plan(tuple(rules))
    return run(plan, [Task(path, data, context, measured)])[0]


def run(plan: Plan, tasks: Sequence[Task]) -> list[Linted]:
    """Lint several Dockerfiles; a batch is given them all at once."""
    graphs = [BuildGraph(parse(task.data), task.context) for task in tasks]
    found = _found(plan, graphs)
    by_code = {rule.code: rule for rule in plan.rules}
    out: list[Linted] = []
    for task, graph, findings in zip(tasks, graphs, found, strict=True):
        suppressions = Suppressions(graph.dockerfile, pragmas=plan.pragmas)
        findings += (each for each in task.measured or () if each.code in by_code)
        kept = list(suppressions.keep(findings, by_code))
        # What is wrong with the comments is known only now; it can be silenced like everything else.
        if suppressions.pragmas or suppressions.misspelt:
            ran = [rule for rule in plan.rules if not rule.measured or task.measured is not None]
            kept += suppressions.keep(_of_comments(suppressions, graph, plan, ran), by_code)
        if plan.judge is not None:
            kept = [
                judged
                for each in kept
                if (judged := plan.judge(task.path, each, by_code[each.code].aliases if each.code in by_code else ()))
            ]
        kept.sort(key=lambda finding: (finding.span.start, finding.code, finding.span.end))
        out.append(Linted(task.path, graph.dockerfile, graph, tuple(map(clipped, kept))))
    return out


def _found(plan: Plan, graphs: Sequence[BuildGraph]) -> list[list[Finding]]:
    """What the rules and the batches find in each graph. The batches begin first: they work beside the rules."""
    begun: list[tuple[Batch, Iterable[tuple[int, Finding]]]] = []
    try:
        for batch in plan.batches:
            with _Guard(batch):
                begun.append((batch, batch.function(graphs)))
        visits = _Visits(plan.rules)
        found = [[*_syntax(graph.dockerfile), *visits.of(graph)] for graph in graphs]
        for batch, findings in begun:
            with _Guard(batch):
                for number, finding in findings:
                    found[number].append(finding)
        return found
    finally:
        for _, findings in begun:
            if close := getattr(findings, "close", None):
                close()


def _syntax(dockerfile: Dockerfile) -> Iterator[Finding]:
    for problem in dockerfile.problems:
        yield Finding(
            problem.span,
            problem.message,
            severity=Severity.ERROR,
            aliases=problem.aliases,
            blame=Fails(),
            code=SYNTAX_CODE,
            name=SYNTAX_NAME,
        )


class _Visits:
    """Rules by the kind of part that they are about, behind ONBUILD or not; for a RUN also by the programs in it."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._by_kind: dict[tuple[type, bool], list[Rule]] = {}
        self._by_programs: dict[tuple[frozenset[str], bool], list[Rule]] = {}

    def of(self, graph: BuildGraph) -> Iterator[Finding]:
        """Visit every part of a graph. A rule that crashes names itself; nothing is passed over in silence."""
        for part, trigger in _parts(graph):
            for rule in self._about(part, trigger=trigger):
                try:
                    found = rule.check(part, graph)
                except Exception as error:
                    raise _crashed(rule, part, error) from error
                if found:
                    yield from found

    def _about(self, part: Instruction | Stage | Dockerfile, *, trigger: bool) -> list[Rule]:
        """The rules that want to see a part."""
        kind = type(part)
        wanted = self._by_kind.get((kind, trigger))
        if wanted is None:
            wanted = self._by_kind[kind, trigger] = [
                rule
                for rule in self._rules
                if issubclass(kind, rule.visits) and (rule.triggers or not trigger) and not rule.measured
            ]
        if not isinstance(part, Run):
            return wanted
        key = (part.programs, trigger)
        known = self._by_programs.get(key)
        if known is None:
            known = self._by_programs[key] = [rule for rule in wanted if rule.wants(part.programs)]
        return known


def _crashed(rule: Rule, part: Instruction | Stage | Dockerfile, error: Exception) -> PluginError:
    where = f" at line {part.start_line}" if isinstance(part, Instruction) else ""
    message = f"the rule {rule.code} ({rule.name}) failed{where}: {type(error).__name__}: {error}"
    return PluginError(message, hint="this is a bug in the rule; please report it with the Dockerfile")


class _Guard:
    """A batch that crashes names itself; nothing is passed over in silence."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, PluginError):
            message = f"{self._batch.name} failed: {type(error).__name__}: {error}"
            raise PluginError(message, hint=f"--ignore {self._batch.prefix} runs without it") from error


def _parts(graph: BuildGraph) -> Iterator[tuple[Instruction | Stage | Dockerfile, bool]]:
    """Every part of a file, and whether it stands behind ONBUILD."""
    yield graph.dockerfile, False
    for stage in graph.parts:
        yield stage, False
    for instruction in graph.dockerfile.instructions:
        yield instruction, False
        if isinstance(instruction, Onbuild) and instruction.inner is not None:
            yield instruction.inner, True


def _of_comments(
    suppressions: Suppressions, graph: BuildGraph, plan: Plan, found_by: Sequence[Rule]
) -> Iterator[Finding]:
    """What is wrong with the comments that silence findings, as far as the rules about them run.

    `found_by` are the rules that have looked: what another one would find may well be silenced in advance.
    """
    rules = {rule.name: rule for rule in plan.rules if rule.name in (UNUSED, UNUSED_PRAGMA, MISSPELT)}
    if not rules:
        return
    source = graph.dockerfile.source

    def made(rule: Rule, line: int, message: str, help_: str | None) -> Finding:
        span = source.span_of_lines(line, line)
        return Finding(
            span, message, help=help_, severity=rule.severity, persona=rule.persona, aliases=(), blame=_SILENT,
            code=rule.code, name=rule.name,
        )  # fmt: skip

    if rule := rules.get(MISSPELT):
        known = _names(plan.catalogue or ())
        told = 0
        for each in suppressions.misspelt:
            yield made(rule, each.line, each.message, each.help)
        for pragma in suppressions.pragmas if plan.catalogue is not None else ():
            for name in pragma.names if pragma.tool == "imagelint" else ():
                if name not in known and not _is_of_batch(name, plan.batches) and not hadolint.is_code(name):
                    told += 1
                    help_ = _suggestion(name, known if told <= _MAX_SUGGESTIONS else ())
                    yield made(rule, pragma.line, f"there is no rule {name[:60]} to ignore", help_)
    ran = _names(found_by)
    for pragma, name in suppressions.unused(
        lambda name: name in ran or name == "all" or _is_of_batch(name, plan.batches)
    ):
        rule = rules.get(UNUSED if pragma.tool == "imagelint" else UNUSED_PRAGMA)
        if rule is not None:
            yield made(rule, pragma.line, f"{name} is ignored here, and nothing of it is found", "remove the comment")


def _names(rules: Iterable[Rule]) -> frozenset[str]:
    """Everything that a comment may call these rules."""
    names: set[str] = set()
    for rule in rules:
        letters = len(rule.code.rstrip("0123456789"))
        names |= {rule.name, *rule.aliases, *(rule.code[:end] for end in range(letters, len(rule.code) + 1))}
    return frozenset(names | {"ALL"})


def _is_of_batch(name: str, batches: Iterable[Batch]) -> bool:
    return any(each.owns(name) for each in batches)


def _suggestion(name: str, known: Iterable[str]) -> str:
    import difflib  # only for a misspelt comment

    close = difflib.get_close_matches(name[:60], known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else "`imagelint rules` lists them"
