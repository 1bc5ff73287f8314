"""The order of instructions, and what it means for the build cache."""

from __future__ import annotations

import re

from imagelint.dockerfile.instructions import Add, Copy, Run, Workdir
from imagelint.finding import Finding, Persona, Related, Severity, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.records import TYPE_CHECKING
from imagelint.rule import rule
from imagelint_rules.shared import managers, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.shell import Command

#: What each installer reads, for the help.
_MANIFESTS = {
    "bun": "package.json bun.lock", "bundle": "Gemfile Gemfile.lock", "cargo": "Cargo.toml Cargo.lock",
    "composer": "composer.json composer.lock", "go": "go.mod go.sum", "gradle": "build.gradle settings.gradle",
    "mvn": "pom.xml", "npm": "package.json package-lock.json", "pip": "requirements.txt",
    "pipenv": "Pipfile Pipfile.lock", "pnpm": "package.json pnpm-lock.yaml",
    "poetry": "pyproject.toml poetry.lock", "uv": "pyproject.toml uv.lock", "yarn": "package.json yarn.lock",
}  # fmt: skip
#: Subcommands that install what a manifest lists; and those that build, and install it on the way.
_INSTALLS = {
    "bun": ("install", "i"), "bundle": ("install", ""), "cargo": ("fetch",), "composer": ("install",),
    "pipenv": ("install", "sync"), "pnpm": ("install", "i", "fetch"), "poetry": ("install",), "uv": ("sync",),
    "yarn": ("install", ""),
}  # fmt: skip
_BUILDS = {
    "cargo": ("build", "install"), "go": ("build", "install"),
    "gradle": ("build", "assemble", "bootJar", "installDist"),
    "mvn": ("package", "install", "verify", "compile"),
}  # fmt: skip
_WHOLE = (".", "./", "/", "*", "./*")
_NPM_GLOBAL = ("-g", "--global", "--location=global")
_VALUED = frozenset(
    {"--cwd", "--dir", "-C", "--prefix", "--manifest-path", "-f", "--file", "--directory", "-p", "--jobs", "-j"}
)


@rule(
    "IL211",
    blame=Unpriced("it is about layers that are built, pushed and pulled again, not about the size of one image"),
    severity=Severity.INFO,
)
def sources_before_dependencies(stage: Stage, graph: BuildGraph) -> Iterator[Finding]:
    """The sources are copied before the dependencies are installed.

    Why: a layer is built again when something before it has changed. With all sources in front of the install, each
    change of a line of code installs every dependency again, and makes a new layer of them, which everybody pushes and
    pulls once more. With the list of dependencies copied first, that layer stays until the list changes.

    Installs with a cache mount are left alone; a build that fetches its dependencies on the way (`cargo build`,
    `mvn package`) is told to the pedantic only.

    ```dockerfile bad
    FROM node:20
    WORKDIR /app
    COPY . .
    RUN npm ci
    ```

    ```dockerfile good
    FROM node:20
    WORKDIR /app
    COPY package.json package-lock.json ./
    RUN npm ci
    COPY . .
    ```
    """
    folder: str | None = stored.UNKNOWN
    whole: Copy | Add | None = None
    folders: dict[str, Copy | Add] = {}
    installed: set[str] = set()
    for each in stage.instructions:
        if isinstance(each, Workdir):
            folder = stored.changed_folder(folder, each, graph)
        elif isinstance(each, Add) or (isinstance(each, Copy) and each.from_ is None):
            if any(word.value in _WHOLE for word in each.sources):
                whole = whole or each
            elif len(each.sources) == 1 and _is_folder(each):
                target = stored.destination(each, folder, graph)
                if target is not None:
                    folders.setdefault(target, each)
        elif isinstance(each, Run):
            cached = any(mount["type"] == "cache" for mount in each.mounts)
            for command in graph.commands(each):
                manager, sure = _installs(command)
                if not manager or manager in installed:
                    continue
                installed.add(manager)
                before = whole or (folders.get(folder) if folder is not None else None)
                if before is None or cached:
                    continue
                yield Finding(
                    before.span,
                    f"every change of a source file has {manager} install everything again",
                    note="what stands behind a changed layer is built, pushed and pulled again",
                    help=f"copy {' and '.join(_MANIFESTS[manager].split())} first, install, and then copy the rest",
                    related=(Related(command.span, "installed behind it"),),
                    persona=None if sure else Persona.PEDANTIC,
                )
                return


def _is_folder(transfer: Copy | Add) -> bool:
    name = transfer.sources[0].value.strip("\"'").rstrip("/").rpartition("/")[2]
    return transfer.sources[0].value.endswith("/") or stored.kind_of(name) is stored.EITHER


def _installs(command: Command) -> tuple[str, bool]:
    """The manager by which a command installs what a manifest lists, and whether it does nothing else."""
    name = {"gradlew": "gradle", "mvnw": "mvn"}.get(command.name, command.name)
    if managers.pip_install(command) is not None:
        return ("pip", True) if command.option("-r", "--requirement") else ("", False)
    if name not in _MANIFESTS:
        return "", False
    words = [word.value for word in command.operands(_VALUED)]
    verb = words[0] if words else ""
    if name == "npm":
        plain = managers.npm_install(command) and len(words) == 1 and not command.has(*_NPM_GLOBAL)
        return (name, True) if plain else ("", False)
    if name == "uv" and verb == "pip":
        return (name, True) if command.option("-r", "--requirement") else ("", False)
    if name == "go" and words[:2] == ["mod", "download"]:
        return name, True
    if name == "mvn" and any(re.match(r"dependency:(?:go-offline|resolve)", word) for word in words):
        return name, True
    if name == "gradle" and "dependencies" in words:
        return name, True
    if verb in _INSTALLS.get(name, ()) and len(words) < 2 and not command.has(*_NPM_GLOBAL, "--version", "-v"):
        return name, True
    return (name, False) if any(word in _BUILDS.get(name, ()) for word in words) else ("", False)
