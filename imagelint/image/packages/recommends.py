"""What apt would have left out with `--no-install-recommends`.

apt marks what it installs by itself (`extended_states`). Of these packages, those are needed that something installed
on purpose depends on, directly or not; what is only reached by a recommendation is what would not be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from imagelint.image.packages.system import Records, is_installed, stanzas

_STATUS, _STATES = "var/lib/dpkg/status", "var/lib/apt/extended_states"
_NAME = re.compile(r"[\w.+-]+")


def recommended(records: Records) -> list[str]:
    """The names of the installed packages that are there only because others recommend them, sorted.

    Versions in relations are not looked at: what is installed meets them. Of alternatives the first that is installed
    counts, as apt takes them, and of the packages that provide a name all that are.
    """
    fields = {
        each["Package"]: each for each in stanzas(records.get(_STATUS, b"")) if "Package" in each and is_installed(each)
    }
    if _STATES not in records:
        return []
    automatic = {
        each["Package"]
        for each in stanzas(records[_STATES])
        if each.get("Auto-Installed") == "1" and each.get("Package") in fields
    }
    providers = _providers(fields)
    needed = _reached(fields.keys() - automatic, fields, providers, ("Depends", "Pre-Depends"))
    wanted = _reached(needed, fields, providers, ("Depends", "Pre-Depends", "Recommends"))
    return sorted(wanted - needed)


def _providers(fields: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, each in fields.items():
        for provided in each.get("Provides", "").split(","):
            if match := _NAME.match(provided.strip()):
                found.setdefault(match[0], []).append(name)
    return found


def _reached(
    start: Iterable[str],
    fields: Mapping[str, Mapping[str, str]],
    providers: Mapping[str, list[str]],
    relations: tuple[str, ...],
) -> set[str]:
    """The packages that relations lead to, the first ones included."""
    seen = set(start)
    todo = list(seen)
    followed: set[str] = set()
    while todo:
        each = fields[todo.pop()]
        for relation in relations:
            for group in each.get(relation, "").split(","):
                met = _met(group, fields, providers)
                # What many provide, and many ask for, is followed once.
                if met is None or met in followed:
                    continue
                followed.add(met)
                for name in (met,) if met in fields else providers[met]:
                    if name not in seen:
                        seen.add(name)
                        todo.append(name)
    return seen


def _met(group: str, fields: Mapping[str, object], providers: Mapping[str, list[str]]) -> str | None:
    """What is installed, or provided, of alternatives such as `mta | exim4 (>= 4)`."""
    for alternative in group.split("|"):
        match = _NAME.match(alternative.strip())
        if match is not None and (match[0] in fields or match[0] in providers):
            return match[0]
    return None
