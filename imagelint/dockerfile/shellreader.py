"""Reading a shell script into commands.

A tolerant reader of the POSIX shell grammar (IEEE Std 1003.1, chapter 2) with bash's common additions. It never
raises, takes time linear in the script, and expands nothing: `$X` stays in a word as it is written.
"""

from __future__ import annotations

import re

from imagelint.dockerfile.shell import Command, Script, ShellWord
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from imagelint.text import OffsetMap, Span

#: Command substitutions nested deeper than this are skipped over, not read.
MAX_DEPTH = 16

_OPERATOR = re.compile(r"&&|\|\||;;&|;;|;&|;|\|&|\||&(?!>)|\n|\(|\)")
_REDIRECT = re.compile(r"\d*(?:<<<|<<-?|<>|<&|>&|>>|>\||<|>)|&>>?")
_PLAIN = re.compile(r"[^\s&|;<>()'\"\\$`#]+")
#: Most words are plain to their end: they can be no redirection, no operator and no comment.
_PLAIN_WORD = re.compile(r"[ \t\r\v\f]*([^\s&|;<>()'\"\\$`#]+)(?=[ \n;&|()]|\Z)")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\])?\+?=")
#: Reserved words behind which a command begins, and those of them that begin something to be closed.
_OPENERS = frozenset({"if", "then", "else", "elif", "while", "until", "do", "!", "{", "time"})
_CLOSED = frozenset({"if", "while", "until", "{"})
_CLOSERS = frozenset({"fi", "done", "esac", "}"})
#: Reserved words with words of their own behind them, which are no command.
_HEADERS = frozenset({"for", "select", "case", "function"})
_CASE_ENDS = frozenset({";;", ";&", ";;&"})


class _Body(NamedTuple):
    """A heredoc inside a script that has newlines; its body is skipped."""

    name: str
    chomp: bool


def read(text: OffsetMap) -> Script:
    """Read a script."""
    scanner = _Scanner(text)
    _List(scanner, "", 0).read()
    open_end = bool(scanner.commands) and not (scanner.dangling or scanner.comment or scanner.heredoc)
    end = len(text.text.rstrip())
    return Script(text, tuple(scanner.commands), scanner.chain and open_end, open_end, end, tuple(scanner.pipes))


