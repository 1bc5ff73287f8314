"""What several commands do alike: reading how a Dockerfile is built."""

from __future__ import annotations

import os
import sys

from imagelint.errors import InputError, UsageError
from imagelint.graph import BuildContext
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse

    from imagelint.linter import Linted


def build_context(arguments: argparse.Namespace, path: str | None = None) -> BuildContext:
    """The target, the build arguments and the build context that the command line names, for the Dockerfile at a path.

    Nothing is read yet. Standard input and no path have no folder, and a context only where one is named.
    """
    pairs: dict[str, str] = {}
    for argument in arguments.build_arg:
        name, equals, value = argument.partition("=")
        if not name or not equals:
            raise UsageError(f"--build-arg {argument}: must be NAME=VALUE")
        pairs[name] = value
    if arguments.context is not None and not os.path.isdir(arguments.context):
        raise InputError(f"--context {arguments.context}: no such folder")
    return BuildContext(arguments.target, pairs, arguments.context, None if path == "-" else path)


def say_unused(linted: Linted) -> None:
    """Say which of the build arguments no ARG of the Dockerfile takes, as a build does: a name may be misspelt."""
    from imagelint.graph.arguments import unused

    names = unused(linted.dockerfile.instructions, linted.graph.context.build_args)
    if names:
        text = f"{linted.path} has no ARG for --build-arg {', '.join(names)}"
        print(f"imagelint: note: {printable(text)}", file=sys.stderr)
