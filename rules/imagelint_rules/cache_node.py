"""What Node's package managers leave in the layer of the RUN that calls them."""

from collections.abc import Iterator
from functools import lru_cache

from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.dockerfile.source import Source
from imagelint.finding import Finding, Fix, Paths, Persona, Safety, Severity
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import managers
from imagelint_rules.shared.cleanup import Cache, Layer, graded, option_value, persona, removed

_NPM = Cache(
    ("~/.npm/_cacache",),
    (("npm_config_cache", "/_cacache"), ("NPM_CONFIG_CACHE", "/_cacache")),
    (("--cache", "/_cacache"),),
    ("npm config get cache",),
)
_YARN = Cache(
    ("/usr/local/share/.cache/yarn", "~/.cache/yarn", "~/.yarn/berry/cache"),
    (("YARN_CACHE_FOLDER", ""),),
    (("--cache-folder", ""),),
    ("yarn cache dir",),
)
_PNPM = Cache(
    ("~/.local/share/pnpm/store", "~/.pnpm-store"),
    (("npm_config_store_dir", ""), ("PNPM_HOME", "/store")),
    (("--store-dir", ""),),
    ("pnpm store path",),
)
_YARN_VALUED = frozenset(
    "--cwd --modules-folder --cache-folder --network-timeout --network-concurrency --registry --mutex".split()
)
#: Options that Yarn 1 alone has, and those that only its successors have.
_CLASSIC = ("--production", "--prod", "--pure-lockfile", "--ignore-engines", "--ignore-optional", "--no-lockfile")
_BERRY = ("--immutable", "--immutable-cache", "--check-cache", "--refresh-lockfile", "--inline-builds", "--mode")
_PNPM_INSTALLS = ("install", "i", "add", "fetch", "update", "up")


@rule("IL104", programs=("npm",), blame=Paths("/root/.npm/*", "/home/*/.npm/*"))
def npm_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""npm's cache of downloaded packages stays in the layer.

    Why: npm keeps a compressed copy of every package that it installs under `~/.npm/_cacache`. The packages are
    in `node_modules` already.

    ```dockerfile bad
    FROM node:20
    RUN npm ci
    ```

    ```dockerfile fixed
    FROM node:20
    RUN npm ci \
        && npm cache clean --force
    ```

    ```dockerfile good
    FROM node:20
    RUN --mount=type=cache,target=/root/.npm npm ci
    ```
    """
    if persona(run, graph) is None:
        return
    layer = Layer(run, graph)
    kept = layer.kept(_NPM, managers.npm_install, _cleans_npm)
    for command in kept[:1]:
        blame = layer.blame(_NPM, command)
        # Cleaning works on the usual folder; another one is left to those who chose it.
        stays = blame is None and _npm_stays(layer.commands, kept)
        yield Finding(
            command.span,
            "npm's download cache stays in this layer",
            note="a compressed copy of every package is kept under ~/.npm, beside node_modules",
            help="end the same RUN with `npm cache clean --force`",
            fix=layer.ending("npm cache clean --force", "clean the cache at the end of this RUN", kept)
            if stays
            else None,
            blame=blame,
        )


def _npm_stays(commands: tuple[Command, ...], installs: list[Command]) -> bool:
    """Whether a plain `npm` at the end of the script is the one that installed."""
    return all(not each.assignments and each.words[0].value == "npm" for each in installs) and not any(
        command.has("uninstall", "del", "remove", "purge", "autoremove", "erase") or command.name in ("nvm", "export")
        for command in commands
    )


def _cleans_npm(command: Command) -> bool:
    return command.name == "npm" and [word.value for word in command.operands()][:2] in (
        ["cache", "clean"],
        ["cache", "clear"],
        ["cache", "rm"],
    )


@rule(
    "IL108",
    programs=("yarn",),
    blame=Paths("/usr/local/share/.cache/yarn/*", "*/.cache/yarn/*", "*/.yarn/berry/*"),
    aliases=("DL3060",),
    severity=Severity.INFO,
)
def yarn_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""Yarn's cache of downloaded packages stays in the layer.

    Why: Yarn keeps a copy of every package that it installs: Yarn 1 under `/usr/local/share/.cache/yarn` for root and
    `~/.cache/yarn` for others. The packages are in `node_modules` already.

    hadolint knows `yarn install` alone; `yarn` and `yarn add` fill the same cache. Later Yarns may run the packages
    right out of their cache, so that for them it is a pedantic finding without a fix; so is a stage that others are
    built on, but that is not shipped.

    ```dockerfile bad
    FROM node:20
    RUN yarn install --production
    ```

    ```dockerfile fixed
    FROM node:20
    RUN yarn install --production \
        && yarn cache clean
    ```

    ```dockerfile good
    FROM node:20
    RUN --mount=type=cache,target=/usr/local/share/.cache/yarn yarn install --frozen-lockfile
    ```
    """
    if (who := persona(run, graph, "base")) is None:
        return
    if any("yarn" in mount.get("target", "") for mount in run.mounts if mount["type"] in ("cache", "tmpfs")):
        return
    layer = Layer(run, graph)
    kept = layer.kept(
        _YARN, _yarn_install, lambda each: each.name == "yarn" and each.has("cache") and each.has("clean")
    )
    known = [each for each in kept if each.has("install")]
    if not kept or (who is Persona.PEDANTIC and not known):
        return
    first = (known or kept)[0]
    aliases = None if known else ()
    if any(each.option(*_BERRY) or each.has("workspaces") for each in kept) or _berry(run.source):
        if known:
            yield Finding(
                first.span,
                "Yarn's cache stays in this layer",
                note="Yarn 2 and later may run the packages right out of it; beside node_modules nothing needs it",
                help="with node_modules, end the same RUN with `yarn cache clean`, or mount a cache",
                severity=Severity.INFO,
                persona=Persona.PEDANTIC,
            )
        return
    plain = all(each.words[0].value == "yarn" and not each.assignments for each in kept)
    fix = layer.ending("yarn cache clean", "clean the cache at the end of this RUN", kept) if plain else None
    if fix and not any(each.option(*_CLASSIC) or each.has("global") for each in kept):
        # Without an option that Yarn 1 alone has it may be a later one, and its cache what the program runs from.
        fix = Fix(fix.title, fix.edits, Safety.UNSAFE)
    yield graded(
        Finding(
            first.span,
            "Yarn's download cache stays in this layer",
            note="a copy of every package is kept, beside node_modules",
            help="end the same RUN with `yarn cache clean`",
            fix=fix,
            aliases=aliases,
            blame=layer.blame(_YARN, first),
        ),
        who,
    )


