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
    from collections.abc import Iterator, Sequence
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
def shellcheck(graphs: Sequence[BuildGraph]) -> Iterator[tuple[int, Finding]]:
    """What ShellCheck finds in the scripts of RUN; https://www.shellcheck.net/wiki/ has a page for each code."""
    program = process.find()
    held: dict[str, list[Script]] = {}
    for number, graph in enumerate(graphs):
        for script in scripts(number, graph):
            if len(script.text) > MAX_SCRIPT:
                yield number, _failure(script, f"a script of more than {MAX_SCRIPT} characters is not given to it")
            else:
                held.setdefault(script.text, []).append(script)
    if not held or program is None:
        return
    bunches = _bunches(held)
    seen: set[tuple[int, str, Span, str]] = set()
    for bunch, answers in zip(bunches, process.check_all(program, bunches), strict=True):
        for text, answer in zip(bunch, answers, strict=True):
            for script in held[text]:
                if isinstance(answer, str):
                    yield script.graph, _failure(script, answer)
                    continue
                off = disabled(script.run)
                for comment in answer:
                    finding = _finding(script, comment, graphs[script.graph])
                    if finding is None or any(low <= int(comment["code"]) <= high for low, high in off):
                        continue
                    # A heredoc can be read twice: by the shell of the line, and as the script of another one.
                    place = (script.graph, finding.code, finding.span, finding.message)
                    if place not in seen:
                        seen.add(place)
                        yield script.graph, finding


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


def _finding(script: Script, comment: dict[str, Any], graph: BuildGraph) -> Finding | None:
    """A comment of ShellCheck as a finding; None where it is about a line that is not in the Dockerfile."""
    line, column, end_line, end_column = (int(comment[key]) for key in ("line", "column", "endLine", "endColumn"))
    span = script.span(line, column, end_line, end_column)
    if span is None:
        return None
    code = f"{int(comment['code']):04d}"
    message = re.sub(r"\s+", " ", comment["message"])
    severity = _SEVERITIES.get(comment["level"], Severity.WARNING)
    return Finding(
        span,
        message,
        help=f"https://www.shellcheck.net/wiki/SC{code} explains it",
        severity=severity,
        persona=Persona.PEDANTIC if petty(int(code), severity, message, span, script.run, graph) else Persona.REGULAR,
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
