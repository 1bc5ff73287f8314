"""What of the build context comes into the image, read against `.dockerignore`."""

from __future__ import annotations

import os
import re

from imagelint.dockerfile.instructions import Add, Copy
from imagelint.dockerfile.parser import Dockerfile
from imagelint.finding import Finding, Paths, Persona, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.records import TYPE_CHECKING
from imagelint.rule import rule
from imagelint_rules.shared import stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.syntax import Word

#: What nobody wants in an image, by its name in the context's root, and why.
_LEAKS = {
    **dict.fromkeys((".git", ".hg", ".svn", ".bzr"), "history"),
    **dict.fromkeys(
        ("node_modules", "bower_components", ".venv", "venv", ".tox", ".nox", ".bundle", "__pypackages__"), "installed"
    ),
    **dict.fromkeys(
        ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".gradle", ".terraform", ".next", ".nyc_output",
         ".parcel-cache", ".eggs", ".DS_Store", "Thumbs.db", ".idea", ".vscode", "htmlcov", ".coverage"),
        "made",
    ),
    **dict.fromkeys(
        (".env", ".env.local", ".env.production", ".netrc", ".pypirc", ".aws", ".ssh", ".kube", "id_rsa", "id_ed25519",
         ".htpasswd", "credentials.json", ".vault-token", ".git-credentials"),
        "secret",
    ),
    **dict.fromkeys(("test", "tests", "spec", "__tests__", "docs", "doc", "examples", "coverage"), "aside"),
}  # fmt: skip
_NAMED = 6
_REMOTE = r"(?i)[a-z][a-z0-9+.-]*://|git@"


@rule("IL311", blame=Paths("*/.git/*", "*/node_modules/*", "*/__pycache__/*", "*/.venv/*", "*/.env"), triggers=False)
def unwanted_files_copied(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """The whole build context is copied, and something in it belongs into no image.

    Why: `COPY . .` takes all that `.dockerignore` does not keep out: the history in `.git`, what `npm install` has made
    on the developer's machine, bytecode, and files with passwords. It is in the image for everybody who can pull it,
    and each change of it makes the layer a new one.

    The rule looks at the names in the context's root, and only where that is on the disk: it says what is really there.
    Whether tests or documentation should be left out is a matter for the pedantic.

    ```dockerfile bad
    # context: .git/ .env app.py
    FROM python:3.12
    COPY . /app
    ```

    ```dockerfile good
    # context: .git/ .env app.py
    # .dockerignore: .git .env
    FROM python:3.12
    COPY . /app
    ```
    """
    unwanted: list[str] | None = None
    for transfer, folder in _whole_contexts(graph):
        if unwanted is None:
            unwanted = [name for name in _unwanted(graph) if not graph.context.ignores(name)]
        leaks = [name for name in unwanted if not _excluded(transfer, name)]
        kinds = {_LEAKS[name] for name in leaks}
        worth = [name for name in leaks if _LEAKS[name] != "aside"] or leaks
        if not worth:
            continue
        target = stored.destination(transfer, None, graph) or "*"
        shown = ", ".join(worth[:_NAMED]) + (f" and {len(worth) - _NAMED} more" if len(worth) > _NAMED else "")
        yield Finding(
            transfer.span_of(folder),
            f"{transfer.keyword} of the whole context brings in {shown}",
            note="a file with passwords is readable for everybody who can pull the image"
            if "secret" in kinds
            else "that is in the image for good, and each change of it makes the layer a new one",
            help=f"put into .dockerignore: {' '.join(worth[:_NAMED])}",
            severity=Severity.INFO if kinds == {"aside"} else None,
            persona=Persona.PEDANTIC if kinds == {"aside"} else None,
            blame=Paths(*(f"{target.rstrip('/')}/{name}{end}" for name in worth[:_NAMED] for end in ("", "/*"))),
        )


def _whole_contexts(graph: BuildGraph) -> Iterator[tuple[Copy | Add, Word]]:
    """Every COPY and ADD of a shipped stage that takes the whole build context, with the word that says so."""
    for stage in graph.parts:
        if graph.shipped(stage):
            for each in stage.instructions:
                if isinstance(each, Add) or (isinstance(each, Copy) and each.from_ is None):
                    word = next((word for word in each.sources if word.value in (".", "./", "/", "./.")), None)
                    if word is not None:
                        yield each, word


def _unwanted(graph: BuildGraph) -> list[str]:
    """What nobody wants, in the context's root; nothing where that is not known, or is not the folder that we think."""
    folder = graph.context.folder
    if folder is None:
        return []
    names = folder.names
    found = sorted(names.intersection(_LEAKS))
    if found and len(names) < folder.MAX_NAMES and not names.issuperset(_first_components(graph)):
        return []
    return found


def _first_components(graph: BuildGraph) -> Iterator[str]:
    """What the context's root must hold for the file to build: the context may be another folder than the file's."""
    for each in graph.dockerfile.instructions:
        if isinstance(each, Add) or (isinstance(each, Copy) and each.from_ is None):
            for word in each.sources:
                first = word.value.strip("\"'").removeprefix("./").lstrip("/").partition("/")[0]
                if (
                    first not in ("", ".", "..")
                    and not re.search(r"[*?\[$<\\]", first)
                    and not re.match(_REMOTE, word.value)
                ):
                    yield first


def _excluded(transfer: Copy | Add, name: str) -> bool:
    from imagelint.dockerfile.globs import Glob

    for flag in transfer.flags:
        if flag.name == "exclude" and flag.value:
            try:
                if Glob(flag.value.strip("/")).matches(name):
                    return True
            except ValueError:
                continue
    return False


@rule("IL312", blame=Unpriced("the build fails here"), aliases=("CopyIgnoredFile",), triggers=False)
def copied_file_is_ignored(transfer: Copy | Add, graph: BuildGraph) -> Iterator[Finding]:
    """COPY or ADD of a file that `.dockerignore` keeps out of the build.

    Why: the build does not see the file. It fails, and says that the file does not exist, although it lies there.

    As with BuildKit's CopyIgnoredFile, nothing is said where the ignore file brings files back with `!`. BuildKit does
    not see it where the path begins with a slash; this rule does.

    ```dockerfile bad
    # .dockerignore: *.md
    FROM debian:12
    COPY README.md /
    ```

    ```dockerfile good
    # .dockerignore: *.md
    FROM debian:12
    COPY LICENSE /
    ```
    """
    ignore = graph.context.ignore_file if not isinstance(transfer, Copy) or transfer.from_ is None else None
    if ignore is None or ignore.exceptions:
        return
    for word in transfer.sources:
        if word.value.startswith("<<") or re.match(_REMOTE, word.value):
            continue
        source = stored.expanded(word.value, transfer, graph)
        if source and not re.match(_REMOTE, source) and ignore.ignores(source):
            # BuildKit compares what is written: it passes `/a` over, although the build fails there as well.
            unseen = source.startswith("/") and not ignore.ignores("/")
            yield Finding(
                transfer.span_of(word),
                f"{word.value[:80]} is kept out of the build by {os.path.basename(ignore.path)}",
                help=f"copy something else, or take the pattern that matches it out of {os.path.basename(ignore.path)}",
                aliases=() if unseen else None,
            )
