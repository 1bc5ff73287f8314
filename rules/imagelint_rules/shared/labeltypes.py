"""The types that a label's value can be asked to have."""

import re

#: What each type's rule is called by hadolint, and what the type is called.
TYPES = {
    "url": ("DL3052", "URL"),
    "rfc3339": ("DL3053", "time by RFC 3339"),
    "spdx": ("DL3054", "licence by SPDX"),
    "hash": ("DL3055", "hash of a Git commit"),
    "semver": ("DL3056", "semantic version"),
    "email": ("DL3058", "address of mail"),
}
#: What a value of each type looks like.
HELP = {
    "url": "a whole URL, with its scheme: https://example.org/tool",
    "rfc3339": "a date, a T, a time and a zone: 2024-05-01T12:00:00Z",
    "spdx": "an identifier of spdx.org/licenses, or an expression of some: Apache-2.0, MIT OR Apache-2.0",
    "hash": "the hash in small hexadecimal letters: all 40 or 64 of them, or from 7 on",
    "semver": "three numbers, without a v: 1.2.3, 1.2.3-rc.1, 1.2.3+build5",
    "email": "an address: ada@example.org",
}
_URL = r"[A-Za-z][A-Za-z0-9+.-]*:(?://[^\s<>\"{}|\\^`/?#]+)?[^\s<>\"{}|\\^`]*"
_TIME = r"(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_NUMBER = r"(?:0|[1-9]\d*)"
_PRERELEASE = rf"(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = (
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_PRERELEASE}(?:\.{_PRERELEASE})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_MAIL = (
    r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*|\"[^\"\\\r\n]*\")@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[^\s\[\]\\]*\])"
)
#: Longer values are none of these types, and would only keep the patterns busy.
_LONGEST = 1000


def is_of_type(value: str, kind: str) -> bool:
    """Whether a value is of a type."""
    if len(value) > _LONGEST:
        return False
    match kind:
        case "url":
            scheme, _, rest = value.partition(":")
            return bool(rest) and rest != "//" and re.fullmatch(_URL, value) is not None and scheme.isascii()
        case "rfc3339":
            return _is_time(value)
        case "spdx":
            return _is_licence(value)
        case "hash":
            return re.fullmatch(r"[0-9a-f]{7,40}|[0-9a-f]{64}", value) is not None
        case "semver":
            return re.fullmatch(_VERSION, value, re.ASCII) is not None
        case _:
            return re.fullmatch(_MAIL, value) is not None


def _is_time(value: str) -> bool:
    found = re.fullmatch(_TIME, value, re.ASCII)
    if found is None:
        return False
    year, month, day = (int(found[number]) for number in (1, 2, 3))
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 1 <= month <= 12 and 1 <= day <= days[month - 1]


def _is_licence(value: str) -> bool:
    from packaging import licenses  # holds the list of all identifiers: only where a label is asked to be one

    try:
        licenses.canonicalize_license_expression(value)
    except (licenses.InvalidLicenseExpression, RecursionError, MemoryError):
        return False
    return True
