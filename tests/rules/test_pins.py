"""Versions that are not pinned: what counts as one for each package manager, and what cannot be told."""

from __future__ import annotations

import pytest

from tests.rules import cases

PINS = ("IL50", "IL51")

CASES = {
    # apt
    "apt: one of two": ("RUN apt-get install -y a=1 b", "IL501:2"),
    "apt: by path, behind sudo and env": ("RUN sudo env A=b /usr/bin/apt-get install b", "IL501:2"),
    "apt: version, release, file, removal": ("RUN apt-get install a=1* b/stable ./c.deb /d/e.deb f-", ""),
    "apt: an option's value": ("RUN apt-get install -t stable -o A::B=c -yt sid a=1", ""),
    "apt: another subcommand": ("RUN apt-get remove a && apt-get update && apt-get build-dep b", ""),
    "apt: options in front": ("RUN apt-get -o A=b -y install a", "IL501:2"),
    "apt: behind two dashes": ("RUN apt-get install -y -- a", "IL501:2"),
    "apt: a command in each branch": ("RUN if a; then apt-get install b; else apt-get install c=1; fi", "IL501:2"),
    "apt: on the line of the package": ("RUN apt-get install \\\n  a=1 \\\n  b \\\n  c", "IL501:4"),
    "apt: in a text": ("RUN echo apt-get install a", ""),
    "apt: exec form": ('RUN ["apt-get", "install", "a"]', "IL501:2"),
    "apt: a trigger": ("ONBUILD RUN apt-get install a", "IL501:2"),
    "apt: another shell": ('SHELL ["pwsh"]\nRUN apt-get install a', ""),
    # variables
    "a variable that nobody shows": ("RUN apt-get install $A ${B} \"$C\" $(cat list) `cat list`", ""),
    "a variable of ENV": ('ENV P="a b=1"\nRUN apt-get install $P', "IL501:3"),
    "a variable of ENV, all pinned": ('ENV P="a=2 b=1"\nRUN apt-get install ${P}', ""),
    "a variable of the script": ("RUN p='a b' && apt-get install $p", "IL501:2"),
    "an exported variable": ("RUN export P=a=1; apt-get install $P", ""),
    "a variable that grows": ("RUN p='a=1'; p+=' b'; apt-get install $p", "IL501:2"),
    "a variable within a word": ('ENV V="=1"\nRUN apt-get install a$V', ""),
    "an ARG that the build gives": ("ARG V\nENV V=$V\nRUN go install a.b/c@v$V", ""),
    # apk
    "apk: a virtual package": ("RUN apk add --virtual .a -t .b -Ut .c d=1", ""),
    "apk: all kinds of bounds": ("RUN apk add 'a~=1' 'b>2' 'c<3' d~4 e.apk !f", ""),
    "apk: a repository's tag": ("RUN apk add a@edge", "IL502:2"),
    "apk: options in front": ("RUN apk --no-cache add a", "IL502:2"),
    # rpm
    "yum: name and version": ("RUN yum install -y a-1.2 b-c-1:2.3-4.el9.x86_64 d-2.*", ""),
    "yum: a number in the name": ("RUN yum install -y java-11-openjdk", "IL503:2"),
    "yum: no version": ("RUN yum -y install rpm-sign", "IL503:2"),
    "yum: a release that is a word": ("RUN yum install -y a-1.2-lp150.1", ""),
    "yum: a file, a group, a bound": ("RUN yum install -y https://a/b.rpm @c 'd >= 1' \"e = 2\"", ""),
    "yum: a group's packages": ("RUN yum groupinstall -y a && yum group install b", ""),
    "yum: a declared variable": ("FROM a\nARG V\nRUN yum install -y b-$V", ""),
    "yum: another stage's variable": ("FROM a\nARG V\nFROM a\nRUN yum install -y b-$V", "IL503:4"),
    "yum: what a command prints": ("RUN yum install -y kernel-devel-$(uname -r)", ""),
    "yum: a module": ("RUN yum module install -y a:1 b", "IL503:2"),
    "yum: an option's value": ("RUN yum install -y --enablerepo epel --setopt a=b c-1", ""),
    "dnf and its like": ("RUN dnf install a; dnf5 install a; microdnf install a; tdnf install a", "IL504 " * 4),
    "not dnf": ("RUN notdnf install a", ""),
    "zypper: short and long": ("RUN zypper -n in a; zypper install b=1 'c>2' d.rpm", "IL505:2"),
    "zypper: a pattern": ("RUN zypper in -t pattern devel_basis", ""),
    # pip
    "pip: any bound": ("RUN pip install a==1 'b>=1' 'c~=2' 'd!=3' 'e[f]<4' g===5", ""),
    "pip: a marker is no bound": ("RUN pip install 'a; python_version<\"3\"'", "IL511:2"),
    "pip: beside a file": ("RUN pip install -r a.txt b", "IL511:2"),
    "pip: files and folders": ("RUN pip install . .[dev] ./a b/c d.whl https://e/f ~/g -e h", ""),
    "pip: constraints": ("RUN pip install -c a b && pip install --constraint=c d", ""),
    "pip: constraints of the environment": ("ENV PIP_CONSTRAINT=/a\nRUN pip install b", ""),
    "pip: constraints of the command": ("RUN PIP_CONSTRAINT=/a pip install b", ""),
    "pip: a commit": ("RUN pip install git+https://a/b@c 'd @ git+ssh://git@e/f@1' git+git@a:b@c", ""),
    "pip: a user is no commit": ("RUN pip install git+ssh://git@a/b", "IL511:2"),
    "pip: a VCS inside of a name": ("RUN pip install gitpython", "IL511:2"),
    "pip: other spellings": ("RUN pip3.12 install a; python3 -m pip install b; pipx install c", "IL511 IL511 IL511"),
    "pip: uv": ("RUN uv pip install a; uv tool install b; uv add c; uv sync", "IL511 IL511 IL511"),
    "pip: python that runs something else": ("RUN python -m build install a && python x.py pip install b", ""),
    "pip: download": ("RUN pip download a && pip --version && pipenv install b", ""),
    # npm
    "npm: short names": ("RUN npm i a; npm add b; npm --prefix x install c", "IL512 IL512 IL512"),
    "npm: versions": ("RUN npm i a@1 @b/c@^2 @d/e@'>=1 <2' f@$V npm:g@1 h@npm:i@2", ""),
    "npm: a scope is no version": ("RUN npm install @a/b", "IL512:2"),
    "npm: a tag": ("RUN npm i a@latest @b/c@next", "IL512:2"),
    "npm: folders and archives": ("RUN npm i . ./a ../b /c ~/d file:e f.tgz https://g/h.tar.gz https://i/j", ""),
    "npm: repositories": ("RUN npm i a/b#1 github:c/d#e git+ssh://git@f/g#h && npm i i/j", "IL512:2"),
    "npm: no package": ("RUN npm ci && npm install && npm install --omit dev && npm run install", ""),
    "npm: its like": ("RUN pnpm add a; yarn add b; yarn global add c; bun add d; yarn install", "IL512 " * 4),
    # gem
    "gem: a switch has no value": ("RUN gem install --no-document a", "IL513:2"),
    "gem: versions": ("RUN gem install a:1; gem i b -v 1; gem install --version=2 c; gem install d.gem", ""),
    "gem: options of the build": ("RUN gem install a:1 -- --with-b /c", ""),
    "gem: a file": ("RUN gem install -g Gemfile; gem update", ""),
    # go
    "go: moving versions": ("RUN go install a.b/c@latest d.e/f@main g.h/i@v1 j.k/l@0123abc", "IL514:2"),
    "go: its own, and files": ("RUN go install ./... && go run main.go && go get -u all && go install std cmd/vet", ""),
    "go: no version": ("RUN go install a.b/c", "IL514:2"),
    "go: no version in a module": ("COPY . .\nRUN go install a.b/c && go run d.e/f", ""),
    "go: no version in a module that is mounted": ("RUN --mount=target=. go install a.b/c", ""),
    "go: get changes the module": ("COPY . .\nRUN go get a.b/c", "IL514:3"),
    "go: the program's own arguments": ("RUN go run a.b/c@v1 d.e/f", ""),
    "go: an option's value": ("RUN go install -ldflags -s -tags a b.c/d@v1", ""),
    # conda, cargo
    "conda": ("RUN conda install -n a -c b c=1 'd>2' e::f==3 && mamba install g", "IL515:2"),
    "cargo": ("RUN cargo install a@1; cargo install b --version 1; cargo install --path .; cargo install c", "IL516:2"),
}  # fmt: skip


