"""Whether a container can tell that it is well."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import Healthcheck
from imagelint.dockerfile.parser import Dockerfile
from imagelint.finding import Finding, Persona, Severity, Unpriced
from imagelint.graph import BuildGraph
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

    The stage that is shipped must have one, or a stage that it is built on; hadolint asks it of each stage.

    ```dockerfile bad
    FROM nginx:1.27
    ```

    ```dockerfile good
    FROM nginx:1.27
    HEALTHCHECK CMD ["curl", "-f", "http://localhost/"]
    ```
    """
    stage = graph.final
    if stage is None or stage is graph.headless:
        return
    if not any(isinstance(each, Healthcheck) for each in graph.lineage(stage)):
        yield Finding(
            stage.from_.span, "the image has no HEALTHCHECK", help="add `HEALTHCHECK CMD […]`, or `HEALTHCHECK NONE`"
        )
