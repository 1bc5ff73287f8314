"""How a stage is cut into layers."""

import re
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Instruction, Run
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Fix, Persona, Related, Severity, Shadowed, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint_rules.shared import changes, cleanup, managers

_FEW = 2
#: Programs that install by an index which they, or others of their family, have fetched.
_WITH_INDEX = frozenset({"apt", "apt-get", "aptitude", "apk"})
_REMOVES = "what a later one removes stays stored in the earlier one's layer"
#: A component of a path.
_NAME = r"[^\s/\"'=;&|<>()]+"


@rule("IL201", blame=Shadowed(), severity=Severity.WARNING, aliases=("DL3059",))
def consecutive_runs(stage: Stage, graph: BuildGraph) -> Iterator[Finding]:
    r"""RUNs that should be one.

    Why: each RUN is a layer, and a layer keeps its bytes whatever the next one does. A package manager rewrites its
    database and its caches in every RUN that calls it, so each of them stores these files again; what one RUN stores
    and the next one removes is never gone. In one RUN only the last state is stored.

    RUNs with more than two commands that have nothing to do with each other are left alone: somebody cut them so on
    purpose, for the build cache. Of short ones only the pedantic are told, and nothing is fixed: nothing is stored
    twice. RUNs with different flags are never one. In a stage that is not shipped the layers are nobody's bytes, and a
    RUN each is good for the build cache: only the pedantic are told, and nothing is fixed.

    It is a warning where a later RUN removes what an earlier one stored, or installs with an index that an earlier one
    fetched: the build cache may keep that for weeks. Else it is a remark.

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
    shipped = graph.shipped(stage)
    for row in graph.runs_in_a_row(stage):
        for group in _groups(row, graph):
            finding = _finding(group, graph)
            if not shipped:
                finding = finding._replace(
                    note="each RUN is a layer of its own", fix=None, severity=Severity.INFO, persona=Persona.PEDANTIC
                )
            yield finding


def joined(graph: BuildGraph) -> Mapping[Instruction, int]:
    """The RUNs that are reported because they store bytes for nothing, by the number of their group."""
    out: dict[Instruction, int] = {}
    groups = (
        group
        for stage in graph.parts
        if graph.shipped(stage)
        for row in graph.runs_in_a_row(stage)
        for group in _groups(row, graph)
    )
    for number, group in enumerate(groups):
        if any(_reason(first, second, graph) for first, second in pairwise(group)):
            out |= dict.fromkeys(group, number)
    return out


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
    shared = _managers(first, before) & _managers(second, after)
    if shared:
        return f"each of them stores {min(shared)}'s database and caches again"
    if _removes_what_it_stored(first, second, graph):
        return _REMOVES
    if (len(before) <= _FEW and len(after) <= _FEW) or (_alone(first, graph) and _alone(second, graph)):
        return ""
    return None


def _managers(run: Run, commands: tuple[Command, ...]) -> set[str]:
    """The families of the system's package managers that a RUN calls."""
    if run.programs.isdisjoint(managers.SYSTEM):
        return set()
    return {family for each in commands if (family := managers.system_manager(each))}


def _removes_what_it_stored(first: Run, second: Run, graph: BuildGraph) -> bool:
    """Whether a RUN removes something that the one before it names, and that it has not made itself."""
    commands = graph.commands(second) if "rm" in second.programs else ()
    if not commands:
        return False
    # Sorted, so that a pattern's beginning is found as fast as a whole name is.
    stored = sorted(set(re.findall(_NAME, first.joined)))
    own: list[str] = []
    for command in commands:
        if command.name == "rm":
            for word in command.operands():
                glob = word.value.endswith("*") and not word.value.endswith("/*")
                name = word.value.rstrip("*").rstrip("/").rpartition("/")[2]
                if len(name) > 2 and _holds(stored, name, glob) and not _holds(own, name, glob):
                    return True
        for word in command.words:
            for name in re.findall(_NAME, word.value):
                insort(own, name)
    return False


def _holds(names: list[str], name: str, beginning: bool) -> bool:
    """Whether a name, or one that begins with it, is among sorted ones."""
    at = bisect_left(names, name)
    return at < len(names) and (names[at].startswith(name) if beginning else names[at] == name)


def _finding(group: tuple[Run, ...], graph: BuildGraph) -> Finding:
    reasons = dict.fromkeys(_reason(a, b, graph) or "" for a, b in pairwise(group))
    if _REMOVES not in reasons and _takes_away(group, graph):
        reasons[_REMOVES] = None
    costs = [reason for reason in reasons if reason]
    joinable = _joinable(group)
    fix = None
    # Without a byte to save, joining would only cost the build cache.
    if joinable and costs and not _login(group[0], graph):
        edits = tuple(each for runs in joinable for each in edit.join(runs))
        fix = Fix(
            f"make {len(group)} RUNs one" if joinable == [group] else "join those that can be joined as they are", edits
        )
    reported = any(_alone(a, graph) and _alone(b, graph) for a, b in pairwise(group))
    return Finding(
        group[0].keyword_span,
        f"{len(group)} RUNs that should be one",
        note="; ".join(costs) or "each RUN is a layer of its own",
        help="join them with `&&`, so that only the last state is stored",
        fix=fix,
        related=tuple(Related(run.keyword_span, "this one too") for run in group[1:]),
        severity=None if _REMOVES in reasons or _index_alone(group, graph) else Severity.INFO,
        # Where nothing is stored twice it is a matter of taste, and of the build cache.
        persona=None if costs else Persona.PEDANTIC,
        aliases=("DL3059",) if reported else (),
    )


