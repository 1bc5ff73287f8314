"""What belongs into a stage of its own."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Add, Cmd, Copy, Entrypoint, Expose, Healthcheck, Run
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.shell import Command, ShellWord
from imagelint.finding import Finding, Persona, Related, Severity, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint_rules.shared import managers, stored, surroundings

#: Packages that are there to build software, by the names of Debian, Alpine and Fedora.
_TOOLS = (
    r"build-essential|build-base|base-devel|(?:gcc|g\+\+|clang|llvm)(?:-\d+)?|make|cmake|ninja(?:-build)?|meson|bazel"
    r"|autoconf|automake|autotools-dev|dh-autoreconf|debhelper|libtool|bison|flex|pkg-config|pkgconf|alpine-sdk"
    r"|linux-headers.*|golang.*|rustc|cargo|ghc|maven|gradle|ant|sbt|(?:default|openjdk-?\d*)-jdk.*|.+-dev|.+-devel"
)
#: Programs that make software out of sources.
_BUILDERS = frozenset(
    "ant autoreconf autogen.sh bootstrap.sh c++ cc clang clang++ cmake configure g++ gcc gradle gradlew make"
    " meson mvn mvnw ninja rustc sbt".split()
)
#: Programs that do so with one of their subcommands.
_SUBCOMMANDS = {
    "bazel": {"build", "run"},
    "cargo": {"build", "install"},
    "dotnet": {"build", "publish"},
    "go": {"build", "install"},
    "npm": {"run build", "run-script build"},
    "pnpm": {"build", "run build"},
    "stack": {"build", "install"},
    "yarn": {"build", "run build"},
}
_CODE = r"(?i).*\.(?:c|cc|cpp|cs|cxx|f90|go|h|hpp|hs|java|kt|mk|ml|rs|scala|sbt|swift|ts|zig)|makefile|.+\.git"
#: Parts of the names of stages that are built for their own sake.
_TARGETS = (
    r"(?:^|[-_.])(?:artifacts?|bench|binary|binaries|bin|check|ci|cross|debug|dev|devcontainer|develop|development|dist"
    r"|docs?|e2e|export|fmt|format|integration|lint|local|out|output|packages?|prod|production|qa|release|runner|runtime|scan|shell"
    r"|slim|staging|target|test|tests|testing|tools|unit|update|validate|vendor|verify|vulncheck)(?:$|[-_.\d])"
)
#: Programs that build what they run, where a container starts them.
_RUNNERS = frozenset("bazel cargo go gradle gradlew make mvn mvnw sbt stack".split())
#: Packages that installers of other languages compile with.
_LANGUAGE_INSTALLERS = ("bundle", "cpan", "cpanm")
_PURE = frozenset("pip setuptools wheel virtualenv poetry pipenv pipx uv build twine tox".split())
_LIBRARY = r"(?!build|gcc|g\+\+|clang|linux-headers|golang|openjdk|default-jdk|llvm|autotools).+-dev(?:el)?(?:[=:].*)?"
#: Base images that bring all tools along because one works in them.
_WORKSHOPS = r"(?:^|/)(?:buildpack-deps|devcontainers?|gitpod)\b|/devcontainers/"


@rule("IL301", blame=Unpriced("a multi-stage build moves whole folders: see the predictions of `imagelint analyze`"))
def build_tools_shipped(stage: Stage, graph: BuildGraph) -> Iterator[Finding]:
    r"""The final stage builds software, and ships what it was built with.

    Why: compilers, headers, sources and intermediate files are needed while the software is built, and not when it
    runs. Built in a stage of its own, only the result comes into the image. In the course that imagelint comes from
    this step saved more than half of the image; merging RUNs saved 5 %.

    Where a container goes on building (`CMD mvn jetty:run`), nothing is said. Only the pedantic are told of libraries'
    headers alone, and of images that are there to build in: `buildpack-deps`, or a last stage called `builder` or `dev`
    that starts nothing.

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
    installed: list[tuple[Command, ShellWord]] = []
    tools: list[tuple[Command, ShellWord]] = []  # what was there when something was built
    builds: list[Command] = []
    brought: list[Add | Copy] = []
    sources: list[Add | Copy] = []  # likewise
    for each in graph.lineage(stage):
        if isinstance(each, Add) or (isinstance(each, Copy) and each.from_ is None):
            if _brings_sources(each):
                brought.append(each)
        elif isinstance(each, Run):
            commands = graph.commands(each)
            if not each.programs.isdisjoint(managers.SYSTEM):
                installed += _kept_tools(commands)
            found = [command for command in commands if _builds(command, with_tools=bool(tools or installed))]
            if found and (tools or sources or installed or brought):
                builds += found
                tools += installed
                sources += brought
                installed, brought = [], []
    if not builds:
        return
    names = list(dict.fromkeys(word.value for _, word in tools))
    if any(command.name in surroundings.started(graph) & _RUNNERS for command in builds):
        return
    # Headers and static libraries alone are small, and there to be built with is all that some images are for.
    libraries = not sources and all(re.fullmatch(_LIBRARY, each) for each in names)
    workshop = surroundings.is_builder(graph) or re.search(_WORKSHOPS, _root(stage).image) is not None
    shipped = "its sources" if not tools else "its tools" if not sources else "its tools and sources"
    related = []
    if tools:
        command, word = tools[0]
        verb = "stays" if len(names) == 1 else "stay"
        related.append(Related(command.span_of(word), f"{_listed(names)} {verb} in the image"))
    if sources:
        related.append(Related(sources[0].span, "what it is built from stays in the image"))
    yield Finding(
        builds[0].span,
        f"the final stage builds software and ships {shipped} with it",
        note="what is needed to build is not needed to run; a later `rm` or `purge` hides it, but takes no byte away",
        help="build in a stage of its own, and take what it made: `COPY --from=build …`",
        related=tuple(related),
        severity=Severity.INFO if libraries or workshop else None,
        persona=Persona.PEDANTIC if libraries or workshop else None,
    )


