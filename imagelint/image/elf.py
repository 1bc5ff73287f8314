"""What an ELF file says of itself: the libraries that it loads, its own name, and the module that Go built it from.

System V ABI, chapters 4 and 5. Every number in such a file may be a lie: what is read is bounded, and what makes no
sense ends the reading without an error, since the file is legal content of an image all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct, error

from imagelint.records import NamedTuple

MAGIC = b"\x7fELF"
_PARTS = 5  # of an encoded one
_GO_SECTION = b".go.buildinfo\0"
_GO_MAGIC = b"\xff Go buildinf:"

ReadAt = Callable[[int, int], bytes]
"""Reads up to so many bytes from an offset of the file."""

_PROGRAM_HEADERS, _SECTIONS, _DYNAMIC_ENTRIES = 128, 512, 4096
_STRING_TABLE, _GO_BYTES, _NAME = 8 << 20, 1 << 20, 4096
_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_NEEDED, _STRTAB, _SONAME, _RPATH, _STRSZ, _RUNPATH = 1, 5, 14, 15, 10, 29


class Elf(NamedTuple):
    """The libraries that a file needs, its own name as one, where it looks for them, its loader, and Go's module."""

    needed: tuple[str, ...] = ()
    soname: str = ""
    runpath: tuple[str, ...] = ()
    interpreter: str = ""
    go: str = ""
    """The module's path and version, a tab between; empty for what Go has not built."""

    def encode(self) -> bytes:
        """As bytes, to be kept."""
        parts = ["\n".join(self.needed), self.soname, "\n".join(self.runpath), self.interpreter, self.go]
        return MAGIC + "\0".join(parts).encode("utf-8", "surrogateescape")

    @classmethod
    def decode(cls, content: bytes) -> Elf:
        """What was encoded."""
        texts = content[len(MAGIC) :].decode("utf-8", "surrogateescape").split("\0")
        if len(texts) != _PARTS:
            return cls()  # a file that was kept for its name, and only begins like one
        needed, soname, runpath, interpreter, go = texts
        return cls(_lines(needed), soname, _lines(runpath), interpreter, go)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split("\n")))


class _Form(NamedTuple):
    """The layouts of a class and byte order."""

    header: Struct  # entry point, program headers' offset, sections' offset, …, sizes and counts of both, names' index
    program: Struct
    section: Struct
    dynamic: Struct
    wide: bool


def _form(ident: bytes) -> _Form | None:
    order = {1: "<", 2: ">"}.get(ident[5])
    if order is None or ident[4] not in (1, 2):
        return None
    wide = ident[4] == 2
    word = "Q" if wide else "I"
    return _Form(
        Struct(f"{order}16x2xHI{word}{word}{word}4x6H"),
        Struct(f"{order}II6Q" if wide else f"{order}8I"),
        Struct(f"{order}II4QIIQQ" if wide else f"{order}10I"),
        Struct(f"{order}{'qQ' if wide else 'iI'}"),
        wide,
    )


def read(read_at: ReadAt) -> Elf | None:
    """What an ELF file says; None for what is none, or is broken."""
    try:
        head = read_at(0, 64)
        if head[:4] != MAGIC or (form := _form(head)) is None:
            return None
        _, _, _, programs, sections, _, program_size, program_count, section_size, section_count, names = (
            form.header.unpack_from(head)
        )
        segments = list(_segments(read_at, form, programs, program_size, min(program_count, _PROGRAM_HEADERS)))
        needed, soname, runpath = _linked(read_at, form, segments)
        interpreter = next(
            (_text(read_at(offset, min(size, _NAME))) for kind, offset, _, size in segments if kind == _INTERPRETER), ""
        )
        go = _go(read_at, form, sections, section_size, min(section_count, _SECTIONS), names)
        return Elf(needed, soname, runpath, interpreter, go)
    except (error, ValueError, IndexError, OverflowError):
        return None


