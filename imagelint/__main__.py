"""`python -m imagelint` and the `imagelint` command."""

import sys


def main() -> int:
    """Run the command line; returns the exit status."""
    from imagelint.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
