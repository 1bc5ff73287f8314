"""The words of a Dockerfile: quotes, escapes and variables, as BuildKit's shell lexer reads them.

The specification is the Dockerfile reference's "Environment replacement"; what it leaves open follows
BuildKit's frontend, including the modifiers of `${name…}`.
"""

from __future__ import annotations

import re

from imagelint.errors import DockerfileError
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Deeper nesting of `${a:-${b:-…}}` than this is an error: no real file comes near, and the stack is safe.
MAX_DEPTH = 60
#: What a replacement may add in all; no real file comes near.
MAX_RESULT = 1 << 20

_SPECIAL = frozenset("@*#?-$!0")


class SubstitutionError(DockerfileError):
    """A word with an unbalanced quote, a malformed `${…}`, or a modifier that the language does not have."""


def expand(word: str, env: Mapping[str, str], *, escape: str = "\\", quotes: bool = True) -> str:
    """Replace the variables of a word and take its quotes and escapes away; in a heredoc's body `quotes` mean nothing.

    Raises SubstitutionError where BuildKit refuses the word. Variables that `env` lacks are empty.
    """
    if "$" not in word and escape not in word and not (quotes and ("'" in word or '"' in word)):
        return word
    return _Lexer(word, env, escape, quotes=quotes).run()


def variables(word: str, *, escape: str = "\\") -> list[str]:
    """The names of the variables that a word reads, in order; a word that cannot be read has those up to there."""
    if "$" not in word:
        return []
    lexer = _Lexer(word, {}, escape)
    try:
        lexer.run()
    except SubstitutionError:
        return lexer.names
    return lexer.names


def split_raw(text: str, *, escape: str = "\\") -> list[tuple[int, int]] | None:
    """The ranges of a line's shell words, quotes and escapes kept; None where a quote or a `${` is left open."""
    out: list[tuple[int, int]] = []
    begin: int | None = None
    at, size = 0, len(text)
    while at < size:
        char = text[at]
        if char.isspace():
            if begin is not None:
                out.append((begin, at))
                begin = None
            at += 1
            continue
        if begin is None:
            begin = at
        if char == escape:
            at += 2
        elif char in "'\"":
            end = _quoted(text, at, char, escape)
            if end < 0:
                return None
            at = end
        elif text.startswith("${", at):
            end = _braced(text, at, escape)
            if end < 0:
                return None
            at = end
        else:
            at += 1
    if begin is not None:
        out.append((begin, size))
    return out


def unquote(text: str, *, escape: str = "\\") -> str:
    """A word without its quotes and escapes, variables left as they stand."""
    out: list[str] = []
    at, size = 0, len(text)
    quote = ""
    while at < size:
        char = text[at]
        if char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif char == escape and quote != "'" and at + 1 < size and (not quote or text[at + 1] in f'"${escape}'):
            at += 1
            out.append(text[at])
        else:
            out.append(char)
        at += 1
    return "".join(out)


def _quoted(text: str, at: int, quote: str, escape: str) -> int:
    """The offset behind a quoted part that begins at `at`, or -1."""
    at += 1
    while at < len(text):
        if text[at] == quote:
            return at + 1
        at += 2 if quote == '"' and text[at] == escape else 1
    return -1


