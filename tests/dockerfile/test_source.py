"""Lines, continuations, comments, heredocs and directives, as BuildKit reads them."""

from __future__ import annotations

import pytest

from imagelint.dockerfile.source import LineKind, Source

KINDS = {
    "directive, comment, blank": ("# escape=`\n# hi\n\nFROM a\n", "directive comment blank head"),
    "a comment and a blank line inside a continuation": (
        "RUN a \\\n# why\n\n  && b\n",
        "head comment blank continuation",
    ),
    "an even backslash ends the line": ("ENV X=C:\\\\\nRUN y\n", "head head"),
    "blanks behind the backslash": ("RUN a \\  \n  b\n", "head continuation"),
    "a heredoc's body is kept as it is": (
        "RUN <<EOF\n# no comment\n\nFROM evil\nEOF\n",
        "head heredoc-body heredoc-body heredoc-body heredoc-end",
    ),
    "two heredocs, one after the other": (
        "COPY <<A <<B /x/\na\nA\nb\nB\n",
        "head heredoc-body heredoc-end heredoc-body heredoc-end",
    ),
    "tabs before the end of <<-": ("RUN <<-E\n\ta\n\tE\n", "head heredoc-body heredoc-end"),
    "no heredoc in a JSON array": ('RUN ["cat", "<<EOF"]\nEOF\n', "head head"),
    "no heredoc where the word does not begin with it": ("RUN cat<<EOF\nEOF\n", "head head"),
    "a heredoc behind ONBUILD": ("ONBUILD RUN <<E\nx\nE\n", "head heredoc-body heredoc-end"),
    "the backtick as escape character": ("# escape=`\nRUN a `\n  b\\\nRUN c\n", "directive head continuation head"),
    "a dangling continuation at the end": ("RUN a \\\n", "head"),
    "carriage returns": ("RUN a \\\r\n  b\r\n", "head continuation"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "kinds"), KINDS.values(), ids=KINDS)
def test_each_line_has_its_kind(text: str, kinds: str) -> None:
    assert [kind.value for kind in Source(text).kinds] == kinds.split()


def test_joined_text_knows_where_it_came_from() -> None:
    source = Source("RUN a \\\n# comment\n   && curl \\\n  x\n")
    (line,) = source.logical
    assert line.joined.text == "RUN a    && curl   x"
    start = line.joined.text.index("curl")
    span = line.joined.span(start, start + 4)
    assert source.text[span.start : span.end] == "curl"
    assert source.index.position(span.start) == (3, 7)


def test_a_byte_order_mark_takes_no_column() -> None:
    source = Source.from_bytes(b"\xef\xbb\xbfFROM a\n")
    assert source.kinds == [LineKind.HEAD]
    assert source.index.position(source.logical[0].joined.offset(5)) == (1, 6)


def test_directives_end_at_the_first_other_line() -> None:
    source = Source("# syntax=docker/dockerfile:1\n# a comment\n# escape=`\nFROM a\n")
    assert [each.name for each in source.directives] == ["syntax"]
    assert source.escape == "\\"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("# nothing\n\n", "no instructions"),
        ("# escape=x\nFROM a\n", "escape directive"),
        ("# syntax=a\n# syntax=b\nFROM a\n", "only one syntax"),
        ("FROM a\nRUN <<EOF\necho\n", "unterminated heredoc"),
        ("FROM a\nRUN " + "x" * 70_000 + "\n", "longer than"),
    ],
)
def test_what_buildkit_refuses_is_a_problem(text: str, message: str) -> None:
    assert message in Source(text).problems[0].message
