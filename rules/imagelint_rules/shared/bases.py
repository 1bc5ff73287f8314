"""What rules about FROM share: which fault a base image's name has, and what a platform is."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice, product

from imagelint.dockerfile.instructions import Flag, From
from imagelint.dockerfile.reference import is_reference
from imagelint.dockerfile.syntax import Word
from imagelint.dockerfile.words import SubstitutionError, expand, variables
from imagelint.graph import PLATFORM_ARGS, BuildGraph
from imagelint.text import Span

#: What a variable could hold, so that the name around it may be right: a word, a tag, a digest with and without kind.
_STAND_INS = ("x", ":x", "sha256:" + "0" * 64, "0" * 64)
_SYSTEMS = frozenset(
    "aix android darwin dragonfly freebsd hurd illumos ios js linux macos nacl netbsd openbsd plan9 solaris wasip1"
    " windows zos".split()
)
_MACHINES = {
    "aarch64": "arm64", "armel": "arm", "armhf": "arm", "i386": "386", "x86-64": "amd64", "x86_64": "amd64",
    **{name: name for name in (
        "386", "amd64", "amd64p32", "arm", "arm64", "arm64be", "armbe", "loong64", "mips", "mips64", "mips64le",
        "mips64p32", "mips64p32le", "mipsle", "ppc", "ppc64", "ppc64le", "riscv", "riscv64", "s390", "s390x", "sparc",
        "sparc64", "wasm",
    )},
}  # fmt: skip
#: Instructions of a file in which similar names are looked for, and how many names are looked at.
_LONG = 500
_CANDIDATES = 48
_PLATFORM = r"([A-Za-z0-9_.-]+)(?:\([^()]*\))?(?:/([A-Za-z0-9_.-]+))?(?:/[A-Za-z0-9_.-]+)?"


@lru_cache(maxsize=1)  # three rules ask, one after the other
def fault(from_: From, graph: BuildGraph) -> tuple[str, str]:
    """What makes a base image's name none, and what the name comes to.

    `constant`: the text itself, whatever its variables hold; `undeclared`: a variable that no ARG declares for FROM;
    `default`: an ARG whose default, or lack of one, gives no name; `given`: an argument that the build is given;
    `required`: an ARG that `${x:?}` demands; `stage`: it names a stage, which only BuildKit's check takes for an image.
    Empty where nothing is wrong.
    """
    text, escape = from_.image.value, from_.source.escape
    stage = graph.stage_of(from_)
    try:
        image = expand(text, graph.globals.at(), escape=escape)
        default = expand(text, graph.defaults.at(), escape=escape) if graph.context.build_args else image
    except SubstitutionError:
        return _required(from_, graph), ""
    if is_reference(default):
        built = is_reference(image) or (stage is not None and stage.base is not None)
        return ("", image) if built else ("given", image)
    names = list(dict.fromkeys(variables(text, escape=escape)))
    if not names and stage is not None and stage.base is not None:
        return "stage", image
    if not _may_be(text, names, escape):
        return "constant", image
    return ("undeclared" if undeclared(names, graph) else "default"), image


def _required(from_: From, graph: BuildGraph) -> str:
    """Whose fault it is that the name cannot be expanded; nobody's here where no value would help."""
    names = variables(from_.image.value, escape=from_.source.escape)
    try:
        expand(from_.image.value, dict.fromkeys(names, "x"), escape=from_.source.escape)
    except SubstitutionError:
        return ""
    return "undeclared" if undeclared(names, graph) else "required"


def _may_be(text: str, names: list[str], escape: str) -> bool:
    """Whether the text is an image's name for some values of its variables."""
    if len(names) > 2:
        return True
    for values in product(_STAND_INS, repeat=len(names)):
        try:
            if is_reference(expand(text, dict(zip(names, values, strict=True)), escape=escape)):
                return True
        except SubstitutionError:
            return True
    return False


def undeclared(names: list[str], graph: BuildGraph) -> list[str]:
    """Those of the variables in a FROM that no ARG before the first FROM declares, nor BuildKit itself."""
    return [name for name in names if name not in graph.declared and name not in PLATFORM_ARGS]


def unset(names: list[str], graph: BuildGraph) -> list[str]:
    """Those of the variables in a FROM that have no value, or an empty one."""
    return [name for name in names if not graph.globals.get(name)]


def resolved_image(from_: From, graph: BuildGraph) -> str | None:
    """The image that FROM names, variables expanded; None for a stage, `scratch`, and what is no image's name."""
    stage = graph.stage_of(from_)
    if stage is None or stage.base is not None or stage.image == "scratch" or not is_reference(stage.image):
        return None
    return stage.image


def shown(image: str, from_: From) -> str:
    """An image as a message names it: with the words of the file, where those are others."""
    image, written = _cut(image), _cut(from_.image.value)
    return image if image == written else f"{image} ({written})"


def _cut(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"


def platform_flag(from_: From) -> Flag | None:
    """`--platform` with a value."""
    flag = from_.flag("platform")
    return flag if flag is not None and flag.value else None


def platform_of(text: str) -> tuple[str, str] | None:
    """System and architecture of a platform; where it names one of them alone, the other is the common one."""
    found = re.fullmatch(_PLATFORM, text, re.ASCII)
    if not found:
        return None
    first, machine = found[1].lower(), (found[2] or "").lower()
    if not machine:
        if first in _SYSTEMS:
            return first, "amd64"
        return ("linux", _MACHINES[first]) if first in _MACHINES else None
    return ("darwin" if first == "macos" else first), _MACHINES.get(machine, machine)


def resolved_platform(from_: From, graph: BuildGraph) -> tuple[str, str] | None:
    """The platform that FROM asks for, variables expanded; None where it is none."""
    flag = platform_flag(from_)
    if flag is None or flag.value is None:
        return None
    try:
        return platform_of(expand(flag.value, graph.globals.at(), escape=from_.source.escape))
    except SubstitutionError:
        return None


def similar(name: str, known: Iterable[str], graph: BuildGraph) -> str | None:
    """The known name that a misspelt one is closest to; none in a file so long that looking would take its time."""
    if len(graph.dockerfile.instructions) > _LONG:
        return None
    import difflib  # only for files with a finding

    candidates = [each for each in islice(known, _CANDIDATES) if len(each) < 60]
    return next(iter(difflib.get_close_matches(name[:60], candidates, n=1, cutoff=0.7)), None)


def span_of_variable(from_: From, word: Word, name: str) -> Span:
    """Where a variable stands in a word of FROM; the whole word where that cannot be told."""
    found = re.compile(rf"\$\{{?{re.escape(name)}(?![0-9A-Za-z_])\}}?").search(from_.joined, word.start, word.end)
    return from_.line.joined.span(found.start(), found.end()) if found else from_.span_of(word)
