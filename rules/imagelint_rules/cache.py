"""Package managers' caches that stay in the layer of the RUN that filled them."""

from collections.abc import Iterator

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Onbuild, Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Fix, Paths, Related, Severity
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules import managers

APT_LISTS = "/var/lib/apt/lists"
APK_CACHE = "/var/cache/apk"
PIP_CACHE = "/root/.cache/pip"
NPM_CACHE = "/root/.npm"
#: What takes the lists away too, since apt 2.9.
_APT_CLEANS = ("dist-clean", "distclean")
#: Other programs that read the lists.
_READS_LISTS = ("apt-cache", "gdebi", "mk-build-deps", "rosdep")
_TRUE = ("1", "true", "on", "yes", "y", "t")


@rule("IL101", blame=Paths("/var/lib/apt/lists/*"), aliases=("DL3009",))
def apt_lists_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""apt's package lists stay in the layer.

    Why: `apt-get update` stores the index of every package of the distribution under `/var/lib/apt/lists`. Nobody
    needs it once the packages are installed, and a container that installs more has to update it anyway. A `rm` in a
    later RUN hides the files, but the bytes stay in the layer that stored them.

    ```dockerfile bad
    FROM debian:12
    RUN apt-get update && apt-get install -y curl
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN apt-get update && apt-get install -y curl \
        && rm -rf /var/lib/apt/lists/*
    ```

    ```dockerfile good
    FROM debian:12
    RUN --mount=type=cache,target=/var/lib/apt/lists apt-get update && apt-get install -y curl
    ```
    """
    commands = graph.commands(run)
    updates = [at for at, command in enumerate(commands) if managers.apt(command) == "update"]
    stage = graph.stage_of(run)
    if not updates or stage is None or not graph.shipped(stage) or managers.mounted(run, APT_LISTS):
        return
    behind = commands[updates[-1] + 1 :]
    if managers.removes(behind, APT_LISTS) or any(managers.apt(each) in _APT_CLEANS for each in behind):
        return
    fix = None
    installs = any(managers.apt(each) == "install" for each in commands)
    if installs and not _lists_needed_later(run, graph):
        edits = edit.append(run, f"rm -rf {APT_LISTS}/*")
        fix = Fix("remove the lists at the end of this RUN", edits) if edits else None
    late = tuple(
        Related(command.span, "removed only here, a layer too late")
        for other in graph.later(run)
        if isinstance(other, Run)
        for command in graph.commands(other)
        if command.name == "rm" and managers.removes([command], APT_LISTS)
    )[:1]
    yield Finding(
        commands[updates[0]].span,
        "apt's package lists stay in this layer",
        note="what a later layer removes is hidden, but stays stored and is pulled with the image",
        help="install in the same RUN and end it with `rm -rf /var/lib/apt/lists/*`",
        fix=fix,
        related=late,
    )


def _lists_needed_later(run: Run, graph: BuildGraph) -> bool:
    """Whether an install behind this RUN relies on its lists, because no update comes before it.

    A script may hold such an install, so that one is taken for it.
    """
    for other in graph.later(run):
        if isinstance(other, Onbuild):
            return True
        if isinstance(other, Run):
            for command in graph.commands(other):
                if managers.apt(command) == "update":
                    if graph.stage_of(other) is graph.stage_of(run):
                        return False
                elif (
                    managers.apt(command) is not None
                    or command.name in _READS_LISTS
                    or command.name.endswith(".sh")
                    or managers.is_script(command)
                ):
                    return True
    return False


@rule("IL102", blame=Paths("/var/cache/apk/*", "/etc/apk/cache/*"), aliases=("DL3019",))
def apk_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""apk's package index stays in the layer.

    Why: `apk add` fetches the index of every repository into `/var/cache/apk`, and keeps it. `--no-cache` reads the
    index without storing it.

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
    RUN apk update && apk add curl && rm -rf /var/cache/apk/*
    ```
    """
    commands = graph.commands(run)
    stage = graph.stage_of(run)
    if stage is None or not graph.shipped(stage) or managers.mounted(run, APK_CACHE):
        return
    updated = any(managers.apk(command)[:1] and managers.apk(command)[0].value == "update" for command in commands)
    for at, command in enumerate(commands):
        words = managers.apk(command)
        if not words or words[0].value not in ("add", "upgrade") or managers.removes(commands[at + 1 :], APK_CACHE):
            continue
        if command.option("--no-cache", "--no-network") and not updated:
            continue
        if updated:
            edits = edit.append(run, f"rm -rf {APK_CACHE}/*")
            title = "remove the index at the end of this RUN"
        else:
            edits = edit.insert_behind(run, command, words[0], "--no-cache")
            title = "add `--no-cache`"
        yield Finding(
            command.span,
            "apk's package index stays in this layer",
            note="the index of every repository is stored under /var/cache/apk, and nothing reads it again",
            help="`apk add --no-cache` reads the index without storing it",
            fix=Fix(title, edits) if edits else None,
        )
        if updated:
            return


