"""argparse as imagelint uses it: errors in the form of all others, and what may be meant."""

from __future__ import annotations

import argparse
import os
import sys

from imagelint.errors import ImagelintError
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def complain(error: ImagelintError) -> None:
    """Say on standard error what went wrong, and what to do next."""
    print(f"imagelint: error: {printable(error.message)}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {printable(error.hint)}", file=sys.stderr)


class Parser(argparse.ArgumentParser):
    """argparse, but with errors in the form of all others."""

    takes_more = True
    """Whether the last argument, where there may be several, takes what stands behind options too."""

    def error(self, message: str) -> NoReturn:
        complain(ImagelintError(message, hint=f"{self.prog} --help"))
        sys.exit(2)

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Each command's parser complains of what it does not know itself: it has the options that may be meant."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown and self._takes(parsed, unknown):
            unknown = []
        if unknown:
            from difflib import get_close_matches

            close = get_close_matches(unknown[0].partition("=")[0], self._option_string_actions, 1)
            hint = f"did you mean {close[0]}?" if close else f"{self.prog} --help"
            complain(ImagelintError(f"unrecognized arguments: {' '.join(unknown)}", hint=hint))
            sys.exit(2)
        return parsed, unknown

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """argparse lists every choice there is; one that is nearly it is enough."""
        choices = [str(each) for each in action.choices or ()]
        if choices and value not in choices:
            from difflib import get_close_matches

            if close := get_close_matches(str(value), choices, 1):
                name = "/".join(action.option_strings) or action.metavar
                complain(
                    ImagelintError(f"argument {name}: invalid choice: {value!r}", hint=f"did you mean {close[0]}?")
                )
                sys.exit(2)
        super()._check_value(action, value)

    def _takes(self, parsed: argparse.Namespace, left: Sequence[str]) -> bool:
        """Whether the last argument takes what is left: argparse asks it once, before the first option behind it."""
        last = next(reversed(self._get_positional_actions()), None)
        if last is None or not self.takes_more or any(each.startswith("-") and each != "-" for each in left):
            return False
        if last.nargs in (argparse.ZERO_OR_MORE, argparse.ONE_OR_MORE):
            setattr(parsed, last.dest, [*getattr(parsed, last.dest), *left])
        elif last.nargs == argparse.OPTIONAL and len(left) == 1 and getattr(parsed, last.dest) == last.default:
            setattr(parsed, last.dest, left[0])
        else:
            return False
        return True


def formatter(prog: str) -> argparse.HelpFormatter:
    """The form of a help text. argparse makes one for each argument, and would import shutil for the width."""
    try:
        width = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(1).columns
    except (OSError, ValueError):
        width = 80
    return argparse.RawDescriptionHelpFormatter(prog, width=max(width, 40) - 2)
