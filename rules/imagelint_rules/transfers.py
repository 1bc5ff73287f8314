"""How COPY and ADD are used."""

from __future__ import annotations

import re

from imagelint.dockerfile.instructions import Add, Copy
from imagelint.finding import Finding, Fix, Persona, Safety, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.records import TYPE_CHECKING
from imagelint.rule import rule
from imagelint.text import Edit, Span
from imagelint_rules.shared import stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.syntax import Word

_VALUED = frozenset({"chmod", "chown", "exclude", "from"})
_URL = r"(?i)[a-z][a-z0-9+.-]*://|git@"
#: Suffixes of what is no tar archive under that name. ADD looks into the file, so that no name alone is a proof.
_PLAIN = (
    r"(?i).*[^/]\.(?:cfg|cnf|conf|crt|css|csv|deb|env|exe|go|gpg|html|ini|jar|java|js|json|key|list|lock|md|patch|pem"
    r"|php|pl|properties|ps1|py|rb|repo|rpm|rules|service|sh|sql|toml|ts|txt|war|whl|xml|ya?ml|zip)"
)


@rule("IL209", blame=Unpriced("ADD stores what COPY would store"), aliases=("DL3020",))
def add_of_plain_files(add: Add, graph: BuildGraph) -> Iterator[Finding]:
    """ADD brings in plain files or folders, which COPY is for.

    Why: ADD does more than its line says: it downloads URLs, clones repositories, and unpacks whatever turns out to be
    a tar archive. For plain files that is a surprise in waiting, and COPY does just what it says.

    hadolint's DL3020 also reports Git repositories, `ftp://`, `.tar.zst` archives and sources that are a variable
    (`ADD $URL /x`); all of these need ADD, or may, so that they are left alone here. Behind ONBUILD it sees nothing.
    It takes it for an error; the build works, so that it is a warning here.

    ```dockerfile bad
    FROM debian:12
    ADD entrypoint.sh /
    ```

    ```dockerfile fixed
    FROM debian:12
    COPY entrypoint.sh /
    ```

    ```dockerfile good
    FROM debian:12
    ADD rootfs.tar.gz /
    ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.com/app /app
    ```
    """
    plain = [word for word in add.sources if _is_plain(word, add, graph)]
    if not plain:
        return
    head = add.joined[add.head.start : add.head.end]
    fix = None
    if len(plain) == len(add.sources) and not {"checksum", "keep-git-dir", "unpack"} & {
        flag.name for flag in add.flags
    }:
        sure = all(_is_certain(word.value.strip("\"'")) for word in plain)
        fix = Fix(
            "use COPY",
            (Edit(add.keyword_span, "copy" if head.islower() else "COPY"),),
            Safety.SAFE if sure else Safety.UNSAFE,
        )
    yield Finding(
        add.span_of(plain[0]) if not add.heredocs else add.keyword_span,
        f"ADD of {_shown(plain[0])}, which is neither a URL nor a tar archive",
        help="use COPY: it does just that, and nothing else",
        fix=fix,
    )


def _is_plain(word: Word, add: Add, graph: BuildGraph) -> bool:
    value = stored.expanded(word.value, add, graph) if "$" in word.value else word.value.strip("\"'")
    if value is None:
        return False
    return not re.match(_URL, value) and not stored.is_archive(value)


def _is_certain(value: str) -> bool:
    """Whether a source is a folder, a heredoc, or a file that is no archive by its name."""
    return value in (".", "..") or value.endswith("/") or value.startswith("<<") or bool(re.fullmatch(_PLAIN, value))


def _shown(word: Word) -> str:
    return "an inline file" if word.value.startswith("<<") else word.value.strip("\"'")[:80]


@rule("IL210", blame=Unpriced("the build fails here"), aliases=("DL3021",), severity=Severity.ERROR)
def several_sources_without_a_folder(copy: Copy, graph: BuildGraph) -> Iterator[Finding]:
    """COPY of several sources to a destination that is no folder by its name.

    Why: several files can only go into a folder, and a folder is what ends in a slash. Builders refuse the line, or
    write one file over the other.

    `.` is a folder by its name. BuildKit takes it; the builder before it did not, which makes it a pedantic finding.
    hadolint's DL3021 also reports a variable whose value ends in a slash or cannot be told; those are left alone here.

    ```dockerfile bad
    FROM debian:12
    COPY package.json package-lock.json /app
    ```

    ```dockerfile good
    FROM debian:12
    COPY package.json package-lock.json /app/
    ```
    """
    target = copy.destination
    if (
        target is None
        or len(copy.sources) < 2
        or any(flag.value is None for flag in copy.flags if flag.name in _VALUED)
    ):
        return  # with `--from stage` the stage's name stands among the sources, which is an error of its own
    value = target.value
    text = stored.expanded(value, copy, graph) if "$" in value else value.strip("\"'")
    if not text or text.endswith(("/", "\\")):
        return
    folder = text in (".", "..") or text.endswith(("/.", "/.."))
    fix = None
    if copy.json is None and not value.endswith(('"', "'")):
        end = copy.span_of(target).end
        fix = Fix("end the destination with a slash", (Edit(Span(end, end), "/"),), Safety.UNSAFE)
    yield Finding(
        copy.span_of(target),
        f"{len(copy.sources)} sources go to {value[:80]}, which does not end with a slash",
        help="end it with `/`",
        fix=fix,
        severity=Severity.INFO if folder else None,
        persona=Persona.PEDANTIC if folder else None,
    )
