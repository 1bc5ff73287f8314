"""Comments that silence findings: imagelint's own, hadolint's pragmas and BuildKit's `# check=`.

# imagelint: ignore[IL101, DL3008] why          the instruction below, or inside a RUN the line below
# imagelint: ignore-file[apt-lists-kept] why    the whole file
# hadolint ignore=DL3008                        the instruction below
# hadolint stage ignore=DL3008                  the rest of the stage; right above a FROM all of it
# hadolint global ignore=DL3008                 the whole file
# check=skip=JSONArgsRecommended;error=true     at the top: the whole file; above an instruction: that one
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import Enum

from imagelint.dockerfile.instructions import From
from imagelint.dockerfile.source import LineKind
from imagelint.finding import Fails, Finding, Severity, names_of
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from imagelint.dockerfile.instructions import Instruction
    from imagelint.dockerfile.parser import Dockerfile
    from imagelint.rule import Rule

_OWN = r"\s*#\s*imagelint\s*:\s*(\S.*)?$"
#: What is meant as one: hadolint's form, a forgotten colon, capitals. Prose about imagelint is none.
_NEARLY_OWN = r"(?i)\s*#\s*imagelint\s*:?\s*(?:ignore|disable)(?:-file)?\s*(?:[\[=:]|[A-Z]{2}\d)"
_RIGHT = "`# imagelint: ignore[IL101] why`, or ignore-file for the whole file"
_OWN_IGNORE = r"(ignore|ignore-file)\s*\[([^][]*)\]\s*(.*)$"
_HADOLINT = r"\s*#\s*hadolint\s+(?:(global|stage)\s+)?ignore\s*=\s*([DLSC0-9]+(?:\s*,\s*[DLSC0-9]+)*)\s*(?:#.*)?$"
_CHECK = r"#[ \t]*check\s*=\s*(\S.*?)\s*$"


class Scope(Enum):
    """How far a comment reaches."""

    FILE = "file"
    STAGE = "stage"
    LINE = "line"


#: Rules that BuildKit judges over the whole file: a comment above one instruction does not reach them.
_WHOLE_FILE = frozenset(
    "ConsistentInstructionCasing DuplicateStageName InvalidBaseImagePlatform InvalidDefaultArgInFrom"
    " NoEmptyContinuation ReservedStageName".split()
)
#: What BuildKit reports only where it is asked to, and then whatever is skipped.
_EXPERIMENTAL = "InvalidDefinitionDescription"


class Pragma(NamedTuple):
    """One comment: whose it is (imagelint, hadolint, check), what it names, where it holds, and its own line.

    `scope` is the whole file, the rest of the stage that ends at line `at`, or the findings of line `at`, which is an
    instruction's first line or a line within one.
    """

    tool: str
    names: tuple[str, ...]
    scope: Scope
    at: int
    line: int


class Misspelt(NamedTuple):
    """A comment that begins like one of imagelint's own and is none: its line, and what is wrong with it."""

    line: int
    message: str
    help: str


