"""Credentials that stand in the file."""

import re
from collections.abc import Callable, Iterator

from imagelint.dockerfile.instructions import Add, Arg, Cmd, Copy, Entrypoint, Env, Healthcheck, Instruction, Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Persona, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint.text import OffsetMap, Span
from imagelint_rules.secrets import named_like_a_secret

_LEAK = Unpriced("what leaks here is not measured in bytes")
#: What a message says of a credential, and how it is found; the one group is the credential itself.
_PATTERNS = (
    ("a password in a URL", "://", r"://(?:[^\s/:@\"'`<>]{1,200}):([^\s/@\"'`<>]{1,200})@(?=[\w\[$])"),
    (
        "a token in a header",
        ":",
        r"(?i)\b(?:Authorization:\s{0,5}(?:Bearer|Basic|Token)\s{1,5}|(?:PRIVATE-TOKEN|JOB-TOKEN|X-API-KEY):\s{0,5})"
        r"([\w.~+/=-]{8,500})",
    ),
    ("a registry's token", ":_", r":_(?:authToken|auth|password)(?:\s{0,5}=|\s)\s{0,5}[\"']?([\w.~+/=-]{8,500})"),
    (
        "a password for a .netrc",
        "machine",
        r"\bmachine\s{1,5}\S{1,200}\s{1,5}login\s{1,5}\S{1,200}\s{1,5}password\s{1,5}([^\s\"'\\]{1,200})",
    ),
)  # fmt: skip
#: Tokens that tell by their beginning whose they are.
_TOKENS = (
    ("GitHub", r"gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,251}"),
    ("GitLab", r"glpat-[\w-]{20,100}"),
    ("AWS", r"(?:AKIA|ASIA)[A-Z0-9]{16}"),
    ("npm", r"npm_[A-Za-z0-9]{36}"),
    ("PyPI", r"pypi-AgEI[\w-]{50,250}"),
    ("Docker Hub", r"dckr_pat_[\w-]{20,100}"),
    ("Slack", r"xox[abprs]-[A-Za-z0-9-]{20,200}"),
    ("Stripe", r"[rs]k_live_[A-Za-z0-9]{20,200}"),
    ("Hugging Face", r"hf_[A-Za-z0-9]{34}"),
    ("Google", r"AIza[\w-]{35}"),
)  # fmt: skip
_TOKEN_STARTS = ("gh", "glpat-", "AKIA", "ASIA", "npm_", "pypi-", "dckr_", "xox", "k_live_", "hf_", "AIza")
#: What stands for a credential, and is none.
_PLACEHOLDER = (
    r"(?i).*(?:\$|\{|<|%[({]|x{4}|\*{3}|\.{3}|example|placeholder|change.?me|dummy|redact|replace|your|fake|todo).*"
)
#: Passwords of a database that is there for a test, or of nobody.
_WEAK = frozenset(
    "admin bar build dev development foo guest none null pass passwd password postgres pw pwd root secret test token"
    " user user:pass 123456 x-oauth-basic".split()
)
#: The programs that `_in_commands` knows.
_GIVEN_PASSWORDS = ("chpasswd", "passwd", "curl", "wget")
_LOCAL_HOST = r"@(?:localhost|127\.[0-9.]+|\[::1\]|0\.0\.0\.0|db|host|example\.\w+)\b(?![.-])"
_HELP = (
    "hand it in for the one RUN that needs it, `RUN --mount=type=secret,id=…`, and take this one back: it has leaked"
)


