"""Packages of a language that come in whatever version there is on the day of the build."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Run
from imagelint.finding import Finding, Persona
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.pins_system import UNPINNED, finding
from imagelint_rules.shared import installers, surroundings

_ARCHIVES = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_PIP_VERBS = ("install", "pip install", "tool install", "add")
_NPM_VERBS = ("install", "i", "in", "ins", "inst", "insta", "instal", "isnt", "isntall", "add", "global add")
#: Versions by which Go means whatever is newest.
_GO_MOVING = ("latest", "upgrade", "patch", "none")
#: Import paths of Go's own tree, or of every package in the module at hand.
_GO_OWN = ("all", "cmd", "std", "tool", "work")


@rule("IL511", programs=installers.of("pip"), blame=UNPINNED, aliases=("DL3013",), persona=Persona.PEDANTIC)
def pip_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A Python package is installed without a version.

    Why: the newest release comes in, with the newest ones of all that it needs, and one of them breaks the build or the
    program on a day on which nobody changed anything. PyPI keeps old versions, so that a pin goes on working. What a
    package needs itself is pinned by a file only: `pip install -r requirements.txt`, or `-c constraints.txt`.

    Any bound counts, `>=` too. With a file of constraints (`-c`, `PIP_CONSTRAINT`) nothing is said. imagelint also
    looks at what is named beside `-r` or `.`, at a git repository without a commit whose URL has a user's `@`, and at
    `uv`; and not at extras of a local folder (`.[dev]`), which hadolint takes for a package.

    ```dockerfile bad
    FROM python:3.12
    RUN pip install --no-cache-dir flask gunicorn==23.0.0
    ```

    ```dockerfile good
    FROM python:3.12
    RUN pip install --no-cache-dir gunicorn==23.0.0 "flask>=3,<4" && pip install -r requirements.txt
    ```
    """
    for call in installers.calls(run, graph):
        if call.family != "pip" or call.verb not in _PIP_VERBS or call.option("-c", "--constraint", "--constraints"):
            continue
        if graph.variable(run, "PIP_CONSTRAINT") or any(
            "_CONSTRAINT=" in each.value for each in call.command.assignments
        ):
            continue
        # hadolint is silent on the whole command then.
        beside = call.program == "uv" or call.command.has("-r", "--requirement", ".")
        found = [each for each in call.operands if not each.unknown and not _is_pip_pinned(each.value)]
        if found:
            yield finding(
                call, found, "`pip install package==version`, or a file: `-r requirements.txt`", aliased=not beside
            )


def _is_pip_pinned(value: str) -> bool:
    requirement = value.partition(";")[0]
    if re.search(r"\b(?:git|hg|svn|bzr)\+|^git://", requirement):
        _, _, place = requirement.partition("#")[0].rpartition("://")
        # An `@` before the first slash belongs to the user's name.
        _, slash, path = place.partition("/")
        return "@" in (path if slash else place.partition(":")[2]) or "+file:" in requirement
    return (
        any(char in "=<>~" for char in requirement.removeprefix("~"))
        or requirement.startswith((".", "~"))
        or "!=" in requirement
        or "/" in requirement
        or requirement.endswith(_ARCHIVES)
    )


@rule("IL512", programs=installers.of("npm"), blame=UNPINNED, aliases=("DL3016",), persona=Persona.PEDANTIC)
def npm_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A package is installed with npm without a version.

    Why: the newest release comes in, with the newest ones of all that it needs, and one of them breaks the build or the
    program on a day on which nobody changed anything. The registry keeps old versions, so that a pin goes on working.
    What a program needs belongs into `package-lock.json` and comes in by `npm ci`; for tools say `package@version`.

    imagelint knows `npm i` and `npm add` too, also `pnpm`, `yarn` and `bun`, and says the same of a tag such as
    `@latest`. Local folders, and `user/repository#commit`, which hadolint reports, are fine.

    ```dockerfile bad
    FROM node:22
    RUN npm install --global typescript
    ```

    ```dockerfile good
    FROM node:22
    RUN npm install --global typescript@5.6.3 @angular/cli@18 && npm ci
    ```
    """
    for call in installers.calls(run, graph):
        if call.family != "npm" or call.verb not in _NPM_VERBS:
            continue
        found = [each for each in call.operands if not each.unknown and not _is_npm_pinned(each.value)]
        tagged = [each for each in found if "@" in each.value[1:] and "/" not in each.value.rpartition("@")[2]]
        bare = [each for each in found if each not in tagged]
        advice = f"`{call.program} {call.verb} package@version`"
        if bare:
            yield finding(call, bare, advice, aliased=call.program == "npm")
        if tagged:
            yield finding(call, tagged, advice, aliased=False)


def _is_npm_pinned(value: str) -> bool:
    if value in (".", "..") or value.startswith(("/", "./", "../", "~", "file:", "link:")) or value.endswith(_ARCHIVES):
        return True
    if value.startswith(("git:", "git+", "git@", "github:", "gitlab:", "bitbucket:", "gist:")):
        return "#" in value
    if value.startswith(("http://", "https://")):
        return "#" in value or not value.endswith(".git")
    name, _, version = value[1:].partition("@")
    if value[0] != "@" and "/" in name:
        return "#" in value
    # A version has a number in it, or a variable; a tag is a word.
    return any(char.isdigit() or char == "$" for char in version)


@rule("IL513", programs=installers.of("gem"), blame=UNPINNED, aliases=("DL3028",), persona=Persona.PEDANTIC)
def gem_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A Ruby gem is installed without a version.

    Why: the newest release comes in, with the newest ones of all that it needs, and one of them breaks the build or the
    program on a day on which nobody changed anything. RubyGems keeps old versions, so that a pin goes on working.

    hadolint takes the word behind any option for its value and overlooks `gem install --no-document rails`; imagelint
    does not. A gem's own file (`./x.gem`) is fine.

    ```dockerfile bad
    FROM ruby:3.3
    RUN gem install --no-document rails
    ```

    ```dockerfile good
    FROM ruby:3.3
    RUN gem install rails:7.2.1 && gem install bundler -v 2.5.9 && gem install --file Gemfile
    ```
    """
    for call in installers.calls(run, graph):
        if call.family != "gem" or call.verb not in ("install", "i") or call.option("-v", "--version"):
            continue
        found = [
            each
            for each in call.operands
            if not each.unknown and ":" not in each.value and not each.value.endswith(".gem")
        ]
        if found and not call.option("-g", "--file"):
            yield finding(call, found, "`gem install gem:version`", aliased=True)


