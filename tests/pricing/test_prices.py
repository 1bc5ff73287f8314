"""What findings cost, measured in layers that are known to the byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagelint.cli import main
from imagelint.finding import Price
from imagelint.image.reading import read_image
from imagelint.pricing.assessment import Assessment
from imagelint.pricing.ladder import ladder
from imagelint.pricing.prices import Charge
from imagelint.testing import LayerBuilder

from .images import Step, assessed, built

APT = "var/lib/apt/lists/"
UPDATE = "RUN apt-get update"
INSTALL = "RUN apt-get install -y --no-install-recommends curl"


def prices(steps: list[Step], folder: Path) -> dict[str, Price]:
    """The price of each finding by its code; the last of a code."""
    found = assessed(*built(steps, folder)).bill.findings
    return {finding.code: finding.price for finding in found if finding.price is not None}


def app(owner: int = 0, mode: int = 0o644) -> LayerBuilder:
    """A program in a folder, 3 MB in two files."""
    return (
        LayerBuilder()
        .directory("app", uid=owner)
        .file("app/main", b"\x01" * 2_000_000, uid=owner, mode=mode)
        .file("app/data", b"\x02" * 1_000_000, uid=owner, mode=mode)
    )


class TestMeasured:
    def test_lists_that_stay(self, tmp_path: Path) -> None:
        steps = [(f"{UPDATE} && apt-get install -y x", LayerBuilder().file(f"{APT}a", 5_000_000).file("usr/bin/x", 10))]
        assert prices(steps, tmp_path)["IL101"] == Price(5_000_000, None, "measured", (1,))

    def test_runs_that_should_be_one_cost_what_dies_among_them(self, tmp_path: Path) -> None:
        status = "var/lib/dpkg/status"
        steps: list[Step] = [
            (UPDATE, LayerBuilder().file(f"{APT}a", 4_000_000)),
            (INSTALL, LayerBuilder().file(status, 100_000).file("usr/bin/curl", 300_000)),
            ("RUN apt-get install -y jq", LayerBuilder().file(status, 110_000).file("usr/bin/jq", 7)),
            ("RUN rm -rf /var/lib/apt/lists/*", LayerBuilder().whiteout(f"{APT}a")),
        ]
        found = prices(steps, tmp_path)
        assert found["IL201"] == Price(4_100_000, None, "measured", (1, 2))
        assert found["IL101"].layer_bytes == 4_000_000

    def test_chown_costs_the_first_copy(self, tmp_path: Path) -> None:
        steps: list[Step] = [("COPY . /app", app()), ("RUN chown -R 1000 /app", app(owner=1000))]
        assert prices(steps, tmp_path)["IL202"] == Price(3_000_000, None, "measured", (1,))

    def test_chmod(self, tmp_path: Path) -> None:
        steps: list[Step] = [("COPY . /app", app()), ("RUN chmod -R a+rX /app", app(mode=0o755))]
        assert prices(steps, tmp_path)["IL203"].layer_bytes == 3_000_000

    def test_mv(self, tmp_path: Path) -> None:
        moved = LayerBuilder().whiteout("tmp/x.bin").file("srv/x.bin", b"x" * 2_500_000)
        steps: list[Step] = [
            ("COPY x.bin /tmp/", LayerBuilder().file("tmp/x.bin", b"x" * 2_500_000)),
            ("RUN mv /tmp/x.bin /srv/", moved),
        ]
        assert prices(steps, tmp_path)["IL204"].layer_bytes == 2_500_000

    def test_rm_of_one_of_two(self, tmp_path: Path) -> None:
        copied = LayerBuilder().file("tmp/a.deb", 2_000_000).file("tmp/b.deb", 900_000)
        steps: list[Step] = [
            ("COPY a.deb b.deb /tmp/", copied),
            ("RUN dpkg -i /tmp/a.deb && rm /tmp/a.deb", LayerBuilder().whiteout("tmp/a.deb").file("usr/bin/a", 10)),
        ]
        assert prices(steps, tmp_path)["IL205"].layer_bytes == 2_000_000

    def test_cp_costs_the_copies(self, tmp_path: Path) -> None:
        steps: list[Step] = [
            ("COPY site/ /tmp/site/", LayerBuilder().file("tmp/site/a", b"a" * 700_000)),
            ("RUN cp -r /tmp/site/* /srv/www/", LayerBuilder().file("srv/www/a", b"a" * 700_000).file("srv/www/b", 5)),
        ]
        assert prices(steps, tmp_path)["IL206"] == Price(700_000, None, "measured", (2,))

    def test_waste_that_no_text_shows(self, tmp_path: Path) -> None:
        steps: list[Step] = [("COPY . /app", app()), ("RUN /app/setup", app(owner=1000))]
        text, image = built(steps, tmp_path)
        found = [each for each in assessed(text, image).bill.findings if each.code == "IL220"]
        assert len(found) == 1
        assert found[0].price == Price(3_000_000, None, "measured", (1,))
        assert found[0].message == "RUN changes the owner of what the COPY in line 2 stored"
        assert found[0].help == "`COPY --chown=1000:0`"
        assert [text[each.span.start : each.span.end] for each in found[0].related] == ["COPY"]

    def test_it_can_be_silenced_like_any_other(self, tmp_path: Path) -> None:
        steps: list[Step] = [("COPY . /app", app()), ("RUN /app/setup", app(owner=1000))]
        text, image = built(steps, tmp_path)
        silenced = text.replace("RUN", "# imagelint: ignore[IL220] once\nRUN")
        assert [each.code for each in assessed(silenced, image).bill.findings] == []


class TestUnknown:
    def test_a_dockerfile_of_another_image(self, tmp_path: Path) -> None:
        _, image = built([("RUN make", LayerBuilder().file("a", 5))], tmp_path)
        found = assessed("FROM base:1\nRUN apt-get update && apt-get install -y curl\n", image)
        assert not found.attribution.matches
        assert "does not look like the Dockerfile" in found.doubt
        assert {each.price.layer_bytes for each in found.bill.findings if each.price} == {None}
        assert found.bill.total is None

    def test_a_changed_instruction_stays_unknown(self, tmp_path: Path) -> None:
        steps: list[Step] = [
            (f"{UPDATE} && apt-get install -y x", LayerBuilder().file(f"{APT}a", 5_000_000)),
            ("RUN make", LayerBuilder().file("a", 1)),
            ("RUN make install", LayerBuilder().file("b", 1)),
        ]
        text, image = built(steps, tmp_path)
        price = next(
            each.price for each in assessed(text.replace(" x", " y"), image).bill.findings if each.code == "IL101"
        )
        assert price == Price(None, reason="its instruction is not found in the image's history")

    def test_a_stage_that_is_not_shipped(self, tmp_path: Path) -> None:
        text, image = built([("COPY a /a", LayerBuilder().file("a", 5))], tmp_path)
        text = "FROM base:1 AS build\nRUN pip install x\n" + text
        found = {each.code: each.price for each in assessed(text, image).bill.findings if each.price}
        assert all(price.reason for price in found.values() if price.layer_bytes is None)


PATHS = st.sampled_from(["app/a", "app/b", "srv/a", f"{APT}x", "var/lib/dpkg/status", "root/.cache/pip/w"])
LINES = st.sampled_from(
    [
        "COPY . /app",
        "RUN apt-get update && apt-get install -y curl",
        "RUN apt-get install -y jq",
        "RUN chown -R 1 /app",
        "RUN rm -rf /app /var/lib/apt/lists/*",
        "RUN mv /app/a /srv/a",
        "RUN cp -r /app /srv",
        "RUN pip install x",
    ]
)


@st.composite
def layers(draw: st.DrawFn) -> LayerBuilder:
    layer = LayerBuilder()
    for path in draw(st.lists(PATHS, max_size=5, unique=True)):
        if draw(st.booleans()):
            layer.file(path, draw(st.sampled_from([b"", b"a" * 200_000, b"b" * 300_000])), uid=draw(st.integers(0, 1)))
        else:
            layer.whiteout(path)
    return layer


def shares(found: Assessment) -> None:
    total = found.ledger.total
    known = [
        each.price.layer_bytes for each in found.bill.findings if each.price and each.price.layer_bytes is not None
    ]
    assert all(0 <= each <= total for each in known)
    assert found.bill.total is not None
    assert max(known, default=0) <= found.bill.total <= min(sum(known), total)
    assert known == sorted(known, reverse=True)
    for charge in found.bill.charges:
        assert charge.finding.price is not None
        size = charge.finding.price.layer_bytes
        assert (size is None) == (charge.finding.price.how == "unknown")
        assert size is not None or charge.finding.price.reason
        assert size in (None, found.ledger.bytes(charge.nodes))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(LINES, layers()), min_size=1, max_size=6))
def test_no_byte_is_charged_twice_in_all(tmp_path: Path, steps: list[Step]) -> None:
    """However findings overlap, their sum is no more than the layers hold, and each price is that of its entries."""
    shares(assessed(*built(steps, tmp_path)))


@pytest.mark.parametrize("least", ["1MB", "10MB"])
def test_min_bytes(tmp_path: Path, least: str, capsys: pytest.CaptureFixture[str]) -> None:
    steps = [(f"{UPDATE} && apt-get install -y x", LayerBuilder().file(f"{APT}a", 5_000_000))]
    text, _ = built(steps, tmp_path)
    (tmp_path / "Dockerfile").write_text(text)
    arguments = ["check", "--isolated", "--image", str(tmp_path / "image.tar"), "--min-bytes", least]
    status = main([*arguments, str(tmp_path / "Dockerfile")])
    assert status == (1 if least == "1MB" else 0)
    assert ("5.00 MB, measured in layer 1" in capsys.readouterr().out) == (least == "1MB")


EXTRA = b"/usr/bin/extra\n"


def with_recommended() -> LayerBuilder:
    """What installing curl and jq leaves, of which a package `extra` is only recommended, and a cache of 1 MB."""
    status = "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 1\n{more}\n"
        for name, more in (("curl", "Recommends: extra\n"), ("jq", ""), ("extra", ""))
    )
    return (
        LayerBuilder()
        .file("var/lib/dpkg/status", status.encode())
        .file("var/lib/apt/extended_states", b"Package: extra\nAuto-Installed: 1\n")
        .file("var/lib/dpkg/info/extra.list", EXTRA)
        .file("usr/bin/extra", 5_000_000)
        .file("var/cache/apt/pkgcache.bin", 1_000_000)
    )


def test_the_same_bytes_are_said_to_be_the_same(tmp_path: Path) -> None:
    """Two commands of one RUN that bring recommended packages cannot be told apart in its layer."""
    text = "RUN apt-get update && apt-get install -y curl && apt-get install -y jq && rm -rf /var/lib/apt/lists/*"
    findings = assessed(*built([(text, with_recommended())], tmp_path)).bill.findings
    size = 5_000_000 + len(EXTRA)
    assert [each.price for each in findings if each.code == "IL525"] == [
        Price(size, None, "predicted", (1,)),
        Price(size, None, "predicted", (1,), "the same bytes as in line 2, IL525"),
    ]


def test_the_ladder_without_a_dockerfile_saves_what_it_says(tmp_path: Path) -> None:
    """Without lines no caches are cleaned, so that the packages' bytes alone are gone."""
    text = "RUN apt-get update && apt-get install -y curl jq"
    found = assessed(*built([(text, with_recommended())], tmp_path))
    total, size = found.ledger.total, 5_000_000 + len(EXTRA)

    def sizes(charges: Sequence[Charge] | None) -> dict[str, tuple[tuple[str, ...], int]]:
        rungs = ladder(found.ledger, charges, 1)
        return {each.name: (each.after, total - each.layer_bytes) for each in rungs if "-stage" not in each.name}

    alone = sizes(None)
    assert alone["no-recommends"] == ((), size)
    assert not alone.keys() & {"merged", "cleaned", "stored-once"}
    assert sizes(found.bill.charges)["no-recommends"] == (("merged", "cleaned", "stored-once"), size + 1_000_000)


