"""Which shell runs a shell-form instruction: the last SHELL, a pragma, or `/bin/sh -c`."""

from __future__ import annotations

import re
from bisect import bisect_left

from imagelint.dockerfile.instructions import From, Instruction, Run, Shell
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagelint.dockerfile.source import Source
    from imagelint.graph.stage import Stage

DEFAULT = ("/bin/sh", "-c")
_POSIX = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
#: hadolint's pragma: before the first FROM it is about every stage, within one about the rest of it.
_PRAGMA = r"\s*#\s*hadolint\s+shell\s*=\s*(\S+)\s*(?:#.*)?$"


class _Changes(NamedTuple):
    """The places at which a stage's shell changes, and the shells: the first one, then one for each place."""

    places: list[float]
    shells: list[tuple[str, ...]]


class Shells:
    """The shells of every stage of a graph, by the place of an instruction in the file."""

    def __init__(self, parts: Sequence[Stage], source: Source, place: Mapping[Instruction, int]) -> None:
        self._stages: dict[int, _Changes] = {}
        outer: tuple[str, ...] = DEFAULT
        for stage in parts:
            changes = _Changes([], [self._stages[stage.base.index].shells[-1] if stage.base else outer])
            for each in (stage.from_, *stage.instructions):
                # A pragma stands in a comment above the instruction, so that it holds from that instruction on.
                for number in each.line.lead if isinstance(each, From) or stage.index >= 0 else ():
                    if found := re.match(_PRAGMA, source.index.line_text(number)):
                        changes.places.append(place[each] - 0.5)
                        changes.shells.append((found[1],))
                        if isinstance(each, From) and place[each] == place[parts[0].from_]:
                            outer = (found[1],)
                if isinstance(each, Shell) and each.json:
                    changes.places.append(place[each])
                    changes.shells.append(tuple(word.value for word in each.json))
            self._stages[stage.index] = changes

    def at(self, stage: Stage, place: int) -> tuple[str, ...]:
        """The shell just before a place."""
        changes = self._stages[stage.index]
        return changes.shells[bisect_left(changes.places, place)]


def is_posix(shell: tuple[str, ...], run: Run) -> bool:
    """Whether a RUN's script is for a POSIX shell, so that its commands can be told."""
    if run.json is not None:
        return True
    program = shell[0].replace("\\", "/").rpartition("/")[2].lower() if shell else "sh"
    return program.removesuffix(".exe") in _POSIX
