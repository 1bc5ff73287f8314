"""The arguments that FROM uses: those that are not declared, and defaults that give no image's name."""

from collections.abc import Iterator
from itertools import chain

from imagelint.dockerfile.instructions import From
from imagelint.dockerfile.reference import is_reference
from imagelint.dockerfile.words import variables
from imagelint.finding import Finding, Persona, Severity, Unpriced
from imagelint.graph import PLATFORM_ARGS, BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared.bases import (
    fault,
    platform_flag,
    resolved_platform,
    similar,
    span_of_variable,
    undeclared,
    unset,
)
from imagelint_rules.shared.values import FAILS

_NAMES = Unpriced("it is about which image is built on, not about its size")
#: Variables of one FROM that are told apart.
_MANY = 50


@rule("IL406", blame=_NAMES, aliases=("InvalidDefaultArgInFrom", "UndefinedArgInFrom"))
def undeclared_argument_in_from(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """FROM uses a variable that no ARG before the first FROM declares.

    Why: FROM sees the ARGs that stand before the first FROM, and no others: neither those of a stage nor the shell's.
    A variable that it does not see is empty, and `--build-arg` does not change that. Where nothing is left of the
    image's name the build fails, and the finding is an error.

    ```dockerfile bad
    FROM node:22${VARIANT}
    ARG VARIANT=-alpine
    ```

    ```dockerfile good
    ARG VARIANT=-alpine
    FROM --platform=$BUILDPLATFORM node:22${VARIANT}
    ```
    """
    flag = platform_flag(from_)
    why, _ = fault(from_, graph)
    escape = from_.source.escape
    for word, text in ((from_.image, from_.image.value), (flag.word, flag.value or "") if flag else (None, "")):
        if word is None or "$" not in text:
            continue
        is_image = word is from_.image
        fails = why == "undeclared" if is_image else resolved_platform(from_, graph) is None
        for name in undeclared(list(dict.fromkeys(variables(text, escape=escape))), graph)[:_MANY]:
            close = similar(name, chain(PLATFORM_ARGS, graph.declared), graph)
            help_ = f"declare it above the first FROM: ARG {name[:60]}" + (f" (or was {close} meant?)" if close else "")
            yield Finding(
                span_of_variable(from_, word, name),
                f"{name[:60]} is not declared before the first FROM: it is empty here",
                note=f"without it, there is no valid {'image' if is_image else 'platform'} to take" if fails else None,
                help=help_,
                severity=Severity.ERROR if fails else None,
                blame=FAILS if fails else None,
                aliases=None if fails and is_image else ("UndefinedArgInFrom",),
            )
            fails = False


@rule("IL407", blame=_NAMES, aliases=("InvalidDefaultArgInFrom",))
def invalid_default_in_from(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """The base image has no valid name unless the build is given an argument.

    Why: who builds the file without that `--build-arg` gets an error, and so do editors, scanners and update bots.
    A default that works makes the argument what it should be, a choice. It is an error where the build at hand does
    not give the argument, and a warning where it does. Where the ARG has no default at all, that is on purpose more
    often than not, so that it is an opinion, and off by default.

    ```dockerfile bad
    ARG VERSION
    FROM debian:${VERSION}
    ```

    ```dockerfile good
    ARG VERSION=12
    ARG VARIANT
    FROM debian:${VERSION}${VARIANT}
    ```
    """
    why, image = fault(from_, graph)
    text = from_.image.value
    if why == "stage":
        yield Finding(
            from_.span_of(from_.image),
            f"the stage's name {image[:60]} could not be an image's, for which BuildKit's check takes it",
            help="end the stage's name with a letter or a digit",
            persona=Persona.PEDANTIC,
        )
    if why not in ("default", "required"):
        return
    names = list(dict.fromkeys(variables(text, escape=from_.source.escape)))
    stage = graph.stage_of(from_)
    fails = why == "required" or stage is None or (stage.base is None and not is_reference(image))
    lacking = unset(names, graph) if fails else names
    needed = " and ".join(name[:60] for name in (lacking or names)[:3])
    if fails:
        value = "a value" if lacking else "another value"
        message = f"{text[:100]} names no image until a --build-arg gives {needed} {value}"
    else:
        message = f"{text[:100]} names no image in a build that is not given {needed}"
    yield Finding(
        from_.span_of(from_.image),
        message,
        note=f"by default it is {image[:100]}" if fails and image else None,
        help="give the ARG a default that works, before the first FROM",
        severity=Severity.ERROR if fails else None,
        persona=Persona.PEDANTIC if fails and lacking else None,
        blame=FAILS if fails else None,
        # Where `${x:?}` ends the build BuildKit does not come to its check.
        aliases=() if why == "required" else None,
    )
