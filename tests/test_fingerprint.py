"""Fingerprints: the same while the file around a finding changes, another for each finding."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelint.finding import FileReport, Finding
from imagelint.fingerprint import fingerprint, fingerprints
from imagelint.text import LineIndex, Span

TEXT = "FROM a\nRUN apt-get update && \\\n    apt-get install curl\n"


def of(text: str, mark: str = "apt-get update", *, code: str = "IL101", path: str = "Dockerfile", more: int = 0) -> str:
    """The fingerprint of a finding about a part of a text, and so many characters behind it."""
    start = text.index(mark)
    finding = Finding(Span(start, start + len(mark) + more), "m", code=code)
    return fingerprint(FileReport(path, LineIndex(text), (finding,)), finding, 0)


SAME = {
    "lines before it": "# x\n\n" + TEXT,
    "lines behind it": TEXT + "RUN x\n",
    "indented": TEXT.replace("RUN", "  RUN"),
    "blanks between words": TEXT.replace("RUN apt", "RUN   \t apt"),
    "no continuation": TEXT.replace(" \\", ""),
    "CRLF": TEXT.replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + TEXT,
}


@pytest.mark.parametrize("case", SAME)
def test_it_stays(case: str) -> None:
    assert of(SAME[case]) == of(TEXT)


def test_it_is_another_where_the_line_the_rule_or_the_file_is() -> None:
    variants = [of(TEXT), of(TEXT.replace("RUN", "RUN  x;")), of(TEXT, code="IL102"), of(TEXT, path="b")]
    assert len(set(variants)) == len(variants)


def test_lines_wrapped_elsewhere_are_the_same() -> None:
    wrapped = TEXT.replace("&& \\\n    ", "&& ").replace("update ", "update \\\n  ")
    assert of(TEXT, more=26) == of(wrapped, "apt-get update", more=26)


def test_the_end_of_a_long_list_may_change() -> None:
    text = "RUN apt-get install " + " \\\n  ".join(f"package{n:02}" for n in range(50)) + "\n"
    changed = text.replace("package40", "other")
    assert of(text, "apt-get", more=500) == of(changed, "apt-get", more=500)
    assert of(text, "apt-get", more=500) != of(text.replace("package01", "other"), "apt-get", more=500)


def test_words_of_the_message_do_not_count() -> None:
    finding = Finding(Span(0, 4), "m", code="IL101")
    file = FileReport("Dockerfile", LineIndex(TEXT), (finding,))
    assert fingerprint(file, finding._replace(message="n", help="h"), 0) == fingerprint(file, finding, 0)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["IL1", "IL2"]), st.integers(0, 20)), max_size=12))
def test_each_finding_of_a_run_has_its_own(found: list[tuple[str, str, int]]) -> None:
    text = "RUN x\n" * 5 + "\udcff"
    files = [
        FileReport(path, LineIndex(text), (Finding(Span(start, start + 1), "m", code=code),))
        for path, code, start in found
    ]
    made = [mark for _, _, mark in fingerprints(files)]
    assert len(set(made)) == len(made) == len(found)
    assert all(re.fullmatch("[0-9a-f]{32}", mark) for mark in made)


def test_twenty_thousand_findings_over_all_of_a_large_file_take_no_time_to_speak_of() -> None:
    text = "RUN x \\\n" * 100_000
    found = (Finding(Span(0, len(text)), "m", code="IL1"),) * 20_000
    begin = time.process_time()
    assert sum(1 for _ in fingerprints([FileReport("a", LineIndex(text), found)])) == 20_000
    assert time.process_time() - begin < 10
