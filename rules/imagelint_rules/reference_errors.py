"""References, mounts and transfers that parse, and fail when the stage is built."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Add, Copy, From, Run, Workdir
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.reference import is_reference
from imagelint.dockerfile.words import SubstitutionError, expand, variables
from imagelint.finding import Finding, Related, Severity
from imagelint.graph import BuildGraph
from imagelint.graph.references import number
from imagelint.rule import rule
from imagelint_rules.shared.bases import fault, platform_flag, platform_of, shown, undeclared, unset
from imagelint_rules.shared.values import FAILS, value_of

_SYMBOLIC_MODE = r"[ugoa]*(?:[-+=][rwxXst]*)+(?:,[ugoa]*(?:[-+=][rwxXst]*)+)*"
_REMOTE = r"(?i)https?://|git://|ssh://|git@"


@rule("IL003", blame=FAILS, aliases=("DL3029", "InvalidDefaultArgInFrom"), severity=Severity.ERROR, triggers=False)
def bad_base_image(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """The base image's name or platform is no name of one.

    Why: what FROM names must be a stage, `scratch`, or a reference as registries take it: small letters, one tag.

    ```dockerfile bad
    FROM Debian:12
    ```

    ```dockerfile good
    ARG VERSION=12
    FROM --platform=$BUILDPLATFORM debian:${VERSION}
    ```
    """
    why, image = fault(from_, graph)
    place = from_.span_of(from_.image)
    if why in ("constant", "given") and from_.words:
        help_ = "small letters, digits and . _ - /, then one :tag" if image else "name an image, a stage or scratch"
        meant = graph.meant(image, numbers=False)
        if meant is not None and meant.from_.start_line < from_.start_line:
            help_ = f"the stage's name is in small letters: FROM {image.lower()}"
        message = f"{shown(image, from_)} is no name of an image" if image else "the base image's name is empty"
        aliases = ("InvalidDefaultArgInFrom",) if why == "constant" else ()
        yield Finding(place, message, help=help_, aliases=aliases)
    flag = platform_flag(from_)
    if flag is None or flag.value is None:
        return
    names = variables(flag.value, escape=from_.source.escape)
    try:
        platform = expand(flag.value, graph.globals.at(), escape=from_.source.escape)
    except SubstitutionError:
        return
    if platform_of(platform) is None and not undeclared(names, graph):
        follows = any(name in ("BUILDPLATFORM", "TARGETPLATFORM") for name in names)
        needed = " and ".join(name[:60] for name in unset(names, graph)[:3])
        yield Finding(
            from_.span_of(flag.word),
            f"{platform[:100]} is no platform" if platform else "the platform is empty",
            help=f"a --build-arg must give {needed} a value"
            if needed
            else "os/architecture, or with /variant behind it",
            aliases=() if follows else ("DL3029",),
        )


@rule("IL004", blame=FAILS, severity=Severity.ERROR, triggers=False)
def bad_mount(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A `--mount` has a field, or lacks one, so that it cannot be mounted.

    Why: BuildKit checks the fields of a mount when it comes to build the stage; until then nothing complains.

    ```dockerfile bad
    FROM debian:12
    RUN --mount=type=cache,sharing=open,target=/var/cache/apt apt-get update
    ```

    ```dockerfile good
    FROM debian:12
    RUN --mount=type=cache,sharing=locked,target=/var/cache/apt --mount=type=secret,id=token true
    ```
    """
    flags = [flag for flag in run.flags if flag.name == "mount"]
    for flag, mount in zip(flags, run.mounts, strict=True):
        message = _mount_problem(mount, run, graph)
        if message:
            yield Finding(run.span_of(flag.word), message)


_FIELDS = {
    "bind": {"from", "source", "src", "target", "readonly", "ro", "readwrite", "rw"},
    "cache": {"id", "sharing", "from", "source", "src", "target", "mode", "uid", "gid", "readonly", "ro", "readwrite"},
    "secret": {"id", "source", "src", "target", "required", "mode", "uid", "gid", "env"},
    "ssh": {"id", "target", "required", "mode", "uid", "gid"},
    "tmpfs": {"target", "size", "readonly", "ro", "readwrite", "rw"},
}


def _mount_problem(mount: dict[str, str], run: Run, graph: BuildGraph) -> str:
    kind = mount["type"].lower()
    known = _FIELDS.get(kind)
    if known is None:
        return "" if "$" in kind else f"unknown type of mount: {kind[:40]}"
    for key, value in mount.items():
        if key != "type" and key not in known | {"rw"}:
            return f"a mount of type {kind} has no field {key[:40]}"
        if key in ("readonly", "ro", "readwrite", "rw", "required") and value.lower() not in (
            "",
            "true",
            "false",
            "1",
            "0",
        ):
            return f"{key} of a mount takes true or false"
        number = {"mode": r"[0-7]+", "uid": r"\d+", "gid": r"\d+"}.get(key)
        if number and "$" not in value and not re.fullmatch(number, value):
            return f"{key} of a mount takes a number, not {value[:40]}"
    if kind == "cache" and mount.get("sharing", "shared").lower() not in ("shared", "private", "locked"):
        return "sharing of a cache is shared, private or locked"
    source = mount.get("source", mount.get("src"))
    if kind == "secret":
        if source is None and not (mount.get("id") or mount.get("target") or mount.get("env")):
            return "a secret needs an id, a source or a target"
        return "a secret has an id or a source, not both" if mount.get("id") and source else ""
    if kind == "ssh":
        return ""
    try:
        target = value_of(mount.get("target", ""), run, graph)
    except SubstitutionError as error:
        return error.message
    if target == "/" or (not target and target is not None and _at_root(run, graph)):
        return f"a mount of type {kind} needs a target other than /"
    return ""


