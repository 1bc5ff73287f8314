"""Fixes: what they write, what they refuse, and that they never go through a link."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from imagelint import fixer
from imagelint.dockerfile.instructions import User
from imagelint.dockerfile.parser import parse
from imagelint.errors import InputError
from imagelint.finding import Finding, Fix, Unpriced
from imagelint.linter import lint
from imagelint.rule import rule as declare
from imagelint.text import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagelint.graph import BuildGraph
    from imagelint.rule import Rule


def fixed(text: str, rules: list[Rule]) -> str:
    return fixer.fix(lint("Dockerfile", text, rules), rules).after.source.text


CASES = {
    "joined, then cleaned": (
        "FROM a\nRUN apt-get update\nRUN apt-get install -y x\n",
        "FROM a\nRUN apt-get update \\\n    && apt-get install -y x \\\n    && rm -rf /var/lib/apt/lists/*\n",
    ),
    "in the file's own style": (
        "FROM a\nRUN apt-get update && \\\n  apt-get install -y x\n",
        "FROM a\nRUN apt-get update && \\\n  apt-get install -y x && \\\n  rm -rf /var/lib/apt/lists/*\n",
    ),
    "carriage returns and backticks": (
        "# escape=`\r\nFROM a\r\nRUN npm ci\r\n",
        "# escape=`\r\nFROM a\r\nRUN npm ci `\r\n    && npm cache clean --force\r\n",
    ),
    "comments between RUNs stay": (
        "FROM a\nRUN wget x\n\n# why b\n\nRUN \\\n  # why c\n  b && rm -f ./x\n".replace("x", "xyz"),
        "FROM a\nRUN wget x \\\n# why b\n  # why c\n    && b && rm -f ./x\n".replace("x", "xyz"),
    ),
    "the flags of the first one stand": (
        "FROM a\nRUN --network=none dpkg -i a\nRUN --network=none dpkg -i b\n",
        "FROM a\nRUN --network=none dpkg -i a \\\n    && dpkg -i b\n",
    ),
    "no line end at the end": ("FROM a\nRUN pip install x", "FROM a\nRUN pip install --no-cache-dir x"),
    "behind a dangling continuation": (
        "FROM a\nRUN npm ci \\\n# the end\n",
        "FROM a\nRUN npm ci \\\n    && npm cache clean --force \\\n# the end\n",
    ),
    "inside quotes": (
        "FROM a\nRUN sh -c 'pip install x'\n",
        "FROM a\nRUN sh -c 'pip install --no-cache-dir x'\n",
    ),
    "two in one RUN": (
        "FROM a\nRUN pip install x && pip install y\n",
        "FROM a\nRUN pip install --no-cache-dir x && pip install --no-cache-dir y\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_fixes(before: str, after: str, rules: list[Rule]) -> None:
    assert fixed(before, rules) == after
    assert fixed(after, rules) == after


REFUSED = {
    "the folder would change": "FROM a\nRUN cd /x && dpkg -i a\nRUN dpkg -i b\n",
    "a variable would leak": "FROM a\nRUN X=1 && dpkg -i a\nRUN dpkg -i $X\n",
    "an export would leak": "FROM a\nRUN export X=1 && dpkg -i a\nRUN dpkg -i b\n",
    "a failure would be masked": "FROM a\nRUN dpkg -i a\nRUN dpkg -i b || true\n",
    "a later command would run in any case": "FROM a\nRUN dpkg -i a\nRUN dpkg -i b; c\n",
    "a comment at the end of the script": "FROM a\nRUN dpkg -i a # why\nRUN dpkg -i b\n",
    "a job in the background": "FROM a\nRUN dpkg -i a &\nRUN dpkg -i b\n",
    "exec form": 'FROM a\nRUN ["dpkg", "-i", "a"]\nRUN dpkg -i b\n',
    "heredocs": "FROM a\nRUN <<E\ndpkg -i a\nE\nRUN dpkg -i b\n",
    "a pragma would lose its instruction": "FROM a\nRUN dpkg -i a\n# hadolint ignore=DL3003\nRUN dpkg -i b\n",
    "the script ends before its end": "FROM a\nRUN npm ci; exit 0\n",
    "a later install needs the lists": "FROM a\nRUN apt-get update\nENV x=y\nRUN apt-get install -y x\n",
    "nothing would be saved": "FROM a\nRUN a\nRUN b\n",
    "exec form of an installer": 'FROM a\nRUN ["pip", "install", "x"]\n',
    "somebody else's command": "FROM a\nUSER x\nRUN sudo apt-get update && sudo apt-get install -y y\n",
    "a shell that ends": "FROM a\nRUN exec apt-get update\nRUN apt-get install -y x\n",
    "another shell afterwards": "FROM a\nRUN dpkg -i a && ln -s /bin/bash /bin/sh\nRUN dpkg -i b\n",
    "a login shell": 'FROM a\nSHELL ["/bin/bash", "--login", "-c"]\nRUN dpkg -i a\nRUN dpkg -i b\n',
    "npm is gone": "FROM a\nRUN npm install && npm uninstall -g npm\n",
    "npm is elsewhere": "FROM a\nRUN /opt/node/bin/npm ci\n",
    "a cache of one's own": "FROM a\nRUN --mount=type=cache,target=/srv/cache npm ci\n",
    "a sibling stage needs the lists": (
        "FROM u AS base\nRUN apt-get update && apt-get install -y x\n"
        "FROM base AS a\nRUN apt-get update && apt-get install -y z && rm -rf /var/lib/apt/lists/*\n"
        "FROM base AS b\nRUN apt-get install -y y\n"
    ),
    "a script may need the lists": "FROM a\nRUN apt-get update && apt-get install -y x\nCOPY i /\nRUN bash /i\n",
    "a file with a syntax error": "FROM a\nRUNN b\nRUN pip install x\n",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_could_change_the_build_is_left_alone(text: str, rules: list[Rule]) -> None:
    assert lint("Dockerfile", text, rules).findings
    assert "&&" not in fixed(text, rules).replace(text, "")
    assert fixed(text, rules).count("RUN") == text.count("RUN")


def test_a_fix_is_never_written_through_a_link(tmp_path: Path, rules: list[Rule]) -> None:
    real, link = tmp_path / "real", tmp_path / "Dockerfile"
    real.write_text("FROM a\nRUN npm ci\n")
    link.symlink_to(real)
    with pytest.raises(InputError, match="symbolic link"):
        fixer.write(fixer.fix(lint(str(link), real.read_bytes(), rules), rules))
    assert real.read_text() == "FROM a\nRUN npm ci\n"
    assert os.listdir(tmp_path) == ["real", "Dockerfile"] or sorted(os.listdir(tmp_path)) == ["Dockerfile", "real"]


def test_a_fixed_file_keeps_its_mode(tmp_path: Path, rules: list[Rule]) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a\nRUN npm ci\n")
    path.chmod(0o640)
    fixer.write(fixer.fix(lint(str(path), path.read_bytes(), rules), rules))
    assert "npm cache clean" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640


def test_bytes_that_are_no_text_survive(rules: list[Rule]) -> None:
    before = b"FROM a\n# caf\xe9\nRUN pip install x\n"
    assert fixer.fix(lint("x", before, rules), rules).after.source.to_bytes() == (
        b"FROM a\n# caf\xe9\nRUN pip install --no-cache-dir x\n"
    )


def swap(old: str, new: str) -> Rule:
    """A rule that wants one user's name to be another."""

    def named(user: User, graph: BuildGraph) -> Iterator[Finding]:
        if user.arguments == old:
            word = user.words[0]
            yield Finding(user.span, "not him", fix=Fix("another", (Edit(user.span_of(word), new),)))

    return declare(f"TEST{len(old + new):03}", blame=Unpriced("none"))(named)


