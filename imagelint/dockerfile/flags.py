"""The flags of each instruction, and what BuildKit refuses of them."""

from __future__ import annotations

import re

from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.dockerfile.instructions import Flag, Instruction
    from imagelint.text import Span

#: What a flag takes: `bool` nothing or true/false, `text` one value, `list` a value each time it is given.
FLAGS: dict[str, dict[str, str]] = {
    "ADD": {
        "chmod": "text", "chown": "text", "checksum": "text", "exclude": "list", "keep-git-dir": "bool",
        "link": "bool", "unpack": "bool",
    },
    "COPY": {
        "chmod": "text", "chown": "text", "exclude": "list", "from": "text", "link": "bool", "parents": "bool",
    },
    "FROM": {"platform": "text"},
    "HEALTHCHECK": {
        "interval": "text", "retries": "text", "start-interval": "text", "start-period": "text", "timeout": "text",
    },
    "RUN": {"device": "list", "mount": "list", "network": "text", "security": "text"},
}  # fmt: skip
#: Flags of these are never looked at.
_IGNORED = frozenset({"ARG", "STOPSIGNAL"})
_CHOICES = {"network": ("default", "none", "host"), "security": ("sandbox", "insecure")}
_DURATION = re.compile(r"[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)", re.ASCII)
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_MILLISECONDS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}


def problems(instruction: Instruction) -> Iterator[tuple[Span, str]]:
    """Every flag that is unknown, given twice, or has a value that it cannot have."""
    keyword = instruction.keyword
    if keyword in _IGNORED or (keyword == "HEALTHCHECK" and instruction.arguments.upper() == "NONE"):
        return
    known = FLAGS.get(keyword, {})
    seen: set[str] = set()
    for flag in instruction.flags:
        kind = known.get(flag.name)
        if kind is None:
            wrong = f"unknown flag: --{flag.name}{_suggestion(flag.name, known)}"
        else:
            wrong = _wrong(flag, kind, given=flag.name in seen)
        seen.add(flag.name)
        if wrong:
            yield instruction.span_of(flag.word), wrong


def _wrong(flag: Flag, kind: str, *, given: bool) -> str:
    name, value = flag.name, flag.value
    if given and kind != "list":
        return f"duplicate flag: --{name}"
    if kind == "bool":
        if value == "":
            return f"--{name}= misses its value"
        return "" if value is None or value.lower() in ("true", "false") else f"--{name} takes true or false"
    if value is None:
        return f"--{name} misses its value"
    if name in _CHOICES and value not in _CHOICES[name]:
        return f"--{name} takes {', '.join(_CHOICES[name])}"
    if name in ("interval", "timeout", "start-period", "start-interval"):
        return _duration(name, value)
    if name == "retries":
        return "" if re.fullmatch(r"\+?\d{1,9}|", value, re.ASCII) else "--retries takes a whole number from 0"
    if name == "device":
        fields = [part.partition("=")[0].lower() for part in value.split(",")]
        names = [field for field in fields if field != "required"]
        if not value:
            return "--device misses its name"
        return "" if len(names) < 2 else "--device names more than one device"
    if name == "mount":
        return _mount(value)
    return ""


def _duration(name: str, value: str) -> str:
    """Go's durations: `5s`, `1h2m`, `500ms`; a bare number has no unit."""
    if not value:
        return ""
    if len(value) > 64 or not _DURATION.fullmatch(value):
        return f"--{name}={value[:64]} is no duration such as 30s or 1m30s"
    milliseconds = sum(float(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(value))
    if milliseconds and (milliseconds < 1 or value.startswith("-")):
        return f"--{name} cannot be less than 1ms"
    return ""


def _mount(value: str) -> str:
    if not value:
        return "--mount misses its fields"
    for field in value.split(","):
        key, _, given = field.strip('"').partition("=")
        if key.lower() == "from" and "$" in given:
            return "--mount=from= cannot hold a variable"
    return ""


def _suggestion(name: str, known: dict[str, str]) -> str:
    import difflib  # only for files with an error

    close = difflib.get_close_matches(name[:40], known, n=1, cutoff=0.6)
    return f" (did you mean --{close[0]}?)" if close else ""
