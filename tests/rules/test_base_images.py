"""Base images, their platforms, and the arguments in FROM: what the rules' examples leave out."""

from __future__ import annotations

import pytest

from imagelint.finding import Persona, Severity
from imagelint.graph import BaseImage, BuildContext, Demands
from tests.rules import cases

D = "@sha256:" + "0" * 64

TAGS = {
    "a digest": (f"FROM debian{D}", ""),
    "latest with a digest": (f"FROM debian:latest{D}", ""),
    "a port is no tag": ("FROM localhost:5000/debian", "IL401:1"),
    "a stage": ("FROM a:1 AS b\nFROM b", ""),
    "a stage in capitals": ("FROM a:1 AS B\nFROM b", ""),
    "a stage further down": ("FROM b\nFROM a:1 AS b", "IL401:1"),
    "scratch": ("FROM scratch", ""),
    "scratch, quoted": ('FROM "scratch"', ""),
    "a name that is none": ("FROM Debian", ""),
    "no image at all": ("FROM", "IL001:1"),
    "no FROM": ("RUN x", "IL001:1 IL001:1"),
    "a variable nobody declares": ("FROM $X", ""),
    "a variable without a value": ("ARG X\nFROM $X", ""),
    "a default without a tag": ("ARG X=debian\nFROM $X", "IL401:2"),
    "a default behind a variable": ("FROM ${X:-debian}", "IL401:1"),
    "a tag in a variable": ("ARG T=:12\nFROM debian$T", ""),
    "a tag that may come": ("ARG T\nFROM debian$T", "IL401:2"),
    "latest in a variable": ('ARG T="latest"\nFROM debian:${T}', "IL402:2"),
    "latest as a part": ("FROM debian:latest-slim", ""),
    "latest of a stage": ("ARG B=b\nFROM a:1 AS b\nFROM $B", ""),
    "COPY from latest": ("FROM scratch\nCOPY --from=a:latest /x /x", "IL402:2"),
    "COPY from a version": ("FROM scratch\nCOPY --from=a:1 /x /x", ""),
}


@pytest.mark.parametrize(("text", "expected"), TAGS.values(), ids=TAGS)
def test_tags(text: str, expected: str) -> None:
    assert cases.found(text, "IL401", "IL402") == expected


def test_a_build_argument_counts() -> None:
    context = BuildContext(build_args={"T": "latest"})
    assert cases.found("ARG T=12\nFROM debian:$T", "IL402", context=context) == "IL402:2"


UNTAGGED = {
    "from a registry": ("debian", False),
    "built here": ("local-image/base", True),
    "built here, as podman names it": ("localhost/base", True),
    "of a registry that runs here": ("localhost:5000/base", False),
    "of somebody whose name begins so": ("localstack/localstack", False),
    "a release in the name": ("gcr.io/distroless/static-debian12", True),
    "no release in the name": ("gcr.io/distroless/static", False),
}


@pytest.mark.parametrize(("image", "pedantic"), UNTAGGED.values(), ids=UNTAGGED)
def test_a_missing_tag_may_be_meant(image: str, pedantic: bool) -> None:
    (finding,) = cases.linted(f"FROM {image}", "IL401").findings
    assert (finding.persona is Persona.PEDANTIC) == pedantic


def test_images_without_versions_are_pinned_by_digest() -> None:
    (finding,) = cases.linted("FROM cgr.dev/chainguard/python:latest", "IL402").findings
    assert finding.help is not None
    assert "name a version" not in finding.help


def test_copying_from_latest_is_an_opinion() -> None:
    (finding,) = cases.linted("FROM scratch\nCOPY --from=a:latest /x /x", "IL402").findings
    assert (finding.persona, finding.aliases) == (Persona.PEDANTIC, ())