@rule("IL103", blame=Paths("/root/.cache/pip/*", "/home/*/.cache/pip/*"), aliases=("DL3042",))
def pip_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""pip's cache of downloads and built wheels stays in the layer.

    Why: pip keeps every archive that it downloads and every wheel that it builds under `~/.cache/pip`. In an image
    nothing is installed a second time, so the cache is carried for nothing.

    ```dockerfile bad
    FROM python:3.12
    RUN pip install flask
    ```

    ```dockerfile fixed
    FROM python:3.12
    RUN pip install --no-cache-dir flask
    ```

    ```dockerfile good
    FROM python:3.12
    ENV PIP_NO_CACHE_DIR=1
    RUN pip install flask
    ```
    """
    commands = graph.commands(run)
    stage = graph.stage_of(run)
    if stage is None or not graph.shipped(stage) or managers.mounted(run, PIP_CACHE):
        return
    if (graph.variable(run, "PIP_NO_CACHE_DIR") or "").lower() in _TRUE:
        return
    for at, command in enumerate(commands):
        word = managers.pip_install(command)
        if word is None or command.option("--no-cache-dir") or managers.removes(commands[at + 1 :], PIP_CACHE):
            continue
        if any(_turned_off(each.value) for each in command.assignments):
            continue
        edits = edit.insert_behind(run, command, word, "--no-cache-dir")
        yield Finding(
            command.span,
            "pip's download cache stays in this layer",
            note="every downloaded archive and built wheel is kept under ~/.cache/pip, beside what was installed",
            help="`pip install --no-cache-dir`, or `ENV PIP_NO_CACHE_DIR=1` for all of them",
            fix=Fix("add `--no-cache-dir`", edits) if edits else None,
        )


def _turned_off(assignment: str) -> bool:
    name, _, value = assignment.partition("=")
    return name == "PIP_NO_CACHE_DIR" and value.lower() in _TRUE


@rule("IL104", blame=Paths("/root/.npm/*", "/home/*/.npm/*"), severity=Severity.WARNING)
def npm_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""npm's cache of downloaded packages stays in the layer.

    Why: npm keeps a compressed copy of every package that it installs under `~/.npm/_cacache`. The packages are
    in `node_modules` already.

    ```dockerfile bad
    FROM node:20
    RUN npm ci
    ```

    ```dockerfile fixed
    FROM node:20
    RUN npm ci \
        && npm cache clean --force
    ```

    ```dockerfile good
    FROM node:20
    RUN --mount=type=cache,target=/root/.npm npm ci
    ```
    """
    commands = graph.commands(run)
    stage = graph.stage_of(run)
    installs = [at for at, command in enumerate(commands) if managers.npm_install(command)]
    if not installs or stage is None or not graph.shipped(stage) or managers.mounted(run, NPM_CACHE):
        return
    rest = commands[installs[-1] + 1 :]
    if managers.removes(rest, NPM_CACHE) or any(_cleans_npm(command) for command in rest):
        return
    if any(command.option("--cache") for command in commands if managers.npm_install(command)):
        return
    edits = edit.append(run, "npm cache clean --force") if _npm_stays(commands, installs) else None
    yield Finding(
        commands[installs[0]].span,
        "npm's download cache stays in this layer",
        note="a compressed copy of every package is kept under ~/.npm, beside node_modules",
        help="end the same RUN with `npm cache clean --force`",
        fix=Fix("clean the cache at the end of this RUN", edits) if edits else None,
    )


def _npm_stays(commands: tuple[Command, ...], installs: list[int]) -> bool:
    """Whether a plain `npm` at the end of the script is the one that installed."""
    plain = all(
        not commands[at].nested and not commands[at].assignments and commands[at].words[0].value == "npm"
        for at in installs
    )
    return plain and not any(
        command.has("uninstall", "del", "remove", "purge", "autoremove", "erase") or command.name in ("nvm", "export")
        for command in commands
    )


def _cleans_npm(command: Command) -> bool:
    return command.name == "npm" and [word.value for word in command.operands()][:2] in (
        ["cache", "clean"],
        ["cache", "clear"],
        ["cache", "rm"],
    )
