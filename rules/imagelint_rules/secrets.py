"""Secrets in variables."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Arg, Env, Pair
from imagelint.dockerfile.words import unquote
from imagelint.finding import Finding, Persona, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import onbuild

#: Parts of a name between underscores that say that it is a secret, or only the like of one: BuildKit's two lists.
_TELLING = frozenset("apikey auth credential credentials key password pword passwd secret token".split())
_HARMLESS = frozenset("public file version".split())
#: What hadolint looks for anywhere in a name.
_ANYWHERE = ("api_key", "client_key", "password", "private", "secret", "token", "username")
#: Names that it reports beside those.
_LISTED = frozenset(
    "application_key aws_access_key_id ci_deploy_user docker_email facebook_app_id heroku_api_user okta_authn_groupid"
    " okta_client_orgurl okta_oauth2_clientid stripe_device_name travis_os_name travis_secure_env_vars"
    " travis_sudo".split()
)
#: Ends of a name written in one word: PGPASSWORD, HOMEBREW_GITHUB_APITOKEN.
_ENDS = ("password", "passwd", "passphrase", "secret", "token", "apikey", "privatekey", "private_key")
#: Parts of a name of what everybody may know: docker-library's GPG_KEY is a fingerprint.
_PUBLIC = frozenset("fingerprint gpg pgp pub".split())
#: Values that are switches, numbers, paths or addresses, whatever the name says: AUTH=false, KEY=/run/secrets/key.
_PLAIN_VALUE = (
    r"(?i)true|false|yes|no|on|off|none|null|enabled|disabled|\d{1,5}|/[\w./-]*|(?:[\w.-]+/)+[\w-]+\.\w{2,4}"
    r"|https?://[^\s@]*|<[^<>]*>"
)


@rule(
    "IL601",
    blame=Unpriced("what leaks here is not measured in bytes"),
    aliases=("DL3064", "SecretsUsedInArgOrEnv"),
)
def secret_in_arg_or_env(instruction: Arg | Env, graph: BuildGraph) -> Iterator[Finding]:
    """A variable that is named like a secret is set by ARG or ENV.

    Why: ENV is part of the image's configuration, and what an ARG was given stands in its history. Everybody who can
    pull the image can read both, also where a later instruction takes the variable away again.

    It is the name that is looked at. BuildKit and hadolint have different lists. A name that is only on hadolint's,
    and plainly no secret (`USERNAME`, `MAX_TOKENS`, `TOKENIZERS_PARALLELISM`), the fingerprint of a public key
    (`GPG_KEY`), a value that is empty, a switch, a small number, a path, an address or a row of one character that
    stands for something else (`00000000`, `XXXX`), and an ARG before the first FROM, which no stage sees, are reported
    only to those who ask for opinions.

    ```dockerfile bad
    FROM debian:12
    ARG GITHUB_TOKEN
    RUN git clone https://$GITHUB_TOKEN@github.com/owner/private
    ```

    ```dockerfile good
    FROM debian:12
    RUN --mount=type=secret,id=github_token,env=GITHUB_TOKEN git clone https://$GITHUB_TOKEN@github.com/owner/private
    ```
    """
    stage = graph.stage_of(instruction)
    for pair in instruction.pairs:
        name = pair.key.lower()
        parts = name.split("_")
        by_parts = _HARMLESS.isdisjoint(parts) and not _TELLING.isdisjoint(parts)
        by_letters = name in _LISTED or any(letters in name for letters in _ANYWHERE)
        if not by_parts and not by_letters:
            continue
        certain = (
            named_like_a_secret(pair.key)
            and stage is not None
            and _PUBLIC.isdisjoint(parts)
            and not _plain(pair, instruction)
        )
        names = onbuild.seen(instruction, graph, "SecretsUsedInArgOrEnv") if by_parts and stage is not None else ()
        listed = name in _LISTED and not by_parts
        looks = "is on hadolint's list of secrets" if listed else "looks like a secret"
        where = "in the image's configuration" if isinstance(instruction, Env) else "in the image's history"
        yield Finding(
            instruction.span_of(pair.word),
            f"{pair.key[:60]} {looks}, and {instruction.keyword} keeps it {where}",
            note="whoever can pull the image can read it, also where a later instruction unsets it",
            help="hand it to the RUN that needs it: `RUN --mount=type=secret,id=…`, or to the container when it runs",
            aliases=(*(("DL3064",) if by_letters else ()), *names),
            persona=Persona.REGULAR if certain else Persona.PEDANTIC,
        )


def named_like_a_secret(key: str) -> bool:
    """Whether a variable's name says that it is one, in parts between underscores or at its end."""
    name = key.lower()
    parts = name.split("_")
    return _HARMLESS.isdisjoint(parts) and (not _TELLING.isdisjoint(parts) or name.endswith(_ENDS))


def _plain(pair: Pair, instruction: Arg | Env) -> bool:
    """Whether a value can be told to be none of a secret."""
    if pair.value is None:
        return False
    value = unquote(pair.value, escape=instruction.source.escape).strip()
    # An empty ENV holds nothing; an empty ARG is there to be given something.
    if not value:
        return isinstance(instruction, Env)
    # A row of one character, in groups or not, stands for what the container is given.
    return len(set(value) - {"-"}) <= 1 or re.fullmatch(_PLAIN_VALUE, value) is not None
