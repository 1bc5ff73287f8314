"""COPY --from: from a stage that the file does not have, or with everything that is in it."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import Copy
from imagelint.dockerfile.reference import image_name
from imagelint.dockerfile.words import unquote
from imagelint.finding import Finding, Persona, Unpriced, WholeLayer
from imagelint.graph import BuildGraph
from imagelint.graph.references import names_of, number
from imagelint.rule import rule
from imagelint_rules.shared.bases import similar


@rule(
    "IL412", blame=Unpriced("it is about what is copied from, not about its size"), aliases=("DL3022",), triggers=False
)
def unknown_stage_in_copy(copy: Copy, graph: BuildGraph, *, contexts: tuple[str, ...] = ()) -> Iterator[Finding]:
    """COPY takes from a name that is no stage, and has no tag either.

    Why: what is not the name of a stage above is pulled as an image, and without a tag that is `latest`. So it is a
    typing error, or an image that changes with every release. A third thing it can be: a context that the build is
    given by `--build-context`; the option `contexts` names those. A later stage is an error, told by
    bad-stage-reference. Unlike hadolint the rule knows that capitals make no difference, and takes a digest.

    ```dockerfile bad
    FROM golang:1.23 AS build
    FROM scratch
    COPY --from=biuld /app /app
    ```

    ```dockerfile good
    FROM golang:1.23 AS build
    FROM scratch
    COPY --from=build /app /app
    COPY --from=busybox:1.37 /bin/sh /bin/sh
    ```
    """
    stage = graph.stage_of(copy)
    for name, word in names_of(copy):
        if stage is None or name in contexts:
            continue
        at = number(name)
        # What is a stage further down, or a number too high, is an error with a rule of its own.
        if stage is not graph.headless and (at is not None or graph.meant(name) is not None):
            continue
        if at is None:
            image = image_name(name.lower())
            if image is None or image.tag or image.digest:
                continue
        above = (each.name for each in graph.stages if each.name and stage is not None and each.index < stage.index)
        close = None if at is not None else similar(name.lower(), above, graph)
        if close:
            message, help_ = f"there is no stage {name[:60]} above this one", f"was {close} meant?"
        elif at is not None:
            message, help_ = f"there is no stage {name[:20]} above this one", "stages count from 0; name them"
        else:
            message = f"{name[:100]} is no stage: it is pulled as an image without a tag"
            help_ = "name a stage above, or the image with a version"
        yield Finding(copy.span_of(word), message, help=help_)


@rule("IL413", blame=WholeLayer(), aliases=("DL3067",))
def whole_file_system_copied(copy: Copy, graph: BuildGraph) -> Iterator[Finding]:
    """COPY takes everything that another stage or image holds.

    Why: with `/` to `/` the new layer holds the whole of the other file system, the caches and build tools that a
    stage of its own should leave behind included, and what was there before is overwritten. It is only told to those
    who ask for opinions where the target is `scratch`, which makes one layer of many, and where the source is an image,
    a stage that adds nothing to one, or a stage on `scratch`: those hold a few files that are there to be copied, as
    `tonistiigi/xx` does.

    ```dockerfile bad
    FROM golang:1.23 AS build
    RUN go install example.org/tool@v1.0.0
    FROM debian:12
    COPY --from=build / /
    ```

    ```dockerfile good
    FROM golang:1.23 AS build
    FROM debian:12
    COPY --from=build /app/ /
    ```
    """
    if copy.from_ is None or copy.destination is None or not _is_root(copy.destination.value, copy):
        return
    stage = graph.stage_of(copy)
    for word in copy.sources:
        if _is_root(word.value, copy):
            squashes = stage is not None and stage.base is None and stage.image == "scratch"
            source = graph.meant(copy.from_, numbers=True)
            meant = source is None or source.root.image == "scratch" or not source.instructions
            yield Finding(
                copy.span,
                f"everything in {copy.from_[:60]} is copied"
                + ("" if source is None else ", and with it what it was built with"),
                help="copy what is needed, by its path",
                persona=Persona.PEDANTIC if squashes or meant else None,
            )
            return


def _is_root(path: str, copy: Copy) -> bool:
    """`/`, also quoted or as `/.`, and with a star behind it."""
    path = unquote(path, escape=copy.source.escape)
    return path.startswith("/") and not path.strip("/.*")
