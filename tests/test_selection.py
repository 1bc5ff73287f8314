"""Which findings of a small Dockerfile are kept, by what somebody selects and ignores."""

from __future__ import annotations

import pytest

from imagelint import plugins, selection
from imagelint.errors import UsageError
from imagelint.finding import Persona, Severity
from imagelint.linter import lint
from imagelint.pathglobs import PathGlobs
from imagelint.selection import Layer, PerFile, Selection

LOADED = plugins.load()
#: A finding of IL101 (DL3009), IL103 (DL3042) and IL104 (no other tool's), and a pedantic one, IL913.
TEXT = "FROM a\nRUN apt-get update\nUSER b\nRUN pip install x\nUSER c\nRUN npm ci\n# hadolint ignore=DL3042\nUSER d\n"


def kept(chosen: Selection, text: str = TEXT, path: str = "Dockerfile") -> str:
    """The codes of what this file's rules find, with the severity where it is no warning any more."""
    known = ("IL001", "IL101", "IL103", "IL104", "IL913")
    plan = selection.plan(LOADED, chosen)
    rules = [rule._replace(severity=Severity.WARNING) for rule in plan.rules if rule.code in known]
    shown = []
    for finding in lint(path, text, plan._replace(rules=tuple(rules), batches=())).findings:
        assert finding.severity is not None
        as_usual = finding.severity is Severity.WARNING or finding.code == "IL001"
        shown.append(finding.code if as_usual else f"{finding.code}={finding.severity.label}")
    return " ".join(shown)


def layer(
    select: str | None = None, extend: str = "", ignore: str = "", severities: dict[str, Severity] | None = None
) -> Layer:
    return Layer(
        None if select is None else tuple(select.split()), tuple(extend.split()), tuple(ignore.split()),
        severities or {},
    )  # fmt: skip


LAYERS = {
    "nothing said: the default set": ([], "IL101 IL103 IL104"),
    "an empty layer": ([layer()], "IL101 IL103 IL104"),
    "all, pedantic ones too": ([layer("ALL")], "IL101 IL103 IL104 IL913"),
    "a code": ([layer("IL101")], "IL101"),
    "a name": ([layer("apt-lists-kept")], "IL101"),
    "another tool's id": ([layer("DL3009")], "IL101"),
    "a prefix": ([layer("IL10")], "IL101 IL103 IL104"),
    "a prefix that is letters alone": ([layer("IL")], "IL101 IL103 IL104 IL913"),
    "a prefix of another tool's codes": ([layer("DL3")], "IL101 IL103"),
    "selecting nothing": ([layer("")], ""),
    "adding to the default set": ([layer(extend="IL913")], "IL101 IL103 IL104 IL913"),
    "adding to what is selected": ([layer("IL101", extend="IL104")], "IL101 IL104"),
    "ignoring a code": ([layer(ignore="IL101")], "IL103 IL104"),
    "ignoring another tool's id": ([layer(ignore="DL3042")], "IL101 IL104"),
    "ignoring all of another tool's": ([layer(ignore="DL")], "IL104"),
    "ignoring all": ([layer(ignore="ALL")], ""),
    "ignoring all but one": ([layer(extend="IL104", ignore="ALL")], "IL104"),
    "a code is more specific than a prefix": ([layer("IL101", ignore="IL1")], "IL101"),
    "the longer prefix is more specific": ([layer("IL10", ignore="IL1")], "IL101 IL103 IL104"),
    "the longer prefix is ignored": ([layer("IL1", ignore="IL10")], ""),
    "both by code: ignored": ([layer("IL101 IL103", ignore="IL101")], "IL103"),
    "by code and by another tool's id: ignored": ([layer("IL101 IL103", ignore="DL3009")], "IL103"),
    "selected later than ignored": ([layer(ignore="IL101"), layer("IL101")], "IL101"),
    "added later than ignored": ([layer(ignore="IL101"), layer(extend="IL101")], "IL101 IL103 IL104"),
    "ignored later than selected": ([layer("IL101 IL103"), layer(ignore="IL1")], ""),
    "what is selected later undoes the rest": ([layer("IL101", ignore="IL104"), layer("IL104")], "IL104"),
    "a later layer that says nothing": ([layer("IL101"), layer()], "IL101"),
    "severity by code": ([layer(severities={"IL103": Severity.ERROR})], "IL101 IL103=error IL104"),
    "severity by prefix, all and code": (
        [layer(severities={"IL103": Severity.STYLE, "IL10": Severity.INFO, "ALL": Severity.ERROR})],
        "IL101=info IL103=style IL104=info",
    ),
    "severity of a later layer, although less specific": (
        [layer(severities={"DL3042": Severity.ERROR}), layer(severities={"IL1": Severity.INFO})],
        "IL101=info IL103=info IL104=info",
    ),
    "a severity selects nothing": ([layer("IL101", severities={"IL103": Severity.ERROR})], "IL101"),
}


@pytest.mark.parametrize(("layers", "expected"), LAYERS.values(), ids=LAYERS)
def test_layers(layers: list[Layer], expected: str) -> None:
    assert kept(Selection(tuple(layers))) == expected


