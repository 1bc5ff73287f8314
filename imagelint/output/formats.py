"""The reports that programs read, by name; each one's module is loaded only where it is asked for."""

from __future__ import annotations

from importlib import import_module

from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelint.finding import FileError, FileReport, RulePage

#: All formats of `check`, as they are called.
NAMES = ("text", "json", "sarif", "github", "gitlab", "junit", "checkstyle", "hadolint-json")


def report(name: str, files: Sequence[FileReport], errors: Sequence[FileError], rules: Mapping[str, RulePage]) -> str:
    """A report of `check` in one of the formats but text."""
    if name == "json":
        from imagelint.output import json

        return json.dumps(json.check(files, errors))
    module = import_module(f"imagelint.output.{name.replace('-', '_')}")
    text: str = module.report(files, errors, rules)
    return text.removesuffix("\n")
