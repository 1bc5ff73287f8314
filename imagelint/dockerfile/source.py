"""The lossless source of a Dockerfile: what each physical line is, and the logical lines that they make.

This layer is the authority on where an instruction begins and ends. It follows BuildKit's `parser.Parse`: lines end
at `\\n` alone, a comment is a line of its own wherever it stands, a continuation is an odd backslash before the end
of the line, and a heredoc's body is kept as it is. Time and memory grow linearly with the file.
"""

from __future__ import annotations

import re
from enum import Enum

from imagelint.dockerfile.syntax import SPACE, HeredocWord, MixedArrayError, flags, heredoc_words, json_strings, keyword
from imagelint.records import NamedTuple
from imagelint.text import BOM, LineIndex, OffsetMap, Span

#: BuildKit's scanner gives up on a longer physical line (bytes, without the line end).
MAX_LINE_BYTES = 65_535

_DIRECTIVE = re.compile(r"#[ \t\v\f\r]*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$")
_HEREDOC_KEYWORDS = frozenset({"RUN", "COPY", "ADD"})


class LineKind(Enum):
    """What a physical line is."""

    BLANK = "blank"
    COMMENT = "comment"
    DIRECTIVE = "directive"
    HEAD = "head"
    CONTINUATION = "continuation"
    HEREDOC_BODY = "heredoc-body"
    HEREDOC_END = "heredoc-end"


class Problem(NamedTuple):
    """A syntax error: where it is, what it means, and the ids under which other tools report it."""

    span: Span
    message: str
    aliases: tuple[str, ...] = ("DL1000",)


class Directive(NamedTuple):
    """A parser directive, `# name=value`, at the top of the file."""

    name: str
    value: str
    line: int


class Heredoc(NamedTuple):
    """A heredoc: the word that announces it and the range of its body, terminator left out."""

    word: HeredocWord
    body: Span


class LogicalLine(NamedTuple):
    """One instruction's lines, put together: continuations joined, comments and blank lines within left out.

    Lines are numbers from 1; `lead` are the comment lines that stand before it; `blanks` the blank lines and
    `comments` the comment lines within it.
    """

    start_line: int
    end_line: int
    joined: OffsetMap
    heredocs: tuple[Heredoc, ...]
    lead: tuple[int, ...]
    blanks: tuple[int, ...]
    comments: tuple[int, ...]


