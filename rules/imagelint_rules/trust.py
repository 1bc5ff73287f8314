"""Checks of certificates and signatures that are turned off."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Arg, Copy, Env, Run
from imagelint.dockerfile.shell import Command, ShellWord
from imagelint.dockerfile.words import unquote
from imagelint.finding import Finding, Persona, Related, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint.text import Span
from imagelint_rules.downloads import VERIFIERS, letters
from imagelint_rules.shared import managers

_OFF = r"(?:0|false|no|off|disabled)"
_ON = r"(?:1|true|yes|on)"
_LOCAL = r"(?:https?://)?(?:localhost|127\.[0-9.]+|\[?::1\]?|host\.docker\.internal)(?:[:/].*)?"
_APT = (
    r"--(?:allow-unauthenticated|force-yes|allow-insecure-repositories)(?:=true)?"
    rf"|(?:-o)?(?:apt::get::allowunauthenticated|acquire::allow(?:insecure|weak)repositories)={_ON}"
    rf"|(?:-o)?acquire::https::(?:[^=]*::)?verify-(?:peer|host)={_OFF}"
)
_RPM = rf"--nogpgcheck|--no-gpg-?checks?|(?:--setopt=)?(?:[^=]*\.)?gpgcheck={_OFF}"
_NODE = rf"--no-strict-ssl|(?:--)?strict-ssl={_OFF}|enablestrictssl={_OFF}"
_CONDA = rf"(?:--)?ssl_verify={_OFF}|--insecure"
_PIP = r"(?:--|global\.|install\.)trusted-host=.+"
#: What turns a check off, by program: an option, or a setting written as `key=value` whether or not a blank is there.
_OPTIONS = {
    "apk": r"--allow-untrusted",
    "apt": _APT, "apt-get": _APT, "aptitude": _APT + "|--allow-untrusted",
    "aria2c": r"--check-certificate=false",
    "conda": _CONDA, "mamba": _CONDA, "micromamba": _CONDA,
    "curl": r"--insecure|--proxy-insecure",
    "dnf": _RPM, "dnf5": _RPM, "microdnf": _RPM, "tdnf": _RPM, "yum": _RPM, "zypper": _RPM,
    "git": rf"http\.(?:[^=]*\.)?sslverify={_OFF}",
    "npm": _NODE, "pnpm": _NODE, "yarn": _NODE,
    "rpm": r"--nosignature",
    "svn": r"--trust-server-cert|--trust-server-cert-failures=.+",
    "uv": _PIP + "|--allow-insecure-host=.+",
    "wget": r"--no-check-certificate",
}  # fmt: skip
#: Programs that check signatures of packages, and not a server's certificate.
_SIGNED = frozenset("apk apt apt-get aptitude dnf dnf5 microdnf rpm tdnf yum zypper".split())
#: Programs that write a line into a file of settings, and what turns a check off there.
_WRITERS = frozenset({"echo", "printf", "sed"})
_SETTING = (
    rf"\[[^\[\]\n]{{0,200}}\btrusted=yes\b[^\[\]\n]{{0,200}}\](?!\s{{1,20}}(?:file|copy):)"
    rf"|(?<![\w])gpgcheck\s{{0,5}}=\s{{0,5}}{_OFF}\b"
    rf"|(?<![\w])strict-ssl\s{{0,5}}=\s{{0,5}}{_OFF}\b"
    rf"|allowunauthenticated\W{{1,5}}{_ON}\b"
    rf"|verify-(?:peer|host)\W{{1,5}}{_OFF}\b"
)
#: Variables that turn a check off for every program that reads them, and the values that do.
_VARIABLES = {
    "GIT_SSL_NO_VERIFY": r".*",
    "NODE_TLS_REJECT_UNAUTHORIZED": r"0",
    "NPM_CONFIG_STRICT_SSL": _OFF,
    "PIP_TRUSTED_HOST": r".+",
    "PYTHONHTTPSVERIFY": r"0",
    "UV_INSECURE_HOST": r".+",
}
_NOTE = "whoever sits between the build and the server can hand over what they like, and it becomes part of the image"
_NOTE_SIGNED = "a mirror, or whoever sits on the way to it, can hand over packages of their own"
_HELP = "let the check be: install ca-certificates, or the certificate of your own authority"
_HELP_SIGNED = "let the check be: install the key that the repository is signed with"


@rule("IL611", blame=Unpriced("it is about who may have changed a file"))
def verification_turned_off(instruction: Run | Env | Arg | Copy, graph: BuildGraph) -> Iterator[Finding]:
    r"""The check of a server's certificate, or of a package's signature, is turned off.

    Why: The check is what tells the server that was meant from any other. Without it, whoever sits in between can hand
    over a file of their own, which then runs in the build and is shipped. Most of these options were added to get past
    an error whose cause is an image without `ca-certificates`, a proxy with a certificate of its own, or a key that was
    never installed. As a variable, `NODE_TLS_REJECT_UNAUTHORIZED=0` turns the check off in containers too.

    It is pedantic where the same RUN compares a checksum or a signature behind the download, where pip demands hashes,
    and where the package is a file that is already there. A server on the machine itself is not reported.

    ```dockerfile bad
    FROM debian:12
    RUN curl -fsSLk -o /usr/local/bin/tool https://example.org/tool
    ```

    ```dockerfile good
    FROM debian:12
    RUN curl -fsSL --cacert /etc/ssl/own.pem -o /usr/local/bin/tool https://example.org/tool
    ```

    ```dockerfile bad
    FROM debian:12
    RUN apt-get update && apt-get install -y --allow-unauthenticated tool
    ```

    ```dockerfile good
    FROM debian:12
    COPY vendor.gpg /etc/apt/keyrings/
    RUN echo "deb [signed-by=/etc/apt/keyrings/vendor.gpg] https://example.org/apt stable main" \
        > /etc/apt/sources.list.d/vendor.list
    ```
    """
    if isinstance(instruction, Env | Arg):
        for pair in instruction.pairs:
            if pair.value is not None:
                value = unquote(pair.value, escape=instruction.source.escape)
                if _variable(pair.key, value):
                    everywhere = "here and in each container" if isinstance(instruction, Env) else "in the build"
                    yield Finding(
                        instruction.span_of(pair.word),
                        f"{pair.key} turns the check of certificates off, {everywhere}",
                        note=_NOTE,
                        help=_HELP,
                    )
        return
    found: dict[str, list[tuple[Span, Persona | None]]] = {}
    if isinstance(instruction, Run):
        for what, span, persona in _in_commands(instruction, graph):
            found.setdefault(what, []).append((span, persona))
    for what, span in _in_heredocs(instruction):
        found.setdefault(what, []).append((span, None))
    for what, places in found.items():
        persona = None if any(each is None for _, each in places) else Persona.PEDANTIC
        first = next(span for span, each in places if each is persona)
        signed = what.partition(" ")[0] in _SIGNED or "trusted=yes" in what or "gpgcheck" in what
        yield Finding(
            first,
            f"`{what}` turns the check of {'signatures' if signed else 'the certificate'} off",
            note=_NOTE_SIGNED if signed else _NOTE,
            help=_HELP_SIGNED if signed else _HELP,
            related=tuple(Related(span, "here too") for span, _ in places if span != first),
            persona=persona,
        )


def _variable(name: str, value: str) -> bool:
    pattern = _VARIABLES.get(name.upper())
    if pattern is None or re.fullmatch(_LOCAL, value):
        return False
    return re.fullmatch(pattern, value, re.IGNORECASE | re.DOTALL) is not None


def _in_commands(run: Run, graph: BuildGraph) -> Iterator[tuple[str, Span, Persona | None]]:
    """What turns a check off in a RUN: how it is called in the message, where it stands, and who wants to know."""
    commands = graph.commands(run)
    verified: int | None = None  # the last command that says whether a file is the right one
    for at, command in enumerate(commands):
        name = command.name
        for word in command.assignments if name != "export" else (*command.assignments, *command.args):
            key, _, value = word.value.partition("=")
            if "=" in word.value and _variable(key, value):
                yield key, command.span_of(word), None
        if name in _WRITERS:
            for word in command.args:
                if what := _written(word.value, sed=name == "sed"):
                    yield what, command.span_of(word), None
            continue
        pattern = _OPTIONS.get(name, "")
        pip = not pattern and managers.pip(command)
        if pip:
            pattern = _PIP
        found = list(_matching(command, pattern)) if pattern else []
        if not found:
            continue
        persona = None
        if name in _SIGNED:
            persona = Persona.PEDANTIC if _only_files(command) else None
        elif name in ("curl", "wget"):
            if _harmless_urls(command):
                continue
            if verified is None:
                verified = max((place for place, each in enumerate(commands) if _verifies(each)), default=-1)
            persona = Persona.PEDANTIC if at < verified else None
        elif pip and command.has("--require-hashes"):
            persona = Persona.PEDANTIC
        called = "pip" if pip else name
        for word, shown in found:
            yield f"{called} {shown[:60]}", command.span_of(word), persona


def _matching(command: Command, pattern: str) -> Iterator[tuple[ShellWord, str]]:
    """The words of a command that turn a check off, each with how a message writes it."""
    if command.name == "curl" and "k" in letters(command, "AbcCdDeEFHhKmoPQrtTuUwxXyYz"):
        given = next(word for word in command.args if re.match(r"-[^-]*k", word.value))
        yield given, "-k"
    following = [word.value for word in command.args[1:]] + [""]
    for word, value in zip(command.args, following, strict=False):
        text = word.value
        if re.fullmatch(pattern, text, re.IGNORECASE):
            both = text
        elif value and "=" not in text and re.fullmatch(pattern, f"{text}={value}", re.IGNORECASE):
            both = f"{text} {value}"
        else:
            continue
        host = both.replace("=", " ").rpartition(" ")[2] if "trusted-host" in both or "insecure-host" in both else ""
        if not re.fullmatch(_LOCAL, host):
            yield word, both.partition(host)[0].rstrip(" =") if host else both


def _only_files(command: Command) -> bool:
    """Whether all that a package manager is to install are files that are already there."""
    names = [word.value for word in command.operands() if word.value not in ("add", "install", "localinstall")]
    return bool(names) and all(
        re.search(r"(?i)\.(?:apk|deb|rpm)$", name) is not None and "://" not in name for name in names
    )


def _harmless_urls(command: Command) -> bool:
    """Whether a download is from the machine itself, or over plain HTTP, where there is no certificate to check."""
    urls = [word.value for word in command.args if "://" in word.value or re.fullmatch(_LOCAL, word.value)]
    return bool(urls) and all(url.startswith("http://") or re.fullmatch(_LOCAL, url) for url in urls)


def _verifies(command: Command) -> bool:
    """Whether a command says that a file is the right one."""
    if command.name in ("gpg", "gpg2"):
        return command.has("--verify")
    if command.name == "openssl":
        return command.has("dgst", "sha256", "sha512", "sha1")
    return command.name in VERIFIERS


def _written(text: str, *, sed: bool) -> str | None:
    """The setting in a text that turns a check off; of a `sed` script, what it puts in."""
    if "=" not in text and ":" not in text:
        return None
    if sed:
        text = text.rstrip("gIim0123456789")
        if len(text) < 4 or not re.match(r"s[^\w\s]", text):
            return None
        text = text.rstrip(text[1]).rpartition(text[1])[2]
    found = re.search(_SETTING, text, re.IGNORECASE)
    return _called(found[0]) if found else None


def _called(setting: str) -> str:
    return "[trusted=yes]" if setting.startswith("[") else " ".join(setting.split())[:60]


def _in_heredocs(instruction: Run | Copy) -> Iterator[tuple[str, Span]]:
    """Settings in the lines of a heredoc; those that its commands write are found with the commands."""
    for heredoc in instruction.heredocs:
        body = instruction.source.text[heredoc.body.start : heredoc.body.end]
        for found in re.finditer(rf"(?im)^[ \t]*(?:deb(?:-src)?[ \t]+)?(?:{_SETTING}|trusted:[ \t]*yes\b)", body):
            start = heredoc.body.start + found.end() - len(found[0].lstrip())
            yield (
                _called(found[0].strip().removeprefix("deb-src").removeprefix("deb").strip()),
                Span(start, heredoc.body.start + found.end()),
            )
