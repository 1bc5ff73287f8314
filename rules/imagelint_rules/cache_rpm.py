"""What yum, dnf and zypper leave in the layer of the RUN that calls them."""

from collections.abc import Iterator
from functools import partial

from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Paths, Persona
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import managers
from imagelint_rules.shared.cleanup import Cache, Layer, graded, persona

_YUM = frozenset({"yum"})
_DNF = frozenset({"dnf", "dnf-3", "dnf5", "microdnf", "tdnf"})
_ZYPPER = frozenset({"zypper"})
#: On systems that have dnf, yum is another name of it: each cleans the other's cache. The small ones have their own.
_ONE_CACHE = frozenset({"yum", "dnf", "dnf-3", "dnf5"})
_CACHE = Cache(
    ("/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5", "/var/cache/tdnf", "~/.cache/libdnf5", "~/.cache/dnf")
)
_ZYPP = Cache(("/var/cache/zypp",))
_VALUED = frozenset(
    "-c --config -d --debuglevel -e --errorlevel -x --exclude --setopt --enablerepo --disablerepo --repo --repoid"
    " --installroot --releasever --forcearch --comment -R --randomwait --rpmverbosity --advisory".split()
)
_ZYPPER_VALUED = frozenset("-R --root --installroot -D --reposd-dir -C --cache-dir -c --config --releasever -p".split())
#: The subcommands that fetch a repository's metadata, which outweighs the packages.
_FETCHES = frozenset(
    "install in localinstall groupinstall group groups upgrade up update upgrade-minimal up-min update-minimal"
    " reinstall rei downgrade distro-sync dsync builddep build-dep module makecache check-update swap".split()
)
_ZYPPER_FETCHES = frozenset("install in update up patch dist-upgrade dup refresh ref source-install si".split())
#: The words by which hadolint knows a dnf that installs; it takes them anywhere in the command.
_HADOLINT = ("install", "in", "upgrade", "up", "upgrade-minimal", "up-min", "reinstall", "rei")


@rule("IL105", programs=_YUM, blame=Paths("/var/cache/yum/*", "/var/cache/dnf/*"), aliases=("DL3032",))
def yum_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""yum's metadata and packages stay in the layer.

    Why: yum keeps the metadata of every repository under `/var/cache/yum`, often more than what was installed. A
    container that installs something later fetches it again.

    hadolint knows `yum install` alone and does not look at mounts. `yum update` fetches the same, and what a cache
    mount holds is in no layer.

    ```dockerfile bad
    FROM centos:7
    RUN yum install -y httpd
    ```

    ```dockerfile fixed
    FROM centos:7
    RUN yum install -y httpd \
        && yum clean all
    ```

    ```dockerfile good
    FROM centos:7
    RUN yum install -y httpd && rm -rf /var/cache/yum
    ```
    """
    yield from _kept(run, graph, _YUM, ("install",))


@rule(
    "IL106",
    programs=_DNF,
    blame=Paths("/var/cache/dnf/*", "/var/cache/libdnf5/*", "/var/cache/yum/*"),
    aliases=("DL3040",),
)
def dnf_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""dnf's metadata and packages stay in the layer.

    Why: dnf keeps the metadata of every repository under `/var/cache/dnf` (dnf5: `/var/cache/libdnf5`), a few hundred
    megabytes for Fedora. A container that installs something later fetches it again. The same goes for `microdnf`,
    `dnf5` and `tdnf`.

    hadolint exempts mounts of `/var/cache/libdnf5` alone; here any mount of a dnf's cache does.

    ```dockerfile bad
    FROM fedora:41
    RUN dnf install -y httpd
    ```

    ```dockerfile fixed
    FROM fedora:41
    RUN dnf install -y httpd \
        && dnf clean all
    ```

    ```dockerfile good
    FROM fedora:41
    RUN --mount=type=cache,target=/var/cache/libdnf5 dnf install -y httpd
    ```
    """
    yield from _kept(run, graph, _DNF, _HADOLINT)


def _kept(run: Run, graph: BuildGraph, programs: frozenset[str], hadolint: tuple[str, ...]) -> Iterator[Finding]:
    """One finding for each program of a family whose cache stays."""
    if (who := persona(run, graph, "everywhere")) is None:
        return
    layer = Layer(run, graph)
    for program in sorted(run.programs & programs):
        kept = layer.kept(_CACHE, partial(_fetches, program), partial(_cleans, program))
        if not kept:
            continue
        known = [each for each in kept if each.has(*hadolint)]
        if who is Persona.PEDANTIC and not known:
            continue
        first = (known or kept)[0]
        plain = first.words[0].value == program
        yield graded(
            Finding(
                first.span,
                f"{program}'s metadata and packages stay in this layer",
                note="the metadata of every repository is kept, and fetched again by whoever installs something later",
                help=f"end the same RUN with `{program} clean all`",
                fix=layer.ending(f"{program} clean all", "clean the cache at the end of this RUN", kept)
                if plain
                else None,
                aliases=None if known else (),
            ),
            who,
        )


def _fetches(program: str, command: Command) -> bool:
    if command.name != program:
        return False
    name = managers.subcommand(command, _VALUED)
    return name in _FETCHES and (
        name not in ("group", "groups", "module") or command.has("install", "update", "upgrade")
    )


def _cleans(program: str, command: Command) -> bool:
    one = command.name == program or (command.name in _ONE_CACHE and program in _ONE_CACHE)
    return one and managers.subcommand(command, _VALUED) == "clean"


@rule("IL107", programs=("zypper",), blame=Paths("/var/cache/zypp/*"), aliases=("DL3036",))
def zypper_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""zypper's metadata and packages stay in the layer.

    Why: zypper keeps the metadata of every repository, and the packages where it is told so, under `/var/cache/zypp`.
    A container that installs something later fetches them again.

    hadolint knows `zypper install` alone; `zypper refresh` and `zypper update` fetch the same.

    ```dockerfile bad
    FROM opensuse/leap:15.6
    RUN zypper -n install httpd
    ```

    ```dockerfile fixed
    FROM opensuse/leap:15.6
    RUN zypper -n install httpd \
        && zypper clean --all
    ```

    ```dockerfile good
    FROM opensuse/leap:15.6
    RUN zypper -n install httpd && zypper clean --all
    ```
    """
    if (who := persona(run, graph, "everywhere")) is None:
        return
    layer = Layer(run, graph)
    kept = layer.kept(
        _ZYPP, lambda each: _zypper(each) in _ZYPPER_FETCHES, lambda each: _zypper(each) in ("clean", "cc")
    )
    known = [each for each in kept if each.has("install", "in")]
    if not kept or (who is Persona.PEDANTIC and not known):
        return
    first = (known or kept)[0]
    plain = first.words[0].value == "zypper"
    yield graded(
        Finding(
            first.span,
            "zypper's metadata stays in this layer",
            note="the metadata of every repository is kept, and fetched again by whoever installs something later",
            help="end the same RUN with `zypper clean --all`",
            fix=layer.ending("zypper clean --all", "clean the cache at the end of this RUN", kept) if plain else None,
            aliases=None if known else (),
        ),
        who,
    )


def _zypper(command: Command) -> str:
    return managers.subcommand(command, _ZYPPER_VALUED) if command.name in _ZYPPER else ""
