"""New inputs from old ones: lines and tokens are moved about, and bytes flipped."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from imagelint.dockerfile.flags import FLAGS
from imagelint.dockerfile.instructions import INSTRUCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: No input grows past this: what is slow on long inputs is the business of test_linear.
MAX_BYTES = 6_000

_TOKEN = re.compile(rb"\w+|[ \t]+|\r?\n|.", re.DOTALL)
#: Pieces of the language that random bytes would hardly make.
DICTIONARY: tuple[bytes, ...] = tuple(
    each.encode("utf-8", "surrogateescape")
    for each in (
        *(f"{keyword} " for keyword in INSTRUCTIONS),
        *(f"\n{keyword} a b\n" for keyword in INSTRUCTIONS),
        *sorted({f"--{flag}{value} " for flags in FLAGS.values() for flag in flags for value in ("", "=", "=x")}),
        *("\\\n", "\\ \n", "\\\\\n", "`\n", "\\", "`", "\n", "\r\n", "\r", "\n\n", "\t", "  ", " \\\n\n  "),
        *("# c\n", "#\n", "\\\n# c\n", "# escape=`\n", "# escape=\\\n", "# syntax=a\n", "# check=skip=all\n"),
        *("<<EOF", "<<-EOF", "<<'EOF'", '<<"E O F"', "3<<EOF", "<< EOF", "<<", "<<<", "\nEOF\n", "EOF\n", "\tEOF\n"),
        *("$", "${", "}", "${a", "${a}", "${a:-", "${a:?", "${a#*", "${a##", "${a%", "${a/x/y}", "${a//", "$((", "$("),
        *('"', "'", "\\'", '\\"', "$'", "[", "]", '["a", "b"]', '["a", 1]', "[]", ",", "=", "a=b ", "a="),
        *("&&", "||", ";", "|", "&", "(", ")", "{ ", "}", "!", "<", ">", "2>&1", "<(", ";;", "&>", ">|", "#"),
        *("if x; then ", "; fi", "case x in ", "a) b;; ", "esac", "for x in a; do ", "; done", "while ", "f() { ", "}"),
        *("cd /x && ", "set -e; ", "export A=1; ", "exec ", "exit 0", "sudo ", "env A=1 ", "sh -c '", 'bash -ec "'),
        *("apt-get update", "apt-get install -y x", "rm -rf /var/lib/apt/lists/*", "pip install x", "npm ci"),
        *("apk add x", "dnf install -y x", "yum install x", "--no-cache ", "--no-install-recommends ", "make"),
        *("FROM a AS b\n", "FROM b\n", "FROM scratch\n", "COPY --from=b x y\n", "COPY --from=0 x y\n", "AS ", "NONE"),
        *("RUN --mount=type=cache,target=/x ", "RUN --mount=from=b ", "RUN <<EOF\nx\nEOF\n", "ONBUILD ONBUILD "),
        *("\ufeff", "\x00", "\x85", "\u00a0", "\u2028", "\u3000", "é", "🐳", "\udc80", "\udcff", "\x1b[31m", "\x0b"),
    )
)  # fmt: skip


class Mutator:
    """Makes inputs out of a pool of others; the same seed makes the same ones."""

    def __init__(self, pool: Sequence[bytes], seed: int) -> None:
        self.pool = list(pool)
        self.random = random.Random(seed)
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            self._insert, self._insert, self._insert, self._delete, self._duplicate, self._splice, self._flip,
            self._cut, self._move, self._replace, self._repeat,
        )  # fmt: skip

    def next(self) -> bytes:
        """The next input: one of the pool, changed in one to eight ways."""
        # The newest members of the pool are the ones that showed something new.
        newest = self.random.random() < 0.4
        data = self.random.choice(self.pool[-40:] if newest else self.pool)
        for _ in range(1 + int(self.random.expovariate(0.5)) % 8):
            data = self.random.choice(self._ways)(data)
        return data[:MAX_BYTES]

    def _tokens(self, data: bytes) -> list[bytes]:
        """An input in lines or in tokens, by chance."""
        return data.splitlines(keepends=True) if self.random.random() < 0.4 else _TOKEN.findall(data)

    def _range(self, size: int) -> tuple[int, int]:
        start = self.random.randint(0, size)
        return start, min(size, start + 1 + int(self.random.expovariate(0.4)))

    def _insert(self, data: bytes) -> bytes:
        parts = _TOKEN.findall(data)
        for _ in range(self.random.randint(1, 3)):
            parts.insert(self.random.randint(0, len(parts)), self.random.choice(DICTIONARY))
        return b"".join(parts)

    def _delete(self, data: bytes) -> bytes:
        parts = self._tokens(data)
        start, end = self._range(len(parts))
        return b"".join(parts[:start] + parts[end:])

    def _duplicate(self, data: bytes) -> bytes:
        parts = self._tokens(data)
        start, end = self._range(len(parts))
        at = self.random.randint(0, len(parts))
        return b"".join(parts[:at] + parts[start:end] + parts[at:])

    def _move(self, data: bytes) -> bytes:
        parts = self._tokens(data)
        start, end = self._range(len(parts))
        moved, rest = parts[start:end], parts[:start] + parts[end:]
        at = self.random.randint(0, len(rest))
        return b"".join(rest[:at] + moved + rest[at:])

    def _splice(self, data: bytes) -> bytes:
        parts, other = self._tokens(data), self._tokens(self.random.choice(self.pool))
        start, end = self.random.randint(0, len(other)), self.random.randint(0, len(other))
        at = self.random.randint(0, len(parts))
        return b"".join(parts[:at] + other[min(start, end) : max(start, end)] + parts[at:])

    def _replace(self, data: bytes) -> bytes:
        parts = _TOKEN.findall(data)
        if parts:
            parts[self.random.randrange(len(parts))] = self.random.choice(DICTIONARY)
        return b"".join(parts)

    def _repeat(self, data: bytes) -> bytes:
        """One token many times over: what nests, nests deep."""
        parts = _TOKEN.findall(data)
        at = self.random.randint(0, len(parts))
        return b"".join([*parts[:at], self.random.choice(DICTIONARY) * self.random.randint(2, 150), *parts[at:]])

    def _cut(self, data: bytes) -> bytes:
        return data[: self.random.randint(0, len(data))]

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return b"\n"
        out = bytearray(data)
        for _ in range(self.random.randint(1, 3)):
            out[self.random.randrange(len(out))] ^= 1 << self.random.randrange(8)
        return bytes(out)
