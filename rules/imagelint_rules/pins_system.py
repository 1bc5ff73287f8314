"""Packages of a distribution that come in whatever version there is on the day of the build."""

import re
from collections.abc import Callable, Iterable, Iterator

from imagelint.dockerfile.instructions import Run
from imagelint.finding import Finding, Persona, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import installers, surroundings
from imagelint_rules.shared.installers import Argument, Call

UNPINNED = Unpriced("another version of a package is no waste of bytes")
_DNF = ("dnf", "dnf5", "microdnf", "tdnf")
_NAME = r"\$\{?(\w+)"


def unpinned(
    calls: Iterable[Call], is_pinned: Callable[[Argument], bool], advice: str, programs: tuple[str, ...]
) -> Iterator[Finding]:
    """A finding for each call that names packages without a version; other tools know it of `programs`."""
    for call in calls:
        found = [each for each in call.operands if not each.unknown and not is_pinned(each)]
        if found:
            yield finding(call, found, advice, aliased=call.program in programs)


def finding(call: Call, packages: list[Argument], advice: str, *, aliased: bool) -> Finding:
    """The finding for packages of one call that have no version; it points at the first of them."""
    return Finding(
        call.command.span_of(packages[0].word),
        f"no version is given for {installers.listed(each.value for each in packages)}",
        note="what is installed depends on the day of the build",
        help=advice,
        aliases=None if aliased else (),
    )


@rule("IL501", programs=installers.of("apt"), blame=UNPINNED, aliases=("DL3008",), persona=Persona.PEDANTIC)
def apt_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A Debian package is installed without a version.

    Why: two builds of the same Dockerfile can then hold different versions, and what one of them did cannot be
    repeated. It is a matter of opinion all the same, and off by default. Debian and Ubuntu keep only the newest
    version of a package in their archive, so that a pinned version cannot be installed any more as soon as it gets a
    security fix, and the build fails. Pin where the archive is your own, or a snapshot.

    Where the file shows what a variable holds, its packages are judged; of a variable that it does not show, nothing
    is said (hadolint reports every one). `apt` and `aptitude` are looked at too.

    ```dockerfile bad
    FROM debian:12
    RUN apt-get update && apt-get install -y curl
    ```

    ```dockerfile good
    FROM debian:12
    ARG CURL_VERSION=7.88.*
    RUN apt-get update && apt-get install -y curl=$CURL_VERSION libssl3/bookworm ./own.deb
    ```
    """
    calls = (call for call in installers.calls(run, graph) if call.family == "apt" and call.verb == "install")
    yield from unpinned(
        calls,
        lambda each: "=" in each.value or "/" in each.value or each.value.endswith((".deb", "-")),
        "`apt-get install package=version`, with `*` for what may change",
        ("apt-get",),
    )


@rule("IL502", programs=installers.of("apk"), blame=UNPINNED, aliases=("DL3018",), persona=Persona.PEDANTIC)
def apk_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """An Alpine package is installed without a version.

    Why: two builds of the same Dockerfile can then hold different versions. It is a matter of opinion and off by
    default: within a release Alpine replaces a package by its fixed version and drops the old one, so that an exact
    pin fails some day. `~=` holds the version and lets the revision move.

    Of a variable that the file does not show nothing is said (hadolint reports every one).

    ```dockerfile bad
    FROM alpine:3.20
    RUN apk add --no-cache curl
    ```

    ```dockerfile good
    FROM alpine:3.20
    RUN apk add --no-cache --virtual .build "gcc~=13.2" curl=8.9.0-r0
    ```
    """
    calls = (call for call in installers.calls(run, graph) if call.family == "apk" and call.verb == "add")
    yield from unpinned(
        calls,
        lambda each: any(char in "=~<>" for char in each.value) or each.value.endswith(".apk") or each.value[:1] == "!",
        "`apk add 'package~=version'`",
        ("apk",),
    )


@rule("IL503", programs=("yum",), blame=UNPINNED, aliases=("DL3033",), persona=Persona.PEDANTIC)
def yum_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A package is installed with yum without a version.

    Why: two builds of the same Dockerfile can then hold different versions. It is a matter of opinion and off by
    default: not every repository keeps old versions. A version stands behind the name, `httpd-2.4.24`, a module's
    stream behind a colon. The last part of the name must look like one: `java-11-openjdk` has none, although hadolint
    takes it for one. Groups have no version, and nothing is said of them.

    ```dockerfile bad
    FROM rockylinux:9
    RUN yum install -y httpd java-11-openjdk && yum clean all
    ```

    ```dockerfile good
    FROM rockylinux:9
    ARG GIT_VERSION
    RUN yum install -y httpd-2.4.24 git-core-$GIT_VERSION @development && yum clean all
    ```
    """
    yield from _rpms(run, graph, "yum install", ("yum",), ("yum",))


