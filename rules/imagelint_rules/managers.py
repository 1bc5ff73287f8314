"""What package managers' commands do: which install, which fetch indexes, which take files away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelint.dockerfile.instructions import Run
    from imagelint.dockerfile.shell import Command, ShellWord

_PIP = re.compile(r"pip[0-9.]*")
_PYTHON = re.compile(r"python[0-9.]*|pypy[0-9.]*")
_APT_VALUED = frozenset({"-o", "--option", "-t", "--target-release", "--default-release", "-c", "--config-file", "-a"})
_APK_VALUED = frozenset(
    {"-t", "--virtual", "-X", "--repository", "-p", "--root", "--arch", "--cache-dir", "--keys-dir"}
)
_NPM_VALUED = frozenset({"--prefix", "-C", "--registry", "--loglevel", "--cache", "--userconfig", "-w", "--workspace"})
_SYSTEM = {
    "apt": "apt", "apt-get": "apt", "aptitude": "apt", "dpkg": "apt",
    "apk": "apk",
    "dnf": "rpm", "microdnf": "rpm", "rpm": "rpm", "tdnf": "rpm", "yum": "rpm", "zypper": "rpm",
    "pacman": "pacman",
}  # fmt: skip


def system_manager(command: Command) -> str | None:
    """The family of the system's package manager that a command calls: apt, apk, rpm, pacman."""
    return _SYSTEM.get(command.name)


def apt(command: Command) -> str | None:
    """The subcommand of an `apt-get`, `apt` or `aptitude`: update, install, …"""
    if command.name not in ("apt-get", "apt", "aptitude"):
        return None
    return next((word.value for word in command.operands(_APT_VALUED)), None)


def apt_packages(command: Command) -> tuple[ShellWord, ...]:
    """The packages that an apt command names."""
    return command.operands(_APT_VALUED)[1:]


def apk(command: Command) -> tuple[ShellWord, ...]:
    """The words of an `apk` command without options: subcommand, then packages."""
    return command.operands(_APK_VALUED) if command.name == "apk" else ()


def pip_install(command: Command) -> ShellWord | None:
    """The word `install` of a `pip install`, also as `python -m pip install`."""
    words = command.args
    if _PYTHON.fullmatch(command.name):
        places = [at for at, word in enumerate(words[:-1]) if word.value == "-m"]
        if not places or words[places[0] + 1].value != "pip":
            return None
        words = words[places[0] + 2 :]
    elif not _PIP.fullmatch(command.name):
        return None
    found = next((word for word in words if not word.value.startswith("-")), None)
    return found if found and found.value == "install" else None


def npm_install(command: Command) -> bool:
    """Whether a command is an `npm install`, `npm ci` or one of their short names."""
    if command.name != "npm":
        return False
    found = next((word.value for word in command.operands(_NPM_VALUED)), None)
    return found in ("install", "i", "in", "add", "ci", "clean-install", "install-clean")


def removes(commands: Iterable[Command], path: str) -> bool:
    """Whether one of the commands takes away what lies in a folder: `rm -r` of it, of what is in it, of a parent."""
    return any(
        _covers(word.value, path)
        for command in commands
        if command.name == "rm" or (command.name == "find" and command.has("-delete"))
        for word in command.args
    )


def _covers(removed: str, path: str) -> bool:
    if not removed.startswith(("/", "~", "$")) or len(removed) < 4:
        return False
    if removed.count("{") > 4:
        return False
    if "{" in removed and "," in removed:
        head, _, rest = removed.partition("{")
        inner, _, tail = rest.partition("}")
        return any(_covers(head + each + tail, path) for each in inner.split(","))
    plain = removed.replace("$HOME", "~").replace("${HOME}", "~").rstrip("/")
    plain = "/root" + plain[1:] if plain.startswith("~") else plain
    while plain.endswith("/*"):
        plain = plain[:-2]
    plain = plain.rstrip("*")
    return path == plain or path.startswith(plain.rstrip("/") + "/") or plain.startswith(path + "/")


def is_script(command: Command) -> bool:
    """Whether a command runs a script that the Dockerfile does not show: `./x`, `bash x`, `… | sh`."""
    if command.name in ("sh", "bash", "dash", "ash", "zsh", "source", "."):
        return True
    return bool(command.words) and command.words[0].value.startswith(("./", "/tmp/", "$"))  # noqa: S108


def mounted(run: Run, path: str) -> bool:
    """Whether a cache or tmpfs mount keeps what is written to a folder out of the layer."""
    for mount in run.mounts:
        target = mount.get("target", "").rstrip("/").replace("~", "/root")
        if mount["type"] in ("cache", "tmpfs") and target and (path + "/").startswith(target + "/"):
            return True
    return False
