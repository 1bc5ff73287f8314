"""`python -m imagelint` and the `imagelint` command."""

import gc
import os
import sys


def main() -> int:
    """Run the command line; returns the exit status."""
    gc.disable()  # what is imported stays, and looking for garbage in it takes its time
    from imagelint.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    # `python -m` looks for modules in the working folder first, and that may be a stranger's repository.
    if sys.path and os.path.realpath(sys.path[0]) == os.path.realpath(os.getcwd()) and not sys.flags.safe_path:
        del sys.path[0]
    sys.exit(main())
