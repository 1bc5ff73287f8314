"""What package managers' commands do: which install, which fetch indexes."""

from __future__ import annotations

import re

from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from imagelint.dockerfile.shell import Command, ShellWord

_PIP = r"pip[0-9.]*"
_PYTHON = r"python[0-9.]*|pypy[0-9.]*"
#: pip's own options with a value, which may stand before the subcommand.
_PIP_VALUED = frozenset(
    "--cache-dir --cert --client-cert --exists-action --log --log-file --local-log --proxy --python --retries --timeout"
    " --trusted-host --use-feature --use-deprecated --index-url -i".split()
)
_APT_VALUED = frozenset({"-o", "--option", "-t", "--target-release", "--default-release", "-c", "--config-file", "-a"})
_APK_VALUED = frozenset(
    {"-t", "--virtual", "-X", "--repository", "-p", "--root", "--arch", "--cache-dir", "--keys-dir"}
)
_NPM_VALUED = frozenset({"--prefix", "-C", "--registry", "--loglevel", "--cache", "--userconfig", "-w", "--workspace"})
_NPM_INSTALLS = frozenset(
    "install i in add ci clean-install install-clean install-test it install-ci-test cit update up upgrade".split()
)
#: The programs that manage the packages of a system, by family.
SYSTEM = {
    "apt": "apt", "apt-get": "apt", "aptitude": "apt", "dpkg": "apt",
    "apk": "apk",
    "dnf": "rpm", "microdnf": "rpm", "rpm": "rpm", "tdnf": "rpm", "yum": "rpm", "zypper": "rpm",
    "pacman": "pacman",
}  # fmt: skip


def system_manager(command: Command) -> str | None:
    """The family of the system's package manager that a command calls: apt, apk, rpm, pacman."""
    return SYSTEM.get(command.name)


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


def pip(command: Command) -> tuple[ShellWord, ...]:
    """The words behind `pip`, also as `python -m pip`."""
    name = command.name
    if name.startswith("pip"):
        return command.args if re.fullmatch(_PIP, name) else ()
    if not name.startswith("py") or not re.fullmatch(_PYTHON, name):
        return ()
    words = command.args
    at = next((at for at, word in enumerate(words[:-1]) if word.value == "-m"), None)
    return words[at + 2 :] if at is not None and words[at + 1].value == "pip" else ()


def pip_install(command: Command) -> ShellWord | None:
    """The word `install` of a `pip install`, also as `python -m pip install`."""
    valued = False
    for word in pip(command):
        if not (valued or word.value.startswith("-")):
            return word if word.value == "install" else None
        valued = not valued and word.value in _PIP_VALUED
    return None


def npm_install(command: Command) -> bool:
    """Whether a command is an `npm install`, `npm ci` or one of their short names."""
    if command.name != "npm":
        return False
    return next((word.value for word in command.operands(_NPM_VALUED)), None) in _NPM_INSTALLS


def subcommand(command: Command, valued: frozenset[str] = frozenset()) -> str:
    """The first argument that is no option; nothing where there is none."""
    return next((word.value for word in command.operands(valued)), "")


def uninstalls(command: Command) -> bool:
    """Whether a command takes packages of the system, or programs that npm installed, away again."""
    if apt(command) in ("purge", "remove", "autoremove", "auto-remove", "autopurge"):
        return True
    if command.name == "apk":
        return subcommand(command, _APK_VALUED) == "del"
    if command.name == "npm":
        return command.has("uninstall", "remove", "rm", "un") and command.option("-g", "--global")
    return SYSTEM.get(command.name) in ("rpm", "pacman") and command.has("remove", "erase", "autoremove", "rm", "-e")


def is_script(command: Command) -> bool:
    """Whether a command runs a script that the Dockerfile does not show: `./x`, `bash x`, `… | sh`."""
    if command.name in ("sh", "bash", "dash", "ash", "zsh", "source", "."):
        return True
    return bool(command.words) and command.words[0].value.startswith(("./", "/tmp/", "$"))  # noqa: S108
