"""Variables that nothing defines, and those that an ENV defines only when it is done."""

from __future__ import annotations

import pytest

from imagelint.graph.context import BaseImage, BuildContext
from tests.rules import cases

#: On scratch every variable shows; what BuildKit counts, it counts by word.
SHOWN = {
    "a path": ("COPY $x /", 1),
    "with a default": ("COPY ${x:-a} /", 1),
    "a default in a default": ("COPY ${x:-${y:-z}} /", 2),
    "twice in a word": ("COPY $x$x /", 1),
    "twice in two words": ("COPY $x $x /a/", 2),
    "quoted or escaped": ("COPY '$x' \\$y /", 0),
    "special names": ("COPY $@ $$ /a/", 2),
    "flags": ("COPY --chown=$x --chmod=$y a /", 2),
    "a checksum": ("ADD --checksum=$x https://e.org/a /", 1),
    "a mount": ("RUN --mount=type=cache,id=$x,target=/$y a", 2),
    "a shell's own": ("RUN echo $x", 0),
    "what runs later": ('CMD ["$x"]', 0),
    "a heredoc": ("COPY <<EOF /\n\"$x\" '$y' \\$z\nEOF", 2),
    "a quoted heredoc": ("COPY <<'EOF' /\n$x\nEOF", 0),
    "the others": ("WORKDIR /$a\nUSER $b\nVOLUME /$c\nSTOPSIGNAL ${d:-9}\nLABEL $e=$f", 6),
    "ports are not checked": ("EXPOSE ${x:-80}", 0),
    "PATH is always there": ("ENV PATH=$PATH:/a", 0),
    "declared without a value": ("ARG x\nCOPY $x /", 0),
    "declared too late": ("COPY $x /\nARG x", 1),
    "arguments see each other": ("ARG a=1 b=$a", 0),
    "but not those behind them": ("ARG b=$a a=1", 1),
    "in its own value": ("ENV a=$a:b", 1),
    "in the same ENV": ("ENV a=1 b=$a", 1),
    "two in the same ENV": ("ENV a=$b b=$a", 2),
    "a platform that is not declared": ("COPY $TARGETARCH /", 1),
    "a platform that is declared": ("ARG TARGETARCH\nCOPY $TARGETARCH /", 0),
    "proxies are not for words": ("COPY $http_proxy /", 1),
}


@pytest.mark.parametrize(("lines", "count"), SHOWN.values(), ids=SHOWN)
def test_nothing_is_hidden_on_scratch(lines: str, count: int) -> None:
    found = cases.aliases(f"FROM scratch\n{lines}", "IL707", "IL708")
    assert found.split().count("UndefinedVar") == count


