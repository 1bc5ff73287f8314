"""Variables, quotes and escapes."""

from __future__ import annotations

import pytest

from imagelint.dockerfile.scope import Scope
from imagelint.dockerfile.words import SubstitutionError, expand, split_raw, variables

ENV = {"a": "1", "empty": "", "path": "/usr/local/lib", "file": "x.tar.gz"}


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        ("$a-${a}", "1-1"),
        ("'$a'\"$a\"", "$a1"),
        ("\\$a", "$a"),
        ("${none:-x$a}", "x1"),
        ("${empty-x}${empty:-y}", "y"),
        ("${a:+set}${empty:+not}", "set"),
        ("${path#*/}", "usr/local/lib"),
        ("${path##*/}", "lib"),
        ("${file%.*}", "x.tar"),
        ("${file%%.*}", "x"),
        ("${path/l/L}", "/usr/Local/lib"),
        ("${path//l/L}", "/usr/LocaL/Lib"),
        ("$", "$"),
        ("$.x", "$.x"),
    ],
)
def test_expand(word: str, expanded: str) -> None:
    assert expand(word, ENV) == expanded


@pytest.mark.parametrize(
    "word", ["'a", '"a', "${", "${}", "${a", "${a^}", "${a:?}${none:?gone}", "${a:=x}", "${a:1:2}"]
)
def test_what_cannot_be_expanded_is_an_error(word: str) -> None:
    with pytest.raises(SubstitutionError):
        expand(word, ENV)


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    with pytest.raises(SubstitutionError, match="deeply"):
        expand("${x:-" * 5_000 + "}" * 5_000, {})


def test_names_are_listed_even_where_the_word_is_broken() -> None:
    assert variables("$a ${b:-$c} ${d") == ["a", "b", "c", "d"]


def test_raw_words_keep_quotes() -> None:
    text = "a 'b c' \"d e\" f\\ g ${h:-i j}"
    assert [text[start:end] for start, end in split_raw(text) or ()] == ["a", "'b c'", '"d e"', "f\\ g", "${h:-i j}"]


def test_a_value_that_doubles_itself_becomes_unknown() -> None:
    scope = Scope()
    scope.define("A", "xx", 0)
    for place in range(1, 100):
        scope.define("A", "$A$A", place)
    assert scope.get("A") in (None, "")


def test_a_child_sees_its_parent_and_shadows_it() -> None:
    parent = Scope()
    parent.define("A", "1", 0)
    child = Scope(parent)
    child.define("B", "$A$A", 1)
    child.define("A", "2", 2)
    assert (child.get("A", 1), child.get("A", 2), child.get("A"), child.get("B")) == ("1", "1", "2", "11")


@pytest.mark.parametrize("operator", ["#", "##", "%", "%%", "/", "//"])
def test_many_stars_take_no_power_of_time(operator: str) -> None:
    tail = "/x}" if operator.startswith("/") else "}"
    word = "${v" + operator + "*a" * 30 + "b" + tail
    assert expand(word, {"v": "a" * 5_000}) == "a" * 5_000


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        ("${v#a*c}", "b-abcabc"), ("${v##a*c}", ""), ("${v%a*c}", "abcb-abc"), ("${v%%a*c}", ""), ("${v%%b*c}", "a"),
        ("${v/b*b/X}", "aXc"), ("${v//?c/X}", "aXb-aXaX"), ("${v#*}", "abcb-abcabc"), ("${v##*}", ""),
        ("${v%*-*}", "abcb"),
    ],
)  # fmt: skip
def test_globs_match_as_little_or_as_much_as_asked(word: str, expanded: str) -> None:
    assert expand(word, {"v": "abcb-abcabc"}) == expanded