@rule("IL514", programs=installers.of("go"), blame=UNPINNED, aliases=("DL3062",), persona=Persona.PEDANTIC)
def go_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A Go program is installed without a version.

    Why: `@latest`, or a branch, is another commit tomorrow, and one of them breaks the build on a day on which nobody
    changed anything. Versions stay in Go's module proxy, so that a pin goes on working.

    Inside a module `go.mod` says which version is meant: where the build has copied or mounted files before, nothing is
    said of `go install` and `go run` without an `@` (hadolint reports them). Files (`go run x.go`) are fine.

    ```dockerfile bad
    FROM golang:1.23
    RUN go install golang.org/x/tools/gopls@latest
    ```

    ```dockerfile good
    FROM golang:1.23
    RUN go install golang.org/x/tools/gopls@v0.16.2
    COPY . .
    RUN go install ./cmd/... && go run example.com/tool
    ```
    """
    for call in installers.calls(run, graph):
        if call.family != "go" or call.verb not in ("install", "get", "run"):
            continue
        packages = call.operands[:1] if call.verb == "run" else call.operands
        found = [each for each in packages if not each.unknown and not _is_go_pinned(each.value)]
        bare = [each for each in found if "@" not in each.value]
        if bare and (call.verb == "get" or not surroundings.brings_files(run, graph)):
            yield finding(call, bare, f"`go {call.verb} package@version`", aliased=True)
        if moving := [each for each in found if "@" in each.value]:
            known = all(each.value.endswith(("@latest", "@none")) for each in moving)
            yield finding(call, moving, f"`go {call.verb} package@version`", aliased=known)


def _is_go_pinned(value: str) -> bool:
    path, at, version = value.partition("@")
    if at:
        # A branch is a word; a tag has a number in it, and a commit too.
        return version not in _GO_MOVING and any(char.isdigit() or char == "$" for char in version)
    return path.startswith((".", "/")) or path.endswith(".go") or path.partition("/")[0] in _GO_OWN


@rule("IL515", programs=installers.of("conda"), blame=UNPINNED, persona=Persona.PEDANTIC)
def conda_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A package is installed with conda without a version.

    Why: the newest one comes in that fits the others, and one day it breaks the build or the program, although nobody
    changed anything. The channels keep old versions, so that a pin goes on working. `mamba` is looked at too.

    ```dockerfile bad
    FROM condaforge/miniforge3:24.7.1-0
    RUN conda install -y numpy
    ```

    ```dockerfile good
    FROM condaforge/miniforge3:24.7.1-0
    RUN conda install -y -c conda-forge numpy=2.1 "scipy>=1.14" && conda create -n env --file packages.txt
    ```
    """
    for call in installers.calls(run, graph):
        if call.family == "conda" and call.verb in ("install", "create"):
            found = [each for each in call.operands if not each.unknown and not _is_conda_pinned(each.value)]
            if found:
                yield finding(call, found, f"`{call.program} {call.verb} package=version`", aliased=False)


def _is_conda_pinned(value: str) -> bool:
    return any(char in "=<>/ " for char in value) or value.endswith((".conda", ".tar.bz2"))


@rule("IL516", programs=installers.of("cargo"), blame=UNPINNED, persona=Persona.PEDANTIC)
def cargo_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A Rust program is installed without a version.

    Why: the newest release comes in, and one day it wants a newer compiler than the image has. crates.io keeps every
    version, so that a pin goes on working; `--locked` takes its dependencies as they were tested with it.

    ```dockerfile bad
    FROM rust:1.80
    RUN cargo install cargo-chef
    ```

    ```dockerfile good
    FROM rust:1.80
    RUN cargo install --locked cargo-chef@0.1.67 && cargo install --path .
    ```
    """
    pinning = ("--version", "--vers", "--path", "--rev", "--tag")
    for call in installers.calls(run, graph):
        if call.family == "cargo" and call.verb == "install" and not call.option(*pinning):
            found = [each for each in call.operands if not each.unknown and "@" not in each.value]
            if found:
                yield finding(call, found, "`cargo install --locked program@version`", aliased=False)
