"""Labels: their keys, and what the owners of a Dockerfile ask of them."""

from __future__ import annotations

import pytest

from imagelint.graph.context import BuildContext, Demands
from tests.rules import cases

KEYS = {
    "good ones": ("LABEL a=1 org.b.c-d_e/f=2 g7=3", ""),
    "capitals": ("LABEL refName=1", "IL711:2"),
    "a digit first": ("LABEL 1a=1", "IL711:2"),
    "a divider last": ("LABEL a-=1", "IL711:2"),
    "two dividers": ("LABEL a..b=1 a--b=1 a.-b=1", "IL711:2 IL711:2"),
    "a variable": ("LABEL a$b=1", "IL711:2"),
    "Docker's own": ("LABEL com.docker.a=1 io.docker.b=2 org.dockerproject.c=3", "IL711:2 IL711:2 IL711:2"),
    "almost Docker's own": ("LABEL com.dockers.a=1", ""),
    "the old form": ('LABEL .a ="b"', "IL711:2"),
}


@pytest.mark.parametrize(("line", "expected"), KEYS.values(), ids=KEYS)
def test_keys(line: str, expected: str) -> None:
    assert cases.found(f"FROM a\n{line}", "IL711") == expected


def demanding(strict: bool = False, **labels: str) -> BuildContext:
    return BuildContext(demands=Demands(labels=labels, strict_labels=strict))


DEMANDS = {
    "missing": ("FROM a\nLABEL b=1", "IL712:1"),
    "there": ("FROM a\nLABEL x=1", ""),
    "in the stage below": ("FROM a AS b\nLABEL x=1\nFROM b", ""),
    "in a builder": ("FROM a AS b\nLABEL x=1\nFROM a", "IL712:3"),
    "a builder lacks it": ("FROM a AS b\nFROM a\nLABEL x=1", ""),
    "its key is a variable": ("FROM a\nARG k=x\nLABEL $k=1", ""),
    "empty": ('FROM a\nLABEL x=""', "IL714:2"),
    "another one is empty": ('FROM a\nLABEL x=1 b=""', ""),
    "a variable may be empty": ("FROM a\nARG V\nLABEL x=$V", ""),
    "a dollar sign": ("FROM a\nLABEL x='$V'", ""),
    "without a FROM": ("LABEL b=1", "IL001:1 IL001:1"),
}


@pytest.mark.parametrize(("text", "expected"), DEMANDS.values(), ids=DEMANDS)
def test_demands(text: str, expected: str) -> None:
    assert cases.found(text, "IL712", "IL713", "IL714", "IL715", context=demanding(x="text")) == expected


def test_others_are_superfluous_only_where_the_owners_say_so() -> None:
    text = "FROM a\nLABEL x=1 y=2"
    assert cases.found(text, "IL713", context=demanding(x="text")) == ""
    assert cases.found(text, "IL713", context=demanding(strict=True, x="text")) == "IL713:2"


VALUES = {
    "url": ("https://example.org/a?b=c foo:bar", "example.org https:// http://a|b"),
    "rfc3339": (
        "2024-02-29T10:00:00Z 2024-05-01T10:00:00.5+02:00 2016-12-31T23:59:60Z",
        "2024-05-01 2024-05-01T10:00:00 2023-02-29T10:00:00Z 2024-13-01T10:00:00Z 2024-05-01T24:00:00Z",
    ),
    "spdx": ("MIT Apache-2.0 GPL-2.0-or-later LicenseRef-own", "Apache2 MIT, GPL-2.0-or-newer (MIT"),
    "hash": ("1234567 0123456789abcdef0123456789abcdef01234567 0123456789abc", "123456 ABCDEF0 v1.2.3"),
    "semver": ("1.2.3 0.0.1-rc.1 1.0.0-alpha+001 1.0.0+20", "v1.2.3 1.2 01.2.3 1.2.3-01 1.2.3-"),
    "email": ('ada@example.org a.b+c@d "a..b"@c.d a@[1.2.3.4]', 'ada ada@ @example.org a@b@c .a@b "a"b"@c a@[[] "a@b'),
    "text": ("anything 1", ""),
}


@pytest.mark.parametrize(("kind", "good", "bad"), [(kind, *values) for kind, values in VALUES.items()], ids=VALUES)
def test_values(kind: str, good: str, bad: str) -> None:
    for value in good.split():
        assert cases.found(f"FROM a\nLABEL x={value!r}", "IL715", context=demanding(x=kind)) == "", value
    for value in bad.split():
        assert cases.found(f"FROM a\nLABEL x={value!r}", "IL715", context=demanding(x=kind)) == "IL715:2", value


@pytest.mark.parametrize(("kind", "expected"), [("url", "DL3051 DL3052"), ("text", "DL3051")])
def test_nothing_is_of_no_type_either(kind: str, expected: str) -> None:
    assert cases.aliases('FROM a\nLABEL x=""', "IL714", "IL715", context=demanding(x=kind)) == expected


def test_a_licence_may_be_an_expression() -> None:
    text = 'FROM a\nLABEL x="MIT OR (Apache-2.0 WITH LLVM-exception)"'
    assert cases.found(text, "IL715", context=demanding(x="spdx")) == ""


def test_each_type_has_its_own_alias() -> None:
    kinds = ("url", "rfc3339", "spdx", "hash", "semver", "email")
    text = "FROM a\nLABEL " + " ".join(f"{kind}=?" for kind in kinds)
    found = cases.aliases(text, "IL715", context=demanding(**{kind: kind for kind in kinds}))
    assert found == "DL3052 DL3053 DL3054 DL3055 DL3056 DL3058"


@pytest.mark.parametrize("kind", ["url", "spdx", "semver", "email"])
def test_a_hostile_value_is_told_at_once(kind: str) -> None:
    for value in ("1.2.3-" + "a." * 400_000, "(" * 900, "a@" + "a-" * 400):
        assert cases.found(f"FROM a\nLABEL x={value}", "IL715", context=demanding(x=kind)).endswith("IL715:2")


HEALTH = {
    "none": ("FROM a", "IL720:1"),
    "one": ("FROM a\nHEALTHCHECK NONE", ""),
    "inherited": ("FROM a AS b\nHEALTHCHECK CMD c\nFROM b", ""),
    "in a builder": ("FROM a AS b\nHEALTHCHECK CMD c\nFROM a", "IL720:3"),
    "without a FROM": ("RUN a", "IL001:1 IL001:1"),
}


@pytest.mark.parametrize(("text", "expected"), HEALTH.values(), ids=HEALTH)
def test_health(text: str, expected: str) -> None:
    assert cases.found(text, "IL720") == expected