def segments(read_at: ReadAt) -> list[tuple[int, int, int, int]]:
    """Type, offset, address and size of each segment, as the file's beginning tells; none where it is broken."""
    try:
        head = read_at(0, 64)
        if head[:4] != MAGIC or (form := _form(head)) is None:
            return []
        _, _, _, start, _, _, size, count, _, _, _ = form.header.unpack_from(head)
        return list(_segments(read_at, form, start, size, min(count, _PROGRAM_HEADERS)))
    except (error, ValueError, IndexError, OverflowError):
        return []


def _segments(read_at: ReadAt, form: _Form, start: int, size: int, count: int) -> Iterator[tuple[int, int, int, int]]:
    """Type, offset, address and size in the file of each segment."""
    if size < form.program.size:
        return
    table = read_at(start, size * count)
    for at in range(0, len(table) - form.program.size + 1, size):
        fields = form.program.unpack_from(table, at)
        if form.wide:
            kind, _, offset, address, _, length, _, _ = fields
        else:
            kind, offset, address, _, length, _, _, _ = fields
        yield kind, offset, address, length


def _linked(
    read_at: ReadAt, form: _Form, segments: list[tuple[int, int, int, int]]
) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """NEEDED, SONAME, and RUNPATH or else RPATH of the dynamic section."""
    found = next((segment for segment in segments if segment[0] == _DYNAMIC), None)
    if found is None:
        return (), "", ()
    table = read_at(found[1], min(found[3], _DYNAMIC_ENTRIES * form.dynamic.size))
    entries: list[tuple[int, int]] = []
    for tag, value in form.dynamic.iter_unpack(table[: len(table) // form.dynamic.size * form.dynamic.size]):
        if not tag:
            break
        entries.append((tag, value))
    values = dict(reversed(entries))
    address = values.get(_STRTAB)
    offset = next(
        (start + address - base for kind, start, base, size in segments
         if kind == _LOAD and address is not None and base <= address < base + size),
        None,
    )  # fmt: skip
    if offset is None:
        return (), "", ()
    strings = read_at(offset, min(values.get(_STRSZ, 0), _STRING_TABLE))

    def string(at: int) -> str:
        return _text(strings[at : at + _NAME])

    needed = tuple(dict.fromkeys(string(value) for tag, value in entries if tag == _NEEDED))
    paths = string(values[_RUNPATH]) if _RUNPATH in values else string(values[_RPATH]) if _RPATH in values else ""
    soname = string(values[_SONAME]) if _SONAME in values else ""
    return tuple(filter(None, needed)), soname, tuple(filter(None, paths.split(":")))


def _go(read_at: ReadAt, form: _Form, start: int, size: int, count: int, names: int) -> str:
    """The main module of a program that Go 1.18 or later has built, and its version, a tab between."""
    if size < form.section.size or names >= count:
        return ""
    table = read_at(start, size * count)
    fields = form.section.unpack_from(table, size * names)
    texts = read_at(fields[4], min(fields[5], _GO_BYTES))
    if _GO_SECTION not in texts:
        return ""  # which is so for nearly all
    sections = [form.section.unpack_from(table, at) for at in range(0, len(table) - form.section.size + 1, size)]
    for fields in sections:
        if texts.startswith(_GO_SECTION, fields[0]):
            content = read_at(fields[4], min(fields[5], _GO_BYTES))
            if content[:14] != _GO_MAGIC or not content[15] & 2:
                return ""
            at = _after_text(content, 32)[1]
            module = _after_text(content, at)[0]
            for line in module.split("\n"):
                if line.startswith("mod\t"):
                    return "\t".join(line.split("\t")[1:3])
            # The package's line, behind a mark of 16 bytes, is all that a program built without a module has.
            path = module.partition("path\t")[2].partition("\n")[0]
            return f"{path}\t" if path else ""
    return ""


def _after_text(content: bytes, at: int) -> tuple[str, int]:
    """A text with its length in front (a varint), and where it ends."""
    length = shift = 0
    while True:
        byte = content[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or shift > 28:
            break
    return content[at : at + length].decode("utf-8", "replace").replace("\0", ""), at + length


def _text(content: bytes) -> str:
    return content.partition(b"\0")[0].decode("utf-8", "surrogateescape").replace("\n", "")
