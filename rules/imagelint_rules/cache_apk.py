"""What apk leaves in the layer of the RUN that calls it."""

from collections.abc import Iterator

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Fix, Paths, Persona, Related, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import managers
from imagelint_rules.shared.cleanup import Cache, Layer, graded, persona

_INDEX = Cache(("/var/cache/apk", "/etc/apk/cache"))
#: No more of a RUN's commands are named beside the first.
_NAMED = 4
_REMOVED = Unpriced("the index is removed in the same RUN")


@rule("IL102", programs=("apk",), blame=Paths("/var/cache/apk/*", "/etc/apk/cache/*"), aliases=("DL3019",))
def apk_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""apk's package index stays in the layer.

    Why: `apk add` fetches the index of every repository into `/var/cache/apk`, and keeps it. `--no-cache` reads the
    index without storing it.

    hadolint knows `apk add` alone. `apk update` and `apk upgrade` store the index as well. Where the index is removed
    in the same RUN nothing stays, and that `--no-cache` were shorter is a pedantic finding; so is a stage that is not
    shipped.

    ```dockerfile bad
    FROM alpine:3.20
    RUN apk add curl
    ```

    ```dockerfile fixed
    FROM alpine:3.20
    RUN apk add --no-cache curl
    ```

    ```dockerfile good
    FROM alpine:3.20
    RUN --mount=type=cache,target=/var/cache/apk apk add curl
    ```
    """
    if (who := persona(run, graph, "everywhere")) is None:
        return
    layer = Layer(run, graph)
    stored = [command for command in layer.commands if _stores(command)]
    if not stored or layer.mounted(_INDEX.folders):
        return
    kept = layer.kept(_INDEX, _stores, lambda command: managers.subcommand(command) == "cache" and command.has("clean"))
    updates = any(_subcommand(command) == "update" for command in kept)
    named = [command for command in kept if _subcommand(command) == "add"] or kept
    for command in named[:1]:
        word = managers.apk(command)[0]
        if updates:
            fix = layer.ending("rm -rf /var/cache/apk/*", "remove the index at the end of this RUN", kept)
        else:
            made = [edit.insert_behind(run, each, managers.apk(each)[0], "--no-cache") for each in named]
            edits = tuple(each for part in made if part for each in part)
            fix = Fix("add `--no-cache`", edits) if edits else None
        finding = Finding(
            command.span,
            "apk's package index stays in this layer",
            note="the index of every repository is stored under /var/cache/apk, and nothing reads it again",
            help="`apk add --no-cache` reads the index without storing it"
            + (", and needs no `apk update` before it" if updates else ""),
            fix=fix,
            related=tuple(Related(each.span, "and here") for each in named[1 : 1 + _NAMED]),
            aliases=None if word.value == "add" else (),
        )
        if who is Persona.REGULAR or word.value == "add":
            yield graded(finding, who)
    if not kept and (added := [command for command in stored if _subcommand(command) == "add"]):
        yield Finding(
            added[0].span,
            "apk's index is stored and removed again",
            help="`apk add --no-cache` reads the index without storing it, and needs no `apk update`",
            severity=Severity.INFO,
            persona=Persona.PEDANTIC,
            blame=_REMOVED,
        )


def _subcommand(command: Command) -> str:
    return next((word.value for word in managers.apk(command)), "")


def _stores(command: Command) -> bool:
    return _subcommand(command) in ("add", "upgrade", "update") and not command.option("--no-cache", "--no-network")