def _at_root(run: Run, graph: BuildGraph) -> bool:
    """Whether the working directory can only be /: a relative target, an empty one too, is below it."""
    stage = graph.stage_of(run)
    before = graph.lineage(stage) if stage else ()
    return graph.closed(run) and not any(isinstance(each, Workdir) for each in before)


@rule("IL005", blame=FAILS, aliases=("DL3022",), severity=Severity.ERROR, triggers=False)
def bad_transfer(transfer: Copy | Add, graph: BuildGraph) -> Iterator[Finding]:
    """COPY or ADD asks for what it cannot do: a URL for COPY, a mode that is none, a checksum of local files.

    Why: BuildKit refuses it when it comes to the instruction.

    ```dockerfile bad
    FROM scratch
    COPY https://example.com/app /app
    ```

    ```dockerfile good
    FROM scratch
    ADD --chmod=755 https://example.com/app /app
    ```
    """
    name = transfer.keyword
    for word in transfer.sources if isinstance(transfer, Copy) else ():
        if re.match(_REMOTE, word.value):
            yield Finding(transfer.span_of(word), "COPY takes no URL", help="ADD downloads", aliases=())
    if (flag := transfer.flag("chmod")) and flag.value is not None and "$" not in flag.value:
        octal = re.fullmatch(r"[0-7]{1,5}", flag.value) and int(flag.value, 8) <= 0o7777
        if not octal and not re.fullmatch(_SYMBOLIC_MODE, flag.value):
            yield Finding(
                transfer.span_of(flag.word),
                f"{flag.value} is no mode",
                help="octal up to 7777, or u=rwX,go=rX",
                aliases=(),
            )
    if (flag := transfer.flag("checksum")) and flag.value is not None and "$" not in flag.value:
        place = transfer.span_of(flag.word)
        remote = [word for word in transfer.sources if re.match(_REMOTE, word.value)]
        if len(transfer.sources) != 1 or (not remote and "$" not in transfer.sources[0].value):
            yield Finding(place, f"{name} --checksum needs one source, and a remote one", aliases=())
        elif not re.fullmatch(r"[a-z0-9]+:[0-9a-f]{32,}|[0-9a-f]{40}|[0-9a-f]{64}", flag.value):
            yield Finding(
                place, f"{flag.value[:80]} is no digest", help="sha256: and 64 hexadecimal digits", aliases=()
            )
    if isinstance(transfer, Copy) and transfer.from_ is not None:
        flag = transfer.flag("from")
        assert flag is not None
        # hadolint takes whatever has a colon for an image.
        aliases = () if ":" in transfer.from_ else ("DL3022",)
        if "$" in transfer.from_:
            help_ = "name a stage that is built on it: FROM … AS name"
            yield Finding(transfer.span_of(flag.word), "--from takes no variable", help=help_, aliases=aliases)
        elif not transfer.from_.isdigit() and not is_reference(transfer.from_.lower()):
            message = f"{transfer.from_[:100]} is no stage and no name of an image"
            yield Finding(transfer.span_of(flag.word), message, aliases=aliases)


@rule("IL011", blame=FAILS, aliases=("DL3022", "DL3023"), severity=Severity.ERROR)
def bad_stage_reference(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """COPY or a mount takes from a stage that is not there yet, or never.

    Why: a stage can only take from stages above it; a number counts them from 0.

    ```dockerfile bad
    FROM scratch
    COPY --from=build /app /app
    FROM debian:12 AS build
    ```

    ```dockerfile good
    FROM debian:12 AS build
    FROM scratch
    COPY --from=build /app /app
    ```
    """
    for wrong in graph.misreferences:
        line = wrong.target.from_.start_line if wrong.target else 0
        copies = isinstance(wrong.instruction, Copy)
        aliases: tuple[str, ...] = ("DL3022",) if copies else ()
        match wrong.kind:
            case "self":
                message, help_ = f"{wrong.name} is the stage that this stands in", "take from another stage"
                # hadolint knows the stage's own name, and lets its number pass.
                aliases = ("DL3023",) if copies and number(wrong.name) is None else ()
            case "forward":
                message, help_ = f"{wrong.name} is defined only at line {line}", "move that stage above this one"
            case "circular":
                message, help_ = f"{wrong.name}, at line {line}, needs this stage itself", "break the circle"
            case _:
                message, help_ = f"there is no stage {wrong.name[:20]} above this one", "stages count from 0; name them"
        related = (Related(wrong.target.from_.span, "the stage that is meant"),) if wrong.target else ()
        yield Finding(wrong.span, message, help=help_, aliases=aliases, related=related)
