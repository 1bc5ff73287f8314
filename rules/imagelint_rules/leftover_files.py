"""Files that a RUN downloads, uses once and leaves in its layer."""

from collections.abc import Callable, Iterator

from imagelint.dockerfile.instructions import Run
from imagelint.dockerfile.shell import Command
from imagelint.finding import Finding, Fix, Paths, Persona, Related, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule
from imagelint_rules.shared import managers, placed
from imagelint_rules.shared.cleanup import Layer, persona
from imagelint_rules.shared.placed import Placed, Places

_DOWNLOADS = frozenset({"wget", "curl"})
_PACKERS = ("tar", "7z", "7za", "7zr")
_UNPACKERS = frozenset("unzip unrar bsdtar jar cabextract unsquashfs".split())
#: What puts the unpacked file in the packed one's place, unless it is told to keep it.
_REPLACES = frozenset("gunzip bunzip2 unxz unlzma unzstd gzip bzip2 xz".split())
_MOVES = frozenset({"mv", "install", "ln", "cp"})
_INSTALLERS = (".sh", ".run", ".bin", ".bash", ".py")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_PACKAGES = (".deb", ".rpm", ".apk")
_VERIFIERS = ("gpg", "gpg2", "gpgv", "minisign")
_SIGNATURES = (".asc", ".sig", ".sign", ".minisig")
#: A RUN that downloads more files than this is not looked at any further.
_MOST = 32
_NAMED = 4
_UNTOLD = Unpriced("the file's name cannot be told from the text")


