"""Who the image's processes run as."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import User
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.words import SubstitutionError
from imagelint.finding import Finding, Persona, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared.values import value_of

_METADATA = Unpriced("who runs the image takes no bytes")
_ROOT = ("root", "0")


def _last_user(graph: BuildGraph) -> tuple[User, str] | None:
    """The USER that the final image ends with and the name or number in it, where the file can say."""
    if graph.final is None:
        return None
    users = [each for each in graph.lineage(graph.final) if isinstance(each, User)]
    if not users:
        return None
    try:
        value = value_of(users[-1].arguments.strip(), users[-1], graph)
    except SubstitutionError:
        return None
    return (users[-1], value.partition(":")[0].strip()) if value else None


@rule("IL602", blame=_METADATA, aliases=("DL3002", "DL3066"))
def root_as_last_user(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """The last USER of the image is root.

    Why: what runs in the container then runs as root, and whoever breaks into it has root's rights there: over every
    file of the image, over mounted volumes, and over the host where the container is privileged. Become root for the
    steps that need it, and end with a user without rights.

    Only the stage that is shipped is looked at, with the stages that it is built on. hadolint asks this of builder
    stages too, where nothing ever runs but the build.

    ```dockerfile bad
    FROM debian:12
    USER root
    RUN apt-get update && apt-get install -y nginx
    ```

    ```dockerfile good
    FROM debian:12
    USER root
    RUN apt-get update && apt-get install -y nginx
    USER 1000
    ```
    """
    found = _last_user(graph)
    if found is None or found[1] not in _ROOT:
        return
    user, name = found
    yield Finding(
        user.span,
        f"the image runs as {name}: this is its last USER",
        help="end the stage with a user of its own, by number: `USER 1000`",
        # Where the name is root, that it is no number is the same matter.
        aliases=None if name == "root" else ("DL3002",),
    )


@rule("IL603", blame=_METADATA, aliases=("DL3066",), severity=Severity.INFO, persona=Persona.PEDANTIC)
def non_numeric_user(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """The last USER of the image is a name and not a number.

    Why: a name means something only beside the image's own `/etc/passwd`. Kubernetes cannot tell from it that a
    container does not run as root, and refuses it under `runAsNonRoot`; files on volumes belong to numbers too.

    hadolint 2.15.1 asks this of every USER, imagelint of the one that the image ends with. A variable is looked up;
    where its value is not known, the rule is silent.

    ```dockerfile bad
    FROM debian:12
    RUN useradd --uid 1000 app
    USER app
    ```

    ```dockerfile good
    FROM debian:12
    RUN useradd --uid 1000 app
    USER 1000:1000
    ```
    """
    found = _last_user(graph)
    if found is None:
        return
    user, name = found
    # Go reads digits of ASCII alone as a number.
    if name and name != "root" and not re.fullmatch(r"[0-9]+", name):
        yield Finding(
            user.span,
            f"the user {name[:60]} is a name: outside the image nothing says which number that is",
            help="name it by number, such as `USER 1000:1000`",
        )
