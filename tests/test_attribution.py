"""Which line made which layer, by the forms of history that builders write."""

from __future__ import annotations

import pytest

from imagelint.attribution import Command, attribute, attribution, command_of
from imagelint.dockerfile.parser import parse
from imagelint.graph import BuildContext, BuildGraph
from imagelint.image.model import History

DOCKERFILE = """\
ARG BASE=debian
FROM ${BASE}
ARG VERSION=1
WORKDIR /srv
COPY packages/ ./
RUN apt-get update && \\
    apt-get install -y curl
ENV PATH="$PATH:/x" LANG=C
ADD a.tar /opt/
RUN make
COPY ["a b", "/c d/"]
RUN make
CMD ["x"]
"""

CLASSIC = [
    ("", False, None),
    ("/bin/sh -c #(nop)  ARG VERSION=1", True, 3),
    ("/bin/sh -c #(nop) WORKDIR /srv", True, 4),
    ("/bin/sh -c #(nop) COPY dir:f00 in ./ ", False, 5),
    ("|1 VERSION=1 /bin/sh -c apt-get update &&     apt-get install -y curl", False, 6),
    ("/bin/sh -c #(nop)  ENV PATH=/bin:/x LANG=C", True, 8),
    ("/bin/sh -c #(nop) ADD file:f00 in /opt/ ", False, 9),
    ("|1 VERSION=1 /bin/sh -c make", False, 10),
    ("/bin/sh -c #(nop) COPY file:f00 in /c d/ ", False, 11),
    ("|1 VERSION=1 /bin/sh -c make", False, 12),
    ('/bin/sh -c #(nop)  CMD ["x"]', True, 13),
    ("/bin/sh -c #(nop)  LABEL a=b", True, None),
]

BUILDKIT = [
    ("/bin/sh -c #(nop) ADD file:f00 in / ", False, None),
    ('/bin/sh -c #(nop)  CMD ["bash"]', True, None),
    ("ARG VERSION=1", True, 3),
    ("WORKDIR /srv", False, 4),
    ("COPY packages/ ./ # buildkit", False, 5),
    ("RUN |1 VERSION=1 /bin/sh -c apt-get update &&     apt-get install -y curl # buildkit", False, 6),
    ("ENV PATH=/bin:/x LANG=C", True, 8),
    ("ADD a.tar /opt/ # buildkit", False, 9),
    ("RUN |1 VERSION=1 /bin/sh -c make # buildkit", False, 10),
    ("COPY a b /c d/ # buildkit", False, 11),
    ("RUN |1 VERSION=1 /bin/sh -c make # buildkit", False, 12),
    ('CMD ["x"]', True, 13),
]


def lines(history: list[str], text: str = DOCKERFILE, context: BuildContext | None = None) -> list[int | None]:
    found = attribute([History(each) for each in history], BuildGraph(parse(text), context))
    return [found[place].start_line if place in found else None for place in range(len(history))]


@pytest.mark.parametrize("entries", [CLASSIC, BUILDKIT], ids=["classic", "buildkit"])
def test_each_entry_finds_its_line(entries: list[tuple[str, bool, int | None]]) -> None:
    assert lines([created_by for created_by, _, _ in entries]) == [line for _, _, line in entries]


def test_what_cannot_be_told_stays_unknown() -> None:
    history = ["x", "", "RUN /bin/sh -c other # buildkit", "crane flatten sha256:0", "buildkit.dockerfile.v0"]
    assert lines(history) == [None] * 5


def test_a_changed_run_is_unknown_and_its_neighbours_are_not() -> None:
    history = [each for each, _, _ in BUILDKIT]
    history[5] = "RUN |1 VERSION=1 /bin/sh -c apt-get update # buildkit"
    expected = [line for _, _, line in BUILDKIT]
    expected[5] = None
    assert lines(history) == expected


def test_the_target_chooses_the_stages() -> None:
    text = "FROM a AS one\nRUN x\nFROM one AS two\nRUN y\nFROM b\nRUN x\n"
    history = ["/bin/sh -c x", "/bin/sh -c y"]
    assert lines(history, text, BuildContext("two")) == [2, 4]
    assert lines(history, text) == [6, None]


def test_a_long_history_takes_no_long_time() -> None:
    assert lines(["RUN /bin/sh -c x"] * 5000, "FROM a\n" + "RUN x\n" * 5000) == [None] * 5000


@pytest.mark.parametrize(
    ("created_by", "command"),
    [
        ("/bin/sh -c echo  a", Command("RUN", "echo a")),
        ("|2 A=/bin/x B=c d /bin/sh -c make", Command("RUN", "make")),
        ("RUN /bin/sh -c echo a # buildkit", Command("RUN", "echo a")),
        ("CMD []", Command("CMD", "[]")),
        ("bash", None),
    ],
)
def test_commands_are_read(created_by: str, command: Command | None) -> None:
    assert command_of(created_by) == command


def tied(history: list[str], text: str) -> tuple[str, int, int, int | None]:
    found = attribution([History(each) for each in history], BuildGraph(parse(text)))
    return found.confidence, found.found, found.expected, found.base_layers


def test_how_far_it_is_to_be_trusted() -> None:
    text = "FROM a\nRUN x\nRUN y\nCOPY z /z\n"
    base = "/bin/sh -c #(nop) ADD file:0 in / "
    assert tied([base, "/bin/sh -c x", "/bin/sh -c y", "COPY z /z # buildkit"], text) == ("exact", 3, 3, 1)
    assert tied([base, "/bin/sh -c x", "/bin/sh -c other", "COPY z /z # buildkit"], text) == ("partial", 2, 3, 1)
    assert tied([base, "/bin/sh -c other", "/bin/sh -c y", "COPY z /z # buildkit"], text) == ("partial", 2, 3, None)
    assert tied([base, "/bin/sh -c other", "/bin/sh -c another", "COPY z /z # buildkit"], text)[0] == "none"


@pytest.mark.parametrize(
    ("line", "created_by"),
    [
        ("RUN <<EOF\necho one\necho two\nEOF", "RUN /bin/sh -c echo one\necho two\n # buildkit"),
        ("RUN cat <<EOF > /x\nbody\nEOF", "RUN /bin/sh -c cat <<EOF > /x\nbody\nEOF # buildkit"),
        ('RUN ["make", "install"]', "RUN make install # buildkit"),
        ("RUN --mount=type=cache,target=/c make", "RUN /bin/sh -c make # buildkit"),
    ],
)
def test_forms_of_run(line: str, created_by: str) -> None:
    assert tied([created_by], f"FROM a\n{line}\n") == ("exact", 1, 1, 0)


def test_a_shell_of_ones_own() -> None:
    text = 'FROM a\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN a | b\n'
    assert tied(["SHELL [/bin/bash -o pipefail -c]", "/bin/bash -o pipefail -c a | b"], text)[:3] == ("exact", 1, 1)
