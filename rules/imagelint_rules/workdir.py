"""Paths that are relative to a folder which the Dockerfile does not show."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Add, Copy, Instruction, Onbuild, Workdir
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.words import SubstitutionError
from imagelint.finding import Finding, Persona, Severity, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint_rules.shared import onbuild
from imagelint_rules.shared.values import value_of

_PLACE = Unpriced("where a file lies does not change its size")
_DRIVE = r"[A-Za-z]:.*"


def _value(text: str, instruction: Instruction, graph: BuildGraph) -> str | None:
    """A path with its variables replaced; as it stands where a variable is unknown and the path begins without one.

    None where nothing can be said of how it begins, or the build fails on it.
    """
    try:
        value = value_of(text, instruction, graph)
    except SubstitutionError:
        return None
    if value is None and "$" not in (bare := text.lstrip("\"'"))[:1]:
        return bare.rstrip("\"'")
    return value


def _windows(root: Stage, graph: BuildGraph) -> bool:
    """Whether a path such as C:/app may be absolute: nothing shows that the stage is none of Windows."""
    flag = root.from_.flag("platform")
    image = graph.context.images.get(root.image)
    platform = (image.platform if image else None) or (flag.value if flag else None)
    if platform is not None and "$" not in platform:
        return platform.lower().startswith("windows")
    return root.image != "scratch"


@rule("IL709", blame=_PLACE, aliases=("DL3000", "WorkdirRelativePath"))
def relative_workdir(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """WORKDIR is relative to a folder that the base image sets.

    Why: a relative path continues the WORKDIR before it. The first one in a stage continues the base image's, which
    the Dockerfile does not show and the next version of the image may change.

    Once an absolute WORKDIR stands before it, a relative one means one thing only. BuildKit does not mind it, hadolint
    does, and so do those who ask for opinions. hadolint calls both an error; most of these builds work.

    ```dockerfile bad
    FROM nginx:1.27
    WORKDIR usr/share/nginx/html
    ```

    ```dockerfile good
    FROM nginx:1.27
    WORKDIR /usr/share/nginx
    ```
    """
    placed: dict[Stage, bool] = {}
    for stage in graph.parts:
        known = stage.base is not None and placed[stage.base]
        waiting = False  # a WORKDIR behind ONBUILD is there for the stages that are built on this one
        for each in stage.instructions:
            inner = each.inner if isinstance(each, Onbuild) else each
            if not isinstance(inner, Workdir):
                continue
            finding = _relative(inner, graph, first=not known, windows=_windows(stage.root, graph))
            if finding is not None:
                yield finding
            known = known or inner is each
            waiting = True
        placed[stage] = known or waiting


def _relative(workdir: Workdir, graph: BuildGraph, *, first: bool, windows: bool) -> Finding | None:
    raw = workdir.arguments.strip()
    value = _value(raw, workdir, graph)
    if value is None or value.startswith("/"):
        return None
    if windows and (re.fullmatch(_DRIVE, value, re.DOTALL) or value.startswith("\\")):
        return None
    bare = raw.strip("\"'")
    # hadolint looks at the text, BuildKit at what its variables make of it.
    literal = bool(bare) and not bare.startswith(("/", "$")) and not re.match(_DRIVE, bare)
    if not literal and not first:
        return None
    shown = raw if not literal else value
    return Finding(
        workdir.span,
        f"WORKDIR {shown[:60]} is relative" + (" to a folder that the base image sets" if first else ""),
        note="where it leads depends on the base image" if first else None,
        help="write the whole path, from / on",
        aliases=(
            *(("DL3000",) if literal else ()),
            *(onbuild.seen(workdir, graph, "WorkdirRelativePath") if first else ()),
        ),
        persona=Persona.REGULAR if first else Persona.PEDANTIC,
        severity=None if first else Severity.INFO,
    )


@rule("IL710", blame=_PLACE, aliases=("DL3045",))
def relative_copy_without_workdir(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """Files are copied to a relative path, and no WORKDIR says relative to what.

    Why: they end up in the folder that the base image sets, which the Dockerfile does not show. That is `/` today, and
    `/app` when the image changes.

    What a stage is built on counts, by the stage and not by an image's name as with hadolint. ADD is looked at too.
    One WORKDIR is missing in a stage, so that all but the first of its findings are pedantic.

    ```dockerfile bad
    FROM python:3.12
    COPY main.py .
    ```

    ```dockerfile good
    FROM python:3.12
    WORKDIR /app
    COPY main.py .
    ```
    """
    placed: dict[Stage, bool] = {}
    for stage in graph.parts:
        known = stage.base is not None and placed[stage.base]
        waiting = False  # a WORKDIR behind ONBUILD is there for COPYs behind ONBUILD, and for stages built on this one
        first = True
        for each in stage.instructions:
            inner = each.inner if isinstance(each, Onbuild) else each
            if isinstance(inner, Workdir):
                known = known or inner is each
                waiting = True
            elif isinstance(inner, Copy | Add) and not (known or (waiting and inner is not each)):
                finding = _without_workdir(inner, graph)
                if finding is not None:
                    yield finding if first else finding._replace(persona=Persona.PEDANTIC)
                    first = False
        placed[stage] = known or waiting


def _without_workdir(instruction: Copy | Add, graph: BuildGraph) -> Finding | None:
    word = instruction.destination
    if word is None:
        return None
    value = _value(word.value, instruction, graph)
    if not value or value.startswith(("/", "\\")) or re.fullmatch(_DRIVE, value, re.DOTALL):
        return None
    literal = not word.value.strip("\"'").startswith("$") and isinstance(instruction, Copy)
    return Finding(
        instruction.span_of(word),
        f"{instruction.keyword} to {value[:60]}, and no WORKDIR says where that is",
        note="the folder that it is relative to is the base image's, which the Dockerfile does not show",
        help="set a WORKDIR before it, or write the whole path",
        aliases=("DL3045",) if literal else (),
    )
