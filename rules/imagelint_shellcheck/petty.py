"""Which of ShellCheck's findings the maintainer of a Dockerfile would shrug at: those become opinions."""

from __future__ import annotations

import re

from imagelint.finding import Severity
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from imagelint.dockerfile.instructions import Run
    from imagelint.graph import BuildGraph
    from imagelint.text import Span

#: An `echo` whose escapes are expanded by one shell and not by another is told to everybody: it writes wrong files.
_ECHO_ESCAPES = 2028
#: Warnings about what is harmless where files, variables and arguments are those of a build: the other half of a
#: syntax error, loops over one item, names of files without blanks, `$(nproc)` without quotes, `rm -rf $DIR/*`.
_HARMLESS = frozenset({1009, 1073, 2043, 2045, 2046, 2115, 2166})
_EMPTY_ASSIGNMENT = 1007
_UNASSIGNED = 2154
_MASKED_STATUS = 2155
#: Commands whose status may be masked: they do not fail.
_CANNOT_FAIL = r"\w+=[\"']?(?:\$\(|`)\s*(?:mktemp|nproc|uname|arch|date|pwd|id|dpkg --print|apk --print|getconf)\b"
#: Where the checks begin that are about other shells than the one that is named.
_PORTABILITY = 3000
#: What dash knows, though POSIX does not have it: `local`, and `echo -n`.
_IN_DASH = frozenset({3043})
#: Images of Docker Hub without a namespace whose `sh` is no dash.
_OTHER_SHELLS = (
    r"(?:alma|amazon|arch|bash|busybox|centos|clear|fedora|mageia|oracle|photon|rocky)|.*(?:alpine|amazonlinux)"
)
#: How many stages are looked through to the image that a script runs in.
_MAX_BASES = 16


def petty(code: int, severity: Severity, message: str, span: Span, run: Run, graph: BuildGraph) -> bool:
    """Whether a finding of ShellCheck is an opinion."""
    text = run.source.text
    if code in _HARMLESS or (severity in (Severity.INFO, Severity.STYLE) and code != _ECHO_ESCAPES):
        return True
    if code == _EMPTY_ASSIGNMENT:  # `A= B=c`: both are meant
        return re.compile(r"[ \t]+(?:[A-Za-z_]\w*=|&&|;)").match(text, span.start) is not None
    if code == _UNASSIGNED:  # `packages='…' set -x` assigns, for `set` is a special builtin
        name = re.match(r"[A-Za-z_]\w*", message)
        return name is not None and re.search(rf"\b{name[0]}=", run.script.text.text) is not None
    if code == _MASKED_STATUS:
        return re.compile(_CANNOT_FAIL).match(text, span.start) is not None
    if code >= _PORTABILITY:
        return code in _IN_DASH or not _dash(run, graph) or text[span.start : span.end] == "-n"
    return False


def _dash(run: Run, graph: BuildGraph) -> bool:
    """Whether a script runs in dash, for all that is known: in an official image that is based on Debian."""
    stage = graph.stage_of(run)
    for _ in range(_MAX_BASES):
        if stage is None or stage.base is None:
            break
        stage = stage.base
    image = stage.image.removeprefix("docker.io/").removeprefix("library/") if stage is not None else ""
    return bool(image) and "/" not in image.partition("@")[0] and re.match(_OTHER_SHELLS, image) is None
