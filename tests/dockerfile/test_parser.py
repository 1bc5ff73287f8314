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
    ],
)
def test_errors_say_what_and_where_and_reading_goes_on(text: str, message: str) -> None:
    dockerfile = parse(text + "\n")
    assert message in dockerfile.problems[0].message
    followed = parse(text + "\nRUN apk add x\n")
    assert followed.instructions[-1].keyword == "RUN"


REFUSED = {
    "unknown flag": ("COPY --form=a x /y", "unknown flag: --form (did you mean --from?)"),
    "flag of another instruction": ("ADD --from=a x /y", "unknown flag: --from"),
    "flag where there are none": ("ENV --x=y a=b", "unknown flag: --x"),
    "duplicate flag": ("HEALTHCHECK --interval=5s --interval=6s CMD a", "duplicate flag"),
    "boolean": ("COPY --link=1 x /y", "true or false"),
    "no value": ("RUN --mount a", "misses its value"),
    "network": ("RUN --network=foo a", "default, none, host"),
    "duration without a unit": ("HEALTHCHECK --interval=5 CMD a", "no duration"),
    "too short": ("HEALTHCHECK --timeout=1us CMD a", "less than 1ms"),
    "negative retries": ("HEALTHCHECK --retries=-1 CMD a", "whole number"),
    "a mount from a variable": ("RUN --mount=target=/x,from=$y a", "cannot hold a variable"),
    "stage name": ("FROM a AS 1x", "invalid stage name"),
    "ENV without a value": ("ENV a", "two arguments"),
    "ENV with one half": ("ENV a=b c", "no = in 'c'"),
    "empty name": ("LABEL =x", "name of LABEL is empty"),
    "ARG's empty name": ("ARG a = b", "name of ARG is empty"),
    "a heredoc as destination": ("COPY x <<E\nE", "cannot go to a heredoc"),
    "an empty volume": ('VOLUME [" "]', "empty path"),
    "health check of no kind": ("HEALTHCHECK FOO x", "unknown type"),
    "health check without a command": ("HEALTHCHECK CMD", "misses its command"),
    "no health check, but": ("HEALTHCHECK NONE x", "takes no arguments"),
    "a chain of triggers": ("ONBUILD ONBUILD RUN x", "not allowed as a trigger"),
    "a trigger's pairs": ("ONBUILD ENV a", "two arguments"),
    "a continuation of nothing": ("\\", "a continuation of nothing"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_buildkit_refuses(text: str, message: str) -> None:
    problems = parse(f"FROM a\n{text}\n").problems
    assert message in problems[0].message
    assert len(problems) == 1


@pytest.mark.parametrize(
    "text",
    [
        "HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=0 --start-interval=1h --retries=3 CMD a",
        "HEALTHCHECK none",
        "ARG --x a",
        "STOPSIGNAL --x 9",
        "COPY --link --parents --exclude=a --exclude=b --chmod=u=rw --chown=a:b --from=c x y /z/",
        "ADD --keep-git-dir=TRUE --unpack=false --checksum=sha256:0 x /y",
        "RUN --security=insecure --device=a --device=b --mount=type=tmpfs,target=/x a",
        "ONBUILD COPY x",
        "ENV a b c",
        "LABEL a=",
        "EXPOSE 80 443/tcp",
        "VOLUME /a /b",
        "CMD",
    ],
)
def test_what_buildkit_takes(text: str) -> None:
    assert parse(f"FROM a\n{text}\n").problems == ()
