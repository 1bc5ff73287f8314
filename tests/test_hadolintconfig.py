"""hadolint's configuration, as a team has it on the day it changes tools."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelint import config
from imagelint.errors import ImagelintError
from imagelint.finding import Severity
from imagelint.graph import Demands

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from imagelint.settings import Settings

    Run = Callable[..., subprocess.CompletedProcess[str]]

BAD = "FROM a\nRUN apt-get update\nUSER b\nRUN pip install x\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "Dockerfile").write_text(BAD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def read(text: str) -> Settings:
    Path(".hadolint.yaml").write_text(text)
    return config.load()


WHOLE = """
failure-threshold: error
format: sarif
ignored: [DL3008, SC2046]
label-schema:
  author: text
  version: semver
  free: ""
no-color: true
no-fail: true
verbose: true
override:
  error: [DL3042]
  info: [DL3009, DL3057]
  style: []
strict-labels: true
disable-ignore-pragma: true
trustedRegistries:
- docker.io
- "*.example.com"
"""


def test_every_key() -> None:
    settings = read(WHOLE)
    (layer,) = settings.selection.layers
    assert settings.selection.hadolint
    assert layer.ignore == ("DL3008", "SC2046")
    assert layer.severities == {"DL3042": Severity.ERROR, "DL3009": Severity.INFO, "DL3057": Severity.INFO}
    assert (layer.select, layer.extend_select) == (None, ("DL3057",))
    labels = {"author": "text", "version": "semver", "free": "text"}
    assert settings.demands == Demands(("docker.io", "*.example.com"), labels, strict_labels=True)
    assert (settings.fail_on, settings.output_format) == (Severity.ERROR, "sarif")
    assert (settings.exit_zero, settings.colour, settings.pragmas) == (True, False, False)
    assert settings.notes == ()


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n", "ignored:\noverride:\n  error:\n"])
def test_a_file_that_says_nothing_turns_its_default_set_on(text: str) -> None:
    settings = read(text)
    assert settings.selection.hadolint
    assert (settings.fail_on, settings.exit_zero, settings.colour, settings.pragmas) == (None, False, True, True)


WRONG = {
    "a key": ("ignore: [DL3008]", "there is no key 'ignore'", "did you mean ignored?"),
    "a key with its other spelling": ("trusted-registries: [x]", "no key 'trusted-registries'", "trustedRegistries?"),
    "a level of override": ("override: {eror: [DL3008]}", "override: there is no key 'eror'", "did you mean error?"),
    "a threshold": ("failure-threshold: warn", "failure-threshold must be one of", "did you mean warning?"),
    "a format": ("format: xml", "format must be one of tty, gnu, json", ""),
    "a text for a list": ("ignored: DL3008", "ignored must be a list of texts, not 'DL3008'", ""),
    "a text for the registries": ("trustedRegistries: docker.io", "trustedRegistries must be a list of texts", ""),
    "numbers in a list": ("ignored: [3008]", "ignored must be a list of texts", ""),
    "a label's type": ("label-schema: {a: mail}", "label-schema.a must be one of text,", "did you mean email?"),
    "a list for a table": ("override: [DL3008]", "override must be a table, not a list", ""),
    "not a mapping": ("- DL3008", "must be a mapping of hadolint's keys", ""),
    "not YAML": ("ignored: [DL3008", "is not YAML", ""),
    "a tab": ("ignored:\n\t- DL3008", "is not YAML", ""),
    "two documents": ("ignored: []\n---\nignored: []", "is not YAML", ""),
    "an object of Python": ("ignored: !!python/object/apply:os.system [ls]", "is not YAML", ""),
    "a merge": ("a: &a {k: v}\noverride: {<<: *a}", "merge keys (<<) are not read", ""),
    "a huge number": ("failure-threshold: 0x" + "F" * 20_000, "failure-threshold must be a text, not a number", ""),
    "no UTF-8": ("ignored: [\udcff]", "is not YAML", ""),
}


@pytest.mark.parametrize(("text", "message", "hint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_clear_error(imagelint: Run, text: str, message: str, hint: str) -> None:
    Path(".hadolint.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    done = imagelint("check")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert hint in done.stderr
    assert len(done.stderr) < 1_000
    assert done.stderr.startswith("imagelint: error: .hadolint.yaml")


LAUGHS = "a0: &a0 {k: v}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 50)}]}}\n" for level in range(1, 12)
)
LISTS = "a0: &a0 [x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 30)
)
HOSTILE = {
    "lists in lists": "[" * 60_000,
    "mappings in mappings": "{a: " * 15_000,
    "items in items": "- " * 30_000,
    "lists that name each other": LISTS,
    "merges that name each other": LAUGHS,
    "a list that holds itself": "ignored: &a [*a]",
    "a mapping that is its own key": "&a {? *a : b}",
    "a number in base 60": "a: 1" + ":1" * 30_000,
    "too large": "#" * 70_000,
    "many keys": "".join(f"k{number}: v\n" for number in range(5_000)),
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_an_error_in_time(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(ImagelintError) as caught:
        read(text)
    assert time.monotonic() - started < 20
    assert len(caught.value.message) < 500


THRESHOLDS = {
    "error": Severity.ERROR, "warning": Severity.WARNING, "info": Severity.INFO, "style": Severity.STYLE,
    "ignore": Severity.STYLE, "none": Severity.STYLE,
}  # fmt: skip


@pytest.mark.parametrize(("word", "level"), THRESHOLDS.items(), ids=THRESHOLDS)
def test_thresholds(word: str, level: Severity) -> None:
    assert read(f"failure-threshold: {word}").fail_on is level


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tty", "text"), ("gnu", "text"), ("json", "hadolint-json"), ("sarif", "sarif"), ("junit", "junit"),
        ("checkstyle", "checkstyle"), ("codeclimate", "gitlab"), ("gitlab_codeclimate", "gitlab"),
    ],
)  # fmt: skip
def test_formats(text: str, expected: str) -> None:
    settings = read(f"format: {text}")
    assert (settings.output_format, settings.notes) == (expected, ())
    assert read(f"formats: [{text}]").output_format == expected


@pytest.mark.parametrize(
    ("text", "expected", "note"),
    [
        ("format: codacy", None, "there is no format codacy here; the report is text"),
        ("formats: [json, sarif]", "hadolint-json", "of several formats the first holds, json"),
        ("ignored: [DL9999, dl3008]", None, "ignored: there is no rule DL9999"),
        ("override: {info: [XX1]}", None, "override: info: there is no rule XX1"),
    ],
)
def test_what_is_left_out_is_said(text: str, expected: str | None, note: str) -> None:
    settings = read(text)
    assert settings.output_format == expected
    assert f".hadolint.yaml: {note}" in settings.notes


@pytest.mark.parametrize("word", ["true", "yes", "on", "'true'", "'Y'", "'1'"])
def test_words_for_true(word: str) -> None:
    assert read(f"no-fail: {word}").exit_zero
    assert not read("no-fail: 'no'").exit_zero


FOUND = {
    "nothing said: hadolint's severities": ("{}", "IL101=info IL103=warning"),
    "ignored": ("ignored: [DL3009]", "IL103=warning"),
    "overridden": ("override: {error: [DL3009], style: [DL3042]}", "IL101=error IL103=style"),
    "under several levels, the highest": ("override: {info: [DL3042], error: [DL3042]}", "IL101=info IL103=error"),
    "ignored and overridden": ("ignored: [DL3009]\noverride: {error: [DL3009]}", "IL103=warning"),
    "overriding ShellCheck, whether it is there or not": ("override: {info: [SC2086]}", "IL101=info IL103=warning"),
    "a rule that was removed": ("ignored: [DL4002, DL3005]", "IL101=info IL103=warning"),
}


@pytest.mark.parametrize(("text", "expected"), FOUND.values(), ids=FOUND)
def test_what_is_found(imagelint: Run, text: str, expected: str) -> None:
    Path(".hadolint.yaml").write_text(text)
    report = json.loads(imagelint("check", "--output-format", "json").stdout)
    found = [f"{each['code']}={each['severity']}" for each in report["findings"] if each["code"] in ("IL101", "IL103")]
    assert " ".join(found) == expected


def test_its_default_set_holds(imagelint: Run) -> None:
    """DL1001 is off in hadolint, and on where it is overridden; the pedantic default set is hadolint's."""
    Path("Dockerfile").write_text("FROM a\n# hadolint ignore=DL3009\nRUN apt-get update\n")

    def found() -> list[str]:
        report = json.loads(imagelint("check", "--output-format", "json").stdout)
        return [each["code"] for each in report["findings"] if each["code"].startswith(("IL1", "IL9"))]

    Path(".hadolint.yaml").write_text("{}")
    assert found() == []
    Path(".hadolint.yaml").write_text("override: {warning: [DL1001]}")
    assert found() == ["IL914"]
    Path(".hadolint.yaml").write_text("disable-ignore-pragma: true")
    assert found() == ["IL101"]


def test_exit_status(imagelint: Run) -> None:
    Path(".hadolint.yaml").write_text("failure-threshold: error")
    assert imagelint("check").returncode == 0
    assert imagelint("check", "--fail-on", "info").returncode == 1
    Path(".hadolint.yaml").write_text("no-fail: true")
    assert imagelint("check").returncode == 0
    assert imagelint("check", "nothing").returncode == 2