@rule("IL612", blame=_LEAK)
def credentials_in_text(
    instruction: Run | Env | Arg | Add | Copy | Cmd | Entrypoint | Healthcheck, graph: BuildGraph
) -> Iterator[Finding]:
    """A password or a token is written into the Dockerfile.

    Why: It is in the repository's history, in the image's history, and mostly in the image itself, for everybody who
    can read one of them. Removing the line does not take it back: it has to be replaced.

    Found are passwords in URLs, in `Authorization` headers, for `curl -u`, `wget --password` and `chpasswd`, in lines
    for a `.npmrc` or a `.netrc`, and tokens that tell by their beginning whose they are. Variables, and words that
    plainly stand for something else, are none. Passwords of a server on the machine itself, and the like of
    `postgres:postgres`, are pedantic. A variable that IL601 reports is not reported again.

    ```dockerfile bad
    FROM debian:12
    RUN git clone https://builder:Kq7vT2mZ@git.example.org/owner/private.git
    ```

    ```dockerfile good
    FROM debian:12
    RUN --mount=type=secret,id=git,env=GIT_PASSWORD git clone https://builder:$GIT_PASSWORD@git.example.org/o/private.git
    ```

    ```dockerfile bad
    FROM debian:12
    RUN echo root:Kq7vT2mZ | chpasswd
    ```
    """
    seen: set[Span] = set()
    for text, place in _texts(instruction):
        for what, first, last, weak in _in_text(text):
            span = place(first, last)
            if span not in seen:
                seen.add(span)
                yield _finding(what, span, weak=weak)
    if isinstance(instruction, Run) and not instruction.programs.isdisjoint(_GIVEN_PASSWORDS):
        for what, span in _in_commands(graph.commands(instruction)):
            if span not in seen:
                yield _finding(what, span, weak=False)


def _texts(instruction: Instruction) -> Iterator[tuple[str, Callable[[int, int], Span]]]:
    """The texts of an instruction, each with what turns a range of it into a place in the file."""
    joined = instruction.line.joined
    if isinstance(instruction, Env | Arg):
        for pair in instruction.pairs:
            if not named_like_a_secret(pair.key):
                text = joined.cut(pair.word.start, pair.word.end)
                yield text.text, text.span
        return
    yield joined.text, joined.span
    for heredoc in instruction.heredocs:
        body = instruction.source.text[heredoc.body.start : heredoc.body.end]
        text = OffsetMap([(heredoc.body.start, body)], heredoc.body.end)
        yield text.text, text.span


def _finding(what: str, span: Span, *, weak: bool) -> Finding:
    return Finding(
        span,
        f"{what} is written into the file",
        note="whoever can read the repository or pull the image has it",
        help=_HELP,
        persona=Persona.PEDANTIC if weak else None,
    )


def _in_text(text: str) -> Iterator[tuple[str, int, int, bool]]:
    """Credentials of a text: what each is, where, and whether it is only the like of one."""
    for what, needed, pattern in _PATTERNS:
        if needed not in text:
            continue
        for found in re.finditer(pattern, text):
            value = found[1]
            if not re.fullmatch(_PLACEHOLDER, value):
                user = found[0][3:].partition(":")[0]
                local = needed == "://" and re.match(_LOCAL_HOST, text[found.end() - 1 : found.end() + 80])
                weak = bool(local) or value.lower() in _WEAK or value == user
                yield what, found.start(1), found.end(1), weak
    if any(start in text for start in _TOKEN_STARTS):
        for owner, pattern in _TOKENS:
            for found in re.finditer(rf"(?<![\w-])(?:{pattern})(?![\w-])", text):
                if not re.fullmatch(_PLACEHOLDER, found[0]):
                    yield f"a token of {owner}", found.start(), found.end(), False


def _in_commands(commands: tuple[Command, ...]) -> Iterator[tuple[str, Span]]:
    """Passwords that are told by the program that gets them."""
    for at, command in enumerate(commands):
        before = commands[at - 1] if at and command.operator in ("|", "|&") else None
        if command.name == "chpasswd" and not command.option("-e", "--encrypted") and before is not None:
            for word in before.args if before.name in ("echo", "printf") else ():
                found = re.fullmatch(r"([\w.-]+):([^*!].*)", word.value, re.DOTALL)
                if found and not re.search(r"[$`%]", found[2]):
                    yield f"the password of {found[1][:40]}", before.span_of(word)
        elif command.name == "passwd" and command.option("--stdin") and before is not None and before.name == "echo":
            for word in before.args:
                if not re.match(r"-|.*[$`]", word.value):
                    yield "a password", before.span_of(word)
        elif command.name in ("curl", "wget"):
            options = r"-u|--user|--proxy-user" if command.name == "curl" else r"--(?:http-|ftp-|proxy-)?password"
            for word, value in zip(command.args, (*(each.value for each in command.args[1:]), ""), strict=False):
                name, equals, given = word.value.partition("=")
                given = given if equals else value
                secret = given.partition(":")[2] if command.name == "curl" else given
                if (
                    re.fullmatch(options, name)
                    and secret
                    and not re.fullmatch(_PLACEHOLDER, secret)
                    and "`" not in secret
                ):
                    yield f"a password for {command.name}", command.span_of(word)