def _takes_away(group: tuple[Run, ...], graph: BuildGraph) -> bool:
    """Whether one of the RUNs removes packages or folders that another one brought."""
    removed, runs = _removals(graph), set(group)
    return any(earlier in runs for run in group for earlier in removed.get(run, ()))


@lru_cache(maxsize=1)
def _removals(graph: BuildGraph) -> Mapping[Instruction, set[Instruction]]:
    """By RUN: the instructions that stored something large which it removes."""
    found: dict[Instruction, set[Instruction]] = {}
    for change in changes.changes(graph):
        if change.kind is changes.REMOVE and change.large:
            found.setdefault(change.run, set()).update(each.instruction for each in change.earlier)
    return found


def _index_alone(group: tuple[Run, ...], graph: BuildGraph) -> bool:
    """Whether one of the RUNs fetches a package index that another one installs with, which may be weeks later."""
    fetched: set[str] = set()
    for run in group:
        updates, installs = _index_uses(graph.commands(run))
        if fetched & (installs.keys() - updates.keys()):
            return True
        fetched |= {family for family in updates if not _drops_index(run, family, graph)}
    return False


def _drops_index(run: Run, family: str, graph: BuildGraph) -> bool:
    """Whether a RUN takes the index away itself, so that no later one can install with it."""
    folder = {"apt": "/var/lib/apt/lists", "apk": "/var/cache/apk"}[family]
    return any(cleanup.covers(word, folder) for each in graph.commands(run) for word in cleanup.removed(each))


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


def _alone(run: Run, graph: BuildGraph) -> bool:
    """Whether a RUN is one command as hadolint counts them, whose DL3059 is about neighbours of one command each.

    Who chains commands has cut the RUNs on purpose. Conditions and assignments are none, a quoted script is one.
    """
    texts: set[int] = set()
    count = 0
    for command in graph.commands(run):
        if command.name in ("", "[", "[["):
            continue
        if command.text is run.script.text:
            count += 1
        else:
            texts.add(id(command.text))
    return count + len(texts) <= 1


@rule("IL207", blame=Unpriced("the index is older than the packages' list; its own bytes are those of IL101 and IL102"))
def index_fetched_in_its_own_layer(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """The package index is fetched in one layer, and used in a later one.

    Why: the build cache keeps the layer of the `update` for as long as its line stays the same. When the line of the
    `install` changes weeks later, it works with an index of weeks ago: it installs old versions, or fails because the
    distribution has replaced them. Fetched and used in one RUN, the index is always as new as the install.

    RUNs that stand in a row in a shipped stage are reported as RUNs that should be one (IL201).

    ```dockerfile bad
    FROM debian:12
    RUN apt-get update
    WORKDIR /srv
    RUN apt-get install -y curl
    ```

    ```dockerfile good
    FROM debian:12
    RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
    ```
    """
    groups: Mapping[Instruction, int] | None = None
    for stage in graph.parts:
        fetched: dict[str, tuple[Run, Command]] = {}
        for run in stage.instructions:
            if not isinstance(run, Run) or run.programs.isdisjoint(_WITH_INDEX):
                continue
            updates, installs = _index_uses(graph.commands(run))
            for family, command in installs.items():
                if family in updates:
                    continue  # it has fetched the index itself, or fetches it for the next one too late
                update = fetched.pop(family, None)
                if update is None:
                    continue
                groups = joined(graph) if groups is None else groups
                if groups.get(update[0], -1) != groups.get(run, -2):
                    yield _stale(update[1], command)
            for family, command in updates.items():
                if family not in installs:
                    fetched[family] = (run, command)
                else:
                    fetched.pop(family, None)


def _stale(update: Command, install: Command) -> Finding:
    program = update.name
    return Finding(
        update.span,
        f"`{program} {_verb(update)}` in a layer of its own, which the build cache keeps as it is",
        note="when the line of the install changes, it works with an index as old as this layer",
        help="fetch the index in the RUN that installs, joined by `&&`",
        related=(Related(install.span, "installs with the index of that layer"),),
    )


def _verb(command: Command) -> str:
    return managers.apt(command) or next((word.value for word in command.operands()), "")


def _index_uses(commands: tuple[Command, ...]) -> tuple[dict[str, Command], dict[str, Command]]:
    """By family of package manager: what fetches the index, and what installs with it."""
    updates: dict[str, Command] = {}
    installs: dict[str, Command] = {}
    for command in commands:
        if command.name not in _WITH_INDEX:
            continue
        family = managers.system_manager(command)
        assert family is not None
        words = managers.apk(command)
        verb = managers.apt(command) if family == "apt" else words[0].value if words else None
        if verb == "update":
            updates.setdefault(family, command)
        elif verb in ("install", "add") and not command.option("--no-cache", "--update-cache", "-U"):
            installs.setdefault(family, command)
    return updates, installs