def _braced(text: str, at: int, escape: str) -> int:
    """The offset behind a `${…}` that begins at `at`, or -1."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char == escape:
            at += 2
            continue
        if char == "'" or (char == '"' and depth):
            at = _quoted(text, at, char, escape)
            if at < 0:
                return -1
            continue
        if text.startswith("${", at):
            depth += 1
            at += 2
            continue
        at += 1
        if char == "}":
            depth -= 1
            if not depth:
                return at
    return -1


class _Lexer:
    """One pass over a word."""

    def __init__(self, word: str, env: Mapping[str, str], escape: str, *, quotes: bool = True) -> None:
        self.word, self.env, self.escape, self.quotes = word, env, escape, quotes
        self.at = 0
        self.depth = 0
        self.names: list[str] = []

    def run(self) -> str:
        return self._until("")

    def _peek(self) -> str:
        return self.word[self.at : self.at + 1]

    def _next(self) -> str:
        char = self.word[self.at : self.at + 1]
        self.at += 1
        return char

    def _until(self, stop: str, *, raw_escapes: bool = False) -> str:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise SubstitutionError("substitutions are nested too deeply")
        out: list[str] = []
        while char := self._peek():
            if char == stop:
                self.at += 1
                break
            if char == "'" and self.quotes:
                out.append(self._single())
            elif char == '"' and self.quotes:
                out.append(self._double())
            elif char == "$":
                out.append(self._dollar())
            else:
                self.at += 1
                if char == self.escape:
                    if raw_escapes:
                        out.append(char)
                    char = self._next()
                out.append(char)
        else:
            if stop:
                raise SubstitutionError(f"missing {stop!r} in a substitution")
        self.depth -= 1
        return "".join(out)

    def _single(self) -> str:
        end = self.word.find("'", self.at + 1)
        if end < 0:
            raise SubstitutionError("a single quote is left open")
        text = self.word[self.at + 1 : end]
        self.at = end + 1
        return text

    def _double(self) -> str:
        self.at += 1
        out: list[str] = []
        while char := self._peek():
            if char == '"':
                self.at += 1
                return "".join(out)
            if char == "$":
                out.append(self._dollar())
                continue
            self.at += 1
            if char == self.escape:
                follower = self._peek()
                if not follower:
                    break
                if follower in ('"', "$", self.escape):
                    char = self._next()
            out.append(char)
        raise SubstitutionError("a double quote is left open")

    def _dollar(self) -> str:
        self.at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            self.names.append(name)
            return self.env.get(name, "")
        self.at += 1
        if self._peek() in ("{", ""):
            raise SubstitutionError("bad substitution: '${' is not followed by a name")
        name = self._name()
        if not name:
            raise SubstitutionError("bad substitution: no name behind '${'")
        self.names.append(name)
        return self._modified(name)

    def _name(self) -> str:
        start = self.at
        first = self._peek()
        if first.isdigit():
            while self._peek().isdigit():
                self.at += 1
        elif first in _SPECIAL and first:
            self.at += 1
        else:
            while (char := self._peek()) and (char.isalpha() or char.isdigit() or char == "_"):
                self.at += 1
        return self.word[start : self.at]

    def _modified(self, name: str) -> str:
        value = self.env.get(name)
        operator = self._next()
        if operator == "}":
            return value or ""
        if operator == "/":
            return self._replaced(value or "")
        null_is_unset = operator == ":"
        if null_is_unset:
            operator = self._next()
        if operator in ("#", "%") and not null_is_unset:
            return self._trimmed(value or "", operator)
        if operator not in ("-", "+", "?") or not operator:
            raise SubstitutionError(f"unsupported modifier {operator!r} in a substitution of ${name}")
        word = self._until("}")
        unset = value is None or (null_is_unset and not value)
        match operator:
            case "-":
                return word if unset else value or ""
            case "+":
                return "" if unset else word
            case _:
                if unset:
                    raise SubstitutionError(f"{name}: {word or 'is not allowed to be unset or empty'}")
                return value or ""

    def _trimmed(self, value: str, operator: str) -> str:
        pattern = self._until("}", raw_escapes=True)
        longest = pattern.startswith(operator)
        segments = _segments(pattern[1:] if longest else pattern)
        if operator == "#":
            found = re.match(_regex(segments, longest=longest), value, re.DOTALL)
            return value[found.end() :] if found else value
        # A suffix is a prefix read backwards.
        segments = [segment[::-1] for segment in reversed(segments)]
        found = re.match(_regex(segments, longest=longest), value[::-1], re.DOTALL)
        return value[: len(value) - found.end()] if found else value

    def _replaced(self, value: str) -> str:
        everywhere = self._peek() == "/"
        self.at += everywhere
        segments = _segments(self._until("/", raw_escapes=True))
        replacement = self._until("}", raw_escapes=True)
        first = re.compile("".join(segments[0]), re.DOTALL)
        whole = re.compile(_regex(segments, longest=True), re.DOTALL)
        out: list[str] = []
        at, search, previous, size = 0, 0, -1, 0
        while search <= len(value) and (start := first.search(value, search)):
            found = whole.match(value, start.start())
            if not found:  # then nothing further on can match either: trying would take the square of the time
                break
            begin, end = found.span()
            if end > begin or begin != previous:  # nothing at all is not replaced right behind a replacement
                out += (value[at:begin], replacement)
                size += len(replacement)
                if size > MAX_RESULT:
                    raise SubstitutionError("a substitution grows without bounds")
                at = previous = end
            if not everywhere:
                break
            search = end + (end == begin)
        return "".join(out) + value[at:]


def _segments(pattern: str) -> list[list[str]]:
    """A glob of `*`, `?` and backslash escapes, cut at its stars; each character as a regular expression."""
    out: list[list[str]] = [[]]
    chars = iter(pattern)
    for char in chars:
        match char:
            case "*":
                out.append([])
            case "?":
                out[-1].append(".")
            case "\\":
                follower = next(chars, None)
                if follower is None:
                    raise SubstitutionError("a pattern ends in an escape")
                if follower not in ("*", "?", "\\", "}", "/"):
                    raise SubstitutionError(f"invalid escape '\\{follower}' in a pattern")
                out[-1].append(re.escape(follower))
            case _:
                out[-1].append(re.escape(char))
    return out


def _regex(segments: list[list[str]], *, longest: bool) -> str:
    """What matches a glob's shortest or longest prefix.

    What stands between two stars is found where it first is, once and for all: an earlier place never hinders what
    follows, and without a way back the time does not grow with the power of the stars.
    """
    first, *rest = ("".join(segment) for segment in segments)
    if not rest:
        return first
    last = rest.pop()
    middle = "".join(f"(?>.*?{segment})" for segment in rest if segment)
    return f"{first}{middle}.*{last}" if longest else f"{first}{middle}.*?{last}"
