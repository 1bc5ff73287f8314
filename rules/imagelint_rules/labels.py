"""Labels: how their keys are written, and what the owners of a Dockerfile ask of them."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Label, Pair
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.words import SubstitutionError, expand, unquote, variables
from imagelint.finding import Finding, Persona, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import labeltypes

_METADATA = Unpriced("labels are metadata and take no bytes of a layer")
_KEY = r"[a-z](?:[a-z0-9._/-]*[a-z0-9])?"
_RESERVED = ("com.docker.", "io.docker.", "org.dockerproject.")


def _key(pair: Pair, label: Label, graph: BuildGraph) -> str:
    """A label's key, its variables replaced as far as they are known."""
    if "$" not in pair.key:
        return pair.key
    try:
        return expand(pair.key, graph.environment(label), escape=label.source.escape)
    except SubstitutionError:
        return pair.key


def _literal(pair: Pair, label: Label) -> str | None:
    """A label's value without its quotes; None where a variable in it is known to the build alone."""
    value = pair.value or ""
    escape = label.source.escape
    return None if "$" in value and variables(value, escape=escape) else unquote(value, escape=escape)


@rule("IL711", blame=_METADATA, aliases=("DL3048",), severity=Severity.STYLE, persona=Persona.PEDANTIC)
def invalid_label_key(label: Label, graph: BuildGraph) -> Iterator[Finding]:
    """A label's key is not written as Docker recommends.

    Why: keys of small letters, digits and single `.`, `-`, `_` and `/` can be used in every filter and every tool.
    What begins with `com.docker.`, `io.docker.` or `org.dockerproject.` is Docker's own.

    ```dockerfile bad
    FROM debian:12
    LABEL Build..Date="2024-01-01"
    ```

    ```dockerfile good
    FROM debian:12
    LABEL org.example.build-date="2024-01-01"
    ```
    """
    for pair in label.pairs:
        key = pair.key.strip("\"'")
        reserved = next((prefix for prefix in _RESERVED if key.startswith(prefix)), None)
        if reserved:
            wrong, help_ = f"begins with {reserved}, which is Docker's own", "begin it with a domain of yours"
        elif not re.fullmatch(_KEY, key) or ".." in key or "--" in key:
            wrong = "is not written as keys are"
            help_ = "small letters and digits, with single . - _ / between them; a letter first"
        else:
            continue
        yield Finding(label.span_of(pair.word), f"the label's key {key[:60]} {wrong}", help=help_)


