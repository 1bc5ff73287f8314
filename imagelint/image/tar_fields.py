"""What the fields of tar headers and the records of PAX headers say; BrokenImageError where they say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from imagelint.errors import BrokenImageError

_INT64 = 1 << 63


def checksum_holds(block: bytes) -> bool:
    """Whether the checksum is right, over unsigned bytes or, as some old tars have it, signed ones."""
    try:
        stated = int(block[148:156].strip(b"\0 "), 8)
    except ValueError:
        return False
    unsigned = sum(block) - sum(block[148:156]) + 8 * 0x20
    signed = unsigned - 256 * sum(byte > 127 for byte in block[:148] + block[156:])
    return stated in (unsigned, signed)


def number(raw: bytes, what: str) -> int:
    """A numeric field: octal digits, or a big-endian two's complement number whose first bit is set (base-256)."""
    if raw[0] & 0x80:
        span = 1 << (len(raw) * 8 - 1)
        value = int.from_bytes(raw, "big") - span
        return value - span if raw[0] & 0x40 else value
    try:
        return int(raw.partition(b"\0")[0].strip(b" ") or b"0", 8)
    except ValueError:
        raise BrokenImageError(f"a tar header's {what} is not a number") from None


def clamp(seconds: int) -> int:
    """The nearest time that a signed 64-bit column can hold."""
    return max(-_INT64, min(_INT64 - 1, seconds))


def pax_records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The records of a PAX header, each `length key=value\\n`; an empty value leaves the header's own."""
    at = 0
    while at < len(content):
        space = content.find(b" ", at, at + 20)
        digits = content[at : max(space, at)]
        end = at + int(digits) if digits.isdigit() else 0
        key, equals, value = content[space + 1 : end - 1].partition(b"=")
        if not (at < space < end <= len(content) and content[end - 1] == 0x0A and key and equals):
            raise BrokenImageError("a PAX header is malformed")
        if b"\0" in value and key in (b"path", b"linkpath", b"GNU.sparse.name"):
            raise BrokenImageError("a PAX header has a path with a NUL byte in it")
        yield key, value
        at = end


def decimal(value: bytes) -> int:
    """A size or an owner in a PAX record: not negative, and below 2**63."""
    if not value.isdigit() or len(value) > 19 or int(value) >= _INT64:
        raise BrokenImageError("a PAX header has a number that is none")
    return int(value)


def pax_time(value: bytes) -> int:
    """Whole seconds of a PAX time such as `1700000000.25`."""
    whole = value.partition(b".")[0]
    if not whole.removeprefix(b"-").isdigit() or len(whole) > 40:
        raise BrokenImageError("a PAX header has a time that is none")
    return clamp(int(whole))