REGISTRIES = {
    "docker.io by default": ("docker.io", "FROM a:1", ""),
    "its other names": ("hub.docker.com", "FROM index.docker.io/library/a:1", ""),
    "another one": ("docker.io", "FROM ghcr.io/a/b:1", "IL403:1"),
    "none is demanded": ("", "FROM ghcr.io/a/b:1", ""),
    "a port": ("host:5000", "FROM host:5000/a:1", ""),
    "a port that is not trusted": ("docker.io", "FROM host:5000/a:1", "IL403:1"),
    "localhost": ("docker.io", "FROM localhost/a:1", "IL403:1"),
    "a user is no registry": ("docker.io", "FROM user/a:1", ""),
    "a star before": ("*.example.com", "FROM r.example.com/a:1", ""),
    "a star behind": ("r.*", "FROM r.example.com/a:1", ""),
    "a star alone": ("*", "FROM anything.org/a:1", ""),
    "not by a part": ("example.com", "FROM r.example.com/a:1", "IL403:1"),
    "a variable": ("docker.io", "ARG R=ghcr.io\nFROM $R/a:1", "IL403:2"),
    "a variable without a value": ("r.io", "ARG R\nFROM $R/a:1", ""),
    "a variable behind the registry": ("docker.io", "FROM ghcr.io/a-$A:1", "IL403:1"),
    "a tag that only the build knows": ("r.io", "ARG T\nFROM a:$T", "IL403:2"),
    "a tag that only the build knows, of docker.io": ("docker.io", "ARG T\nFROM a:$T", ""),
    "scratch": ("r.io", "FROM scratch", ""),
    "COPY": ("r.io", "FROM scratch\nCOPY --from=a:1 /x /x", "IL403:2"),
    "COPY from a stage": ("r.io", "FROM r.io/a:1 AS b\nFROM scratch\nCOPY --from=B / /x\nCOPY --from=0 / /x", ""),
    "mounts": (
        "r.io",
        "FROM r.io/a:1\nRUN --mount=from=g.io/b:1,target=/b --mount=type=cache,from=r.io/c,target=/c x",
        "IL403:2",
    ),
}


@pytest.mark.parametrize(("trusted", "text", "expected"), REGISTRIES.values(), ids=REGISTRIES)
def test_registries(trusted: str, text: str, expected: str) -> None:
    context = BuildContext(demands=Demands(tuple(trusted.split())))
    assert cases.found(text, "IL403", context=context) == expected


BOTH = "DL3029 FromPlatformFlagConstDisallowed"
PLATFORMS = {
    "a constant": ("FROM --platform=linux/amd64 a", BOTH),
    "a machine alone": ("FROM --platform=x86_64 a", BOTH),
    "a system alone": ("FROM --platform=linux a", BOTH),
    "a machine in the stage's name": ("FROM --platform=linux/x86_64 a AS for-AMD64", "DL3029"),
    "a system in the stage's name": ("FROM --platform=windows/amd64 a AS windows", "DL3029"),
    "another machine in it": ("FROM --platform=linux/arm64 a AS for-amd64", BOTH),
    "the build's": ("FROM --platform=${BUILDPLATFORM:-linux/amd64} a", ""),
    "the target's machine": ("FROM --platform=linux/${TARGETARCH} a", ""),
    "an argument of one's own": ("ARG P=linux/amd64\nFROM --platform=$P a", "DL3029"),
    "one without a value": ("ARG P\nFROM --platform=$P a", "DL3029"),
    "what is no platform": ("FROM --platform=foobar a", "DL3029"),
    "an empty one": ("FROM --platform= a", ""),
    "the target's": ("FROM --platform=$TARGETPLATFORM a", "DL3065 RedundantTargetPlatform"),
    "the target's, with a default": ("FROM --platform=${TARGETPLATFORM:-x} a", "RedundantTargetPlatform"),
    "the target's, declared": (
        "ARG TARGETPLATFORM\nFROM --platform=$TARGETPLATFORM a",
        "DL3065 RedundantTargetPlatform",
    ),
    "the target's, with a value": ("ARG TARGETPLATFORM=linux/arm\nFROM --platform=$TARGETPLATFORM a", ""),
    "beside another variable": ("ARG V\nFROM --platform=$TARGETPLATFORM$V a", ""),
    "a part of the target's": ("FROM --platform=${TARGETPLATFORM%/*} a", ""),
}


@pytest.mark.parametrize(("text", "expected"), PLATFORMS.values(), ids=PLATFORMS)
def test_platforms(text: str, expected: str) -> None:
    assert cases.aliases(text, "IL003", "IL404", "IL405") == expected


def test_a_declared_target_platform_may_be_given() -> None:
    (finding,) = cases.linted("ARG TARGETPLATFORM\nFROM --platform=$TARGETPLATFORM a", "IL405").findings
    assert finding.fix is not None
    assert finding.fix.safety.value == "unsafe"


PULLED = {
    "another machine": ("FROM --platform=linux/arm64 a", "IL408:1"),
    "the same": ("FROM --platform=linux/x86_64 a", ""),
    "not asked for": ("FROM a", ""),
    "decided by the build": ("FROM --platform=$TARGETPLATFORM a", ""),
    "an argument": ("ARG P=linux/arm64\nFROM --platform=$P a", "IL408:2"),
    "an unknown image": ("FROM --platform=linux/arm64 b", ""),
    "a stage of that name": ("FROM b AS a\nFROM --platform=linux/arm64 a", ""),
}