class Suppressions:
    """All such comments of a file, and which of them have silenced something."""

    def __init__(self, dockerfile: Dockerfile, *, pragmas: bool = True) -> None:
        """Without `pragmas` hadolint's and BuildKit's are passed over."""
        self.misspelt: list[Misspelt] = []
        self.pragmas: list[Pragma] = []
        #: BuildKit's `error=true`: what it warns of fails its build.
        self.errors = False
        self._dockerfile = dockerfile
        self._next: dict[tuple[LineKind, ...], list[int]] = {}
        self._starts = [each.start_line for each in dockerfile.instructions]
        self._stages = [each.start_line for each in dockerfile.instructions if isinstance(each, From)]
        source = dockerfile.source
        lower = source.text.lower()
        if "ignore" in lower or "check" in lower or "imagelint" in lower:
            for number, kind in enumerate(source.kinds, start=1):
                if kind is LineKind.COMMENT:
                    self._read(source.index.line_text(number), number, pragmas=pragmas)
            if pragmas:
                self._directives()
                for each in dockerfile.instructions:
                    self._check_comment(each)
        # Of two comments that say the same, the first counts.
        self._held: dict[tuple[str, Scope, int, bool], Pragma] = {}
        for pragma in self.pragmas:
            for name in pragma.names:
                self._held.setdefault((name, pragma.scope, pragma.at, pragma.tool == "check"), pragma)
        self._used: set[tuple[int, str]] = set()  # by id: a comment may name ten thousands, and is hashed as long

    def _read(self, comment: str, line: int, *, pragmas: bool) -> None:
        if "imagelint" in comment and (own := re.match(_OWN, comment)):
            self._own(own[1] or "", line)
        elif re.match(_NEARLY_OWN, comment):
            self.misspelt.append(Misspelt(line, "this comment silences nothing: it is written otherwise", _RIGHT))
        elif pragmas and "hadolint" in comment and (found := re.match(_HADOLINT, comment)):
            names = tuple(dict.fromkeys(name.strip() for name in found[2].split(",")))
            if found[1] == "global":
                self.pragmas.append(Pragma("hadolint", names, Scope.FILE, 0, line))
            elif found[1] == "stage":
                self.pragmas.append(Pragma("hadolint", names, Scope.STAGE, self._stage_end(line), line))
            else:
                self.pragmas.append(Pragma("hadolint", names, Scope.LINE, self._below(line, LineKind.COMMENT), line))

    def _own(self, text: str, line: int) -> None:
        found = re.match(_OWN_IGNORE, text)
        names = tuple(dict.fromkeys(name for each in found[2].split(",") if (name := each.strip()))) if found else ()
        if not found or not names:
            self.misspelt.append(Misspelt(line, "this comment silences nothing: it names no rule in brackets", _RIGHT))
        elif found[1] == "ignore-file":
            self.pragmas.append(Pragma("imagelint", names, Scope.FILE, 0, line))
        else:
            below = self._below(line, LineKind.COMMENT, LineKind.BLANK)
            self.pragmas.append(Pragma("imagelint", names, Scope.LINE, below, line))

    def _below(self, line: int, *passed: LineKind) -> int:
        """The next line below one that is none of these kinds."""
        known = self._next.get(passed)
        if known is None:  # all at once, from the end: a file may be nothing but comments
            kinds = self._dockerfile.source.kinds
            known = self._next[passed] = [len(kinds) + 1] * (len(kinds) + 2)
            for number in range(len(kinds), 0, -1):
                known[number] = known[number + 1] if kinds[number - 1] in passed else number
        return known[line + 1]

    def _stage_end(self, line: int) -> int:
        """The last line of the stage that a comment is about: right above a FROM it is about the stage below."""
        below = self._below(line, LineKind.COMMENT)
        place = bisect_right(self._stages, below)
        return self._end_behind(below if place and self._stages[place - 1] == below else line)

    def _end_behind(self, line: int) -> int:
        """The last line before the next FROM behind a line."""
        following = bisect_right(self._stages, line)
        return self._stages[following] - 1 if following < len(self._stages) else len(self._dockerfile.source.kinds)

    def _directives(self) -> None:
        for directive in self._dockerfile.source.directives:
            if directive.name.lower() == "check":
                fields = _check_fields(directive.value)
                self.errors = self.errors or fields.get("error", "").lower() in ("1", "t", "true")
                if names := _names(fields):
                    self.pragmas.append(Pragma("check", names, Scope.FILE, 0, directive.line))

    def _check_comment(self, instruction: Instruction) -> None:
        """The first `# check=` of the comments above an instruction; a bare `#` begins them anew."""
        index = self._dockerfile.source.index
        first: tuple[int, str] | None = None
        for number in instruction.line.lead:
            comment = index.line_text(number)
            if not comment.strip("# \t\r"):
                first = None
            elif first is None and (found := re.match(_CHECK, comment, re.IGNORECASE)):
                first = number, found[1]
        if first is not None and (names := _names(_check_fields(first[1]))):
            self.pragmas.append(Pragma("check", names, Scope.LINE, instruction.start_line, first[0]))

    def keep(self, findings: Iterable[Finding], rules: Mapping[str, Rule]) -> Iterator[Finding]:
        """The findings that nothing silences; `error=true` makes errors of what BuildKit would warn of."""
        for finding in findings:
            if self._held:
                by_name, skipped = self._silenced(finding, rules)
                if by_name or (skipped and not isinstance(finding.blame, Fails)):
                    continue
                if skipped:  # BuildKit's warning is gone, and its error is not
                    others = tuple(each for each in finding.aliases or () if not _is_buildkit(each))
                    yield finding._replace(aliases=others)
                    continue
            if self.errors and any(_is_buildkit(each) for each in finding.aliases or ()):
                yield finding._replace(severity=Severity.ERROR)
            else:
                yield finding

    def _silenced(self, finding: Finding, rules: Mapping[str, Rule]) -> tuple[bool, bool]:
        """Whether a comment ignores a finding by name, and whether a `# check=` skips it."""
        position = self._dockerfile.source.index.position
        lines = [position(span.start).line for span in (finding.span, *(each.span for each in finding.related))]
        names = names_of(finding, rules[finding.code].aliases if finding.code in rules else ())
        by_name = skipped = False
        for number, line in enumerate(lines):
            for scope, at in self._reaching(line):
                for name in names:
                    by_name |= self._use((name, scope, at, False), line)
                if number == 0:  # BuildKit knows a warning's own instruction alone
                    for name in _skipped_as(finding, scope):
                        skipped |= self._use((name, scope, at, True), line)
        return by_name, skipped

    def _use(self, key: tuple[str, Scope, int, bool], line: int) -> bool:
        pragma = self._held.get(key)
        if pragma is None or (pragma.scope is Scope.STAGE and line < pragma.line):
            return False
        self._used.add((id(pragma), key[0]))
        return True

    def _reaching(self, line: int) -> Iterator[tuple[Scope, int]]:
        """The scopes that hold a line: the file, its stage, its instruction, and the line itself."""
        yield Scope.FILE, 0
        yield Scope.STAGE, self._end_behind(line)
        place = bisect_right(self._starts, line)
        start = self._starts[place - 1] if place else line
        yield Scope.LINE, start
        if start != line:
            yield Scope.LINE, line

    def unused(self, ran: Callable[[str], bool]) -> Iterator[tuple[Pragma, str]]:
        """The comments that silenced nothing although a rule that they name ran, with that name."""
        for pragma in self.pragmas:
            for name in pragma.names:
                if (id(pragma), name) not in self._used and ran(name):
                    yield pragma, name


def _is_buildkit(alias: str) -> bool:
    return not alias.startswith(("DL", "SC"))


def _skipped_as(finding: Finding, scope: Scope) -> list[str]:
    """The names under which a `# check=skip=` of that scope silences a finding."""
    found = [each for each in finding.aliases or () if _is_buildkit(each)]
    if not found or _EXPERIMENTAL in found or (scope is not Scope.FILE and _WHOLE_FILE.intersection(found)):
        return []
    return [*found, "all"]


def _check_fields(value: str) -> dict[str, str]:
    """`skip=A,B;error=true` as a mapping; the value ends at the first blank, a repeated key overrides."""
    fields: dict[str, str] = {}
    for part in value.split(" ")[0].split(";"):
        key, equals, text = part.strip().partition("=")
        if not equals or key not in ("skip", "experimental", "error"):
            return {}
        fields[key] = text
    return fields


def _names(fields: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for each in fields.get("skip", "").split(",") if (name := each.strip()))
