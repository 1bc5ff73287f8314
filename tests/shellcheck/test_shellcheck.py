"""What ShellCheck says, at its true places."""

from __future__ import annotations

import random
import re

import pytest
from imagelint_shellcheck.check import shellcheck
from imagelint_shellcheck.scripts import scripts

from imagelint import plugins
from imagelint.finding import Persona, Severity
from imagelint.graph.context import BaseImage, BuildContext

from .findings import findings, graph, needed, shown

CASES = {
    # places
    "every finding of a RUN": ("FROM a\nRUN echo $A `b`", "2086:2:10:$A 2006:2:13:`b` 2046:2:13:`b`"),
    "behind continuations and comments": ("FROM a\nRUN echo \\\n  # c\n\n  $A", "2086:5:3:$A"),
    "behind tabs and letters": ("FROM a\nRUN\tls 'é€'\t$A", "2086:2:13:$A"),
    "in a word that is continued": ("FROM a\nRUN echo $AB\\\nCD", "2086:2:10:$AB\\\nCD"),
    "behind flags, in a trigger": ("FROM a\nONBUILD RUN --network=none echo $A", "2086:2:33:$A"),
    "with carriage returns": ("FROM a\r\nRUN echo \\\r\n $A\r\n", "2086:3:2:$A"),
    "with another escape": ("# escape=`\nFROM a\nRUN echo `\n $A", "2086:4:2:$A"),
    "without a FROM": ("RUN echo $A", "2086:1:10:$A"),
    "a syntax error": ("FROM a\nRUN if a; then b", "1073:2:5: 1072:2:17: 1046:2:5: 1047:2:17:"),
    # heredocs
    "heredoc": ("FROM a\nRUN <<EOF\necho $A\nEOF", "2086:3:6:$A"),
    "heredoc without leading tabs": ("FROM a\nRUN <<-EOF\n\techo $A\n\tEOF", "2086:3:7:$A"),
    "heredoc with carriage returns": ("FROM a\r\nRUN <<EOF\r\na\r\necho $A\r\nEOF\r\n", "2086:4:6:$A"),
    "heredoc with one that is too many": ("FROM a\nRUN <<EOF\na\r\nEOF\n", "1017:3:2:\r"),
    "heredoc of a command": (
        "FROM a\nRUN cat <<A >$b && c <<'B'\n$d\nA\n$e\nB", "2154:2:14:$b 2086:2:14:$b 2154:3:1:$d",
    ),
    "heredoc for a shell": ("FROM a\nRUN <<'EOF' bash\necho $RANDOM | cat $A\nEOF", "2086:3:20:$A"),
    "heredoc for a shell that is not quoted": ("FROM a\nRUN bash -e <<EOF\ncd x\na \\$A\nEOF", ""),
    "heredoc for another program": ("FROM a\nRUN python3 <<'EOF'\nprint(`$x`)\nEOF", ""),
    "heredoc with a shebang": ("FROM a\nRUN <<EOF\n#!/bin/bash\necho $RANDOM $A\nEOF", "2086:4:14:$A"),
    "heredoc with a shebang of env": ("FROM a\nRUN <<EOF\n#!/usr/bin/env bash\n[[ -n $1 ]]\nEOF", ""),
    "heredoc with a shebang instead of SHELL": (
        'FROM a\nSHELL ["pwsh"]\nRUN <<EOF\n#!/bin/sh\necho $A\nEOF',
        "2086:5:6:$A",
    ),
    "heredoc with python's shebang": ("FROM a\nRUN <<EOF\n#!/usr/bin/python3\nprint($A)\nEOF", ""),
    # shells
    "sh": ("FROM a\nRUN echo \"$RANDOM\"", "3028:2:11:$RANDOM"),
    "bash": ('FROM a\nSHELL ["/bin/bash", "-c"]\nRUN echo "$RANDOM"', ""),
    "bash by pragma, by its bare name": ("# hadolint shell=bash\nFROM a\nRUN echo \"$RANDOM\"", ""),
    "bash of the stage below": ('FROM a AS x\nSHELL ["bash", "-c"]\nFROM x\nRUN echo "$RANDOM"', ""),
    "ash is BusyBox": ('FROM a\nSHELL ["/bin/ash", "-c"]\nRUN [[ $1 == x ]]', ""),
    "a shell that ends at failures": ('FROM a\nSHELL ["/bin/bash", "-ec"]\nRUN cd x; y', ""),
    "a shell that does not": ('FROM a\nSHELL ["/bin/bash", "-c"]\nRUN cd x; y', "2164:3:5:cd x"),
    "PowerShell, cmd, zsh": (
        'FROM a\nSHELL ["pwsh", "-c"]\nRUN $A\nSHELL ["cmd"]\nRUN $A\nSHELL ["/bin/zsh", "-c"]\nRUN echo $A', "",
    ),
    "the SHELL of triggers": ('FROM a\nONBUILD SHELL ["bash", "-c"]\nONBUILD RUN echo "$RANDOM"', ""),
    "exec form": ('FROM a\nRUN ["echo", "$A"]\nCMD echo $A', ""),
    # variables
    "ARG and ENV": ('FROM a\nARG b\nENV c=1 d=2\nRUN echo "$b$c" $d', ""),
    "ENV that comes later": ('FROM a\nRUN echo "$b"\nENV b=1', "2154:2:11:$b"),
    "ARG before FROM": ('ARG b=1\nFROM a\nRUN echo "$b"', "2154:3:11:$b"),
    "ARG and ENV of the stage below": ('FROM a AS x\nARG b\nENV c=1\nFROM x\nRUN echo "$b$c"', ""),
    "proxies": ('FROM a\nRUN echo "$http_proxy$NO_PROXY"', ""),
    "triggers see no ARG of their stage": (
        'FROM a\nARG b\nENV c=1\nONBUILD RUN echo "$b$c"\nONBUILD ARG b\nONBUILD RUN echo "$b"',
        "2154:4:19:$b",
    ),
    "more variables than a script is told": (
        "FROM a\nENV" + "".join(f" v{each}=1" for each in range(100)) + '\nRUN echo "$v99$w"', "2154:3:15:$w",
    ),
    "variables in a heredoc of a command": ("FROM a\nENV c=1 d=2\nRUN cat <<A >x\n$c$e\nA", "2154:4:3:$e"),
    # what is turned off
    "sourced files": ("FROM a\nRUN . ./x && . \"$A\"", ""),
    "disabled above": ("FROM a\n# shellcheck disable=SC2086,SC2154\n# why\nRUN echo $a\nRUN echo $A", "2086:5:10:$A"),
    "disabled within": ("FROM a\nRUN echo $A \\\n  # shellcheck disable=SC2000-SC2100\n  $B", ""),
    "all disabled": ("FROM a\n# shellcheck source=x disable=all\nRUN echo $A `x`", ""),
    "something else disabled": ("FROM a\n# shellcheck disable=SC2087\nRUN echo $A", "2086:3:10:$A"),
    "disabled in a heredoc": ("FROM a\nRUN <<EOF\n# shellcheck disable=SC2086\necho $A\necho $B\nEOF", ""),
    "disabled in a heredoc, behind blank lines": (
        "FROM a\nRUN <<EOF\n\n \n# shellcheck disable=SC2086\necho $A\necho $B\nEOF", "",
    ),
    "a heredoc of comments": ("FROM a\nRUN <<EOF\n\n# a\nEOF\nRUN <<EOF\n # $A\nEOF", ""),
    "disabled behind a shebang": ("FROM a\nRUN <<EOF\n#!/bin/sh\n# shellcheck disable=SC2086\na\necho $A\nEOF", ""),
    "disabled for a command": (
        "FROM a\nRUN <<EOF\na\n# shellcheck disable=SC2086\necho $A\necho $B\nEOF", "2086:6:6:$B",
    ),
}  # fmt: skip


