"""Old spellings, ports and relative paths."""

from __future__ import annotations

import pytest

from imagelint import fixer
from imagelint.finding import Persona, Safety
from imagelint.graph.context import BaseImage, BuildContext
from imagelint.text import apply_edits
from tests.rules import cases

CASES = {
    # key and value
    "two pairs with =": ("FROM a\nENV b=c d=e", ""),
    "a quoted name": ('FROM a\nENV "b c"=d', ""),
    "a value with =": ("FROM a\nLABEL b c=d", "IL704:2"),
    "an error of its own": ("FROM a\nENV b", "IL001:2"),
    "ARG has no old form": ("FROM a\nARG b c", ""),
    "maintainer in small letters": ("FROM a\nmaintainer b", "IL703:2"),
    # ports
    "capitals": ("FROM a\nEXPOSE 80/TcP 81/TCP 82/udp", "IL705:2 IL705:2"),
    "capitals in a variable": ("FROM a\nENV P=80/TCP\nEXPOSE $P", "IL705:3"),
    "an unknown variable": ("FROM a\nEXPOSE $P ${Q:-80}/TCP", ""),
    "no protocol at all": ("FROM a\nEXPOSE 80/HTTP", ""),
    "an address and a port of the host": ("FROM a\nEXPOSE 127.0.0.1:80:80 [::1]:80:80 80:80 1-2:3-4 90", "IL706 " * 4),
    "an address alone": ("FROM a\nEXPOSE 127.0.0.1::80", "IL706:2"),
    "no port at all": ("FROM a\nEXPOSE a:b x", ""),
    # WORKDIR
    "relative": ("FROM a\nWORKDIR b", "IL709:2"),
    "absolute in quotes": ("FROM a\nWORKDIR \"/b\"\nWORKDIR '/c'", ""),
    "relative to an absolute one": ("FROM a\nWORKDIR /b\nWORKDIR c", "IL709:3"),
    "an unknown variable begins it": ("FROM a\nWORKDIR $HOME/b", ""),
    "an unknown variable ends it": ("FROM a\nWORKDIR b/$C", "IL709:2"),
    "a variable that is absolute": ("FROM a\nENV B=/b\nWORKDIR $B/c", ""),
    "a variable that is relative": ("FROM a\nENV B=b\nWORKDIR $B", "IL709:3"),
    "a drive": ("FROM a\nWORKDIR C:\\\\app\nWORKDIR 'd:/'", ""),
    "a drive where there is none": ("FROM scratch\nWORKDIR c:/app", "IL709:2"),
    "a drive on another platform": ("FROM --platform=linux/arm64 a\nWORKDIR c:/app", "IL709:2"),
    "empty": ('FROM a\nWORKDIR ""', "IL709:2"),
    # COPY
    "to a relative path": ("FROM a\nCOPY b .\nADD c d/", "IL710:2 IL710:3"),
    "to an absolute path": ("FROM a\nCOPY b /c\nCOPY d '/e'\nCOPY [\"f\", \"/g\"]", ""),
    "to a drive": ('FROM a\nCOPY b "d:\\c"\nCOPY e f:/', ""),
    "to a variable": ('FROM a\nCOPY b $C\nCOPY b "${D}/e"', ""),
    "to a path with a variable in it": ("FROM a\nCOPY b c/$D", "IL710:2"),
    "behind a WORKDIR": ("FROM a\nWORKDIR /b\nCOPY c .", ""),
    "before a WORKDIR": ("FROM a\nCOPY c .\nWORKDIR /b", "IL710:2"),
    "a WORKDIR of the base stage": ("FROM a AS b\nWORKDIR /c\nFROM b AS d\nFROM d\nCOPY e f", ""),
    "a WORKDIR of another stage on that image": ("FROM a AS b\nWORKDIR /c\nFROM a\nCOPY e f", "IL710:4"),
    "both behind ONBUILD": ("FROM a\nONBUILD WORKDIR /b\nONBUILD COPY c .", ""),
    "the WORKDIR alone behind ONBUILD": ("FROM a\nONBUILD WORKDIR /b\nCOPY c .", "IL710:3"),
    "a WORKDIR behind the base's ONBUILD": ("FROM a AS b\nONBUILD WORKDIR /c\nFROM b\nCOPY d .", ""),
    "without a FROM": ("COPY b c", "IL001:1 IL001:1 IL710:1"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_cases(text: str, expected: str) -> None:
    found = cases.found(text, "IL703", "IL704", "IL705", "IL706", "IL709", "IL710")
    if ":" not in expected:
        found = "".join(f"{each.partition(':')[0]} " for each in found.split())
    assert found == expected


ALIASES = {
    "the first": ("FROM a\nWORKDIR b", "DL3000 WorkdirRelativePath"),
    "one behind another": ("FROM a\nWORKDIR b\nWORKDIR c", "DL3000 DL3000 WorkdirRelativePath"),
    "in a stage that is built on a placed one": ("FROM a AS b\nWORKDIR /c\nFROM b\nWORKDIR d", "DL3000"),
    "a variable": ("FROM scratch\nWORKDIR $HOME", "WorkdirRelativePath"),
    "a drive": ("FROM scratch\nWORKDIR c:/d", "WorkdirRelativePath"),
    "an escape": ("FROM scratch\nWORKDIR \\a", "DL3000 WorkdirRelativePath"),
    "a trigger that nothing runs": ("FROM a\nONBUILD WORKDIR b", "DL3000"),
    "a trigger that a stage runs": ("FROM a AS b\nONBUILD WORKDIR c\nFROM b", "DL3000 WorkdirRelativePath"),
    "ADD": ("FROM a\nADD b c", ""),
    "a destination that a variable makes relative": ("FROM a\nENV B=b\nCOPY c $B", ""),
    "the old form behind ONBUILD": ("FROM a\nONBUILD ENV b c", ""),
}


@pytest.mark.parametrize(("text", "expected"), ALIASES.values(), ids=ALIASES)
def test_aliases(text: str, expected: str) -> None:
    assert cases.aliases(text, "IL704", "IL709", "IL710") == expected


def test_the_platform_of_a_known_base_image_tells_a_drive() -> None:
    text = "FROM a\nWORKDIR c:/b"
    linux = BuildContext(images={"a": BaseImage({}, "linux/amd64")})
    windows = BuildContext(images={"a": BaseImage({}, "windows/amd64")})
    assert cases.found(text, "IL709", context=linux) == "IL709:2"
    assert cases.found(text, "IL709", context=windows) == ""


FIXED = {
    "a plain value": ("ENV b c", "ENV b=c"),
    "blanks in it": ("ENV b  c   d", 'ENV b="c   d"'),
    "quoted already": ('LABEL b "c d"', 'LABEL b="c d"'),
    "a variable": ("ENV PATH $PATH:/b", "ENV PATH=$PATH:/b"),
    "a variable with a blank": ("ENV b ${c:-d e}", 'ENV b="${c:-d e}"'),
    "on two lines": ("ENV b \\\n  c", "ENV b=c"),
    "behind ONBUILD": ("ONBUILD ENV b c", "ONBUILD ENV b=c"),
    "quotes in it": ("ENV b it's", "ENV b it's"),
    "two quoted texts": ('ENV b "c" "d"', 'ENV b "c" "d"'),
    "a backslash": ("ENV b c\\ d", "ENV b c\\ d"),
    "a value on two lines": ("ENV b c \\\n  d", "ENV b c \\\n  d"),
    "a comment between": ("ENV b \\\n# why\n  c", "ENV b \\\n# why\n  c"),
    "a protocol and a host": ("EXPOSE 8080:80/TCP", "EXPOSE 80/tcp"),
    "a port in quotes": ('EXPOSE "80/TCP"', 'EXPOSE "80/TCP"'),
}


@pytest.mark.parametrize(("line", "expected"), FIXED.values(), ids=FIXED)
def test_safe_fixes(line: str, expected: str) -> None:
    select = ("IL704", "IL705", "IL706")
    fixed = fixer.fix(cases.linted(f"FROM a\n{line}", *select), cases.rules(*select))
    assert fixed.after.source.text == f"FROM a\n{expected}\n"


MAINTAINERS = {
    "a name": ("MAINTAINER Ada <a@b.c>", 'LABEL org.opencontainers.image.authors="Ada <a@b.c>"'),
    "in small letters": ("maintainer ada", 'label org.opencontainers.image.authors="ada"'),
    "quotes": ('MAINTAINER "Ada"', None),
    "a dollar": ("MAINTAINER $ada", None),
}


@pytest.mark.parametrize(("line", "expected"), MAINTAINERS.values(), ids=MAINTAINERS)
def test_fix_of_maintainer(line: str, expected: str | None) -> None:
    linted = cases.linted(f"FROM a\n{line}", "IL703")
    (finding,) = linted.findings
    if expected is None:
        assert finding.fix is None
    else:
        assert finding.fix is not None
        assert finding.fix.safety is Safety.UNSAFE
        assert apply_edits(linted.source.text, finding.fix.edits) == f"FROM a\n{expected}\n"


def test_one_missing_workdir_is_one_finding_for_most() -> None:
    found = cases.linted("FROM a\nCOPY b .\nCOPY c d/\nFROM e\nCOPY f .", "IL710").findings
    assert [each.persona is Persona.PEDANTIC for each in found] == [False, True, False]
