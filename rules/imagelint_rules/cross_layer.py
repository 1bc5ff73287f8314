"""What one layer stores and a later one stores again, or hides."""

from __future__ import annotations

import re

from imagelint.dockerfile.instructions import Add, Copy
from imagelint.dockerfile.parser import Dockerfile
from imagelint.finding import Duplicates, Finding, Fix, Hidden, Paths, Persona, Related, Safety, Severity
from imagelint.graph import BuildGraph
from imagelint.records import TYPE_CHECKING
from imagelint.rule import rule
from imagelint.text import Edit, Span
from imagelint_rules import layers, unpacking
from imagelint_rules.shared import changes
from imagelint_rules.shared.changes import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMED = 3
#: Modes by letters that say what the file is: a program, or a script.
_MODES = {"+x": "755", "a+x": "755", "u+x": "755", "ugo+x": "755", "a+rx": "755", "+rx": "755"}


@rule("IL202", blame=Hidden())
def ownership_changed_in_a_later_layer(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    r"""chown in a layer behind the one that stored the files.

    Why: a layer holds whole files. A `chown -R` stores every file that it touches a second time, with another owner,
    and the first copy stays in the image as well: what was copied weighs twice. `COPY --chown` stores it once, with
    the right owner.

    Only stages that are shipped are looked at. A single small file is left to the pedantic.

    ```dockerfile bad
    FROM node:20
    WORKDIR /app
    COPY . .
    RUN chown -R node:node /app
    ```

    ```dockerfile good
    FROM node:20
    WORKDIR /app
    COPY --chown=node:node . .
    ```
    """
    for change in _of_kind(changes.OWNER, graph):
        owner = change.value if re.fullmatch(r"[\w.:-]+", change.value) else "user:group"
        yield _finding(
            change,
            f"changes the owner of {change.word.value}, and so stores it a second time",
            note="a layer holds whole files: those with the old owner stay in the layer below",
            help_=f"`{_keyword(change)} --chown={owner} …` (create the user before it)"
            if _copied(change)
            else "do it in the RUN that stores them",
            fix=_flag_fix(change, "chown"),
        )


@rule("IL203", blame=Hidden())
def mode_changed_in_a_later_layer(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    r"""chmod in a layer behind the one that stored the files.

    Why: a layer holds whole files. A `chmod` stores every file that it touches a second time, and the first copy stays
    in the image as well. `COPY --chmod` stores it once; so does a file whose mode is right in the repository.

    Only stages that are shipped are looked at. The usual `chmod +x entrypoint.sh` costs a few kilobytes: it is left to
    the pedantic.

    ```dockerfile bad
    FROM debian:12
    COPY app/ /opt/app/
    RUN chmod -R a+rX /opt/app
    ```

    ```dockerfile good
    FROM debian:12
    COPY --chmod=755 app/ /opt/app/
    ```
    """
    for change in _of_kind(changes.MODE, graph):
        mode = change.value if re.fullmatch(r"[0-7]{3,4}", change.value) else _MODES.get(change.value, "…")
        yield _finding(
            change,
            f"changes the mode of {change.word.value}, and so stores it a second time",
            note="a layer holds whole files: those with the old mode stay in the layer below",
            help_=f"`{_keyword(change)} --chmod={mode}`"
            + ("" if _from_elsewhere(change) else ", or the right mode in the repository")
            if _copied(change)
            else "do it in the RUN that stores them",
            fix=_flag_fix(change, "chmod"),
        )


@rule("IL204", blame=Hidden())
def moved_in_a_later_layer(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    r"""mv in a layer behind the one that stored the files.

    Why: layers know no renaming. What is moved is stored a second time under its new name, and the first copy is only
    hidden.

    ```dockerfile bad
    FROM debian:12
    COPY dist.tar.gz /tmp/
    RUN mv /tmp/dist.tar.gz /srv/
    ```

    ```dockerfile good
    FROM debian:12
    COPY dist.tar.gz /srv/
    ```
    """
    for change in _of_kind(changes.MOVE, graph):
        yield _finding(
            change,
            f"moves {change.word.value}, and so stores it a second time",
            note="what was stored under the old name is hidden, and stays in the layer below",
            help_=_instead(change, f"{_keyword(change)} it to where it belongs", "where it belongs"),
        )


@rule("IL205", blame=Hidden())
def removed_in_a_later_layer(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    r"""rm, or the removal of packages, in a layer behind the one that stored them.

    Why: a layer can only hide what the ones below it store. What is removed here is still in the image, and is pulled
    with it. It has to go in the RUN that stored it; what a COPY brought for one RUN alone can be mounted there.

    RUNs that stand in a row are reported as RUNs that should be one (IL201), an archive that is unpacked as such
    (IL208).

    ```dockerfile bad
    FROM debian:12
    COPY drivers.deb /tmp/
    RUN dpkg -i /tmp/drivers.deb && rm /tmp/drivers.deb
    ```

    ```dockerfile good
    FROM debian:12
    RUN --mount=type=bind,source=drivers.deb,target=/tmp/drivers.deb dpkg -i /tmp/drivers.deb
    ```
    """
    known = unpacking.archives(graph)
    joined = None
    for change in _of_kind(changes.REMOVE, graph):
        if joined is None:
            joined = layers.joined(graph)
        number = joined.get(change.run)
        if number is not None and any(joined.get(each.instruction) == number for each in change.earlier):
            continue
        if any(each.instruction in known for each in change.earlier):
            continue
        copied = _copied(change)
        what = _listed(change)
        yield _finding(
            change,
            f"removes {what}, which stay{'' if ' and ' in what else 's'} in the layer that stored "
            + ("them" if " and " in what else "it"),
            note="a layer only hides what the ones below it hold; it is pulled with the image all the same",
            help_=_without(change) if copied else "remove it in the RUN that stores it",
        )


@rule("IL206", blame=Duplicates())
def copied_again_in_a_later_layer(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    r"""cp -r in a layer behind the one that stored the files.

    Why: both copies are in the image, although one of them is enough.

    ```dockerfile bad
    FROM nginx:1.27
    COPY site/ /tmp/site/
    RUN cp -r /tmp/site/* /usr/share/nginx/html/
    ```

    ```dockerfile good
    FROM nginx:1.27
    COPY site/ /usr/share/nginx/html/
    ```
    """
    for change in _of_kind(changes.COPY, graph):
        if change.large:
            yield _finding(
                change,
                f"copies {change.word.value}, which an earlier layer holds already",
                note="both copies are in the image",
                help_=_instead(change, f"{_keyword(change)} it to where it belongs, or mount it", "where it belongs"),
            )


@rule("IL220", blame=Hidden(), measured=True)
def stored_in_vain(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """An image's layers show bytes that one instruction stored, and a later one stored again, moved or removed.

    Why: no text tells everything that a script does. With `--image`, or `analyze --dockerfile`, imagelint reads the
    layers: what is stored and hidden again is reported at the line that hid it, with the line that stored it and the
    bytes, where no other rule has said so. A package manager that rewrites its database in each RUN is found as well as
    an installer that changes the owner of everything. Less than 100 kB are not worth a line.

    ```dockerfile bad
    FROM debian:12
    COPY app /opt/app
    RUN /opt/app/install.sh
    ```

    ```dockerfile good
    FROM debian:12
    RUN --mount=type=bind,source=app,target=/tmp/app /tmp/app/install.sh
    ```
    """
    yield from ()


@rule("IL221", blame=Paths(), measured=True)
def cache_stored(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """An image's layer holds a package manager's cache.

    Why: no text tells everything that a build leaves behind. With `--image`, or `analyze --dockerfile`, imagelint reads
    the layers: what lies in a known cache is reported at the line whose layer holds it, with its bytes, where no other
    rule has said so. An image without Debian's `docker-clean` keeps each package that apt has fetched, for example, and
    an installer may call pip. Less than a megabyte is not worth a line.

    ```dockerfile bad
    FROM debian:12
    RUN ./install.sh
    ```

    ```dockerfile good
    FROM debian:12
    RUN --mount=type=cache,target=/var/cache/apt ./install.sh
    ```
    """
    yield from ()


def _of_kind(kind: str, graph: BuildGraph) -> Iterator[Change]:
    """The changes of a kind, those of one command put together."""
    last: Change | None = None
    for change in changes.changes(graph):
        if change.kind != kind:
            continue
        if last is not None and last.run is change.run and set(change.earlier) <= set(last.earlier):
            # `chown`, and `chgrp` behind it: what it touches is stored again already.
            paths = tuple(dict.fromkeys((*last.paths, *change.paths)))[: 4 * _NAMED]
            last = last._replace(large=last.large or change.large, exact=False, paths=paths)
            continue
        if last is not None and last.command is change.command:
            earlier = tuple(dict.fromkeys((*last.earlier, *change.earlier)))[: 4 * _NAMED]
            paths = tuple(dict.fromkeys((*last.paths, *change.paths)))[: 4 * _NAMED]
            last = last._replace(earlier=earlier, large=last.large or change.large, exact=False, paths=paths)
            continue
        if last is not None:
            yield last
        last = change
    if last is not None:
        yield last


def _finding(change: Change, message: str, *, note: str, help_: str, fix: Fix | None = None) -> Finding:
    related = {each.span: Related(each.span, "stored here") for each in change.earlier}
    return Finding(
        change.command.span,
        message,
        note=note,
        help=help_,
        fix=fix,
        related=tuple(related.values())[:_NAMED],
        severity=None if change.large else Severity.INFO,
        persona=None if change.large else Persona.PEDANTIC,
        blame=Hidden(*(glob for path in change.paths for glob in (path, f"{path.rstrip('/')}/*")))
        if change.paths and change.kind is not changes.COPY
        else None,
    )


def _copied(change: Change) -> bool:
    return isinstance(change.earlier[0].instruction, Copy | Add)


def _from_elsewhere(change: Change) -> bool:
    """Whether what is changed comes from another stage or from a URL, and not from the build context."""
    transfer = change.earlier[0].instruction
    return (isinstance(transfer, Copy) and transfer.from_ is not None) or _remote(change)


def _remote(change: Change) -> bool:
    transfer = change.earlier[0].instruction
    return isinstance(transfer, Add) and any(re.match(r"(?i)[a-z+]+://|\$", word.value) for word in transfer.sources)


def _without(change: Change) -> str:
    """How to do without storing what is removed again."""
    if _remote(change):
        return "download it in the RUN that uses it, and remove it there"
    if _from_elsewhere(change):
        return "mount it where it is needed: `RUN --mount=type=bind,from=…`"
    return "mount it where it is needed: `RUN --mount=type=bind,…`, or leave it out (.dockerignore)"


def _listed(change: Change) -> str:
    """What a change is about: its word, or the names of the packages."""
    names = [each.path for each in change.earlier if not each.path.startswith("/")]
    if len(names) < 2:
        return change.word.value
    rest = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return " and ".join(_commas([*names[:_NAMED], *rest]))


def _commas(names: list[str]) -> tuple[str, str]:
    return ", ".join(names[:-1]), names[-1]


def _keyword(change: Change) -> str:
    return change.earlier[0].instruction.keyword


def _instead(change: Change, copy: str, run: str) -> str:
    """What to do: with the COPY, or in the RUN that stored it."""
    return copy if _copied(change) else f"store it {run} in the first place"


def _flag_fix(change: Change, flag: str) -> Fix | None:
    """Let the COPY right before do it, where the RUN does nothing else, and to nothing else."""
    run, copy = change.run, change.before
    if not change.exact or not isinstance(copy, Copy | Add) or change.earlier[0].instruction is not copy:
        return None
    commands = run.script.commands
    if run.json is not None or run.heredocs or run.flags or len(commands) != 1 or not run.script.chain:
        return None
    if copy.flag(flag) is not None or len(copy.sources) != 1 or change.command.words[0].value != flag:
        return None
    value = change.value
    if flag == "chown" and not change.known:
        return None
    if flag == "chmod":
        value = "755" if value in ("+x", "a+x") and not change.command.option("-R", "--recursive") else value
        if not re.fullmatch(r"[0-7]{3,4}", value):
            return None
    index = copy.source.index
    lines = Span(index.line_span(run.start_line).start, index.line_span(run.end_line).end)
    behind = copy.keyword_span.end
    return Fix(
        f"{copy.keyword} --{flag}={value}, and drop the {flag}",
        (Edit(Span(behind, behind), f" --{flag}={value}"), Edit(lines, "")),
        Safety.UNSAFE,
    )
