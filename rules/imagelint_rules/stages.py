"""What belongs into a stage of its own."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Add, Copy, Run
from imagelint.dockerfile.shell import Command, ShellWord
from imagelint.finding import Finding, Related, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint_rules import managers

#: Packages that are there to build software, by the names of Debian, Alpine and Fedora.
_TOOLS = re.compile(
    r"build-essential|build-base|base-devel|(?:gcc|g\+\+|clang|llvm)(?:-\d+)?|make|cmake|ninja(?:-build)?|meson|bazel"
    r"|autoconf|automake|autotools-dev|dh-autoreconf|debhelper|libtool|bison|flex|pkg-config|pkgconf|alpine-sdk"
    r"|linux-headers.*|golang.*|rustc|cargo|ghc|maven|gradle|ant|sbt|(?:default|openjdk-?\d*)-jdk.*|.+-dev|.+-devel"
)
#: Programs that make software out of sources.
_BUILDERS = frozenset(
    "ant autoreconf autogen.sh bazel bootstrap.sh c++ cc clang clang++ cmake configure g++ gcc gradle gradlew make"
    " meson mvn mvnw ninja rustc sbt".split()
)
#: Programs that do so with one of their subcommands.
_SUBCOMMANDS = {
    "cargo": {"build", "install"},
    "dotnet": {"build", "publish"},
    "go": {"build", "install"},
    "npm": {"run build", "run-script build"},
    "pnpm": {"build", "run build"},
    "stack": {"build", "install"},
    "yarn": {"build", "run build"},
}
#: Packages that installers of other languages compile with.
_LANGUAGE_INSTALLERS = ("gem", "bundle", "cpan", "cpanm")


@rule("IL301", blame=Unpriced("a multi-stage build moves whole folders: see the predictions of `imagelint analyze`"))
def build_tools_shipped(stage: Stage, graph: BuildGraph) -> Iterator[Finding]:
    r"""The final stage builds software, and ships what it was built with.

    Why: compilers, headers, sources and intermediate files are needed while the software is built, and not when it
    runs. Built in a stage of its own, only the result comes into the image. In the course that imagelint comes from
    this step saved more than half of the image; merging RUNs saved 5 %.

    ```dockerfile bad
    FROM debian:12
    COPY src/ /src/
    RUN apt-get update && apt-get install -y gcc make libc6-dev && rm -rf /var/lib/apt/lists/*
    RUN make -C /src install
    ```

    ```dockerfile good
    FROM debian:12 AS build
    COPY src/ /src/
    RUN apt-get update && apt-get install -y gcc make libc6-dev
    RUN make -C /src install DESTDIR=/out

    FROM debian:12
    COPY --from=build /out/ /
    ```
    """
    if stage is not graph.final:
        return
    runs = [each for each in graph.lineage(stage) if isinstance(each, Run)]
    tools = [(command, word) for run in runs for command, word in _kept_tools(graph.commands(run))]
    builds = [command for run in runs for command in graph.commands(run) if _builds(command, with_tools=bool(tools))]
    if not builds:
        return
    sources = [
        each
        for each in graph.lineage(stage)
        if isinstance(each, Add) or (isinstance(each, Copy) and each.from_ is None)
    ]
    names = list(dict.fromkeys(word.value for _, word in tools))
    if not tools and not sources:
        return
    shipped = "its sources" if not tools else "its tools" if not sources else "its tools and sources"
    related = []
    if tools:
        command, word = tools[0]
        related.append(Related(command.span_of(word), f"{_listed(names)} stay in the image"))
    if sources:
        related.append(Related(sources[0].span, "what it is built from stays in the image"))
    yield Finding(
        builds[0].span,
        f"the final stage builds software and ships {shipped} with it",
        note="what is needed to build is not needed to run; a later `rm` or `purge` hides it, but takes no byte away",
        help="build in a stage of its own, and take what it made: `COPY --from=build …`",
        related=tuple(related),
    )


def _kept_tools(commands: tuple[Command, ...]) -> Iterator[tuple[Command, ShellWord]]:
    """The build tools that a RUN installs and does not remove again itself."""
    for at, command in enumerate(commands):
        if managers.apt(command) == "install":
            packages = managers.apt_packages(command)
        elif managers.apk(command)[:1] and managers.apk(command)[0].value == "add":
            packages = managers.apk(command)[1:]
        elif managers.system_manager(command) == "rpm" and command.has("install", "groupinstall"):
            packages = command.operands()[1:]
        else:
            continue
        if any(_uninstalls(later) for later in commands[at + 1 :]):
            continue
        for word in packages:
            if _TOOLS.fullmatch(re.split(r"[=:~<>/]", word.value, maxsplit=1)[0]):
                yield command, word


def _uninstalls(command: Command) -> bool:
    return (
        managers.apt(command) in ("purge", "remove", "autoremove", "auto-remove")
        or (managers.apk(command)[:1] and managers.apk(command)[0].value == "del")
        or (managers.system_manager(command) == "rpm" and command.has("remove", "erase", "autoremove"))
    ) is True


def _builds(command: Command, *, with_tools: bool) -> bool:
    """Whether a command makes software out of sources; an installer of another language only beside build tools."""
    if command.name in _BUILDERS:
        return True
    words = [word.value for word in command.operands()]
    if {words[0] if words else "", " ".join(words[:2])} & _SUBCOMMANDS.get(command.name, set()):
        return True
    return with_tools and (managers.pip_install(command) is not None or command.name in _LANGUAGE_INSTALLERS)


def _listed(names: list[str]) -> str:
    """A few names, and how many more."""
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"
