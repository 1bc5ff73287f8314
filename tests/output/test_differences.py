"""The reports of `diff` and `trend`, of images whose names, commands, paths and settings a stranger chose."""

from __future__ import annotations

import json
from io import StringIO
from xml.etree import ElementTree

import jsonschema
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from imagelint.gate import Check
from imagelint.image.comparison import Comparison, LayerChange, PackageChange, PathChange, SettingChange
from imagelint.image.report import LayerReport
from imagelint.output import differences, difftables, schemas, tables, trends
from imagelint.output.json import dumps
from imagelint.output.places import Place
from imagelint.trend import Run
from tests.output.test_gate_formats import judged
from tests.output.test_hostile import PATH, TEXT, WORST, seen

PLACES = {0: Place("Dockerfile", 7, 9)}
MARKUP = "|`|<img src=x> @somebody [a](b) \\| `` |\n| a |"


def compared(text: str, count: int = 1) -> Comparison:
    """Everything that can differ does, so many times, under a stranger's name."""
    before, after = judged(text, text).report, judged(text, text).report
    layer = LayerReport(0, "sha256:9", None, text, 500, None, 1, False, 0)
    return Comparison(
        before,
        after,
        tuple(LayerChange("added", None, layer) for _ in range(count)),
        tuple(PackageChange("pip", text, None, text, 40 + n, 0) for n in range(count)),
        tuple(
            PathChange(f"/{text}", change, 30 * (change != "metadata-only"), 0 if change != "removed" else None)
            for change in ("added", "removed", "changed", "metadata-only")
            for _ in range(count)
        ),
        tuple(SettingChange(f"Env.{text}", None, [text] if n else text) for n in range(count)),
        1,
        2,
    )


def ran(image: str, size: int, *, held: bool = True, commit: str | None = None) -> Run:
    check = Check("max-size", size, 70, held, "")
    return Run(1, image, "sha256:0", commit, size, None, size, 3, held, "" if held else "max-size", (check,))


class TestDiff:
    @given(PATH)
    @example(WORST)
    def test_json_is_what_its_schema_says(self, text: str) -> None:
        document = json.loads(dumps(differences.document(compared(text, 2), PLACES)))
        jsonschema.Draft202012Validator(json.loads(schemas.text("diff"))).validate(document)
        assert [each["line"] for each in document["paths"]] == [7, 7, None, None, 7, 7, 7, 7]

    @given(PATH)
    @example(WORST)
    @example(MARKUP)
    def test_markdown_has_no_markup_of_a_stranger(self, text: str) -> None:
        made = differences.markdown(compared(text, 12), PLACES)
        seen(made.replace("\n", " "))
        tokens = MarkdownIt("commonmark").enable("table").parse(made)
        html = [token.content.strip() for token in tokens if token.type == "html_block"]
        summary = "paths: 12 added, 12 removed, 12 changed, 12 metadata-only"
        assert html == [f"<details><summary>{summary}</summary>", "</details>"]
        inline = [child for token in tokens for child in token.children or ()]
        assert {child.type for child in inline} <= {"text", "code_inline"}
        rows = [token.type for token in tokens].count("tr_open")
        assert rows == (1 + 3) + (1 + 10) * 4

    def test_markdown_says_what_it_leaves_out(self) -> None:
        made = differences.markdown(compared("x", 12), PLACES)
        for what in ("layers", "packages", "settings"):
            assert f"\nand 2 more {what} that differ\n" in made
        assert '| `Env.x` | not set | `["x"]` |' in made
        assert "| `pip x` | +51 B | 7 |  | `x` |" in made

    @given(PATH)
    @example(WORST)
    def test_text_moves_no_terminal(self, text: str) -> None:
        out = StringIO()
        difftables.comparison(tables.console(out), compared(text, 3), PLACES, 10)
        seen(out.getvalue())


class TestTrend:
    @given(st.lists(st.tuples(PATH, st.integers(0, 10**12), st.booleans(), TEXT), max_size=6))
    @example([(WORST, 5, True, WORST), (WORST, 0, False, "")])
    def test_every_form(self, given_: list[tuple[str, int, bool, str]]) -> None:
        runs = [ran(image, size, held=held, commit=commit or None) for image, size, held, commit in given_]
        document = json.loads(dumps(trends.document(runs)))
        jsonschema.Draft202012Validator(json.loads(schemas.text("trend"))).validate(document)
        lines = list(trends.lines(runs))
        seen("".join(lines))
        assert len(lines) == (len(runs) + len({run.image for run in runs}) if runs else 1)
        plot = trends.svg(runs)
        seen(plot)
        root = ElementTree.fromstring(plot)
        assert len(root.findall(".//{*}circle")) == len(runs)
        assert {element.tag.partition("}")[2] for element in root.iter()} <= {
            "svg", "rect", "polyline", "circle", "title", "text", "line",
        }  # fmt: skip

    def test_the_sparkline_and_the_marks(self) -> None:
        runs = [ran("a", 10), ran("b", 5), ran("a", 80, held=False), ran("a", 45)]
        assert list(trends.lines(runs))[-2:] == ["▁█▄  10 B → 45 B  a", "▁  5 B → 5 B  b"]
        fills = [circle.get("fill") for circle in ElementTree.fromstring(trends.svg(runs)).findall(".//{*}circle")]
        assert fills.count("#c00") == 1
