"""What apt leaves in the layer of the RUN that calls it: package lists, and downloads where nothing deletes them."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Onbuild, Run
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Paths, Persona, Related
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint_rules.shared import cleanup, managers
from imagelint_rules.shared.cleanup import Cache, Layer, graded, persona

_LISTS = Cache(("/var/lib/apt/lists",))
_ARCHIVES = Cache(("/var/cache/apt/archives",))
_PROGRAMS = frozenset({"apt", "apt-get", "aptitude"})
#: What takes the lists away too, since apt 2.9.
_CLEANS_LISTS = ("dist-clean", "distclean")
_INSTALLS = ("install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep", "reinstall")
#: Other programs that read the lists.
_READS_LISTS = ("apt-cache", "gdebi", "mk-build-deps", "rosdep")
#: The file by which Debian's and Ubuntu's images have apt delete what it downloaded, and the option that says not to.
_HOOK = "docker-clean"
_KEEPS = "Keep-Downloaded-Packages"
#: What is removed by those who mean the lists.
_LIKE_LISTS = r"/var/(?:lib|cache)/apt/?(?:apt/)?lists?\b|/var/lib/apt-lists?\b"
#: Behind a RUN no more instructions than this are looked at, so that many such RUNs take no square of time.
_LOOK_AHEAD = 50


@rule("IL101", programs=_PROGRAMS, blame=Paths("/var/lib/apt/lists/*"), aliases=("DL3009",))
def apt_lists_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""apt's package lists stay in the layer.

    Why: `apt-get update` stores the index of every package of the distribution under `/var/lib/apt/lists`. Nobody
    needs it once the packages are installed, and a container that installs more has to update it anyway. A `rm` in a
    later RUN hides the files, but the bytes stay in the layer that stored them.

    hadolint takes any `rm -rf` for the clean-up, and wants a mount for `/var/cache/apt` as well. Here the lists are
    meant: removed behind the update in the same RUN, or mounted. In a stage that others are built on, but that is not
    shipped, it is a pedantic finding.

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
    if (who := persona(run, graph, "base")) is None:
        return
    layer = Layer(run, graph)
    kept = layer.kept(_LISTS, _updates, lambda command: managers.apt(command) in _CLEANS_LISTS)
    if not kept:
        return
    late, needed = _ahead(run, graph)
    installs = any(managers.apt(each) in _INSTALLS for each in layer.commands)
    lists = "rm -rf /var/lib/apt/lists/*"
    fix = layer.ending(lists, "remove the lists at the end of this RUN", kept) if installs and not needed else None
    yield graded(
        Finding(
            kept[0].span,
            "apt's package lists stay in this layer",
            note="what a later layer removes is hidden, but stays stored and is pulled with the image",
            help=f"install in the same RUN and end it with `{lists}`",
            fix=fix,
            related=(Related(late.span, "removed only here, a layer too late"),) if late else tuple(_missed(layer)),
        ),
        who,
    )


def _updates(command: Command) -> bool:
    return command.name in _PROGRAMS and managers.apt(command) == "update"


def _ahead(run: Run, graph: BuildGraph) -> tuple[Command | None, bool]:
    """What removes the lists behind a RUN, and whether an install relies on them because no update comes before it.

    A script may hold such an install, so that one is taken for it; so is what stands too far behind to be looked at.
    """
    needed: bool | None = None
    for number, other in enumerate(graph.later(run)):
        if number == _LOOK_AHEAD:
            return None, needed is not False
        if isinstance(other, Onbuild):
            needed = True if needed is None else needed
        elif isinstance(other, Run):
            for command in graph.commands(other):
                name = managers.apt(command)
                if name == "update" and graph.stage_of(other) is graph.stage_of(run):
                    needed = needed or False
                elif name is not None or command.name in _READS_LISTS or _is_script(command):
                    needed = True if needed is None else needed
                elif command.name == "rm" and any(
                    cleanup.covers(word, _LISTS.folders[0]) for word in cleanup.removed(command)
                ):
                    return command, needed is True
    return None, needed is True


def _missed(layer: Layer) -> Iterator[Related]:
    """A clean-up that means the lists and names another folder, such as /var/lib/apt/list."""
    for command in layer.commands:
        if command.name == "rm":
            for word in command.args:
                if re.match(_LIKE_LISTS, word.value) and not cleanup.covers(word.value, _LISTS.folders[0]):
                    yield Related(command.span_of(word), f"this removes nothing: the lists are in {_LISTS.folders[0]}")
                    return


def _is_script(command: Command) -> bool:
    return command.name.endswith(".sh") or managers.is_script(command)


@rule("IL109", blame=Paths("/var/cache/apt/archives/*.deb"), aliases=("DL3009",))
def apt_archives_kept(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    r"""apt's downloaded packages stay in the layer, because what deletes them was turned off.

    Why: Debian's and Ubuntu's images tell apt to delete every package once it is installed, in
    `/etc/apt/apt.conf.d/docker-clean`. Whoever removes that file, so that a cache mount has something to keep, must
    mount `/var/cache/apt` in every RUN that installs: without the mount each `.deb` stays in the layer.

    hadolint reports a RUN whose lists are mounted and whose archives are not as DL3009, whether they stay or not.

    ```dockerfile bad
    FROM debian:12
    RUN rm -f /etc/apt/apt.conf.d/docker-clean
    RUN --mount=type=cache,target=/var/lib/apt apt-get update && apt-get install -y curl
    ```

    ```dockerfile good
    FROM debian:12
    RUN rm -f /etc/apt/apt.conf.d/docker-clean
    RUN --mount=type=cache,target=/var/lib/apt --mount=type=cache,target=/var/cache/apt \
        apt-get update && apt-get install -y curl
    ```
    """
    text = dockerfile.source.text
    if _HOOK not in text and _KEEPS not in text:
        return
    off: set[Stage] = set()
    for stage in graph.parts:
        if stage.base in off:
            off.add(stage)
        for instruction in stage.instructions:
            run = instruction.inner if isinstance(instruction, Onbuild) else instruction
            if isinstance(run, Run):
                if _turns_off(run):
                    off.add(stage)
                if stage in off and not run.programs.isdisjoint(_PROGRAMS):
                    yield from _archives(run, graph, tells=_KEEPS in text)


def _turns_off(run: Run) -> bool:
    """Whether a RUN keeps apt from deleting what it downloads."""
    bodies = "".join(run.source.text[slice(*heredoc.body)] for heredoc in run.heredocs)
    script = run.arguments + bodies
    if _KEEPS in script:
        behind = script.partition(_KEEPS)[2].lstrip("\"'= ")[:5].lower()
        return behind.startswith(("true", "1", "yes"))
    return _HOOK in script and not run.programs.isdisjoint({"rm", "mv", "truncate", "unlink"})


def _archives(run: Run, graph: BuildGraph, *, tells: bool) -> Iterator[Finding]:
    who = persona(run, graph, "base")
    layer = Layer(run, graph)

    def downloads(command: Command) -> bool:
        # `apt` itself deletes what it downloads, unless it is told to keep it.
        programs = _PROGRAMS if tells else ("apt-get", "aptitude")
        return command.name in programs and managers.apt(command) in _INSTALLS

    kept = layer.kept(_ARCHIVES, downloads, lambda command: managers.apt(command) in ("clean", *_CLEANS_LISTS))
    if not kept or who is None:
        return
    # Where the lists are mounted there is no other finding that would carry hadolint's id.
    elsewhere = layer.mounted(_LISTS.folders) and any(_updates(each) for each in layer.commands)
    aliases = ("DL3009",) if elsewhere else ()
    if who is Persona.REGULAR or aliases:
        yield graded(
            Finding(
                kept[0].span,
                "apt's downloaded packages stay in this layer",
                note=f"`{_HOOK}`, which would delete them, was turned off above",
                help="mount a cache at /var/cache/apt, or end the RUN with `apt-get clean`",
                aliases=aliases,
            ),
            who,
        )
