"""Shell habits, pipes and downloads: what must be silent, what only looks harmless, which ids the findings carry."""

from __future__ import annotations

import pytest

from imagelint.finding import Persona
from imagelint.text import apply_edits
from tests.rules import cases

CASES = {
    # IL801: commands for a machine
    "a service": ("RUN service nginx start", "IL801:1 DL3001"),
    "a service by its path, behind a wrapper": ("RUN exec /usr/sbin/service x start", "IL801:1 DL3001"),
    "a service that a database is filled with": ("RUN service x start && psql -f a.sql", "IL801:1? DL3001"),
    "systemctl start": ("RUN systemctl start x", "IL801:1"),
    "systemctl enable makes a link": ("RUN systemctl enable x", ""),
    "installing ssh": ("RUN apt-get install ssh vim", ""),
    "ssh with a mount of keys": ("RUN --mount=type=ssh ssh git@example.org true", "IL801:1? DL3001"),
    "ssh without": ("RUN ssh git@example.org true", "IL801:1 DL3001"),
    "vim that is told what to do": ("RUN vim +PlugInstall +qall", "IL801:1? DL3001"),
    "vim": ("RUN vim /etc/hosts", "IL801:1 DL3001"),
    "mount": ("RUN mount /dev/sda1 /mnt", "IL801:1 DL3001"),
    "mount that may": ("RUN --security=insecure mount -t tmpfs none /mnt", "IL801:1? DL3001"),
    "ifconfig is ours": ("RUN ifconfig", "IL801:1"),
    "exec form": ('RUN ["top"]', "IL801:1 DL3001"),
    "a word of another command": ("RUN echo top; x --kill", ""),
    "another shell": ('SHELL ["pwsh"]\nRUN top\nRUN kill 1', ""),
    # IL802: cd
    "cd alone": ("RUN cd /x", "IL802:1 DL3003"),
    "cd at the end": ("RUN make && cd /x", "IL802:1 DL3003"),
    "cd that is needed": ("RUN cd /x && make", "IL802:1? DL3003"),
    "cd in a subshell": ("RUN (cd /x && make); (cd /y)", "IL802:1? IL802:1? DL3003 DL3003"),
    "cd in a heredoc": ("RUN <<EOF\ncd /x\nmake\nEOF", "IL802:2? DL3003"),
    "cd of cmd": ('SHELL ["cmd", "/c"]\nRUN cd c:\\x', ""),
    # IL803: sudo
    "sudo": ("RUN true && sudo -E x", "IL803:1 DL3004"),
    "sudo twice": ("RUN sudo x \\\n && sudo y", "IL803:1 IL803:2 DL3004 DL3004"),
    "sudo of a script is one": ("RUN sudo sh -c 'x && y && z'", "IL803:1 DL3004"),
    "sudo in a script": ("RUN sh -c 'x && sudo y'", "IL803:1 DL3004"),
    "sudo by its path and behind another wrapper": ("RUN env A=b /usr/bin/sudo x", "IL803:1 DL3004"),
    "sudo behind sudo": ("RUN sudo sudo x", "IL803:1 IL803:1 DL3004 DL3004"),
    "sudo alone": ("RUN sudo -v", "IL803:1 DL3004"),
    "installing sudo": ("RUN apt-get install sudo && sudo --version", ""),
    "sudo in a trigger": ("ONBUILD RUN sudo x", "IL803:1 DL3004"),
    # IL804: wget and curl
    "both in one RUN": ("RUN wget -nv x && curl y && wget -nv z", "IL804:1? DL4001"),
    "both in one stage": ("FROM a\nRUN wget -nv x\nRUN sudo curl y", "IL803:3 IL804:3? DL3004 DL4001"),
    "both in two stages": ("FROM a\nRUN wget -nv x\nFROM a\nRUN curl y", ""),
    "both installed": ("RUN apt-get install wget curl", ""),
    "one in a trigger": ("RUN wget -nv x\nONBUILD RUN curl y", ""),
    "both in triggers": ("ONBUILD RUN wget -nv x\nONBUILD RUN curl y", "IL804:2? DL4001"),
    # IL805: /bin/sh
    "a link": ("RUN ln -snf bash /bin/sh", "IL805:1 DL4005"),
    "a link the other way": ("RUN ln -s /bin/sh /bin/ksh", ""),
    "a copy": ("RUN cp /bin/bash /usr/bin/sh", "IL805:1"),
    "a link of something else": ("RUN ln -s a b && c /bin/sh", ""),
    # IL806: pipes
    "a pipe": ("FROM a\nRUN a | b", "IL806:2 DL4006"),
    "a pipe with both outputs": ("FROM a\nRUN a |& b", "IL806:2 DL4006"),
    "a pipe into a loop": ("FROM a\nRUN a | while read -r x; do y; done", "IL806:2 DL4006"),
    "a pipe into a group": ("FROM a\nRUN a | { b; }", "IL806:2 DL4006"),
    "a pipe into a subshell": ("FROM a\nRUN a | (b)", "IL806:2 DL4006"),
    "before what runs anything": ("FROM a\nRUN curl -f x | bash -", "IL806:2 DL4006"),
    "before a checksum": ("FROM a\nRUN grep x y | sha256sum -c -", "IL806:2? DL4006"),
    "before a sum that is only printed": ("FROM a\nRUN grep x y | sha256sum", "IL806:2 DL4006"),
    "before an import of keys": ("FROM a\nRUN curl -f x | gpg --batch --import", "IL806:2? DL4006"),
    "before apt-key": ("FROM a\nRUN curl -f x | apt-key add -", "IL806:2? DL4006"),
    "before tar that unpacks": ("FROM a\nRUN curl -f x | tar xz -C /opt", "IL806:2? DL4006"),
    "before tar that unpacks, behind a dash": ("FROM a\nRUN curl -f x | tar -xJC /opt", "IL806:2? DL4006"),
    "before tar that unpacks, by a long option": ("FROM a\nRUN curl -f x | tar -x --gzip", "IL806:2? DL4006"),
    "before tar of what is not packed": ("FROM a\nRUN curl -f x | tar x", "IL806:2 DL4006"),
    "before tar into a folder with a z": ("FROM a\nRUN curl -f x | tar -xCzoo", "IL806:2 DL4006"),
    "before gzip that unpacks": ("FROM a\nRUN curl -f x | gzip -d > y", "IL806:2? DL4006"),
    "before gzip that packs": ("FROM a\nRUN a | gzip > y", "IL806:2 DL4006"),
    "before two, the last of which checks": ("FROM a\nRUN a | b | gunzip > y", "IL806:2? DL4006"),
    "before two, the first of which checks": ("FROM a\nRUN a | gunzip | c", "IL806:2 DL4006"),
    "a filter behind what cannot fail": ("FROM a\nRUN find /x | sort | xargs rm", "IL806:2? DL4006"),
    "a filter of a file": ("FROM a\nRUN sort x | xargs rm", "IL806:2 DL4006"),
    "a filter behind what can fail": ("FROM a\nRUN a | sort | xargs rm", "IL806:2 DL4006"),
    "cut off by head": ("FROM a\nRUN a | head -n 1", "IL806:2? DL4006"),
    "behind what fails with nothing amiss": (
        "FROM a\nRUN find /x | xargs -r dpkg-query -S | cut -d: -f1 | xargs a",
        "IL806:2? DL4006",
    ),
    "a substitution whose status is lost": ("FROM a\nRUN make -j$(a | b)", "IL806:2? DL4006"),
    "a substitution in an export": ('FROM a\nRUN export X="$(a | b)"', "IL806:2? DL4006"),
    "a pipe in a substitution": ('FROM a\nRUN x="$(a | b)" && y', "IL806:2 DL4006"),
    "a pipe in backticks": ("FROM a\nRUN x=`a | b` && y", "IL806:2 DL4006"),
    "echo cannot fail": ("FROM a\nRUN echo a | b", "IL806:2? DL4006"),
    "echo, behind a substitution": ("FROM a\nRUN echo $(a) | b && c | d", "IL806:2 DL4006"),
    "echo first, then something that can": ("FROM a\nRUN echo a | b | c", "IL806:2 DL4006"),
    "alternatives and words are no pipes": ("FROM a\nRUN case a in b|c) x;; esac; y || z; echo '|' \\|", ""),
    "exec form has no pipes": ('FROM a\nRUN ["a", "|", "b"]', ""),
    "set before": ("FROM a\nRUN set -o pipefail && a | b", ""),
    "set before, with more": ("FROM a\nRUN set -euxo pipefail; a | b", ""),
    "set behind": ("FROM a\nRUN a | b; set -o pipefail", "IL806:2 DL4006"),
    "set and unset": ("FROM a\nRUN set -o pipefail; set +o pipefail; a | b", "IL806:2 DL4006"),
    "set in another shell": ("FROM a\nRUN sh -c 'set -o pipefail' && a | b", "IL806:2 DL4006"),
    "set in another RUN": ("FROM a\nRUN set -o pipefail\nRUN a | b", "IL806:3 DL4006"),
    "another option": ("FROM a\nRUN set -o errexit; a | b", "IL806:2 DL4006"),
    "SHELL": ('FROM a\nSHELL ["/usr/local/bin/bash", "-e", "-o", "pipefail", "-c"]\nRUN a | b', ""),
    "SHELL without": ('FROM a\nSHELL ["/bin/bash", "-ec"]\nRUN a | b', "IL806:3 DL4006"),
    "SHELL is the stage's": (
        'FROM a AS x\nSHELL ["bash", "-o", "pipefail", "-c"]\nFROM a\nRUN a | b',
        "IL806:4 DL4006",
    ),
    "SHELL of the stage below": ('FROM a AS x\nSHELL ["bash", "-o", "pipefail", "-c"]\nFROM x\nRUN a | b', ""),
    "dash has no pipefail": ('FROM debian\nSHELL ["/bin/sh", "-o", "pipefail", "-c"]\nRUN a | b', "IL806:3 DL4006"),
    "Alpine's sh has": ('FROM x:3-alpine3.2\nSHELL ["/bin/sh", "-eo", "pipefail", "-c"]\nRUN a | b', ""),
    "PowerShell": ('FROM a\nSHELL ["powershell"]\nRUN a | b', ""),
    "PowerShell by pragma": ("# hadolint shell=pwsh\nFROM a\nRUN a | b", ""),
    "heredoc": ("FROM a\nRUN <<EOF\nset -e\na | b\nEOF", "IL806:4 DL4006"),
    "heredoc with pipefail": ("FROM a\nRUN <<EOF\nset -eo pipefail\na | b\nEOF", ""),
    "heredoc with a shebang": ("FROM a\nRUN <<EOF\n#!/bin/bash\nset -eo pipefail\na | b\nEOF", ""),
    "shebang instead of SHELL": (
        'FROM a\nSHELL ["bash", "-o", "pipefail", "-c"]\nRUN <<EOF\n#!/usr/bin/env bash\na | b\nEOF',
        "IL806:5 DL4006",
    ),
    "shebang of python": ("FROM a\nRUN <<EOF\n#!/usr/bin/python3\na | b\nEOF", ""),
    "input of bash": ("FROM a\nRUN <<EOF bash\nset -euxo pipefail\na | b\nEOF", ""),
    "input of bash with the option": ("FROM a\nRUN bash -eo pipefail <<EOF\na | b\nEOF", ""),
    "input of bash without": ("FROM a\nRUN bash <<EOF\na | b\nEOF", "IL806:3 DL4006"),
    "input of python": ("FROM a\nRUN python3 <<EOF\na | b\nEOF", ""),
    "a pipe on the line of a heredoc": ("FROM a\nRUN cat <<EOF | b\na | b\nEOF", "IL806:2 DL4006"),
    "a trigger": ("FROM a\nONBUILD RUN a | b", "IL806:2 DL4006"),
    # IL807: wget's progress
    "wget": ("RUN wget a.b/c", "IL807:1 DL3047"),
    "wget -O": ("RUN wget -Oqoa a.b/c", "IL807:1 DL3047"),
    "wget -qO-": ("RUN wget -qO- a.b/c", ""),
    "wget --progress": ("RUN wget --progress=dot:giga a.b/c", ""),
    "wget --no-verbose": ("RUN wget a.b/c --no-verbose", ""),
    "wget -o": ("RUN wget -c -o log a.b/c", ""),
    "wget of BusyBox": ("RUN busybox wget a.b/c", "IL807:1 DL3047"),
    "wget's version": ("RUN wget --version", ""),
    # IL808: curl without --fail
    "curl into a shell": ("RUN set -o pipefail; curl -sSL a.b | bash -s x", "IL808:1"),
    "curl into a shell, behind sudo": ("RUN set -o pipefail; curl -sSL a.b/$(uname) | nice sh", "IL808:1"),
    "curl into tar": ("RUN set -o pipefail; curl -sSL a.b | tar xz", "IL808:1?"),
    "curl into a file": ("RUN curl -LOsS a.b/c", "IL808:1"),
    "curl into a file that is compared": ("RUN curl -o c a.b/c && sha256sum -c c.sha", "IL808:1?"),
    "curl -f": ("RUN curl -fsSLo c a.b/c; curl -o c --fail-with-body a.b/c", ""),
    "curl of an archive that is unpacked": ("RUN curl -Lo c.zip a.b/c && unzip c.zip", "IL808:1?"),
    "curl of an archive that is kept": ("RUN curl -LO a.b/c.tar.gz", "IL808:1"),
    "curl of something else beside an archive": ("RUN curl -Lo c a.b/c && unzip d.zip", "IL808:1"),
    "an f that is a value": ("RUN curl -Hf -o c a.b/c", "IL808:1"),
    "curl that asks for the status": ("RUN curl -so /dev/null -w '%{http_code}' a.b", ""),
    "curl to the log": ("RUN curl a.b", ""),
    "curl || something": ("RUN curl a.b || true", ""),
    # IL809: plain HTTP
    "http": ("RUN curl -fo c http://a.b/c", "IL809:1?"),
    "http, run at once": ("RUN set -o pipefail; curl -f http://a.b/c | sudo -E bash -", "IL809:1 IL803:1 DL3004"),
    "http with a checksum": ("RUN wget -q http://a.b/c && echo x c | sha256sum -c", "IL806:1? DL4006"),
    "http to the host itself": ("RUN curl -f http://localhost:80/ http://127.0.0.1", ""),
    "http by a proxy": ("RUN curl -f -x http://proxy:3128 https://a.b/c", ""),
    "https": ("RUN wget -q https://a.b/c", ""),
    "ADD": ("ADD http://a.b/c HTTP://a.b/d /", "IL809:1? IL809:1?"),
    "ADD with a checksum": ("ADD --checksum=sha256:x http://a.b/c /", ""),
}  # fmt: skip

