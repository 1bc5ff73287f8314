"""JSON is laid out as the standard library does, whatever is in it."""

from __future__ import annotations

import json as standard

from hypothesis import given
from hypothesis import strategies as st

from imagelint.output import json

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
rows = st.lists(st.dictionaries(st.text(), scalars, max_size=3), max_size=4)
documents = st.recursive(
    scalars | rows | st.sampled_from([[], {}, [{}], [{"}": '},\n{"'}, {"\ud800": "\udcff"}]]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(documents)
def test_is_what_the_standard_library_writes(document: object) -> None:
    assert json.dumps(document) == standard.dumps(document, indent=2)


def test_long_lists_come_in_pieces() -> None:
    document = {"rows": [{"number": number, "text": "x\n}"} for number in range(2500)]}
    assert json.dumps(document) == standard.dumps(document, indent=2)
    assert len(list(json.pieces(document))) < 10


cells = st.tuples(st.text(), st.none() | st.integers(), st.none() | st.text())


@given(st.lists(cells, max_size=5), st.sampled_from([("a", "b", "c"), ("%s", '"%', "\udcff\n")]))
def test_a_table_is_a_list_of_objects(rows: list[tuple[str, int | None, str | None]], keys: tuple[str, ...]) -> None:
    expected = {"rows": [dict(zip(keys, row, strict=True)) for row in rows]}
    # Of the rows no more is asked than to be gone through, and how many there are.
    document = {"rows": json.Table(keys, dict(enumerate(rows)).values())}
    assert json.dumps(document) == standard.dumps(expected, indent=2)


def test_a_long_table_comes_in_pieces() -> None:
    document = {"rows": json.Table(("number",), [(number,) for number in range(2500)])}
    assert json.dumps(document) == standard.dumps({"rows": [{"number": each} for each in range(2500)]}, indent=2)
    assert len(list(json.pieces(document))) < 10