def test_where_files_were_not_looked_into_nothing_is_predicted_that_hangs_on_packages(tmp_path: Path) -> None:
    """What hangs on lines alone is predicted as ever."""
    text, image = built([("RUN apt-get update && apt-get install -y curl jq", with_recommended())], tmp_path)
    whole = assessed(text, image)
    headers = assessed(text, read_image(str(tmp_path / "image.tar"), verify=False, contents=False))
    found, every = (ladder(each.ledger, each.bill.charges, 1) for each in (headers, whole))
    assert [each.name for each in found] == ["merged", "cleaned", "stored-once"]
    assert found == every[:3]
    assert ladder(headers.ledger, None, 1) == []
    (unknown,) = (each.price for each in headers.bill.findings if each.code == "IL525")
    assert unknown == Price(None, reason="which packages there are was not read")


def test_min_bytes_are_the_totals_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps: list[Step] = [
        (f"{UPDATE} && apt-get install -y x", LayerBuilder().file(f"{APT}a", 5_000_000)),
        ("COPY . /app", app()),
        ("RUN chown -R 1000 /app", app(owner=1000)),
    ]
    text, _ = built(steps, tmp_path)
    (tmp_path / "Dockerfile").write_text(text)
    arguments = ["check", "--isolated", "--image", str(tmp_path / "image.tar"), str(tmp_path / "Dockerfile")]
    main(arguments)
    assert "8.00 MB in all" in capsys.readouterr().out
    main([*arguments, "--min-bytes", "4MB"])
    assert "5.00 MB in all" in capsys.readouterr().out


def test_nothing_in_all_is_said_of_another_images_dockerfile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built([("RUN make", LayerBuilder().file("a", 5))], tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM base:1\nRUN apt-get update && apt-get install -y curl\n")
    main(["check", "--isolated", "--image", str(tmp_path / "image.tar"), str(tmp_path / "Dockerfile")])
    out = capsys.readouterr().out
    assert "not known: the Dockerfile does not match the image" in out
    assert "in all" not in out
