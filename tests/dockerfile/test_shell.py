"""The commands inside a RUN, and where each of their words stands."""

from __future__ import annotations

import pytest

from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.parser import parse
from imagelint.dockerfile.shell import Script


def script(text: str) -> tuple[Script, str]:
    dockerfile = parse(f"FROM a\nRUN {text}\n")
    run = dockerfile.instructions[1]
    assert isinstance(run, Run)
    return run.script, dockerfile.source.text


COMMANDS = {
    "operators": ("a && b || c; d | e & f", "a|b|c|d|e|f"),
    "assignments": ("X=1 Y=2 a b=c", "a b=c"),
    "redirections": ("a >/dev/null 2>&1 b <in", "a b"),
    "a subshell": ("(cd /x && make)", "cd /x|make"),
    "a group": ("{ a; b; }", "a|b"),
    "if": ("if [ -f x ]; then a; elif b; then c; else d; fi", "[ -f x ]|a|b|c|d"),
    "for": ("for i in 1 2; do a $i; done", "a $i"),
    "case": ("case $(arch) in x|y) a;; *) b c;; esac; d", "arch|a|b c|d"),
    "substitutions": ('a "$(b c)" `d`', "a $(b c) `d`|b c|d"),
    "arithmetic is no command": ("a $((1 + (2)))", "a $((1 + (2)))"),
    "a function": ("f() { a; }; f", "a|f"),
    "quotes": ("a 'b c' \"d \\\" e\" f\\ g", "a b c d \" e f g"),
    "not": ("! a && time b", "a|b"),
    "continuation and comment": ("a \\\n  # comment\n  && b", "a|b"),
    "sudo": ("sudo -E -u root apt-get install x", "apt-get install x"),
    "env": ("env -u A B=c pip install x", "pip install x"),
    "xargs": ("a | xargs -n 1 -r rm -f", "a|rm -f"),
    "timeout": ("timeout -k 5 10s a b", "a b"),
    "sh -c": ("sh -ec 'a && b \"c d\"'", "a|b c d"),
    "bash -c with escapes": ('bash -c "a \\"x y\\" && b"', "a x y|b"),
    "bash with options that take a name": ("bash -euxo pipefail -c 'a && b'", "a|b"),
    "-c before the option's name": ("bash -ceuo pipefail 'a b'", "a b"),
    "a shell's script file": ("bash -o pipefail script.sh -c x", "bash -o pipefail script.sh -c x"),
    "a login shell": ("bash --login --rcfile x -c -- 'a'", "a"),
    "su": ("su -s /bin/sh - x -c 'a && b'", "a|b"),
    "su without a script": ("su - x", "su - x"),
    "runuser": ("runuser -u x -- a b && runuser x -c 'c d'", "a b|c d"),
    "doas and su-exec": ("doas -u x a b; su-exec x c", "a b|c"),
    "conda run": ("conda run -n x --no-capture-output pip install y", "pip install y"),
    "a heredoc as script": ("<<EOF\na b\nc <<E\nno command\nE\nd\nEOF", "a b|c|d"),
    "a heredoc with a continuation between words": ("<<EOF\na | \\\n  b \\\n  -c d\\\ne\nEOF", "a|b -c de"),
    "a heredoc for a shell": ("bash -e <<EOF\na b\nEOF", "bash -e|a b"),
    "a heredoc for python": ("python3 <<EOF\nprint(1)\nEOF", "python3"),
    "a shebang of another language": ("<<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF", ""),
    "command -v": ("command -v sudo; command -pv a || command b", "command -v sudo|command -pv a|b"),
    "a condition": ("[[ $a =~ ^(b|c)$ && d < e ]] && f", "[[ $a =~ ^ b c $ d e ]]|f"),
    "a condition that does not end": ("[[ a && b; c", "[[ a b|c"),
    "a function by its keyword": ("function f { a b; }; function g() { c; }", "a b|c"),
    "a substitution inside a default": ('a ${b:-"$(c d)"} ${e:-`f`}', 'a ${b:-"$(c d)"} ${e:-`f`}|c d|f'),
    "an escaped quote behind a dollar": ("echo $'a\\'b' && c", "echo a\\'b|c"),
    "exec form": ('["sh", "-c", "a && b"]', "a|b"),
    "the end of a double ampersand": ("a &&", "a"),
    "unclosed": ('a "b $(c', 'a b $(c|c'),
}  # fmt: skip


@pytest.mark.parametrize(("text", "commands"), COMMANDS.values(), ids=COMMANDS)
def test_commands(text: str, commands: str) -> None:
    found, _ = script(text)
    got = [" ".join(word.value for word in command.words) for command in found.commands]
    assert "|".join(got) == commands


def test_what_env_assigns_is_an_assignment_of_the_command() -> None:
    found, _ = script("A=1 sudo env -u B C=2 a D=3")
    (command,) = found.commands
    assert [word.value for word in command.assignments] == ["A=1", "C=2"]


def test_places_lead_back_into_the_file() -> None:
    found, text = script("sudo \\\n  # why\n  sh -c \"apk add \\\n   'curl'\"")
    command = found.commands[0]
    assert text[slice(*command.span_of(command.words[2]))] == "'curl'"


@pytest.mark.parametrize(
    ("text", "chain", "open_end"),
    [
        ("a && b | c", True, True),
        ("a; b", False, True),
        ("a || b", False, True),
        ("if a; then b; fi", False, True),
        ("a && (b)", False, True),
        ("a &", False, False),
        ("a && b # c", False, False),
        ("a &&", False, False),
        ("cat <<E\nx\nE", False, False),
        ('["a"]', False, False),
    ],
)
def test_what_can_be_chained(text: str, chain: bool, open_end: bool) -> None:
    found, _ = script(text)
    assert (found.chain, found.open_end) == (chain, open_end)


def test_deep_nesting_and_long_scripts_take_linear_time() -> None:
    assert len(script("a $(" * 3_000 + ")" * 3_000)[0].commands) < 40
    assert len(script("a ${b:-" * 3_000 + "}" * 3_000)[0].commands) == 1
    assert len(script("[[ " * 9_000)[0].commands) == 1
    assert len(script(" && ".join(["apt-get install x"] * 20_000))[0].commands) == 20_000
