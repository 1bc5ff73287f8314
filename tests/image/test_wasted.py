"""Files that are stored in vain, in columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imagelint.image.report import Reclaimable, WastedFile
from imagelint.image.wasted import Wasted, summarize

files = st.lists(
    st.builds(
        WastedFile,
        st.sampled_from(["/a", "/b", "/b/c", "/\udcff", "/é"]),
        st.sampled_from([1, 2, 1 << 40]),
        st.sampled_from(["removed", "duplicate"]),
        st.integers(0, 2),
        st.one_of(st.none(), st.integers(0, 2)),
    ),
    max_size=12,
)


def wasted(files: list[WastedFile]) -> Wasted:
    found = Wasted()
    for file in files:
        found.put(file.path.removeprefix("/"), file.bytes, file.reason, file.stored_by)
        found.hidden_by[-1] = -1 if file.hidden_by is None else file.hidden_by
    return found


@given(files)
def test_what_is_put_in_comes_out(files: list[WastedFile]) -> None:
    found = wasted(files)
    assert list(found) == files
    assert len(found) == len(files)
    assert all(file in found for file in files)
    assert WastedFile("/none", 1, "removed", 0, 1) not in found
    assert found == wasted(files)
    assert found != wasted([*files, WastedFile("/a", 1, "removed", 0, None)])


@given(files, files)
def test_they_are_ordered_by_bytes_then_by_path_and_else_not_at_all(
    files: list[WastedFile], others: list[WastedFile]
) -> None:
    expected = sorted(files + others, key=lambda file: (-file.bytes, file.path))
    assert list(wasted(files).ordered(wasted(others))) == expected


@given(files)
def test_every_byte_is_summed_up_once(files: list[WastedFile]) -> None:
    found = list(summarize(wasted(files)))
    assert sum(each.bytes for each in found) == sum(file.bytes for file in files)
    assert sum(each.files for each in found) == len(files)
    assert len({(each.reason, each.stored_by, each.hidden_by) for each in found}) == len(found)
    assert found == sorted(found, key=lambda each: -each.bytes)


def test_summarize() -> None:
    files = [
        WastedFile("/a", 5, "removed", 0, 1),
        WastedFile("/b", 6, "removed", 0, 1),
        WastedFile("/c", 100, "duplicate", 1, None),
        WastedFile("/d", 11, "moved", 0, 1),
    ]
    assert list(summarize(wasted(files))) == [
        Reclaimable("duplicate", 100, 1, 1, None, within_stored=False),
        Reclaimable("moved", 11, 1, 0, 1, within_stored=True),
        Reclaimable("removed", 11, 2, 0, 1, within_stored=True),
    ]
