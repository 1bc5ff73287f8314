"""Ports in forms that say more than EXPOSE means."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Expose
from imagelint.dockerfile.syntax import Word
from imagelint.dockerfile.words import SubstitutionError
from imagelint.finding import Finding, Fix, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint.text import Edit
from imagelint_rules.shared import onbuild
from imagelint_rules.shared.values import value_of

_METADATA = Unpriced("ports are metadata and take no bytes")
#: `[ip:][host:]port[/protocol]`, each port a number or a range; other forms end the build, and are IL006's.
_PORT = r"(?:(?P<host>(?:\[[^\]]*\]|[^:\[\]]*):(?:[\d-]*:)?))?(?P<port>\d+(?:-\d+)?)(?:/(?P<protocol>[A-Za-z]+))?"
_PROTOCOLS = ("tcp", "udp", "sctp")


def _ports(expose: Expose, graph: BuildGraph) -> Iterator[tuple[Word, str, re.Match[str]]]:
    """The ports that EXPOSE names, variables replaced where they are known."""
    for word in expose.words:
        try:
            value = value_of(word.value, expose, graph)
        except SubstitutionError:
            continue
        for port in (value or "").split():
            found = re.fullmatch(_PORT, port, re.ASCII)
            if found and (found["protocol"] or "tcp").lower() in _PROTOCOLS:
                yield word, port, found


def _fix(title: str, expose: Expose, word: Word, port: str, better: str) -> Fix | None:
    """Write a port in another way, where it stands in the file as it is."""
    if word.value != port or not expose.line.joined.contiguous(word.start, word.end):
        return None
    return Fix(title, (Edit(expose.span_of(word), better),))


@rule("IL705", blame=_METADATA, aliases=("ExposeProtoCasing",))
def expose_protocol_casing(expose: Expose, graph: BuildGraph) -> Iterator[Finding]:
    """EXPOSE writes a protocol in capital letters.

    Why: the protocol ends up in the image's configuration, where other tools compare it by its letters and expect
    small ones.

    ```dockerfile bad
    FROM debian:12
    EXPOSE 53/UDP
    ```

    ```dockerfile fixed
    FROM debian:12
    EXPOSE 53/udp
    ```

    ```dockerfile good
    FROM debian:12
    EXPOSE 53/udp 80
    ```
    """
    for word, port, found in _ports(expose, graph):
        protocol = found["protocol"] or ""
        if protocol != protocol.lower():
            better = port[: found.start("protocol")] + protocol.lower()
            yield Finding(
                expose.span_of(word),
                f"the protocol in {port[:60]} is not in small letters",
                help=f"write /{protocol.lower()}",
                fix=_fix(f"write /{protocol.lower()}", expose, word, port, better),
                aliases=onbuild.seen(expose, graph, "ExposeProtoCasing"),
            )


@rule("IL706", blame=_METADATA, aliases=("ExposeInvalidFormat",))
def expose_host_mapping(expose: Expose, graph: BuildGraph) -> Iterator[Finding]:
    """EXPOSE names an address or a port of the host.

    Why: EXPOSE only notes which port the container listens on. Which address and port of the host lead to it is said
    when the container is started (`docker run -p 8080:80`); in EXPOSE that part is passed over in silence.

    ```dockerfile bad
    FROM debian:12
    EXPOSE 127.0.0.1:8080:80
    ```

    ```dockerfile fixed
    FROM debian:12
    EXPOSE 80
    ```

    ```dockerfile good
    FROM debian:12
    EXPOSE 80
    ```
    """
    for word, port, found in _ports(expose, graph):
        if found["host"] is not None:
            better = port[found.end("host") :]
            yield Finding(
                expose.span_of(word),
                f"EXPOSE {port[:60]} exposes {better[:60]}: what it says of the host means nothing",
                help="say the container's port alone, and map it with `docker run -p`",
                fix=_fix("leave the part of the host out", expose, word, port, better),
                aliases=onbuild.seen(expose, graph, "ExposeInvalidFormat"),
            )
