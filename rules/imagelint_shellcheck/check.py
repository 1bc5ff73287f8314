"""ShellCheck over the scripts of many Dockerfiles at once."""

from __future__ import annotations

import re

from imagelint.finding import Finding, Persona, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.records import TYPE_CHECKING
from imagelint.rule import batch
from imagelint.text import Span
from imagelint_shellcheck import process
from imagelint_shellcheck.petty import petty
from imagelint_shellcheck.scripts import Script, disabled, scripts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

#: How many scripts one process is given at most, and how many characters of them; fewer than these are not shared out.
BUNCH, BUNCH_CHARACTERS, SMALL_BUNCH = 50, 40_000, 10
#: ShellCheck takes minutes and gigabytes over a longer one; no RUN in shell form can be much longer than this anyway.
MAX_SCRIPT = 40_000
_SEVERITIES = {
    "error": Severity.ERROR,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
    "style": Severity.STYLE,
}
_BLAME = Unpriced("it is about what a script does, not about bytes")


def _missing() -> str | None:
    """What ShellCheck lacks to run here."""
    if process.find() is None:
        return "ShellCheck is not installed: `pip install 'imagelint[shellcheck]'`, or put `shellcheck` on the PATH"
    return None


@batch("SC", missing=_missing)
def shellcheck(graphs: Sequence[BuildGraph]) -> Iterable[tuple[int, Finding]]:
    """What ShellCheck finds in the scripts of RUN; https://www.shellcheck.net/wiki/ has a page for each code."""
    return Findings(graphs)


class Findings:
    """What ShellCheck finds: it is started here, and works until somebody asks."""

    def __init__(self, graphs: Sequence[BuildGraph]) -> None:
        """Start it over the scripts of these Dockerfiles; they are given once, however many hold them."""
        self._graphs = graphs
        self._held: dict[str, list[Script]] = {}
        self._too_long: list[Script] = []
        for number, graph in enumerate(graphs):
            for script in scripts(number, graph):
                if len(script.text) > MAX_SCRIPT:
                    self._too_long.append(script)
                else:
                    self._held.setdefault(script.text, []).append(script)
        program = process.find()
        self._checks = process.Checks(program, _bunches(self._held)) if self._held and program is not None else None

    def __iter__(self) -> Iterator[tuple[int, Finding]]:
        """Each finding, with the number of its Dockerfile."""
        for script in self._too_long:
            yield script.graph, _failure(script, f"a script of more than {MAX_SCRIPT} characters is not given to it")
        try:
            answers = self._checks.answers() if self._checks is not None else {}
        finally:
            self.close()
        seen: set[tuple[int, str, Span, str]] = set()
        for text, users in self._held.items() if answers else ():
            answer = answers[text]
            for script in users:
                if isinstance(answer, str):
                    yield script.graph, _failure(script, answer)
                    continue
                for finding in _findings(script, answer, self._graphs[script.graph]):
                    # A heredoc can be read twice: by the shell of the line, and as the script of another one.
                    place = (script.graph, finding.code, finding.span, finding.message)
                    if place not in seen:
                        seen.add(place)
                        yield script.graph, finding

    def close(self) -> None:
        """End what is still at work."""
        if self._checks is not None:
            self._checks.close()


def _bunches(held: dict[str, list[Script]]) -> list[list[str]]:
    """The scripts for each process: long ones alone, since ShellCheck may fail on them."""
    size = max(SMALL_BUNCH, min(BUNCH, -(-len(held) // process.processors())))
    bunches: list[list[str]] = []
    bunch: list[str] = []
    length = 0
    for text, users in held.items():
        if users[0].long:
            bunches.append([text])
            continue
        if len(bunch) == size or (bunch and length + len(text) > BUNCH_CHARACTERS):
            bunches.append(bunch)
            bunch, length = [], 0
        bunch.append(text)
        length += len(text)
    return [*bunches, bunch] if bunch else bunches


def _findings(script: Script, comments: Sequence[dict[str, Any]], graph: BuildGraph) -> Iterator[Finding]:
    """ShellCheck's comments as findings, but for those that are turned off, or about a line that is not ours."""
    off = disabled(script.run) if comments else ()
    for comment in comments:
        number = int(comment["code"])
        if any(low <= number <= high for low, high in off):
            continue
        span = script.span(*(int(comment[key]) for key in ("line", "column", "endLine", "endColumn")))
        if span is None:
            continue
        code = f"{number:04d}"
        message = re.sub(r"\s+", " ", comment["message"])
        severity = _SEVERITIES.get(comment["level"], Severity.WARNING)
        yield Finding(
            span,
            message,
            help=f"https://www.shellcheck.net/wiki/SC{code} explains it",
            severity=severity,
            persona=Persona.PEDANTIC if petty(number, severity, message, span, script.run, graph) else Persona.REGULAR,
            aliases=(),
            blame=_BLAME,
            code=f"SC{code}",
            name=f"shellcheck-{code}",
        )


def _failure(script: Script, reason: str) -> Finding:
    """The finding that a script was not checked: nothing is passed over in silence."""
    return Finding(
        script.run.keyword_span,
        f"ShellCheck could not check this script: {reason}",
        help="make the script shorter, or put it into a file of its own",
        severity=Severity.ERROR,
        persona=Persona.REGULAR,
        aliases=(),
        blame=_BLAME,
        code="SC000",
        name="shellcheck-failed",
    )
