"""Files and folders that a RUN makes on its way: which of them stay, and which only look so."""

from __future__ import annotations

import pytest

from imagelint.finding import Paths, Unpriced
from tests.rules import cases

CODES = ("IL121", "IL122", "IL123", "IL124", "IL125", "IL126", "IL127", "IL128")
GET = "wget http://x/y.tgz"

FOUND = {
    # archives
    "wget": (f"RUN {GET} && tar xf y.tgz", "IL121:2"),
    "by another name": ("RUN wget -qO /tmp/z http://x/y && tar -xzf /tmp/z", "IL121:2"),
    "into a folder": ("RUN wget -nv -P /d http://x/y.zip?raw=1 && unzip /d/y.zip", "IL121:2"),
    "curl -fsSLo": ("RUN curl -fsSLo y.tgz http://x && tar xf y.tgz", "IL121:2"),
    "curl to its output": ("RUN curl -sS http://x > y.tgz && tar xf y.tgz", "IL121:2"),
    "curl -OL": ("RUN curl -OL http://x/y.tgz && tar xf y.tgz", "IL121:2"),
    "to standard output": ("RUN wget -qO- http://x/y.tgz | tar xz && curl -o - http://x/y.tgz | tar xz", ""),
    "unpacked by a pattern": (f"RUN {GET} && tar xf *.tgz", "IL121:2"),
    "only listed": (f"RUN {GET} && tar tf y.tgz", ""),
    "a variable's name": ("RUN curl -O http://x/y-$V.tgz && tar xf y-${V}.tgz", "IL121:2"),
    "removed": (f"RUN {GET} && tar xf y.tgz && rm y.tgz", ""),
    "removed by a pattern": (f"RUN {GET} && tar xf y.tgz && rm -f *.t?z", ""),
    "removed with braces": (f"RUN {GET} && tar xf y.tgz && rm y.{{tgz,asc}}", ""),
    "removed with its folder": (f"RUN cd /tmp && {GET} && tar xf y.tgz -C / && cd / && rm -rf /tmp/*", ""),
    "removed with a folder that was made": (f"RUN mkdir b && cd b && {GET} && tar xf y.tgz && cd .. && rm -rf b", ""),
    "removed with a folder by variable": (f'RUN cd "$D" && {GET} && tar xf y.tgz && rm -rf "$D"', ""),
    "removed with the working folder": (f"WORKDIR /tmp/w\nRUN {GET} && tar xf y.tgz -C / && rm -rf /tmp/*", ""),
    "a name that may be a path": ("RUN mkdir b && cd b && curl -o $F http://x && tar xf $F && cd .. && rm -rf b", ""),
    "something else removed": (f"RUN {GET} && tar xf y.tgz && rm -rf /tmp/* /var/lib/apt/lists/*", "IL121:2"),
    "replaced by its content": ("RUN wget http://x/y.gz && gunzip y.gz", ""),
    "kept by its option": ("RUN wget http://x/y.gz && gunzip -k y.gz", "IL121:2"),
    "moved": (f"RUN {GET} && tar xf y.tgz && mv y.tgz /srv", ""),
    "on a tmpfs": ("RUN --mount=type=tmpfs,target=/t wget -O /t/y http://x && tar xf /t/y", ""),
    "cleaned up": (f"RUN {GET} && tar xf y.tgz && cleanup", ""),
    "in a builder": (f"AS b\nRUN {GET} && tar xf y.tgz\nFROM a\nCOPY --from=b /x /", ""),
    "downloaded again": (f"RUN {GET} && tar xf y.tgz && rm y.tgz && {GET}", ""),
    # installers, packages, signatures
    "an installer": ("RUN curl -LO http://x/M.sh && sh ./M.sh -b", "IL127:2"),
    "an installer that is called": ("RUN curl -LO http://x/M.run && chmod +x M.run && ./M.run", "IL127:2"),
    "a program that is tried": ("RUN curl -LO http://x/tini && chmod +x tini && ./tini --version", ""),
    "a package": ("RUN wget http://x/y.deb && apt-get install -y ./y.deb", "IL128:2"),
    "a package by a pattern": ("RUN wget -P /tmp http://x/y.deb && dpkg -i /tmp/*.deb", "IL128:2"),
    "several packages, installed at once": (
        "RUN wget http://x/y.deb && wget http://x/z.deb && dpkg -i *.deb",
        "IL128:2",
    ),
    "several packages, one after the other": (
        "RUN wget http://x/y.deb && dpkg -i y.deb \\\n && wget http://x/z.deb && dpkg -i z.deb",
        "IL128:2 IL128:3",
    ),
    "an rpm, removed": ("RUN wget http://x/y.rpm && rpm -ivh y.rpm && rm -f y.rpm", ""),
    "a signature": ("RUN wget http://x/y.asc && gpg --batch --verify y.asc y", "IL124:2"),
    "a key": ("RUN wget http://x/k.asc && gpg --import k.asc", ""),
    # temporary folders
    "mktemp": ("RUN d=$(mktemp -d) && x $d", "IL122:2"),
    "mktemp, exported": ('RUN export GNUPGHOME="$(mktemp -d)"; x', "IL122:2"),
    "mktemp in backticks": ("RUN d=`mktemp -p /x -d`; y", "IL122:2"),
    "mktemp, removed": ('RUN d="$(mktemp -d)"; x; rm -rf "${d}"', ""),
    "mktemp, removed by a trap": ("RUN d=$(mktemp -d); trap 'rm -rf \"$d\"' EXIT; x", ""),
    "mktemp, removed with all": ("RUN cd $(mktemp -d) && x && rm -rf /tmp/*", ""),
    "mktemp of a file": ("RUN f=$(mktemp) && x $f", ""),
    "another one removed": ('RUN d="$(mktemp -d)"; e="$(mktemp -d)"; rm -rf "$e"', "IL122:2"),
    # sources
    "built and installed": ("RUN git clone --depth 1 http://x/y && cd y && make && make install", "IL123:2"),
    "the clone that was gone into": (
        "RUN git clone --depth 1 http://x/y /y \\\n && git clone --depth 1 http://x/z /z && cd /z/src && make install",
        "IL123:3",
    ),
    "built, not installed": ("RUN git clone --depth 1 http://x/y && cd y && make", ""),
    "removed, by whatever name": ("RUN tar xf y.tgz && cd y-1 && make install && cd .. && rm -rf y-*", ""),
    "unpacked and installed": ("RUN tar xf y.tgz && make -C y install", "IL123:2"),
    "wanted below": ("RUN git clone --depth 1 http://x/y /opt/y && cd /opt/y && make install\nWORKDIR /opt/y", ""),
    "pip's own": ("RUN git clone --depth 1 http://x/y && cd y && pip install .", "IL123:2"),
    "an editable installation": ("RUN git clone --depth 1 http://x/y && cd y && pip install -e . && make install", ""),
    # git
    "a clone": ("RUN git clone http://x/y.git", "IL125:2"),
    "a clone for sources is one finding": ("RUN git clone http://x/y && cd y && make install", "IL123:2"),
    "history removed": ("RUN git clone http://x/y && cd y && rm -rf .git", ""),
    "history removed from all": ("RUN git clone http://x/y && find . -name .git -exec rm -rf {} +", ""),
    "the clone removed": ("RUN git clone http://x/y /tmp/y && cp /tmp/y/z /bin && rm -rf /tmp/y", ""),
    "shallow": ("RUN git clone --branch v1 --depth=1 http://x/y && git clone --filter=blob:none http://x/z", ""),
    "bare": ("RUN git clone --mirror http://x/y", ""),
    # users
    "a high number": ("RUN useradd -u 1000000 x", "IL126:2"),
    "without records": ("RUN useradd -rlu 1000000 x && useradd --no-log-init -u 200000 x", ""),
    "an unknown number": ('RUN useradd -u "$USER_ID" x', ""),
    "a variable's number": ("ARG N=2000000\nRUN useradd -u $N x", "IL126:3"),
    "a low number": ("RUN useradd --uid 99999 x", ""),
    "a group's number": ("RUN useradd -g 1000000 x && groupadd -g 1000000 y", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FOUND.values(), ids=FOUND)
def test_found(text: str, expected: str) -> None:
    assert cases.found(f"FROM a {text}" if text.startswith("AS") else f"FROM a\n{text}", *CODES) == expected


def test_hadolint_knows_the_short_option_alone() -> None:
    assert cases.aliases("FROM a\nRUN useradd -mu 1000000 x", "IL126") == "DL3046"
    assert cases.aliases("FROM a\nRUN useradd --uid=1000000 x", "IL126") == ""


BLAME = {
    "a path": ("wget -O /tmp/y.tgz http://x && tar xf /tmp/y.tgz", "/tmp/y.tgz"),
    "a name": (f"{GET} && tar xf y.tgz", "*/y.tgz"),
    "a name with a variable": ("curl -O http://x/y-$V.tgz && tar xf y-$V.tgz", "*/y-*.tgz"),
    "nothing but a variable": ("curl -o $F http://x && tar xf $F", None),
    "sources": ("git clone --depth 1 http://x/y.git /src/y && cd /src/y/z && make install", "/src/y/*"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BLAME.values(), ids=BLAME)
def test_which_bytes_it_is_about(text: str, expected: str | None) -> None:
    (finding,) = cases.linted(f"FROM a\nRUN {text}", *CODES).findings
    if expected is None:
        assert isinstance(finding.blame, Unpriced)
    else:
        assert isinstance(finding.blame, Paths)
        assert finding.blame.globs == (expected,)


FIXES = {
    "by its path": ("cd / && wget -O /tmp/y http://x && tar xf /tmp/y", " \\\n    && rm /tmp/y"),
    "by its name": (f"{GET} && tar xf y.tgz", " \\\n    && rm y.tgz"),
    "with a variable": ("curl -O http://x/y-$V.tgz && tar xf y-$V.tgz", ' \\\n    && rm "y-$V.tgz"'),
    "with a variable in braces": ("curl -O http://x/y${V}z && tar xf y${V}z", ' \\\n    && rm "y${V}z"'),
    "several at once": (
        "wget http://x/y.deb && wget http://x/z.deb && dpkg -i *.deb",
        " \\\n    && rm y.deb z.deb",
    ),
    "not with a home in quotes": ("curl -o ~/y$V http://x && tar xf ~/y$V", None),
    "not from another folder": (f"{GET} && cd /x && tar xf /y.tgz", None),
    "not what is spoken of below": (f"{GET} && tar xf y.tgz\nCMD cat y.tgz", None),
    "not GnuPG's home": ("GNUPGHOME=$(mktemp -d); x", None),
    "not in a loop": ("for d in a; do d=$(mktemp -d); x; done", None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FIXES.values(), ids=FIXES)
def test_fixes(text: str, expected: str | None) -> None:
    (finding,) = cases.linted(f"FROM a\nRUN {text}", *CODES).findings
    assert (finding.fix.edits[0].replacement if finding.fix else None) == expected
