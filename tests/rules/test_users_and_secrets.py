"""Who an image runs as, and which variables look like secrets."""

from __future__ import annotations

import pytest

from imagelint.finding import Persona
from tests.rules import cases

CASES = {
    "root by name": ("FROM a\nUSER root", "IL602:2"),
    "root by number, with a group": ("FROM a\nUSER 0:10", "IL602:2"),
    "root for a step": ("FROM a\nUSER root\nRUN b\nUSER 7", ""),
    "nobody says who": ("FROM a\nRUN b", ""),
    "root in a builder": ("FROM a AS b\nUSER root\nFROM a\nUSER 7", ""),
    "root of the stage that the last one is built on": ("FROM a AS b\nUSER root\nFROM b\nRUN c", "IL602:2"),
    "root by a variable": ("FROM a\nENV U=root\nUSER $U", "IL602:3"),
    "a variable of the base image": ("FROM a\nUSER $U", ""),
    "an argument without a value": ("FROM a\nARG U\nUSER $U", ""),
    "a substitution that fails": ("FROM a\nUSER ${U:=x}", ""),
    "without a FROM": ("USER root", "IL001:1 IL001:1 IL602:1"),
    "a user whose name begins with root": ("FROM a\nUSER rootless", "IL603:2"),
    "a name with a number behind it": ("FROM a\nUSER app:7", "IL603:2"),
    "a number with a name behind it": ("FROM a\nUSER 7:app", ""),
    "a name in a builder": ("FROM a AS b\nUSER app\nFROM a\nUSER 7", ""),
    "a number by a variable": ("FROM a\nENV U=7\nUSER $U", ""),
    # secrets
    "a token that is handed in": ("FROM a\nARG TOKEN", "IL601:2"),
    "each name of an ENV": ("FROM a\nENV A_PASSWORD=x B=y C_SECRET=z", "IL601:2 IL601:2"),
    "a name in one word": ("FROM a\nENV PGPASSWORD=x", "IL601:2"),
    "where the secret lies": ("FROM a\nENV KEY_FILE=/x AUTH_VERSION=2", ""),
    "half a word": ("FROM a\nENV MONKEY=x AUTHORITY=y KEYBOARD=z PASS=a", ""),
    "the old form": ("FROM a\nENV PASSWORD a b", "IL601:2"),
    "behind ONBUILD": ("FROM a\nONBUILD ARG TOKEN", "IL601:2"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_cases(text: str, expected: str) -> None:
    assert cases.found(text, "IL6") == expected


ALIASES = {
    "root, and a name": ("FROM a\nUSER root", "DL3002 DL3066"),
    "root, and a number": ("FROM a\nUSER 0", "DL3002"),
    "a secret for both": ("FROM a\nENV MY_TOKEN=x", "DL3064 SecretsUsedInArgOrEnv"),
    "a secret for BuildKit": ("FROM a\nENV MY_AUTH=x", "SecretsUsedInArgOrEnv"),
    "a secret for hadolint": ("FROM a\nENV DBPASSWORD=x", "DL3064"),
    "an access key": ("FROM a\nENV AWS_ACCESS_KEY_ID=x", "DL3064 SecretsUsedInArgOrEnv"),
    "before the first FROM": ("ARG TOKEN\nFROM a", "DL3064"),
    "a trigger that nothing runs": ("FROM a\nONBUILD ENV AUTH=x", ""),
    "a trigger that a stage runs": ("FROM a AS b\nONBUILD ENV AUTH=x\nFROM b", "SecretsUsedInArgOrEnv"),
}


@pytest.mark.parametrize(("text", "expected"), ALIASES.values(), ids=ALIASES)
def test_aliases(text: str, expected: str) -> None:
    assert cases.aliases(text, "IL6") == expected


OPINIONS = {
    "a user's name": ("ENV USERNAME=ada", True),
    "a switch of a library": ("ENV TOKENIZERS_PARALLELISM=false", True),
    "a private network": ("ENV PRIVATE_IP=x", True),
    "a switch": ("ENV ENABLE_AUTH=true", True),
    "a number": ("ENV KEY_LENGTH=4096", True),
    "a path": ("ENV TLS_KEY=/run/secrets/tls", True),
    "an address": ("ENV AUTH_URL=https://example.org/login", True),
    "an address with a password": ("ENV AUTH_URL=https://ada:pw@example.org", False),
    "a fingerprint": ("ENV GPG_KEY=0D96DF4D4110E5C43FBFB17F2D347EA6AA65421D", True),
    "a row that stands for one": ("ENV TOKEN=00000000-0000-0000-0000-000000000000", True),
    "a place that stands for one": ('ENV TOKEN="<your token>"', True),
    "a password that everybody knows": ("ENV PASSWORD=password", False),
    "nothing yet": ('ENV TOKEN=""', True),
    "nothing yet, but to be given": ("ARG TOKEN=", False),
    "a secret": ("ENV TOKEN=ghp_16C7e42F292c6912E7", False),
}  # fmt: skip


@pytest.mark.parametrize(("line", "pedantic"), OPINIONS.values(), ids=OPINIONS)
def test_what_is_plainly_no_secret_is_an_opinion(line: str, pedantic: bool) -> None:
    (finding,) = cases.linted(f"FROM a\n{line}", "IL601").findings
    assert finding.persona is (Persona.PEDANTIC if pedantic else Persona.REGULAR)
    assert line.split()[1].partition("=")[0] in finding.message
