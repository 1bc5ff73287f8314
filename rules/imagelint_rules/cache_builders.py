"""What build tools leave in the layer of the RUN that calls them, where the result is shipped with it."""

from collections.abc import Callable, Iterator

from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Paths, Persona
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import managers, surroundings
from imagelint_rules.shared.cleanup import Cache, Layer, persona, removed

_MVN = frozenset({"mvn", "mvnw", "mvnd"})
_GRADLES = frozenset({"gradle", "gradlew"})
_CARGO = Cache(("~/.cargo/registry", "/usr/local/cargo/registry"), (("CARGO_HOME", "/registry"),))
_GO_BUILDS = Cache(("~/.cache/go-build",), (("GOCACHE", ""),), tells=("go env GOCACHE",))
_GO_MODULES = Cache(
    ("/go/pkg/mod", "~/go/pkg/mod"), (("GOMODCACHE", ""), ("GOPATH", "/pkg/mod")), tells=("go env GOMODCACHE",)
)
_MAVEN = Cache(
    ("~/.m2/repository", "/usr/share/maven/ref/repository"),
    (),
    (("-Dmaven.repo.local", ""), ("--Dmaven.repo.local", "")),
)
_GRADLE = Cache(
    ("~/.gradle/caches",), (("GRADLE_USER_HOME", "/caches"),), (("-g", "/caches"), ("--gradle-user-home", "/caches"))
)
_GO_FOLDERS = {
    "build cache": "compiled packages are kept under ~/.cache/go-build",
    "modules": "downloaded modules are kept under $GOPATH/pkg/mod",
}
_GO_HELP = {
    "build cache": "`--mount=type=cache,target=/root/.cache/go-build`",
    "modules": "`--mount=type=cache,target=/go/pkg/mod`",
}
_CARGO_FETCHES = frozenset("build b install fetch run r test t check c bench rustc doc chef clippy".split())
_GO_COMPILES = frozenset("build install run test vet generate".split())


@rule("IL113", programs=("cargo",), blame=Paths("*/cargo/registry/*", "*/.cargo/registry/*"))
def cargo_registry_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""Cargo's registry stays in a layer that is shipped.

    Why: Cargo keeps the index, every crate that it downloads and its unpacked sources under `$CARGO_HOME/registry`.
    The program that it built needs none of it.

    ```dockerfile bad
    FROM rust:1.80
    RUN cargo install ripgrep
    ```

    ```dockerfile good
    FROM rust:1.80
    RUN cargo install ripgrep && rm -rf "$CARGO_HOME/registry"
    ```

    ```dockerfile good
    FROM rust:1.80 AS build
    RUN cargo install ripgrep

    FROM debian:12
    COPY --from=build /usr/local/cargo/bin/rg /usr/local/bin/
    ```
    """
    if "cargo" in _targets(run) or _goes_on(graph, "cargo"):
        return
    for command, blame in _kept(run, graph, _CARGO, _cargo, lambda each: _about(each, "cargo")):
        yield Finding(
            command.span,
            "Cargo's registry stays in this layer",
            note="the index, the crates and their sources are kept under $CARGO_HOME/registry",
            help='end the same RUN with `rm -rf "${CARGO_HOME:-$HOME/.cargo}/registry"`, mount a cache there, or build'
            " in a stage of its own",
            blame=blame,
            persona=_who(graph),
        )


def _cargo(command: Command) -> bool:
    if command.name != "cargo" or command.option("--offline", "--version", "--help"):
        return False
    return next((word.value for word in command.operands() if word.value[:1] != "+"), "") in _CARGO_FETCHES


@rule(
    "IL114",
    programs=("go",),
    blame=Paths("/root/.cache/go-build/*", "/home/*/.cache/go-build/*", "/go/pkg/mod/*", "/root/go/pkg/mod/*"),
)
def go_caches_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""Go's caches of builds and modules stay in a layer that is shipped.

    Why: `go build` keeps every compiled package under `~/.cache/go-build`, and the modules that it downloads under
    `$GOPATH/pkg/mod`. The program that it built needs none of it.

    ```dockerfile bad
    FROM golang:1.23
    RUN go build -o /app .
    ```

    ```dockerfile good
    FROM golang:1.23
    RUN --mount=type=cache,target=/root/.cache/go-build go build -o /app .
    ```

    ```dockerfile good
    FROM golang:1.23 AS build
    RUN go build -o /app .

    FROM gcr.io/distroless/static
    COPY --from=build /app /app
    ```
    """
    if _goes_on(graph, "go"):
        return
    builds = [
        *_kept(run, graph, _GO_BUILDS, lambda each: _go(each) in _GO_COMPILES, lambda each: _cleans_go(each, "-cache"))
    ]
    modules = [*_kept(run, graph, _GO_MODULES, _go_downloads, lambda each: _cleans_go(each, "-modcache"))]
    found = sorted((*builds, *modules), key=lambda each: each[0].start)
    if found:
        which = [name for name, kept in (("build cache", builds), ("modules", modules)) if kept]
        verb = "stays" if which == ["build cache"] else "stay"
        yield Finding(
            found[0][0].span,
            f"Go's {' and '.join(which)} {verb} in this layer",
            note=" and ".join(_GO_FOLDERS[name] for name in which),
            help="build in a stage of its own and `COPY --from` what it made; or "
            + " and ".join(_GO_HELP[name] for name in which),
            persona=_who(graph),
        )


