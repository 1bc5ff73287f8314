"""Outputs of findings whose words and paths a stranger chose: each must come out as what its readers take."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imagelint.finding import FileError, FileReport, Finding, Fix, Related, Severity
from imagelint.text import Edit, LineIndex, Span
from tests.output import reports
from tests.output.test_sarif import validator

#: What a system may hand over as a path, and what a Dockerfile may hold: bytes that are no UTF-8 are lone surrogates.
CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
STRAY = st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)
HOSTILE = st.sampled_from(list("\n\r\t\x0b\x1b\x85\u2028\u202e\ufffe\uffff:,%;<>&\"'[]()`{}\\🐳"))
TEXT = st.text(CHARACTERS | STRAY | HOSTILE, max_size=30)
PATH = TEXT.filter(bool)

WORST = "\n::error::x\r\x1b[2J%0A]]>&<!--\ud83d'\"\udcff\ufffe\u2028::set-output name=a::b"
ESCAPES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def files(path: str, text: str) -> tuple[list[FileReport], list[FileError]]:
    """A report in which everything that can be chosen is."""
    found = Finding(
        Span(0, 1),
        text,
        note=text,
        help=text,
        fix=Fix(text, (Edit(Span(0, 1), text),)),
        related=(Related(Span(0, 1), text),),
        severity=Severity.ERROR,
        aliases=("DL3009",),
        code="IL101",
        name="apt-lists-kept",
    )
    return [FileReport(path, LineIndex(f"A{text}\n"), (found, found))], [FileError(path, text)]


def seen(made: str) -> None:
    """It can be written as UTF-8, and holds nothing that a terminal would act on."""
    made.encode()
    assert not ESCAPES.search(made)


@given(PATH, TEXT)
@example("::error::x", WORST)
@example(WORST.replace("\ud83d", ""), WORST)
def test_github_gets_one_command_a_line(path: str, text: str) -> None:
    made = reports.report("github", *files(path, text))
    seen(made)
    lines = made.split("\n")
    assert len(lines) == 3
    assert made.splitlines() == lines
    for line in lines:
        command = re.fullmatch(r"::error ((?:\w+=[^:,\r\n]*)(?:,\w+=[^:,\r\n]*)*)::([^\r\n]*)", line)
        assert command is not None
        assert all(re.match(r"(25|0A|3A|2C)", rest) for rest in line.split("%")[1:])


@given(PATH, TEXT)
@example(WORST.replace("\ud83d", ""), WORST)
@pytest.mark.parametrize("name", ["junit", "checkstyle"])
def test_xml_is_read_by_a_parser_with_all_that_was_said(name: str, path: str, text: str) -> None:
    made = reports.report(name, *files(path, text))
    seen(made)
    root = ElementTree.fromstring(made)
    tags = {"junit": ("failure", "error"), "checkstyle": ("error", "exception")}[name]
    said = [each.get("message", each.text or "") for tag in tags for each in root.iter(tag)]
    assert len(said) == 3
    assert len(set(said)) == 1
    if text.isalnum():
        assert said[0] == text


@settings(max_examples=60)
@given(PATH, TEXT)
@example(WORST.replace("\ud83d", ""), WORST)
def test_json_has_no_lone_surrogates_and_sarif_is_valid(path: str, text: str) -> None:
    for name in ("sarif", "gitlab", "hadolint_json"):
        made = reports.report(name, *files(path, text))
        assert made.isascii()
        document = json.loads(made)
        json.dumps(document, ensure_ascii=False).encode()  # fails on a lone surrogate
        if name == "sarif":
            validator().validate(document)
            uri = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"(?:[\w.~/-]|%[0-9A-F]{2})+|file:///(?:[\w.~/-]|%[0-9A-F]{2})*", uri, re.ASCII)


@given(TEXT)
@example(WORST)
def test_statistics_are_a_line_for_each_code(name: str) -> None:
    file = FileReport("Dockerfile", LineIndex("FROM a\n"), (Finding(Span(0, 1), "m", code="ACME101", name=name),))
    made = reports.report("statistics", [file])
    seen(made)
    assert len(made.splitlines()) == 1