CASES = {
    "it may come from the base image": ("FROM a\nCOPY $SOMETHING /", ""),
    "a letter is missing": ("FROM a\nARG DIR_ASSETS=b\nCOPY $DIR_ASSET /", "IL707:3"),
    "two letters are swapped": ("FROM a\nENV PATH=$PAHT:/b", "IL707:2"),
    "near to a name of another stage": ("FROM a\nARG DIR_ASSETS=b\nFROM a\nCOPY $DIR_ASSET /", ""),
    "near, and a base image's": ("FROM a\nENV NB_GID=1\nUSER $NB_UID", ""),
    "two versions": ("FROM a\nENV JDK11=b\nENV C=$JDK17", ""),
    "defined too late": ("FROM a\nCOPY $SOURCE /\nARG SOURCE=b", "IL707:2"),
    "its own value": ("FROM a\nENV NODE_PATH=$NODE_PATH:/b\nENV APP=$APP:c", ""),
    "an argument before FROM": ("ARG RELEASE=1\nFROM a\nCOPY b-$RELEASE /", "IL707:3"),
    "an argument before FROM that names the image": ("ARG RELEASE=1\nFROM a:$RELEASE\nCOPY b-$RELEASE /", ""),
    "an argument before FROM, declared again": ("ARG RELEASE=1\nFROM a\nARG RELEASE\nCOPY b-$RELEASE /", ""),
    "a platform": ("FROM a\nADD b-$TARGETARCH /", "IL707:2"),
    "of the base stage": ("FROM scratch AS a\nENV b=c\nFROM a\nCOPY $b $d /", "IL707:4"),
    "of a base stage's trigger": ("FROM scratch AS a\nONBUILD ENV b=c\nFROM a AS d\nCOPY $b /\nFROM d\nCOPY $b /", ""),
    "in a trigger": ("FROM scratch AS a\nENV b=c\nONBUILD COPY $b $d /e/\nFROM a", "IL707:3"),
    "a trigger's own": ("FROM scratch\nONBUILD ARG b\nONBUILD COPY $b /", ""),
    "before the first FROM": ("ARG a=$b\nFROM scratch", ""),
    # in its own ENV
    "known before": ("FROM a\nENV A=1\nENV A=2 B=$A", ""),
    "an argument known before": ("FROM a\nARG A\nENV A=$A B=$A", ""),
    "PATH": ("FROM a\nENV PATH=/b:$PATH C=$PATH", "IL708:2"),
    "PATH, known before": ("FROM a\nENV PATH=/a\nENV PATH=/b:$PATH C=$PATH", ""),
    "without a FROM": ("ARG A\nENV A=1 B=$A C=$D D=2", "IL001:1 IL001:2 IL708:2"),
    "known in another stage": ("FROM a\nENV A=1\nFROM a\nENV A=2 B=$A", "IL708:4"),
    "itself alone": ("FROM a\nENV A=/b:$A", ""),
    "itself twice": ("FROM a\nENV A=/b:$A A=/c:$A", "IL708:2 IL708:2"),
    "a part of a name": ("FROM a\nENV A=1 B=$AB C=${BA}", ""),
    "quoted": ("FROM a\nENV A=1 B='$A' C=\\$A", ""),
    "before it in the line": ("FROM a\nENV B=$A A=1", "IL708:2"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_cases(text: str, expected: str) -> None:
    assert cases.found(text, "IL707", "IL708") == expected


ALIASES = {
    "it may have been known": ("FROM a\nENV A=1 B=$A", "DL3044"),
    "it was not": ("FROM scratch\nENV A=1 B=$A", "DL3044 UndefinedVar"),
    "hadolint reads no default": ("FROM scratch\nENV A=1 B=${A:-2}", "UndefinedVar"),
    "PATH was known": ("FROM scratch\nENV PATH=/a:$PATH B=$PATH", "DL3044"),
    "a trigger that nothing runs": ("FROM scratch\nONBUILD COPY $x /", ""),
}


@pytest.mark.parametrize(("text", "expected"), ALIASES.values(), ids=ALIASES)
def test_aliases(text: str, expected: str) -> None:
    assert cases.aliases(text, "IL707", "IL708") == expected


def test_a_known_base_image_shows_all_that_it_sets() -> None:
    context = BuildContext(images={"a": BaseImage({"APP_UID": "7"})})
    assert cases.found("FROM a\nUSER $APP_UID\nWORKDIR /$APP", "IL707", context=context) == "IL707:3"


HELP = {
    "a name that is close": ("FROM a\nARG SOURCES=b\nCOPY $SOURCE /", "did you mean $SOURCES?"),
    "too late": ("FROM scratch\nCOPY $x /\nARG x", "line 3"),
    "before FROM": ("ARG RELEASE=1\nFROM a\nCOPY $RELEASE /", "declare `ARG RELEASE`"),
    "the platform": ("FROM a\nCOPY $TARGETOS /", "BuildKit sets it"),
}


@pytest.mark.parametrize(("text", "expected"), HELP.values(), ids=HELP)
def test_it_says_what_to_do(text: str, expected: str) -> None:
    (finding,) = cases.linted(text, "IL707").findings
    assert expected in finding.message + (finding.help or "")
