"""What ARG and ENV define, and the arguments that FROM may use."""

from __future__ import annotations

from imagelint.dockerfile.instructions import Arg, Env, From
from imagelint.dockerfile.scope import Scope
from imagelint.graph.stage import PLATFORM_ARGS
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from imagelint.dockerfile.instructions import Instruction

#: What builds take without an ARG; proxies also in capital letters.
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
_EPOCH = "SOURCE_DATE_EPOCH"


def global_scope() -> Scope:
    """The variables that FROM may use before any ARG: those that BuildKit sets by itself."""
    scope = Scope()
    for name, value in PLATFORM_ARGS.items():
        scope.put(name, value, -1)
    return scope


def define(scope: Scope, instruction: Arg | Env, place: float, inherited: Scope, given: Mapping[str, str]) -> None:
    """Define an instruction's variables; those of ENV see what was before it, those of ARG one another.

    `given` are the build's own arguments. An ARG without a default has what `inherited` has: it unsets nothing.
    """
    for number, pair in enumerate(instruction.pairs):
        value, at = pair.value, place
        if isinstance(instruction, Arg):
            at = place + number / (len(instruction.pairs) + 1)
            known = given.get(pair.key)
            if known is None and value is None:
                known = inherited.get(pair.key)
            if known is not None:
                scope.put(pair.key, known, at)
                continue
        scope.define(pair.key, value, at, escape=instruction.source.escape)


def global_arguments(instructions: Sequence[Instruction]) -> Iterator[Arg]:
    """Every ARG before the first FROM."""
    for each in instructions:
        if isinstance(each, From):
            return
        if isinstance(each, Arg):
            yield each


def unused(instructions: Sequence[Instruction], given: Iterable[str]) -> list[str]:
    """The build arguments that no ARG names, but for those that a build knows without one."""
    known = {pair.key for each in instructions if isinstance(each, Arg) for pair in each.pairs} | PLATFORM_ARGS.keys()
    return [
        name
        for name in given
        if name not in known and name.lower() not in _PROXIES and not name.startswith("BUILDKIT_") and name != _EPOCH
    ]


def defaults(instructions: Sequence[Instruction]) -> Scope:
    """The variables that FROM may use in a build that is given no arguments."""
    scope = global_scope()
    for place, arg in enumerate(global_arguments(instructions)):
        define(scope, arg, place, scope, {})
    return scope