@pytest.mark.parametrize(("text", "expected"), PULLED.values(), ids=PULLED)
def test_pulled_platforms(text: str, expected: str) -> None:
    context = BuildContext(images={"a": BaseImage({}, "linux/amd64")})
    assert cases.found(text, "IL408", context=context) == expected


ARGUMENTS = {
    "declared in a stage": ("FROM a:1\nARG V\nFROM b:1$V", "IL406:3"),
    "declared behind FROM": ("FROM a:1$V\nARG V", "IL406:1"),
    "set by BuildKit": ("FROM a:1$TARGETVARIANT", ""),
    "with a default there": ("FROM a:${V:-1}", "IL406:1"),
    "two of them": ("FROM a:1$V$W$V", "IL406:1 IL406:1"),
    "in the platform": ("FROM --platform=linux/amd64$P a:1", "IL406:1"),
    "in a stage's name": ("FROM a:1 AS b\nFROM b$V", "IL406:2"),
    "a default that works": ("ARG V=1\nFROM a:$V", ""),
    "no default": ("ARG V\nFROM a:$V", "IL407:2"),
    "no default, and none needed": ("ARG V\nFROM a:1$V", ""),
    "a default that is no name": ("ARG V=Alpine\nFROM $V", "IL407:2"),
    "a digest without a default": ("ARG V\nFROM a@sha256:$V", "IL407:2"),
    "demanded": ("ARG V\nFROM a:${V:?which}", "IL407:2"),
    "demanded in vain": ("FROM a:${V:?which}", "IL406:1"),
    "capitals beside a variable": ("ARG V\nFROM A:1$V", "IL003:2"),
    "capitals": ("FROM A", "IL003:1"),
    "a stage's name in capitals": ("FROM a:1 AS b\nFROM B", "IL003:2"),
    "nothing": ('FROM ""', "IL003:1"),
    "a name that only a stage can have": ("FROM a:1 AS b-\nFROM b-", "IL407:2"),
    "a platform without a value": ("ARG P\nFROM --platform=$P a:1", "IL003:2"),
    "declared twice": ("ARG V=1\nARG V\nFROM a:$V", ""),
    "a bad substitution of what nobody declares": ("FROM a:${V^}", "IL406:1"),
    "a bad substitution": ("ARG V\nFROM a:${V^}", ""),
}


@pytest.mark.parametrize(("text", "expected"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(text: str, expected: str) -> None:
    assert cases.found(text, "IL003", "IL406", "IL407") == expected


@pytest.mark.parametrize(
    ("text", "severities", "aliases"),
    [
        ("FROM a:1$V", "warning", "UndefinedArgInFrom"),
        ("FROM $V", "error", "InvalidDefaultArgInFrom UndefinedArgInFrom"),
        ("FROM $V$W", "error warning", "InvalidDefaultArgInFrom UndefinedArgInFrom UndefinedArgInFrom"),
        ("FROM --platform=$V a:1", "error", "UndefinedArgInFrom"),
        ("ARG V\nFROM $V", "error", "InvalidDefaultArgInFrom"),
        ("FROM A", "error", "InvalidDefaultArgInFrom"),
        ("FROM a AS b-\nFROM b-", "warning", "InvalidDefaultArgInFrom"),
    ],
)
def test_a_finding_is_an_error_where_the_build_fails(text: str, severities: str, aliases: str) -> None:
    select = ("IL003", "IL406", "IL407")
    findings = cases.linted(text, *select).findings
    assert " ".join((each.severity or Severity.STYLE).label for each in findings) == severities
    assert cases.aliases(text, *select) == aliases


def test_an_argument_that_is_given() -> None:
    text = "ARG V\nFROM a:$V"
    (finding,) = cases.linted(text, "IL407", context=BuildContext(build_args={"V": "1"})).findings
    assert finding.severity is Severity.WARNING
    wrong = BuildContext(build_args={"V": "a b"})
    assert cases.found("ARG V=1\nFROM a:$V", "IL003", "IL407", context=wrong) == "IL003:2"


def test_the_variable_is_what_is_pointed_at() -> None:
    linted = cases.linted("ARG VERSION\nFROM a:1$V${VERSOIN:-x}", "IL406")
    first, second = linted.findings
    assert linted.source.text[slice(*first.span)] == "$V"
    assert linted.source.text[slice(*second.span)].startswith("${VERSOIN")
    assert "was VERSION meant?" in (second.help or "")
