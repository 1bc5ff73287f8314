"""Which image a stage is built on: its version, and where it comes from."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Copy, From, Run
from imagelint.dockerfile.reference import ImageName, image_name
from imagelint.dockerfile.words import SubstitutionError, expand, variables
from imagelint.finding import Finding, Persona, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.graph.references import names_of, number
from imagelint.rule import rule
from imagelint.text import Span
from imagelint_rules.shared.bases import resolved_image, shown

#: Distroless images that are named after a Debian release.
_RELEASE = r"distroless/[a-z0-9.-]+-debian\d+"
_MOVES = Unpriced("it is about which image is built on, not about its size")


@rule("IL401", blame=_MOVES, aliases=("DL3006",))
def untagged_base_image(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """The base image has neither tag nor digest.

    Why: without a tag Docker takes `latest`, and that is another image after every release. A build that worked
    yesterday fails today, or ships something else, and the file does not show it. Variables are replaced by the
    defaults of their ARGs first, which hadolint does not do.

    It is only told to those who ask for opinions where the name says that the image was built on the same machine
    (`localhost/base`, `local-image/base`), so that there is no other one, and for Google's distroless images whose name
    holds the release, such as `gcr.io/distroless/static-debian12`: they have no tags for versions.

    ```dockerfile bad
    FROM debian
    ```

    ```dockerfile good
    ARG VERSION=12
    FROM debian:${VERSION} AS build
    FROM build
    ```
    """
    image = resolved_image(from_, graph)
    name = image_name(image) if image else _partly(from_, graph, untagged=True)
    if name and name.tag is None and name.digest is None:
        yield Finding(
            from_.span_of(from_.image),
            f"{shown(image or from_.image.value, from_)} has no tag: it is what `latest` is on the day of the build",
            help=_advice(name),
            persona=Persona.PEDANTIC if _local(name) or re.fullmatch(_RELEASE, name.path) else None,
        )


def _local(name: ImageName) -> bool:
    """Whether an image's name says that it is built where it is used."""
    return name.registry == "localhost" or re.match(r"local(?:host|[-_.]?(?:image|build)s?)?/", name.path) is not None


def _advice(name: ImageName) -> str:
    """What to write in the place of `latest`: some images have no other tag that names a version."""
    if name.registry == "cgr.dev" or name.path.startswith(("distroless/", "chainguard/")):
        return "pin the image by its digest: it has no tags for versions"
    return "name a version, or pin the image by its digest"


def _partly(from_: From, graph: BuildGraph, tag: str = "", *, untagged: bool = False) -> ImageName | None:
    """The parts of an image's name that is none without values that only the build has.

    None where the file does not write out what is asked for: the tag, or that there is none.
    """
    stage = graph.stage_of(from_)
    text, escape = from_.image.value, from_.source.escape
    last = text.rpartition("/")[2]
    if (
        stage is None
        or stage.base is not None
        or "$" not in text
        or not last.endswith(tag)
        or ("$" in last and untagged)
    ):
        return None
    try:
        names = variables(text, escape=escape)
        return image_name(expand(text, {name: graph.globals.get(name) or "x" for name in names}, escape=escape))
    except SubstitutionError:
        return None


@rule("IL402", blame=_MOVES, aliases=("DL3007",))
def latest_base_image(instruction: From | Copy, graph: BuildGraph) -> Iterator[Finding]:
    """The base image has the tag `latest`.

    Why: `latest` is another image after every release, so that the same file builds something else. Beside a digest
    the tag is a comment. Variables are replaced by the defaults of their ARGs first. `COPY --from=image:latest` is
    the same thing on a smaller scale, and is only told to those who ask for opinions.

    ```dockerfile bad
    ARG TAG=latest
    FROM debian:$TAG
    ```

    ```dockerfile good
    ARG TAG=12
    FROM debian:$TAG
    ```
    """
    if isinstance(instruction, Copy):
        for name, word in names_of(instruction):
            copied = image_name(name.lower())
            if copied and copied.tag == "latest" and copied.digest is None:
                yield Finding(
                    instruction.span_of(word),
                    f"{name} is another image after every release",
                    help="name a version",
                    persona=Persona.PEDANTIC,
                    aliases=(),
                )
        return
    image = resolved_image(instruction, graph)
    base = image_name(image) if image else _partly(instruction, graph, ":latest")
    if base and base.tag == "latest" and base.digest is None:
        yield Finding(
            instruction.span_of(instruction.image),
            f"{shown(image or instruction.image.value, instruction)} is another image after every release",
            help=_advice(base),
        )


@rule(
    "IL403",
    blame=Unpriced("it is about whom to trust, not about size"),
    aliases=("DL3026",),
    severity=Severity.ERROR,
    triggers=False,
)
def untrusted_registry(instruction: From | Copy | Run, graph: BuildGraph) -> Iterator[Finding]:
    """An image comes from a registry that is not among the trusted ones.

    Why: what is built on an image, or copied out of one, is as trustworthy as the registry that it is pulled from.
    The rule is silent until registries are demanded. `*` stands for any beginning or end of a name; an image without
    a registry comes from docker.io. Unlike hadolint it takes `host:5000/image` for an image of that host, looks at
    every mount, and knows a stage by its number.

    ```dockerfile bad
    # registries: docker.io *.example.com
    FROM ghcr.io/someone/app:1.0
    ```

    ```dockerfile good
    # registries: docker.io *.example.com
    FROM debian:12 AS build
    FROM registry.example.com/base:3
    COPY --from=build /app /app
    ```
    """
    trusted = graph.context.demands.registries
    if not trusted:
        return
    for name, span in _images(instruction, graph):
        image = image_name(name)
        if image is not None and not _trusts(trusted, image.registry):
            yield Finding(
                span,
                f"{image.registry} is not among the trusted registries",
                note="an image that names no registry comes from there" if image.registry == "docker.io" else None,
                help=f"take it from one of them: {', '.join(trusted)[:200]}",
            )


def _images(instruction: From | Copy | Run, graph: BuildGraph) -> Iterator[tuple[str, Span]]:
    """The images that an instruction takes something from, each with its place; stages are none."""
    if isinstance(instruction, From):
        image = resolved_image(instruction, graph)
        if image:
            yield image, instruction.span_of(instruction.image)
        elif partly := _partly(instruction, graph):
            text = instruction.image.value
            # The registry is certain where the first part of the name is.
            if "$" not in (text.partition("/")[0] if "/" in text else text.partition(":")[0]):
                yield f"{partly.registry}/{partly.path}", instruction.span_of(instruction.image)
        return
    numbers = isinstance(instruction, Copy)
    for name, word in names_of(instruction):
        stage = graph.meant(name, numbers=numbers) is not None or (numbers and number(name) is not None)
        if not stage and name != "scratch":
            yield name.lower(), instruction.span_of(word)


def _trusts(patterns: tuple[str, ...], registry: str) -> bool:
    names = ("docker.io", "hub.docker.com") if registry == "docker.io" else (registry,)
    return any(_matches(pattern.lower(), name) for pattern in patterns for name in names)


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("*"):
        return name.endswith(pattern[1:])
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
