"""Downloads in a RUN: what they print, whether a failure is seen, whether anybody may have changed them."""

import re
from collections.abc import Iterator

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Add, Run
from imagelint.dockerfile.shell import Command, ShellWord
from imagelint.finding import Finding, Fix, Persona, Safety, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule

#: The letters that take a value: what stands behind one in `-abc` is no option.
_CURL_VALUED = "AbcCdDeEFHhKmoPQrtTuUwxXyYz"
_WGET_VALUED = "aABDeGiIlnoOPQRtTUwX"
#: wget's ways to print less.
_WGET_LETTERS = frozenset("qoa")
_WGET_NAMES = ("--progress", "--quiet", "--output-file", "--append-output", "--no-verbose")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
_INTERPRETERS = _SHELLS | {"node", "perl", "php", "python", "python3", "ruby"}
#: Programs that say whether a file is the one that was meant.
VERIFIERS = frozenset(
    "b2sum b3sum cosign gpg gpg2 gpgv gpgv2 md5sum minisign openssl rhash sha1sum sha224sum sha256 sha256sum sha384sum"
    " sha512sum shasum signify sq".split()
)
#: What fails on a file that is no archive, or no package; and the names of those.
_UNPACKERS = frozenset("7z bsdtar bunzip2 bzip2 dpkg gunzip gzip jar rpm tar unxz unzip xz".split())
_PACKED = r"\.(?:7z|bz2|deb|gz|jar|rpm|tar|tbz2?|tgz|txz|war|xz|zip|zst)$"
_HTTP = r"http://(?!(?:localhost|127\.[0-9.]+|\[::1\]|host\.docker\.internal)(?:[:/]|$)).+"


