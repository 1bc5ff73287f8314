"""What a RUN does to what an earlier layer stores: it changes owner or mode, moves it, copies it, removes it."""

from __future__ import annotations

import re
from functools import lru_cache

from imagelint.dockerfile.instructions import Add, Copy, Run, Workdir
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint_rules.shared import cleanup, managers, stored
from imagelint_rules.shared.stored import EITHER, FILE, TREE, UNKNOWN, Index, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.instructions import Instruction
    from imagelint.dockerfile.shell import Command, ShellWord
    from imagelint.graph import BuildGraph

OWNER, MODE, MOVE, COPY, REMOVE = "owner", "mode", "move", "copy", "remove"
_KINDS = {"chown": OWNER, "chgrp": OWNER, "chmod": MODE, "mv": MOVE, "cp": COPY, "rm": REMOVE, "unlink": REMOVE}
#: Commands that make no file that one behind them could be about.
_HARMLESS = frozenset(
    ": [ [[ addgroup adduser cat cd chgrp chmod chown echo export getent groupadd groupmod id ls printf rm set stat"
    " test true umask useradd usermod".split()
)
_MAKES_OWNERS = frozenset({"useradd", "adduser", "groupadd", "addgroup"})
_EXECUTABLE = r"[augo]*\+r?w?x|0?[75][0-7]{2}"
_ROOT = {"root": "0"}
_MODE_WORD = r"-[rwxXst]+"


class Change(NamedTuple):
    """A command that changes what earlier layers store.

    `word` is the path, or package, that it names; `value` the new owner or mode; `earlier` who stored it; `large` says
    whether that is more than a small file; `exact` whether it is all that one COPY brought; `before` is the instruction
    in front of the RUN; `known` says that the new owner was there before that; `paths` are those that it touches, with
    patterns in them, none where they are packages.
    """

    kind: str
    run: Run
    command: Command
    word: ShellWord
    value: str
    earlier: tuple[Stored, ...]
    large: bool
    exact: bool
    before: Instruction | None
    known: bool = False
    paths: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def changes(graph: BuildGraph) -> tuple[Change, ...]:
    """The changes in the stages whose layers are shipped, in order; several rules ask for them in turn."""
    return tuple(_Walk(graph).changes()) if graph.final is not None else ()


