"""A gate's verdict in every form: for people, for a pull request, for CI's own reports, for metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Protocol

from imagelint.output import analysis, escape
from imagelint.output.json import dumps
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.repository import from_root
from imagelint.sizes import human, signed
from imagelint.text import printable

if TYPE_CHECKING:
    from typing import TextIO

    from imagelint.gate import Check, Cost, Culprit, Verdict
    from imagelint.image.report import Report
    from imagelint.output.places import Place


class Judged(Protocol):
    """What was judged: a report, the Dockerfile's path (empty without one), and the lines behind the layers."""

    @property
    def report(self) -> Report:
        """The image's report."""
        ...

    @property
    def path(self) -> str:
        """The Dockerfile."""
        ...

    @property
    def places(self) -> Mapping[int, Place]:
        """The line behind each layer that is known."""
        ...


NAMES = ("text", "json", "markdown", "github", "sarif", "gitlab", "junit", "openmetrics")
#: So many of those who grew are named in a report for people; GitHub shows no more annotations of a step either.
SHOWN = 10


def report(form: str, read: Judged, verdict: Verdict, stream: TextIO | None) -> str:
    """The verdict in a form, ended by a line end. `stream` is where text goes; None for a file."""
    if form == "text":
        from imagelint.output import tables

        out = StringIO()
        tables.gate(tables.console(stream or out, out), read.report, verdict, read.places)
        return out.getvalue()
    if form == "json":
        return dumps(analysis.gate(read.report, verdict, read.places)) + "\n"
    if form in ("markdown", "github"):
        lines = (_markdown if form == "markdown" else _github)(read, verdict)
    else:
        from imagelint.output import gatereports

        lines = getattr(gatereports, form)(read, verdict)
    return "\n".join(lines) + "\n"


def sentence(check: Check) -> str:
    """A check in words: its name, how it ended, what was observed and what is allowed."""
    word = "waived" if check.waived else "held" if check.held else "broken"
    return f"{check.name} {word}: {observed(check)}"


def observed(check: Check) -> str:
    """What was observed and what is allowed, and why it may be broken."""
    return check.message + (f"; waived: {check.waived}" if check.waived else "")


def _where(each: Culprit, places: Mapping[int, Place]) -> str:
    place = places.get(each.layer)
    return f"line {place.line}" if place else f"layer {each.layer}"


def culprit(each: Culprit, places: Mapping[int, Place]) -> str:
    """Who grew, by how much, and at which line."""
    what = each.package or each.command
    mostly = f", mostly {each.path}" if each.path else ""
    return f"{signed(each.delta_bytes)} {_where(each, places)}: {what}{mostly}"


class Blamed(NamedTuple):
    """What is named beside a broken budget: the rule that it goes by, in words, and where it is.

    `lines` are the Dockerfile's, None where no line is known; `identity` stays the same when the numbers do not.
    """

    rule: str
    text: str
    lines: tuple[int, int] | None
    identity: str


def blamed(read: Judged, verdict: Verdict) -> Iterator[Blamed]:
    """The findings that cost too much, then who grew, the dearest first, and no more than can be shown."""
    seen: list[tuple[str, str]] = []
    for cost in verdict.costs[:SHOWN]:
        seen.append((cost.code, cost.message))
        identity = f"costs:{cost.code}:{cost.message}:{seen.count(seen[-1])}"
        yield Blamed("costs", costly(cost), (cost.line, cost.end_line), identity)
    for each in verdict.culprits[:SHOWN]:
        place = read.places.get(each.layer)
        identity = f"grew:{each.command}:{each.package or ''}:{each.layer}"
        yield Blamed("grew", culprit(each, read.places), (place.line, place.end_line) if place else None, identity)


def costly(each: Cost) -> str:
    """What a finding costs, and at which line."""
    return f"{human(each.bytes)} line {each.line}: {each.code} {each.message}"


def _markdown(read: Judged, verdict: Verdict) -> Iterator[str]:
    """One comment's worth, in a form that a bot can find and write anew."""
    image = read.report.image
    yield "<!-- imagelint gate -->"
    word = "✅ held" if verdict.held else "❌ broken"
    yield f"### {word}: {escape.code_cell(image.reference)}, {human(image.layer_bytes)}"
    if verdict.checks:
        yield from ("", "| budget | | observed |", "|---|---|---|")
    for check in verdict.checks:
        word = "waived" if check.waived else "held" if check.held else "**broken**"
        yield f"| {check.name} | {word} | {escape.code_cell(observed(check), 300)} |"
    if verdict.costs:
        yield from ("", "| cost | where | finding |", "|--:|---|---|")
    for cost in verdict.costs[:SHOWN]:
        yield f"| {human(cost.bytes)} | line {cost.line} | {cost.code} {escape.code_cell(cost.message)} |"
    if len(verdict.costs) > SHOWN:
        yield from ("", f"and {len(verdict.costs) - SHOWN} more findings")
    if verdict.culprits:
        yield from ("", "| change | where | what |", "|--:|---|---|")
    for each in verdict.culprits[:SHOWN]:
        what = escape.code_cell(each.package or each.command)
        mostly = f", mostly {escape.code_cell(each.path)}" if each.path else ""
        yield f"| {signed(each.delta_bytes)} | {_where(each, read.places)} | {what}{mostly} |"
    if len(verdict.culprits) > SHOWN:
        yield from ("", f"and {len(verdict.culprits) - SHOWN} more that grew")


def _github(read: Judged, verdict: Verdict) -> Iterator[str]:
    """Ten annotations: broken budgets, waived ones, what costs and who grew most, at the Dockerfile's lines.

    What held, and what there is no annotation left for, is a line of the log: it cannot be taken for a command, since
    it begins with a word or a sign of ours.
    """
    annotated = [
        (f"::{level} title={escape.github_property(f'imagelint {check.name}')}::", sentence(check))
        for level, checks in (
            ("error", [check for check in verdict.checks if not check.held]),
            ("notice", [check for check in verdict.checks if check.waived]),
        )
        for check in checks
    ]
    for each in () if verdict.held else blamed(read, verdict):
        at = ""
        if each.lines:
            file = escape.github_property(from_root(read.path or "Dockerfile"))
            at = f"file={file},line={each.lines[0]},endLine={each.lines[1]},"
        annotated.append((f"::warning {at}title={each.rule}::", each.text))
    for command, text in annotated[:SHOWN]:
        yield f"{command}{escape.github_message(text)}"
    yield from (printable(text) for _, text in annotated[SHOWN:])
    yield from (printable(sentence(check)) for check in verdict.checks if check.held and not check.waived)
