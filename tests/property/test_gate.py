"""What a gate must be for anybody to trust it: idempotent, monotone, and blind to the order of things."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from imagelint import gate, gateconfig
from imagelint.gate import Budgets, Subject, Verdict, Waiver
from imagelint.image.analyze import analyze
from imagelint.image.reading import read_image
from imagelint.image.report import DiveNumbers, ImageSummary, LayerReport, Package, PathSize, Reclaimable, Report
from imagelint.testing import ImageBuilder, LayerBuilder

TODAY = date(2026, 6, 1)
NAMES = st.sampled_from(["a", "b", "etc/c", "etc/d", "srv/e"])
#: Layers of an image: what each stores, in some order; a size of None removes a path.
FILES = st.dictionaries(NAMES, st.none() | st.integers(0, 50), max_size=5)
LAYERS = st.lists(FILES, min_size=1, max_size=4)
GROWTH = st.sampled_from(["0%", "1%", "50%", "7B", "100B"]).map(gate.parse_growth)
FLOOR = st.sampled_from([0, 0, 9, 60])
BUDGETS = st.builds(Budgets, max_growth=GROWTH, min_growth=FLOOR) | st.builds(
    Budgets,
    max_size=st.none() | st.integers(0, 400),
    max_growth=st.none() | GROWTH,
    min_growth=FLOOR,
    max_layer=st.none() | st.integers(0, 200),
    max_waste=st.none() | st.integers(0, 100),
    max_layers=st.none() | st.integers(0, 5),
    min_efficiency=st.none() | st.floats(0, 1),
    forbidden_paths=st.lists(st.sampled_from(["/etc/*", "a", "*/e"]), max_size=2).map(tuple),
    forbidden_packages=st.lists(st.sampled_from(["gcc", "lib*"]), max_size=2).map(tuple),
    own_only=st.booleans(),
)


def archive(path: Path, layers: list[list[tuple[str, int | None]]]) -> str:
    """An image whose layers hold these files in this order."""
    builder = ImageBuilder("x:1")
    for number, files in enumerate(layers):
        layer = LayerBuilder()
        for name, size in files:
            if size is None:
                layer.whiteout(name)
            else:
                layer.file(name, b"x" * size)
        builder.layer(layer, f"RUN /bin/sh -c step {number} # buildkit")
    return str(builder.save(path))


def subject(path: str) -> Subject:
    from imagelint.pricing.ledger import Ledger

    ledger = Ledger(read_image(path))
    return Subject(analyze(ledger), [f"/{each}" for each in ledger.tree.paths])


def made(layers: list[list[tuple[str, int | None]]]) -> Subject:
    with tempfile.TemporaryDirectory() as folder:
        return subject(archive(Path(folder) / "image.tar", layers))


def judge(image: Subject, budgets: Budgets, old: Subject | None) -> Verdict:
    """Judged against another image, where there is one to compare with."""
    baseline = gate.snapshot(old.report) if old else None
    return gate.judge(image, budgets if old else replace(budgets, max_growth=None), baseline, TODAY)


@settings(max_examples=40)
@given(LAYERS)
def test_against_the_baseline_that_it_wrote_an_image_holds(layers: list[dict[str, int | None]]) -> None:
    """Nothing has grown, nobody is to blame, and what is written again is the same to the byte."""
    image = made([list(files.items()) for files in layers])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "base.json"
        gate.write_baseline(str(path), gate.snapshot(image.report))
        written = path.read_bytes()
        verdict = gate.judge(image, Budgets(max_growth=gate.parse_growth("0%")), gate.read_baseline(str(path)))
        assert verdict.held
        assert verdict.culprits == ()
        gate.write_baseline(str(path), gate.read_baseline(str(path)))
        assert path.read_bytes() == written
        gate.write_baseline(str(path), gate.snapshot(image.report))
        assert path.read_bytes() == written


@settings(max_examples=40)
@given(LAYERS, LAYERS, BUDGETS, st.data())
def test_the_order_of_files_in_a_layer_is_nothing(
    old: list[dict[str, int | None]], new: list[dict[str, int | None]], budgets: Budgets, data: st.DataObject
) -> None:
    """The same files in another order: the same checks in the same words, the same culprits, the same baseline."""
    before = made([list(files.items()) for files in old])
    shuffled = [data.draw(st.permutations(list(files.items()))) for files in new]
    images = [made(layers) for layers in ([list(each.items()) for each in new], shuffled)]
    verdicts = [judge(image, budgets, before) for image in images]
    kept = [gate.snapshot(image.report) for image in images]
    assert list(kept[0].paths.items()) == list(kept[1].paths.items())
    assert verdicts[0].checks == verdicts[1].checks
    assert verdicts[0].culprits == verdicts[1].culprits


# From here on images are reports as they could be, so that each number can be moved alone.


def report(layers: list[tuple[str, int, bool]], wasted: int = 0, packages: list[str] | None = None) -> Report:
    total = sum(size for _, size, _ in layers)
    wasted = min(wasted, layers[0][1] if layers else 0)
    return Report(
        ImageSummary("x:1", "docker", "sha256:0", "linux/amd64", total, None, True),
        tuple(
            LayerReport(n, f"sha256:{n}", None, command, size, None, 1, base, n)
            for n, (command, size, base) in enumerate(layers)
        ),
        total - wasted,
        wasted,
        (Reclaimable("removed", wasted, 1, 0, None),) if wasted else (),
        (),
        (PathSize("/a", 1, 0),) if layers else (),
        DiveNumbers(1.0, 0, None),
        packages=tuple(Package("dpkg", name, "1", 10, 1, 0) for name in packages or ()),
    )


STEPS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 150), st.just(False)), max_size=5)
PACKAGES = st.lists(st.sampled_from(["gcc", "libc", "bash"]), unique=True, max_size=3)
PATHS = st.lists(st.sampled_from(["/a", "/etc/c", "/srv/e", "/x"]), unique=True, max_size=4)
IMAGES = st.builds(
    lambda layers, wasted, packages, paths: Subject(report(layers, wasted, packages), paths),
    STEPS,
    st.integers(0, 120),
    PACKAGES,
    PATHS,
)


@given(IMAGES, IMAGES, BUDGETS, st.data())
def test_what_holds_within_a_budget_holds_within_a_wider_one(
    image: Subject, old: Subject, budgets: Budgets, data: st.DataObject
) -> None:
    """Any budget may be widened or taken away, and any may be left as it is: held stays held."""
    more = data.draw(st.integers(0, 50))
    widened: dict[str, Any] = {
        name: None if limit is None or data.draw(st.booleans()) else limit + more
        for name in ("max_size", "max_layer", "max_waste", "max_layers")
        for limit in (getattr(budgets, name),)
    }
    if budgets.max_growth is not None:
        known = budgets.max_growth.limit(gate.snapshot(old.report).size(budgets.own_only, compressed=False))
        widened["max_growth"] = gate.parse_growth(f"{known + more}B")
    if budgets.min_efficiency is not None:
        widened["min_efficiency"] = budgets.min_efficiency * data.draw(st.floats(0, 1))
    widened["min_growth"] = budgets.min_growth + data.draw(st.integers(0, 50))
    widened["forbidden_paths"] = budgets.forbidden_paths[: data.draw(st.integers(0, 2))]
    widened["forbidden_packages"] = budgets.forbidden_packages[: data.draw(st.integers(0, 2))]
    wider = replace(budgets, **widened)
    assert judge(image, wider, old).held or not judge(image, budgets, old).held


@given(STEPS, st.integers(0, 120), PACKAGES, PATHS, IMAGES, BUDGETS, st.data())
def test_what_is_broken_stays_broken_in_a_larger_image(
    layers: list[tuple[str, int, bool]],
    wasted: int,
    packages: list[str],
    paths: list[str],
    old: Subject,
    budgets: Budgets,
    data: st.DataObject,
) -> None:
    """Bytes, a layer, waste, packages and paths are added: a broken budget stays broken, but for the share of waste."""
    budgets = replace(budgets, min_efficiency=None)
    small = Subject(report(layers, wasted, packages), paths)
    larger = [(command, size + data.draw(st.integers(0, 40)), base) for command, size, base in layers]
    larger += data.draw(STEPS)
    large = Subject(
        report(larger, wasted + data.draw(st.integers(0, 9)), [*packages, *data.draw(PACKAGES)]),
        [*paths, *data.draw(PATHS)],
    )
    assert judge(small, budgets, old).held or not judge(large, budgets, old).held


TABLES = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a:*", "b:*", "c:1", "d"])},
        optional={
            "max-size": st.sampled_from(["1B", "100B", "1kB"]),
            "max-layers": st.integers(0, 4),
            "forbidden-paths": st.lists(st.sampled_from(["/a", "/etc/*"]), max_size=2),
        },
    ),
    unique_by=lambda table: table["name"],
    max_size=4,
)
WAIVERS = st.lists(
    st.builds(
        lambda check, reason, days: {"check": check, "reason": reason, "expires": TODAY + timedelta(days)},
        st.sampled_from(["max-size", "max-layers", "forbidden-paths"]),
        st.sampled_from(["one", "two"]),
        st.integers(-2, 2),
    ),
    max_size=4,
)


@given(TABLES, WAIVERS, IMAGES, st.sampled_from(["a:1", "b:2", "c:1", "d"]), st.data())
def test_the_order_in_a_configuration_is_nothing(
    tables: list[dict[str, Any]], waivers: list[dict[str, Any]], image: Subject, reference: str, data: st.DataObject
) -> None:
    """Keys, tables of images that are not the same, waivers and patterns: in any order the same verdict."""
    table = {"max-size": "50B", "forbidden-paths": ["/srv/*", "/a"], "image": tables, "waiver": waivers}

    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in data.draw(st.permutations(list(value)))}
        return [shuffled(each) for each in data.draw(st.permutations(value))] if isinstance(value, list) else value

    verdicts = [
        gate.judge(image, gateconfig.budgets("imagelint.toml", each, reference), None, TODAY)
        for each in (table, shuffled(table))
    ]
    assert verdicts[0] == verdicts[1]


@given(IMAGES, BUDGETS, st.lists(st.integers(-3, 3), max_size=4))
def test_a_waiver_opens_nothing_once_it_has_expired(image: Subject, budgets: Budgets, days: list[int]) -> None:
    """Exactly those checks hold that held without it, or whose waiver lasts until today or longer."""
    waivers = tuple(Waiver("max-size", "why", TODAY + timedelta(each)) for each in days)
    plain = judge(image, budgets, None)
    waived = judge(image, replace(budgets, waivers=waivers), None)
    for before, after in zip(plain.checks, waived.checks, strict=True):
        lasts = before.name == "max-size" and any(each >= 0 for each in days)
        assert after.held is (before.held or lasts)
        assert (after.observed, after.limit) == (before.observed, before.limit)
