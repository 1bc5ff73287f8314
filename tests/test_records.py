"""The stand-in for typing's NamedTuple makes what typing's own makes."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from imagelint.records import NamedTuple, cached_property

if TYPE_CHECKING:
    from collections.abc import Callable


class Point(NamedTuple):
    """A place."""

    x: int
    y: int = 2

    @property
    def sum(self) -> int:
        """Both together."""
        return self.x + self.y


def test_fields_defaults_and_members_are_those_of_the_class_body() -> None:
    assert Point(1) == Point(x=1, y=2) == (1, 2)
    assert Point(1).sum == 3
    assert (Point._fields, Point._field_defaults) == (("x", "y"), {"y": 2})
    assert (Point.__name__, Point.__module__, Point.__doc__) == ("Point", __name__, "A place.")
    assert pickle.loads(pickle.dumps(Point(1))) == Point(1)
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]


def annotated(_format: int) -> dict[str, type]:
    return {"x": int, "y": int}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"__annotations__": {"x": "int", "y": "int"}}, id="as text"),
        pytest.param({"__annotate_func__": annotated}, id="asked for, as from Python 3.14 on"),
        pytest.param({"__annotate__": annotated}, id="asked for by its other name"),
    ],
)
def test_fields_are_found_however_a_class_body_holds_its_annotations(body: dict[str, Callable[..., Any]]) -> None:
    made: Any = type(NamedTuple)("Made", (NamedTuple,), {"__module__": __name__, **body, "y": 2})
    assert made(1)._asdict() == {"x": 1, "y": 2}


class Counter:
    """Counts how often it is asked."""

    asked = 0

    @cached_property
    def value(self) -> int:
        """How often."""
        self.asked += 1
        return self.asked


def test_a_cached_property_is_computed_once_for_each_object() -> None:
    one, other = Counter(), Counter()
    assert [one.value, one.value, other.value] == [1, 1, 1]
    del one.value
    assert (one.value, other.value) == (2, 1)
    assert Counter.value.__doc__ == "How often."
