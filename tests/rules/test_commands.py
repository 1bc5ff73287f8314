"""Commands without an effect, and what exec form does not do."""

from __future__ import annotations

import pytest

from imagelint.finding import Persona
from imagelint.text import apply_edits
from tests.rules import cases

STATE = {
    "a variable": ("FROM a\nRUN export A=b", "IL811:2"),
    "a bare assignment": ("FROM a\nRUN A=b", "IL811:2"),
    "a variable that is used": ("FROM a\nRUN export A=b && make", ""),
    "a variable of a program": ("FROM a\nRUN A=$(make)", ""),
    "a variable at the end": ("FROM a\nRUN set -e; make && export A=b", "IL811:2"),
    "variables that are printed": ("FROM a\nRUN export -p > /env", ""),
    "an alias": ("FROM a\nRUN alias ll='ls -l'", "IL811:2"),
    "aliases that are printed": ("FROM a\nRUN alias", ""),
    "a limit": ("FROM a\nRUN ulimit -n 65536", "IL811:2"),
    "limits that are printed": ("FROM a\nRUN ulimit -a", ""),
    "a umask": ("FROM a\nRUN umask 0002", "IL811:2"),
    "an environment": ("FROM a\nRUN . venv/bin/activate", "IL811:2"),
    "an environment for a command": ("FROM a\nRUN . venv/bin/activate && pip install x", ""),
    "an environment at the end": ("FROM a\nRUN conda create -n e && conda activate e", "IL811:2"),
    "a profile at the end": ("FROM a\nRUN echo 'export A=b' >> ~/.bashrc && source ~/.bashrc", "IL811:2"),
    "a script at the end": ("FROM a\nRUN make && . ./install", ""),
    "an option at the end": ("FROM a\nRUN set -x; make; set +x", ""),
    "an option alone": ("FROM a\nRUN set -x", "IL811:2"),
    "a folder, which is another rule's": ("FROM a\nRUN export A=b && cd /x", ""),
    "a folder and a variable": ("FROM a\nRUN cd /x && export A=b", "IL811:2"),
    "a variable in a branch": ("FROM a\nRUN if b; then export A=c; fi", ""),
    "another user": ("FROM a\nRUN useradd b && su - b", "IL811:2"),
    "another user's command": ("FROM a\nRUN su - b -c make && su b -c 'export A=b'", ""),
    "another user's script": ("FROM a\nRUN su b <<E\nmake\nE", ""),
    "a shell that is no POSIX one": ('FROM a\nSHELL ["powershell"]\nRUN set x', ""),
    "behind ONBUILD": ("FROM a\nONBUILD RUN export A=b", "IL811:2"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STATE.values(), ids=STATE)
def test_state(text: str, expected: str) -> None:
    assert cases.found(text, "IL811") == expected


EXEC_FORM = {
    "a variable of the file": ('FROM a\nENV P=1\nCMD ["b", "--port=${P}"]', "IL812:3"),
    "each word with one": ('FROM a\nENV P=1\nENTRYPOINT ["b", "$P", "$P"]', "IL812:3 IL812:3"),
    "an argument": ('FROM a\nARG P\nRUN ["b", "$P"]', "IL812:3"),
    "a health check": ('FROM a\nENV P=1\nHEALTHCHECK CMD ["b", "localhost:$P"]', "IL812:3"),
    "with a modifier": ('FROM a\nENV P=1\nCMD ["b", "${P:-2}"]', "IL812:3"),
    "of the stage that it is built on": ('FROM a AS x\nENV P=1\nFROM x\nCMD ["b", "$P"]', "IL812:4"),
    "behind ONBUILD": ('FROM a\nENV P=1\nONBUILD CMD ["b", "$P"]', "IL812:3"),
    "in shell form": ("FROM a\nENV P=1\nCMD b $P", ""),
    "for a shell": ('FROM a\nENV P=1\nCMD ["/bin/sh", "-c", "b $P"]', ""),
    "for a shell behind an init": ('FROM a\nENV P=1\nENTRYPOINT ["tini", "--", "bash", "-c", "b $P"]', ""),
    "for a shell of ENTRYPOINT": ('FROM a\nENV P=1\nENTRYPOINT ["sh", "-c"]\nCMD ["b $P"]', ""),
    "for a shell that was reset": (
        'FROM a AS x\nENTRYPOINT ["sh", "-c"]\nFROM x\nENTRYPOINT []\nENV P=1\nCMD ["b", "$P"]',
        "IL812:6",
    ),
    "for PowerShell": ('FROM a\nENV P=1\nCMD ["C:\\\\x\\\\powershell.exe", "b $P"]', ""),
    "for a program that expands it": ('FROM a\nENV P=1\nCMD ["envsubst", "$P"]', ""),
    "the end of a pattern": ('FROM a\nCMD ["b", "^c$", "$$P", "a$1"]', ""),
    "an empty array": ("FROM a\nCMD []", ""),
    # a command line in one string
    "a command line": ('FROM a\nCMD ["node app.js"]', "IL813:2"),
    "a command line and more": ('FROM a\nENTRYPOINT ["java -jar", "x.jar"]', "IL813:2"),
    "a command line of RUN": ('FROM a\nRUN ["apt-get update"]', "IL813:2"),
    "a command line of a health check": ('FROM a\nHEALTHCHECK CMD ["curl localhost"]', "IL813:2"),
    "an argument of ENTRYPOINT": ('FROM a\nENTRYPOINT ["sh", "-c"]\nCMD ["node app.js"]', ""),
    "an argument of the base's ENTRYPOINT": ('FROM a AS x\nENTRYPOINT ["b"]\nFROM x\nCMD ["c d"]', ""),
    "an argument with blanks": ('FROM a\nCMD ["echo", "a b"]', ""),
    "a blank at the end": ('FROM a\nCMD ["echo "]', ""),
    "a folder of Windows": ('FROM a\nCMD ["C:\\\\Program Files\\\\x.exe"]', ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), EXEC_FORM.values(), ids=EXEC_FORM)
def test_exec_form(text: str, expected: str) -> None:
    assert cases.found(text, "IL812", "IL813") == expected


PEDANTIC = {
    "a script that may do anything": ("FROM a\nRUN . ./install", True),
    "a script that sets variables": ("FROM a\nRUN . /opt/esp/export.sh && . ~/.bashrc", True),
    "a variable of the container": ('FROM a\nCMD ["b", "$PORT"]', True),
    "a variable of the file": ('FROM a\nENV PORT=1\nCMD ["b", "$PORT"]', False),
    "a variable for a script": ('FROM a\nENV P=1\nENTRYPOINT ["/entrypoint.sh"]\nCMD ["b", "$P"]', True),
    "the search path": ('FROM a\nCMD ["b", "$PATH"]', False),
}  # fmt: skip


@pytest.mark.parametrize(("text", "pedantic"), PEDANTIC.values(), ids=PEDANTIC)
def test_opinions(text: str, pedantic: bool) -> None:
    (finding,) = cases.linted(text, "IL81").findings
    assert (finding.persona is Persona.PEDANTIC) is pedantic


FIXES = {
    "a variable": ("RUN export A=b", "IL811", "ENV A=b"),
    "a search path": ("RUN export PATH=$PATH:/x", "IL811", "ENV PATH=$PATH:/x"),
    "two variables": ("RUN export A=b C=d", "IL811", None),
    "quotes": ("RUN export A='b c'", "IL811", None),
    "flags": ("RUN --network=none export A=b", "IL811", None),
    "plain words": ('CMD ["node app.js"]', "IL813", 'CMD ["node", "app.js"]'),
    "shell syntax": ('CMD ["node app.js | b"]', "IL813", None),
}


@pytest.mark.parametrize(("text", "code", "expected"), FIXES.values(), ids=FIXES)
def test_fixes(text: str, code: str, expected: str | None) -> None:
    result = cases.linted(f"FROM a\n{text}", code)
    (finding,) = result.findings
    fixed = apply_edits(result.source.text, finding.fix.edits) if finding.fix else None
    assert fixed == (f"FROM a\n{expected}\n" if expected else None)


def test_a_missing_separator_is_named() -> None:
    (finding,) = cases.linted("FROM a\nRUN set -ex \\\n    chmod +x /b", "IL811").findings
    assert finding.help is not None
    assert "&&" in finding.help