class _List:
    """A list of commands while it is read: the script itself (depth 0), or what is inside a substitution."""

    def __init__(self, scanner: _Scanner, closer: str, depth: int) -> None:
        self.scanner, self.closer, self.depth = scanner, closer, depth
        self.stack: list[str] = []  # the compound commands and subshells that are open
        self.words: list[ShellWord] = []
        self.operator = ""
        self.header = False  # among the words behind `for` or `case`
        self.naming = False  # the word behind `function`
        self.pattern = False  # between `in` or `;;` and the `)` behind a case's pattern
        self.place = len(scanner.commands)  # where the next command goes: before those of its substitutions

    def read(self) -> None:
        """Read up to the end of the script, or to the parenthesis that closes a substitution."""
        scanner, text = self.scanner, self.scanner.text
        while True:
            if plain := _PLAIN_WORD.match(text, scanner.at):
                start, scanner.at = plain.span(1)
                self._word(ShellWord(plain[1], start, scanner.at))
                continue
            if not (char := scanner.skip_blanks()):
                break
            if char == "#":
                scanner.comment = scanner.comment or not self.depth
                scanner.skip_line()
            elif redirect := _REDIRECT.match(text, scanner.at):
                scanner.redirect(redirect[0], redirect.end(), self.depth)
            elif found := _OPERATOR.match(text, scanner.at):
                symbol = found[0]
                if symbol == self.closer and not (self.stack or self.pattern):
                    break
                scanner.at = found.end()
                self._operator(symbol)
            else:
                self._word(scanner.word(self.depth))
        if not (self.header or self.pattern):
            self._emit()

    def _operator(self, symbol: str) -> None:
        scanner = self.scanner
        if symbol == "\n":
            scanner.skip_bodies()
        if self.pattern:
            self.pattern = symbol != ")"
            self._begin(symbol)
            return
        if symbol == "(" and self.words and not self.header:
            self._function()
            return
        if not self.header:
            self._emit()
        self.header = self.naming = False
        self._begin(symbol)
        if symbol in ("|", "|&"):
            scanner.pipes.append(scanner.map.span(scanner.at - len(symbol), scanner.at))
        if not self.depth:
            scanner.chain = scanner.chain and symbol in ("&&", "|")
            scanner.dangling = symbol not in ("\n", ")")
        if symbol == "(":
            self.stack.append(symbol)
        elif symbol == ")" and self.stack and self.stack[-1] == "(":
            self.stack.pop()
        elif symbol in _CASE_ENDS:
            self.pattern = True

    def _begin(self, operator: str) -> None:
        """Begin the next command, behind an operator."""
        self.words = []
        self.operator = operator
        self.place = len(self.scanner.commands)

    def _function(self) -> None:
        """`name()`: what was read is no command, but a function's name."""
        if self.scanner.text.startswith(")", self.scanner.at):
            self.scanner.at += 1
        self._begin("")
        self._break_chain()

    def _word(self, word: ShellWord) -> None:
        scanner = self.scanner
        if not self.depth:
            scanner.dangling = False
        if self.words and not (self.header or self.pattern):
            self.words.append(word)
            return
        bare = scanner.text[word.start : word.end]
        if self.pattern and bare != "esac":
            return
        if self.header:
            if bare == "in" and self.words and self.stack and self.stack[-1] == "case":
                self.header, self.pattern = False, True
                self.words = []
            elif self.naming:
                self.header = self.naming = False
            else:
                self.words.append(word)
        elif not self._reserved(bare):
            self.words.append(word)
            if bare == "[[":
                self._condition()

    def _condition(self) -> None:
        """The words of `[[ … ]]`, between which `&&`, `|` and `<` end no command."""
        scanner = self.scanner
        while (char := scanner.skip_blanks()) and char != ";":
            if char in "&|()<>\n":
                scanner.at += 1
                continue
            word = scanner.word(self.depth)
            self.words.append(word)
            if word.value == "]]":
                break

    def _reserved(self, bare: str) -> bool:
        """Take a reserved word at a command's beginning; says whether it was one."""
        if bare in _CLOSERS:
            if self.stack:
                self.stack.pop()
            self.pattern = False
            self.operator = ""
            self._break_chain()
        elif bare in _OPENERS:
            if bare in _CLOSED:
                self.stack.append(bare)
            self.operator = ""
            if bare != "time":
                self._break_chain()
        elif bare in _HEADERS:
            if bare != "function":
                self.stack.append(bare)
            self.header = True
            self.naming = bare == "function"
            self._break_chain()
        else:
            return False
        return True

    def _break_chain(self) -> None:
        if not self.depth:
            self.scanner.chain = False

    def _emit(self) -> None:
        """Keep the command that was read."""
        words = self.words
        if not words:
            return
        text = self.scanner.text
        split = 0
        while split < len(words) and "=" in words[split].value and _ASSIGNMENT.match(text, *words[split][1:]):
            split += 1
        own, assignments = tuple(words[split:]), tuple(words[:split])
        nested = bool(self.stack) or self.depth > 0
        start, end = words[0].start, words[-1].end
        command = Command(self.scanner.map, own, assignments, self.operator, nested, start, end)
        self.scanner.commands.insert(self.place, command)


