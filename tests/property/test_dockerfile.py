"""What must hold for any input: nothing is lost, nothing raises, every place is inside the text, fixes settle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from imagelint import fixer, plugins
from imagelint.dockerfile.instructions import Instruction, Run
from imagelint.dockerfile.parser import parse
from imagelint.dockerfile.source import LineKind
from imagelint.dockerfile.syntax import SPACE, MixedArrayError, json_strings
from imagelint.linter import lint
from imagelint.text import apply_edits

if TYPE_CHECKING:
    from imagelint.dockerfile.parser import Dockerfile

RULES = list(plugins.load().rules)

FRAGMENTS = st.sampled_from([
    "FROM a", "FROM a AS b", "RUN ", "COPY --from=b ", "ENV a=1", "ONBUILD ", "SHELL [", "HEALTHCHECK CMD ",
    "apt-get update", "apt-get install -y gcc", "rm -rf /var/lib/apt/lists/*", "pip install x", "npm ci", "apk add y",
    "make", " && ", "; ", "|", "&", "(", ")", "$(", "${", "}", "if a; then ", "fi", "case x in ", "esac", "sh -c '",
    "cd /x", "\\\n", "\\ \n", "\\\\\n", "\n", "\n", "\r\n", "# c\n", "# escape=`\n", "`\n", "`", "<<EOF",
    "<<-'E'", "EOF\n", "E\n", '"', "'", "[", '["a", "b"]', "--mount=type=cache,target=/x ", " ", "\t",
    "\ufeff", "\x00", "é", "\udc80", "\u00a0", "\x85",
])  # fmt: skip
FILES = st.lists(FRAGMENTS, max_size=40).map("".join)
LINES = st.lists(
    st.sampled_from([
        "RUN apt-get update", "RUN apt-get install -y a \\\n  b", "RUN a && \\\n    b", "RUN a; b", "RUN cd /x && y",
        "RUN apt-get -y update && apt-get install x && rm -rf /var/lib/apt/lists/*", "RUN pip install \\\n# c\n x",
        "RUN npm ci", "RUN apk add x && apk add y", "RUN <<E\nnpm ci\nE", 'RUN ["npm", "ci"]', "RUN a # b",
        "RUN --network=none x", "RUN --network=none pip install y", "RUN a || b", "RUN c \\\n\n d", "# why", "",
        "ENV A=1", "USER z", "FROM b AS c", "ONBUILD RUN pip install x",
    ]),
    max_size=14,
).map(lambda lines: "FROM a\n" + "\n".join(lines) + "\n")  # fmt: skip


def spans(dockerfile: Dockerfile) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = [*(problem.span for problem in dockerfile.problems)]
    for each in dockerfile.instructions:
        inner: Instruction | None = getattr(each, "inner", None)
        for instruction in (each, inner) if inner else (each,):
            out += [instruction.span, instruction.keyword_span, *map(instruction.span_of, instruction.words)]
            if isinstance(instruction, Run):
                for command in instruction.script.commands:
                    out += [command.span, *map(command.span_of, command.words)]
    return out


@given(st.binary(max_size=300))
def test_any_bytes_come_back(data: bytes) -> None:
    assert parse(data).source.to_bytes() == data


@given(FILES)
def test_nothing_is_lost_and_every_place_is_inside(text: str) -> None:
    dockerfile = parse(text)
    source = dockerfile.source
    assert source.text == text
    assert len(source.kinds) == len(source.index)
    for start, end in spans(dockerfile):
        assert 0 <= start <= end <= len(text)


@given(FILES)
def test_every_line_belongs_to_one_instruction_or_to_none(text: str) -> None:
    source = parse(text).source
    owned = [line for each in source.logical for line in range(each.start_line, each.end_line + 1)]
    assert owned == sorted(set(owned))
    for number, kind in enumerate(source.kinds, start=1):
        if kind in (LineKind.HEREDOC_BODY, LineKind.HEREDOC_END, LineKind.CONTINUATION) and not source.problems:
            assert number in owned or not source.index.line_text(number).strip()


@given(FILES)
def test_linting_never_raises(text: str) -> None:
    lint("Dockerfile", text, RULES)


@settings(max_examples=300)
@given(LINES)
def test_fixes_settle_keep_comments_and_touch_nothing_else(text: str) -> None:
    before = lint("Dockerfile", text, RULES)
    fixed = fixer.fix(before, RULES)
    after = fixed.after
    assert not after.dockerfile.problems
    assert not fixer.fix(after, RULES).changed
    assert [line.strip() for line in text.splitlines() if line.startswith("#")] == [
        line.strip() for line in after.source.text.splitlines() if line.startswith("#")
    ]
    others = [each.joined for each in before.dockerfile.instructions if each.keyword not in ("RUN", "ONBUILD")]
    assert others == [each.joined for each in after.dockerfile.instructions if each.keyword not in ("RUN", "ONBUILD")]


@given(LINES)
def test_each_fix_alone_is_sound(text: str) -> None:
    linted = lint("Dockerfile", text, RULES)
    for finding in linted.findings:
        if finding.fix is not None:
            after = parse(apply_edits(text, finding.fix.edits))
            assert fixer.sound(linted.dockerfile, after, finding.fix.edits)


@given(st.text('"",[] a1\\\té\udc80\u2003\n', max_size=14), st.sampled_from(["", "CMD "]))
@example('["a", "b" ]', "CMD ")
@example('["\udc80"]', "")
@example('["a\tb"]', "")
@example('[ "a" , "é",""]', "CMD ")
@example("[]", "")
def test_a_plain_array_is_what_json_takes_it_for(text: str, before: str) -> None:
    """Where JSON sees an array of strings, the words are its strings, each with its own range; else there is none."""
    try:
        words = json_strings(before + text, len(before))
    except MixedArrayError:
        return
    try:
        values = json.loads(text.lstrip(SPACE))
    except ValueError:
        values = None
    if not isinstance(values, list):
        assert words is None
        return
    assert words is not None
    assert [word.value for word in words] == [each.encode("utf-8", "replace").decode() for each in values]
    ranges = [(before + text)[word.start : word.end] for word in words]
    assert [json.loads(each) for each in ranges] == values
