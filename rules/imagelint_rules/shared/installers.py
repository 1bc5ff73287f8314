"""What an installer is told to do: which one, which of its subcommands, with which options and packages.

Variables whose values the file shows are put in, so that `ARG TOOLS="gcc make"` and `buildDeps='gcc make'` are seen.
"""

from __future__ import annotations

import re
from functools import lru_cache

from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imagelint.dockerfile.instructions import Run
    from imagelint.dockerfile.shell import Command, ShellWord
    from imagelint.graph import BuildGraph

#: Programs that install packages, by the family whose options they share.
FAMILIES = {
    "apt": "apt", "apt-get": "apt", "aptitude": "apt",
    "apk": "apk",
    "dnf": "rpm", "dnf5": "rpm", "microdnf": "rpm", "tdnf": "rpm", "yum": "rpm",
    "zypper": "zypper",
    "pip": "pip", "pipx": "pip", "uv": "pip",
    "bun": "npm", "npm": "npm", "pnpm": "npm", "yarn": "npm",
    "gem": "gem",
    "go": "go",
    "conda": "conda", "mamba": "conda", "micromamba": "conda",
    "cargo": "cargo",
}  # fmt: skip
#: How else the programs of a family are called: `pip3.11`, `python -m pip`.
_OTHERS = {"pip": ("pip*", "python*", "pypy*")}
#: Options of a family that take the next word for their value.
_VALUED = {
    "apt": frozenset("-o --option -t --target-release --default-release -c --config-file -a -P".split()),
    "apk": frozenset(
        "-t --virtual -X --repository -p --root --arch --cache-dir --cache-max-age --keys-dir --repositories-file"
        " --progress-fd --timeout --wait".split()
    ),
    "rpm": frozenset(
        "-c --config -d --debuglevel -e --errorlevel -R --randomwait -x --exclude --enablerepo --disablerepo --repo"
        " --repoid --installroot --releasever --setopt --enableplugin --disableplugin --disableexcludes --forcearch"
        " --comment --downloaddir --destdir --advisory --cve --color".split()
    ),
    "zypper": frozenset(
        "-C --cache-dir -c --config -R --root -r --repo --from -t --type -p --plus-repo --plus-content --reposd-dir"
        " --releasever --download".split()
    ),
    "pip": frozenset(
        "--abi -b --build --build-option -C --cache-dir --cert --client-cert --config-file --config-settings -c"
        " --constraint --default-index --directory -e --editable --exists-action --extra-index-url -f --find-links"
        " --from --global-option --group -i --implementation --index --index-url --install-option --keyring-provider"
        " --log --no-binary --only-binary -p --pip-args --platform --prefix --preinstall --progress-bar --project"
        " --proxy --python --python-version --report -r --requirement --retries --root --root-user-action --src"
        " --suffix -t --target --timeout --trusted-host --upgrade-strategy --use-deprecated --use-feature --with"
        # uv's own
        " --allow-insecure-host --build-constraints --color --constraints --exclude-newer --extra --fork-strategy"
        " --index-strategy --link-mode --overrides --prerelease --python-platform --python-preference"
        " --reinstall-package --refresh-package --requirements --resolution --torch-backend -P --upgrade-package"
        " --with-editable --with-requirements".split()
    ),
    "npm": frozenset(
        "-C --before --cache --cache-folder --cpu --cwd --dir -F --fetch-retries --fetch-timeout --filter"
        " --globalconfig --include --install-strategy --libc --loglevel --modules-folder --mutex"
        " --network-concurrency --network-timeout --node-options --omit --os --prefix --registry --reporter --scope"
        " --script-shell --store-dir --tag --userconfig -w --workspace".split()
    ),
    "gem": frozenset(
        "-B --bindir --build-root --bulk-threshold --config-file --document -i --install-dir -n -P -p --http-proxy"
        " --platform -s --source --trust-policy --use-system-libraries -v --version --without".split()
    ),
    "go": frozenset(
        "-C -asmflags -buildmode -buildvcs -compiler -exec -gccgoflags -gcflags -installsuffix -ldflags -mod -modfile"
        " -o -overlay -p -pgo -pkgdir -tags -toolexec".split()
    ),
    "conda": frozenset("-c --channel -f --file -n --name -p --prefix --root-prefix -r --solver".split()),
    "cargo": frozenset(
        "--bin --branch -C --color --config --example -F --features --git --index -j --jobs --path --profile"
        " --registry --rev --root --tag --target --target-dir --vers --version -Z".split()
    ),
}
#: First words of subcommands that consist of two.
_TWO_WORDS = {
    "rpm": frozenset({"environment", "group", "groups", "module"}),
    "pip": frozenset({"pip", "tool"}),
    "npm": frozenset({"global"}),
    "conda": frozenset({"env"}),
}
_VARIABLE = r"\$(?:\{(\w+)\}|(\w+))"
#: A variable that may hold options where the file does not say what it holds.
_HOLDS_OPTIONS = r"(?i)\$\{?\w*(?:arg|flag|opt|quiet|yes)"
#: More than this is never put in for a variable, nor for all of a RUN's: a value can be used again and again.
_MAX_VALUE, _MAX_ARGUMENTS = 4_096, 10_000


