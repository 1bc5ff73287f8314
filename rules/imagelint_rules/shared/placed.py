"""Files and folders that a RUN's commands make, told by name and place, and whether a later command takes them away."""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from functools import lru_cache

from imagelint.dockerfile.instructions import Workdir
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint_rules.shared import cleanup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelint.dockerfile.instructions import Run
    from imagelint.dockerfile.shell import Command
    from imagelint.graph import BuildGraph, Stage
    from imagelint_rules.shared.cleanup import Layer

_CHANGES_FOLDER = frozenset({"cd", "pushd", "popd"})
_PLAIN = r"[\w.${}@%+=:,/~-]+"
#: What stands for something that the text does not say.
_UNKNOWN = r"\$\{[^}]*\}?|\$\(.*|`.*|\$\w+"
#: Folders that hold caches and records: removing them says nothing of what a RUN downloaded elsewhere.
_RECORDS = ("/var/lib/apt", "/var/cache", "/var/log", "/usr/share", "~/.cache", "~/.npm", "~/.cargo", "~/.m2")
#: Relative working folders pile up; no real one is longer than this.
_LONGEST = 4096
_LONGEST_NAME = 255
_WGET_VALUED = "aAbBeDhHiIlnNoOPQRtTUwXY"
_CURL_VALUED = "AbcCdDeEFHKmoPQrtTuUwxXyYz"


class Placed(NamedTuple):
    """A file or a folder: the word for it, its last name, its path as far as it is known, and what made it."""

    word: str
    name: str
    path: str
    command: Command


class Removal(NamedTuple):
    """A word of what a command removes: as written, its last name, its path; `everything` where it cannot be told."""

    word: str
    name: str
    path: str
    recursive: bool
    everything: bool = False


class Places:
    """Follows the working folder through a RUN's commands."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.folder: str | None = _workdir(layer.run, layer.graph)

    def enter(self, command: Command) -> bool:
        """Take a `cd` into account; says whether the command was one."""
        if command.name not in _CHANGES_FOLDER:
            return False
        target = command.args[-1].value if command.args else ""
        known = command.name != "popd" and target not in ("", "-") and not target.startswith(("+", "$("))
        folder = self.at(target)[:_LONGEST] if known else "$"
        self.folder = None if folder == "$" else folder
        return True

    def at(self, word: str) -> str:
        """A word as a path, which begins with `$` where its folder is not known."""
        word = self.layer.path(word) if "$" in word else cleanup.at_home(word)
        if not word.startswith(("/", "~", "$")):
            word = posixpath.join("$" if self.folder is None else self.folder, word)
        return posixpath.normpath(word) if word else ""

    def place(self, word: str, command: Command) -> Placed:
        """What a command makes under that name."""
        word = word.rstrip("/")
        path = self.at(word)
        return Placed(word, last_name(path if word in (".", "") else word), path, command)

    def removals(self, command: Command) -> list[Removal]:
        """What a command removes."""
        if cleanup.cleans_up(command):
            return [Removal("", "", "", recursive=True, everything=True)]
        recursive = command.name != "rm" or command.option("-r", "-R", "--recursive")
        return [self._removal(cleanup.at_home(word), recursive=recursive) for word in cleanup.removed(command)]

    def _removal(self, word: str, *, recursive: bool) -> Removal:
        name = word.rstrip("/").rpartition("/")[2]
        path = self.at(word)
        return Removal(word, name, path, recursive, recursive and (name in (".", "..") or path[:1] in ("$", "`")))


def takes(removal: Removal, placed: Placed) -> bool:
    """Whether what is removed takes a file or folder; in doubt it does."""
    if removal.everything or removal.name == placed.name:
        return True
    if is_record(removal.word):
        return False
    unknown = placed.path.startswith("$")
    if is_pattern(removal.name) and _matches(removal.name, placed.name):
        # A pattern for its name most likely means it; `/tmp/*` takes no file of another folder that is known.
        return bool(removal.name.strip("*")) or unknown or cleanup.covers(removal.path, placed.path)
    return removal.recursive and (unknown or cleanup.covers(removal.path, placed.path))


def spoken_of(name: str, run: Run) -> bool:
    """Whether a name stands anywhere behind a RUN."""
    starts = run.source.index.starts
    return run.end_line < len(starts) and run.source.text.find(name, starts[run.end_line]) >= 0


def is_pattern(word: str) -> bool:
    """Whether a word stands for the names that it matches."""
    return any(char in word for char in "*?[")


def _workdir(run: Run, graph: BuildGraph) -> str:
    """The working folder of a RUN; nothing where its stage does not say."""
    stage = graph.stage_of(run)
    if stage is None:
        return ""
    lines, folders = _workdirs(stage)
    return folders[bisect_left(lines, run.start_line)]


@lru_cache(maxsize=8)
def _workdirs(stage: Stage) -> tuple[list[int], list[str]]:
    """The lines at which a stage's working folder changes, and the folders: none, then one for each line."""
    lines: list[int] = []
    folders = [""]
    for each in stage.instructions:
        if isinstance(each, Workdir):
            path = posixpath.join(folders[-1], cleanup.at_home(each.arguments.strip().strip("\"'")))
            lines.append(each.start_line)
            folders.append(path[:_LONGEST])
    return lines, folders


