"""What conda and its kin leave in the layer of the RUN that calls them."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Paths
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import managers
from imagelint_rules.shared.cleanup import Cache, Layer, persona, removed

_PROGRAMS = frozenset({"conda", "mamba", "micromamba"})
_PACKAGES = Cache(("/opt/conda/pkgs", "~/miniconda3/pkgs", "~/micromamba/pkgs"), (("CONDA_PKGS_DIRS", ""),))
_INSTALLS = ("install", "create", "update", "upgrade")
_VALUED = frozenset({"-n", "--name", "-p", "--prefix", "-c", "--channel", "-f", "--file", "-r", "--root-prefix"})


@rule("IL112", programs=_PROGRAMS, blame=Paths("*/pkgs/*"))
def conda_packages_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""conda's downloaded packages stay in the layer.

    Why: conda keeps every archive that it downloads and the index of every channel in the folder `pkgs` of its
    installation, beside what it unpacked from them. They often weigh as much as the environment.

    ```dockerfile bad
    FROM condaforge/miniforge3
    RUN conda install -y numpy
    ```

    ```dockerfile fixed
    FROM condaforge/miniforge3
    RUN conda install -y numpy \
        && conda clean --all --yes
    ```

    ```dockerfile good
    FROM condaforge/miniforge3
    RUN mamba install -y numpy && mamba clean -afy
    ```
    """
    if persona(run, graph) is None:
        return
    if any(mount.get("target", "").rstrip("/").endswith("/pkgs") for mount in run.mounts):
        return
    layer = Layer(run, graph)
    kept = layer.kept(_PACKAGES, _installs, _cleans)
    for command in kept[:1]:
        program = kept[-1].words[0].value
        clean = f"{program} clean --all --yes"
        yield Finding(
            command.span,
            "conda's downloaded packages stay in this layer",
            note="the archives are kept in the folder pkgs of the installation, beside what was unpacked from them",
            help=f"end the same RUN with `{kept[-1].name} clean --all --yes`",
            fix=layer.ending(clean, "clean them at the end of this RUN", kept) if program in _PROGRAMS else None,
        )


def _installs(command: Command) -> bool:
    if command.name not in _PROGRAMS or command.option("--dry-run", "--download-only"):
        return False
    words = [word.value for word in command.operands(_VALUED)[:2]]
    return words[:1] != [] and (words[0] in _INSTALLS or (words[0] == "env" and words[-1] in _INSTALLS))


def _cleans(command: Command) -> bool:
    if command.name in _PROGRAMS:
        return managers.subcommand(command) == "clean"
    return any("/pkgs" in word for word in removed(command))
