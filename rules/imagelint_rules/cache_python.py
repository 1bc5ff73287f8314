"""What Python's package managers leave in the layer of the RUN that calls them."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command, ShellWord
from imagelint.finding import Finding, Fix, Paths, Persona, Related, Safety, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import managers
from imagelint_rules.shared.cleanup import Cache, Layer, graded, option_value, persona

_PIP = Cache(("~/.cache/pip",), (("PIP_CACHE_DIR", ""),), (("--cache-dir", ""),), ("pip cache dir", "pip3 cache dir"))
_UV = Cache(("~/.cache/uv",), (("UV_CACHE_DIR", ""),), (("--cache-dir", ""),), ("uv cache dir",))
_POETRY = Cache(("~/.cache/pypoetry/artifacts", "~/.cache/pypoetry/cache"), (("POETRY_CACHE_DIR", "/artifacts"),))
#: pip takes every one of these for "no cache", what says no among them: the option's name is enough for it.
_YES = ("1", "true", "on", "yes", "y", "t")
_NO = ("0", "false", "off", "no", "n", "f")
#: pip reads an option by its beginning where that is enough to tell it.
_SHORT = ("--no-cache", "--no-cache-d", "--no-cache-di", "--no-cach", "--no-cac", "--no-ca")
#: No more of a RUN's installs are named beside the first.
_NAMED = 4
_POETRY_VALUED = frozenset({"-C", "--directory", "-P", "--project"})
_POETRY_INSTALLS = ("install", "add", "update", "sync")


@rule(
    "IL103",
    programs=("pip*", "python*", "pypy*"),
    blame=Paths("/root/.cache/pip/*", "/home/*/.cache/pip/*"),
    aliases=("DL3042",),
)
def pip_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""pip's cache of downloads and built wheels stays in the layer.

    Why: pip keeps every archive that it downloads and every wheel that it builds under `~/.cache/pip`. In an image
    nothing is installed a second time, so the cache is carried for nothing.

    hadolint reads `PIP_NO_CACHE_DIR=0` as "keep the cache". pip does not: any value turns it off. Since it reads like
    its opposite, it is a pedantic finding; so is a stage that is not shipped, and `--no-index`, which downloads
    nothing. A clean-up in the same RUN counts here, and only a mount of the cache's own folder does.

    ```dockerfile bad
    FROM python:3.12
    RUN pip install flask
    ```

    ```dockerfile fixed
    FROM python:3.12
    RUN pip install --no-cache-dir flask
    ```

    ```dockerfile good
    FROM python:3.12
    ENV PIP_NO_CACHE_DIR=1
    RUN pip install flask
    ```
    """
    if (who := persona(run, graph, "everywhere")) is None:
        return
    layer = Layer(run, graph)
    misread: list[Command] = []
    short: list[Command] = []

    def fills(command: Command) -> bool:
        if managers.pip_install(command) is None or command.option("--no-cache-dir"):
            return False
        if command.option(*_SHORT):
            short.append(command)
            return False
        value = (layer.variable(command, "PIP_NO_CACHE_DIR") or "").lower()
        if value in _NO:
            misread.append(command)
        return value not in _YES and value not in _NO

    kept = layer.kept(_PIP, fills, _cleans_pip)
    for group in _by_place(layer, _PIP, kept):
        # One cache in one layer: the others are named beside the first.
        online = [command for command in group if not command.option("--no-index")]
        installs, offline = online or group, not online
        command = installs[0]
        yield graded(
            Finding(
                command.span,
                "pip's download cache stays in this layer",
                note="every downloaded archive and built wheel is kept under ~/.cache/pip, beside what was installed",
                help="`pip install --no-cache-dir`, or `ENV PIP_NO_CACHE_DIR=1` for all of them",
                fix=_option_fix(run, installs, managers.pip_install, "--no-cache-dir"),
                related=_others(installs),
                blame=layer.blame(_PIP, command),
                persona=Persona.PEDANTIC if offline else None,
                severity=Severity.INFO if offline else None,
            ),
            who,
        )
    if short and not kept:
        yield Finding(
            short[0].span,
            "pip's `--no-cache-dir` is written as `--no-cache` here",
            note="pip takes an option by its beginning, as long as no other option begins like it",
            help="write `--no-cache-dir`",
            severity=Severity.INFO,
            persona=Persona.PEDANTIC,
            blame=Unpriced("pip stores nothing here"),
        )
    for command in misread[:1]:
        yield Finding(
            command.span,
            "`PIP_NO_CACHE_DIR` turns pip's cache off here, although its value says no",
            help="write `PIP_NO_CACHE_DIR=1`, or leave the variable away to have a cache",
            severity=Severity.INFO,
            persona=Persona.PEDANTIC,
            blame=Unpriced("pip stores nothing here"),
        )


def _by_place(layer: Layer, cache: Cache, commands: Sequence[Command]) -> Iterable[list[Command]]:
    """Commands that fill a cache, by where it is."""
    groups: dict[tuple[str, ...], list[Command]] = {}
    for command in commands:
        groups.setdefault(layer.folders(cache, command), []).append(command)
    return groups.values()


