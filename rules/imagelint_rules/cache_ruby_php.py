"""What the package managers of Ruby and PHP leave in the layer of the RUN that calls them."""

from collections.abc import Iterator
from functools import lru_cache

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.dockerfile.source import Source
from imagelint.finding import Finding, Fix, Paths, Severity
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import managers
from imagelint_rules.shared.cleanup import Cache, Layer, persona, removed

_COMPOSER = Cache(
    ("~/.composer/cache", "~/.cache/composer", "/tmp/cache"),  # noqa: S108 - where Composer's own image has it
    (("COMPOSER_CACHE_DIR", ""), ("COMPOSER_HOME", "/cache")),
)
_GEMS = Cache(("/usr/local/bundle/cache", "/usr/lib/ruby/gems/cache"))
_COMPOSER_INSTALLS = ("install", "i", "update", "u", "upgrade", "require", "r", "create-project")
_COMPOSER_CLEANS = ("clear-cache", "clearcache", "cc")
_NO_DOCUMENTATION = ("--no-document", "--no-documentation", "-N", "--no-ri", "--no-rdoc", "--no-doc")


@rule("IL117", programs=("composer", "composer.phar", "php"), blame=Paths("*/.composer/cache/*", "*/.cache/composer/*"))
def composer_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""Composer's cache of downloaded packages stays in the layer.

    Why: Composer keeps the archive of every package that it installs, and the index of the registry, under
    `~/.composer/cache` or `~/.cache/composer`. The packages are in `vendor` already.

    ```dockerfile bad
    FROM php:8.3
    RUN composer install --no-dev
    ```

    ```dockerfile fixed
    FROM php:8.3
    RUN composer install --no-dev \
        && composer clear-cache
    ```

    ```dockerfile good
    FROM php:8.3
    RUN composer install --no-dev --no-cache
    ```
    """
    if persona(run, graph) is None:
        return
    layer = Layer(run, graph)

    def fills(command: Command) -> bool:
        if _composer(command) not in _COMPOSER_INSTALLS or command.option("--no-cache", "--dry-run"):
            return False
        return layer.variable(command, "COMPOSER_CACHE_DIR") != "/dev/null"

    kept = layer.kept(_COMPOSER, fills, lambda each: _composer(each) in _COMPOSER_CLEANS)
    for command in kept[:1]:
        plain = all(each.words[0].value == "composer" and not each.assignments for each in kept)
        plain = plain and not any("composer" in word for each in layer.commands for word in removed(each))
        fix = layer.ending("composer clear-cache", "clear the cache at the end of this RUN", kept) if plain else None
        yield Finding(
            command.span,
            "Composer's download cache stays in this layer",
            note="the archive of every package is kept, beside vendor",
            help=f"`composer {_composer(command)} --no-cache`, or end the same RUN with `composer clear-cache`",
            fix=fix,
            blame=layer.blame(_COMPOSER, command),
        )


def _composer(command: Command) -> str:
    """Composer's subcommand, also as `php composer.phar`; `global` is looked through."""
    words = [word.value for word in command.operands(frozenset({"-d", "--working-dir"}))]
    if command.name == "php":
        if not words or not words[0].endswith(("composer", "composer.phar")):
            return ""
        words = words[1:]
    elif command.name not in ("composer", "composer.phar"):
        return ""
    words = words[1:] if words[:1] == ["global"] else words
    return words[0] if words else ""


@rule("IL118", programs=("gem",), blame=Paths("*/doc/*/ri/*", "*/doc/*/rdoc/*"), severity=Severity.INFO)
def gem_documentation_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""Installed gems bring their documentation.

    Why: `gem install` makes documentation out of every gem's sources, for each gem that comes with it too. It takes
    longer than the installation, and nobody reads it in a container. The official `ruby` images turn it off by a
    `gemrc`, and Alpine's Ruby cannot make it.

    ```dockerfile bad
    FROM debian:12
    RUN gem install rake
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN gem install --no-document rake
    ```

    ```dockerfile good
    FROM ruby:3.3
    RUN gem install rake
    ```
    """
    if persona(run, graph) is None or _gemrc(run.source) or _without(run, graph):
        return
    for command in graph.commands(run):
        word = next(iter(command.operands()), None)
        if command.name != "gem" or word is None or word.value not in ("install", "i"):
            continue
        if not command.option(*_NO_DOCUMENTATION):
            edits = edit.insert_behind(run, command, word, "--no-document")
            yield Finding(
                command.span,
                "the gems' documentation stays in this layer",
                note="it is made for every gem that is installed, and for those that they need",
                help="`gem install --no-document`",
                fix=Fix("add `--no-document`", edits) if edits else None,
            )


@lru_cache(maxsize=4)
def _gemrc(source: Source) -> bool:
    """Whether a file sets gem's defaults, which may turn documentation off."""
    return "gemrc" in source.text


def _without(run: Run, graph: BuildGraph) -> bool:
    """Whether the image that a stage begins with makes no documentation, or cannot be told."""
    stage = graph.stage_of(run)
    while stage is not None and stage.base is not None:
        stage = stage.base
    image = stage.image if stage else ""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return not image or "$" in image or name in ("ruby", "alpine") or "alpine" in image


@rule("IL120", programs=("bundle", "bundler"), blame=Paths("*/cache/*.gem"), severity=Severity.INFO)
def bundler_cache_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""Bundler keeps the archive of every gem that it installed.

    Why: `bundle install` unpacks each gem and keeps the archive in the folder `cache` beside them. Nothing reads it
    again once the gem is installed.

    ```dockerfile bad
    FROM ruby:3.3
    RUN bundle install
    ```

    ```dockerfile good
    FROM ruby:3.3
    RUN bundle install && rm -rf /usr/local/bundle/cache/*.gem
    ```
    """
    if persona(run, graph) is None:
        return
    layer = Layer(run, graph)
    for command in layer.kept(_GEMS, _bundle_install, _removes_gems)[:1]:
        yield Finding(
            command.span,
            "the archives of all gems stay in this layer",
            note="each is kept in the folder `cache` beside what was unpacked from it",
            help="remove `cache/*.gem` in the folder of the gems, such as /usr/local/bundle, in the same RUN",
        )


def _bundle_install(command: Command) -> bool:
    if command.name not in ("bundle", "bundler"):
        return False
    return managers.subcommand(command) in ("install", "update") or not command.args


def _removes_gems(command: Command) -> bool:
    if command.name == "find":
        return command.has("*.gem", "-delete")
    return any("cache" in word or word.endswith(".gem") or "bundle" in word for word in removed(command))