@rule("IL504", programs=_DNF, blame=UNPINNED, aliases=("DL3041",), persona=Persona.PEDANTIC)
def dnf_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A package is installed with dnf without a version.

    Why: two builds of the same Dockerfile can then hold different versions. It is a matter of opinion and off by
    default: Fedora's repositories hold the newest version and the first one only. A version stands behind the name,
    `httpd-2.4.24`, a module's stream behind a colon. Groups have no version, and nothing is said of them, not of
    `@development` either. `microdnf`, `dnf5` and `tdnf` are looked at too.

    ```dockerfile bad
    FROM fedora:42
    RUN dnf install -y httpd && dnf clean all
    ```

    ```dockerfile good
    FROM fedora:42
    RUN dnf install -y httpd-2.4.24 "git >= 2.40" && dnf module install -y nodejs:20 && dnf clean all
    ```
    """
    yield from _rpms(run, graph, "dnf install", _DNF, ("dnf", "microdnf"))


@rule("IL505", programs=installers.of("zypper"), blame=UNPINNED, aliases=("DL3037",), persona=Persona.PEDANTIC)
def zypper_unpinned(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A package is installed with zypper without a version.

    Why: two builds of the same Dockerfile can then hold different versions. It is a matter of opinion and off by
    default: not every repository keeps old versions. Patterns (`-t pattern`) have no version, and nothing is said of
    them (hadolint reports them).

    ```dockerfile bad
    FROM opensuse/leap:15.6
    RUN zypper install -y httpd && zypper clean
    ```

    ```dockerfile good
    FROM opensuse/leap:15.6
    RUN zypper install -y httpd=2.4.24 "curl>8" && zypper clean
    ```
    """
    calls = (
        call
        for call in installers.calls(run, graph)
        if call.family == "zypper"
        and call.verb in ("install", "in")
        and all(kind == "package" for kind in call.given("-t", "--type"))
    )
    yield from unpinned(
        calls,
        lambda each: any(char in "=<>" for char in each.value) or each.value.endswith(".rpm") or each.value[:1] in "@-",
        "`zypper install package=version`",
        ("zypper",),
    )


def _rpms(
    run: Run, graph: BuildGraph, command: str, programs: tuple[str, ...], aliased: tuple[str, ...]
) -> Iterator[Finding]:
    calls = [call for call in installers.calls(run, graph) if call.program in programs]
    yield from unpinned(
        (call for call in calls if call.verb == "install"),
        lambda each: _is_rpm_pinned(each.value, run, graph),
        f"`{command} package-version`",
        aliased,
    )
    yield from unpinned(
        (call for call in calls if call.verb == "module install"),
        lambda each: ":" in each.value,
        f"`{command.replace(' ', ' module ')} module:stream`",
        aliased,
    )


def _is_rpm_pinned(name: str, run: Run, graph: BuildGraph) -> bool:
    if name.startswith("@") or name.endswith(".rpm") or any(char in "=<>" for char in name):
        return True
    parts = name.split("-")
    if len(parts) == 1:
        return False
    # What a command prints, or a variable that someone has declared, is taken for the version.
    if "$(" in name or "`" in name or any(surroundings.declared(run, graph, each) for each in re.findall(_NAME, name)):
        return True
    last, before = parts[-1], parts[-2] if len(parts) > 2 else ""
    return last[:1].isdigit() or (before[:1].isdigit() and (last == "*" or any(char.isdigit() for char in last)))