class _Walk:
    """The shipped stages from the first instruction to the last, with what has been stored so far."""

    def __init__(self, graph: BuildGraph) -> None:
        self.graph = graph
        self.index = Index()
        self.packages: dict[str, Stored] = {}
        self.before: Instruction | None = None
        # Users and groups by the number of the instruction that made them, and the number of the last transfer.
        self.owners: dict[str, int] = {}
        self.number = self.copied = 0

    def changes(self) -> Iterator[Change]:
        graph = self.graph
        assert graph.final is not None
        bottom = graph.final
        while bottom.base is not None:
            bottom = bottom.base
        folder: str | None = "/" if bottom.image == "scratch" else UNKNOWN
        for each in graph.lineage(graph.final):
            self.number += 1
            match each:
                case Workdir():
                    folder = stored.changed_folder(folder, each, graph)
                case Copy() | Add():
                    self.copied = self.number
                    for new in stored.by_transfer(each, folder, graph):
                        self.index.add(new)
                case Run():
                    yield from self._run(each, folder)
            self.before = each

    def _run(self, run: Run, folder: str | None) -> Iterator[Change]:
        new: list[Stored] = []
        packages: dict[str, Stored] = {}
        quiet = True  # nothing in this RUN has made a file so far
        for command in self.graph.commands(run):
            name = command.name
            if name in _KINDS:
                yield from self._paths(command, folder, run, quiet=quiet)
            elif name in managers.SYSTEM:
                yield from self._packages(command, run, packages)
            elif name in ("cd", "pushd", "popd"):
                target = command.args[0].value if name == "cd" and command.args else None
                folder = stored.shell_path(target, folder, run, self.graph) if target and not command.nested else None
            elif name == "find":
                yield from self._found(command, folder, run)
            elif name in _MAKES_OWNERS:
                for word in command.args:
                    self.owners.setdefault(word.value, self.number)
            elif stored.stores(name):
                new += stored.by_command(command, folder, run, self.graph)
            quiet = quiet and name in _HARMLESS
        # What a RUN stores itself it may change again as it likes.
        for each in new:
            self.index.add(each)
        self.packages |= packages

    def _paths(self, command: Command, folder: str | None, run: Run, *, quiet: bool) -> Iterator[Change]:
        value, words, recursive = _operands(command)
        kind = _KINDS[command.name]
        if kind is COPY and not recursive:
            return
        if kind is OWNER and command.option("--from"):
            return  # only what belongs to somebody else is touched
        if kind in (MOVE, COPY) and (target := _target(command)) is not None:
            to = stored.shell_path(target, folder, run, self.graph)
            if to is not None and stored.is_mounted(run, to):
                return  # no layer holds what goes there
        for word in words:
            change = self._change(kind, command, word, value, folder, run, recursive=recursive, quiet=quiet)
            if change is not None:
                yield change
                if kind in (MOVE, REMOVE):
                    # Of a folder that it lies in, the rest is still there.
                    path = stored.shell_path(word.value, folder, run, self.graph)
                    self.index.forget(self.index.covered(path) if path else [])

    def _change(
        self,
        kind: str,
        command: Command,
        word: ShellWord,
        value: str,
        folder: str | None,
        run: Run,
        *,
        recursive: bool,
        quiet: bool,
    ) -> Change | None:
        path = stored.shell_path(word.value, folder, run, self.graph)
        if path is None or stored.is_mounted(run, path):
            return None
        covered = self.index.covered(path)
        if kind in (OWNER, MODE) and not recursive:
            # Of a folder only the folder itself is stored again.
            covered = [each for each in covered if each.kind is not TREE and _same(each.path, path)]
        if kind is OWNER:
            covered = [each for each in covered if not _owned(each, value, command)]
        if covered:
            large = any(_is_large(each, kind, value, recursive=recursive) for each in covered)
            exact = len(covered) == 1 and covered[0].path == path
            known = exact and kind is OWNER and self._known(value)
            return Change(kind, run, command, word, value, tuple(covered), large, exact, self.before, known, (path,))
        # In a folder that was copied: what no command before this one can have made comes from an earlier layer.
        holding = self.index.holding(path) if quiet else []
        if kind is OWNER:
            holding = [each for each in holding if not _owned(each, value, command)]
        if not holding:
            return None
        name = path.rpartition("/")[2]
        named = stored.kind_of(name)
        large = recursive or named is FILE or (kind in (MOVE, REMOVE) and named is EITHER)
        return Change(kind, run, command, word, value, tuple(holding), large, False, self.before, paths=(path,))

    def _known(self, owner: str) -> bool:
        """Whether user and group were there before the last COPY: by number, root, or made by a RUN before it."""
        names = owner.split(":")
        return len(names) <= 2 and all(
            name == "root" or re.fullmatch(r"\d+", name) or self.owners.get(name, self.copied) < self.copied
            for name in names
        )

    def _found(self, command: Command, folder: str | None, run: Run) -> Iterator[Change]:
        """`find … -exec chown …`: like `-R`, unless it is about folders alone."""
        words = command.args
        at = next((at for at, word in enumerate(words) if word.value in ("-exec", "-execdir")), len(words))
        called = words[at + 1].value if at + 1 < len(words) else ""
        kind = _KINDS.get(called, "")
        values = [word.value for word in words[:at]]
        folders = "-type" in values and values[values.index("-type") + 1 :][:1] == ["d"]
        if kind not in (OWNER, MODE) or folders:
            return
        value = next((word.value for word in words[at + 2 :] if not re.fullmatch(r"-[A-Za-z]+", word.value)), "")
        for word in words[:at]:
            if word.value.startswith(("-", "(", "!")):
                break
            change = self._change(kind, command, word, value, folder, run, recursive=True, quiet=False)
            if change is not None:
                yield change._replace(exact=False)

    def _packages(self, command: Command, run: Run, packages: dict[str, Stored]) -> Iterator[Change]:
        """Packages that an earlier RUN installed and this one takes away again."""
        installs, words = _package_words(command)
        if installs:
            for word in words:
                packages.setdefault(word, Stored(run, command.span, word, FILE))
            return
        for word in words:
            packages.pop(word, None)
        earlier = [self.packages.pop(word) for word in dict.fromkeys(words) if word in self.packages]
        if earlier:
            first = next((word for word in command.args if word.value == earlier[0].path), command.words[0])
            yield Change(REMOVE, run, command, first, "", tuple(earlier), True, False, self.before)