def _brings_sources(transfer: Add | Copy) -> bool:
    """Whether a COPY may bring what software is built from: a folder, an archive, code; and no configuration alone."""
    for word in transfer.sources:
        name = word.value.strip("\"'").rstrip("/").rpartition("/")[2]
        if stored.kind_of(name) is not stored.SMALL or re.fullmatch(_CODE, name):
            return True
    return False


def _kept_tools(commands: tuple[Command, ...]) -> Iterator[tuple[Command, ShellWord]]:
    """The build tools that a RUN installs and does not remove again itself."""
    last = max((at for at, command in enumerate(commands) if _uninstalls(command)), default=-1)
    for at, command in enumerate(commands):
        if managers.apt(command) == "install":
            packages = managers.apt_packages(command)
        elif managers.apk(command)[:1] and managers.apk(command)[0].value == "add":
            packages = managers.apk(command)[1:]
        elif managers.system_manager(command) == "rpm" and command.has("install", "groupinstall"):
            packages = command.operands()[1:]
        else:
            continue
        if at < last:
            continue
        for word in packages:
            if re.fullmatch(_TOOLS, re.split(r"[=:~<>/]", word.value, maxsplit=1)[0]):
                yield command, word


def _uninstalls(command: Command) -> bool:
    return (
        managers.apt(command) in ("purge", "remove", "autoremove", "auto-remove")
        or (managers.apk(command)[:1] and managers.apk(command)[0].value == "del")
        or (managers.system_manager(command) == "rpm" and command.has("remove", "erase", "autoremove"))
    ) is True


def _builds(command: Command, *, with_tools: bool) -> bool:
    """Whether a command makes software out of sources; an installer of another language only beside build tools."""
    if command.name in ("mvn", "mvnw"):
        return command.has("compile", "package", "verify", "install", "deploy")
    if command.name in _BUILDERS:
        return True
    if command.name in _SUBCOMMANDS:
        words = [word.value for word in command.operands()]
        if {words[0] if words else "", " ".join(words[:2])} & _SUBCOMMANDS[command.name]:
            return True
    return with_tools and _compiles(command)


def _compiles(command: Command) -> bool:
    """Whether an installer of another language may compile what it installs; installers themselves are not compiled."""
    if managers.pip_install(command) is not None:
        words = [word.value for word in managers.pip(command) if not word.value.startswith("-")][1:]
        return not words or any(re.split(r"[\[=<>~!]", word, maxsplit=1)[0] not in _PURE for word in words)
    words = [word.value for word in command.operands()]
    if command.name == "gem":
        return words[:1] in (["install"], ["i"]) and words[1:2] != ["bundler"]
    if command.name in ("poetry", "uv", "pipenv"):
        return words[:1] in (["install"], ["sync"]) or words[:2] in (["pip", "install"], ["pip", "sync"])
    return command.name in _LANGUAGE_INSTALLERS


def _root(stage: Stage) -> Stage:
    while stage.base is not None:
        stage = stage.base
    return stage


def _listed(names: list[str]) -> str:
    """A few names, and how many more."""
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"


@rule("IL302", blame=Unpriced("a stage that nothing uses is in no image"), severity=Severity.INFO)
def unused_stage(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """A stage that the image is not made of.

    Why: nothing is built on it, and nothing is copied from it. BuildKit passes it over, and other builders build it for
    nothing. Often a COPY has lost its `--from`, or the stage is a remnant.

    A stage may be there to be built with `--target`. One with a name like `test` or `dev`, one that is built on another
    stage, or that says what a container runs, is such a target for all that the file shows; one without an instruction
    only gives an image a name. Of these only the pedantic are told. With `--target` given, the others are not looked
    at.

    ```dockerfile bad
    FROM golang:1.23 AS build
    RUN go build -o /app ./...
    FROM debian:12
    COPY app /app
    ```

    ```dockerfile good
    FROM golang:1.23 AS build
    RUN go build -o /app ./...
    FROM debian:12
    COPY --from=build /app /app
    ```
    """
    if graph.context.target is not None:
        return
    unused = graph.unused
    # Of a chain of unused stages the last one is the cause.
    needed = {each for stage in unused for each in graph.needs(stage)}
    for stage in unused:
        if stage in needed:
            continue
        # A stage on top of another one is a variant of it, to be built by its name.
        target = _is_target(stage) or (stage.name is not None and stage.base is not None)
        yield Finding(
            stage.from_.span,
            f"nothing uses {f'the stage {stage.name}' if stage.name else 'this stage'}",
            help="remove it, or take from it" if stage.name else "remove it, or give it a name and take from it",
            persona=Persona.PEDANTIC if target else None,
        )


def _is_target(stage: Stage) -> bool:
    """Whether a stage looks like one that is built by its name."""
    if stage.name is None:
        return False
    if not stage.instructions or stage.image == "scratch" or re.search(_TARGETS, stage.name):
        return True
    return any(isinstance(each, Cmd | Entrypoint | Expose | Healthcheck) for each in stage.instructions)
