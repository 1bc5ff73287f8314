"""What configuration files say: `imagelint.toml`, `[tool.imagelint]` of `pyproject.toml`, and hadolint's own.

The nearest of `imagelint.toml` and `pyproject.toml`, from the working folder upwards to the repository's root, holds;
where there is none, the user's own. What the command line says comes before a file, a file of imagelint's before
hadolint's. A key, a level or a rule that does not exist is an error: a file that is silently passed over is worse than
none.
"""

from __future__ import annotations

import os

from imagelint import files
from imagelint.errors import InputError, UsageError
from imagelint.finding import Persona
from imagelint.output.formats import NAMES as FORMATS
from imagelint.records import TYPE_CHECKING
from imagelint.selection import Layer, PerFile
from imagelint.settings import LEVELS, Reader, Settings

if TYPE_CHECKING:
    from typing import Any

_NAMES = ("imagelint.toml", ".imagelint.toml", "pyproject.toml")
#: Reading TOML takes the square of a key's parts, and YAML is read slowly: what is larger, or denser, is an attack.
_MAX_BYTES, _MAX_BYTES_SHARED, _MAX_DOTS = 64_000, 1_000_000, 1_000


def load(explicit: str | None = None) -> Settings:
    """The settings that hold in the working folder, or those of one file; raises UsageError and InputError.

    Patterns of files begin in the folder of a file that was found, else in the working folder.
    """
    settings = Settings()
    if explicit is not None:
        if _is_hadolint(explicit):
            return _hadolint(explicit, settings)
        table = _table(explicit)
        if table is None:
            raise UsageError(f"{explicit}: has no [tool.imagelint]")
        return _read(explicit, table, settings)
    from_hadolint = _find_hadolint()
    if from_hadolint is not None:
        settings = _hadolint(from_hadolint, settings)
    found = _find()
    if found is not None:
        path, table = found
        return _read(path, table, settings, folder=os.path.dirname(path) or os.curdir)
    own = os.path.join(_user_folder(), "imagelint", "imagelint.toml")
    table = _table(own) if os.path.lexists(own) else None
    return _read(own, table, settings)._replace(trusted=True) if table is not None else settings


def _is_hadolint(path: str) -> bool:
    return path.endswith((".yaml", ".yml"))


def _user_folder() -> str:
    return os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")


def _find() -> tuple[str, dict[str, Any]] | None:
    """The nearest file from here upwards that configures imagelint, up to the repository's root."""
    folder = os.getcwd()
    near = ""
    while True:
        for name in _NAMES:
            path = os.path.join(near, name)
            if os.path.lexists(path) and (table := _table(path)) is not None:
                return path, table
        parent = os.path.dirname(folder)
        if parent == folder or os.path.exists(os.path.join(folder, ".git")):
            return None
        folder, near = parent, os.path.join(near, os.pardir)


def _find_hadolint() -> str | None:
    """The file that hadolint would read: of the working folder, or of the user."""
    home = os.path.expanduser("~")
    places = (
        ("", ".hadolint"),
        (_user_folder(), "hadolint"),
        (os.path.join(home, ".hadolint"), "hadolint"),
        (os.path.join(home, ".hadolint"), "config"),
        (home, ".hadolint"),
    )
    for folder, stem in places:
        for ending in (".yaml", ".yml"):
            path = os.path.join(folder, stem + ending)
            if os.path.lexists(path):  # a link that leads nowhere is no file that is not there
                return path
    return None


def _hadolint(path: str, settings: Settings) -> Settings:
    from imagelint import hadolintconfig  # YAML is read only where there is such a file

    return hadolintconfig.read(path, settings)


def _table(path: str) -> dict[str, Any] | None:
    """The table of a file that is about imagelint; None for a `pyproject.toml` that does not mention it."""
    shared = os.path.basename(path) == "pyproject.toml"
    data = files.read(path, limit=_MAX_BYTES_SHARED if shared else _MAX_BYTES)
    if shared and b"imagelint" not in data:
        return None
    if any(line.count(b".") > _MAX_DOTS for line in data.split(b"\n")):
        raise InputError(f"{path}: a line has more than {_MAX_DOTS} dots")
    import tomllib

    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not TOML: {error}") from error
    if not shared:
        return document
    tool = document.get("tool")
    table = tool.get("imagelint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{path}: tool.imagelint must be a table")
    return table


def _read(path: str, table: dict[str, Any], settings: Settings, *, folder: str = os.curdir) -> Settings:
    """Settings with what a table says put over them; patterns of files begin in `folder`."""
    reader = Reader(path, table)
    before, demands = settings.selection, settings.demands
    select = reader.texts("select")
    layer = Layer(
        select if "select" in table else None,  # an empty list is said, and means nothing
        reader.texts("extend-select"),
        reader.texts("ignore"),
        reader.mapping("severity", reader.level),
        path,
    )
    per_file = reader.mapping("per-file-ignores", reader.texts_of)
    selection = before._replace(
        layers=(*before.layers, layer),
        persona=reader.one("persona", {each.value: each for each in Persona}, before.persona),
        options=reader.mapping("rules", reader.table_of),
        per_file=tuple(
            PerFile(reader.globs("per-file-ignores", [pattern], folder), names) for pattern, names in per_file.items()
        ),
        minimum=reader.one("min-severity", LEVELS, before.minimum),
        source=path,
    )
    demands = demands._replace(
        registries=demands.registries + reader.texts("trusted-registries"),
        labels={**demands.labels, **reader.mapping("labels", reader.label_type)},
        strict_labels=reader.flag("strict-labels", demands.strict_labels),
    )
    beside = os.path.dirname(path)
    baseline = reader.text("baseline")
    read = settings._replace(
        selection=selection,
        demands=demands,
        fail_on=reader.one("fail-on", LEVELS, settings.fail_on),
        output_format=reader.one("output-format", {each: each for each in FORMATS}, settings.output_format),
        baseline=os.path.join(beside, baseline) if baseline else settings.baseline,
        exclude=reader.globs("exclude", reader.texts("exclude"), folder),
        local_rules=tuple(os.path.join(beside, each) for each in reader.texts("local-rules")),
        pragmas=reader.flag("pragmas", settings.pragmas),
        sources=(*settings.sources, path),
    )
    budgets = reader.get("gate", dict, "a table")
    reader.finish()
    return read if budgets is None else read._replace(gate=(path, budgets))
