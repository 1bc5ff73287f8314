"""What a later layer stores again or hides: whom it concerns, whom not, and which of two rules speaks."""

from __future__ import annotations

import time

import pytest

from imagelint.dockerfile.parser import parse
from imagelint.finding import Persona, Safety
from imagelint.text import apply_edits
from tests.rules import cases

SELECTED = ("IL201", "IL202", "IL203", "IL204", "IL205", "IL206", "IL207", "IL208")

CASES = {
    # owner
    "chown of a copied folder": ("FROM a\nCOPY . /app\nRUN chown -R u /app", "IL202:3"),
    "chown of a parent": ("FROM a\nCOPY src/ /home/u/src/\nRUN x && chown -R u:u /home/u", "IL202:3"),
    "chown of another folder": ("FROM a\nCOPY . /app\nRUN mkdir /data && chown -R u /data", ""),
    "chown of a name that only begins like it": ("FROM a\nCOPY . /app\nRUN chown -R u /ap", ""),
    "chown in the working directory": ("FROM a\nWORKDIR /srv\nWORKDIR app\nCOPY . .\nRUN chown -R u .", "IL202:5"),
    "chown where the working directory is not known": ("FROM a\nCOPY . .\nRUN chown -R u .", "IL202:3"),
    "chown of an absolute path, copied nobody knows where": ("FROM a\nCOPY . .\nRUN chown -R u /app", ""),
    "chown behind cd": ("FROM a\nCOPY . /app\nRUN cd /app && chown -R u .", "IL202:3"),
    "chown behind cd in a subshell": ("FROM a\nWORKDIR /x\nCOPY . /app\nRUN (cd /app; x); chown -R u .", ""),
    "chown by a variable": ("FROM a\nENV H=/app\nCOPY . $H/\nRUN chown -R u ${H}", "IL202:4"),
    "chown by a variable that nobody knows": ("FROM a\nCOPY . /app\nRUN chown -R u $H", ""),
    "chown of a folder alone": ("FROM a\nCOPY . /app\nRUN chown u /app", ""),
    "chown of a pattern": ("FROM a\nCOPY . /app\nRUN chown -R u /app/*", "IL202:3"),
    "chown to the owner that COPY gave": ("FROM a\nCOPY --chown=u:g . /app\nRUN chown -R u:g /app", ""),
    "chown to the user that COPY gave": ("FROM a\nCOPY --chown=u:g . /app\nRUN chown -R u /app", ""),
    "chown to root of what is root's": ("FROM a\nCOPY . /app\nRUN chown -R root:0 /app", ""),
    "chown to root of what an archive brings": ("FROM a\nADD x.tar /app\nRUN chown -R 0:0 /app", "IL202:3"),
    "chown to another group than COPY gave": ("FROM a\nCOPY --chown=u:g . /app\nRUN chown -R u:h /app", "IL202:3"),
    "chown of one of two copies": (
        "FROM a\nCOPY --chown=u . /app/x/\nCOPY y/ /app/y/\nRUN chown -R u /app",
        "IL202:4",
    ),
    "chown of what belongs to somebody else": ("FROM a\nCOPY . /app\nRUN chown --from=r -R u /app", ""),
    "chown and chgrp": ("FROM a\nCOPY . /app\nRUN chown -R u /app \\\n && chgrp -R g /app", "IL202:3"),
    "chown of a folder that a file went to": ("FROM a\nCOPY x.tgz /app\nRUN chown u /app/x.tgz", "IL202:3"),
    "chgrp": ("FROM a\nCOPY . /app\nRUN chgrp -R g /app", "IL202:3"),
    "find and chown": ("FROM a\nCOPY . /app\nRUN find /app -exec chown u {} +", "IL202:3"),
    "find and chown of folders": ("FROM a\nCOPY . /app\nRUN find /app -type d -exec chown u {} +", ""),
    "behind sudo": ("FROM a\nCOPY . /app\nRUN sudo chown -R u /app", "IL202:3"),
    "what this RUN has made": ("FROM a\nCOPY . /app\nRUN mkdir /app/log && chown -R u /app/log", ""),
    "what the copied folder holds": ("FROM a\nCOPY . /app\nRUN useradd u && chown -R u /app/log", "IL202:3"),
    "installed by an earlier RUN": ("FROM a\nWORKDIR /app\nRUN npm ci\nUSER 0\nRUN chown -R u node_modules", "IL202:5"),
    "copied from a stage": ("FROM b AS c\nFROM a\nCOPY --from=c /x/ /y/\nRUN chown -R u /y", "IL202:4"),
    "in a stage that is not shipped": ("FROM a AS b\nCOPY . /c\nRUN chown -R u /c\nFROM a\nCOPY --from=b /c /c", ""),
    "copied in the stage below": ("FROM a AS b\nCOPY . /app\nFROM b\nRUN chown -R u /app", "IL202:4"),
    "on a mount": ("FROM a\nCOPY . /app\nRUN --mount=type=bind,target=/app chown -R u /app", ""),
    "in another shell": ('FROM a\nCOPY . /app\nSHELL ["pwsh"]\nRUN chown -R u /app', ""),
    "copied by a trigger": ("FROM a\nONBUILD COPY . /app\nRUN chown -R u /app", ""),
    # mode
    "chmod of a copied folder": ("FROM a\nCOPY x/ /x/\nRUN chmod -R 755 /x", "IL203:3"),
    "chmod of a script": ("FROM a\nCOPY run.sh /\nRUN chmod +x /run.sh", "IL203:3"),
    "chmod of a script in another folder": ("FROM a\nCOPY run.sh /x/\nRUN chmod +x /run.sh", ""),
    "chmod by taking rights away": ("FROM a\nCOPY x/ /x/\nRUN chmod -R -w /x", "IL203:3"),
    "chmod of a download": ("FROM a\nADD https://b.c/kubectl /bin/\nRUN chmod +x /bin/kubectl", "IL203:3"),
    "chmod in the RUN that downloads": ("FROM a\nRUN curl -Lo /x https://b && chmod +x /x", ""),
    # moved, copied, removed
    "mv of a copied archive": ("FROM a\nCOPY x.tgz /tmp/\nRUN mv /tmp/x.tgz /x", "IL204:3"),
    "mv of what the RUN made": ("FROM a\nCOPY . /s\nRUN make && mv /s/out /x", ""),
    "mv once, then gone": ("FROM a\nCOPY x.deb /t/\nRUN mv /t/x.deb /u\nENV a=b\nRUN rm -rf /t", "IL204:3"),
    "cp -r of a copied folder": ("FROM a\nCOPY x/ /x/\nRUN cp -a /x/. /y", "IL206:3"),
    "cp to a mount": ("FROM a\nCOPY x/ /x/\nRUN --mount=type=cache,target=/c cp -a /x/. /c/y", ""),
    "mv to a mount": ("FROM a\nCOPY x.tgz /x/\nRUN --mount=type=cache,target=/c mv /x/x.tgz /c", ""),
    "cp of a file": ("FROM a\nCOPY a.conf /x/\nRUN cp /x/a.conf /y", ""),
    "rm of a copied package": ("FROM a\nCOPY x.deb /tmp/\nRUN dpkg -i /tmp/x.deb && rm /tmp/x.deb", "IL205:3"),
    "rm of everything in a folder": ("FROM a\nADD https://b/x.deb /tmp/\nRUN y; rm -rf /tmp/*", "IL205:3"),
    "rm of a pattern": ("FROM a\nCOPY x.deb y.deb /p/\nRUN y; rm /p/*.deb", "IL205:3"),
    "rm of a pattern that does not match": ("FROM a\nCOPY x.deb y.rpm /p/\nRUN y; rm /p/*.zip", ""),
    "rm of a download": ("FROM a\nRUN wget -O /x.run b://c\nENV d=e\nRUN rm /x.run", "IL205:4"),
    "rm of a download by its own name": ("FROM a\nWORKDIR /w\nRUN wget http://b/x.db\nUSER c\nRUN rm x.db", "IL205:5"),
    "rm of what was made here": ("FROM a\nCOPY . /app\nRUN npm run build && rm -rf /app/node_modules", ""),
    "rm in a copied folder": ("FROM a\nCOPY . /app\nRUN rm -rf /app/.git", "IL205:3"),
    "rm of two files in a copied folder": ("FROM a\nCOPY . /b\nRUN rm /b/c\nENV d=e\nRUN rm /b/f", "IL205:3 IL205:5"),
    "rm in a folder that is everybody's": ("FROM a\nCOPY root/ /etc/\nRUN rm /etc/nginx/conf.d/default.conf", ""),
    "rm of what nobody stored": ("FROM a\nRUN rm -rf /var/www/html/*\nCOPY . /var/www/html", ""),
    "packages removed later": ("FROM a\nRUN apk add gcc\nCOPY . /s\nRUN make -C /s && apk del gcc", "IL205:4"),
    "packages of a group": ("FROM a\nRUN apk add -t .d gcc\nCOPY . /s\nRUN make; apk del .d", "IL205:4"),
    "packages with versions": ("FROM a\nRUN apt-get install gcc=4\nENV b=c\nRUN apt-get purge -y gcc", "IL205:4"),
    "packages of this RUN": ("FROM a\nRUN apk add gcc && make && apk del gcc", ""),
    "packages of an earlier RUN that removed them": (
        "FROM a\nRUN apk add curl && apk del curl\nENV b=c\nRUN apk add curl && apk del curl",
        "",
    ),
    "packages of the base image": ("FROM a\nRUN apt-get purge -y gcc", ""),
    # which rule speaks
    "RUNs in a row are joined": ("FROM a\nRUN wget -O /x.run b\nRUN rm /x.run", "IL201:2"),
    "an archive is unpacked": ("FROM a\nCOPY x.tgz /t/\nRUN tar xf /t/x.tgz && rm /t/x.tgz", "IL208:2"),
    "an archive from a stage": (
        "FROM b AS c\nFROM a\nCOPY --from=c x.tgz /t/\nRUN tar xf /t/x.tgz && rm /t/x.tgz",
        "IL205:4",
    ),
    # the index
    "update alone": ("FROM a\nRUN apt-get update\nENV b=c\nRUN apt-get install x", "IL207:2"),
    "update alone, in a row": ("FROM a\nRUN apt-get update\nRUN apt-get install x", "IL201:2"),
    "update again": ("FROM a\nRUN apt-get update\nENV b=c\nRUN apt-get update; apt-get install x", ""),
    "apk without the index": ("FROM a\nRUN apk update\nENV b=c\nRUN apk add --no-cache x", ""),
    "apk with the index": ("FROM a\nRUN apk update\nENV b=c\nRUN apk add x", "IL207:2"),
    "update, used at once and later": ("FROM a\nRUN apt update; apt install x\nENV b=c\nRUN apt install y", ""),
    "update in a builder": ("FROM a AS b\nRUN apk update\nUSER c\nRUN apk add x\nFROM a\nCOPY --from=b x .", "IL207:2"),
    "nothing installed": ("FROM a\nRUN apt-get update", ""),
}  # fmt: skip

