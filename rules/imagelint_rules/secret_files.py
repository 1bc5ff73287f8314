"""Files of credentials that are copied into an image."""

import posixpath
import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Add, Copy
from imagelint.finding import Finding, Persona, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule

#: Private keys and passwords by the names that programs give them.
_NAMES = frozenset(
    ".dockercfg .dockerconfigjson .env .env.local .git-credentials .netrc .pgpass .pypirc _netrc id_dsa id_ecdsa"
    " id_ecdsa_sk id_ed25519 id_ed25519_sk id_rsa".split()
)
#: The same, of a user's home; in the folders are files that are no secrets too.
_AT_HOME = r"(?:.*/)?\.(?:aws/credentials|docker/config\.json|kube/config|ssh/id_[a-z0-9_]+)"
_FOLDERS = frozenset({".aws", ".gnupg", ".kube", ".ssh"})
_SAMPLE = (
    r"(?i)(?:^|[._/-])(?:ci|defaults?|dist|dummy|examples?|fixtures?|mock|sample|snakeoil|template|tests?|testdata|tpl)"
    r"(?:[._/-]|$)"
)
_PUBLIC = r"(?i)pub(?:lic)?(?:[._-]|$)|gpg|apt|archive|keyring|release|repo|sign|trust|root[._-]?ca"
_PRIVATE = r"(?i)priv|(?:^|[._-])(?:client|host|https?|local(?:host)?|server|ssl|tls|wildcard)(?:[._-]|$)"


@rule("IL613", blame=Unpriced("what leaks here is not measured in bytes"))
def secret_file_copied(transfer: Copy | Add, graph: BuildGraph) -> Iterator[Finding]:
    """A file that holds secrets by its name is copied into the image.

    Why: Whoever can pull the image has the file, also where a later RUN removes it: the layer keeps it. A key is needed
    by one command of the build, or by the container when it runs, and there are ways to hand it to either.

    Found are private keys, `.env`, `.netrc`, `.pypirc`, `.git-credentials`, credentials of AWS, Docker and Kubernetes,
    and a `.npmrc` that goes to a home folder. A project's own `.npmrc`, keys of which the name does not say whether
    they are private, samples and files for tests, and what a stage copies that is not shipped, are pedantic.
    `.env.example`, certificates and public keys are not reported.

    ```dockerfile bad
    FROM alpine/git:2.45.2
    COPY id_ed25519 /root/.ssh/id_ed25519
    RUN git clone git@github.com:owner/private.git /src && rm /root/.ssh/id_ed25519
    ```

    ```dockerfile good
    FROM alpine/git:2.45.2
    RUN --mount=type=ssh git clone git@github.com:owner/private.git /src
    ```
    """
    if isinstance(transfer, Copy) and transfer.from_ is not None:
        return
    stage = graph.stage_of(transfer)
    shipped = stage is not None and graph.shipped(stage)
    stems: set[str] | None = None
    for word in transfer.sources:
        path = word.value.strip("\"'").rstrip("/")
        if "://" in path or path.startswith(("<<", "git@")):
            continue
        name = posixpath.basename(path)
        kind = _kind(path, name, transfer)
        if kind is None or graph.context.ignores(path):
            continue
        if kind == "key":
            if stems is None:
                stems = {
                    stem for each in transfer.sources for stem, end in (posixpath.splitext(each.value),)
                    if end in (".cer", ".cert", ".crt", ".pem")
                }  # fmt: skip
            kind = "secret" if posixpath.splitext(path)[0] in stems else "maybe"
        certain = shipped and kind == "secret" and not re.search(_SAMPLE, path)
        yield Finding(
            transfer.span_of(word),
            f"{name[:60]} is copied into the image",
            note="whoever can pull the image can read it, also where a later instruction removes it",
            help="hand it to the RUN that needs it, `RUN --mount=type=secret,id=…`, or to the container when it runs",
            persona=None if certain else Persona.PEDANTIC,
        )


def _kind(path: str, name: str, transfer: Copy | Add) -> str | None:
    """What a file is by its name: a `secret`, a `key` that may be private, `maybe` one; None for any other."""
    globbed = name.endswith("*")
    name = name.rstrip("*")
    low = name.lower()
    if name in _NAMES:
        return "maybe" if globbed and name.startswith(".env") else "secret"
    if re.fullmatch(_AT_HOME, path) and not low.endswith(".pub"):
        return "secret"
    if name in _FOLDERS:
        return "maybe"
    if name.startswith(".env."):
        return None if re.search(_SAMPLE, name) else "maybe"
    if name == ".npmrc":
        to = transfer.destination.value if transfer.destination is not None else ""
        return "secret" if re.match(r"/root/|/home/|~/|\$\{?HOME\b", to) else "maybe"
    stem, end = posixpath.splitext(low)
    if not stem or re.search(_PUBLIC, stem):
        return None
    if end in (".ppk", ".p12", ".pfx"):
        return "secret"
    if end in (".jks", ".keystore"):
        return "maybe"
    if end == ".key" and not re.search(r"[*?\[$]", stem):
        return "secret" if re.search(_PRIVATE, stem) else "key"
    if end == ".pem" and re.search(r"priv|(?:^|[._-])key(?:[._-]|$)", stem):
        return "secret"
    return None