def test_fixes_that_undo_each_other_change_nothing_and_are_named() -> None:
    rules = [swap("a", "bb"), swap("bb", "a"), swap("c", "dddd")]
    result = fixer.fix(lint("Dockerfile", "FROM x\nUSER a\nUSER c\n", rules), rules)
    assert not result.changed
    assert set(result.unsettled) == {"TEST003", "TEST005"}


def test_a_fix_that_is_refused_holds_up_no_other() -> None:
    rules = [swap("a", "b\nRUNN x"), swap("c", "dddd")]
    result = fixer.fix(lint("Dockerfile", "FROM x\nUSER a\nUSER c\nUSER a\n", rules), rules)
    assert result.after.source.text == "FROM x\nUSER a\nUSER dddd\nUSER a\n"


def test_a_refused_fix_among_many_is_found_in_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []
    monkeypatch.setattr(fixer, "parse", lambda text: (tries.append(text), parse(text))[1])
    rules = [swap("a", "b\nRUNN x"), swap("c", "dddd")]
    text = "FROM x\n" + "USER c\n" * 300 + "USER a\n" + "USER c\n" * 700
    result = fixer.fix(lint("Dockerfile", text, rules), rules)
    assert result.after.source.text == text.replace("c", "dddd")
    assert len(tries) < 40


def test_many_fixes_take_time_that_grows_with_their_number() -> None:
    rules = [swap("c", "dddd")]
    result = fixer.fix(lint("Dockerfile", "FROM x\n" + "USER c\n" * 5_000, rules), rules)
    assert result.after.source.text == "FROM x\n" + "USER dddd\n" * 5_000
