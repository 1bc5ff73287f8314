"""Folders that a RUN makes on its way and leaves in its layer: temporary ones, sources, git's history."""

import re
from collections.abc import Iterator

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Fix, Paths, Related, Safety, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import cleanup, managers, placed
from imagelint_rules.shared.cleanup import Layer, persona
from imagelint_rules.shared.placed import Placed, Places

_TEMPORARY = r"(?:(\w+)=)?[\"']?(?:\$\(|`)\s*mktemp\s(?:[^)`]*\s)?(?:-\w*d|--directory)\b"
_DECLARES = frozenset({"export", "local", "declare", "readonly", "typeset"})
#: A RUN that makes more folders than this is not looked at any further.
_MOST = 32
_MAKERS = frozenset({"make", "gmake", "ninja", "samu", "bmake"})
_CLONE_VALUED = frozenset(
    "-b --branch -o --origin -c --config --depth --reference -u --upload-pack --template --separate-git-dir -j --jobs"
    " --filter --shallow-since --shallow-exclude --server-option --bundle-uri -C --git-dir --work-tree".split()
)
#: What git does without looking into history.
_NO_HISTORY = ("clone", "config", "lfs")
_UNTOLD = Unpriced("the folder's name cannot be told from the text")


@rule("IL122", programs=("mktemp",), blame=Paths("/tmp/tmp.*"), severity=Severity.INFO)  # noqa: S108 - where mktemp makes them
def temporary_folder_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""A temporary folder stays in the layer.

    Why: what `mktemp -d` makes has a name that nobody knows later. Whatever is in it is carried for nothing.

    ```dockerfile bad
    FROM debian:12
    RUN dir=$(mktemp -d) && make -C /src DESTDIR="$dir" && cp "$dir/app" /usr/local/bin
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN dir=$(mktemp -d) && make -C /src DESTDIR="$dir" && cp "$dir/app" /usr/local/bin \
        && rm -rf "$dir"
    ```

    ```dockerfile good
    FROM debian:12
    RUN --mount=type=tmpfs,target=/tmp dir=$(mktemp -d) && make -C /src DESTDIR="$dir" && cp "$dir/app" /usr/local/bin
    ```
    """
    if persona(run, graph) is None:
        return
    layer = Layer(run, graph)
    if layer.mounted(("/tmp",)):  # noqa: S108
        return
    made: dict[str, Command] = {}
    for command in layer.commands:
        for name in _temporary(command):
            if len(made) < _MOST:
                made[name] = command
        if made and cleanup.cleans_up(command):
            made.clear()
        words = [word.value for word in command.args] if command.name == "mv" else list(cleanup.removed(command))
        for word in map(cleanup.at_home, words) if made else ():
            if cleanup.covers(word, "/tmp/tmp.x") or word.startswith(("$(", "`", "/tmp/tmp.")):  # noqa: S108
                made.clear()
            for name in [each for each in made if f"${each}" in word]:
                del made[name]
    for name, command in made.items():
        # An agent of GnuPG may still have its sockets there.
        edits = name != "PWD" and name != "GNUPGHOME"
        yield Finding(
            command.span,
            "a temporary folder stays in this layer",
            note="its name is made up anew in every build, so that nothing can find it later",
            help=f'end the same RUN with `rm -rf "${name}"`',
            fix=layer.ending(f'rm -rf "${name}"', "remove it at the end of this RUN", [command]) if edits else None,
        )


def _temporary(command: Command) -> Iterator[str]:
    """The variables that a command sets to new temporary folders; `PWD` where it goes into one."""
    words = command.assignments
    if command.name in _DECLARES:
        words = command.args
    elif command.name in ("cd", "pushd"):
        words = command.args[:1]
    elif command.words:
        return
    for word in words:
        if "mktemp" in word.value and (found := re.match(_TEMPORARY, word.value)):
            yield found[1] or "PWD"


@rule("IL123", programs=("git", "tar", "unzip"), blame=_UNTOLD)
def sources_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""Sources stay in the layer of the RUN that installs what was made of them.

    Why: once the program is installed nobody needs the folder that it was built in: sources, objects, tests, history.
    Remove it in the same RUN, or build in a stage of its own.

    ```dockerfile bad
    FROM debian:12
    RUN git clone --depth 1 https://example.org/app.git && cd app && ./configure && make && make install
    ```

    ```dockerfile good
    FROM debian:12
    RUN git clone --depth 1 https://example.org/app.git && cd app && ./configure && make && make install \
        && cd .. && rm -rf app
    ```
    """
    found = _sources(run, graph)
    if found is None:
        return
    source, entered, installed = found
    words = _clone(source) or []
    folder = words[1] if len(words) > 1 and words[1].startswith("/") and _leads_to(words, entered) else entered
    pattern = placed.glob(folder)
    yield Finding(
        source.span,
        f"the sources in {folder} stay in this layer",
        note="what was made of them is installed; sources, objects and history are carried for nothing",
        help="remove the folder in the same RUN, or build in a stage of its own",
        related=(Related(installed.span, "installed here"),),
        blame=Paths(pattern + "/*") if pattern else None,
    )