FIXED = {
    "cd alone": ("RUN cd /x/y", "WORKDIR /x/y"),
    "cd to somewhere unknown": ("RUN cd ~/$x", None),
    "cd behind something": ("RUN make && cd /x", None),
    "cd with a mount": ("RUN --mount=type=cache,target=/c cd /x", None),
    "sudo": ("RUN sudo  apt-get update", "RUN apt-get update"),
    "sudo in a script": ("RUN sh -c 'a; sudo b'", "RUN sh -c 'a; b'"),
    "sudo as somebody": ("RUN sudo -u x b", None),
    "sudo with a variable": ("RUN sudo A=b c", None),
    "sudo in exec form": ('RUN ["sudo", "b"]', None),
    "a pipe in a shell that is not known": ("FROM a\nRUN a | b", None),
    "a pipe in Alpine, behind a set": (
        "FROM alpine\nRUN set -eux; \\\n a | b",
        "FROM alpine\nRUN set -eux -o pipefail; \\\n a | b",
    ),
    "a pipe in Alpine that hides nothing": ("FROM alpine\nRUN make -j$(a | b)", None),
    "a pipe in Alpine": ("FROM alpine\nRUN a \\\n | b", "FROM alpine\nRUN set -o pipefail && a \\\n | b"),
    "a pipe in bash": (
        'FROM a\nSHELL ["bash", "-c"]\nRUN --network=none a | b',
        'FROM a\nSHELL ["bash", "-c"]\nRUN --network=none set -o pipefail && a | b',
    ),
    "wget": ("RUN a;wget b.c/d", "RUN a;wget -nv b.c/d"),
    "curl": ("RUN curl -O b.c/d", "RUN curl -f -O b.c/d"),
    "curl with a cache": ("RUN --mount=type=cache,target=/c curl -O b.c/d", None),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_rules(text: str, expected: str) -> None:
    """A `?` marks a pedantic finding; behind the findings stand the ids of other tools."""
    linted = cases.linted(text, "IL80")
    found = [
        f"{each.code}:{linted.source.index.position(each.span.start).line}" + "?" * (each.persona is Persona.PEDANTIC)
        for each in linted.findings
        if each.code != "IL001"
    ]
    aliases = sorted(alias for each in linted.findings if each.code != "IL001" for alias in each.aliases or ())
    assert " ".join([*found, *aliases]) == expected


@pytest.mark.parametrize(("text", "expected"), FIXED.values(), ids=FIXED)
def test_fixes(text: str, expected: str | None) -> None:
    fixes = [each.fix for each in cases.linted(text, "IL80").findings if each.fix]
    assert [apply_edits(text, fix.edits) for fix in fixes] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("FROM a\nRUN x && sudo -E \\\n apt-get update", "sudo"),
        ("FROM a\nRUN x && a -b | \\\n c | d", "a -b |"),
        ("FROM a\nRUN curl -fo x 'http://a.b/c'", "'http://a.b/c'"),
        ("FROM a\nRUN wget -nv a; curl b", "curl"),
    ],
)
def test_places(text: str, place: str) -> None:
    (finding,) = cases.linted(text, "IL80").findings
    assert text[slice(*finding.span)] == place