@rule("IL712", blame=_METADATA, aliases=("DL3049",), severity=Severity.INFO)
def missing_label(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """The image lacks a label that its owners ask for.

    Why: what looks images up by their labels (who owns it, which source it was built from) does not find this one.
    Which labels are asked for stands in the configuration.

    The stage that is shipped must have it, or one that it is built on. hadolint asks it of other stages too.

    ```dockerfile bad
    # labels: org.opencontainers.image.source=url
    FROM debian:12
    LABEL org.opencontainers.image.title="tool"
    ```

    ```dockerfile good
    # labels: org.opencontainers.image.source=url
    FROM debian:12
    LABEL org.opencontainers.image.source="https://git.example.org/tool"
    ```
    """
    demanded = graph.context.demands.labels
    stage = graph.final
    if not demanded or stage is None or stage is graph.headless:
        return
    labels = (each for each in graph.lineage(stage) if isinstance(each, Label))
    present = {_key(pair, label, graph) for label in labels for pair in label.pairs}
    for key in demanded:
        if key not in present:
            yield Finding(
                stage.from_.span, f"the label {key} is missing", help=f'set it in this stage: LABEL {key}="…"'
            )


@rule("IL713", blame=_METADATA, aliases=("DL3050",), severity=Severity.INFO)
def superfluous_label(label: Label, graph: BuildGraph) -> Iterator[Finding]:
    """A label is none of those that the owners of the Dockerfile know.

    Why: where the configuration says that there are no others, a label that it does not list is most often one of
    them, misspelt.

    ```dockerfile bad
    # strict-labels: org.opencontainers.image.title=text
    FROM debian:12
    LABEL org.opencontainers.image.titel="tool"
    ```

    ```dockerfile good
    # strict-labels: org.opencontainers.image.title=text
    FROM debian:12
    LABEL org.opencontainers.image.title="tool"
    ```
    """
    demands = graph.context.demands
    if not demands.strict_labels:
        return
    for pair in label.pairs:
        key = _key(pair, label, graph)
        if key not in demands.labels:
            yield Finding(
                label.span_of(pair.word),
                f"the label {key[:60]} is none of those that may be set",
                help="leave it out, or add it to the labels in the configuration",
            )


@rule("IL714", blame=_METADATA, aliases=("DL3051", *(alias for alias, _ in labeltypes.TYPES.values())))
def empty_label(label: Label, graph: BuildGraph) -> Iterator[Finding]:
    """A label that the owners of the Dockerfile ask for is empty.

    Why: an empty label tells no more than a missing one, and passes for one that is there. A value with a variable in
    it is not judged: the build alone knows it.

    ```dockerfile bad
    # labels: org.opencontainers.image.title=text
    FROM debian:12
    LABEL org.opencontainers.image.title=""
    ```

    ```dockerfile good
    # labels: org.opencontainers.image.title=text
    FROM debian:12
    LABEL org.opencontainers.image.title="tool"
    ```
    """
    demanded = graph.context.demands.labels
    for pair in label.pairs if demanded else ():
        key = _key(pair, label, graph)
        if key in demanded and _literal(pair, label) == "":
            # Nothing is of no type either, by hadolint's rule for each of them.
            alias = labeltypes.TYPES[demanded[key]][0] if demanded[key] in labeltypes.TYPES else None
            yield Finding(
                label.span_of(pair.word),
                f"the label {key} is empty",
                help="give it a value",
                aliases=("DL3051", alias) if alias else ("DL3051",),
            )


@rule("IL715", blame=_METADATA, aliases=tuple(alias for alias, _ in labeltypes.TYPES.values()))
def malformed_label(label: Label, graph: BuildGraph) -> Iterator[Finding]:
    """A label's value is not of the type that the owners of the Dockerfile ask for.

    Why: who reads the label reads it as a URL, a time, a licence, a version, a commit or an address of mail, and
    stumbles over anything else. The types are those of hadolint: `url`, `rfc3339`, `spdx`, `semver`, `hash`, `email`,
    and `text` for anything. A value with a variable in it is not judged: the build alone knows it.

    Where hadolint is narrower than the standard, imagelint is not: SPDX has expressions (`MIT OR Apache-2.0`) and
    Git has abbreviations of any length from 7 letters, and hashes of 64.

    ```dockerfile bad
    # labels: org.opencontainers.image.version=semver
    FROM debian:12
    LABEL org.opencontainers.image.version="v1.2"
    ```

    ```dockerfile good
    # labels: org.opencontainers.image.version=semver
    FROM debian:12
    LABEL org.opencontainers.image.version="1.2.0-rc.1"
    ```

    ```dockerfile good
    # labels: org.opencontainers.image.licenses=spdx
    FROM debian:12
    LABEL org.opencontainers.image.licenses="MIT OR Apache-2.0"
    ```
    """
    demanded = graph.context.demands.labels
    for pair in label.pairs if demanded else ():
        key = _key(pair, label, graph)
        kind = demanded.get(key, "")
        if kind not in labeltypes.TYPES:
            continue
        value = _literal(pair, label)
        if value and not labeltypes.is_of_type(value, kind):
            alias, called = labeltypes.TYPES[kind]
            yield Finding(
                label.span_of(pair.word),
                f"the label {key[:60]} is no {called}: {value[:60]}",
                help=labeltypes.HELP[kind],
                aliases=(alias,),
            )
