"""What instructions store where, and which of it a path of a later instruction means."""

from __future__ import annotations

import posixpath
import re

from imagelint.dockerfile.instructions import Add, Copy
from imagelint.dockerfile.words import SubstitutionError
from imagelint.records import TYPE_CHECKING, NamedTuple
from imagelint_rules.shared import managers
from imagelint_rules.shared.values import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.instructions import Instruction, Run, Workdir
    from imagelint.dockerfile.shell import Command
    from imagelint.graph import BuildGraph
    from imagelint.text import Span

#: The folder that a base image starts in, where nothing says which one it is. No real path has a NUL.
UNKNOWN = "/\0"
#: What a stored path is: a folder with whatever is in it, a file that may be large, a small one; or it cannot be told.
TREE, FILE, SMALL, EITHER = "tree", "file", "small", "either"
#: Suffixes of what ADD unpacks, or hadolint believes that it does.
ARCHIVES = (
    ".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".Z", ".bz2", ".gz", ".lz", ".lzma", ".tZ", ".tb2", ".tbz",
    ".tbz2", ".tgz", ".tlz", ".tpz", ".txz", ".xz",
)  # fmt: skip
_LARGE = (
    *ARCHIVES, ".zip", ".zst", ".7z", ".deb", ".rpm", ".apk", ".jar", ".war", ".ear", ".whl", ".iso", ".img", ".bin",
    ".so", ".exe", ".dll", ".run", ".db", ".sqlite", ".sqlite3", ".pt", ".pth", ".onnx", ".h5", ".pkl", ".gguf",
    ".safetensors", ".msi", ".dmg", ".mmdb", ".node", ".phar",
)  # fmt: skip
#: Folders that hold programs: what has no suffix there is no folder.
_PROGRAMS = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/", "/opt/bin/")
_REMOTE = r"(?i)(?:https?|ftp|git|ssh)://|git@"
_GLOB = r"[*?\[]"
#: Characters of a word that stand for what the file does not say.
_UNTOLD = frozenset("$`~{\0")
#: Folders that many hands fill: that a path is in one of them does not say who put it there.
_SHARED = frozenset(
    "/ /bin /etc /home /lib /lib64 /media /mnt /opt /root /run /sbin /srv /tmp /usr /usr/bin /usr/lib /usr/local"
    " /usr/local/bin /usr/local/lib /usr/local/sbin /usr/local/share /usr/sbin /usr/share /var"
    " /var/lib /var/tmp".split()
)
_GIT_VALUED = frozenset({"-b", "--branch", "--depth", "-c", "--config", "-o", "--origin", "-j", "--jobs", "--filter"})
_UNPACKERS = frozenset("unzip gunzip bunzip2 unlzma unxz zgz uncompress zcat gzcat unar 7z".split())
#: The programs that `_stores` knows, but for python.
_STORING = frozenset("bsdtar bun composer curl git npm pnpm tar unzip wget yarn".split())
_MAX_DEPTH = 32
#: No path is longer, as Linux has it.
_MAX_PATH = 4096
#: So many of the things that are stored below a folder are remembered; a finding names three.
_REMEMBERED = 16
_MAX_SOURCES = 64


class Stored(NamedTuple):
    """Something that an instruction stores: where, what it is, and the words that do it."""

    instruction: Instruction
    span: Span
    path: str
    kind: str


class Index:
    """What has been stored so far, by where it is. A lookup costs the depth of its path, and no more."""

    def __init__(self) -> None:
        self._at: dict[str, list[Stored]] = {}
        self._below: dict[str, list[Stored]] = {}
        self._gone: set[Stored] = set()

    def add(self, stored: Stored) -> None:
        """Remember something stored; what is too deep to be real is not."""
        if stored.path.count("/") > _MAX_DEPTH:
            return
        above = list(_parents(stored.path))
        for known in (self._at.setdefault(stored.path, []), *(self._below.setdefault(each, []) for each in above)):
            if len(known) < _REMEMBERED:
                known.append(stored)

    def covered(self, path: str) -> list[Stored]:
        """What is stored at a path and below it; the path may end in a pattern."""
        glob = re.search(_GLOB, path)
        if glob is None:
            found = [*self._at.get(path, ()), *self._below.get(path, ())]
        else:
            folder = path[: glob.start()].rpartition("/")[0] or "/"
            found = self._below.get(folder, [])
            if found and path[len(folder) :].strip("/") != "*":
                found = _matching(found, path)
        return [each for each in dict.fromkeys(found) if each not in self._gone]

    def holding(self, path: str) -> list[Stored]:
        """The folder that something stored, and that a path lies in."""
        glob = re.search(_GLOB, path)
        path = path[: glob.start()].rpartition("/")[0] + "/x" if glob else path
        for above in _parents(path):
            if above in _SHARED or above == UNKNOWN:
                break
            found = [each for each in self._at.get(above, ()) if each.kind in (TREE, EITHER) and each not in self._gone]
            if found:
                return found
        return []

    def forget(self, stored: list[Stored]) -> None:
        """These are not there any more."""
        self._gone.update(stored)


