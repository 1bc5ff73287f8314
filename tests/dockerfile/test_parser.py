"""Instructions: flags, forms, words and what is wrong with them."""

from __future__ import annotations

import pytest

from imagelint.dockerfile.instructions import Copy, Env, From, Onbuild, Run
from imagelint.dockerfile.parser import parse


def test_flags_lose_their_quotes_and_keep_their_place() -> None:
    dockerfile = parse("FROM a\nCOPY --chown='a b' --from=x\\ y src /dst/\n")
    copy = dockerfile.instructions[1]
    assert isinstance(copy, Copy)
    assert [(flag.name, flag.value) for flag in copy.flags] == [("chown", "a b"), ("from", "x y")]
    assert [word.value for word in copy.words] == ["src", "/dst/"]
    assert dockerfile.source.text[slice(*copy.span_of(copy.flags[0].word))] == "--chown='a b'"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('CMD ["a", "b"]', ["a", "b"]),
        ('CMD [ "a",\\\n "b" ]', ["a", "b"]),
        ("CMD ['a']", None),
        ('CMD ["a",]', None),
        ('CMD ["a"] && b', None),
        ("CMD []", []),
        ('CMD ["\\u00e9"]', ["é"]),
        ("CMD [[[[", None),
        ('CMD ["a", NaN]', None),
    ],
)
def test_exec_form_is_strict_json(text: str, form: list[str] | None) -> None:
    instruction = parse("FROM a\n" + text).instructions[1]
    assert (None if instruction.json is None else [word.value for word in instruction.json]) == form


def test_json_words_stand_where_they_stand() -> None:
    dockerfile = parse('FROM a\nCOPY ["a b", "/c/"]\n')
    copy = dockerfile.instructions[1]
    assert [dockerfile.source.text[slice(*copy.span_of(word))] for word in copy.words] == ['"a b"', '"/c/"']


def test_a_stage_has_a_name_in_small_letters() -> None:
    from_ = parse("FROM --platform=linux/amd64 Debian:12 AS Build\n").instructions[0]
    assert isinstance(from_, From)
    assert (from_.image.value, from_.name and from_.name.value) == ("Debian:12", "build")


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("ENV a=1 b='x y' c=\"z\"", [("a", "1"), ("b", "'x y'"), ("c", '"z"')]),
        ("ENV a x y  z", [("a", "x y  z")]),
        ("ENV a=b\\ c d=e", [("a", "b\\ c"), ("d", "e")]),
    ],
)
def test_pairs(text: str, pairs: list[tuple[str, str]]) -> None:
    env = parse("FROM a\n" + text).instructions[1]
    assert isinstance(env, Env)
    assert [(pair.key, pair.value) for pair in env.pairs] == pairs


def test_mounts() -> None:
    run = parse("FROM a\nRUN --mount=type=cache,dst=/c,id=x --mount=from=b,source=/s,target=/t x\n").instructions[1]
    assert isinstance(run, Run)
    assert run.mounts == (
        {"type": "cache", "target": "/c", "id": "x"},
        {"from": "b", "source": "/s", "target": "/t", "type": "bind"},
    )


def test_a_trigger_is_an_instruction_of_its_own() -> None:
    onbuild = parse("FROM a\nONBUILD RUN apk add x\n").instructions[1]
    assert isinstance(onbuild, Onbuild)
    assert isinstance(onbuild.inner, Run)
    assert [command.name for command in onbuild.inner.script.commands] == ["apk"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RUN x\nFROM a", "before the first FROM"),
        ("FORM a", "did you mean FROM?"),
        ("FROM a b", "FROM takes"),
        ("FROM a\nCOPY x", "at least two"),
        ("FROM a\nWORKDIR", "exactly one"),
        ('FROM a\nCMD ["a", 1]', "strings only"),
        ("FROM a\nSHELL x", "JSON"),
        ("ARG x", "no build stage"),
        ("FROM a\nONBUILD FOO x", "unknown instruction"),
    ],
)
def test_errors_say_what_and_where_and_reading_goes_on(text: str, message: str) -> None:
    dockerfile = parse(text + "\n")
    assert message in dockerfile.problems[0].message
    followed = parse(text + "\nRUN apk add x\n")
    assert followed.instructions[-1].keyword == "RUN"
