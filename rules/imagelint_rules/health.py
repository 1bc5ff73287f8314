"""Whether a container can tell that it is well."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import Healthcheck
from imagelint.dockerfile.parser import Dockerfile
from imagelint.finding import Finding, Persona, Severity, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule


@rule(
    "IL720",
    blame=Unpriced("a health check is metadata and takes no bytes"),
    aliases=("DL3057",),
    severity=Severity.INFO,
    persona=Persona.PEDANTIC,
)
def healthcheck_missing(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """The image has no HEALTHCHECK.

    Why: without one, Docker takes a container for healthy as long as its process lives. Kubernetes has probes of its
    own and reads no HEALTHCHECK, so that this is for those who ask for opinions.

    The stage that is shipped must have one, or a stage that it is built on. hadolint asks it of each stage; what the
    others lack is a matter of style here.

    ```dockerfile bad
    FROM nginx:1.27
    ```

    ```dockerfile good
    FROM nginx:1.27
    HEALTHCHECK CMD ["curl", "-f", "http://localhost/"]
    ```
    """
    final = graph.final
    if final is None or final is graph.headless:
        return
    have: set[Stage] = set()  # one of their own, or of a stage that they are built on
    lend: set[Stage] = set()  # one of their own, or of a stage that is built on them
    for stage in graph.stages:
        if any(isinstance(each, Healthcheck) for each in stage.instructions):
            have.add(stage)
            above: Stage | None = stage
            while above is not None and above not in lend:
                lend.add(above)
                above = above.base
        elif stage.base in have:
            have.add(stage)
    help_ = "add `HEALTHCHECK CMD […]`, or `HEALTHCHECK NONE`"
    for stage in graph.stages:
        if stage is final:
            if stage not in have:
                yield Finding(stage.from_.span, "the image has no HEALTHCHECK", help=help_)
        elif stage not in have and stage not in lend:
            yield Finding(
                stage.from_.span,
                "this stage has no HEALTHCHECK",
                note="it is not the one that is shipped, and needs one only where it is built as an image of its own",
                severity=Severity.STYLE,
            )
