"""The small grammars inside an instruction: its keyword, its flags, its words, its JSON array, its heredocs.

All of them work on the joined text of an instruction (continuations put together, comments taken out) and give
ranges of it. They follow BuildKit's frontend where the Dockerfile reference leaves a case open.
"""

from __future__ import annotations

import re

from imagelint.dockerfile.words import split_raw, unquote
from imagelint.records import NamedTuple

#: What Go's `unicode.IsSpace` takes for a space; Python's `str.isspace` has four more.
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_KEYWORD = re.compile(r"[^\t\v\f\r ]+")
_WORD = re.compile(r"[^\t\v\f\r ]+")
_HEREDOC = re.compile(r"(\d*)<<(-?)[\t\v\f\r ]*([^<]+)")
#: A JSON array of strings without an escape, a control character or a byte that is no UTF-8.
_PLAIN_STRING = r'"[^"\\\x00-\x1f\ud800-\udfff]*"[ \t\n\r]*'
_PLAIN_ARRAY = rf"\[[ \t\n\r]*(?:{_PLAIN_STRING}(?:,[ \t\n\r]*{_PLAIN_STRING})*)?\][ \t\n\r]*"
_BARE_HEREDOC = re.compile(r"\d*<<")


class Word(NamedTuple):
    """A word of an instruction: what it stands for, and its range in the joined text."""

    value: str
    start: int
    end: int


class HeredocWord(NamedTuple):
    """`3<<-"EOF"` in an instruction: the delimiter that ends its body, and how the body is treated."""

    name: str
    expand: bool
    chomp: bool
    fd: int
    start: int
    end: int


class MixedArrayError(ValueError):
    """A JSON array that holds something else than strings, which BuildKit refuses."""


def keyword(text: str) -> Word | None:
    """The first word of an instruction, in capitals; None in a text of spaces alone."""
    found = _KEYWORD.match(text, len(text) - len(text.lstrip(SPACE)))
    return Word(found[0].upper(), found.start(), found.end()) if found else None


def words(text: str, at: int = 0) -> list[Word]:
    """The words from `at` on, split at blanks alone; quotes mean nothing here."""
    return [Word(found[0], found.start(), found.end()) for found in _WORD.finditer(text, at)]


def quoted_words(text: str, at: int, escape: str) -> list[Word]:
    """The words from `at` on as ARG, ENV and LABEL split them: a quote or an escape keeps a blank inside."""
    out: list[Word] = []
    begin = -1
    quote = ""
    size = len(text)
    while at < size:
        char = text[at]
        if begin < 0:
            if char in SPACE:
                at += 1
                continue
            begin = at
        if quote:
            if char == quote:
                quote = ""
            elif char == escape and quote == '"':
                at += 1
        elif char in "'\"":
            quote = char
        elif char == escape:
            at += 1
        elif char in SPACE:
            out.append(Word(text[begin:at], begin, at))
            begin = -1
        at += 1
    if begin >= 0:
        out.append(Word(text[begin:size], begin, size))
    return out


def flags(text: str, at: int, escape: str) -> tuple[list[Word], int]:
    """The words beginning with `--` behind the keyword, quotes and escapes taken away, and where the rest begins."""
    out: list[Word] = []
    size = len(text)
    while True:
        while at < size and text[at] in SPACE:
            at += 1
        if not text.startswith("--", at):
            return out, at
        begin = at
        value: list[str] = []
        quote = ""
        while at < size and (quote or text[at] not in SPACE):
            char = text[at]
            at += 1
            if char == quote:
                quote = ""
            elif not quote and char in "'\"":
                quote = char
            elif char == escape:
                value.append(text[at : at + 1])
                at += 1
            else:
                value.append(char)
        at = min(at, size)
        flag = "".join(value)
        if flag == "--":
            while at < size and text[at] in SPACE:
                at += 1
            return out, at
        out.append(Word(flag, begin, at))


def json_strings(text: str, at: int = 0) -> list[Word] | None:
    """The strings of a JSON array that is all of `text` from `at` on; None where it is none.

    Raises MixedArrayError for an array in which something is not a string.
    """
    if "[" not in text:
        return None
    stripped = text[at:].lstrip(SPACE)
    if not stripped.startswith("["):
        return None
    if re.fullmatch(_PLAIN_ARRAY, stripped):
        strings = re.compile(r'"([^"]*)"').finditer(text, at)
        return [Word(found[1], found.start(), found.end()) for found in strings]
    import json  # costs start-up time, and most arrays are plain

    try:
        values = json.loads(stripped, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, list):
        return None
    if any(not isinstance(value, str) for value in values):
        raise MixedArrayError
    out: list[Word] = []
    begin = text.index("[", at) + 1
    decoder = json.JSONDecoder()
    for value in values:
        begin = text.index('"', begin)
        _, end = decoder.raw_decode(text, begin)
        out.append(Word(value.encode("utf-8", "replace").decode("utf-8", "replace"), begin, end))
        begin = end
    return out


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def heredoc_words(text: str) -> list[HeredocWord]:
    """The heredocs that a RUN, COPY or ADD announces, in order; none where a quote is left open."""
    if "<<" not in text:
        return []
    ranges = split_raw(text)
    out: list[HeredocWord] = []
    skip = False
    for place, (start, end) in enumerate(ranges or ()):
        if skip:
            skip = False
            continue
        if _BARE_HEREDOC.fullmatch(text, start, end) and place + 1 < len(ranges or ()):
            end = (ranges or [])[place + 1][1]
            skip = True
        found = _HEREDOC.fullmatch(text, start, end)
        if not found:
            continue
        raw = found[3]
        if len(split_raw(raw) or ()) != 1:
            continue
        name = unquote(raw)
        if not name:
            continue
        plain = "'" not in raw and '"' not in raw
        out.append(HeredocWord(name, plain, found[2] == "-", int(found[1] or 0), start, end))
    return out
