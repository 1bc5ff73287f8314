"""What pacman leaves in the layer of the RUN that calls it."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Paths
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared.cleanup import Cache, Layer, persona

_PACKAGES = Cache(("/var/cache/pacman/pkg",), (), (("--cachedir", ""),))


@rule("IL129", programs=("pacman",), blame=Paths("/var/cache/pacman/pkg/*"))
def pacman_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""pacman's downloaded packages stay in the layer.

    Why: pacman keeps the archive of every package that it installs under `/var/cache/pacman/pkg`. What they hold is
    installed already. `pacman -Scc --noconfirm` takes the default answer, which is no: `rm` is sure.

    ```dockerfile bad
    FROM archlinux:base
    RUN pacman -Syu --noconfirm git
    ```

    ```dockerfile fixed
    FROM archlinux:base
    RUN pacman -Syu --noconfirm git \
        && rm -rf /var/cache/pacman/pkg/*
    ```

    ```dockerfile good
    FROM archlinux:base
    RUN --mount=type=cache,target=/var/cache/pacman/pkg pacman -Syu --noconfirm git
    ```
    """
    if persona(run, graph) is None:
        return
    layer = Layer(run, graph)
    kept = layer.kept(_PACKAGES, _installs, _cleans)
    for command in kept[:1]:
        blame = layer.blame(_PACKAGES, command)
        clean = "rm -rf /var/cache/pacman/pkg/*"
        yield Finding(
            command.span,
            "pacman's downloaded packages stay in this layer",
            note="the archive of every package is kept under /var/cache/pacman/pkg, beside what it installed",
            help=f"end the same RUN with `{clean}`",
            fix=layer.ending(clean, "remove them at the end of this RUN", kept) if blame is None else None,
            blame=blame,
        )


def _syncs(command: Command) -> bool:
    return command.name == "pacman" and command.option("-S", "--sync")


def _installs(command: Command) -> bool:
    """`-S` with packages, or with `-u`; not what only asks, or fetches the index."""
    if (
        not _syncs(command)
        or command.option("-s", "-i", "-l", "-g", "-p", "--search", "--info", "--print")
        or _cleans(command)
    ):
        return False
    return bool(command.operands()) or command.option("-u", "--sysupgrade")


def _cleans(command: Command) -> bool:
    return (_syncs(command) and command.option("-c", "--clean")) or command.name == "paccache"