def _same(path: str, target: str) -> bool:
    """Whether a target, which may end in a pattern, is about a path itself, and not about what lies below it."""
    return path.count("/") == target.count("/")


def _owned(each: Stored, owner: str, command: Command) -> bool:
    """Whether a COPY gave its files the very owner that a `chown` gives them: then nothing is stored again."""
    transfer = each.instruction
    if not isinstance(transfer, Copy | Add) or (isinstance(transfer, Add) and each.kind is TREE):
        return False
    flag = transfer.flag("chown")
    user, _, group = (flag.value or "").strip("\"'").partition(":") if flag is not None else ("0", "", "0")
    wanted_user, colon, wanted_group = owner.partition(":")
    if command.name == "chgrp":
        wanted_user, wanted_group = "", owner
    elif colon and not wanted_group:
        return False  # the user's own group, which the file does not tell
    pairs = ((wanted_user, user), (wanted_group, group))
    return all(not wanted or _ROOT.get(wanted, wanted) == _ROOT.get(given, given) for wanted, given in pairs)


def _target(command: Command) -> str | None:
    """Where a `cp` or `mv` puts things."""
    words = command.operands(frozenset({"-t", "--target-directory"}))
    given = cleanup.option_value(command, "-t") or cleanup.option_value(command, "--target-directory")
    return given or (words[-1].value if words else None)


def _is_large(each: Stored, change: str, value: str, *, recursive: bool) -> bool:
    """Whether storing it again, or for nothing, is worth a word to everybody."""
    if each.kind is not EITHER:
        return each.kind in (TREE, FILE)
    if recursive or change in (MOVE, REMOVE):
        return True
    # A file or a folder: of a folder only the folder itself would be stored again. Who makes it executable knows it for
    # a file, which is a program where another stage made it, and most often a script where it comes from the context.
    made = isinstance(each.instruction, Copy) and each.instruction.from_ is not None
    return made and change is MODE and re.fullmatch(_EXECUTABLE, value) is not None


def _operands(command: Command) -> tuple[str, tuple[ShellWord, ...], bool]:
    """The new owner or mode of a command, the paths that it is about, and whether it goes into folders."""
    recursive = command.option("-R", "--recursive") or (
        command.name in ("cp", "rm") and command.option("-r", "-a", "--archive")
    )
    if command.name in ("mv", "cp"):
        if command.option("-t", "--target-directory"):
            return "", command.operands(frozenset({"-t", "--target-directory"})), recursive
        return "", command.operands()[:-1], recursive
    words = command.operands()
    if command.name in ("rm", "unlink") or command.option("--reference"):
        return "", words, recursive
    if command.name == "chmod":
        for word in command.args:
            if re.fullmatch(_MODE_WORD, word.value) and word.value != "-R":
                return word.value, words, recursive
    return (words[0].value if words else ""), words[1:], recursive


def _package_words(command: Command) -> tuple[bool, list[str]]:
    """Whether a command installs, and the packages that it installs or removes; apk's groups count as such."""
    family = managers.system_manager(command)
    if family == "apt":
        verb = managers.apt(command)
        if verb in ("install", "remove", "purge"):
            return verb == "install", [word.value.partition("=")[0] for word in managers.apt_packages(command)]
    elif family == "apk":
        words = [word.value for word in managers.apk(command)]
        if words[:1] == ["add"]:
            values = [word.value for word in command.args]
            groups = [
                follower if value in ("-t", "--virtual") else value.partition("=")[2]
                for value, follower in zip(values, [*values[1:], ""], strict=True)
                if value in ("-t", "--virtual") or value.startswith("--virtual=")
            ]
            return True, groups + ([] if groups else words[1:])
        if words[:1] == ["del"]:
            return False, words[1:]
    elif family == "rpm":
        words = [word.value for word in command.operands()]
        if words[:1] == ["install"]:
            return True, words[1:]
        if words[:1] in (["remove"], ["erase"]):
            return False, words[1:]
    return False, []