def _parents(path: str) -> Iterator[str]:
    """The folders above a path, from the nearest on."""
    while path not in ("/", ""):
        path = path.rpartition("/")[0] or "/"
        yield path


def _matching(found: list[Stored], path: str) -> list[Stored]:
    from imagelint.dockerfile.globs import Glob

    try:
        glob = Glob(path)
    except ValueError:
        return []
    return [each for each in found if glob.matches(each.path)]


def shell_path(text: str, folder: str | None, run: Run, graph: BuildGraph) -> str | None:
    """The absolute path that a word of a RUN is; None where the file cannot say."""
    if "$" in text:
        unknown = False

        def value(found: re.Match[str]) -> str:
            nonlocal unknown
            known = graph.variable(run, found[1] or found[2])
            unknown = unknown or known is None
            return known or ""

        text = re.sub(r"\$(?:\{(\w+)\}|(\w+))", value, text)
        if unknown:
            return None
    if text.startswith("~/"):
        text = "/root" + text[1:]
    return _absolute(text, folder)


def _absolute(text: str, folder: str | None) -> str | None:
    if not text or len(text) > _MAX_PATH or not _UNTOLD.isdisjoint(text):
        return None
    if not text.startswith("/"):
        # What `..` of an unknown folder is, nobody knows.
        if folder is None or (folder.startswith(UNKNOWN) and ".." in text):
            return None
        text = f"{folder}/{text}"
        if len(text) > _MAX_PATH:
            return None
    return "/" + posixpath.normpath(text).lstrip("/")


def expanded(text: str, instruction: Instruction, graph: BuildGraph) -> str | None:
    """A word of COPY, ADD or WORKDIR expanded; None where the file cannot say."""
    try:
        return value_of(text, instruction, graph)
    except SubstitutionError:
        return None


def changed_folder(folder: str | None, workdir: Workdir, graph: BuildGraph) -> str | None:
    """The working directory behind a WORKDIR."""
    text = expanded(workdir.arguments, workdir, graph)
    return None if text is None else _absolute(text, folder)


def destination(transfer: Copy | Add, folder: str | None, graph: BuildGraph) -> str | None:
    """The absolute path of a COPY's destination; None where the file cannot say."""
    word = transfer.destination
    text = expanded(word.value, transfer, graph) if word else None
    return None if text is None else _absolute(text, folder)


def by_transfer(transfer: Copy | Add, folder: str | None, graph: BuildGraph) -> Iterator[Stored]:
    """What a COPY or ADD stores."""
    target = destination(transfer, folder, graph)
    if target is None or transfer.destination is None:
        return
    written = expanded(transfer.destination.value, transfer, graph) or ""
    inside = len(transfer.sources) > 1 or written.endswith(("/", "."))
    span = transfer.span
    for word in transfer.sources[:_MAX_SOURCES]:
        source = (expanded(word.value, transfer, graph) or word.value).rstrip("/") or "."
        name = re.split(r"[/\\]", source)[-1]
        kind = TREE if word.value.endswith("/") else kind_of(name)
        if word.value.startswith("<<"):
            kind = SMALL
        elif isinstance(transfer, Add):
            # Of what is downloaded only a script's name says that it is small.
            kind = (
                (kind if kind is SMALL else FILE) if re.match(_REMOTE, source) else TREE if is_archive(name) else kind
            )
        elif transfer.from_ is not None and kind is EITHER and f"{target.rstrip('/')}/".startswith(_PROGRAMS):
            kind = FILE
        if not inside or kind is TREE:
            suffixed = not inside and kind in (FILE, SMALL) and kind_of(name) is not EITHER
            if suffixed and kind_of(target.rpartition("/")[2]) is EITHER and not target.startswith(_PROGRAMS):
                # A file with a suffix, copied to a name without one: that may well be a folder.
                yield Stored(transfer, span, f"{target.rstrip('/')}/{name}", kind)
                kind = EITHER if kind is FILE else SMALL
            yield Stored(transfer, span, target, kind)
            continue
        yield Stored(transfer, span, f"{target.rstrip('/')}/{name}", kind)
        if kind is EITHER or (isinstance(transfer, Copy) and transfer.from_ is not None and "." not in name):
            # If it is a folder, what is in it goes there.
            yield Stored(transfer, span, target, EITHER)