def is_record(word: str) -> bool:
    """Whether a path is in a folder of caches, logs or documentation."""
    return word.startswith(_RECORDS)


def _matches(pattern: str, name: str) -> bool:
    from fnmatch import fnmatchcase  # for the few RUNs that remove by a pattern

    # No file's name is longer; in doubt it matches.
    return len(pattern) > _LONGEST_NAME or len(name) > _LONGEST_NAME or fnmatchcase(name, pattern)


def last_name(word: str) -> str:
    """The last name of the path that a command's word or option gives."""
    return cleanup.at_home(word.rpartition("=")[2] if word.startswith("-") else word).rpartition("/")[2]


def named(command: Command, files: Mapping[str, Placed]) -> list[Placed]:
    """The files that a command's words name: by their last names, or by a pattern."""
    found: dict[str, Placed] = {}
    for word in command.words:
        name = last_name(word.value)
        if name in files:
            found[name] = files[name]
        elif is_pattern(name):
            found |= {each.name: each for each in files.values() if _matches(name, each.name)}
    return list(found.values())


def glob(text: str) -> str | None:
    """A path of which not all is known as a pattern for its bytes; None where too little is."""
    pattern = re.sub(_UNKNOWN, "*", text)
    if len(re.sub(r"[*./]", "", pattern)) < 3:
        return None
    if pattern.startswith("~"):
        pattern = "*" + pattern[1:]
    return pattern if pattern.startswith(("/", "*")) else "*/" + pattern


def quoted(path: str) -> str | None:
    """A path as a word of a script; None where it would need more than double quotes."""
    if not re.fullmatch(_PLAIN, path) or path.startswith("-") or ("$" not in path and "{" in path):
        return None
    if "$" in path and path.startswith("~"):
        return None
    return f'"{path}"' if "$" in path else path


def downloads(places: Places, command: Command) -> Iterator[Placed]:
    """The files that a `wget` or `curl` makes."""
    if command.name == "wget":
        options = dict(_options(command, _WGET_VALUED))
        target = options.get("O") or options.get("--output-document")
        folder = options.get("P") or options.get("--directory-prefix") or ""
        remote = target is None
    elif command.name == "curl":
        options = dict(_options(command, _CURL_VALUED))
        target = options.get("o") or options.get("--output") or _redirected(command)
        folder = options.get("--output-dir") or ""
        remote = target is None and ("O" in options or "--remote-name" in options or "--remote-name-all" in options)
    else:
        return
    if target and target != "-" and not target.startswith("/dev/"):
        yield places.place(posixpath.join(folder, target), command)
    elif remote:
        for word in command.args:
            name = word.value.partition("?")[0].partition("#")[0].rpartition("/")[2]
            if "://" in word.value and not word.value.startswith("-") and name:
                yield places.place(posixpath.join(folder, name), command)


def _options(command: Command, valued: str) -> Iterator[tuple[str, str]]:
    """Options with their values: a letter by itself, a long one with its dashes."""
    words = iter(command.args)
    for word in words:
        value = word.value
        if value.startswith("--"):
            name, equals, rest = value.partition("=")
            if not equals and name in ("--output", "--output-document", "--output-dir", "--directory-prefix"):
                rest = next((each.value for each in words), "")
            yield name, rest
        elif value.startswith("-"):
            for at, letter in enumerate(value[1:], 2):
                if letter == "n" and "wget" in command.name:
                    break  # `-nv`, `-nc`: two letters for one option
                if letter in valued:
                    yield letter, value[at:] or next((each.value for each in words), "")
                    break
                yield letter, ""


def _redirected(command: Command) -> str | None:
    """The file that a command's output goes to."""
    behind = command.text.text[command.end : command.end + 300]
    found = re.match(r"\s*(?:2>\s*\S+\s*)?1?>\s*([^\s;&|<>]+)", behind)
    return found[1].strip("\"'") if found else None
