"""What a RUN leaves in its layer and what it takes away again, and who wants to hear of it."""

from __future__ import annotations

import re

from imagelint.dockerfile import edit
from imagelint.finding import Finding, Fix, Paths, Persona, Severity
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint_rules.shared import managers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from imagelint.dockerfile.instructions import Run
    from imagelint.dockerfile.shell import Command
    from imagelint.graph import BuildGraph

_VARIABLE = r"\$(?:\{(\w+)\}|(\w+))"
_GLOB = "*?["
#: Package managers that nobody removes with themselves.
_ALWAYS_THERE = frozenset("dnf dnf5 microdnf tdnf yum zypper".split())
#: A word with braces stands for no more words than this; what is beyond it is not looked at.
_MOST_WORDS = 64
#: A RUN that puts one cache into more places than this is not a real one.
_MOST_PLACES = 8
_NOT_SHIPPED = "this stage's layers are not in the image: it costs room only where it is built"


class Cache(NamedTuple):
    """A program's cache: its folders (`~` is anybody's home), what else says where it is.

    `options` and `variables` are those that move it, each with what comes behind its value; `tells` are commands that
    print the folder.
    """

    folders: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    tells: tuple[str, ...] = ()


class Layer:
    """What one RUN does to its layer."""

    def __init__(self, run: Run, graph: BuildGraph) -> None:
        self.run = run
        self.graph = graph
        self.commands = graph.commands(run)
        self._exported: dict[str, str] | None = None
        self._mounted: dict[tuple[str, ...], bool] = {}

    def variable(self, command: Command | None, name: str) -> str | None:
        """What a variable is for a command: set before it, exported in the RUN, or set by ENV or ARG."""
        for word in command.assignments if command else ():
            if word.value.startswith(name + "="):
                return word.value[len(name) + 1 :]
        if self._exported is None:
            self._exported = {
                key: value
                for each in self.commands
                for word in (each.args if each.name == "export" else () if each.words else each.assignments)
                for key, equals, value in (word.value.partition("="),)
                if equals
            }
        known = self._exported.get(name)
        return self.graph.variable(self.run, name) if known is None else known

    def path(self, word: str) -> str:
        """A path with the variables that are known put in, and every home as `~`."""
        if "$" in word:
            word = re.sub(_VARIABLE, self._value, word)
        return at_home(word)

    def _value(self, found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name in ("HOME", "XDG_CACHE_HOME"):
            return "~" if name == "HOME" else "~/.cache"
        return self.variable(None, name) or "$" + name

    def folders(self, cache: Cache, command: Command) -> tuple[str, ...]:
        """Where a command has its cache."""
        for name, behind in cache.options:
            value = option_value(command, name)
            if value:
                return (self.path(value).rstrip("/") + behind,)
        for name, behind in cache.variables:
            value = self.variable(command, name)
            if value:
                return (self.path(value).rstrip("/") + behind,)
        return cache.folders

    def blame(self, cache: Cache, command: Command) -> Paths | None:
        """The bytes of a cache that is not at its usual place; None where it is, or cannot be told."""
        folders = self.folders(cache, command)
        if folders == cache.folders or any("$" in each for each in folders):
            return None
        homes = ("/root", "/home/*")
        return Paths(
            *(home + each[1:] + "/*" for each in folders for home in (homes if each[:1] == "~" else (each[:1],)))
        )

    def mounted(self, folders: tuple[str, ...]) -> bool:
        """Whether a cache or tmpfs mount keeps what is written to a folder out of the layer."""
        known = self._mounted.get(folders)
        if known is None:
            known = self._mounted[folders] = any(self._covers_mount(target, folders) for target in self._targets())
        return known

    def _targets(self) -> Iterator[str]:
        for mount in self.run.mounts:
            if mount["type"] in ("cache", "tmpfs"):
                yield mount.get("target", "")

    def _covers_mount(self, target: str, folders: tuple[str, ...]) -> bool:
        # BuildKit puts variables into a target, but no home: `~/.cache` is a folder of that name in the working one.
        if not target.startswith(("/", "$")):
            return False
        target = self.path(target).rstrip("/")
        # What an unknown variable stands for may be the very folder.
        return target.startswith("$") or any(f"{each}/".startswith(f"{target}/") for each in folders)

    def kept(
        self, cache: Cache, fills: Callable[[Command], object], cleans: Callable[[Command], object] | None = None
    ) -> list[Command]:
        """The commands that fill a cache which nothing behind them in the RUN empties."""
        found: dict[tuple[str, ...], list[Command]] = {}
        # A trap runs at the end, wherever it is set.
        for command in (*self.commands, *(each for each in self.commands if each.name == "trap")):
            if fills(command):
                folders = self.folders(cache, command)
                if folders in found:
                    found[folders].append(command)
                elif len(found) < _MOST_PLACES and not self.mounted(folders):
                    found[folders] = [command]
            elif found:
                if (cleans is not None and cleans(command)) or cleans_up(command):
                    found.clear()
                    continue
                words = [self.path(word) for word in removed(command)]
                if words and any(tell in word for word in words for tell in cache.tells):
                    found.clear()
                for folders in [each for each in found if words and self.takes(words, each)]:
                    del found[folders]
        return sorted((command for group in found.values() for command in group), key=lambda each: each.start)

    def takes(self, words: Iterable[str], folders: Iterable[str]) -> bool:
        """Whether removing these words takes one of the folders."""
        return any(covers(word, folder) for word in words for folder in folders)

    def ending(self, command: str, title: str, kept: Sequence[Command]) -> Fix | None:
        """The fix that puts a command behind all others; None where some of them may not have run.

        Nor where its program may be gone by then: `apk del .build` takes away what installed.
        """
        if any(each.nested for each in kept) or any(each.operator == "||" for each in self.commands):
            return None
        program = command.partition(" ")[0]
        if (
            program != "rm"
            and program not in _ALWAYS_THERE
            and any(managers.uninstalls(each) for each in self.commands)
        ):
            return None
        edits = edit.append(self.run, command)
        return Fix(title, edits) if edits else None


def persona(run: Run, graph: BuildGraph, elsewhere: str = "nowhere") -> Persona | None:
    """Who wants to hear of what a RUN leaves behind: everybody, if it is shipped.

    Where it is not shipped, nobody but those who want what hadolint has: `everywhere`, or in stages that are another's
    `base`; in both cases behind ONBUILD, too.
    """
    stage = graph.stage_of(run)
    if stage is None:
        return None
    if graph.shipped(stage):
        return Persona.REGULAR
    trigger = bool(run.joined[: run.head.start].strip())
    if elsewhere == "everywhere" or (elsewhere == "base" and (trigger or graph.built_on(stage))):
        return Persona.PEDANTIC
    return None


def graded(finding: Finding, who: Persona) -> Finding:
    """A finding as it is told to somebody; to the pedantic as a remark."""
    if who is Persona.REGULAR:
        return finding
    return finding._replace(persona=who, severity=Severity.INFO, note=_NOT_SHIPPED, fix=None)


def at_home(path: str) -> str:
    """A path in which every home, of root and of users, is `~`, and every variable is `$NAME`."""
    if "${" in path:
        path = re.sub(r"\$\{(\w+)\}", r"$\1", path)
    for home in ("$HOME", "/root"):
        if path == home or path.startswith(home + "/"):
            return "~" + path[len(home) :]
    if path.startswith("/home/"):
        _, slash, rest = path[6:].partition("/")
        return "~" + slash + rest if slash else path
    if path.startswith("~"):
        return "~" + "".join(path.partition("/")[1:])
    return path


def option_value(command: Command, name: str) -> str | None:
    """The value of an option, as `--name=value` or as `--name value`."""
    for at, word in enumerate(command.args):
        if word.value == name:
            return command.args[at + 1].value if at + 1 < len(command.args) else None
        if word.value.startswith(name + "="):
            return word.value[len(name) + 1 :]
    return None


def removed(command: Command) -> Iterator[str]:
    """The words of what a command removes: `rm`, a `find` that deletes all that it finds, either of them in a trap."""
    name = command.name
    if name == "rm":
        for word in command.args:
            if not word.value.startswith("-"):
                yield from _braces(word.value)
    elif name == "find" and (command.has("-delete", "rm")):
        values = [word.value for word in command.args]
        picky = ("-name", "-iname", "-path", "-ipath", "-regex")
        if any(value in picky and values[at - 1] not in ("!", "-not") for at, value in enumerate(values) if at):
            return
        for value in values:
            if value.startswith(("-", "(", "!")):
                break
            yield value
    elif name == "trap" and command.args:
        words = command.args[0].value.split()
        if "rm" in words:
            for value in words:
                yield value.strip("\"';")


def _braces(word: str) -> Iterator[str]:
    """The words that `a{b,c}d` stands for, as long as they are few."""
    todo = [word]
    for _ in range(_MOST_WORDS):
        if not todo:
            return
        each = todo.pop()
        head, brace, rest = each.partition("{")
        inner, closing, tail = rest.partition("}")
        if brace and closing and "," in inner and not head.endswith("$"):
            todo += [head + part + tail for part in inner.split(",", _MOST_WORDS)[:_MOST_WORDS]]
        else:
            yield each


def covers(word: str, folder: str) -> bool:
    """Whether removing a word takes what lies in a folder: the folder, a parent, or all that a pattern finds in it."""
    plain = word.rstrip("/")
    while plain.endswith("/*"):
        plain = plain[:-2].rstrip("/")
    if plain in ("", "."):
        return False
    if folder == plain or folder.startswith(plain + "/"):
        return True
    if plain.startswith(folder + "/"):
        return any(char in plain[len(folder) + 1 :].partition("/")[0] for char in _GLOB)
    if any(char in plain for char in _GLOB):
        from imagelint.dockerfile.globs import Glob

        try:
            return Glob(plain.replace("**", "*")).matches(folder)
        except ValueError:
            return False
    return False


def cleans_up(command: Command) -> bool:
    """Whether a command is somebody's own clean-up, by its name: what it takes away cannot be told."""
    name = command.name
    if name in ("sh", "bash", "source", ".") and command.args:
        name = command.args[0].value.rpartition("/")[2]
    return "clean" in name.lower()
