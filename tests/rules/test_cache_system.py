"""What the system's package managers leave in a layer: where it counts, where not, and whose ids the findings carry."""

from __future__ import annotations

import pytest

from imagelint.finding import Persona
from imagelint.text import apply_edits
from tests.rules import cases

INSTALL = "apt-get update && apt-get install x"
APT, APK, RPM = ("IL101", "IL109"), ("IL102",), ("IL105", "IL106", "IL107")
PACMAN = ("IL129",)
NO_HOOK = "RUN rm -f /etc/apt/apt.conf.d/docker-clean"
LISTS = "--mount=type=cache,target=/var/lib/apt"

FOUND = {
    # apt
    "any rm is no clean-up": (APT, "FROM a\nRUN apt-get update && rm -rf /tmp/x", "IL101:2"),
    "a part of the lists": (APT, "FROM a\nRUN apt-get update && rm -rf /var/lib/apt/lists/partial", "IL101:2"),
    "lists by a pattern": (APT, "FROM a\nRUN apt-get update && rm -f /var/lib/apt/lists/*_*", ""),
    "a parent by a pattern": (APT, "FROM a\nRUN apt-get update && rm -rf /var/lib/a*/lists", ""),
    "find": (APT, "FROM a\nRUN apt-get update && find /var/lib/apt/lists ! -name lock -type f -delete", ""),
    "find of some": (APT, "FROM a\nRUN apt-get update && find /var/lib/apt/lists -name x -delete", "IL101:2"),
    "somebody's own clean-up": (APT, "FROM a\nRUN apt-get update && bash /build/cleanup.sh", ""),
    "a trap": (APT, "FROM a\nRUN trap 'rm -rf /var/lib/apt/lists/*' EXIT; apt-get update", ""),
    "behind bash with options": (APT, "FROM a\nRUN bash -euxo pipefail -c 'apt-get update && x'", "IL101:2"),
    "a mount within": (APT, "FROM a\nRUN --mount=type=cache,target=/var/lib/apt/lists/x apt-get update", "IL101:2"),
    "a mount below an unknown variable": (APT, "FROM a\nRUN --mount=type=cache,target=$X apt-get update", ""),
    "archives where the hook is": (APT, f"FROM a\nRUN {LISTS} {INSTALL}", ""),
    "archives without the hook": (APT, f"FROM a\n{NO_HOOK}\nRUN {LISTS} {INSTALL}", "IL109:3"),
    "archives cleaned": (APT, f"FROM a\n{NO_HOOK}\nRUN {LISTS} {INSTALL} && apt-get clean", ""),
    "archives in a stage above": (APT, f"FROM a AS b\n{NO_HOOK}\nFROM b\nRUN apt-get install x", "IL109:4"),
    "archives in another stage": (APT, f"FROM a AS b\n{NO_HOOK}\nFROM a\nRUN apt-get install x", ""),
    "apt deletes them itself": (APT, f"FROM a\n{NO_HOOK}\nRUN apt install x", ""),
    "unless it is told not to": (
        APT,
        "FROM a\nRUN echo 'Binary::apt::APT::Keep-Downloaded-Packages \"true\";' >/x\nRUN apt install x",
        "IL109:3",
    ),
    "archives told to go": (
        APT,
        "FROM a\nRUN echo 'APT::Keep-Downloaded-Packages \"false\";' >/x\nRUN apt-get install x",
        "",
    ),
    # apk
    "update alone": (APK, "FROM a\nRUN apk update", "IL102:2"),
    "update and no cache": (APK, "FROM a\nRUN apk update \\\n && apk add --no-cache x", "IL102:2"),
    "update and add, once": (APK, "FROM a\nRUN apk update \\\n && apk add x \\\n && apk add y", "IL102:3"),
    "two adds": (APK, "FROM a\nRUN apk add x \\\n && apk add y", "IL102:2"),
    "pacman": (PACMAN, "FROM a\nRUN pacman -Syu --noconfirm x", "IL129:2"),
    "pacman's long options": (PACMAN, "FROM a\nRUN pacman --sync --noconfirm x", "IL129:2"),
    "pacman upgrades": (PACMAN, "FROM a\nRUN pacman -Syu --noconfirm", "IL129:2"),
    "pacman fetches the index, searches and asks": (PACMAN, "FROM a\nRUN pacman -Sy && pacman -Ss x && pacman -Q", ""),
    "pacman's cache cleaned": (PACMAN, "FROM a\nRUN pacman -S x && yes | pacman -Scc", ""),
    "pacman's cache removed": (PACMAN, "FROM a\nRUN pacman -S x && rm -rf /var/cache/pacman/pkg/*", ""),
    "pacman's cache mounted": (PACMAN, "FROM a\nRUN --mount=type=cache,target=/var/cache/pacman pacman -S x", ""),
    "pacman in a builder": (PACMAN, "FROM a AS b\nRUN pacman -S x\nFROM a\nCOPY --from=b /x /", ""),
    "apk del": (APK, "FROM a\nRUN apk del x", ""),
    # yum, dnf, zypper
    "yum with a mount": (RPM, "FROM a\nRUN --mount=type=cache,target=/var/cache/yum yum install -y x", ""),
    "yum cleaned by dnf": (RPM, "FROM a\nRUN yum install -y x && dnf clean all", ""),
    "dnf cleaned by microdnf": (RPM, "FROM a\nRUN dnf install -y x && microdnf clean all", "IL106:2"),
    "options before the subcommand": (RPM, "FROM a\nRUN dnf --setopt install_weak_deps=0 -y install x", "IL106:2"),
    "groups that are listed": (RPM, "FROM a\nRUN dnf group list", ""),
    "dnf5 and tdnf": (RPM, "FROM a\nRUN dnf5 install -y x\nRUN tdnf install -y x", "IL106:2 IL106:3"),
    "remove alone": (RPM, "FROM a\nRUN yum remove -y x && zypper rm x", ""),
    "zypper refresh": (RPM, "FROM a\nRUN zypper --gpg-auto-import-keys ref", "IL107:2"),
    "all caches at once": (RPM, "FROM a\nRUN dnf install -y x && rm -rf /var/cache/* /tmp/*", ""),
}  # fmt: skip


