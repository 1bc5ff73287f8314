"""The names of stages: taken twice, reserved, or in capitals."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import From, Instruction, Onbuild
from imagelint.dockerfile.parser import Dockerfile
from imagelint.finding import Finding, Fix, Related, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.graph.references import names_of
from imagelint.rule import rule
from imagelint.text import Edit

_NAMES = Unpriced("it is about names, not about size")
_RESERVED = ("scratch", "context")
#: Fixes that change references too may reach over one another, and each such one takes a pass of the fixer.
_FEW = 6


@rule("IL409", blame=_NAMES, aliases=("DL3063", "ReservedStageName"))
def reserved_stage_name(from_: From, graph: BuildGraph) -> Iterator[Finding]:
    """A stage has a name that means something else.

    Why: `FROM scratch` is the empty image, and `context` is the build context. A stage of that name cannot be built
    on, or hides what everybody expects to find under it.

    ```dockerfile bad
    FROM debian:12 AS scratch
    ```

    ```dockerfile good
    FROM debian:12 AS base
    FROM scratch
    ```
    """
    name = from_.name
    if name is not None and name.value in _RESERVED:
        exact = from_.joined[name.start : name.end] == name.value
        yield Finding(
            from_.span_of(name),
            f"{name.value} is a reserved name",
            help="give the stage another name",
            aliases=None if exact else ("ReservedStageName",),
        )


@rule("IL410", blame=_NAMES, aliases=("DL3024", "DuplicateStageName"), severity=Severity.ERROR)
def duplicate_stage_name(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """Two stages have the same name.

    Why: the later one counts, for what stands before it too: `COPY --from` and `--target` silently mean another stage
    than the reader finds first. Capitals make no difference, which hadolint does not know.

    ```dockerfile bad
    FROM golang:1.23 AS build
    FROM node:22 AS build
    ```

    ```dockerfile good
    FROM golang:1.23 AS server
    FROM node:22 AS client
    ```
    """
    seen: dict[str, From] = {}
    written: set[str] = set()
    for stage in graph.stages:
        name = stage.from_.name
        if name is None:
            continue
        text = stage.from_.joined[name.start : name.end]
        first = seen.setdefault(name.value, stage.from_)
        if first is not stage.from_ and first.name is not None:
            yield Finding(
                stage.from_.span_of(name),
                f"line {first.start_line} has a stage of the name {name.value[:60]} already",
                help="give each stage a name of its own",
                related=(Related(first.span_of(first.name), "the other stage of that name"),),
                aliases=None if text in written else ("DuplicateStageName",),
            )
        written.add(text)


@rule("IL411", blame=_NAMES, aliases=("StageNameCasing",), severity=Severity.STYLE)
def stage_name_casing(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """A stage's name has capitals.

    Why: BuildKit keeps the name in small letters, and FROM finds it only so: `FROM Base` looks for an image. With
    small letters everywhere a name means the same thing wherever it stands.

    ```dockerfile bad
    FROM golang:1.23 AS Build
    FROM scratch
    COPY --from=Build /app /app
    ```

    ```dockerfile fixed
    FROM golang:1.23 AS build
    FROM scratch
    COPY --from=build /app /app
    ```

    ```dockerfile good
    FROM golang:1.23 AS build
    FROM build
    ```
    """
    capitals = [stage.from_ for stage in graph.stages if _in_capitals(stage.from_)]
    references = _references(dockerfile) if 0 < len(capitals) <= _FEW else {}
    for from_ in capitals:
        name = from_.name
        assert name is not None
        edits = []
        if from_.line.joined.contiguous(name.start, name.end):
            edits = [Edit(from_.span_of(name), name.value), *references.pop(name.value, ())]
        yield Finding(
            from_.span_of(name),
            f"{from_.joined[name.start : name.end][:60]} has capitals, and is {name.value[:60]} to FROM",
            help="write it in small letters",
            fix=Fix("write it in small letters", tuple(edits)) if edits else None,
        )


def _in_capitals(from_: From) -> bool:
    return from_.name is not None and from_.joined[from_.name.start : from_.name.end] != from_.name.value


def _references(dockerfile: Dockerfile) -> dict[str, list[Edit]]:
    """The edits that write each name behind `from=` in small letters, by that name.

    COPY and mounts find a stage in either case, so that they may change or stay. FROM does not: `FROM Base` never
    meant the stage, and is left alone.
    """
    found: dict[str, list[Edit]] = {}
    for instruction in dockerfile.instructions:
        inner = instruction.inner if isinstance(instruction, Onbuild) else None
        for each in (instruction, inner):
            for name, edit in _lowered(each) if each is not None else ():
                found.setdefault(name, []).append(edit)
    return found


def _lowered(instruction: Instruction) -> Iterator[tuple[str, Edit]]:
    for name, word in names_of(instruction):
        span = instruction.span_of(word)
        if word.value == name != name.lower() and instruction.source.text[slice(*span)] == name:
            yield name.lower(), Edit(span, name.lower())
