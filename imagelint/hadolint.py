"""What is known of hadolint 2.15: its rules' severities, for those who come from it."""

from __future__ import annotations

import re
from functools import cache

from imagelint.finding import Severity
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ERROR = "3000 3004 3011 3012 3020 3021 3023 3024 3026 3043 3044 3061 4000 4004 1000"
_INFO = "3001 3009 3010 3015 3019 3047 3049 3050 3059 3060 3066"
_STYLE = "3048"
#: Off by default.
OFF = ("DL1001", "DL3057")
_WARNING = (
    "3002 3003 3006 3007 3008 3013 3014 3016 3018 3022 3025 3027 3028 3029 3030 3032 3033 3034 3035 3036 3037 3038"
    " 3040 3041 3042 3045 3046 3051 3052 3053 3054 3055 3056 3058 3062 3063 3064 3065 3067 4001 4003 4005 4006"
)
#: Rules that hadolint once had.
_GONE = ("DL3005", "DL3017", "DL3031", "DL3039", "DL4002")


@cache
def _severities() -> dict[str, Severity]:
    levels = {_ERROR: Severity.ERROR, _WARNING: Severity.WARNING, _INFO: Severity.INFO, _STYLE: Severity.STYLE}
    return {f"DL{number}": level for numbers, level in levels.items() for number in numbers.split()}


def severity(aliases: Iterable[str]) -> Severity | None:
    """The severity that hadolint gives what goes by these ids, the highest of several; None where it knows none."""
    known = _severities()
    return max((known[alias] for alias in aliases if alias in known), default=None)


def on_by_default(alias: str) -> bool:
    """Whether hadolint reports it without being asked to."""
    return alias in _severities()


def is_code(name: str) -> bool:
    """Whether it is, or was, a rule of hadolint, or one of ShellCheck's that hadolint passes on."""
    return name in _severities() or name in OFF or name in _GONE or re.fullmatch(r"SC[0-9]{4}", name) is not None