REGULAR = {
    "what ShellCheck calls info": ("FROM debian\nRUN echo $A", ""),
    "escapes of echo": ("FROM debian\nRUN echo 'a\\nb' >c", "SC2028"),
    "a substitution without quotes": ("FROM debian\nRUN make -j$(nproc)", ""),
    "a version behind >": ("FROM debian\nRUN pip install a>=1 b>=2", "SC2261 SC2261"),
    "half a syntax error": ("FROM debian\nRUN if a; then b", "SC1046 SC1047 SC1072"),
    "a blank behind =": ("FROM debian\nRUN A= b", "SC1007"),
    "an empty assignment": ('FROM debian\nRUN A= B=c && echo "$A$B"', ""),
    "a variable that nothing sets": ('FROM debian\nRUN echo "$a"', "SC2154"),
    "a variable that `set` keeps": ('FROM debian\nRUN a=b set -x && echo "$a"', ""),
    "a status that is masked": ('FROM debian\nRUN export A="$(curl b)" && a', "SC2155"),
    "a status that is masked, of what does not fail": ('FROM debian\nRUN export A="$(mktemp -d)" && a', ""),
    "bash in dash": ("FROM debian\nRUN [[ -n $1 ]]", "SC3010"),
    "bash in a stage in dash": ("FROM debian AS a\nFROM a\nRUN [[ -n $1 ]]", "SC3010"),
    "bash in BusyBox": ("FROM python:3-alpine\nRUN [[ -n $1 ]]", ""),
    "bash in bash": ("FROM fedora:41\nRUN [[ -n $1 ]]", ""),
    "bash in somebody's image": ("FROM quay.io/a/b\nRUN [[ -n $1 ]]", ""),
    "what dash has": ("FROM debian\nRUN f() { local a; a=b; echo -n $a; }; f", ""),
    "what dash has not": ("FROM debian\nRUN echo -e b", "SC3037"),
}