def _go(command: Command) -> str:
    return managers.subcommand(command, frozenset({"-C"})) if command.name == "go" else ""


def _go_downloads(command: Command) -> bool:
    name = _go(command)
    return (
        name == "get"
        or (name == "mod" and command.has("download"))
        or (name in ("install", "run") and any("@" in word.value for word in command.args))
    )


def _cleans_go(command: Command, option: str) -> bool:
    if command.name == "go":
        return _go(command) == "clean" and command.has(option, "-" + option)
    return any("GOPATH" in word or word.rstrip("/") in ("/go", "/go/pkg") for word in removed(command))


@rule("IL115", programs=_MVN, blame=Paths("/root/.m2/repository/*", "/home/*/.m2/repository/*"))
def maven_repository_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""Maven's local repository stays in a layer that is shipped.

    Why: Maven keeps every plug-in and every library that it downloads under `~/.m2/repository`. The archive that it
    built holds the libraries that it needs, and the plug-ins are needed by nobody.

    ```dockerfile bad
    FROM maven:3.9
    COPY . .
    RUN mvn -B package
    ```

    ```dockerfile good
    FROM maven:3.9 AS build
    COPY . .
    RUN mvn -B package

    FROM eclipse-temurin:21-jre
    COPY --from=build target/app.jar /app.jar
    ```
    """
    if ".m2" in _targets(run) or _goes_on(graph, *_MVN):
        return
    for command, blame in _kept(run, graph, _MAVEN, _maven, lambda each: _about(each, ".m2")):
        yield Finding(
            command.span,
            "Maven's local repository stays in this layer",
            note="plug-ins and libraries are kept under ~/.m2/repository",
            help="build in a stage of its own and `COPY --from` what it made; or"
            " `RUN --mount=type=cache,target=/root/.m2/repository`",
            blame=blame,
            persona=_who(graph),
        )


def _maven(command: Command) -> bool:
    return command.name in _MVN and bool(command.operands()) and not command.option("--version")


@rule("IL116", programs=_GRADLES, blame=Paths("*/.gradle/caches/*"))
def gradle_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""Gradle's caches stay in a layer that is shipped.

    Why: Gradle keeps what it downloads and what it compiled under `~/.gradle/caches`. What it built needs none of it.

    ```dockerfile bad
    FROM gradle:8
    COPY . .
    RUN gradle --no-daemon build
    ```

    ```dockerfile good
    FROM gradle:8 AS build
    COPY . .
    RUN gradle --no-daemon build

    FROM eclipse-temurin:21-jre
    COPY --from=build /home/gradle/build/libs/app.jar /app.jar
    ```
    """
    if ".gradle" in _targets(run) or _goes_on(graph, *_GRADLES):
        return
    for command, blame in _kept(run, graph, _GRADLE, _gradle, lambda each: _about(each, ".gradle")):
        yield Finding(
            command.span,
            "Gradle's caches stay in this layer",
            note="what was downloaded and compiled is kept under ~/.gradle/caches",
            help="build in a stage of its own and `COPY --from` what it made; or mount a cache at GRADLE_USER_HOME"
            " (~/.gradle)",
            blame=blame,
            persona=_who(graph),
        )


def _gradle(command: Command) -> bool:
    words = [word.value for word in command.operands()]
    return command.name in _GRADLES and any(word not in ("wrapper", "clean") for word in words)


def _kept(
    run: Run, graph: BuildGraph, cache: Cache, fills: Callable[[Command], object], cleans: Callable[[Command], object]
) -> Iterator[tuple[Command, Paths | None]]:
    """The first command that fills a cache which stays in a layer that is shipped, and where the cache is."""
    if persona(run, graph) is not None:
        layer = Layer(run, graph)
        for command in layer.kept(cache, fills, cleans)[:1]:
            yield command, layer.blame(cache, command)


def _about(command: Command, word: str) -> bool:
    """Whether a command removes something whose name says that it belongs to a tool."""
    return any(word in each.lower() for each in removed(command))


def _goes_on(graph: BuildGraph, *programs: str) -> bool:
    """Whether a container goes on building: `CMD mvn jetty:run` needs what was downloaded."""
    return not surroundings.started(graph).isdisjoint(programs)


def _who(graph: BuildGraph) -> Persona | None:
    """An image that others are built with is not shipped: of it only the pedantic are told."""
    return Persona.PEDANTIC if surroundings.is_builder(graph) else None


def _targets(run: Run) -> str:
    """Where caches are mounted, as one text."""
    return " ".join(mount.get("target", "") for mount in run.mounts if mount["type"] in ("cache", "tmpfs"))