PEDANTIC = {
    "a script": "FROM a\nCOPY run.sh /\nRUN chmod +x /run.sh",
    "a configuration": "FROM a\nCOPY a.conf /etc/a/\nRUN x && chown -R u /etc/a",
    "a script from a URL": "FROM a\nADD https://b/wait-for-it.sh /bin/\nRUN chmod +x /bin/wait-for-it.sh",
    "what may be a folder": "FROM b AS c\nFROM a\nCOPY --from=c /srv /srv\nRUN chmod g=u /srv",
    "a file that went to what may be a folder": "FROM a\nCOPY a.conf /etc/a\nRUN x && chown -R u /etc/a",
    "a small file removed": "FROM a\nCOPY a.conf /etc/a/\nRUN x && rm /etc/a/a.conf",
    "a program without a suffix from the context": "FROM a\nCOPY entrypoint /bin/\nRUN chmod 755 /bin/entrypoint",
}
REGULAR = {
    "a folder": "FROM a\nCOPY . /x\nRUN chmod -R 755 /x",
    "a program from a stage": "FROM b AS c\nFROM a\nCOPY --from=c /srv /srv\nRUN chmod 755 /srv",
    "a program from a stage among programs": (
        "FROM b AS c\nFROM a\nCOPY --from=c /x /usr/bin/x\nRUN chmod g=u /usr/bin/x"
    ),
    "a program from a URL": "FROM a\nADD https://b/kubectl /bin/\nRUN chmod +x /bin/kubectl",
    "an archive": "FROM a\nCOPY x.jar /x.jar\nRUN chmod a+r /x.jar",
    "a file among folders": "FROM a\nCOPY a.conf /x/\nCOPY b/ /x/b/\nRUN chmod -R 755 /x",
}

