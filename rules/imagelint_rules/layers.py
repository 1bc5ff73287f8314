"""How a stage is cut into layers."""

from collections.abc import Iterator
from itertools import pairwise

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Run
from imagelint.finding import Finding, Fix, Related, Severity, Shadowed
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint_rules import managers

_FEW = 2


@rule("IL201", blame=Shadowed(), severity=Severity.WARNING, aliases=("DL3059",))
def consecutive_runs(stage: Stage, graph: BuildGraph) -> Iterator[Finding]:
    r"""RUNs that should be one.

    Why: each RUN is a layer, and a layer keeps its bytes whatever the next one does. A package manager rewrites its
    database and its caches in every RUN that calls it, so each of them stores these files again; what one RUN stores
    and the next one removes is never gone. In one RUN only the last state is stored.

    RUNs with more than two commands that have nothing to do with each other are left alone: somebody cut them so on
    purpose, for the build cache. Short ones are reported, and not fixed: nothing is stored twice. RUNs with different
    flags are never one.

    ```dockerfile bad
    FROM debian:12
    RUN apt-get update
    RUN apt-get install -y curl
    # for the health check
    RUN apt-get install -y jq && rm -rf /var/lib/apt/lists/*
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN apt-get update \
        && apt-get install -y curl \
    # for the health check
        && apt-get install -y jq && rm -rf /var/lib/apt/lists/*
    ```

    ```dockerfile good
    FROM debian:12
    RUN apt-get update && apt-get install -y curl jq && rm -rf /var/lib/apt/lists/*
    WORKDIR /srv
    RUN useradd app
    ```
    """
    if not graph.shipped(stage):
        return
    for row in graph.runs_in_a_row(stage):
        for group in _groups(row, graph):
            yield _finding(group, graph)


def _groups(row: tuple[Run, ...], graph: BuildGraph) -> Iterator[tuple[Run, ...]]:
    """Cut a row of RUNs where two neighbours have no reason to be one."""
    group = [row[0]]
    for run in row[1:]:
        if _reason(group[-1], run, graph) is not None:
            group.append(run)
            continue
        if len(group) > 1:
            yield tuple(group)
        group = [run]
    if len(group) > 1:
        yield tuple(group)


def _reason(first: Run, second: Run, graph: BuildGraph) -> str | None:
    """Why two neighbours should be one, in the words of the finding; None where nothing says so."""
    before, after = graph.commands(first), graph.commands(second)
    shared = {managers.system_manager(each) for each in before} & {managers.system_manager(each) for each in after}
    if family := next(iter(sorted(each for each in shared if each)), None):
        return f"each of them stores {family}'s database and caches again"
    if _removes_what_it_stored(first, second, graph):
        return "what a later one removes stays stored in the earlier one's layer"
    if len(before) <= _FEW and len(after) <= _FEW:
        return ""
    return None


def _removes_what_it_stored(first: Run, second: Run, graph: BuildGraph) -> bool:
    """Whether a RUN removes something that the one before it names, and that it has not made itself."""
    stored, own = first.joined, ""
    for command in graph.commands(second):
        if command.name == "rm":
            for word in command.operands():
                name = word.value.rstrip("*").rstrip("/").rpartition("/")[2] or word.value.rstrip("/*")
                if len(name) > 2 and name in stored and name not in own:
                    return True
        own += " ".join(word.value for word in command.words) + " "
    return False


def _finding(group: tuple[Run, ...], graph: BuildGraph) -> Finding:
    reasons = dict.fromkeys(_reason(a, b, graph) or "" for a, b in pairwise(group))
    costs = [reason for reason in reasons if reason]
    joinable = _joinable(group)
    fix = None
    # Without a byte to save, joining would only cost the build cache.
    if joinable and costs and not _login(group[0], graph):
        edits = tuple(each for runs in joinable for each in edit.join(runs))
        fix = Fix(
            f"make {len(group)} RUNs one" if joinable == [group] else "join those that can be joined as they are", edits
        )
    return Finding(
        group[0].keyword_span,
        f"{len(group)} RUNs that should be one",
        note="; ".join(costs) or "each RUN is a layer of its own",
        help="join them with `&&`, so that only the last state is stored",
        fix=fix,
        related=tuple(Related(run.keyword_span, "this one too") for run in group[1:]),
        severity=None if costs else Severity.INFO,
        aliases=("DL3059",) if _hadolint_reports(group, graph) else (),
    )


def _login(run: Run, graph: BuildGraph) -> bool:
    """Whether each RUN's shell begins by reading files that the RUN before may have written."""
    shell = graph.shell(run)
    flags = any(
        each == "--login" or (each[:1] == "-" and each[1:2] != "-" and set("li") & set(each)) for each in shell[1:]
    )
    return flags or graph.variable(run, "BASH_ENV") is not None


def _joinable(group: tuple[Run, ...]) -> list[tuple[Run, ...]]:
    """The parts of a group that can be joined without changing what they do."""
    parts: list[list[Run]] = [[group[0]]]
    for run in group[1:]:
        if edit.can_join(parts[-1][-1], run) and (len(parts[-1]) == 1 or parts[-1][-1].script.chain):
            parts[-1].append(run)
        else:
            parts.append([run])
    return [tuple(part) for part in parts if len(part) > 1]


def _hadolint_reports(group: tuple[Run, ...], graph: BuildGraph) -> bool:
    """hadolint's DL3059 leaves a RUN alone that has more than two commands, or follows one that has."""
    few = [len(graph.commands(run)) <= _FEW for run in group]
    return any(a and b for a, b in pairwise(few))
