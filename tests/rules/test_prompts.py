"""Package managers that ask: who asks, what answers, and what the fix writes."""

from __future__ import annotations

import pytest

from imagelint import fixer
from imagelint.finding import Persona
from tests.rules import cases

PROMPTS = ("IL521", "IL522", "IL523", "IL524")

CASES = {
    # apt
    "apt: no flag": ("RUN apt-get install a", "IL521:2"),
    "apt: among letters": ("RUN apt-get -fyu install a && apt-get install a -y", ""),
    "apt: a letter of an option's value": ("RUN apt-get -oDir::Etc::sourcelist=y install a", "IL521:2"),
    "apt: long names": ("RUN apt-get --yes install a && apt-get install --assume-yes a", ""),
    "apt: twice quiet": ("RUN apt-get -qq install a; apt-get -q -q install a; apt-get --quiet --quiet remove a", ""),
    "apt: quiet by number": ("RUN apt-get -q=2 install a && apt-get --quiet=3 install a && apt-get -qqq install a", ""),
    "apt: once quiet": ("RUN apt-get -q install a", "IL521:2"),
    "apt: quiet by a small number": ("RUN apt-get -q=1 install a", "IL521:2"),
    "apt: an absurd number": (f"RUN apt-get -q={'9' * 5000} install a", ""),
    "apt: no question": ("RUN apt-get update && apt-get clean && apt-get -s install a && apt-get download a", ""),
    "apt: other questions": ("RUN apt-get remove a && apt-get upgrade && apt autoremove", "IL521 IL521 IL521"),
    "apt: a setting of the command": ("RUN apt-get -o APT::Get::Assume-Yes=true install a", ""),
    "apt: a setting of the build": (
        "RUN echo 'APT::Get::Assume-Yes \"true\";' > /etc/apt/apt.conf.d/90\nRUN apt-get install a",
        "",
    ),
    "apt: a setting in quotes": ('RUN echo "APT::Get::Assume-Yes \\"1\\";" > /x\nRUN apt-get install a', ""),
    "apt: a setting that comes too late": ("RUN apt-get install a\nRUN echo Assume-Yes=1 > /x", "IL521:2"),
    "apt: another stage's setting": ("FROM a AS b\nRUN echo Assume-Yes=1 > /x\nFROM a\nRUN apt remove c", "IL521:4"),
    "apt: a setting below": ("FROM a AS b\nRUN echo Assume-Yes=1 > /x\nFROM b\nRUN apt-get install a", ""),
    "apt: a setting in a heredoc": (
        "COPY <<EOF /etc/apt/apt.conf.d/90\nAPT::Get::Assume-Yes \"true\";\nEOF\nRUN apt-get install a",
        "",
    ),
    "apt: an answer is piped in": ("RUN yes | apt-get install a && echo y | sudo apt-get remove b", ""),
    "apt: xargs lets no answer through": ("RUN cat list | xargs apt-get install", "IL521:2"),
    "apt: options in a variable": ('ENV O="-y -q"\nRUN apt-get $O install a', ""),
    "apt: options in a variable that nobody shows": ("RUN apt-get $O install a && apt-get install $APT_OPTS a", ""),
    "apt: packages in a variable that nobody shows": ("RUN apt-get install $PACKAGES", "IL521:2"),
    "apt: in a trigger": ("ONBUILD RUN apt-get install a", "IL521:2"),
    # yum, dnf
    "yum: short and long": ("RUN yum -y install a && yum install --assumeyes b && yum -qy remove c", ""),
    "yum: questions": ("RUN yum install a; yum localinstall b.rpm; yum update; yum group install c", "IL522 " * 4),
    "yum: no question": ("RUN yum clean all && yum makecache && yum list installed", ""),
    "yum: a letter of a value": ("RUN yum -x y install a", "IL522:2"),
    "yum: a setting": ("RUN echo assumeyes=1 >> /etc/yum.conf && yum install a", ""),
    "yum: a setting that says no": ("RUN echo assumeyes=0 >> /etc/yum.conf && yum install a", "IL522:2"),
    "dnf: a setting of the command": ("RUN dnf --setopt=assumeyes=1 remove a; dnf --setopt assumeyes=1 remove a", ""),
    "dnf and its like": ("RUN dnf install a; dnf5 install a; microdnf install a; tdnf install a", "IL523 " * 4),
    # zypper
    "zypper: all names": ("RUN zypper -n in a && zypper --non-interactive in a && zypper in --no-confirm a", ""),
    "zypper: questions": ("RUN zypper in a; zypper remove b; zypper patch; zypper dup", "IL524 " * 4),
    "zypper: no question": ("RUN zypper refresh && zypper clean && zypper search in", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_prompts(text: str, expected: str) -> None:
    found = cases.found(text if text.startswith("FROM") else "FROM a\n" + text, *PROMPTS)
    assert found == expected or " ".join(each.partition(":")[0] for each in found.split()) == expected.strip()


ALIASES = {
    "hadolint knows install": ("RUN apt-get install a; apt-get remove b; apt install c", "DL3014"),
    "groupinstall too": ("RUN yum groupinstall a; yum localinstall b; yum update", "DL3030 DL3030"),
    "microdnf, not tdnf": ("RUN dnf install a; microdnf install b; tdnf install c", "DL3038 DL3038"),
    "patch, not update": ("RUN zypper patch; zypper update", "DL3034"),
}


@pytest.mark.parametrize(("text", "expected"), ALIASES.values(), ids=ALIASES)
def test_aliases(text: str, expected: str) -> None:
    assert cases.aliases("FROM a\n" + text, *PROMPTS) == expected


FIXES = {
    "over lines, with a comment": (
        "RUN apt-get update && \\\n    # all of them\n    apt-get install \\\n    a b\n",
        "RUN apt-get update && \\\n    # all of them\n    apt-get install -y \\\n    a b\n",
    ),
    "with a cache mounted": (
        "RUN --mount=type=cache,target=/var/cache/apt apt-get install a\n",
        "RUN --mount=type=cache,target=/var/cache/apt apt-get install -y a\n",
    ),
    "within sh -c": ("RUN sh -c 'apt-get install a'\n", "RUN sh -c 'apt-get install -y a'\n"),
    "of a module": ("RUN dnf module enable a:1\n", "RUN dnf module enable -y a:1\n"),
    "zypper by its path": ("RUN sudo /usr/bin/zypper in a\n", "RUN sudo /usr/bin/zypper --non-interactive in a\n"),
    "not in exec form": ('RUN ["apt-get", "install", "a"]\n', '["apt-get", "install", "a"]\n'),
    "not where the subcommand is a variable's": ("ARG DO=install\nRUN apt-get $DO a\n", "RUN apt-get $DO a\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FIXES.values(), ids=FIXES)
def test_fixes(text: str, expected: str) -> None:
    linted = cases.linted("FROM a\n" + text, *PROMPTS)
    assert linted.findings
    assert fixer.fix(linted, cases.rules(*PROMPTS)).after.source.text.endswith(expected)


@pytest.mark.parametrize(
    "text",
    [
        "RUN microdnf install a",
        "COPY dnf.conf /etc/dnf/dnf.conf\nRUN dnf install a",
        "COPY apt.conf /etc/apt/apt.conf.d/\nRUN apt-get install a",
        "COPY yum.conf /etc/\nCOPY yum.conf /etc/yum.conf\nRUN yum install a",
    ],
)
def test_doubtful_ones_are_pedantic(text: str) -> None:
    assert {each.persona for each in cases.linted("FROM a\n" + text, *PROMPTS).findings} == {Persona.PEDANTIC}
