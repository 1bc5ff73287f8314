"""ADD where COPY would do, COPY of several sources, archives, the order of COPY and install."""

from __future__ import annotations

import pytest

from imagelint.finding import Persona, Safety, Severity
from tests.rules import cases

SUM = "sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d"

ADDS = {
    "a file": ("FROM a\nADD b /c", "DL3020"),
    "a folder": ("FROM a\nADD b/ /c/", "DL3020"),
    "a file among archives": ("FROM a\nADD b.tar c.txt /d/", "DL3020"),
    "a zip file": ("FROM a\nADD b.zip /c", "DL3020"),
    "in quotes": ('FROM a\nADD "b.txt" /c', "DL3020"),
    "in JSON": ('FROM a\nADD ["b c", "/d"]', "DL3020"),
    "in a trigger": ("FROM a\nONBUILD ADD b /c", "DL3020"),
    "a variable that is a file": ("FROM a\nARG B=b.txt\nADD $B /c", "DL3020"),
    "an inline file": ("FROM a\nADD <<E /c\nb\nE", "DL3020"),
    "an archive": ("FROM a\nADD b.tar.gz /c", ""),
    "an archive in quotes": ('FROM a\nADD "b.tgz" /c', ""),
    "an archive that hadolint does not know": ("FROM a\nADD b.tar.zst /c", ""),
    "a URL": ("FROM a\nADD https://b/c /d", ""),
    "a repository": ("FROM a\nADD git@github.com:b/c.git /d", ""),
    "a repository by git's protocol": ("FROM a\nADD git://b/c.git#v1 /d", ""),
    "a variable that is a URL": ("FROM a\nARG B=https://b/c\nADD $B /d", ""),
    "a variable that nobody knows": ("FROM a\nARG B\nADD $B /d", ""),
}
ADD_FIXES = {
    "a script": ("FROM a\nADD b.sh /\n", Safety.SAFE),
    "a folder": ("FROM a\nADD b/ /c/\n", Safety.SAFE),
    "what may be an archive": ("FROM a\nADD rootfs /\n", Safety.UNSAFE),
    "a pattern": ("FROM a\nADD b* /\n", Safety.UNSAFE),
    "an archive beside it": ("FROM a\nADD b.sh c.tar /\n", None),
    "a flag that COPY lacks": (f"FROM a\nADD --checksum={SUM} b.sh /\n", None),
}
SEVERAL = {
    "to a file": ("FROM a\nCOPY b c /d", "IL210:2"),
    "in quotes": ('FROM a\nCOPY b c "/d"', "IL210:2"),
    "by a variable": ("FROM a\nENV D=/d\nCOPY b c $D", "IL210:3"),
    "to a folder": ("FROM a\nCOPY b c /d/", ""),
    "to a folder in quotes": ('FROM a\nCOPY b c "d/"', ""),
    "to here": ("FROM a\nCOPY b c .", "IL210:2"),
    "to a folder by a variable": ("FROM a\nENV D=/d/\nCOPY b c ${D}", ""),
    "by a variable that nobody knows": ("FROM a\nCOPY b c $D", ""),
    "one source": ("FROM a\nCOPY b /c", ""),
}
ARCHIVES = {
    "by its path": ("FROM a\nCOPY b.tar.gz /c/\nRUN tar -xf /c/b.tar.gz", "IL208:2"),
    "by a long option": ("FROM a\nCOPY b.tar /c/\nRUN tar --extract -f b.tar", "IL208:2"),
    "bundled options without a dash": ("FROM a\nCOPY b.tgz /c/\nRUN tar xzf /c/b.tgz", "IL208:2"),
    "by its name in the image": ("FROM a\nCOPY b /c/d.tar\nRUN tar xf /c/d.tar", "IL208:2"),
    "not by its name outside": ("FROM a\nCOPY b.tar /c/d.tar\nRUN tar xf b.tar", ""),
    "on Windows": ('FROM a\nCOPY b\\c.tar.gz "C:\\d"\nRUN tar -xf "C:\\d\\c.tar.gz"', "IL208:2"),
    "a compressed file": ("FROM a\nCOPY b.gz /c/\nRUN gunzip /c/b.gz", "IL208:2"),
    "packed and not unpacked": ("FROM a\nCOPY b.tar /c/\nRUN tar cf b.tar --exclude=x /d", ""),
    "another one": ("FROM a\nCOPY b.tar /c/\nRUN tar xf d.tar", ""),
    "in another stage": ("FROM a\nCOPY b.tar /c/\nFROM a\nRUN tar xf b.tar", ""),
    "from a stage": ("FROM a AS b\nFROM a\nCOPY --from=b c.tar /\nRUN tar xf /c.tar", "IL208:3"),
    "from a stage, removed later": ("FROM a AS b\nFROM a\nCOPY --from=b c.tar /\nRUN tar xf /c.tar && rm /c.tar", ""),
    "from a stage, in a builder": (
        "FROM a AS b\nFROM a AS d\nCOPY --from=b c.tar /\nRUN tar xf /c.tar\nFROM a\nCOPY --from=d /x /",
        "",
    ),
    "from a URL": ("FROM a\nADD https://x/c.tgz /d/\nRUN tar xzf /d/c.tgz", "IL208:2"),
    "from a URL, removed later": ("FROM a\nADD https://x/c.tgz /d/\nRUN tar xzf /d/c.tgz && rm /d/c.tgz", ""),
    "from a URL, unpacked by ADD": ("FROM a\nADD --unpack https://x/c.tgz /d/\nRUN tar xzf /d/c.tgz", ""),
    "twice, told once": ("FROM a\nCOPY b.tar /c/\nRUN tar xf b.tar\nRUN tar xf b.tar", "IL208:2"),
}
ORDER = {
    "npm": ("FROM a\nCOPY . .\nRUN npm ci", "IL211:2"),
    "yarn without a word": ("FROM a\nCOPY . .\nRUN yarn", "IL211:2"),
    "pip": ("FROM a\nADD . /a\nRUN pip install --no-cache-dir -r /a/requirements.txt", "IL211:2"),
    "uv": ("FROM a\nCOPY ./ .\nRUN uv sync --frozen", "IL211:2"),
    "bundle": ("FROM a\nCOPY . .\nRUN bundle config x y && bundle install", "IL211:2"),
    "go": ("FROM a\nCOPY . .\nRUN go mod download", "IL211:2"),
    "maven": ("FROM a\nCOPY . .\nRUN ./mvnw -B dependency:go-offline", "IL211:2"),
    "with something between": ("FROM a\nCOPY . .\nENV a=b\nRUN x\nRUN npm install", "IL211:2"),
    "in a builder": ("FROM a AS b\nCOPY . .\nRUN npm ci\nFROM a\nCOPY --from=b x x", "IL211:2"),
    "a folder with its manifest": ("FROM a\nCOPY web /web\nWORKDIR /web\nRUN npm ci", "IL211:2"),
    "another folder": ("FROM a\nCOPY web /web\nWORKDIR /api\nRUN npm ci", ""),
    "the manifest first": ("FROM a\nCOPY package.json .\nRUN npm ci\nCOPY . .\nRUN npm run build", ""),
    "installed before, and again": ("FROM a\nCOPY package.json .\nRUN npm ci\nCOPY . .\nRUN npm ci", ""),
    "packages by name": ("FROM a\nCOPY . .\nRUN npm install -g pm2 && npm i x && yarn add y && pip install z", ""),
    "pip of the sources": ("FROM a\nCOPY . .\nRUN pip install .", ""),
    "a cache mount": ("FROM a\nCOPY . .\nRUN --mount=type=cache,target=/root/.npm npm ci", ""),
    "from a stage": ("FROM a AS b\nFROM a\nCOPY --from=b . .\nRUN npm ci", ""),
    "sources after all": ("FROM a\nRUN npm ci\nCOPY . .", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ADDS.values(), ids=ADDS)
def test_add(text: str, expected: str) -> None:
    assert cases.aliases(text, "IL209") == expected


@pytest.mark.parametrize(("text", "safety"), ADD_FIXES.values(), ids=ADD_FIXES)
def test_add_becomes_copy(text: str, safety: Safety | None) -> None:
    (finding,) = cases.linted(text, "IL209").findings
    assert (finding.fix.safety if finding.fix else None) is safety


@pytest.mark.parametrize(("text", "expected"), SEVERAL.values(), ids=SEVERAL)
def test_several_sources(text: str, expected: str) -> None:
    assert cases.found(text, "IL210") == expected


@pytest.mark.parametrize(
    ("target", "persona"), [(".", Persona.PEDANTIC), ("/d/..", Persona.PEDANTIC), ("/d", Persona.REGULAR)]
)
def test_a_folder_without_a_slash_is_left_to_the_pedantic(target: str, persona: Persona) -> None:
    assert [each.persona for each in cases.linted(f"FROM a\nCOPY b c {target}", "IL210").findings] == [persona]


def test_a_flag_without_value_is_an_error_of_its_own() -> None:
    assert cases.found("FROM a AS b\nFROM a\nCOPY --from b /x/* /y", "IL210") == "IL001:3"


def test_add_of_plain_files_does_not_break_a_build() -> None:
    (finding,) = cases.linted("FROM a\nADD b.txt /c", "IL209").findings
    assert finding.severity is Severity.WARNING


def test_hadolint_sees_archives_of_the_context_alone() -> None:
    assert cases.aliases("FROM a\nCOPY c.tar /\nRUN tar -xf /c.tar", "IL208") == "DL3010"
    assert cases.aliases("FROM a\nADD https://x/c.tar /\nRUN tar -xf /c.tar", "IL208") == ""


@pytest.mark.parametrize(("text", "expected"), ARCHIVES.values(), ids=ARCHIVES)
def test_archives(text: str, expected: str) -> None:
    assert cases.found(text, "IL208") == expected


def test_an_archive_in_a_builder_is_left_to_the_pedantic() -> None:
    text = "FROM a AS b\nCOPY c.tar /\nRUN tar xf /c.tar\nFROM a\nCOPY --from=b /d /d"
    assert [each.persona for each in cases.linted(text, "IL208").findings] == [Persona.PEDANTIC]


@pytest.mark.parametrize(("text", "expected"), ORDER.values(), ids=ORDER)
def test_order(text: str, expected: str) -> None:
    assert cases.found(text, "IL211") == expected


def test_a_build_that_fetches_on_the_way_is_left_to_the_pedantic() -> None:
    for build in ("cargo build --release", "mvn -q package", "./gradlew build", "go build ./..."):
        (finding,) = cases.linted(f"FROM a\nCOPY . .\nRUN {build}", "IL211").findings
        assert finding.persona is Persona.PEDANTIC
