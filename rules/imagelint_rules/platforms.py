"""`FROM --platform`: where it ties the image to one platform, says nothing, or is not what was pulled."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import Flag, From
from imagelint.dockerfile.words import SubstitutionError, expand, variables
from imagelint.finding import Finding, Fix, Persona, Safety, Unpriced
from imagelint.graph import PLATFORM_ARGS, BuildGraph
from imagelint.rule import rule
from imagelint.text import Edit, Span
from imagelint_rules.shared.bases import platform_flag, platform_of, resolved_platform, undeclared

_PORTABLE = Unpriced("it is about where the image runs, not about its size")


@rule("IL404", blame=_PORTABLE, aliases=("DL3029", "FromPlatformFlagConstDisallowed"))
def constant_platform(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """FROM asks for one platform, whatever the image is built for.

    Why: `docker build --platform` and multi-platform builds choose the platform from outside. With a constant in the
    file the image for arm64 holds programs for amd64, which do not run there or run slowly, under emulation.
    `$BUILDPLATFORM` and `$TARGETPLATFORM` follow the build.

    hadolint reports every platform without one of these two names. Here a stage that says in its name what it is
    for, and an argument of the file's own, are only told to those who ask for opinions; `linux/$TARGETARCH` follows
    the build and is right.

    ```dockerfile bad
    FROM --platform=linux/amd64 debian:12
    ```

    ```dockerfile good
    FROM --platform=$BUILDPLATFORM debian:12 AS build
    FROM --platform=linux/$TARGETARCH debian:12
    ```
    """
    flag = platform_flag(from_)
    if flag is None or flag.value is None:
        return
    names = variables(flag.value, escape=from_.source.escape)
    span = from_.span_of(flag.word)
    if names:
        follows = any(name in PLATFORM_ARGS for name in names)
        if not follows and not undeclared(names, graph) and resolved_platform(from_, graph) is not None:
            yield Finding(
                span,
                f"the platform comes from {names[0]}, not from the build",
                help="`docker build --platform` sets $TARGETPLATFORM; no argument of one's own is needed",
                persona=Persona.PEDANTIC,
                aliases=("DL3029",),
            )
        return
    platform = platform_of(flag.value)
    if platform is None:
        return
    stage = graph.stage_of(from_)
    named = stage is not None and stage.name is not None and any(part in stage.name for part in platform)
    yield Finding(
        span,
        f"the stage is always for {flag.value[:60]}, whatever is built",
        help="leave the platform to `docker build --platform`; $BUILDPLATFORM is for what runs during the build",
        persona=Persona.PEDANTIC if named else None,
        aliases=("DL3029",) if named else None,
    )


@rule("IL405", blame=_PORTABLE, aliases=("DL3065", "RedundantTargetPlatform"))
def redundant_target_platform(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """FROM asks for the platform that it would get anyway.

    Why: `$TARGETPLATFORM` is what FROM takes by itself. Written out it looks as if something special were wanted.
    Where the file gives TARGETPLATFORM a value of its own, it is something special, and the rule is silent.

    ```dockerfile bad
    FROM --platform=$TARGETPLATFORM debian:12
    ```

    ```dockerfile fixed
    FROM debian:12
    ```

    ```dockerfile good
    FROM --platform=$BUILDPLATFORM debian:12
    ```
    """
    flag = platform_flag(from_)
    if flag is None or flag.value is None:
        return
    name = "TARGETPLATFORM"
    try:
        value = expand(flag.value, graph.defaults.at(), escape=from_.source.escape)
    except SubstitutionError:
        return
    if set(variables(flag.value, escape=from_.source.escape)) != {name} or value != PLATFORM_ARGS[name]:
        return
    exact = flag.value in ("$TARGETPLATFORM", "${TARGETPLATFORM}")
    yield Finding(
        from_.span_of(flag.word),
        "$TARGETPLATFORM is the platform that FROM takes anyway",
        help="leave the flag out",
        fix=_without(flag, from_, Safety.UNSAFE if name in graph.declared else Safety.SAFE),
        aliases=None if exact else ("RedundantTargetPlatform",),
    )


def _without(flag: Flag, from_: From, safety: Safety) -> Fix | None:
    """Take the flag out; not safely where an ARG lets the build be given another value for it."""
    joined = from_.line.joined
    end = from_.rest
    if len(from_.flags) != 1 or not from_.arguments or not joined.contiguous(flag.word.start, end):
        return None
    span = Span(joined.offset(flag.word.start), joined.offset(end))
    return Fix("leave the flag out", (Edit(span, ""),), safety)


@rule("IL408", blame=_PORTABLE, aliases=("InvalidBaseImagePlatform",))
def mismatched_base_platform(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """The base image is for another platform than FROM asks for.

    Why: a tag that exists for one platform alone is pulled for that one, and the build goes on with a warning at
    most. What it makes does not run where it should. The rule needs to know the image, and is silent where it does
    not, or where the build decides the platform.

    ```dockerfile bad
    # images: debian:12=linux/amd64
    FROM --platform=linux/arm64 debian:12
    ```

    ```dockerfile good
    # images: debian:12=linux/arm64
    FROM --platform=linux/arm64 debian:12
    ```
    """
    stage = graph.stage_of(from_)
    flag = platform_flag(from_)
    known = graph.context.images.get(stage.image) if stage is not None and stage.base is None else None
    if known is None or known.platform is None or flag is None or flag.value is None:
        return
    names = variables(flag.value, escape=from_.source.escape)
    if any(name in PLATFORM_ARGS and name not in graph.declared for name in names):
        return
    expected, actual = resolved_platform(from_, graph), platform_of(known.platform)
    if expected is not None and actual is not None and expected != actual and stage is not None:
        yield Finding(
            from_.span,
            f"{stage.image[:100]} is for {known.platform}, and {'/'.join(expected)[:60]} is asked for",
            help="take a tag that exists for that platform",
        )
