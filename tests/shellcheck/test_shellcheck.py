"""What ShellCheck says, at its true places; and what happens where it is slow, broken or not there."""

from __future__ import annotations

import os
import random
import re
import signal
import stat
import time
from typing import TYPE_CHECKING

import pytest
from imagelint_shellcheck import check, process
from imagelint_shellcheck.check import shellcheck
from imagelint_shellcheck.scripts import scripts

from imagelint import plugins
from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.parser import parse
from imagelint.errors import PluginError
from imagelint.finding import Persona, Severity
from imagelint.graph import BuildGraph
from imagelint.graph.context import BaseImage, BuildContext
from imagelint.linter import Plan, lint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from imagelint.finding import Finding

needed = pytest.mark.skipif(process.find() is None, reason="ShellCheck is not installed")


def graph(text: str, context: BuildContext | None = None) -> BuildGraph:
    return BuildGraph(parse(text), context)


def findings(text: str, context: BuildContext | None = None) -> list[Finding]:
    found = shellcheck.function([graph(text, context)])
    return sorted((finding for _, finding in found), key=lambda each: (each.span, each.code))


def shown(text: str) -> str:
    """The findings as `code:line:column:text`."""
    index = graph(text).dockerfile.source.index
    places = ((each, index.position(each.span.start)) for each in findings(text))
    return " ".join(f"{each.code[2:]}:{at.line}:{at.column}:{text[slice(*each.span)]}" for each, at in places)


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
def test_equal_scripts_are_checked_once_and_reported_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []

    class Counting(process.Process):
        def __init__(self, program: str, texts: Sequence[str], folder: str) -> None:
            given.extend(texts)
            super().__init__(program, texts, folder)

    monkeypatch.setattr(process, "Process", Counting)
    graphs = [graph("FROM a\nRUN echo $A\nRUN echo $A"), graph("FROM b\n\nRUN echo $A\nRUN true")]
    found = [(number, finding.span.start) for number, finding in shellcheck.function(graphs)]
    assert sorted(found) == [(0, 16), (0, 28), (1, 17)]
    assert len(given) == 2


@needed
def test_nothing_outside_changes_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".shellcheckrc").write_text("disable=SC2086\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELLCHECK_OPTS", "-e SC2086")
    assert shown("FROM a\nRUN echo $A") == "2086:2:10:$A"


@needed
def test_no_file_of_the_working_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("echo $A `b`\nx=1\n")
    text = 'FROM a\nRUN <<EOF\n# shellcheck source=x\n. ./y\n. ./x\necho "$x"\nEOF'
    apart = shown(text)
    monkeypatch.chdir(tmp_path)
    assert shown(text) == apart == "2154:6:7:$x"


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


def fake(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in ShellCheck's place."""
    path = folder / "shellcheck"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(process, "find", lambda: str(path))


@pytest.mark.parametrize(
    "script",
    [
        "exit 3",
        "echo nonsense",
        "echo '{\"comments\": [{}]}'",
        "kill -9 $$",
        "echo '{\"comments\": []}'; exit 2",
        "echo []",
    ],
)
def test_one_that_does_not_work_is_an_error(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, script, monkeypatch)
    with pytest.raises(PluginError, match="does not work"):
        findings("FROM a\nRUN a\nRUN b")


def test_one_that_cannot_be_started_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find", lambda: str(tmp_path))
    with pytest.raises(PluginError, match="cannot be started"):
        findings("FROM a\nRUN a")


#: Says nothing of most scripts, and does as told for those that name the word.
_PICKY = """
for last; do grep -q WORD "$last" 2>/dev/null && { DO; }; done
echo '{"comments": []}'
"""


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("exec sleep 60", "longer than 1 seconds"),
        ("echo 'out of memory' >&2; exit 1", "out of memory"),
        ("kill -9 $$", "-9"),
    ],
)
def test_a_script_that_it_fails_on_takes_no_other_with_it(
    do: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, _PICKY.replace("DO", do), monkeypatch)
    monkeypatch.setattr(process, "SECONDS", 1.0)
    monkeypatch.setattr(process, "SECONDS_A_SCRIPT", 0.1)
    (finding,) = findings("FROM a\nRUN a\nRUN b WORD\nRUN c\nRUN d")
    assert (finding.code, finding.severity) == ("SC000", Severity.ERROR)
    assert reason in finding.message
    assert finding.span.start == 13


def started(folder: Path) -> int:
    """The id of the process that a fake has written down."""
    until = time.monotonic() + 20
    while not (folder / "pid").exists() and time.monotonic() < until:
        time.sleep(0.01)
    return int((folder / "pid").read_text())


def test_it_works_beside_the_rules_and_ends_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; exec sleep 60", monkeypatch)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    seen: list[int] = []

    def crashing(run: Run, graph: BuildGraph) -> Iterator[Finding]:
        seen.append(started(tmp_path))
        os.kill(seen[0], 0)
        (folder,) = (tmp_path / "tmp").iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        raise ZeroDivisionError
        yield

    rule = next(each for each in plugins.load().rules if each.visits == (Run,))
    plan = Plan((rule._replace(function=crashing, options={}),), (shellcheck,))
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        lint("Dockerfile", "FROM a\nRUN a", plan)
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)
    assert not [*(tmp_path / "tmp").iterdir()]


@needed
def test_nothing_of_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert shown("FROM a\nRUN echo $A") == "2086:2:10:$A"
    assert not [*tmp_path.iterdir()]


@needed
def test_a_folder_for_temporary_files_that_is_not_there_is_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere/at/all")
    assert shown("FROM a\nRUN echo $A") == "2086:2:10:$A"


@needed
def test_a_process_whose_status_the_system_throws_away_is_read_all_the_same() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert shown("FROM a\nRUN echo $A") == "2086:2:10:$A"
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_patience_that_is_used_up_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, _PICKY.replace("DO", "exec sleep 60"), monkeypatch)
    monkeypatch.setattr(process, "SECONDS", 0.2)
    monkeypatch.setattr(process, "SECONDS_A_SCRIPT", 0.0)
    text = "FROM a\n" + "".join(f"RUN WORD{number}\n" for number in range(40))
    assert [finding.code for finding in findings(text)] == ["SC000"] * 40


def test_the_working_folder_is_no_place_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shellcheck").write_text("")
    os.chmod(tmp_path / "shellcheck", 0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    monkeypatch.setenv("PATH", f".{os.pathsep}")
    assert process.find() is None
    assert "pip install" in str(shellcheck.missing())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert process.find() == str(tmp_path / "shellcheck")
    assert shellcheck.missing() is None


def test_it_comes_in_as_a_plugin() -> None:
    assert [each for each in plugins.load().batches if each.prefix == "SC"] == [shellcheck]


def test_a_bunch_holds_so_many_characters() -> None:
    held = {
        script.text: [script]
        for script in scripts(
            0, graph("FROM a\n" + "".join(f"RUN echo {number} {'x' * 7000}\n" for number in range(12)))
        )
    }
    assert max(len("".join(bunch)) for bunch in check._bunches(held)) <= check.BUNCH_CHARACTERS