class Argument(NamedTuple):
    """A word that an installer is given, variables put in; several of them can come from one word of the script."""

    value: str
    word: ShellWord

    @property
    def unknown(self) -> bool:
        """Whether it is empty, or begins with what the file does not show, so that nothing can be said of it."""
        return self.value[:1] in ("", "$", "`")


class Call(NamedTuple):
    """One call of an installer. `verb` is its subcommand, with both words where there are two; empty for none.

    `flags` are the options as they are written, `letters` the short ones, each as often as it is given, `values` those
    that took the next word, with it. `obscure` says that a variable may hold more options than can be seen.
    """

    command: Command
    program: str
    family: str
    verb: str
    verb_word: ShellWord | None
    operands: tuple[Argument, ...]
    flags: tuple[str, ...]
    letters: str
    values: tuple[tuple[str, str], ...]
    obscure: bool

    def option(self, *names: str) -> bool:
        """Whether an option is given: `--name`, `--name=value`, or a letter within `-abc`."""
        return any(
            name[1] in self.letters
            if len(name) == 2
            else any(flag == name or flag.startswith(name + "=") for flag in self.flags)
            for name in names
        )

    def given(self, *names: str) -> Iterator[str]:
        """The values of an option: the next word, what stands behind `=`, or right behind the letter."""
        for name, value in self.values:
            if name in names:
                yield value
        for flag in self.flags:
            for name in names:
                if flag.startswith(name) and flag != name and (len(name) == 2 or flag[len(name)] == "="):
                    yield flag[len(name) :].removeprefix("=")


def of(*families: str) -> tuple[str, ...]:
    """The programs of these families, as a rule names them."""
    return tuple(
        name
        for family in families
        for name in (*(each for each in FAMILIES if FAMILIES[each] == family), *_OTHERS.get(family, ()))
    )


@lru_cache(maxsize=2)
def calls(run: Run, graph: BuildGraph) -> tuple[Call, ...]:
    """The calls of installers in a RUN, in the order of its commands.

    Every rule about installers asks for them, one after the other for the same RUN, so that the last ones are kept.
    """
    commands = graph.commands(run)
    found = [(command, *program) for command in commands if (program := _program(command)) is not None]
    if not found:
        return ()
    variables = _Variables(run, graph, commands)
    return tuple(_call(command, name, words, variables) for command, name, words in found)


def _program(command: Command) -> tuple[str, tuple[ShellWord, ...]] | None:
    """The installer that a command calls, and its arguments; `python -m pip` is one too."""
    name = command.name
    if name in FAMILIES:
        return name, command.args
    if name.startswith("pip") and re.fullmatch(r"pip[0-9.]+", name):
        return "pip", command.args
    if name.startswith(("python", "pypy")):
        words = command.args
        for at, word in enumerate(words[:-1]):
            if word.value == "-m":
                return (words[at + 1].value, words[at + 2 :]) if words[at + 1].value in ("pip", "pipx", "uv") else None
    return None