@rule("IL121", programs=(*_PACKERS, *_UNPACKERS, *_REPLACES), blame=_UNTOLD)
def archive_kept_after_unpacking(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""A downloaded archive stays in the layer beside what was unpacked from it.

    Why: once it is unpacked nobody needs the archive, and a `rm` in a later RUN takes no byte away. Remove it in the
    same RUN, or never store it: `curl … | tar xz`.

    ```dockerfile bad
    FROM debian:12
    RUN curl -fsSLo /tmp/x.tar.gz https://example.org/x.tar.gz && tar -xzf /tmp/x.tar.gz -C /opt
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN curl -fsSLo /tmp/x.tar.gz https://example.org/x.tar.gz && tar -xzf /tmp/x.tar.gz -C /opt \
        && rm /tmp/x.tar.gz
    ```

    ```dockerfile good
    FROM debian:12
    RUN curl -fsSL https://example.org/x.tar.gz | tar -xz -C /opt
    ```
    """
    yield from _kept(run, graph, _unpacks, "is unpacked, and stays in this layer", "unpacked here")


@rule("IL124", programs=_VERIFIERS, blame=_UNTOLD, severity=Severity.STYLE, persona=Persona.PEDANTIC)
def signature_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""A signature stays in the layer after what it signs was verified.

    Why: it is small, but nobody will look at it again, and who finds it wonders what it belongs to.

    ```dockerfile bad
    FROM debian:12
    RUN wget https://example.org/x.asc && gpg --verify x.asc /opt/x
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN wget https://example.org/x.asc && gpg --verify x.asc /opt/x \
        && rm x.asc
    ```

    ```dockerfile good
    FROM debian:12
    RUN wget https://example.org/x.asc && gpg --verify x.asc /opt/x && rm x.asc
    ```
    """
    yield from _kept(run, graph, _verifies, "is verified with, and stays in this layer", "used here", _SIGNATURES)


@rule("IL127", programs=_DOWNLOADS, blame=_UNTOLD)
def installer_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""A downloaded installer stays in the layer after it has run.

    Why: an installer often holds all that it installs, so that it is in the layer twice. Remove it in the same RUN.

    ```dockerfile bad
    FROM debian:12
    RUN wget https://example.org/Miniforge3.sh && bash Miniforge3.sh -b -p /opt/conda
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN wget https://example.org/Miniforge3.sh && bash Miniforge3.sh -b -p /opt/conda \
        && rm Miniforge3.sh
    ```

    ```dockerfile good
    FROM debian:12
    RUN wget https://example.org/Miniforge3.sh && bash Miniforge3.sh -b -p /opt/conda && rm Miniforge3.sh
    ```
    """
    yield from _kept(run, graph, _runs, "is run once, and stays in this layer", "run here", _INSTALLERS)


@rule("IL128", programs=("dpkg", "gdebi", "rpm", *managers.SYSTEM), blame=_UNTOLD)
def package_file_kept(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    r"""A downloaded package stays in the layer after it was installed.

    Why: what it holds is installed, so that it is in the layer twice. Remove it in the same RUN.

    ```dockerfile bad
    FROM debian:12
    RUN curl -fsSLO https://example.org/x.deb && dpkg -i x.deb
    ```

    ```dockerfile fixed
    FROM debian:12
    RUN curl -fsSLO https://example.org/x.deb && dpkg -i x.deb \
        && rm x.deb
    ```

    ```dockerfile good
    FROM debian:12
    RUN curl -fsSLO https://example.org/x.deb && dpkg -i x.deb && rm x.deb
    ```
    """
    yield from _kept(run, graph, _installs, "is installed, and stays in this layer", "installed here", _PACKAGES)


def _kept(
    run: Run,
    graph: BuildGraph,
    uses: Callable[[Command, Placed], bool],
    what: str,
    where: str,
    endings: tuple[str, ...] = ("",),
) -> Iterator[Finding]:
    """The downloaded files that a command of the same RUN uses up, and that none removes."""
    if run.programs.isdisjoint(_DOWNLOADS) or persona(run, graph) is None:
        return
    layer = Layer(run, graph)
    places = Places(layer)
    files: dict[str, Placed] = {}
    used: dict[str, Command] = {}
    folders: dict[str, str | None] = {}
    for command in layer.commands:
        if places.enter(command):
            continue
        if files:
            gone = places.removals(command)
            for name in [each for each, file in files.items() if any(placed.takes(part, file) for part in gone)]:
                del files[name]
                used.pop(name, None)
            for file in placed.named(command, files):
                if _moves(command):
                    del files[file.name]
                    used.pop(file.name, None)
                elif uses(command, file):
                    used.setdefault(file.name, command)
        for file in placed.downloads(places, command):
            if len(files) < _MOST and file.name.endswith(endings) and not layer.mounted((file.path,)):
                files[file.name], folders[file.name] = file, places.folder
                used.pop(file.name, None)
    # What one command uses up, such as `dpkg -i *.deb`, is one finding.
    groups: dict[Command, list[Placed]] = {}
    for name, command in used.items():
        groups.setdefault(command, []).append(files[name])
    for command, group in groups.items():
        first, *others = group
        patterns = [placed.glob(file.word if "$" in file.path else file.path) for file in group]
        moved = any(places.folder != folders[file.name] for file in group)
        yield Finding(
            first.command.span,
            f"{first.name} {what}" + (f", and so do {len(others)} more" if len(others) > 1 else ""),
            note="what a later layer removes is hidden, but stays stored and is pulled with the image",
            help=f"end the same RUN with `{_removal(group)}`",
            related=(
                Related(command.span, where),
                *(Related(file.command.span, f"{file.name} too") for file in others[:_NAMED]),
            ),
            fix=_fix(layer, group, command, moved=moved),
            blame=Paths(*(each for each in patterns if each)) if all(patterns) else None,
        )


def _removal(group: list[Placed]) -> str:
    """The command that removes files, as the help shows it."""
    return " ".join(["rm", *(file.word for file in group[:_NAMED]), *(["…"] if len(group) > _NAMED else [])])


def _fix(layer: Layer, group: list[Placed], use: Command, *, moved: bool) -> Fix | None:
    """Remove the files at the end of the RUN, where their names still mean them and nothing below speaks of them."""
    words = [placed.quoted(file.word) for file in group]
    if not all(words) or any(placed.spoken_of(file.name, layer.run) for file in group):
        return None
    if moved and not all(file.word.startswith("/") for file in group):
        return None
    what = group[0].name if len(group) == 1 else f"{len(group)} files"
    command = f"rm {' '.join(word for word in words if word)}"
    return layer.ending(command, f"remove {what} at the end of this RUN", [*(file.command for file in group), use])


def _moves(command: Command) -> bool:
    """Whether a command gives files other names, or replaces them by others."""
    if command.name in _REPLACES:
        return not command.option("-k", "-c", "--keep", "--stdout", "-t")
    return command.name in _MOVES


def _unpacks(command: Command, _: Placed) -> bool:
    name = command.name
    if name == "tar":
        first = command.args[0].value if command.args else ""
        return command.option("--extract", "--get", "-x") or ("x" in first and not first.startswith("-"))
    if name in _PACKERS:
        return managers.subcommand(command) in ("x", "e")
    return name in _UNPACKERS or name in _REPLACES


def _verifies(command: Command, _: Placed) -> bool:
    return command.name in _VERIFIERS and command.has("--verify", "-V", "-Vm")


def _runs(command: Command, file: Placed) -> bool:
    if command.name in _SHELLS or command.name.startswith("python"):
        script = next((word.value for word in command.args if not word.value.startswith("-")), "")
        return placed.last_name(script) == file.name
    return placed.last_name(command.words[0].value) == file.name


def _installs(command: Command, _: Placed) -> bool:
    name = command.name
    if name == "dpkg":
        installs = command.option("-i", "--install", "--unpack")
    elif name == "rpm":
        installs = command.option("-i", "-U", "-F", "--install", "--upgrade")
    else:
        installs = name == "gdebi" or (
            managers.system_manager(command) is not None and command.has("install", "localinstall", "add", "in")
        )
    return installs