def _sources(run: Run, graph: BuildGraph) -> tuple[Command, str, Command] | None:
    """What fetched sources, the folder that they were built in, and what installed them; None where nothing stays."""
    if persona(run, graph) is None:
        return None
    layer = Layer(run, graph)
    source: Command | None = None
    clones: list[tuple[Command, list[str]]] = []
    entered = ""
    installed: Command | None = None
    for command in layer.commands:
        if _fetches(command):
            source = source or command
            if (words := _clone(command)) is not None and len(clones) < _MOST:
                clones.append((command, words))
        elif source is None:
            continue
        elif cleanup.cleans_up(command) or _removes_tree(command) or _editable(command):
            source, entered, installed = None, "", None
            clones.clear()
        else:
            entered = entered or _entered(command)
            if entered and installed is None and _installs(command):
                installed = command
    if source is None or installed is None or layer.mounted((entered,)):
        return None
    # Of several clones it is the one that was gone into.
    source = next((command for command, words in clones if _leads_to(words, entered)), source)
    # Spoken of below, the folder is wanted.
    name = entered.rstrip("/").rpartition("/")[2]
    return None if name and placed.spoken_of(name, run) else (source, entered, installed)


def _leads_to(words: list[str], entered: str) -> bool:
    """Whether a clone made the folder that was gone into, or one above it."""
    name = words[1] if len(words) > 1 else words[0].rstrip("/").rpartition("/")[2].removesuffix(".git")
    return f"{entered}/".startswith(f"{name.rstrip('/')}/")


def _fetches(command: Command) -> bool:
    if command.name == "tar":
        first = command.args[0].value if command.args else ""
        return command.option("--extract", "-x") or ("x" in first and not first.startswith("-"))
    return command.name == "unzip" or _clone(command) is not None


def _entered(command: Command) -> str:
    """The folder that a command goes into, or builds in."""
    if command.name in ("cd", "pushd") and command.args:
        return command.args[-1].value
    if command.name in _MAKERS:
        return cleanup.option_value(command, "-C") or ""
    return ""


def _removes_tree(command: Command) -> bool:
    words = [cleanup.at_home(word) for word in cleanup.removed(command)]
    recursive = command.name != "rm" or command.option("-r", "-R", "--recursive")
    return recursive and any(not placed.is_record(word) for word in words)


def _editable(command: Command) -> bool:
    """Whether what is installed goes on using the sources."""
    return managers.pip_install(command) is not None and command.option("-e", "--editable")


def _installs(command: Command) -> bool:
    if command.name in _MAKERS:
        return any("install" in word.value for word in command.args if "=" not in word.value)
    if command.name == "cmake":
        return command.has("--install", "install")
    if command.name == "meson" or command.name.startswith("python"):
        return command.has("install") and (command.name == "meson" or command.has("setup.py"))
    return managers.pip_install(command) is not None and command.has(".", "./")


@rule("IL125", programs=("git",), blame=Paths("*/.git/*"), severity=Severity.INFO)
def git_history_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""A whole git history stays in the layer.

    Why: `git clone` fetches every version of every file that ever was, and keeps it under `.git`. `--depth 1` fetches
    the one that is wanted; for a commit by its hash there is `git fetch --depth 1 origin HASH`.

    ```dockerfile bad
    FROM debian:12
    RUN git clone https://example.org/app.git /opt/app
    ```

    ```dockerfile good
    FROM debian:12
    RUN git clone --depth 1 https://example.org/app.git /opt/app
    ```

    ```dockerfile good
    FROM debian:12
    RUN git clone https://example.org/app.git /opt/app && git -C /opt/app checkout 1a2b3c4 && rm -rf /opt/app/.git
    ```
    """
    if persona(run, graph) is None:
        return
    layer = Layer(run, graph)
    places = Places(layer)
    clones: list[Placed] = []
    shallow = True
    for command in layer.commands:
        if places.enter(command):
            continue
        words = _clone(command)
        if words is not None and not _is_small(command):
            name = words[1] if len(words) > 1 else words[0].rstrip("/").rpartition("/")[2].removesuffix(".git")
            clone = places.place(name, command)
            if len(clones) < _MOST and not layer.mounted((clone.path,)):
                clones.append(clone)
        elif words is None and command.name == "git":
            shallow = shallow and managers.subcommand(command, _CLONE_VALUED) in _NO_HISTORY
        if clones:
            gone = places.removals(command)
            finds = command.name == "find" and command.has(".git")
            if finds or command.name == "mv" or any(".git" in part.word for part in gone):
                clones.clear()
            clones = [each for each in clones if not any(placed.takes(part, each) for part in gone)]
    if not clones or ((kept := _sources(run, graph)) and any(kept[0] is each.command for each in clones)):
        return
    for clone in clones:
        word = next(word for word in clone.command.args if word.value == "clone")
        edits = edit.insert_behind(run, clone.command, word, "--depth 1") if shallow else None
        yield Finding(
            clone.command.span,
            "a whole git history stays in this layer",
            note="every version of every file is kept under .git",
            help="`git clone --depth 1`, or remove `.git` in the same RUN",
            fix=Fix("add `--depth 1`", edits, Safety.UNSAFE) if edits else None,
        )


def _clone(command: Command) -> list[str] | None:
    """The repository, and the folder where it is named, of a `git clone` that makes a working tree."""
    if command.name != "git" or not command.has("clone") or command.option("--bare", "--mirror"):
        return None
    words = [word.value for word in command.operands(_CLONE_VALUED)]
    return words[1:] if words[0] == "clone" and len(words) > 1 else None


def _is_small(command: Command) -> bool:
    return command.option("--depth", "--shallow-since", "--shallow-exclude", "--filter")