class _Variables:
    """What the variables of a RUN hold, as far as the file shows it: those of its script, of ENV and of ARG."""

    def __init__(self, run: Run, graph: BuildGraph, commands: Iterable[Command]) -> None:
        self._run, self._graph, self._commands = run, graph, commands
        self._own: Mapping[str, str] | None = None
        self._left = _MAX_ARGUMENTS

    def _assigned(self) -> Mapping[str, str]:
        """The script's own: `name=value` and `export name=value`, the last one counts."""
        if self._own is None:
            self._own = {}
            for command in self._commands:
                words = command.args if command.name == "export" else () if command.words else command.assignments
                for word in words:
                    name, _, value = word.value.partition("=")
                    if name.endswith("+"):
                        name, value = name[:-1], self._own.get(name[:-1], "") + value
                    self._own[name] = value[: _MAX_VALUE + 1]
        return self._own

    def _value(self, name: str) -> str | None:
        value = self._assigned().get(name)
        if value is None:
            value = self._graph.variable(self._run, name)
        # `ENV A=$A` makes nothing of an ARG without a value, and the build may give it one.
        return value if value and len(value) <= _MAX_VALUE else None

    def arguments(self, words: Iterable[ShellWord]) -> Iterator[Argument]:
        """Words with the values of their variables put in; a word that is nothing but a variable becomes several."""
        for word in words:
            value = word.value
            if "$" not in value or self._left < 0:
                yield Argument(value, word)
                continue
            value = re.sub(_VARIABLE, self._put_in, value) if len(value) <= _MAX_VALUE else value
            self._left -= 1 + len(value) // 16
            if re.fullmatch(_VARIABLE, word.value) and value != word.value:
                for each in value.split():
                    yield Argument(each, word)
            else:
                yield Argument(value, word)

    def _put_in(self, found: re.Match[str]) -> str:
        value = self._value(found[1] or found[2])
        return found[0] if value is None else value


def _call(command: Command, program: str, words: tuple[ShellWord, ...], variables: _Variables) -> Call:
    family = FAMILIES[program]
    valued = _VALUED[family]
    operands: list[Argument] = []
    flags: list[str] = []
    letters: list[str] = []
    values: list[tuple[str, str]] = []
    obscure = False
    arguments = variables.arguments(words)
    for argument in arguments:
        value = argument.value
        if value == "--":
            # Behind it a gem's own build options follow, and packages for all others.
            if family != "gem":
                operands += arguments
            break
        if value.startswith("-") and len(value) > 1:
            flags.append(value)
            last = value
            if value[1] != "-" and family != "go":
                letters.append(_letters(value, valued))
                last = "-" + letters[-1][-1:] if len(letters[-1]) == len(value) - 1 else value
            if last in valued:
                values.append((last, following.value if (following := next(arguments, None)) else ""))
        else:
            if argument.unknown and re.match(_HOLDS_OPTIONS, value):
                obscure = True
            operands.append(argument)
    verb, word, at = "", None, 0
    while at < len(operands) and operands[at].unknown:
        obscure = True
        at += 1
    if at < len(operands):
        verb, word = operands[at]
        at += 1
        if verb in _TWO_WORDS.get(family, ()) and at < len(operands):
            verb, word = f"{verb} {operands[at].value}", operands[at].word
            at += 1
    packages = tuple(operands[at:])
    return Call(command, program, family, verb, word, packages, tuple(flags), "".join(letters), tuple(values), obscure)


def _letters(flag: str, valued: frozenset[str]) -> str:
    """The letters of `-abc` or `-a=value`; what stands behind a letter that takes a value is that value."""
    name = flag[1:].partition("=")[0]
    for at, letter in enumerate(name, 1):
        if "-" + letter in valued:
            return name[:at]
    return name


def listed(names: Iterable[str]) -> str:
    """A few names, and how many more."""
    every = list(dict.fromkeys(names))
    shown = every[:4] if len(every) > 5 else every
    rest = len(every) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