def staged(text: str) -> str:
    """A case's text with a FROM in front, where it has none."""
    return text if text.startswith("FROM") else "FROM a\n" + text


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_pins(text: str, expected: str) -> None:
    found = cases.found(staged(text), *PINS)
    assert found == expected or " ".join(each.partition(":")[0] for each in found.split()) == expected.strip()


ALIASES = {
    "hadolint knows apt-get": ("RUN apt-get install a", "DL3008"),
    "and not apt": ("RUN apt install a", ""),
    "yum": ("RUN yum install a", "DL3033"),
    "dnf and microdnf, not tdnf": ("RUN dnf install a; microdnf install a; tdnf install a", "DL3041 DL3041"),
    "zypper": ("RUN zypper in a", "DL3037"),
    "pip": ("RUN pip install a; pipx install b; uv tool install c", "DL3013 DL3013"),
    "not beside a file": ("RUN pip install -r a b; pip install . c", ""),
    "npm, not its like": ("RUN npm i a; yarn add b; pnpm add c", "DL3016"),
    "a tag is a version for it": ("RUN npm i a@latest b", "DL3016"),
    "a branch too, but not latest": ("RUN go install a.b/c@latest; go install a.b/c@main", "DL3062"),
}


@pytest.mark.parametrize(("text", "expected"), ALIASES.values(), ids=ALIASES)
def test_aliases(text: str, expected: str) -> None:
    assert cases.aliases(staged(text), *PINS) == expected


def test_a_finding_names_the_packages_and_points_at_the_first() -> None:
    linted = cases.linted("FROM a\nRUN apk add a=1 b c d e f g", "IL502")
    (finding,) = linted.findings
    assert finding.message == "no version is given for b, c, d, e and 2 more"
    assert linted.source.text[slice(*finding.span)] == "b"


def test_values_that_grow_end_in_time() -> None:
    """Each word stands for 4,000 packages, and there are 2,000 words."""
    text = f"FROM a\nENV A='{'a ' * 2_000}'\nRUN apt-get install {'$A ' * 2_000}\n" * 5
    assert cases.found(text, "IL50")


def test_long_lists_of_commands_end_in_time() -> None:
    text = "FROM a\n" + "ARG V\nRUN p=a; yum install b-$V $p && apt-get install c\n" * 2_000
    assert len(cases.linted(text, "IL50", "IL52").findings) > 2_000
