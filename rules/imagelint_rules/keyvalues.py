"""Old spellings: MAINTAINER, and ENV and LABEL without `=`."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Env, Label, Maintainer, Pair
from imagelint.finding import Finding, Fix, Safety, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint.text import Edit, Span
from imagelint_rules.shared import onbuild

_METADATA = Unpriced("a few letters of metadata take no bytes of a layer")
#: A value that needs no quotes behind `=`.
_BARE = r"[A-Za-z0-9_./:@%+,${}=-]+"


@rule("IL703", blame=_METADATA, aliases=("DL4000", "MaintainerDeprecated"))
def maintainer_instruction(maintainer: Maintainer, graph: BuildGraph) -> Iterator[Finding]:
    """MAINTAINER is deprecated.

    Why: it sets a field of the image that hardly any tool shows. A label says the same, can be looked up with
    `docker inspect` and can be set from outside. hadolint calls it an error; it breaks nothing, so that it is a warning
    here.

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


@rule("IL704", blame=_METADATA, aliases=("LegacyKeyValueFormat",), severity=Severity.INFO)
def legacy_key_value(instruction: Env | Label, graph: BuildGraph) -> Iterator[Finding]:
    """ENV or LABEL separates a name from its value by a blank.

    Why: this form takes one pair alone, and everything behind the name for its value: `ENV A=1 B=2` sets two
    variables, `ENV A 1 B=2` sets one to `1 B=2`. BuildKit keeps it for old files only, and warns of it in each build.

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
    pair = instruction.pairs[0] if instruction.pairs else None
    if pair is None or not pair.value or "=" in pair.word.value:
        return
    yield Finding(
        instruction.span_of(pair.word),
        f"{pair.key[:60]} is separated from its value by a blank: a second pair would become a part of the value",
        help=f"write {instruction.keyword} {pair.key[:60]}=…",
        fix=_with_equals(instruction, pair),
        aliases=onbuild.seen(instruction, graph, "LegacyKeyValueFormat"),
    )


def _with_equals(instruction: Env | Label, pair: Pair) -> Fix | None:
    """The pair with `=`, where its value has nothing that would read otherwise in quotes."""
    joined = instruction.line.joined
    key = pair.word.value
    key_end = pair.word.start + len(key)
    end = len(joined.text.rstrip())
    value = joined.text[key_end:end].lstrip()
    start = end - len(value)
    # A value that is one quoted text is the same behind `=`.
    inner = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    special = ("'", '"', instruction.source.escape, "\\", "`")
    if any(char in inner or char in key for char in special) or not joined.contiguous(start, end):
        return None
    quote = "" if inner != value or re.fullmatch(_BARE, value) else '"'
    gap = Span(joined.span(pair.word.start, key_end).end, joined.offset(start))
    edits = [Edit(gap, f"={quote}")]
    if quote:
        behind = joined.span(start, end).end
        edits.append(Edit(Span(behind, behind), quote))
    return Fix("write it with `=`", tuple(edits))
