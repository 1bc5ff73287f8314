"""Checks that are turned off, credentials in the file, and files that everybody may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelint.finding import Persona
from imagelint.graph import BuildContext
from imagelint.text import apply_edits
from tests.rules import cases

if TYPE_CHECKING:
    from pathlib import Path

VERIFICATION = {
    "curl by a letter": ("FROM a\nRUN curl -fsSLk https://e.org/x", "IL611:2"),
    "curl, and the letter is in a value": ("FROM a\nRUN curl -okey https://e.org/x && curl -H k https://e.org", ""),
    "curl by name": ("FROM a\nRUN curl --insecure https://e.org/x", "IL611:2"),
    "curl of the machine itself": ("FROM a\nRUN curl -k https://localhost:8443/health", ""),
    "curl without a certificate to check": ("FROM a\nRUN curl -k http://e.org/x", ""),
    "curl without arguments": ("FROM a\nRUN curl", ""),
    "wget": ("FROM a\nRUN wget --no-check-certificate https://e.org/x", "IL611:2"),
    "pip's host": ("FROM a\nRUN pip install --trusted-host mirror.e.org b", "IL611:2"),
    "pip's host, with an equals sign": ("FROM a\nRUN python3 -m pip install --trusted-host=e.org b", "IL611:2"),
    "pip's host is the machine itself": ("FROM a\nRUN pip install --trusted-host localhost b", ""),
    "pip's setting": ("FROM a\nRUN pip config set global.trusted-host e.org", "IL611:2"),
    "two hosts in one RUN": ("FROM a\nRUN pip install --trusted-host e.org --trusted-host f.org b", "IL611:2"),
    "npm": ("FROM a\nRUN npm config set strict-ssl false", "IL611:2"),
    "npm with an equals sign": ("FROM a\nRUN npm set strict-ssl=false", "IL611:2"),
    "npm turns it on": ("FROM a\nRUN npm config set strict-ssl true", ""),
    "git for one command": ("FROM a\nRUN git -c http.sslVerify=false clone https://e.org/x", "IL611:2"),
    "git for good": ("FROM a\nRUN git config --global http.https://e.org.sslverify false", "IL611:2"),
    "git by a variable": ("FROM a\nRUN GIT_SSL_NO_VERIFY=1 git clone https://e.org/x", "IL611:2"),
    "git by an exported variable": ("FROM a\nRUN export GIT_SSL_NO_VERIFY=true && git clone x", "IL611:2"),
    "apt": ("FROM a\nRUN apt-get install -y --allow-unauthenticated b", "IL611:2"),
    "apt by a setting": ("FROM a\nRUN apt-get -o Acquire::https::Verify-Peer=false update", "IL611:2"),
    "apt, twice in a RUN": ("FROM a\nRUN apt-get update --force-yes \\\n && apt-get install --force-yes b", "IL611:2"),
    "a sources list": ("FROM a\nRUN echo 'deb [arch=amd64 trusted=yes] http://e.org a b' > /x.list", "IL611:2"),
    "a sources list of local files": ("FROM a\nRUN echo 'deb [trusted=yes] file:/repo ./' > /x.list", ""),
    "a sources list in a heredoc": ("FROM a\nCOPY <<E /x.list\n# b\ndeb [trusted=yes] http://e.org a b\nE", "IL611:4"),
    "a sources list of the other kind": ("FROM a\nCOPY <<E /x.sources\nTypes: deb\nTrusted: yes\nE", "IL611:4"),
    "sed puts it in": ("FROM a\nRUN sed -i s/gpgcheck=1/gpgcheck=0/g /etc/yum.repos.d/x.repo", "IL611:2"),
    "sed takes it out": ("FROM a\nRUN sed -i s/gpgcheck=0/gpgcheck=1/ /etc/yum.repos.d/x.repo", ""),
    "the signature of a repository's list": ("FROM a\nRUN printf 'gpgcheck=1\\nrepo_gpgcheck=0' > /x", ""),
    "yum": ("FROM a\nRUN yum install -y --nogpgcheck b", "IL611:2"),
    "dnf by a setting": ("FROM a\nRUN dnf install -y --setopt=tsflags=nodocs --setopt=e.gpgcheck=0 b", "IL611:2"),
    "node": ("FROM a\nENV NODE_TLS_REJECT_UNAUTHORIZED=0", "IL611:2"),
    "node, on": ("FROM a\nENV NODE_TLS_REJECT_UNAUTHORIZED=1", ""),
    "node, in the build": ("FROM a\nARG NODE_TLS_REJECT_UNAUTHORIZED=0", "IL611:2"),
    "an argument without a value": ("FROM a\nARG GIT_SSL_NO_VERIFY", ""),
    "another program's option": ("FROM a\nRUN tool -k --insecure --nogpgcheck", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), VERIFICATION.values(), ids=VERIFICATION)
def test_verification(text: str, expected: str) -> None:
    assert cases.found(text, "IL611") == expected


CREDENTIALS = {
    "in a URL": ("FROM a\nRUN git clone https://u:hunter22@e.org/x", "IL612:2"),
    "in a URL of ADD": ("FROM a\nADD https://u:hunter22@e.org/x /", "IL612:2"),
    "in a URL of ENV": ("FROM a\nENV DB=postgres://u:hunter22@e.org/x", "IL612:2"),
    "in a heredoc": ("FROM a\nRUN <<E\ngit clone https://u:hunter22@e.org/x\nE", "IL612:3"),
    "a variable": ("FROM a\nRUN git clone https://u:${PW}@e.org/x && git clone https://u:$PW@e.org", ""),
    "a placeholder": ("FROM a\nENV DB=postgres://u:<password>@e.org/x", ""),
    "a port": ("FROM a\nRUN curl http://e.org:80/x@y", ""),
    "a version behind an at sign": ("FROM a\nRUN pip install git+https://e.org/x.git@v1:b", ""),
    "a header": ("FROM a\nRUN curl -H 'Authorization: Bearer abcdef123456' https://e.org", "IL612:2"),
    "a header with a variable": ("FROM a\nRUN curl -H \"Authorization: Bearer $TOKEN\" https://e.org", ""),
    "a registry's token": ("FROM a\nRUN npm config set //e.org/:_authToken abcdef123456", "IL612:2"),
    "a registry's token by a variable": ("FROM a\nRUN echo //e.org/:_authToken=${T} > .npmrc", ""),
    "a line for a .netrc": ("FROM a\nRUN echo machine e.org login u password hunter22 > ~/.netrc", "IL612:2"),
    "chpasswd": ("FROM a\nRUN echo 'root:root' | chpasswd", "IL612:2"),
    "chpasswd by a variable": ("FROM a\nRUN echo \"root:$PW\" | chpasswd", ""),
    "chpasswd by a program": ("FROM a\nRUN echo \"root:$(pwgen | head)\" | chpasswd", ""),
    "chpasswd of a hash": ("FROM a\nRUN echo 'root:x1' | chpasswd -e", ""),
    "chpasswd locks": ("FROM a\nRUN echo 'root:*' | chpasswd", ""),
    "passwd": ("FROM a\nRUN echo hunter22 | passwd --stdin root", "IL612:2"),
    "curl's user": ("FROM a\nRUN curl -u u:hunter22 https://e.org", "IL612:2"),
    "curl's user without a password": ("FROM a\nRUN curl -u u https://e.org && curl -u u:$PW https://e.org", ""),
    "wget's password": ("FROM a\nRUN wget --http-password=hunter22 https://e.org", "IL612:2"),
    "a token by its beginning": ("FROM a\nENV A=ghp_" + "aB3" * 12, "IL612:2"),
    "a token that IL601 reports": ("FROM a\nENV GITHUB_TOKEN=ghp_" + "aB3" * 12, ""),
    "no token": ("FROM a\nENV A=npm_config_cache B=hf_home C=AKIA", ""),
    "the example of a token": ("FROM a\nENV A=AKIAIOSFODNN7EXAMPLE", ""),
    "a comment": ("FROM a\n# https://u:hunter22@e.org\nRUN b", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials(text: str, expected: str) -> None:
    assert cases.found(text, "IL612") == expected


def test_a_message_does_not_repeat_the_secret() -> None:
    token = "ghp_" + "aB3" * 12
    text = (
        "FROM a\nRUN git clone https://u:hunter22@e.org/x && echo root:hunter22 | chpasswd"
        f" && curl -u u:hunter22 {token}"
    )
    findings = cases.linted(text, "IL612").findings
    assert len(findings) == 4
    for each in findings:
        said = f"{each.message} {each.note} {each.help}"
        assert "hunter22" not in said
        assert token not in said


FILES = {
    "a private key": ("FROM a\nCOPY id_rsa /root/.ssh/", "IL613:2"),
    "a private key and the public one": ("FROM a\nCOPY keys/id_ed25519 keys/id_ed25519.pub /root/.ssh/", "IL613:2"),
    "a private key by a glob": ("FROM a\nCOPY id_rsa* /root/.ssh/", "IL613:2"),
    "from another stage": ("FROM b AS x\nFROM a\nCOPY --from=x id_rsa /", ""),
    "a file of variables": ("FROM a\nADD .env /app/", "IL613:2"),
    "the example of one": ("FROM a\nCOPY .env.example /app/.env", ""),
    "a dotted name that ends like one": ("FROM a\nCOPY bin/tool.env /app/", ""),
    "a key for TLS": ("FROM a\nCOPY tls/server.key /", "IL613:2"),
    "a key beside its certificate": ("FROM a\nCOPY e.crt e.key /", "IL613:2"),
    "the key of a repository": ("FROM a\nCOPY apt/docker-release.key public.key jenkins.gpg.key /", ""),
    "a key in a PEM file": ("FROM a\nCOPY privkey.pem server-key.pem /", "IL613:2 IL613:2"),
    "certificates": ("FROM a\nCOPY ca.pem fullchain.pem dhparams.pem e.crt truststore.p12 /", ""),
    "credentials of AWS": ("FROM a\nCOPY .aws/credentials /root/.aws/credentials", "IL613:2"),
    "credentials of Docker": ("FROM a\nCOPY home/.docker/config.json /root/.docker/", "IL613:2"),
    "a URL": ("FROM a\nADD https://e.org/server.key /", ""),
    "an inline file": ("FROM a\nCOPY <<.env /app/\nA=b\n.env", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FILES.values(), ids=FILES)
def test_files(text: str, expected: str) -> None:
    assert cases.found(text, "IL613") == expected


def test_a_file_that_the_build_does_not_see(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text(".env\n")
    assert cases.found("FROM a\nCOPY .env /", "IL613", context=BuildContext(context_dir=str(tmp_path))) == ""


RIGHTS = {
    "everything for everybody": ("FROM a\nRUN chmod -R 777 /app", "IL614:2"),
    "write for everybody": ("FROM a\nRUN chmod a+w /app && chmod u=rw,o=rw /b", "IL614:2 IL614:2"),
    "run for everybody": ("FROM a\nRUN chmod a+x /app && chmod 755 /b && chmod g=u,o=r /c && chmod +w /d", ""),
    "the sticky bit": ("FROM a\nRUN chmod 1777 /app && chmod a+rwx,+t /b", ""),
    "without the sticky bit": ("FROM a\nRUN chmod 2777 /app && chmod 0666 /b", "IL614:2 IL614:2"),
    "options behind": ("FROM a\nRUN chmod 777 -R /app", "IL614:2"),
    "rights are taken": ("FROM a\nRUN chmod o-w /app && chmod -w /app && chmod", ""),
    "a folder is made so": (
        "FROM a\nRUN mkdir -p -m 777 /a && mkdir -m0777 /b && install -d --mode=777 /c",
        "IL614:2 IL614:2 IL614:2",
    ),
    "a folder is made otherwise": ("FROM a\nRUN mkdir -pm755 /a && install -m 0644 777 /c && mkdir -m", ""),
    "copied so": ("FROM a\nCOPY --chmod=777 a /a", "IL614:2"),
    "copied otherwise": ("FROM a\nCOPY --chmod=755 777 /a", ""),
    "a mode in a variable": ("FROM a\nRUN chmod $MODE /a", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RIGHTS.values(), ids=RIGHTS)
def test_rights(text: str, expected: str) -> None:
    assert cases.found(text, "IL614") == expected


PEDANTIC = {
    "a checksum behind the download": ("FROM a\nRUN curl -kO https://e.org/x && sha256sum -c x.sha256", True),
    "a checksum before the download": ("FROM a\nRUN sha256sum -c y && curl -kO https://e.org/x", False),
    "a signature behind the download": ("FROM a\nRUN curl -kO https://e.org/x && gpg --batch --verify x.asc x", True),
    "gpg that imports": ("FROM a\nRUN curl -k https://e.org/key | gpg --import", False),
    "hashes for pip": ("FROM a\nRUN pip install --require-hashes --trusted-host e.org -r r.txt", True),
    "a package that is there": ("FROM a\nRUN apk add --allow-untrusted ./x.apk", True),
    "a package of a server": ("FROM a\nRUN yum install --nogpgcheck https://e.org/x.rpm", False),
    "a password for a test": ("FROM a\nENV DB=postgres://postgres:postgres@e.org/x", True),
    "a password for the machine itself": ("FROM a\nENV DB=postgres://u:hunter22@localhost:5432/x", True),
    "a password for a server": ("FROM a\nENV DB=postgres://u:hunter22@db.e.org/x", False),
    "a project's .npmrc": ("FROM a\nCOPY .npmrc ./", True),
    "the user's .npmrc": ("FROM a\nCOPY .npmrc /root/.npmrc", False),
    "files of variables for each mode": ("FROM a\nCOPY .env.production ./", True),
    "a key for tests": ("FROM a\nCOPY tests/server.key /", True),
    "a key that may be public": ("FROM a\nCOPY e.key /", True),
    "a key beside its certificate": ("FROM a\nCOPY e.key e.crt /", False),
    "a key in a builder": ("FROM a AS b\nCOPY id_rsa /\nFROM a", True),
    "rights below /run": ("FROM a\nRUN chmod 777 /var/run/postgresql", True),
    "rights of both": ("FROM a\nRUN chmod 777 /run/x /data", False),
    "rights in a builder": ("FROM a AS b\nRUN chmod 777 /data\nFROM a", True),
}  # fmt: skip


@pytest.mark.parametrize(("text", "pedantic"), PEDANTIC.values(), ids=PEDANTIC)
def test_opinions(text: str, pedantic: bool) -> None:
    (finding,) = cases.linted(text, "IL61").findings
    assert (finding.persona is Persona.PEDANTIC) is pedantic


NARROWER = {
    "a script": ("RUN chmod 777 /entrypoint.sh", "RUN chmod 755 /entrypoint.sh"),
    "a copied program": ("COPY --chmod=0777 tool /usr/local/bin/tool", "COPY --chmod=0755 tool /usr/local/bin/tool"),
    "a folder": ("RUN chmod 777 /data", None),
    "letters": ("RUN chmod a+rwx /entrypoint.sh", None),
}


@pytest.mark.parametrize(("text", "expected"), NARROWER.values(), ids=NARROWER)
def test_narrower_rights(text: str, expected: str | None) -> None:
    result = cases.linted(f"FROM a\n{text}", "IL614")
    (finding,) = result.findings
    assert (apply_edits(result.source.text, finding.fix.edits) if finding.fix else None) == (
        f"FROM a\n{expected}\n" if expected else None
    )