class _Scanner:
    """The script's characters; `at` only moves forward."""

    def __init__(self, text: OffsetMap) -> None:
        self.map = text
        self.text = text.text
        self.at = 0
        self.commands: list[Command] = []
        self.pipes: list[Span] = []
        self.chain = True
        self.dangling = False
        self.comment = False
        self.heredoc = False
        self._bodies: list[_Body] = []

    def skip_blanks(self) -> str:
        """Move to the next character that is no blank; returns it, or nothing at the end."""
        text = self.text
        while self.at < len(text):
            if text[self.at] in " \t\r\v\f":
                self.at += 1
            elif text.startswith("\\\n", self.at):
                self.at += 2  # the shell joins lines, as in a heredoc's body
            else:
                break
        return text[self.at : self.at + 1]

    def skip_line(self) -> None:
        """Move to the end of the line, for a comment."""
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end

    def redirect(self, symbol: str, end: int, depth: int) -> None:
        """Skip a redirection and its target; remember a heredoc, whose body comes behind the line."""
        self.at = end
        heredoc = symbol.lstrip("0123456789") in ("<<", "<<-")
        self.heredoc = self.heredoc or heredoc
        following = self.skip_blanks()
        if following and following not in "\n;&|<>()":
            target = self.word(depth)
            if heredoc:
                self._bodies.append(_Body(target.value, symbol.endswith("-")))
        self.dangling = False

    def skip_bodies(self) -> None:
        """Move behind the bodies of the heredocs that the line announced."""
        for body in self._bodies:
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                stop = len(self.text) if end < 0 else end
                line = self.text[self.at : stop].rstrip("\r")
                self.at = min(stop + 1, len(self.text))
                if (line.lstrip("\t") if body.chomp else line) == body.name:
                    break
        self._bodies = []

    def word(self, depth: int) -> ShellWord:
        """Read one word; the commands of its substitutions are kept as nested ones."""
        text, start = self.text, self.at
        value: list[str] = []
        while self.at < len(text):
            char = text[self.at]
            if char.isspace() or char in "&|;()" or (char in "<>" and not text.startswith(("<(", ">("), self.at)):
                break
            if char == "\\":
                if not text.startswith("\n", self.at + 1):
                    value.append(text[self.at + 1 : self.at + 2])
                self.at += 2
            elif char == "'":
                end = text.find("'", self.at + 1)
                end = len(text) if end < 0 else end
                value.append(text[self.at + 1 : end])
                self.at = end + 1
            elif char == '"':
                self._double(value, depth)
            elif char == "$" and text.startswith("'", self.at + 1):
                self._dollar_single(value)
            elif char in "$`":
                self._expansion(value, depth)
            elif char in "<>":
                begin = self.at
                self.at += 1
                self._substitution(depth)
                value.append(text[begin : self.at])
            else:
                found = _PLAIN.match(text, self.at)
                end = found.end() if found else self.at + 1
                value.append(text[self.at : end])
                self.at = end
        self.at = min(max(self.at, start + 1), len(text))
        return ShellWord("".join(value), start, self.at)

    def _dollar_single(self, value: list[str]) -> None:
        """`$'…'`, in which a backslash guards the quote; kept as it is written."""
        begin = self.at = self.at + 2
        while self.at < len(self.text) and self.text[self.at] != "'":
            self.at += 2 if self.text[self.at] == "\\" else 1
        value.append(self.text[begin : self.at])
        self.at += 1

    def _double(self, value: list[str], depth: int) -> None:
        text = self.text
        self.at += 1
        while self.at < len(text):
            char = text[self.at]
            if char == '"':
                self.at += 1
                return
            if char == "\\":
                follower = text[self.at + 1 : self.at + 2]
                value.append(follower if follower in '"$`\\' else "\\" + follower)
                self.at += 2
            elif char in "$`":
                self._expansion(value, depth)
            else:
                value.append(char)
                self.at += 1

    def _expansion(self, value: list[str], depth: int) -> None:
        """A variable, `${…}`, `$(…)`, `$((…))` or backticks: kept in the word as it is written."""
        text, begin = self.text, self.at
        if text[begin] == "`":
            self._backticks(depth)
        else:
            self.at += 1
            if text.startswith("((", self.at):
                self._balanced("(", ")")
            elif text.startswith("(", self.at):
                self._substitution(depth)
            elif text.startswith("{", self.at):
                self._braces(depth)
        value.append(text[begin : self.at])

    def _braces(self, depth: int) -> None:
        """Skip `${…}`; the commands of substitutions in it are kept."""
        if depth >= MAX_DEPTH:
            self._balanced("{", "}")
            return
        text, level = self.text, 0
        while self.at < len(text):
            char = text[self.at]
            if char in "$`":
                self._expansion([], depth + 1)
                continue
            self.at += 2 if char == "\\" else 1
            level += (char == "{") - (char == "}")
            if not level:
                return

    def _substitution(self, depth: int) -> None:
        """Read the list inside the parentheses that begin here."""
        if depth >= MAX_DEPTH:
            self._balanced("(", ")")
            return
        self.at += 1
        bodies, self._bodies = self._bodies, []
        _List(self, ")", depth + 1).read()
        self._bodies = bodies
        self.at += 1

    def _backticks(self, depth: int) -> None:
        """Read the script between two backticks."""
        begin = self.at + 1
        end = self.text.find("`", begin)
        while end > 0 and self.text[end - 1] == "\\":
            end = self.text.find("`", end + 1)
        end = len(self.text) if end < 0 else end
        self.at = end + 1
        if depth < MAX_DEPTH:
            inner = read(self.map.cut(begin, end))
            self.commands += (each._replace(nested=True) for each in inner.commands)
            self.pipes += inner.pipes

    def _balanced(self, opener: str, closer: str) -> None:
        """Skip a bracketed part, quotes and escapes respected."""
        text, level = self.text, 0
        while self.at < len(text):
            char = text[self.at]
            self.at += 1
            if char == "\\":
                self.at += 1
            elif char == "'" and opener == "(":
                end = text.find("'", self.at)
                self.at = len(text) if end < 0 else end + 1
            elif char == opener:
                level += 1
            elif char == closer:
                level -= 1
                if not level:
                    return