def kind_of(name: str) -> str:
    """What a path seems to be by its last component."""
    if name in (".", "..", "") or re.search(_GLOB, name):
        return TREE
    if name.endswith(_LARGE):
        return FILE
    return SMALL if re.search(r".\.[A-Za-z]\w*$", name) or name.startswith(".") else EITHER


def is_archive(name: str) -> bool:
    """Whether a name has the suffix of an archive that ADD unpacks."""
    return name.endswith(ARCHIVES)


def stores(program: str) -> bool:
    """Whether a program is one of those that `by_command` knows."""
    return program in _STORING or program.startswith("python")


def by_command(command: Command, folder: str | None, run: Run, graph: BuildGraph) -> list[Stored]:
    """What a command of a RUN is seen to store: a download, a clone, an unpacked archive, installed dependencies."""
    return [
        Stored(run, command.span, path, kind)
        for text, kind in _stores(command)
        if (path := shell_path(text, folder, run, graph)) is not None and not is_mounted(run, path)
    ]


def _stores(command: Command) -> Iterator[tuple[str, str]]:
    words = [word.value for word in command.args]
    match command.name:
        case "wget":
            yield from _download(words, ("-O", "--output-document"), remote_name=True)
        case "curl":
            names = command.option("-O", "--remote-name", "--remote-name-all")
            yield from _download(words, ("-o", "--output"), remote_name=names)
        case "git" if words[:1] == ["clone"]:
            operands = [word.value for word in command.operands(_GIT_VALUED)][1:]
            if operands:
                name = operands[0].rstrip("/").rpartition("/")[2].removesuffix(".git")
                yield (operands[1] if len(operands) > 1 else name), TREE
        case "tar" | "bsdtar":
            folder = _valued(words, "-C", "--directory")
            if folder is not None and unpacks(command):
                yield folder, TREE
        case "unzip":
            folder = _valued(words, "-d", "-d")
            if folder is not None:
                yield folder, TREE
        case "npm" | "yarn" | "pnpm" | "bun":
            subcommand = next((word for word in words if not word.startswith("-")), "")
            installs = managers.npm_install(command) or subcommand in ("install", "i") or words == []
            if installs and not command.option("-g", "--global"):
                yield "node_modules", TREE
        case "composer" if "install" in words:
            yield "vendor", TREE
        case name if name.startswith("python"):
            if re.fullmatch(r"python[\d.]*", name) and words[:2] == ["-m", "venv"] and len(words) > 2:
                yield words[-1], TREE


def _download(words: list[str], outputs: tuple[str, str], *, remote_name: bool) -> Iterator[tuple[str, str]]:
    output = _valued(words, *outputs)
    if output is not None:
        if output not in ("-", "/dev/null", "/dev/stdout"):
            yield output, FILE
    elif remote_name:
        folder = _valued(words, "-P", "--directory-prefix")
        for word in words:
            name = word.rpartition("/")[2].partition("?")[0]
            if re.match(_REMOTE, word) and name:
                yield (f"{folder}/{name}" if folder else name), FILE


def _valued(words: list[str], short: str, long: str) -> str | None:
    """The value of an option: `--name value`, `--name=value`, `-n value`, `-nvalue`, or at the end of more letters."""
    for at, word in enumerate(words):
        if word.startswith(long + "="):
            return word[len(long) + 1 :]
        found = re.match(rf"-[A-Za-z]*?{short[1]}(.*)", word)
        if word == long or found:
            return found[1] if found and found[1] else next(iter(words[at + 1 : at + 2]), None)
    return None


def unpacks(command: Command) -> bool:
    """Whether a command unpacks or uncompresses what it names."""
    if command.name in ("tar", "bsdtar"):
        first = command.args[0].value if command.args else ""
        bundled = re.fullmatch(r"[A-Za-z]+", first) is not None and "x" in first
        return bundled or command.option("-x", "--extract", "--get")
    return command.name in _UNPACKERS


def is_mounted(run: Run, path: str) -> bool:
    """Whether a path lies in something that is mounted, so that the layer does not hold it."""
    return any(
        (target := mount.get("target", "").rstrip("/")) and (path + "/").startswith(target + "/")
        for mount in run.mounts
    )
