"""What several commands do alike: reading how a Dockerfile is built."""

from __future__ import annotations

import os

from imagelint.errors import InputError, UsageError
from imagelint.graph import BuildContext
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


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
