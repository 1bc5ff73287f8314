"""How a distribution's package manager is used: what it brings along, what it upgrades, what it is called by."""

from collections.abc import Iterator

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Run
from imagelint.finding import Finding, Fix, Persona, Recommended, Related, Safety, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint.text import Edit
from imagelint_rules.shared import installers, surroundings
from imagelint_rules.shared.installers import Call

_FALSE = r"""["'\\\s=:]*(?:0|false|no|off|f|n)\b"""
#: Subcommands that `apt` and `apt-get` carry out alike.
_SYSTEM = installers.of("apt", "apk", "rpm", "zypper")
_SAME = frozenset("update remove purge autoremove clean autoclean build-dep".split())
_APT_UPGRADES = ("upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade")
#: Official images on Debian or Ubuntu, whose apt-get is set up to keep no archive, as apt does on its own.
_DOCKER_CLEAN = frozenset(
    "buildpack-deps debian gcc golang haproxy httpd mariadb memcached nginx node openjdk perl php postgres python redis"
    " ruby rust tomcat ubuntu".split()
)


@rule(
    "IL525",
    programs=installers.of("apt"),
    blame=Recommended(),
    aliases=("DL3015",),
    severity=Severity.INFO,
)
def recommended_packages_installed(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """apt installs packages too that nobody asked for.

    Why: apt takes what a package recommends along with what it needs: manuals, editors, desktop libraries, a mail
    server. In an image that is most often weight for nothing. The fix may take away something that is in use, such as
    `ca-certificates` behind `curl`, so that it is an unsafe one: build, try, and name what is missed.

    imagelint knows the settings `-o APT::Install-Recommends=0` and an apt.conf that the build writes. Who says
    `--install-recommends` has decided, and is left alone (hadolint reports it). In a stage that is not shipped, and
    where a COPY may bring the apt.conf, the finding is pedantic.

    ```dockerfile bad
    FROM debian:12
    RUN apt-get update && apt-get install -y git
    ```

    ```dockerfile good
    FROM debian:12
    RUN apt-get update && apt-get install -y --no-install-recommends git
    ```

    ```dockerfile good
    FROM debian:12
    RUN echo 'APT::Install-Recommends "false";' > /etc/apt/apt.conf.d/99-lean
    RUN apt-get update && apt-get install -y git
    ```
    """
    for call in installers.calls(run, graph):
        if call.family != "apt" or call.verb != "install" or call.obscure or call.verb_word is None:
            continue
        if call.option("--no-install-recommends", "--install-recommends", "--without-recommends", "--with-recommends"):
            continue
        if call.program == "aptitude" and call.option("-R", "-r"):
            continue
        settings = " ".join(call.given("-o", "--option")).lower()
        if "install-recommends" in settings or surroundings.configured(run, graph, "(?i)install-recommends" + _FALSE):
            continue
        stage = graph.stage_of(run)
        shipped = stage is not None and graph.shipped(stage)
        regular = shipped and not surroundings.copied_into(run, graph, "/etc/apt/apt.conf")
        edits = edit.insert_behind(run, call.command, call.verb_word, "--no-install-recommends", over_cache=True)
        seen = call.verb_word.value == call.verb
        yield Finding(
            call.command.span,
            f"`{call.program} install` brings recommended packages along",
            note="a recommended package is one that works without, and brings others of its kind along",
            help="`--no-install-recommends`, and name the recommended packages that are in use",
            fix=Fix("add `--no-install-recommends`", edits, Safety.UNSAFE) if edits and seen else None,
            persona=None if regular else Persona.PEDANTIC,
            aliases=None if call.program == "apt-get" else (),
        )


@rule("IL526", programs=("apt",), blame=Unpriced("the name of a program costs no bytes"), aliases=("DL3027",))
def apt_in_scripts(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A script calls `apt`, which is made for people.

    Why: apt's command line may change from one release to the next, and it says so in the log of each build. `apt-get`
    and `apt-cache` keep theirs. The fix is safe where both do the same; `apt install` also keeps no archive, as
    apt-get does in Debian's, Ubuntu's and other official images, so that elsewhere its fix is an unsafe one. The first
    call of a RUN is fixed with all others; those are told to people who ask for opinions.

    ```dockerfile bad
    FROM debian:12
    RUN apt update && apt install -y curl
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN apt-get update && apt-get install -y curl
    ```

    ```dockerfile good
    FROM debian:12
    RUN apt-get update && apt-cache policy curl
    ```
    """
    calls = [call for call in installers.calls(run, graph) if call.program == "apt"]
    for call in calls:
        yield Finding(
            call.command.span_of(call.command.words[0]),
            f"`apt {call.verb}` is for people, not for scripts"
            if call.verb
            else "`apt` is for people, not for scripts",
            note="its command line is not stable between releases",
            help=f"call `{_scripted(call.verb)}`",
            fix=_all_renamed(run, calls, graph) if call is calls[0] else None,
            persona=None if call is calls[0] else Persona.PEDANTIC,
        )


def _scripted(verb: str) -> str:
    """What a script calls in the place of an `apt` subcommand."""
    if verb in ("search", "show", "policy", "depends", "rdepends", "showsrc"):
        return f"apt-cache {verb}"
    if verb == "list":
        return "dpkg-query --list"
    if verb == "full-upgrade":
        return "apt-get dist-upgrade"
    if verb == "upgrade":
        return "apt-get upgrade --with-new-pkgs"
    return f"apt-get {verb}".rstrip()


def _all_renamed(run: Run, calls: list[Call], graph: BuildGraph) -> Fix | None:
    """One fix for all calls of a RUN that can be renamed: safe if each of them is."""
    fixes = [fix for call in calls if (fix := _renamed(run, call, graph)) is not None]
    if not fixes:
        return None
    safe = all(fix.safety is Safety.SAFE for fix in fixes)
    edits = tuple(edit for fix in fixes for edit in fix.edits)
    return Fix(fixes[0].title, edits, Safety.SAFE if safe else Safety.UNSAFE)


def _renamed(run: Run, call: Call, graph: BuildGraph) -> Fix | None:
    """`apt-get` for `apt`, where it has that subcommand and takes it the same way."""
    word = call.command.words[0]
    if run.json is not None or call.obscure or call.verb not in (*_SAME, "install"):
        return None
    span = call.command.span_of(word)
    if run.source.text[span.start : span.end] != word.value:
        return None
    safe = call.verb in _SAME or surroundings.root_image(run, graph) in _DOCKER_CLEAN
    if surroundings.configured(run, graph, "(?i)docker-clean|binary::apt|keep-downloaded-packages"):
        safe = call.verb in _SAME
    edits = (Edit(span, word.value + "-get"),)
    return Fix("call `apt-get`", edits, Safety.SAFE if safe else Safety.UNSAFE)


@rule(
    "IL527",
    programs=installers.of("zypper"),
    blame=Unpriced("what it replaces depends on how old the base image is"),
    aliases=("DL3035",),
)
def zypper_dist_upgrade(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """zypper moves the whole distribution to another state.

    Why: `dist-upgrade` takes every package to what the repositories hold, changes vendors and removes what is in the
    way. Each file that it replaces is stored twice, in the base image and here. A newer base image does the same
    without that. On Tumbleweed, where there is no other way to upgrade, the finding is pedantic.

    ```dockerfile bad
    FROM opensuse/leap:15.6
    RUN zypper -n dist-upgrade && zypper clean
    ```

    ```dockerfile good
    FROM opensuse/leap:15.6
    RUN zypper -n install httpd=2.4.24 && zypper clean
    ```
    """
    for call in installers.calls(run, graph):
        if call.family == "zypper" and call.verb in ("dist-upgrade", "dup"):
            rolling = "tumbleweed" in surroundings.root_image(run, graph)
            yield Finding(
                call.command.span,
                "zypper upgrades the whole distribution",
                note="what it replaces stays stored in the layers below",
                help="build on a newer base image",
                persona=Persona.PEDANTIC if rolling else None,
            )


@rule(
    "IL528",
    programs=_SYSTEM,
    blame=Unpriced("what it replaces depends on how old the base image is"),
    severity=Severity.INFO,
    persona=Persona.PEDANTIC,
)
def system_upgraded(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """All packages of the base image are upgraded.

    Why: each file that an upgrade replaces is stored twice, in the base image and in this layer, and what comes in
    depends on the day of the build; a cached layer hides the next fix. A newer base image has the same packages without
    that. It is a matter of opinion and off by default: where base images are slow to follow, an upgrade is how security
    fixes come in.

    ```dockerfile bad
    FROM debian:12
    RUN apt-get update && apt-get upgrade -y
    ```

    ```dockerfile good
    FROM alpine:3.20
    RUN apk upgrade --no-cache libssl3
    ```
    """
    for call in installers.calls(run, graph):
        if (
            (call.family == "apt" and call.verb in _APT_UPGRADES)
            or (call.family == "apk" and call.verb == "upgrade")
            or (call.family == "rpm" and call.verb in ("update", "upgrade", "distro-sync"))
            or (call.family == "zypper" and call.verb in ("update", "up", "patch"))
        ) and not call.operands:
            yield Finding(
                call.command.span,
                f"`{call.program} {call.verb}` upgrades every package of the base image",
                note="what it replaces stays stored in the layers below",
                help="build on a newer base image",
            )


@rule(
    "IL529", programs=_SYSTEM, blame=Unpriced("it is installed once"), severity=Severity.STYLE, persona=Persona.PEDANTIC
)
def package_named_twice(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A package is named twice in one command.

    Why: it is installed once, but the next reader removes one of them and wonders why it is still there. Lists in
    alphabetical order do not grow doubles.

    ```dockerfile bad
    FROM alpine:3.20
    RUN apk add --no-cache curl git curl
    ```

    ```dockerfile good
    FROM alpine:3.20
    RUN apk add --no-cache curl git
    ```
    """
    for call in installers.calls(run, graph):
        if call.verb not in ("install", "add") or call.family not in ("apt", "apk", "rpm", "zypper"):
            continue
        first: dict[str, installers.Argument] = {}
        for each in call.operands:
            if each.unknown or each.value not in first:
                first[each.value] = each
            elif each.word is not first[each.value].word:
                yield Finding(
                    call.command.span_of(each.word),
                    f"{each.value} is named twice",
                    help="remove one of the two",
                    related=(Related(call.command.span_of(first[each.value].word), "named here first"),),
                )