def _yarn_install(command: Command) -> bool:
    if command.name != "yarn":
        return False
    words = [word.value for word in command.operands(_YARN_VALUED)]
    if not words:
        return not command.option("--version", "--help", "-v", "-h")
    return words[0] in ("install", "add", "upgrade", "up") or words[:2] in (["global", "add"], ["workspaces", "focus"])


@lru_cache(maxsize=4)
def _berry(source: Source) -> bool:
    """Whether a file speaks of what only Yarn 2 and later have."""
    return any(word in source.text for word in (".yarnrc.yml", "yarn set version", "yarn/releases", "yarn/plugins"))


@rule("IL110", programs=("pnpm",), blame=Paths("*/pnpm/store/*", "*/.pnpm-store/*"))
def pnpm_store_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""pnpm's store keeps packages that nothing uses any more.

    Why: pnpm links `node_modules` to the files of its store, so that each file is in the layer once, whatever it is
    called. Once `node_modules` is removed or pruned, what was installed only to build is in the store alone. Where the
    files are copied instead of linked, each of them is stored twice.

    ```dockerfile bad
    FROM node:20
    RUN pnpm install && pnpm build && pnpm prune --prod
    ```

    ```dockerfile good
    FROM node:20
    RUN pnpm install && pnpm build && pnpm prune --prod && pnpm store prune
    ```

    ```dockerfile good
    FROM node:20
    RUN --mount=type=cache,target=/root/.local/share/pnpm/store pnpm install --prod
    ```
    """
    if persona(run, graph) is None:
        return
    layer = Layer(run, graph)
    for command in layer.kept(_PNPM, _pnpm_install, lambda each: each.name == "pnpm" and each.has("store"))[:1]:
        copies = "copy" in (option_value(command, "--package-import-method") or "")
        if copies or any(_drops_modules(each) for each in layer.commands if each.start > command.start):
            yield Finding(
                command.span,
                "pnpm's store keeps packages that nothing uses any more in this layer",
                note="every file is stored twice"
                if copies
                else "what was pruned from node_modules is still in the store",
                help="end the same RUN with `pnpm store prune`, or mount a cache for the store",
                blame=layer.blame(_PNPM, command),
            )


def _pnpm_install(command: Command) -> bool:
    return command.name == "pnpm" and managers.subcommand(command, frozenset({"-C", "--dir", "-F", "--filter"})) in (
        _PNPM_INSTALLS
    )


def _drops_modules(command: Command) -> bool:
    if command.name == "pnpm":
        return managers.subcommand(command) == "prune"
    return any(word.rstrip("/").endswith("node_modules") for word in removed(command))
