"""What ELF files say of themselves, read at any place or while they pass by; and that none of them stops anything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from imagelint.image import elf, elf_stream


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc to make an ELF file with")
def test_elf_of_a_real_compiler(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text(
        '#include <math.h>\n#include <stdio.h>\nint main(int n, char **a) { return printf("%f", sin(n)); }\n'
    )
    program, library = tmp_path / "program", tmp_path / "library"
    subprocess.run(["gcc", "-o", program, source, "-lm", "-Wl,-rpath,$ORIGIN/../lib"], check=True)
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-soname,libx.so.1", "-o", library, source], check=True)
    found = {}
    for path in (program, library):
        content = path.read_bytes()
        found[path.name] = elf.read(lambda offset, length, content=content: content[offset : offset + length])
    assert found["program"] is not None
    assert {"libm.so.6", "libc.so.6"} <= set(found["program"].needed)
    assert found["program"].runpath == ("$ORIGIN/../lib",)
    assert "ld-" in found["program"].interpreter
    assert found["library"] is not None
    assert found["library"].soname == "libx.so.1"
    assert elf.Elf.decode(found["program"].encode()) == found["program"]


@pytest.mark.parametrize("program", ["hadolint", "dive"])
def test_a_large_elf_file_says_the_same_when_it_passes_by(program: str) -> None:
    """Of large files only parts are kept; programs that Haskell and Go have built are well over that size."""
    content = Path(sys.executable).with_name(program).read_bytes()
    assert len(content) > elf_stream.HEAD_BYTES
    expected = elf.read(lambda offset, length: content[offset : offset + length])
    for chunk_bytes in (100_000, 1 << 20):
        pieces = (memoryview(content)[at : at + chunk_bytes] for at in range(0, len(content), chunk_bytes))
        assert elf_stream.read(pieces, len(content)) == (xxh3_64_intdigest(content), expected)
    assert expected is not None
    assert expected.go.startswith("github.com/wagoodman/dive\t") == (program == "dive")


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_broken_elf_files(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.binary(min_size=0, max_size=400)))
    content[:4] = elf.MAGIC
    content[4:6] = bytes([data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2))])
    found = elf.read(lambda offset, length: bytes(content[max(offset, 0) : max(offset, 0) + max(length, 0)]))
    assert found is None or elf.Elf.decode(found.encode()) == found