@pytest.mark.parametrize(("codes", "text", "expected"), FOUND.values(), ids=FOUND)
def test_found(codes: tuple[str, ...], text: str, expected: str) -> None:
    assert cases.found(text, *codes) == expected


ALIASES = {
    "apt lists": ("RUN apt-get update", "DL3009"),
    "archives where hadolint asks for both mounts": (f"{NO_HOOK}\nRUN {LISTS} {INSTALL}", "DL3009"),
    "archives alone": (f"{NO_HOOK}\nRUN apt-get install x", ""),
    "apk update": ("RUN apk update", ""),
    "apk removed again": ("RUN apk add x && rm -rf /var/cache/apk/*", "DL3019"),
    "yum update": ("RUN yum update -y", ""),
    "dnf upgrade": ("RUN dnf -y upgrade", "DL3040"),
    "dnf update": ("RUN dnf -y update", ""),
    "both": ("RUN dnf -y update && dnf -y install x", "DL3040"),
    "zypper up": ("RUN zypper up", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ALIASES.values(), ids=ALIASES)
def test_aliases(text: str, expected: str) -> None:
    assert cases.aliases(f"FROM a\n{text}", *APT, *APK, *RPM) == expected


ELSEWHERE = {
    "a builder": ("FROM a AS b\nRUN {}\nFROM a\nCOPY --from=b /x /", "IL102 IL106"),
    "a base that is not shipped": ("FROM a AS b\nRUN {}\nFROM b AS c\nFROM a", "IL101 IL102 IL106"),
    "a trigger": ("FROM a AS b\nONBUILD RUN {}\nFROM a", "IL101 IL102 IL106"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_is_not_shipped_is_for_the_pedantic(text: str, expected: str) -> None:
    run = "apt-get update; apk add x; apk update; dnf install x; dnf update"
    linted = cases.linted(text.format(run), *APT, *APK, *RPM)
    assert " ".join(sorted(each.code for each in linted.findings)) == expected
    assert all(each.persona is Persona.PEDANTIC and each.fix is None for each in linted.findings)


NOT_FIXED = {
    "one of two managers": "RUN dnf install -y x || apk add --no-cache x",
    "within a condition": "RUN if x; then dnf install -y x; fi",
    "with sudo": "RUN sudo dnf install -y x",
    "by its path": "RUN /usr/bin/dnf install -y x",
    "lists that are needed later": "RUN apt-get update && apt-get install x\nRUN apt-get install y",
    "lists that a script may need": "RUN apt-get update && apt-get install x\nRUN ./x.sh",
    "lists, and too much behind to tell": "RUN apt-get update && apt-get install x\n" + "ENV a=b\n" * 60,
}  # fmt: skip


@pytest.mark.parametrize("text", NOT_FIXED.values(), ids=NOT_FIXED)
def test_what_is_not_fixed(text: str) -> None:
    (finding,) = cases.linted(f"FROM a\n{text}", *APT, *RPM).findings
    assert finding.fix is None


def test_who_removes_the_lists_too_late_is_named() -> None:
    linted = cases.linted("FROM a\nRUN apt-get update\nRUN apt-get install x\nRUN rm -rf /var/lib/apt/lists", "IL101")
    (related,) = linted.findings[0].related
    assert linted.source.text[slice(*related.span)] == "rm -rf /var/lib/apt/lists"


def test_a_clean_up_of_another_folder_is_named() -> None:
    text = "FROM a\nRUN apt-get update && apt-get install x && rm -rf /var/lib/apt/list/*\n"
    (finding,) = cases.linted(text, "IL101").findings
    assert [text[each.span.start : each.span.end] for each in finding.related] == ["/var/lib/apt/list/*"]


def test_apk_adds_of_one_run_are_fixed_together() -> None:
    text = "FROM a\nRUN apk add x && apk add y\n"
    (finding,) = cases.linted(text, "IL102").findings
    assert finding.fix is not None
    assert apply_edits(text, finding.fix.edits) == "FROM a\nRUN apk add --no-cache x && apk add --no-cache y\n"


INDENTS = {
    "arguments further in": (
        "RUN set -x \\\n  && apt-get update \\\n  && apt-get install \\\n                x",
        "\n  && rm",
    ),
    "operators at the end": ("RUN apt-get update && \\\n  apt-get install \\\n      x", " && \\\n  rm"),
    "aligned arguments": ("RUN apt-get update; apt-get install a \\\n                     x", "\n    && rm"),
    "arguments alone": ("RUN apt-get update && apt-get install \\\n\tx", "\n\t&& rm"),
}


@pytest.mark.parametrize(("text", "expected"), INDENTS.values(), ids=INDENTS)
def test_a_fix_is_as_far_in_as_the_commands(text: str, expected: str) -> None:
    (finding,) = cases.linted(f"FROM a\n{text}\n", "IL101").findings
    assert finding.fix is not None
    assert expected in finding.fix.edits[0].replacement
