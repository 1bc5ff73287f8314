"""What layers hide, in columns: what a row says, and in which order they come."""

from __future__ import annotations

from imagelint.image.deaths import NOTHING, Cause, Death, Deaths
from imagelint.image.index import index_layer
from imagelint.image.tar import TarReader
from imagelint.image.tree import Tree
from imagelint.testing import LayerBuilder


def test_what_died_is_settled_a_layer_at_a_time() -> None:
    deaths = Deaths()
    deaths.add([4, 2], ["a", "d"], Cause.REPLACED)
    deaths.add((3,), ("b/c",), Cause.OPAQUE)
    deaths.settle(1, {"a": 7, "d": -1})
    deaths.settle(2, {})
    deaths.add([7], ["a"], Cause.REMOVED)
    deaths.settle(3, {"b/c": 9})
    assert list(deaths) == [
        Death(4, "a", 1, Cause.REPLACED, 7),
        Death(2, "d", 1, Cause.REPLACED, -1),
        Death(3, "b/c", 1, Cause.OPAQUE, None),
        Death(7, "a", 3, Cause.REMOVED, None),
    ]
    assert len(deaths) == 4
    assert list(deaths.successors) == [7, -1, NOTHING, NOTHING]


def died(*layers: LayerBuilder) -> list[Death]:
    return list(Tree([index_layer(TarReader([layer.tar()])) for layer in layers]).deaths)


def test_each_cause() -> None:
    below = LayerBuilder().file("a", 1).file("b", 1).directory("c").file("c/x", 1).directory("d").file("d/y", 1)
    above = LayerBuilder().file("a", 2).whiteout("b").opaque("c").symlink("d", "c")
    assert died(below, above) == [
        Death(1, "b", 1, Cause.REMOVED, None),
        Death(3, "c/x", 1, Cause.OPAQUE, None),
        Death(0, "a", 1, Cause.REPLACED, 6),
        Death(5, "d/y", 1, Cause.COVERED, None),
    ]


def test_a_file_without_bytes_dies_unseen() -> None:
    assert died(LayerBuilder().file("a"), LayerBuilder().whiteout("a")) == []


def test_of_several_paths_lost_in_one_layer_the_first_cause_is_told() -> None:
    below = LayerBuilder().directory("d").file("d/a", 1).hardlink("b", "d/a")
    layer = LayerBuilder().whiteout("d").file("b", 2)
    assert died(below, layer) == [Death(1, "b", 1, Cause.REPLACED, 4)]
    assert died(below, LayerBuilder().file("b", 2), LayerBuilder().whiteout("d")) == [
        Death(1, "d/a", 2, Cause.REMOVED, None)
    ]


def test_layers_that_are_put_on_top_at_once_say_what_those_say_whose_entries_come_one_after_another() -> None:
    """To name a path twice makes a layer one of the latter."""
    below = LayerBuilder().directory("d").file("d/a", 1).file("d/b", 2).hardlink("c", "d/b")
    for twice in (False, True):
        above = LayerBuilder().directory("d").file("d/a", 3).file("d/b", 4).file("c", 5).file("e", b"")
        tree = Tree([index_layer(TarReader([layer.tar()])) for layer in (below, above.file("e") if twice else above)])
        assert tree.tangled == ({1} if twice else set())
        assert sorted(tree.deaths) == [
            Death(1, "d/a", 1, Cause.REPLACED, 5),
            Death(2, "c", 1, Cause.REPLACED, 7),
        ]
        assert [list(map(list, pair)) for pair in tree.replaced] == [
            [[], []],
            [[], []] if twice else [[1, 2, 2], [5, 6, 7]],
        ]
