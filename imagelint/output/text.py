"""Findings as a person reads them: the place, the source line with a caret, what it costs and what to do."""

from __future__ import annotations

import unicodedata
from collections import Counter

from imagelint.finding import Safety, Severity
from imagelint.output.costs import cost
from imagelint.records import TYPE_CHECKING
from imagelint.sizes import human
from imagelint.text import Span, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelint.finding import FileReport, Finding, Related
    from imagelint.output.style import Style
    from imagelint.text import LineIndex

#: Wider source lines are cut around what the caret points at.
MAX_WIDTH = 160


def findings(file: FileReport, style: Style) -> Iterator[str]:
    """The lines of a file's findings."""
    for finding in file.findings:
        yield from _finding(file, finding, style)
        yield ""


def _finding(file: FileReport, finding: Finding, style: Style) -> Iterator[str]:
    index = file.lines
    aliases = f" ({', '.join(finding.aliases)})" if finding.aliases else ""
    head = style.severity(f"{finding.weight.label}[{finding.code}]", finding.weight)
    yield f"{head} {style(printable(finding.message), 'bold')}"
    places = [finding.span, *(related.span for related in finding.related)]
    gutter = len(str(max(index.position(span.start).line for span in places)))
    yield from _snippet(file.path, index, finding.span, gutter, style, arrow="-->", mark="^")
    for group in _grouped(finding.related):
        if len(group) == 1:
            yield from _snippet(
                file.path, index, group[0].span, gutter, style, arrow=":::", mark="-", label=group[0].message
            )
        else:
            lines = [str(index.position(related.span.start).line) for related in group]
            where = f"{', '.join(lines[:-1])} and {lines[-1]}"
            yield f"{' ' * gutter} {style(':::', 'blue')} lines {where}: {printable(group[0].message)}"
    bar = f"{' ' * gutter} {style('=', 'blue')}"
    if finding.price:
        yield f"{bar} {style('cost', 'bold')}: {printable(cost(finding.price))}"
    if finding.note:
        yield f"{bar} {style('note', 'bold')}: {printable(finding.note)}"
    if finding.help:
        yield f"{bar} {style('help', 'bold')}: {printable(finding.help)}"
    if finding.fix:
        how = (
            "--fix" if finding.fix.safety is Safety.SAFE else "--fix --unsafe-fixes: it may change what the build does"
        )
        yield f"{bar} {style('fix', 'bold')}: {printable(finding.fix.title)} ({how})"
    yield f"{bar} {style('rule', 'bold')}: {finding.name}{aliases}"


def _grouped(related: Sequence[Related]) -> list[list[Related]]:
    """Neighbours with the same message together."""
    out: list[list[Related]] = []
    for each in related:
        if out and out[-1][0].message == each.message:
            out[-1].append(each)
        else:
            out.append([each])
    return out


def _snippet(
    path: str, index: LineIndex, span: Span, gutter: int, style: Style, *, arrow: str, mark: str, label: str = ""
) -> Iterator[str]:
    """The place, and the source line with the part that is meant underlined."""
    start = index.position(span.start)
    line = index.line_text(start.line)
    begin = start.column - 1
    stop = min(begin + max(span.end - span.start, 1), max(len(line), begin + 1))
    more = stop - begin < span.end - span.start
    shown, lead, width = _window(line, begin, stop)
    bar = style("|", "blue")
    yield f"{' ' * gutter} {style(arrow, 'blue')} {printable(path)}:{start.line}:{start.column}"
    yield f"{' ' * gutter} {bar}"
    yield f"{style(f'{start.line:>{gutter}}', 'blue')} {bar} {shown}"
    under = style(mark * width + ("…" if more else ""), "red" if mark == "^" else "cyan")
    yield f"{' ' * gutter} {bar} {' ' * lead}{under}{' ' + printable(label) if label else ''}"


def _window(line: str, begin: int, stop: int) -> tuple[str, int, int]:
    """A line as it is shown, and where its underline begins and how wide it is, in columns of the terminal."""
    left = 0 if len(line) <= MAX_WIDTH else max(0, begin - MAX_WIDTH // 4)
    right = min(len(line), left + MAX_WIDTH)
    stop = min(stop, right)
    before, meant, after = _flat(line[left:begin]), _flat(line[begin:stop]), _flat(line[stop:right])
    head = "…" if left else ""
    tail = "…" if right < len(line) else ""
    return f"{head}{before}{meant}{after}{tail}", _columns(head + before), max(_columns(meant), 1)


def _flat(text: str) -> str:
    return printable(text.replace("\t", "    "))


def _columns(text: str) -> int:
    """How many columns a terminal gives a text."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def summary(files: Sequence[FileReport], unread: int, style: Style, *, known: int = 0) -> str:
    """One line over everything: how many findings of which weight, how many can be fixed, how many files failed.

    `known` are those that a baseline passes over.
    """
    shown = [finding for file in files for finding in file.findings]
    checked = f"{len(files)} file{'s' * (len(files) != 1)}"
    failed = f"; {known} known from the baseline" if known else ""
    failed += "; " + style(f"{unread} could not be read", "red") if unread else ""
    if not shown:
        return style(f"{checked} checked, nothing found", "dim" if unread else "green") + failed
    counts = Counter(finding.weight for finding in shown)
    weights = ", ".join(
        style.severity(f"{counts[severity]} {_plural(severity.label, counts[severity])}", severity)
        for severity in sorted(Severity, reverse=True)
        if counts[severity]
    )
    fixable = sum(finding.fix is not None and finding.fix.safety is Safety.SAFE for finding in shown)
    total = f"{len(shown)} finding{'s' * (len(shown) != 1)} in {checked}: {weights}"
    totals = [file.total_bytes for file in files if file.total_bytes is not None]
    if totals:
        total += f"; {human(sum(totals))} in all"
    return total + (f"; {fixable} can be fixed with --fix" if fixable else "") + failed


def _plural(label: str, count: int) -> str:
    return label + "s" if count != 1 and label in ("error", "warning") else label