def _option_fix(
    run: Run, installs: Sequence[Command], where: Callable[[Command], ShellWord | None], option: str
) -> Fix | None:
    """An option more for each command; for those that it can be written into."""
    words = ((command, where(command)) for command in installs)
    made = [edit.insert_behind(run, command, word, option) for command, word in words if word is not None]
    edits = tuple(each for edits in made if edits for each in edits)
    return Fix(f"add `{option}`", edits) if edits else None


def _others(installs: Sequence[Command]) -> tuple[Related, ...]:
    return tuple(Related(command.span, "and here") for command in installs[1 : 1 + _NAMED])


def _cleans_pip(command: Command) -> bool:
    words = [word.value for word in managers.pip(command) if not word.value.startswith("-")]
    return words[:2] in (["cache", "purge"], ["cache", "remove"])


@rule("IL111", programs=("uv",), blame=Paths("/root/.cache/uv/*", "/home/*/.cache/uv/*"))
def uv_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""uv's cache stays in the layer.

    Why: uv keeps the index, what it unpacked and what it built under `~/.cache/uv`. Where it links installed packages
    to the cache, their files are stored once, and the rest is left over; with `UV_LINK_MODE=copy`, or where cache and
    environment are on different file systems, every package is stored twice.

    ```dockerfile bad
    FROM python:3.12
    RUN uv pip install --system flask
    ```

    ```dockerfile fixed
    FROM python:3.12
    RUN uv pip install --no-cache --system flask
    ```

    ```dockerfile good
    FROM python:3.12
    ENV UV_LINK_MODE=copy
    RUN --mount=type=cache,target=/root/.cache/uv uv pip install --system flask
    ```
    """
    if persona(run, graph) is None:
        return
    layer = Layer(run, graph)

    def mode(command: Command) -> str:
        return (option_value(command, "--link-mode") or layer.variable(command, "UV_LINK_MODE") or "").lower()

    def fills(command: Command) -> bool:
        if _uv_install(command) is None or command.option("--no-cache", "--no-cache-dir", "-n"):
            return False
        off = (layer.variable(command, "UV_NO_CACHE") or "").lower() in _YES
        # What is linked by symbolic links is in the cache and nowhere else.
        return not off and mode(command) != "symlink"

    kept = layer.kept(_UV, fills, lambda each: each.name == "uv" and managers.subcommand(each) == "cache")
    for installs in _by_place(layer, _UV, kept):
        command = installs[0]
        twice = any(mode(each) == "copy" for each in installs)
        yield Finding(
            command.span,
            "uv's cache stays in this layer",
            note="packages are copied out of ~/.cache/uv, so that each is stored twice"
            if twice
            else "the index, source archives and builds are kept under ~/.cache/uv",
            help="`uv … --no-cache`, `ENV UV_NO_CACHE=1`, or a cache mount at ~/.cache/uv",
            fix=_option_fix(run, installs, _uv_install, "--no-cache"),
            related=_others(installs),
            severity=Severity.WARNING if twice else Severity.INFO,
            blame=layer.blame(_UV, command),
        )


def _uv_install(command: Command) -> ShellWord | None:
    """The word that has uv install something: `sync`, `add`, `pip install`, `pip sync`, `tool install`."""
    if command.name != "uv":
        return None
    words = command.operands(frozenset({"--directory", "--project", "--cache-dir", "--config-file"}))
    if words and words[0].value in ("sync", "add"):
        return words[0]
    if len(words) > 1 and (words[0].value, words[1].value) in (
        ("pip", "install"),
        ("pip", "sync"),
        ("tool", "install"),
    ):
        return words[1]
    return None


@rule("IL119", programs=("poetry",), blame=Paths("*/.cache/pypoetry/artifacts/*", "*/.cache/pypoetry/cache/*"))
def poetry_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""Poetry's cache of downloads stays in the layer.

    Why: Poetry keeps every archive that it downloads under `~/.cache/pypoetry`, beside what it installed. The
    environments that it makes are in the same folder, so that it must not be removed as a whole where they are used.

    ```dockerfile bad
    FROM python:3.12
    RUN poetry install --only main
    ```

    ```dockerfile good
    FROM python:3.12
    RUN poetry install --only main --no-cache
    ```

    ```dockerfile good
    FROM python:3.12
    ENV POETRY_CACHE_DIR=/tmp/poetry
    RUN poetry install --only main && rm -rf $POETRY_CACHE_DIR
    ```
    """
    if persona(run, graph) is None:
        return
    layer = Layer(run, graph)

    def fills(command: Command) -> bool:
        installs = command.name == "poetry" and managers.subcommand(command, _POETRY_VALUED) in _POETRY_INSTALLS
        return installs and not command.option("--no-cache", "--lock", "--dry-run")

    kept = layer.kept(_POETRY, fills, lambda each: each.name == "poetry" and each.has("cache") and each.has("clear"))
    for command in kept[:1]:
        words = command.operands(_POETRY_VALUED)
        edits = edit.insert_behind(run, command, words[0], "--no-cache")
        yield Finding(
            command.span,
            "Poetry's download cache stays in this layer",
            note="every downloaded archive is kept under ~/.cache/pypoetry, beside what was installed",
            help="`poetry install --no-cache` (Poetry 1.2 and later), or a cache mount",
            fix=Fix("add `--no-cache`", edits, Safety.UNSAFE) if edits else None,
            blame=layer.blame(_POETRY, command),
        )
