"""Old spellings: MAINTAINER, and ENV and LABEL without `=`."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Env, Label, Maintainer
from imagelint.finding import Finding, Fix, Safety, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint.text import Edit, Span
from imagelint_rules import onbuild

_METADATA = Unpriced("a few letters of metadata take no bytes of a layer")
#: A value that needs no quotes behind `=`.
_BARE = r"[A-Za-z0-9_./:@%+,${}=-]+"


@rule("IL703", blame=_METADATA, aliases=("DL4000", "MaintainerDeprecated"), severity=Severity.ERROR)
def maintainer_instruction(maintainer: Maintainer, graph: BuildGraph) -> Iterator[Finding]:
    """MAINTAINER is deprecated.

    Why: it sets a field of the image that hardly any tool shows. A label says the same, can be looked up with
    `docker inspect` and can be set from outside.

    ```dockerfile bad
    FROM debian:12
    MAINTAINER Ada <ada@example.org>
    ```

    ```dockerfile good
    FROM debian:12
    LABEL org.opencontainers.image.authors="Ada <ada@example.org>"
    ```
    """
    text = maintainer.arguments.rstrip()
    joined = maintainer.line.joined
    fix = None
    # MAINTAINER takes its text as it is; in a label's value quotes, escapes and variables mean something.
    if text and not re.search(r"[\"\\`$]", text) and joined.contiguous(maintainer.head.start, len(joined.text)):
        label = "LABEL" if joined.text[maintainer.head.start].isupper() else "label"
        span = joined.span(maintainer.head.start, maintainer.rest + len(text))
        edit = Edit(span, f'{label} org.opencontainers.image.authors="{text}"')
        fix = Fix("make it a label", (edit,), Safety.UNSAFE)
    yield Finding(
        maintainer.span,
        "MAINTAINER is deprecated",
        help='LABEL org.opencontainers.image.authors="…"',
        fix=fix,
        aliases=("DL4000", "MaintainerDeprecated"),
    )


@rule("IL704", blame=_METADATA, aliases=("LegacyKeyValueFormat",))
def legacy_key_value(instruction: Env | Label, graph: BuildGraph) -> Iterator[Finding]:
    """ENV or LABEL separates a name from its value by a blank.

    Why: this form takes one pair alone, and everything behind the name for its value: `ENV A=1 B=2` sets two
    variables, `ENV A 1 B=2` sets one to `1 B=2`. BuildKit keeps it for old files only.

    ```dockerfile bad
    FROM debian:12
    ENV GREETING good morning
    LABEL version 1.2
    ```

    ```dockerfile fixed
    FROM debian:12
    ENV GREETING="good morning"
    LABEL version=1.2
    ```

    ```dockerfile good
    FROM debian:12
    ENV GREETING="good morning" NAME=ada
    ```
    """
    words = instruction.words
    if len(words) < 2 or "=" in words[0].value or not instruction.pairs:
        return
    pair = instruction.pairs[0]
    if not pair.value:
        return
    yield Finding(
        instruction.span_of(pair.word),
        f"{pair.key[:60]} is separated from its value by a blank: a second pair would become a part of the value",
        help=f"write {instruction.keyword} {pair.key[:60]}=…",
        fix=_with_equals(instruction),
        aliases=onbuild.seen(instruction, graph, "LegacyKeyValueFormat"),
    )


def _with_equals(instruction: Env | Label) -> Fix | None:
    """The pair with `=`, where its value has nothing that would read otherwise in quotes."""
    joined = instruction.line.joined
    key, first = instruction.words[:2]
    end = len(joined.text.rstrip())
    value = joined.text[first.start : end]
    special = ("'", '"', instruction.source.escape, "\\", "`")
    if any(char in value or char in key.value for char in special) or not joined.contiguous(first.start, end):
        return None
    quote = "" if re.fullmatch(_BARE, value) else '"'
    gap = Span(joined.span(key.start, key.end).end, joined.offset(first.start))
    edits = [Edit(gap, f"={quote}")]
    if quote:
        behind = joined.span(first.start, end).end
        edits.append(Edit(Span(behind, behind), quote))
    return Fix("write it with `=`", tuple(edits))
