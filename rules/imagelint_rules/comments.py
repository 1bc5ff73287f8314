"""What is wrong with the comments that silence findings, and with files that do not parse.

All but one of these are found by the linter itself, which alone knows what a comment has silenced and what the parser
has refused; they are here so that they can be chosen, explained and silenced like any other rule.
"""

import re
from collections.abc import Iterator

from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.source import LineKind
from imagelint.finding import Finding, Persona, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared.values import FAILS

_NO_BYTES = Unpriced("a comment takes no byte of an image")
_INLINE = r"\s*#\s*hadolint\s+ignore\s*=\s*[DLSC0-9]+(?:\s*,\s*[DLSC0-9]+)*\s*(?:#.*)?$"


@rule("IL001", blame=FAILS, aliases=("DL1000", "DL3043", "DL3061"), severity=Severity.ERROR)
def syntax_error(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """The file is not what BuildKit reads: an instruction that there is not, a flag, a number of arguments.

    Why: the build ends here. The rest of the file is linted all the same, so that one typing error does not hide what
    else there is to say.

    ```dockerfile bad
    FROM debian:12
    RUNN apt-get update
    ```

    ```dockerfile good
    FROM debian:12
    RUN apt-get update
    ```
    """
    yield from ()


@rule("IL911", blame=_NO_BYTES)
def misspelt_suppression(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """A comment for imagelint silences nothing, because it is misspelt.

    Why: whoever wrote it believes that something is ignored, and it is not; or it names a rule that there is not.

    ```dockerfile bad
    FROM debian:12
    # imagelint: ignroe[IL101] the lists are needed at run time
    RUN apt-get update
    ```

    ```dockerfile good
    FROM debian:12
    # imagelint: ignore[IL101] the lists are needed at run time
    RUN apt-get update
    ```
    """
    yield from ()


@rule("IL912", blame=_NO_BYTES)
def unused_suppression(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """A comment for imagelint ignores what is not there to be found.

    Why: the finding is gone, or never was; left alone, the comment silences the next one that comes. Only rules that
    run are judged: one that is off may find what the comment is for.

    ```dockerfile bad
    FROM debian:12
    # imagelint: ignore[unused-suppression] nothing below it
    RUN true
    ```

    ```dockerfile good
    FROM debian:12
    # imagelint: ignore[IL101] the lists are needed at run time
    RUN apt-get update
    ```
    """
    yield from ()


@rule("IL913", blame=_NO_BYTES, severity=Severity.INFO, persona=Persona.PEDANTIC)
def unused_pragma(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """A pragma of hadolint or a `# check=skip=` of BuildKit ignores what is not there to be found.

    Why: as with imagelint's own comments. It is reported on request alone: those tools may see more at that place, and
    a team that still runs them needs the comment.

    ```dockerfile bad
    FROM debian:12
    # check=skip=all
    RUN true
    ```

    ```dockerfile good
    FROM debian:12
    RUN true
    ```
    """
    yield from ()


@rule("IL914", blame=_NO_BYTES, aliases=("DL1001",), severity=Severity.INFO, persona=Persona.PEDANTIC)
def inline_pragma(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """A pragma of hadolint ignores a finding inline.

    Why: some teams keep what is ignored in one place, the configuration. It is off unless it is asked for.

    ```dockerfile bad
    FROM debian:12
    # hadolint ignore=DL3002
    USER root
    ```

    ```dockerfile good
    FROM debian:12
    # the base image has no other user
    USER root
    ```
    """
    source = dockerfile.source
    for number, kind in enumerate(source.kinds, start=1):
        if kind is LineKind.COMMENT and re.match(_INLINE, source.index.line_text(number)):
            yield Finding(source.span_of_lines(number, number), "an inline pragma ignores a finding")