@rule(
    "IL807",
    programs=("wget",),
    blame=Unpriced("it is about the log of the build"),
    aliases=("DL3047",),
    severity=Severity.INFO,
)
def wget_progress_bar(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """wget fills the build's log with its progress.

    Why: There is no terminal in a build, so that wget prints a line for each 50 KB that it has: twenty thousand for
    a gigabyte. What went wrong is somewhere among them. `-nv` prints a line for each file, and errors.

    hadolint takes `-Ologs.txt` for `-o`, and `wget --version` for a download.

    ```dockerfile bad
    FROM debian:12
    RUN wget https://example.org/a.tgz
    ```

    ```dockerfile good
    FROM debian:12
    RUN wget -nv https://example.org/a.tgz
    ```
    """
    for command in graph.commands(run):
        if command.name != "wget" or _WGET_LETTERS & letters(command, _WGET_VALUED):
            continue
        if command.option(*_WGET_NAMES) or any(word.value.startswith("-nv") for word in command.args):
            continue
        if all(word.value.startswith("-") for word in command.args) and not command.option("--input-file", "-i"):
            continue
        edits = edit.insert_behind(run, command, command.words[0], "-nv")
        yield Finding(
            command.span,
            "wget prints its progress into the build's log",
            help="`wget -nv` prints a line for each file; `-q`, or `--progress=dot:giga`, if you want less or more",
            # Unsafe: BusyBox has a wget of its own, without this option.
            fix=Fix("add `-nv`", edits, Safety.UNSAFE) if edits else None,
        )


@rule("IL808", programs=("curl",), blame=Unpriced("it is about failures that nobody sees"))
def curl_without_fail(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """curl stores or runs the server's error page as if it were the file.

    Why: Without `--fail` curl is content with whatever a server answers. A `404` becomes a file that holds an error
    page, or is piped into a shell, and the build stops much later, or not at all.

    This is about downloads that are stored by `-o` or `-O`, or piped into another program. It is pedantic where a
    checksum is compared in the same RUN, where the other program is no interpreter, and where the file is an archive or
    a package that the same RUN unpacks: those do not like the page either.

    ```dockerfile bad
    FROM debian:12
    RUN curl -sSL -o /usr/local/bin/tool https://example.org/tool && chmod +x /usr/local/bin/tool
    ```

    ```dockerfile good
    FROM debian:12
    RUN curl -fsSL -o /usr/local/bin/tool https://example.org/tool && chmod +x /usr/local/bin/tool
    ```
    """
    commands = graph.commands(run)
    verified = any(command.name in VERIFIERS for command in commands)
    unpacks = any(command.name in _UNPACKERS for command in commands)
    for at, command in enumerate(commands):
        if command.name != "curl":
            continue
        given = letters(command, _CURL_VALUED)
        if "f" in given or "I" in given or "V" in given:
            continue
        if command.option("--fail", "--fail-with-body", "--head", "--version"):
            continue
        if command.option("--write-out") or "w" in given or _written_to(command) == "/dev/null":
            continue  # the script looks at the answer itself
        stored = "o" in given or "O" in given or command.option("--output", "--remote-name", "--remote-name-all")
        piped = _piped_into(commands, at)
        if not stored and piped is None:
            continue
        unpacked = stored and unpacks and any(re.search(_PACKED, word.value) for word in command.args)
        edits = edit.insert_behind(run, command, command.words[0], "-f")
        yield Finding(
            command.span,
            "curl takes the server's error page for the file",
            note=f"it goes into `{piped}` then" if piped and not stored else "it is stored then, and the build goes on",
            help="add `--fail` (`-f`): then curl fails where the server says that it has no such file",
            fix=Fix("add `-f`", edits, Safety.UNSAFE) if edits else None,
            persona=Persona.PEDANTIC if verified or unpacked or not (stored or piped in _INTERPRETERS) else None,
        )


@rule(
    "IL809",
    programs=("curl", "wget"),
    blame=Unpriced("it is about who may have changed a file"),
    persona=Persona.PEDANTIC,
)
def plain_http_download(part: Run | Add, graph: BuildGraph) -> Iterator[Finding]:
    """A file is downloaded over plain HTTP, and nothing says that it is the right one.

    Why: Between the server and the build anybody may put another file in its place, and it becomes a part of the
    image. HTTPS, a checksum or a signature makes that fail. Where the file is run at once it is more than an opinion,
    and not pedantic.

    ```dockerfile bad
    FROM debian:12
    RUN curl -fsS http://example.org/install.sh | sh
    ```

    ```dockerfile good
    FROM debian:12
    RUN curl -fsS https://example.org/install.sh | sh
    ```

    ```dockerfile good
    FROM debian:12
    ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d http://example.org/a /a
    ```
    """
    if isinstance(part, Add):
        if part.flag("checksum") is None:
            for source in part.sources:
                if re.fullmatch(_HTTP, source.value, re.IGNORECASE):
                    yield _unencrypted(Finding(part.span_of(source), ""))
        return
    commands = graph.commands(part)
    if any(command.name in VERIFIERS for command in commands):
        return
    for at, command in enumerate(commands):
        url = _plain_url(command)
        if url is not None:
            runs = _piped_into(commands, at) in _INTERPRETERS
            yield _unencrypted(Finding(command.span_of(url), "", persona=Persona.REGULAR if runs else None))


def _unencrypted(finding: Finding) -> Finding:
    return finding._replace(
        message="downloaded over plain HTTP, and nothing says that it is the right file",
        help="use https://, or compare a checksum or a signature",
    )


def _plain_url(command: Command) -> ShellWord | None:
    """The first unencrypted URL that a command downloads from."""
    if command.name not in ("curl", "wget"):
        return None
    proxies = ("-x", "--proxy", "--preproxy", "-e", "--referer")
    for before, word in zip(command.words, command.args, strict=False):
        if before.value not in proxies and re.fullmatch(_HTTP, word.value, re.IGNORECASE):
            return word
    return None


def _piped_into(commands: tuple[Command, ...], at: int) -> str | None:
    """The program that a command's output is piped into; None where it is not, or nobody can say."""
    end = commands[at].span.end
    following = at + 1
    while following < len(commands) and commands[following].span.start < end:
        following += 1  # a substitution among its own words
    if following == len(commands) or commands[following].operator not in ("|", "|&"):
        return None
    return commands[following].name


def _written_to(command: Command) -> str | None:
    """The file that curl writes to: the value of `-o`, `--output`."""
    for before, word in zip(command.words, command.args, strict=False):
        if before.value == "--output" or re.fullmatch(r"-[A-Za-z]*o", before.value):
            return word.value
    return None


def letters(command: Command, valued: str) -> frozenset[str]:
    """The one-letter options of a command; `valued` are the letters whose value may follow within the same word."""
    found: set[str] = set()
    for word in command.args:
        value = word.value
        if value == "--":
            break
        if value.startswith("-") and not value.startswith("--"):
            for letter in value[1:]:
                found.add(letter)
                if letter in valued:
                    break
    return frozenset(found)
