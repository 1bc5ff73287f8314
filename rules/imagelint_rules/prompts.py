"""Package managers that ask whether they may: a build has nobody to answer."""

from collections.abc import Iterator

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Fix, Persona, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import installers, surroundings
from imagelint_rules.shared.installers import Call

_NO_BYTES = Unpriced("a question costs no bytes, it stops the build")
_NOTE = "nobody can answer while an image is built, and no answer means no"
_APT_VERBS = frozenset(
    "install reinstall remove purge autoremove autopurge upgrade dist-upgrade full-upgrade safe-upgrade build-dep"
    " satisfy".split()
)
_APT_DRY = ("-s", "--simulate", "--just-print", "--dry-run", "--recon", "--no-act", "--print-uris", "-h", "--help")
_DNF = ("dnf", "dnf5", "microdnf", "tdnf")
_RPM_VERBS = frozenset(
    "install groupinstall localinstall reinstall remove erase autoremove update upgrade downgrade swap"
    " distro-sync".split()
)
_RPM_GROUP_VERBS = frozenset("group install|groups install|module install|module enable|module reset".split("|"))
_ZYPPER_VERBS = frozenset(
    "install in remove rm source-install si patch update up dist-upgrade dup install-new-recommends inr".split()
)
_TRUE = r"""["'\\\s=:]*(?:1|true|yes|on|t|y)\b"""


