"""Casing, blank lines and descriptions: what the rules' examples leave out."""

from __future__ import annotations

import pytest

from imagelint import fixer
from imagelint.finding import Severity
from tests.rules import cases

FOUND = {
    "as beside From": ("From a as b", "IL902:1"),
    "As beside FROM": ("FROM a As b", "IL901:1"),
    "AS beside from": ("from a AS b", "IL901:1"),
    "what is no AS": ("FROM a is b", "IL001:1"),
    "no AS": ("FROM a", ""),
    "as many of either": ("FROM a\nrun x", "IL902:2"),
    "more in small letters": ("FROM a\nrun x\nrun y", "IL902:1"),
    "mixed ones have no vote": ("from a\nRun x\nRun y\nRUN z\nrun v", "IL902:2 IL902:3 IL902:4"),
    "an argument for all stages": ("arg x\nFROM a", ""),
    "behind ONBUILD": ("FROM a\nONBUILD run x", ""),
    "what is no instruction": ("FROM a\nrunn x", "IL001:2"),
    "without a FROM": ("RUN x\nrun y", "IL001:1 IL001:1 IL001:2 IL902:2"),
    "in a heredoc": ("FROM a\nRUN <<E\nrun x\nrun y\nE", ""),
    # blank lines
    "two blank lines": ("FROM a\nRUN x \\\n\n\n  y \\\n\n  z", "IL903:3"),
    "between instructions": ("FROM a\n\nRUN x", ""),
    "at the end of the file": ("FROM a\nRUN x \\\n\n", "IL903:3"),
    "in a heredoc's body": ("FROM a\nRUN <<E\nx \\\n\ny\nE", ""),
    "a comment": ("FROM a\nRUN x \\\n# c\n  y", ""),
    # descriptions
    "not asked for": ("# what\nFROM a AS b", ""),
    "asked by all": ("# check=experimental=all\n# what\nFROM a AS b", "IL904:2"),
    "asked and skipped": ("# check=skip=all;experimental=InvalidDefinitionDescription\n# what\nFROM a AS b", "IL904:2"),
    "asked for something else": ("# check=experimental=Other\n# what\nFROM a AS b", ""),
    "asked twice, the last counts": ("# check=experimental=all;experimental=Other\n# what\nFROM a AS b", ""),
    "asked above": ("FROM a\n# check=experimental=all\n# what\nARG b", "IL904:3"),
    "asked above, but not at the margin": ("FROM a\n  # check=experimental=all\n# what\nARG b", ""),
    "asked by a broken directive": ("FROM a\n# check=experimental=all;what\n# what\nARG b", ""),
    "asked by the second one": ("FROM a\n# check=skip=x\n# check=experimental=all\nARG b", ""),
    "a stage without a name": ("# check=experimental=all\n# what\nFROM a", ""),
    "a colon": ("# check=experimental=all\n# b: what\nFROM a AS b", "IL904:2"),
    "the name in capitals": ("# check=experimental=all\n# B what\nFROM a AS B", "IL904:2"),
    "the last line counts": ("# check=experimental=all\n# b what\n# more\nFROM a AS b", "IL904:3"),
    "one of several arguments": ("# check=experimental=all\n# y what\nARG x y\nFROM a", ""),
    "a blank line separates nothing": ("# check=experimental=all\n# what\n\nARG x\nFROM a", "IL904:2"),
    "an empty comment does": ("# check=experimental=all\n# what\n#\nARG x\nFROM a", ""),
}


@pytest.mark.parametrize(("text", "expected"), FOUND.values(), ids=FOUND)
def test_found(text: str, expected: str) -> None:
    assert cases.found(text, "IL90") == expected


FIXED = {
    "as with its FROM": ("FROM a\nrun x\nrun y\nFROM b AS c\nrun z\n", "from a\nrun x\nrun y\nfrom b as c\nrun z\n"),
    "a keyword in two pieces": ("FROM a\nru\\\nn x\n", "FROM a\nru\\\nn x\n"),
    "line ends are kept": ("FROM a\r\nRUN x \\\r\n\r\n  y\r\n", "FROM a\r\nRUN x \\\r\n  y\r\n"),
    "blank lines with blanks": ("FROM a\nRUN x \\\n \n\t\n# c\n\n  y\n", "FROM a\nRUN x \\\n# c\n  y\n"),
    "the end of the file": ("FROM a\nRUN x \\\n\n", "FROM a\nRUN x \\\n"),
    "an instruction that was swallowed": ("FROM a\nRUN x \\\n\nCOPY y z\n", "FROM a\nRUN x \\\n\nCOPY y z\n"),
}


@pytest.mark.parametrize(("text", "expected"), FIXED.values(), ids=FIXED)
def test_fixed(text: str, expected: str) -> None:
    assert fixer.fix(cases.linted(text, "IL90"), cases.rules("IL90")).after.source.text == expected


def test_a_swallowed_instruction_is_named() -> None:
    (finding,) = cases.linted("FROM a\nRUN x \\\n\n\nCOPY y z\n", "IL903").findings
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("COPY at line 5")


def test_descriptions_always() -> None:
    (rule,) = cases.rules("IL904")
    linted = cases.linted("# what\nFROM a AS b")
    from_ = linted.graph.stages[0].from_
    assert not list(rule.check(from_, linted.graph))
    assert list(rule.with_options({"always": True}).check(from_, linted.graph))
