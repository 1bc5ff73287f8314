"""Which entries a finding may be charged with."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from imagelint.image.reading import read_image
from imagelint.pricing.ladder import recommended_nodes
from imagelint.pricing.ledger import Ledger
from imagelint.testing import ImageBuilder, LayerBuilder


def ledger(folder: Path, *layers: LayerBuilder) -> Ledger:
    builder = ImageBuilder("example:1")
    for layer in layers:
        builder.layer(layer)
    return Ledger(read_image(str(builder.save(folder / "image.tar"))))


def entries(of: Ledger, nodes: Collection[int]) -> list[tuple[int, str]]:
    """The layers and paths of entries."""
    places = sorted(map(of.tree.place, nodes))
    return [(layer, of.indexes[layer].paths[row]) for layer, row in places]


class TestHidden:
    layers = (
        LayerBuilder().file("a", 1).file("b", 2).file("c", 3).file("x/a", 4),
        LayerBuilder().file("a", 5).file("d", 6).file("d", 7),
        LayerBuilder().file("a", 8).file("d", 9).whiteout("b"),
    )

    def test_by_a_layer_of_what_others_store(self, tmp_path: Path) -> None:
        found = ledger(tmp_path, *self.layers)
        assert entries(found, found.hidden_by(2, (), [0])) == [(0, "b")]
        assert entries(found, found.hidden_by(2, (), [0, 1, 2])) == [(0, "b"), (1, "a"), (1, "d")]
        assert found.hidden_by(1, (), [1]) == found.hidden_by(2, (), []) == found.hidden_by(0, (), [0, 1, 2]) == set()

    def test_by_a_layer_at_paths(self, tmp_path: Path) -> None:
        """Whatever layers store what is there."""
        found = ledger(tmp_path, *self.layers)
        assert entries(found, found.hidden_by(2, ["/[ab]"], [])) == [(0, "b"), (1, "a")]
        assert entries(found, found.hidden_by(1, ["*"], [2])) == [(0, "a")]
        assert found.hidden_by(2, ["a"], [0, 1]) == set()

    def test_between_layers(self, tmp_path: Path) -> None:
        found = ledger(tmp_path, *self.layers)
        assert entries(found, found.hidden_between([0, 1])) == [(0, "a")]
        assert entries(found, found.hidden_between({0, 2})) == [(0, "b")]
        assert entries(found, found.hidden_between(range(3))) == [(0, "a"), (0, "b"), (1, "a"), (1, "d")]
        assert found.hidden_between([1]) == set()


def test_caches(tmp_path: Path) -> None:
    lists, pip = "var/lib/apt/lists", "root/.cache/pip"
    below = LayerBuilder().file(f"{lists}/a", 5).file(f"{lists}/partial/b", 6).file(f"{lists}/empty").file("x", 7)
    found = ledger(tmp_path, below, LayerBuilder().file(f"{lists}/a", 8).file(f"{pip}/http/c", 9).symlink(pip, "/x"))
    named = [{kind: entries(found, nodes) for kind, nodes in found.caches(layer).items()} for layer in (0, 1)]
    assert named == [
        {"apt's package lists": [(0, f"{lists}/a"), (0, f"{lists}/partial/b")]},
        {"apt's package lists": [(1, f"{lists}/a")], "pip's cache": [(1, f"{pip}/http/c")]},
    ]


INFO, CERTIFICATES, OLD = "var/lib/dpkg/info", "etc/ssl/certs", "var/cache/debconf/templates.dat-old"


def installed(*recommended: str) -> LayerBuilder:
    """dpkg's and apt's records of curl, on purpose, and of the packages that it recommends."""
    others = "".join(f"Package: {name}\nStatus: install ok installed\nVersion: 1\n\n" for name in recommended)
    curl = f"Package: curl\nStatus: install ok installed\nVersion: 1\nRecommends: {', '.join(recommended)}\n\n"
    layer = LayerBuilder().file("var/lib/dpkg/status", (curl + others).encode())
    automatic = "".join(f"Package: {name}\nAuto-Installed: 1\n\n" for name in recommended)
    layer.file("var/lib/apt/extended_states", automatic.encode())
    layer.file(f"{INFO}/curl.list", b"/usr/bin/curl\n").file("usr/bin/curl", 10)
    for name in recommended:
        layer.file(f"{INFO}/{name}.list", f"/usr/bin/{name}\n".encode()).file(f"usr/bin/{name}", 10)
    return layer


class TestRecommended:
    def test_whatever_layer_they_are_in(self, tmp_path: Path) -> None:
        """What is hidden by now too: neither layer would have stored it."""
        early = LayerBuilder().file("usr/bin/extra", 3).file(f"{INFO}/extra:amd64.md5sums", 4).file("usr/bin/extras", 5)
        found = ledger(tmp_path, early, installed("extra"), LayerBuilder().file(f"{CERTIFICATES}/a.pem", 6))
        assert entries(found, recommended_nodes(found)) == [
            (0, "usr/bin/extra"),
            (0, f"{INFO}/extra:amd64.md5sums"),
            (1, f"{INFO}/extra.list"),
            (1, "usr/bin/extra"),
        ]

    def test_certificates_are_bundled_only_since_there_are_any(self, tmp_path: Path) -> None:
        bundle = LayerBuilder().file(f"{CERTIFICATES}/a.pem", 6).file(f"{CERTIFICATES}/java/b", 7).file("etc/ssl/c", 8)
        found = ledger(tmp_path, installed("ca-certificates"), bundle)
        assert entries(found, recommended_nodes(found))[2:] == [
            (1, f"{CERTIFICATES}/a.pem"),
            (1, f"{CERTIFICATES}/java/b"),
        ]

    def test_debconf_s_copy_where_no_other_package_has_questions(self, tmp_path: Path) -> None:
        alone = installed("extra").file(f"{INFO}/extra.templates", 5).file(OLD, 6)
        another = LayerBuilder().file(f"{INFO}/extra.templates", 5).file(f"{INFO}/tzdata.templates", 5).file(OLD, 7)
        found = ledger(tmp_path, alone, another, LayerBuilder().file(OLD, 8))
        assert entries(found, recommended_nodes(found))[2:] == [
            (0, f"{INFO}/extra.templates"),
            (0, OLD),
            (1, f"{INFO}/extra.templates"),
        ]

    def test_none(self, tmp_path: Path) -> None:
        found = ledger(tmp_path, installed(), LayerBuilder().file(OLD, 8).file(f"{CERTIFICATES}/a.pem", 6))
        assert recommended_nodes(found) == set()
