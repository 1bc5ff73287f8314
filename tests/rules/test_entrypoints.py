"""CMD, ENTRYPOINT and HEALTHCHECK: their form, and how many of them."""

from __future__ import annotations

import pytest

from imagelint.finding import Persona, Safety, Severity
from imagelint.text import apply_edits
from tests.rules import cases

BOTH = "DL3025 JSONArgsRecommended"

FORMS = {
    "in shell form": ("FROM a\nCMD b", BOTH),
    "in exec form": ('FROM a\nCMD ["b"]\nENTRYPOINT []', ""),
    "over several lines": ('FROM a\nCMD ["b", \\\n  "c" \\\n]', ""),
    "single quotes": ("FROM a\nENTRYPOINT ['b']", BOTH),
    "something behind the array": ('FROM a\nENTRYPOINT ["b"];', BOTH),
    "nothing at all": ("FROM a\nCMD", "JSONArgsRecommended"),
    "a shell was chosen": ('FROM a\nSHELL ["bash", "-c"]\nCMD b', "DL3025"),
    "a shell is chosen later": ('FROM a\nCMD b\nSHELL ["bash", "-c"]', BOTH),
    "a shell was chosen in the base stage": ('FROM a AS b\nSHELL ["bash", "-c"]\nFROM b AS c\nFROM c\nCMD d', "DL3025"),
    "a shell was chosen in another stage": ('FROM a AS b\nSHELL ["bash", "-c"]\nFROM a\nCMD d', BOTH),
    "a pragma is no choice": ("FROM a\n# hadolint shell=bash\nCMD b", BOTH),
    "a health check": ("FROM a\nHEALTHCHECK --interval=5s CMD curl x || exit 1", "DL3025"),
    "a health check in exec form": ('FROM a\nHEALTHCHECK cmd ["curl", "x"]', ""),
    "no health check": ("FROM a\nHEALTHCHECK NONE", ""),
    "a trigger that nothing runs": ("FROM a\nONBUILD CMD b", "DL3025"),
    "a trigger that a stage runs": ("FROM a AS b\nONBUILD CMD c\nFROM b", BOTH),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.values(), ids=FORMS)
def test_shell_form(text: str, expected: str) -> None:
    assert cases.aliases(text, "IL701") == expected


def test_what_a_shell_was_chosen_for_is_an_opinion() -> None:
    text = 'FROM a\nCMD b\nSHELL ["bash", "-c"]\nCMD c\nHEALTHCHECK CMD d'
    personas = [each.persona for each in cases.linted(text, "IL701").findings]
    assert personas == [Persona.REGULAR, Persona.PEDANTIC, Persona.PEDANTIC]


HANDED_OVER = {
    "exec": ("CMD exec a $B", True),
    "exec at the end": ("CMD a && exec b", True),
    "exec of an entry point, which takes no arguments": ("ENTRYPOINT exec a", False),
    "exec before something else": ("CMD exec a || b", False),
    "a name that begins so": ("CMD executor", False),
}


@pytest.mark.parametrize(("line", "pedantic"), HANDED_OVER.values(), ids=HANDED_OVER)
def test_exec_makes_the_program_process_1(line: str, pedantic: bool) -> None:
    (finding,) = cases.linted(f"FROM a\n{line}", "IL701").findings
    assert (finding.persona is Persona.PEDANTIC) == pedantic


@pytest.mark.parametrize(("line", "needed"), [("CMD a b", False), ("CMD a $B", True), ("CMD a && b", True)])
def test_the_help_knows_what_needs_a_shell(line: str, needed: bool) -> None:
    (finding,) = cases.linted(f"FROM a\n{line}", "IL701").findings
    assert finding.help is not None
    assert finding.help.startswith("it needs a shell") == needed


FIXES = {
    "plain words": ("CMD node server.js --port=80", 'CMD ["node", "server.js", "--port=80"]'),
    "a health check": ("HEALTHCHECK --retries=2 CMD  curl -f x", 'HEALTHCHECK --retries=2 CMD  ["curl", "-f", "x"]'),
    "a variable": ("CMD node $FILE", None),
    "an assignment": ("CMD A=b node", None),
    "two commands": ("CMD a && b", None),
    "quotes": ("CMD a 'b c'", None),
    "a builtin": ("ENTRYPOINT exec node", None),
    "broken JSON": ("CMD ['a']", None),
    "over several lines": ("CMD a \\\n  b", None),
}


@pytest.mark.parametrize(("line", "expected"), FIXES.values(), ids=FIXES)
def test_fix_of_the_shell_form(line: str, expected: str | None) -> None:
    linted = cases.linted(f"FROM a\n{line}", "IL701")
    (finding,) = linted.findings
    if expected is None:
        assert finding.fix is None
    else:
        assert finding.fix is not None
        assert finding.fix.safety is Safety.UNSAFE
        assert apply_edits(linted.source.text, finding.fix.edits) == f"FROM a\n{expected}\n"


REPEATED = {
    "two of each": (
        "FROM a\nCMD b\nCMD c\nENTRYPOINT d\nENTRYPOINT e\nHEALTHCHECK CMD f\nHEALTHCHECK NONE",
        "IL702:3 IL702:5 IL702:7",
    ),
    "three": ("FROM a\nCMD b\nRUN c\nCMD d\nCMD e", "IL702:4 IL702:5"),
    "one in each stage": ("FROM a AS b\nCMD c\nFROM b\nCMD d", ""),
    "another one behind ONBUILD": ("FROM a\nCMD b\nONBUILD CMD c", ""),
}


@pytest.mark.parametrize(("text", "expected"), REPEATED.values(), ids=REPEATED)
def test_repeated(text: str, expected: str) -> None:
    assert cases.found(text, "IL702") == expected


def test_repeated_leads_to_the_one_without_effect() -> None:
    linted = cases.linted("FROM a\nCMD b\nENTRYPOINT c\nENTRYPOINT d\nCMD e", "IL702")
    assert [each.severity for each in linted.findings] == [Severity.ERROR, Severity.WARNING]
    assert [linted.source.text[slice(*each.related[0].span)] for each in linted.findings] == ["ENTRYPOINT c", "CMD b"]
    assert [each.aliases for each in linted.findings] == [
        ("DL4004", "MultipleInstructionsDisallowed"),
        ("DL4003", "MultipleInstructionsDisallowed"),
    ]