class Source:
    """A Dockerfile's text with everything that is known of its lines. `print(source.text)` gives the file back."""

    __slots__ = ("_pending", "directives", "escape", "index", "kinds", "logical", "problems", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.index = LineIndex(text)
        self.kinds: list[LineKind] = []
        self.directives: list[Directive] = []
        self.escape = "\\"
        self.logical: list[LogicalLine] = []
        self.problems: list[Problem] = []
        self._pending: list[int] = []
        self._read()

    @classmethod
    def from_bytes(cls, data: bytes) -> Source:
        """Decode UTF-8; bytes that are none are kept as lone surrogates, so that nothing is lost."""
        return cls(data.decode("utf-8", "surrogateescape"))

    def to_bytes(self) -> bytes:
        """The file's bytes, exactly."""
        return self.text.encode("utf-8", "surrogateescape")

    @property
    def newline(self) -> str:
        """The line end that the file uses: that of its first line."""
        first = self.text.find("\n")
        return "\r\n" if first > 0 and self.text[first - 1] == "\r" else "\n"

    def span_of_lines(self, first: int, last: int) -> Span:
        """The range of lines `first` to `last`, without the last one's line end."""
        start = self.index.starts[first - 1]
        begin, _ = self.index.line_span(last)
        bom = 1 if first == 1 and self.text.startswith(BOM) else 0
        return Span(start + bom, begin + bom * (first == last) + len(self.index.line_text(last)))

    def _read(self) -> None:
        if not self.text:
            self.problems.append(Problem(Span(0, 0), "the Dockerfile is empty"))
            self.kinds.append(LineKind.BLANK)
            return
        line = self._read_directives()
        while line <= len(self.index):
            line = self._read_instruction(line)
        if not self.logical and not self.problems:
            self.problems.append(Problem(self.span_of_lines(1, 1), "the file has no instructions"))

    def _read_directives(self) -> int:
        """Read the unbroken block of directives at the top; returns the first line behind it."""
        line = 1
        while line <= len(self.index):
            found = _DIRECTIVE.match(self.index.line_text(line).lstrip(SPACE))
            name = found[1].lower() if found else ""
            value = found[2].rstrip() if found else ""
            if not found or name not in ("syntax", "escape", "check"):
                break
            span = self.span_of_lines(line, line)
            if any(name == directive.name for directive in self.directives):
                self.problems.append(Problem(span, f"only one {name} parser directive can be used"))
            elif name == "escape" and value not in ("\\", "`"):
                self.problems.append(Problem(span, f"the escape directive must be \\ or `, not {value!r}"))
            elif name == "escape":
                self.escape = value
            self.directives.append(Directive(name, value, line))
            self.kinds.append(LineKind.DIRECTIVE)
            line += 1
        return line

    def _read_instruction(self, line: int) -> int:
        """Read a blank line, a comment or a whole instruction from `line` on; returns the line behind it."""
        text = self._line(line)
        content = text.lstrip(SPACE)
        if not content:
            self.kinds.append(LineKind.BLANK)
            return line + 1
        if content.startswith("#"):
            self.kinds.append(LineKind.COMMENT)
            self._pending.append(line)
            return line + 1
        first = line
        self.kinds.append(LineKind.HEAD)
        start = self.index.starts[line - 1] + (1 if line == 1 and self.text.startswith(BOM) else 0)
        kept, more = self._trim(content)
        pieces = [(start + len(text) - len(content), kept)]
        end = pieces[0][0] + len(kept)
        blanks: list[int] = []
        comments: list[int] = []
        while more and line < len(self.index):
            line += 1
            text = self._line(line)
            content = text.lstrip(SPACE)
            if content.startswith("#"):
                self.kinds.append(LineKind.COMMENT)
                comments.append(line)
                continue
            if not content:
                self.kinds.append(LineKind.BLANK)
                blanks.append(line)
                continue
            self.kinds.append(LineKind.CONTINUATION)
            kept, more = self._trim(text)
            pieces.append((self.index.starts[line - 1], kept))
            end = self.index.starts[line - 1] + len(kept)
        joined = OffsetMap(pieces, end)
        heredocs, line = self._read_heredocs(joined.text, first, line)
        stripped = len(joined.text.rstrip(SPACE))
        if stripped < len(joined.text):
            joined = joined.cut(0, stripped)
        if not joined.text:
            self.problems.append(Problem(self.span_of_lines(first, first), "a continuation of nothing"))
            return line + 1
        lead, self._pending = tuple(self._pending), []
        self.logical.append(LogicalLine(first, line, joined, tuple(heredocs), lead, tuple(blanks), tuple(comments)))
        return line + 1

    def _line(self, line: int) -> str:
        text = self.index.line_text(line)
        if len(text) > MAX_LINE_BYTES // 4 and len(text.encode("utf-8", "surrogateescape")) > MAX_LINE_BYTES:
            message = f"the line is longer than the {MAX_LINE_BYTES} bytes that BuildKit reads"
            self.problems.append(Problem(self.span_of_lines(line, line), message))
        return text

    def _trim(self, text: str) -> tuple[str, bool]:
        """Cut a continuation's escape character and what follows it; says whether there was one."""
        bare = text.rstrip(" \t")
        if bare.endswith(self.escape) and bare[-2:-1] != self.escape:
            return bare[:-1], True
        return text, False

    def _read_heredocs(self, joined: str, first: int, line: int) -> tuple[list[Heredoc], int]:
        """Read the bodies of the heredocs that an instruction announces; returns them and the last line read."""
        out: list[Heredoc] = []
        if "<<" not in joined or not may_hold_heredocs(joined, self.escape):
            return out, line
        last = len(self.index)
        for word in heredoc_words(joined):
            begin = line
            while line < last:
                line += 1
                text = self._line(line)
                if (text.lstrip("\t") if word.chomp else text) == word.name:
                    self.kinds.append(LineKind.HEREDOC_END)
                    break
                self.kinds.append(LineKind.HEREDOC_BODY)
            else:
                span = self.span_of_lines(first, first)
                self.problems.append(Problem(span, f"unterminated heredoc: no line is {word.name!r} alone"))
                return out, line
            starts = self.index.starts
            start = starts[begin] if begin < len(starts) else len(self.text)
            out.append(Heredoc(word, Span(start, starts[line - 1])))
        return out, line


def may_hold_heredocs(joined: str, escape: str) -> bool:
    """Whether an instruction is a RUN, COPY or ADD (also behind ONBUILD) that is not in JSON form."""
    head = keyword(joined)
    at = 0
    if head and head.value == "ONBUILD":
        at = head.end
        head = keyword(joined[at:])
    if not head or head.value not in _HEREDOC_KEYWORDS:
        return False
    _, rest = flags(joined, at + head.end, escape)
    try:
        return json_strings(joined, rest) is None
    except MixedArrayError:
        return False
