"""Users with high numbers, and the records that grow with them."""

from collections.abc import Iterator

from imagelint.dockerfile import edit
from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Fix, Paths
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared.cleanup import Layer, graded, persona

#: `useradd`'s short options that take a value.
_VALUED = "bcdefgkKGpPRsuZ"
_HIGH = 100_000


@rule("IL126", programs=("useradd",), blame=Paths("/var/log/lastlog", "/var/log/faillog"), aliases=("DL3046",))
def useradd_with_high_uid(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""A user with a high number makes login records of gigabytes.

    Why: `useradd` writes a record for the user into `/var/log/lastlog` and `/var/log/faillog`, at the place that its
    number says. For user 1,000,000 that is some 300 MB of zeros before it. They take no room on the disk that makes
    them, but a layer may store and unpack every one. `-l` leaves the records out.

    hadolint measures the length of the text behind `-u`, a variable's name too, and does not know `--uid`. Here the
    number counts, wherever it is written.

    ```dockerfile bad
    FROM debian:12
    RUN useradd -u 1000000 app
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN useradd -l -u 1000000 app
    ```

    ```dockerfile good
    FROM debian:12
    RUN useradd -u 1000 app
    ```
    """
    if (who := persona(run, graph, "everywhere")) is None:
        return
    layer = Layer(run, graph)
    for command in layer.commands:
        if command.name != "useradd":
            continue
        letters, values = _options(command)
        uid = layer.path(values.get("u") or values.get("--uid") or "")
        if not uid.isascii() or not uid.isdigit() or len(uid) > 10 or int(uid) < _HIGH or "l" in letters:
            continue
        if command.option("--no-log-init"):
            continue
        edits = edit.insert_behind(run, command, command.words[0], "-l")
        yield graded(
            Finding(
                command.span,
                f"a user with the number {uid} makes large login records",
                note="/var/log/lastlog and faillog have a place for every number below",
                help="`useradd -l`, or a lower number",
                fix=Fix("add `-l`", edits) if edits else None,
                aliases=None if "u" in values else (),
            ),
            who,
        )


def _options(command: Command) -> tuple[set[str], dict[str, str]]:
    """The letters of a `useradd`, and the values of those that have one."""
    letters: set[str] = set()
    values: dict[str, str] = {}
    words = iter(command.args)
    for word in words:
        value = word.value
        if value.startswith("--"):
            name, equals, rest = value.partition("=")
            values[name] = rest if equals or name != "--uid" else next((each.value for each in words), "")
        elif value.startswith("-"):
            for at, letter in enumerate(value[1:], 2):
                letters.add(letter)
                if letter in _VALUED:
                    values[letter] = value[at:] or next((each.value for each in words), "")
                    break
    return letters, values
