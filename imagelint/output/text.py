"""Findings as a person reads them: the place, the source line with a caret, what it costs and what to do."""

from __future__ import annotations

from imagelint.finding import Safety, Severity
from imagelint.output import plain
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelint.finding import FileReport, Finding, Related
    from imagelint.output.style import Style
    from imagelint.text import Position, Span

#: Wider source lines are cut around what the caret points at.
MAX_WIDTH = 160
_WORDS = ("cost", "note", "help", "fix", "rule")


class Page(NamedTuple):
    """What is said of one file: the text of its findings, how many have which weight, how many `--fix` does away with.

    It is all that a run over many files needs to keep, and to hand from one process to another.
    """

    text: str
    weights: Mapping[Severity, int]
    fixable: int
    total_bytes: int | None = None


def page(file: FileReport, style: Style) -> Page:
    """The findings of a file as text, an empty line behind each."""
    writer = _Writer(file, style)
    for finding in file.findings:
        writer.write(finding)
    weights: dict[Severity, int] = {}
    for finding in file.findings:
        weights[finding.weight] = weights.get(finding.weight, 0) + 1
    fixable = sum(finding.fix is not None and finding.fix.safety is Safety.SAFE for finding in file.findings)
    return Page("\n".join([*writer.lines, ""]), weights, fixable, file.total_bytes)


class _Writer:
    """Writes the findings of one file."""

    def __init__(self, file: FileReport, style: Style) -> None:
        self.lines: list[str] = []
        self._index = file.lines
        self._path = printable(file.path)
        self._style = style
        self._bar = style("|", "blue")
        self._arrows = {mark: style(arrow, "blue") for mark, arrow in (("^", "-->"), ("-", ":::"))}
        self._words = {word: f"{style('=', 'blue')} {style(word, 'bold')}:" for word in _WORDS}

    def write(self, finding: Finding) -> None:
        """The lines of a finding."""
        style, write = self._style, self.lines.append
        head = style.severity(f"{finding.weight.label}[{finding.code}]", finding.weight)
        write(f"{head} {style(printable(finding.message), 'bold')}")
        position = self._index.position
        start = position(finding.span.start)
        last = max([start.line, *(position(related.span.start).line for related in finding.related)])
        indent = " " * len(str(last))
        self._snippet(start, finding.span, indent, "^")
        for group in _grouped(finding.related):
            if len(group) == 1:
                label = f" {printable(group[0].message)}" if group[0].message else ""
                self._snippet(position(group[0].span.start), group[0].span, indent, "-", label)
            else:
                lines = [str(position(related.span.start).line) for related in group]
                where = f"{', '.join(lines[:-1])} and {lines[-1]}"
                write(f"{indent} {self._arrows['-']} lines {where}: {printable(group[0].message)}")
        if finding.price:
            from imagelint.output.costs import cost  # only where an image is looked at

            write(f"{indent} {self._words['cost']} {printable(cost(finding.price))}")
        if finding.note:
            write(f"{indent} {self._words['note']} {printable(finding.note)}")
        if finding.help:
            write(f"{indent} {self._words['help']} {printable(finding.help)}")
        if finding.fix:
            safe = finding.fix.safety is Safety.SAFE
            how = "--fix" if safe else "--fix --unsafe-fixes: it may change what the build does"
            write(f"{indent} {self._words['fix']} {printable(finding.fix.title)} ({how})")
        aliases = f" ({', '.join(finding.aliases)})" if finding.aliases else ""
        write(f"{indent} {self._words['rule']} {finding.name}{aliases}")
        write("")

    def _snippet(self, start: Position, span: Span, indent: str, mark: str, label: str = "") -> None:
        """The place, and the source line with the part that is meant underlined."""
        style, bar = self._style, self._bar
        line = self._index.line_text(start.line)
        begin = start.column - 1
        stop = min(begin + max(span.end - span.start, 1), max(len(line), begin + 1))
        more = plain.shown("…", style.encoding) if stop - begin < span.end - span.start else ""
        shown, lead, width = _window(line, begin, stop, style.encoding)
        under = style(mark * width + more, "red" if mark == "^" else "cyan")
        self.lines += (
            f"{indent} {self._arrows[mark]} {self._path}:{start.line}:{start.column}",
            f"{indent} {bar}",
            f"{style(f'{start.line:>{len(indent)}}', 'blue')} {bar} {shown}",
            f"{indent} {bar} {' ' * lead}{under}{label}",
        )


def _grouped(related: Sequence[Related]) -> list[list[Related]]:
    """Neighbours with the same message together."""
    out: list[list[Related]] = []
    for each in related:
        if out and out[-1][0].message == each.message:
            out[-1].append(each)
        else:
            out.append([each])
    return out


def _window(line: str, begin: int, stop: int, encoding: str) -> tuple[str, int, int]:
    """A line as it is shown, and where its underline begins and how wide it is, in columns of the terminal."""
    if len(line) <= MAX_WIDTH and line.isascii() and line.isprintable():  # as most are: nothing to make visible
        return line, begin, max(stop - begin, 1)
    left = 0 if len(line) <= MAX_WIDTH else max(0, begin - MAX_WIDTH // 4)
    right = min(len(line), left + MAX_WIDTH)
    stop = min(stop, right)
    before = _flat(("…" if left else "") + line[left:begin], encoding)
    meant = _flat(line[begin:stop], encoding)
    after = _flat(line[stop:right] + ("…" if right < len(line) else ""), encoding)
    return f"{before}{meant}{after}", _columns(before), max(_columns(meant), 1)


def _flat(text: str, encoding: str) -> str:
    return plain.shown(printable(text.replace("\t", "    ")), encoding)


def _columns(text: str) -> int:
    """How many columns a terminal gives a text."""
    if text.isascii():
        return len(text)
    import unicodedata  # loads a library, and most lines need none

    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def summary(pages: Sequence[Page], unread: int, style: Style, *, known: int = 0) -> str:
    """One line over everything: how many findings of which weight, how many can be fixed, how many files failed.

    `known` are those that a baseline passes over.
    """
    counts = {severity: sum(page.weights.get(severity, 0) for page in pages) for severity in reversed(Severity)}
    shown = sum(counts.values())
    checked = f"{len(pages)} file{'s' * (len(pages) != 1)}"
    failed = f"; {known} known from the baseline" if known else ""
    failed += "; " + style(f"{unread} could not be read", "red") if unread else ""
    if not shown:
        return style(f"{checked} checked, nothing found", "dim" if unread else "green") + failed
    weights = ", ".join(
        style.severity(f"{count} {_plural(severity.label, count)}", severity)
        for severity, count in counts.items()
        if count
    )
    fixable = sum(page.fixable for page in pages)
    total = f"{shown} finding{'s' * (shown != 1)} in {checked}: {weights}"
    totals = [page.total_bytes for page in pages if page.total_bytes is not None]
    if totals:
        from imagelint.sizes import human

        total += f"; {human(sum(totals))} in all"
    return total + (f"; {fixable} can be fixed with --fix" if fixable else "") + failed


def _plural(label: str, count: int) -> str:
    return label + "s" if count != 1 and label in ("error", "warning") else label
