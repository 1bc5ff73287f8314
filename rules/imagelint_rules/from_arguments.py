"""The arguments that FROM uses: those that are not declared, and defaults that give no image's name."""

from collections.abc import Iterator
from itertools import islice

from imagelint.dockerfile.instructions import From
from imagelint.dockerfile.reference import is_reference
from imagelint.dockerfile.words import SubstitutionError, expand, variables
from imagelint.finding import Finding, Persona, Severity, Unpriced
from imagelint.graph import PLATFORM_ARGS, BuildGraph
from imagelint.rule import rule
from imagelint_rules.bases import fault, platform_flag, platform_of, shown, span_of_variable, undeclared, unset

_NAMES = Unpriced("it is about which image is built on, not about its size")
#: Names that are looked through for a similar one; more of them would make a hostile file slow.
_CANDIDATES = 32


@rule("IL406", blame=_NAMES, aliases=("UndefinedArgInFrom",))
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
        try:
            value = expand(text, graph.globals.at(), escape=escape)
        except SubstitutionError:
            continue  # that is a fault of its own
        fails = why == "undeclared" if word is from_.image else platform_of(value) is None
        for name in undeclared(list(dict.fromkeys(variables(text, escape=escape))), graph):
            image_fails = fails and word is from_.image
            yield Finding(
                span_of_variable(from_, word, name),
                f"{name[:60]} is not declared before the first FROM: it is empty here",
                note="without it, nothing is left that FROM could take" if fails else None,
                help=f"declare it above the first FROM: ARG {name[:60]}{_suggestion(name, graph)}",
                severity=Severity.ERROR if fails else None,
                aliases=("InvalidDefaultArgInFrom", "UndefinedArgInFrom") if image_fails else None,
            )
            fails = False


def _suggestion(name: str, graph: BuildGraph) -> str:
    import difflib  # only for files with a finding

    known = [each for each in (*islice(graph.declared, _CANDIDATES), *PLATFORM_ARGS) if len(each) < 60]
    close = difflib.get_close_matches(name[:60], known, n=1, cutoff=0.75)
    return f" (or was {close[0]} meant?)" if close else ""


@rule("IL407", blame=_NAMES, aliases=("InvalidDefaultArgInFrom",))
def invalid_default_in_from(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """The base image has no valid name unless the build is given an argument.

    Why: who builds the file without that `--build-arg` gets an error, and so do editors, scanners and update bots.
    A default that works makes the argument what it should be, a choice. It is an error where the build at hand does
    not give the argument, and a warning where it does.

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
    if why == "stage":
        yield Finding(
            from_.span_of(from_.image),
            f"the stage's name {image[:60]} could not be an image's, for which BuildKit's check takes it",
            help="end the stage's name with a letter or a digit",
            persona=Persona.PEDANTIC,
        )
    if why != "default":
        return
    names = list(dict.fromkeys(variables(from_.image.value, escape=from_.source.escape)))
    stage = graph.stage_of(from_)
    fails = stage is None or (stage.base is None and not is_reference(image))
    lacking = (unset(names, graph) or names) if fails else names
    needed = " and ".join(name[:60] for name in lacking[:3])
    if not fails:
        message = f"{from_.image.value[:100]} has no valid name in a build that is not given {needed}"
    elif image:
        message = f"{shown(image, from_)} is no name of an image: a --build-arg must give {needed} a value"
    else:
        message = f"the base image's name is empty: a --build-arg must give {needed} a value"
    yield Finding(
        from_.span_of(from_.image),
        message,
        help="give the ARG a default that works, before the first FROM",
        severity=Severity.ERROR if fails else None,
    )
