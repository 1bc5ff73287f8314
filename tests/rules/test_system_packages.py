"""Recommended packages, `apt` in scripts, upgrades, doubles: who is meant, and who has decided otherwise."""

from __future__ import annotations

import pytest

from imagelint import fixer
from imagelint.finding import Persona, Safety
from tests.rules import cases

CODES = ("IL525", "IL526", "IL527", "IL528", "IL529")

CASES = {
    # recommended packages
    "recommends: no flag": ("RUN apt-get install -y a", "IL525:2"),
    "recommends: turned off": (
        "RUN apt-get install --no-install-recommends a && apt-get --no-install-recommends install b",
        "",
    ),
    "recommends: wanted": ("RUN apt-get install --install-recommends a", ""),
    "recommends: a setting of the command": (
        'RUN apt-get -o APT::Install-Recommends=false install a && apt-get -oapt::install-recommends=0 install b && '
        'apt-get install --option APT::Install-Recommends="no" c',
        "",
    ),
    "recommends: a setting of the build": (
        'RUN printf "APT::Install-Recommends \\"0\\";\\n" > /etc/apt/apt.conf.d/99x && apt-get install a',
        "",
    ),
    "recommends: a setting that keeps them": (
        "RUN echo 'APT::Install-Recommends \"true\";' > /etc/apt/apt.conf\nRUN apt-get install a",
        "IL525:3",
    ),
    "recommends: a setting of the base stage": (
        "FROM a AS b\nRUN echo 'APT::Install-Recommends \"0\";' > /x\nFROM b\nRUN apt-get install a",
        "",
    ),
    "recommends: a setting of another stage": (
        "FROM a AS b\nRUN echo 'APT::Install-Recommends \"0\";' > /x\nFROM a\nRUN apt-get install a",
        "IL525:4",
    ),
    "recommends: options in a variable": ('ENV O="-y --no-install-recommends"\nRUN apt-get install $O a', ""),
    "recommends: options that nobody shows": ("RUN apt-get install $APT_FLAGS a", ""),
    "recommends: aptitude": ("RUN aptitude -R install a && aptitude install b", "IL525:2"),
    "recommends: no install": ("RUN apt-get remove a && apt-get update", ""),
    # apt in scripts
    "apt: everywhere": ("RUN sudo apt list a; /usr/bin/apt b; apt", "IL526 IL526 IL526"),
    "apt: its kin": ("RUN apt-get update && apt-cache show a && apt-mark hold b && apt-key list", ""),
    # upgrades
    "zypper dup": ("RUN zypper dup; zypper -n dist-upgrade", "IL527 IL527"),
    "upgrades of all": ("RUN apt-get upgrade; apk -U upgrade; yum update; dnf upgrade; zypper up", "IL528 " * 5),
    "upgrades of some": ("RUN apk upgrade a; yum update b; dnf upgrade c", ""),
    # doubles
    "twice": ("RUN apt-get install --no-install-recommends a \\\n b \\\n a", "IL529:4"),
    "twice in two commands": ("RUN apk add a && apk add a", ""),
    "twice with two versions": ("RUN apk add a=1 a=2", ""),
    "twice by a variable that nobody shows": ("RUN apk add $A $A", ""),
    "twice within one variable": ('ENV A="a a"\nRUN apk add $A', ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_system_packages(text: str, expected: str) -> None:
    found = cases.found(text if text.startswith("FROM") else "FROM a\n" + text, *CODES)
    assert found == expected or " ".join(each.partition(":")[0] for each in found.split()) == expected.strip()


PERSONAS = {
    "recommends in what is shipped": ("FROM a\nRUN apt-get install b", Persona.REGULAR),
    "recommends in a builder": ("FROM a AS b\nRUN apt-get install b\nFROM a\nCOPY --from=b /x /x", Persona.PEDANTIC),
    "recommends below what is shipped": ("FROM a AS b\nRUN apt-get install b\nFROM b", Persona.REGULAR),
    "recommends with an apt.conf": ("FROM a\nCOPY x /etc/apt/apt.conf.d/\nRUN apt-get install b", Persona.PEDANTIC),
    "recommends with other sources": ("FROM a\nCOPY x /etc/apt/sources.list\nRUN apt-get install b", Persona.REGULAR),
    "dup in Leap": ("FROM opensuse/leap:15.6\nRUN zypper dup", Persona.REGULAR),
    "dup in Tumbleweed": ("FROM opensuse/tumbleweed AS a\nFROM a\nRUN zypper dup", Persona.PEDANTIC),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PERSONAS.values(), ids=PERSONAS)
def test_personas(text: str, expected: Persona) -> None:
    (finding,) = cases.linted(text, *CODES).findings
    assert finding.persona is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN apt-get install a; apt install b; aptitude install c", "DL3015 DL3027"),
        ("RUN zypper dup; apk upgrade", "DL3035"),
    ],
)
def test_aliases(text: str, expected: str) -> None:
    assert cases.aliases("FROM a\n" + text, *CODES) == expected


SAFETIES = {
    "apt install in Debian": ("FROM docker.io/library/debian:12@sha256:0 AS a\nFROM a\nRUN apt install b", Safety.SAFE),
    "apt install in who knows what": ("FROM example.com/debian\nRUN apt install b", Safety.UNSAFE),
    "apt install where archives are kept": (
        "FROM debian\nRUN rm /etc/apt/apt.conf.d/docker-clean\nRUN apt install b",
        Safety.UNSAFE,
    ),
    "apt update everywhere": ("FROM example.com/debian\nRUN apt update", Safety.SAFE),
    "apt upgrade, which is another one": ("FROM debian\nRUN apt upgrade", None),
    "apt search, which apt-get does not have": ("FROM debian\nRUN apt search b", None),
    "apt in exec form": ('FROM debian\nRUN ["apt", "update"]', None),
    "apt in quotes": ('FROM debian\nRUN "apt" update', None),
}


@pytest.mark.parametrize(("text", "expected"), SAFETIES.values(), ids=SAFETIES)
def test_apt_fixes(text: str, expected: Safety | None) -> None:
    (finding,) = cases.linted(text, "IL526").findings
    assert (finding.fix.safety if finding.fix else None) is expected


def test_the_first_call_of_apt_stands_for_all() -> None:
    first, second = cases.linted("FROM a\nRUN apt update && apt install b", "IL526").findings
    assert (first.persona, second.persona) == (Persona.REGULAR, Persona.PEDANTIC)
    assert first.fix is not None
    assert (len(first.fix.edits), first.fix.safety, second.fix) == (2, Safety.UNSAFE, None)


def test_a_call_by_its_path_keeps_it() -> None:
    linted = cases.linted("FROM debian\nRUN sudo /usr/bin/apt update && apt  clean\n", "IL526")
    fixed = fixer.fix(linted, cases.rules("IL526")).after.source.text
    assert fixed == "FROM debian\nRUN sudo /usr/bin/apt-get update && apt-get  clean\n"


def test_leaving_recommended_packages_out_is_unsafe() -> None:
    (finding,) = cases.linted("FROM a\nRUN apt-get install -y \\\n  b", "IL525").findings
    assert finding.fix is not None
    assert finding.fix.safety is Safety.UNSAFE
    assert [each.replacement for each in finding.fix.edits] == [" --no-install-recommends"]