@needed
@pytest.mark.parametrize(("text", "expected"), REGULAR.values(), ids=REGULAR)
def test_what_most_people_are_told(text: str, expected: str) -> None:
    told = (each.code for each in findings(text) if each.persona is Persona.REGULAR)
    assert " ".join(sorted(told)) == expected


@needed
@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_findings(text: str, expected: str) -> None:
    assert sorted(shown(text).split()) == sorted(expected.split())


@needed
def test_a_finding_is_complete() -> None:
    (finding,) = findings("FROM a\nRUN cd x; echo")
    assert (finding.code, finding.name, finding.severity) == ("SC2164", "shellcheck-2164", Severity.WARNING)
    assert finding.aliases == ()
    assert finding.help is not None
    assert "SC2164" in finding.help


@needed
def test_the_variables_of_a_base_image_are_known() -> None:
    context = BuildContext(images={"a": BaseImage({"known": "1"})})
    assert not findings('FROM a\nRUN echo "$known"', context)


@needed
@pytest.mark.parametrize(
    ("defined", "read", "hint"),
    [
        ("", "HTTP_PROXYS", "Did you mean HTTP_PROXY?"),
        ("ENV MY_VERSION=1", "MY_VERSIO", "Did you mean MY_VERSION?"),
        ("ENV MY_VERSION=1", "MI_VERSIAN", "Did you mean MY_VERSION?"),
        ("ARG my_version", "MY_VERSION", "Did you mean my_version?"),
        ("ENV my_version=1", "my_versoin", "(did you mean 'my_version'?)"),
        ("ENV my_version=1", "another_version", "another_version is referenced but not assigned."),
    ],
)
def test_a_variable_that_is_misspelt_is_told_from_all_that_are_known(defined: str, read: str, hint: str) -> None:
    (finding,) = findings(f'FROM a\n{defined}\nRUN echo "${read}"')
    assert finding.code in ("SC2153", "SC2154")
    assert hint in finding.message


def _edits(name: str, other: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(name, 1):
        previous, row = row, [at]
        for column, each in enumerate(other, 1):
            row.append(min(previous[column] + 1, row[-1] + 1, previous[column - 1] + (letter != each)))
    return row[-1]


def test_every_variable_that_a_script_may_mean_is_told() -> None:
    pick = random.Random(1)
    near = 0
    for _ in range(3000):
        name = "".join(pick.choices("ab_X", k=pick.randint(1, 9)))
        word = list(name)
        for _ in range(pick.randint(0, 3)):
            at = pick.randint(0, len(word))
            word[at : at + pick.randint(0, 1)] = pick.choices("ab_X", k=pick.randint(0, 1))
        text = "".join(word).swapcase() if pick.random() < 0.1 else "".join(word)
        (script,) = scripts(0, graph(f"FROM a\nARG {name}\nRUN x ${text}y{text} {text}"))
        told = f" {name}=1" in script.text
        wanted = re.fullmatch(r"[A-Za-z_]+", text) and (_edits(name, text) < 3 or name.lower() == text.lower())
        assert told or not wanted, (name, text)
        near += bool(wanted)
    assert near > 1000


def test_a_script_is_not_told_of_what_it_cannot_mean() -> None:
    (script,) = scripts(0, graph("FROM a\nARG version\nENV home=/srv\nRUN apt-get install -y curl"))
    assert script.text == "#!/bin/sh\napt-get install -y curl\n"


@needed
def test_bytes_that_are_no_text_keep_the_columns() -> None:
    text = b"FROM a\nRUN echo '\xff\xc3' $A".decode("utf-8", "surrogateescape")
    (finding,) = findings(text)
    assert text[slice(*finding.span)] == "$A"


@needed
def test_a_script_that_is_too_long_is_told() -> None:
    text = "FROM a\nRUN " + "echo $A && " * 5000 + "true\nRUN echo $A"
    codes = [finding.code for finding in findings(text)]
    assert codes == ["SC000", "SC2086"]


@needed
def test_a_long_script_is_checked_without_following_values() -> None:
    text = "FROM a\nRUN " + "echo $A && " * 1000 + "true"
    assert len(findings(text)) == 1000


def test_it_comes_in_as_a_plugin() -> None:
    assert [each for each in plugins.load().batches if each.prefix == "SC"] == [shellcheck]