@rule("IL521", programs=installers.of("apt"), blame=_NO_BYTES, aliases=("DL3014",))
def apt_prompt(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """apt may ask whether it should go on.

    Why: as soon as a package brings others with it, or takes some away, apt asks first. A build has no keyboard, apt
    takes that for a no, and the build stops. Which packages come along changes with the distribution, so that a build
    may stop that went well yesterday. `-y` answers.

    imagelint says the same of `remove`, `upgrade` and their like, and of `apt` and `aptitude`. It is silent where an
    answer is piped in, or where an apt.conf says `Assume-Yes`, and pedantic where a COPY brings the apt.conf. `-qqq` is
    as good as `-qq`, unlike in hadolint.

    ```dockerfile bad
    FROM debian:12
    RUN apt-get update && apt-get install curl
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN apt-get update && apt-get install -y curl
    ```

    ```dockerfile good
    FROM debian:12
    RUN apt-get update && apt-get install -qq curl && apt-get purge --yes curl
    ```
    """
    for call in installers.calls(run, graph):
        if call.family != "apt" or call.verb not in _APT_VERBS or call.option(*_APT_DRY):
            continue
        if call.option("-y", "--yes", "--assume-yes", "--assume-no") or _quiet(call) > 1:
            continue
        settings = " ".join(call.given("-o", "--option")).lower()
        if "assume-yes" in settings or surroundings.configured(run, graph, "(?i)assume-yes" + _TRUE):
            continue
        aliased = call.program == "apt-get" and call.verb == "install"
        copied = surroundings.copied_into(run, graph, "/etc/apt/apt.conf")
        yield from _asks(run, call, "-y", aliased=aliased, doubtful=copied)


@rule("IL522", programs=("yum",), blame=_NO_BYTES, aliases=("DL3030",))
def yum_prompt(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """yum asks whether it should go on.

    Why: yum shows what it is going to do and waits for an answer. A build has no keyboard, yum takes that for a no, and
    the build stops. `-y` answers.

    imagelint says the same of `remove`, `update` and their like. It is silent where an answer is piped in, or where
    yum.conf says `assumeyes`; and pedantic where a COPY brings the yum.conf.

    ```dockerfile bad
    FROM rockylinux:9
    RUN yum install httpd-2.4.24 && yum clean all
    ```

    ```dockerfile fixed
    FROM rockylinux:9
    RUN yum install -y httpd-2.4.24 && yum clean all
    ```

    ```dockerfile good
    FROM rockylinux:9
    RUN yum -y update && yum --assumeyes remove httpd && yum clean all
    ```
    """
    yield from _rpm_asks(run, graph, ("yum",), ("yum",))


@rule("IL523", programs=_DNF, blame=_NO_BYTES, aliases=("DL3038",))
def dnf_prompt(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """dnf asks whether it should go on.

    Why: dnf shows what it is going to do and waits for an answer. A build has no keyboard, dnf takes that for a no, and
    the build stops. `-y` answers.

    imagelint says the same of `remove`, `upgrade` and their like, and of `microdnf`, `dnf5` and `tdnf`. It is silent
    where an answer is piped in, or where dnf.conf says `assumeyes`. The finding is pedantic where a COPY brings the
    dnf.conf, and with microdnf, whose older versions never ask: in Fedora it has become dnf5, which does.

    ```dockerfile bad
    FROM fedora:42
    RUN dnf group install development-tools && dnf clean all
    ```

    ```dockerfile fixed
    FROM fedora:42
    RUN dnf group install -y development-tools && dnf clean all
    ```

    ```dockerfile good
    FROM fedora:42
    RUN dnf -y install httpd-2.4.24 && dnf clean all
    ```
    """
    yield from _rpm_asks(run, graph, _DNF, ("dnf", "microdnf"))


@rule("IL524", programs=installers.of("zypper"), blame=_NO_BYTES, aliases=("DL3034",))
def zypper_prompt(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """zypper asks whether it should go on.

    Why: zypper shows what it is going to do and waits for an answer. A build has no keyboard, and the build stops.
    `zypper --non-interactive` answers every question with what zypper proposes.

    imagelint says the same of `update` and `dist-upgrade`. It is silent where an answer is piped in.

    ```dockerfile bad
    FROM opensuse/leap:15.6
    RUN zypper install httpd=2.4.24 && zypper clean
    ```

    ```dockerfile fixed
    FROM opensuse/leap:15.6
    RUN zypper --non-interactive install httpd=2.4.24 && zypper clean
    ```

    ```dockerfile good
    FROM opensuse/leap:15.6
    RUN zypper install -y httpd=2.4.24 && zypper -n remove httpd && zypper clean
    ```
    """
    for call in installers.calls(run, graph):
        if call.family != "zypper" or call.verb not in _ZYPPER_VERBS:
            continue
        if call.option("-n", "--non-interactive", "-y", "--no-confirm", "--dry-run"):
            continue
        known = call.verb not in ("update", "up", "dist-upgrade", "dup", "install-new-recommends", "inr")
        yield from _asks(run, call, "--non-interactive", aliased=known)


def _rpm_asks(run: Run, graph: BuildGraph, programs: tuple[str, ...], aliased: tuple[str, ...]) -> Iterator[Finding]:
    for call in installers.calls(run, graph):
        if call.program not in programs or call.verb not in _RPM_VERBS | _RPM_GROUP_VERBS:
            continue
        if call.option("-y", "--assumeyes", "--assumeno", "-h", "--help"):
            continue
        if any("assumeyes" in each for each in call.given("--setopt")):
            continue
        if surroundings.configured(run, graph, "assumeyes" + _TRUE):
            continue
        # hadolint looks for the word, wherever it stands.
        known = call.verb.rpartition(" ")[2] in ("install", "groupinstall", "localinstall")
        copied = surroundings.copied_into(run, graph, f"/etc/{programs[0]}")
        yield from _asks(
            run,
            call,
            "-y",
            aliased=known and call.program in aliased,
            doubtful=copied or call.program == "microdnf",
        )


def _asks(run: Run, call: Call, flag: str, *, aliased: bool, doubtful: bool = False) -> Iterator[Finding]:
    """The finding for a call that asks, unless something is piped into it or a variable may hold the answer.

    It is pedantic where it is doubtful that the call asks.
    """
    if _answered(call.command) or call.obscure or call.verb_word is None:
        return
    place = call.command.words[0] if flag.startswith("--") else call.verb_word
    edits = edit.insert_behind(run, call.command, place, flag, over_cache=True)
    # The word that the flag goes behind must be there, and not come out of a variable or out of `python -m`.
    seen = place.value.rpartition("/")[2] in (call.program, call.verb.rpartition(" ")[2])
    yield Finding(
        call.command.span,
        f"`{call.program} {call.verb}` without `{flag}` waits for an answer",
        note=_NOTE,
        help=f"add `{flag}`",
        fix=Fix(f"add `{flag}`", edits) if edits and seen else None,
        aliases=None if aliased else (),
        persona=Persona.PEDANTIC if doubtful else None,
    )


def _answered(command: Command) -> bool:
    """Whether something is piped into a command; what is piped into `xargs` does not get through."""
    wrappers = command.text.text[command.start : command.words[0].start]
    return command.operator in ("|", "|&") and "xargs" not in wrappers


def _quiet(call: Call) -> int:
    """How quiet apt is told to be; from two on it asks nothing."""
    level = call.letters.count("q") + call.flags.count("--quiet")
    for flag in call.flags:
        name, _, value = flag.partition("=")
        if name in ("-q", "--quiet") and value.isdecimal():
            level = max(level, int(value[:4]))
    return level
