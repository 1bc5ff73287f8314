"""How often each rule found something, for people who face a repository for the first time."""

from __future__ import annotations

from imagelint.finding import Safety
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelint.finding import FileReport

_MEANINGS = {"[*]": "can be fixed with --fix", "[-]": "some can be fixed with --fix"}


def lines(files: Sequence[FileReport]) -> Iterator[str]:
    """A line for each code that was found, the most frequent first; marks say what `--fix` would do away with."""
    counts: dict[str, int] = {}
    fixable: dict[str, int] = {}
    names: dict[str, str] = {}
    for file in files:
        for finding in file.findings:
            counts[finding.code] = counts.get(finding.code, 0) + 1
            if finding.fix is not None and finding.fix.safety is Safety.SAFE:
                fixable[finding.code] = fixable.get(finding.code, 0) + 1
            names.setdefault(finding.code, finding.name)
    width = len(str(max(counts.values(), default=0)))
    widest = max(map(len, counts), default=0)
    for code, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        mark = f"  {_mark(count, fixable.get(code, 0)):3}" if fixable else ""
        yield f"{count:>{width}}  {printable(code):{widest}}{mark}  {printable(names[code])}".rstrip()
    used = {_mark(counts[code], count) for code, count in fixable.items()}
    if used:
        yield ""
        yield "; ".join(f"{mark} {word}" for mark, word in _MEANINGS.items() if mark in used)


def _mark(count: int, fixable: int) -> str:
    return "[*]" if fixable == count else "[-]" if fixable else ""