OTHERS = {
    "a pedantic user": (Selection(persona=Persona.PEDANTIC), "IL101 IL103 IL104 IL913"),
    "one from hadolint": (Selection(hadolint=True), "IL101=info IL103 IL104"),
    "one from hadolint, with a severity of their own": (
        Selection((layer(severities={"DL3009": Severity.ERROR}),), hadolint=True),
        "IL101=error IL103 IL104",
    ),
    "a least severity": (Selection(hadolint=True, minimum=Severity.WARNING), "IL103 IL104"),
    "a least severity, after severities are changed": (
        Selection((layer(severities={"IL103": Severity.INFO}),), minimum=Severity.WARNING),
        "IL101 IL104",
    ),
    "ignored in this file": (Selection(per_file=(PerFile(PathGlobs(["Dockerfile"]), ("DL3009",)),)), "IL103 IL104"),
    "a prefix ignored in this file": (Selection(per_file=(PerFile(PathGlobs(["Docker*"]), ("IL1",)),)), ""),
    "ignored in another file": (Selection(per_file=(PerFile(PathGlobs(["x"]), ("IL1",)),)), "IL101 IL103 IL104"),
    "ignored here, although selected by code": (
        Selection((layer("IL101"),), per_file=(PerFile(PathGlobs(["Dockerfile"]), ("ALL",)),)),
        "",
    ),
}


@pytest.mark.parametrize(("chosen", "expected"), OTHERS.values(), ids=OTHERS)
def test_what_else_chooses(chosen: Selection, expected: str) -> None:
    assert kept(chosen) == expected


SYNTAX = {
    "by default": ([], "IL001 IL101"),
    "another rule selected": ([layer("IL101")], "IL001 IL101"),
    "nothing selected": ([layer("")], "IL001"),
    "selected by hadolint's id": ([layer("DL1000")], "IL001"),
    "ignored by name": ([layer(ignore="syntax-error")], "IL101"),
    "ignored by prefix": ([layer("IL1", ignore="IL0")], "IL101"),
}


@pytest.mark.parametrize(("layers", "expected"), SYNTAX.values(), ids=SYNTAX)
def test_a_file_that_does_not_parse_is_never_clean_by_accident(layers: list[Layer], expected: str) -> None:
    assert kept(Selection(tuple(layers)), "FROM a\nRUNN x\nRUN apt-get update\n") == expected


WRONG = {
    "no such code": (layer("IL999"), "IL999: no such rule", "did you mean IL9"),
    "small letters": (layer("il101"), "il101: no such rule", "did you mean IL101?"),
    "a misspelt name": (layer(ignore="apt-list-kept"), "apt-list-kept: no such rule", "did you mean apt-lists-kept?"),
    "part of a prefix's letters": (layer("I"), "I: no such rule", ""),
    "nothing like it": (layer(extend="qqqqqqqq"), "qqqqqqqq: no such rule", "`imagelint rules` lists them"),
    "empty": (layer()._replace(ignore=("",)), "an empty text: no such rule", ""),
    "of a severity": (layer(severities={"DL9999": Severity.ERROR}), "DL9999: no such rule", "did you mean DL"),
    "very long": (layer("x" * 100_000), "no such rule", ""),
    "from a file": (layer("IL9x")._replace(source="a.toml"), "a.toml: IL9x: no such rule", ""),
}


@pytest.mark.parametrize(("given", "message", "hint"), WRONG.values(), ids=WRONG)
def test_what_names_no_rule_is_an_error(given: Layer, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        selection.plan(LOADED, Selection((given,)))
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_per_file_ignores_are_checked_too() -> None:
    with pytest.raises(UsageError, match=r"a\.toml: IL9x: no such rule"):
        selection.plan(LOADED, Selection(per_file=(PerFile(PathGlobs(["x"]), ("IL9x",)),), source="a.toml"))


@pytest.mark.parametrize("code", ["DL3008", "DL4002", "SC2086"])
def test_codes_of_hadolint_are_known_whether_or_not_there_is_a_rule(code: str) -> None:
    assert kept(Selection((layer(ignore=code),))) == "IL101 IL103 IL104"


PATTERNS = {
    "a name, here": ("vendor", "vendor/Dockerfile", True),
    "a name, deeper": ("vendor", "a/vendor/b/Dockerfile", True),
    "a name, of the file": ("Dockerfile.test", "a/Dockerfile.test", True),
    "a name, not a part of one": ("vendor", "vendors/Dockerfile", False),
    "a star": ("*.dockerfile", "a/b.dockerfile", True),
    "a folder and a name": ("a/Dockerfile", "a/Dockerfile", True),
    "a folder and a name, deeper": ("a/Dockerfile", "b/a/Dockerfile", False),
    "a star between slashes": ("a/*/Dockerfile", "a/b/Dockerfile", True),
    "a star and two folders": ("a/*/Dockerfile", "a/b/c/Dockerfile", False),
    "two stars": ("a/**/Dockerfile", "a/b/c/Dockerfile", True),
    "a folder": ("a/b", "a/b/c/Dockerfile", True),
    "a folder with a slash behind": ("vendor/", "a/vendor/Dockerfile", True),
    "a slash before": ("/vendor", "a/vendor/Dockerfile", False),
    "a dot before": ("./vendor", "./vendor/Dockerfile", True),
    "a path with dots": ("a", "./b/../a/Dockerfile", True),
    "nothing of it": ("x", "-", False),
}


@pytest.mark.parametrize(("pattern", "path", "expected"), PATTERNS.values(), ids=PATTERNS)
def test_patterns_of_files(pattern: str, path: str, expected: bool) -> None:
    assert PathGlobs([pattern]).matches(path) is expected


@pytest.mark.parametrize("pattern", ["", "/", "[a", "!vendor", "a\\"])
def test_patterns_that_are_none(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        PathGlobs([pattern])
