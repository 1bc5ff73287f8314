"""`python -m imagelint` and the `imagelint` command."""

import gc
import os
import sys


def main() -> int:
    """Run the command line; returns the exit status."""
    # What is made at start-up stays until the end: looking through it again and again would find nothing to free.
    gc.set_threshold(2_000_000, 20, 20)
    try:
        from imagelint.cli import main as run
        from imagelint.cli.signals import end_in_order

        end_in_order()
        return run(sys.argv[1:])
    except KeyboardInterrupt:  # while it still starts; `run` says so itself
        print("imagelint: interrupted", file=sys.stderr)
        return 130


def _leave_working_folder() -> None:
    """Take the working folder off the path, where `python -m` has put it: it may be a stranger's repository."""
    try:
        first, here = os.path.realpath(sys.path[0]), os.path.realpath(os.getcwd())
    except (IndexError, OSError):
        return
    if first == here and not sys.flags.safe_path:
        del sys.path[0]


if __name__ == "__main__":
    _leave_working_folder()
    sys.exit(main())