FIXES = {
    "chown by number": ("FROM a\nCOPY . /x\nRUN chown -R 1000:1000 /x\n", "FROM a\nCOPY --chown=1000:1000 . /x\n"),
    "chown by a known name": (
        "FROM a\nRUN adduser u\nCOPY . /x\nRUN chown -R u:u /x\nUSER u\n",
        "FROM a\nRUN adduser u\nCOPY --chown=u:u . /x\nUSER u\n",
    ),
    "chown by a name made too late": ("FROM a\nCOPY . /x\nRUN adduser u && chown -R u:u /x\n", None),
    "chown by a name nobody made": ("FROM a\nCOPY . /x\nRUN chown -R u:u /x\n", None),
    "chown of more than was copied": ("FROM a\nCOPY . /x/y\nRUN chown -R 1:1 /x\n", None),
    "chown with more in the RUN": ("FROM a\nCOPY . /x\nRUN chown -R 1:1 /x && y\n", None),
    "chown with something between": ("FROM a\nCOPY . /x\nENV a=b\nRUN chown -R 1:1 /x\n", None),
    "chown on top of an owner": ("FROM a\nCOPY --chown=2 . /x\nRUN chown -R 1:1 /x\n", None),
    "chmod": ("FROM a\nCOPY x.sh /x.sh\nRUN chmod +x /x.sh\n", "FROM a\nCOPY --chmod=755 x.sh /x.sh\n"),
    "chmod of what is there": ("FROM a\nCOPY x/ /x/\nRUN chmod -R u+x /x\n", None),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_findings(text: str, expected: str) -> None:
    linted = cases.linted(text, *SELECTED)
    taste = [each for each in linted.findings if each.code == "IL201" and each.persona is Persona.PEDANTIC]
    assert cases.places(linted, [each for each in linted.findings if each not in taste]) == expected


@pytest.mark.parametrize("text", PEDANTIC.values(), ids=PEDANTIC)
def test_small_files_are_left_to_the_pedantic(text: str) -> None:
    assert [each.persona for each in cases.linted(text, *SELECTED).findings] == [Persona.PEDANTIC]


@pytest.mark.parametrize("text", REGULAR.values(), ids=REGULAR)
def test_large_ones_concern_everybody(text: str) -> None:
    assert [each.persona for each in cases.linted(text, *SELECTED).findings] == [Persona.REGULAR]


@pytest.mark.parametrize(("text", "fixed"), FIXES.values(), ids=FIXES)
def test_fixes(text: str, fixed: str | None) -> None:
    (finding,) = cases.linted(text, "IL202", "IL203").findings
    if fixed is None:
        assert finding.fix is None
        return
    assert finding.fix is not None
    assert finding.fix.safety is Safety.UNSAFE
    assert apply_edits(text, finding.fix.edits) == fixed
    assert not parse(fixed).problems


def test_both_lines_are_named() -> None:
    text = "FROM a\nCOPY x.deb /t/\nCOPY y.deb /t/\nRUN y \\\n  && rm /t/x.deb /t/y.deb\n"
    linted = cases.linted(text, "IL205")
    (finding,) = linted.findings
    assert text[slice(*finding.span)] == "rm /t/x.deb /t/y.deb"
    assert [text[slice(*each.span)] for each in finding.related] == ["COPY x.deb /t/", "COPY y.deb /t/"]


def test_time_grows_with_the_file() -> None:
    """A thousand paths, in folders as deep as they may be, and a thousand commands about all of them."""
    deep = "/a" * 30
    copies = "".join(f"COPY x{number}.deb {deep}/\nCOPY y{number}/ /y{number}/\n" for number in range(1000))
    removals = "RUN " + " && ".join(f"rm -rf /a/*/* {deep}/q{number}* && chown -R 1 /" for number in range(1000))
    started = time.perf_counter()
    cases.linted(f"FROM a\n{copies}{removals}\n", *SELECTED)
    assert time.perf_counter() - started < 5


def test_all_removed_packages_are_named() -> None:
    text = "FROM a\nRUN apt-get install -y gcc git make\nENV b=c\nRUN apt-get purge -y gcc git make\n"
    (finding,) = cases.linted(text, "IL205").findings
    assert finding.message == "removes gcc, git and make, which stay in the layer that stored them"


HELPS = {
    "in octal": ("COPY x/ /x/\nRUN chmod -R 750 /x", "`COPY --chmod=750`, or the right mode in the repository"),
    "executable": ("COPY x/ /x/\nRUN chmod -R +x /x", "`COPY --chmod=755`, or the right mode in the repository"),
    "as the file's own": ("COPY x/ /x/\nRUN chmod -R g=u /x", "`COPY --chmod=…`, or the right mode in the repository"),
    "from a URL": ("ADD https://b/x /bin/\nRUN chmod +x /bin/x", "`ADD --chmod=755`"),
    "from a RUN": ("RUN curl -o /x https://b\nENV b=c\nRUN chmod +x /x", "do it in the RUN that stores them"),
}


@pytest.mark.parametrize(("text", "expected"), HELPS.values(), ids=HELPS)
def test_what_to_do_about_a_mode(text: str, expected: str) -> None:
    (finding,) = cases.linted(f"FROM a\n{text}", "IL203").findings
    assert finding.help == expected
