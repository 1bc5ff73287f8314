"""Finding, loading and checking rule plug-ins.

A distribution offers rules by an entry point in the group `imagelint.rules`: its name is the prefix of the codes, its
value a module or package that is walked for rules. The built-in ones come in the same way.
"""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module

from imagelint.errors import PluginError
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint.rule import CODE, Batch, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

GROUP = "imagelint.rules"


class Plugin(NamedTuple):
    """An entry point: the prefix of its rules' codes, and the module that holds them."""

    prefix: str
    module: str


def discover() -> list[Plugin]:
    """Every plug-in that is installed, sorted by prefix.

    Reads the `entry_points.txt` of the installed distributions itself: `importlib.metadata` reads every
    distribution's metadata first, which takes longer than linting a file does.
    """
    found: dict[str, Plugin] = {}
    for text in _entry_points():
        for plugin in _parse(text):
            known = found.setdefault(plugin.prefix, plugin)
            if known != plugin:
                message = f"two plug-ins claim the rule prefix {plugin.prefix}: {known.module} and {plugin.module}"
                raise PluginError(message, hint="uninstall one of them")
    return sorted(found.values())


class Loaded(NamedTuple):
    """What the plug-ins offer: rules sorted by code, and batches by prefix."""

    rules: tuple[Rule, ...]
    batches: tuple[Batch, ...]


def load(local: Sequence[str] = ()) -> Loaded:
    """The rules and batches of every plug-in, and the rules of local files and folders; raises PluginError.

    Local rules have a prefix of their own choice, as long as no plug-in has it.
    """
    plugins = discover()
    if not plugins:
        raise PluginError("no rules are installed", hint="reinstall imagelint: its own rules come as a plug-in")
    rules: dict[str, Rule] = {}  # by code, and by name
    batches: dict[str, Batch] = {}
    for plugin in plugins:
        for value in below(plugin.module):
            if isinstance(value, Rule):
                _admit(value, plugin, rules)
                continue
            if value.prefix != plugin.prefix:
                raise PluginError(f"{plugin.module}: the batch {value.name} must have the prefix {plugin.prefix}")
            batches[value.prefix] = value
    prefixes = {plugin.prefix for plugin in plugins}
    for path in local:
        for module in _local_modules(path):
            for value in _declared(module):
                if isinstance(value, Rule):
                    prefix = value.code.rstrip("0123456789")
                    if prefix in prefixes:
                        raise PluginError(f"{path}: the prefix of {value.code} is another plug-in's")
                    _admit(value, Plugin(prefix, path), rules)
    by_code = {rule.code: rule for rule in rules.values()}
    return Loaded(tuple(by_code[code] for code in sorted(by_code)), tuple(batches[each] for each in sorted(batches)))


def below(name: str) -> Iterator[Rule | Batch]:
    """What a module declares, and all below it where it is a package; what it imports from elsewhere is not its own."""
    for module in _modules(name):
        yield from _declared(module)


def _declared(module: ModuleType) -> Iterator[Rule | Batch]:
    for value in vars(module).values():
        if isinstance(value, Rule | Batch) and value.function.__module__ == module.__name__:
            yield value


def _admit(rule: Rule, plugin: Plugin, rules: dict[str, Rule]) -> None:
    match = re.fullmatch(CODE, rule.code)
    if match is None or match[1] != plugin.prefix:
        raise PluginError(
            f"{plugin.module}: the rule {rule.code} does not begin with the plug-in's prefix {plugin.prefix}"
        )
    for key in (rule.code, rule.name):
        if (other := rules.get(key)) is not None:
            both = f"{other.function.__module__} and {rule.function.__module__}"
            raise PluginError(f"two rules are called {key}: in {both}")
        rules[key] = rule


def _modules(name: str) -> Iterator[ModuleType]:
    """A module, and all below it where it is a package."""
    module = _import(name)
    yield module
    for folder in getattr(module, "__path__", ()):
        for entry in sorted(os.listdir(folder)):
            stem, dot, ending = entry.partition(".")
            path = os.path.join(folder, entry)
            inner = os.path.isfile(os.path.join(path, "__init__.py"))
            if stem != "__init__" and stem.isidentifier() and (inner or (dot and ending == "py")):
                yield from _modules(f"{name}.{stem}")


def _local_modules(path: str) -> Iterator[ModuleType]:
    """The modules of a local file, or of the files in a folder; they cannot import one another."""
    names = [path]
    if os.path.isdir(path):
        names = [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".py")]
    for number, name in enumerate(names):
        from importlib.util import module_from_spec, spec_from_file_location

        stem = os.path.basename(name).removesuffix(".py")
        spec = spec_from_file_location(f"imagelint_local_{number}_{stem}", name)
        if spec is None or spec.loader is None:
            raise PluginError(f"{name}: is no Python file of rules")
        module = module_from_spec(spec)
        sys.modules[module.__name__] = module
        try:
            spec.loader.exec_module(module)
        except PluginError:
            raise
        except Exception as error:
            raise PluginError(f"the local rules {name} cannot be loaded: {type(error).__name__}: {error}") from error
        yield module


def _import(name: str) -> ModuleType:
    try:
        return import_module(name)
    except PluginError:
        raise
    except Exception as error:
        message = f"the rule plug-in {name} cannot be loaded: {type(error).__name__}: {error}"
        raise PluginError(message, hint="fix or uninstall it; a run never goes on with fewer rules") from error


def _entry_points() -> Iterator[str]:
    """The texts of the `entry_points.txt` that mention the group.

    The working folder is left out: `python -m imagelint` puts it on the path, and it is a stranger's.
    """
    here = os.path.realpath(os.getcwd())
    for folder in dict.fromkeys(sys.path):
        if not folder or os.path.realpath(folder) == here:
            continue
        try:
            entries = os.listdir(folder)
        except OSError:
            continue
        for entry in entries:
            if entry.endswith((".dist-info", ".egg-info")):
                try:
                    with open(os.path.join(folder, entry, "entry_points.txt"), encoding="utf-8") as file:
                        text = file.read()
                except OSError:
                    continue
                if GROUP in text:
                    yield text


def _parse(text: str) -> Iterator[Plugin]:
    """The group's entries of an `entry_points.txt` (PyPA's entry points specification)."""
    inside = False
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped == f"[{GROUP}]"
        elif inside and "=" in stripped and not stripped.startswith(("#", ";")):
            prefix, _, module = stripped.partition("=")
            yield Plugin(prefix.strip(), module.partition(":")[0].partition("[")[0].strip())
