"""Findings made by hand, so that no output depends on which rules there are."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from imagelint.finding import FileError, FileReport, Finding, Fix, Related, RulePage, Safety, Severity
from imagelint.output import statistics
from imagelint.text import Edit, LineIndex, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = ("sarif", "github", "gitlab", "junit", "checkstyle", "hadolint_json", "statistics")

DOCKERFILE = """\
FROM debian:latest
RUN apt-get update && \\
    apt-get install -y curl
RUN echo "🐳" && cd /srv && curl $URL
RUN cd /srv && make
"""

PAGE = """\
apt's package lists stay in the layer.

Why: `apt-get update` stores about 20 MB of lists in /var/lib/apt/lists, which <nobody> reads & needs
at run time.

```dockerfile bad
RUN apt-get update && apt-get install -y curl <<EOF
```

```dockerfile good
RUN apt-get update && rm -rf /var/lib/apt/lists/*
```
"""

RULES = {
    "IL101": RulePage(
        *("IL101", "apt-lists-kept", PAGE.partition("\n")[0], PAGE, Severity.WARNING, ("DL3009",)),
        url="https://example.org/rules/IL101",
    )
}


def report(format_name: str, files: Sequence[FileReport], errors: Sequence[FileError] = ()) -> str:
    """What an output makes of findings."""
    if format_name == "statistics":
        return "\n".join(statistics.lines(files))
    made: str = importlib.import_module(f"imagelint.output.{format_name}").report(files, errors, RULES)
    return made


def span(text: str, part: str, *, after: int = 0) -> Span:
    """Where a part stands in a text."""
    start = text.index(part, after)
    return Span(start, start + len(part))


def small() -> tuple[list[FileReport], list[FileError]]:
    """Two files and one that could not be read: every severity, a related place, fixes of both kinds."""
    text = DOCKERFILE
    end = span(text, "curl").end
    insert = "&& rm -rf /var/lib/apt/lists/*"
    found = (
        Finding(
            span(text, "debian:latest"),
            "debian:latest moves: the next build may be another",
            severity=Severity.STYLE,
            aliases=("DL3007",),
            code="IL402",
            name="latest-tag",
        ),
        Finding(
            Span(span(text, "apt-get update").start, end),
            "apt's package lists stay in this layer",
            note="nothing reads them at run time",
            help=f"end the RUN with {insert}",
            fix=Fix("remove them in the same RUN", (Edit(Span(end, end), f" \\\n    {insert}"),)),
            severity=Severity.WARNING,
            aliases=("DL3009",),
            code="IL101",
            name="apt-lists-kept",
        ),
        Finding(
            span(text, "$URL"),
            "Double quote to prevent globbing and word splitting.",
            severity=Severity.INFO,
            code="SC2086",
        ),
        Finding(
            span(text, "cd /srv", after=text.index("make") - 20),
            "the folder is changed for this RUN alone",
            fix=Fix("use WORKDIR", (Edit(span(text, "cd /srv && make"), "make"),), Safety.UNSAFE),
            related=(Related(span(text, "cd /srv"), "changed here too"),),
            severity=Severity.ERROR,
            aliases=("DL3003", "WorkdirRelativePath"),
            code="IL601",
            name="cd-instead-of-workdir",
        ),
    )
    files = [
        FileReport("Dockerfile", LineIndex(text), found),
        FileReport("./build images/Dockerfile", LineIndex("FROM a\n"), ()),
    ]
    return files, [FileError("nowhere/Dockerfile", "nowhere/Dockerfile: no such file or folder")]
