"""Configuration files as a user writes them, and what `check` makes of them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelint import config
from imagelint.errors import ImagelintError, InputError
from imagelint.finding import Persona, Severity
from imagelint.selection import Layer

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

BAD = "FROM a\nRUN apt-get update\nUSER b\nRUN pip install x\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a repository of one's own, which is the working folder."""
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / "a/b").mkdir(parents=True)
    monkeypatch.chdir(repository)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path / "home"


def write(path: str | Path, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


FILES = {
    "none": ({}, ".", ()),
    "beside": ({"imagelint.toml": ""}, ".", ("imagelint.toml",)),
    "with a dot": ({".imagelint.toml": ""}, ".", (".imagelint.toml",)),
    "in pyproject.toml": ({"pyproject.toml": "[tool.imagelint]\n"}, ".", ("pyproject.toml",)),
    "its own file before pyproject.toml": (
        {"imagelint.toml": "", "pyproject.toml": "[tool.imagelint]\n"},
        ".",
        ("imagelint.toml",),
    ),
    "pyproject.toml of somebody else": ({"pyproject.toml": "[tool.ruff]\n"}, ".", ()),
    "pyproject.toml that only depends on it": (
        {"pyproject.toml": '[project]\ndependencies = ["imagelint"]\n'},
        ".",
        (),
    ),
    "above": ({"imagelint.toml": ""}, "a/b", ("../../imagelint.toml",)),
    "the nearest": ({"imagelint.toml": "", "a/imagelint.toml": ""}, "a/b", ("../imagelint.toml",)),
    "a part's pyproject.toml says nothing of it": (
        {"imagelint.toml": "", "a/b/pyproject.toml": "[tool.ruff]\n"},
        "a/b",
        ("../../imagelint.toml",),
    ),
    "above the repository": ({"../imagelint.toml": ""}, "a", ()),
    "above a repository within": ({"imagelint.toml": "", "a/.git/x": ""}, "a", ()),
    "the user's": ({"~/.config/imagelint/imagelint.toml": ""}, ".", ("~/.config/imagelint/imagelint.toml",)),
    "the repository's before the user's": (
        {"~/.config/imagelint/imagelint.toml": "", "imagelint.toml": ""},
        ".",
        ("imagelint.toml",),
    ),
    "hadolint's, then imagelint's": (
        {".hadolint.yaml": "", "imagelint.toml": ""},
        ".",
        (".hadolint.yaml", "imagelint.toml"),
    ),
    "hadolint's is not looked for above": ({".hadolint.yaml": ""}, "a", ()),
    "hadolint's of the user": ({"~/.config/hadolint.yml": ""}, ".", ("~/.config/hadolint.yml",)),
    "hadolint's first only": ({".hadolint.yaml": "", ".hadolint.yml": ""}, ".", (".hadolint.yaml",)),
}


@pytest.mark.parametrize(("files", "folder", "expected"), FILES.values(), ids=FILES)
def test_which_files_hold(
    home: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], folder: str, expected: tuple[str, ...]
) -> None:
    for name, text in files.items():
        write(name.replace("~", str(home)), text)
    monkeypatch.chdir(folder)
    assert config.load().sources == tuple(name.replace("~", str(home)) for name in expected)


WHOLE = """
select = ["IL1"]
extend-select = ["IL913"]
ignore = ["DL3042"]
persona = "pedantic"
min-severity = "info"
fail-on = "error"
output-format = "sarif"
baseline = "base.json"
exclude = ["vendor", "a/*.dockerfile"]
local-rules = ["lint/rules.py"]
pragmas = false
trusted-registries = ["docker.io"]
strict-labels = true

[severity]
IL101 = "style"

[per-file-ignores]
"test/*" = ["IL"]

[labels]
version = "semver"

[rules.IL201]
"""


@pytest.mark.parametrize(
    ("name", "head"), [("imagelint.toml", ""), ("pyproject.toml", "[project]\nname = 'x'\n[tool.imagelint]\n")]
)
def test_every_key(name: str, head: str) -> None:
    text = WHOLE.replace("\n[", "\n[tool.imagelint.") if head else WHOLE
    write(f"a/{name}", head + text)
    os.chdir("a/b")
    read = config.load()
    path = f"../{name}"
    assert read.selection.layers == (
        Layer(("IL1",), ("IL913",), ("DL3042",), {"IL101": Severity.STYLE}, path),
    )  # fmt: skip
    assert (read.selection.persona, read.selection.minimum) == (Persona.PEDANTIC, Severity.INFO)
    assert read.selection.options == {"IL201": {}}
    assert (read.fail_on, read.output_format, read.pragmas) == (Severity.ERROR, "sarif", False)
    assert (read.baseline, read.local_rules, read.trusted) == ("../base.json", ("../lint/rules.py",), False)
    assert read.demands == (("docker.io",), {"version": "semver"}, True)
    assert read.exclude is not None
    assert [read.exclude.matches(each) for each in ("x/vendor/y", "../x.dockerfile", "x.dockerfile")] == [
        True, False, False,
    ]  # fmt: skip
    assert [each.paths.matches("../test/Dockerfile") for each in read.selection.per_file] == [True]


WRONG = {
    "a key": ("ignroe = []", "imagelint.toml: there is no key 'ignroe'", "did you mean ignore?"),
    "a key like none": ("qqq = 1", "there is no key 'qqq'", "keys: select, "),
    "pyproject's table in a file of its own": ("[tool.imagelint]\n", "there is no key 'tool'", "stand at the top"),
    "a level": ('fail-on = "eror"', "fail-on must be one of", "did you mean error?"),
    "a level in capitals": ('fail-on = "ERROR"', "fail-on must be one of", "did you mean error?"),
    "a level of a rule": ('severity = {IL101 = "bad"}', "severity.IL101 must be one of", ""),
    "a persona": ('persona = "picky"', "persona must be one of regular, pedantic, not 'picky'", ""),
    "a format": ('output-format = "jsn"', "output-format must be one of", "did you mean json?"),
    "a text for a list": ('select = "IL1"', "select must be a list of texts, not 'IL1'", ""),
    "a number in a list": ("ignore = [3008]", "ignore must be a list of texts, not a list", ""),
    "a text for true": ('pragmas = "no"', "pragmas must be true or false, not 'no'", ""),
    "a number for true": ("pragmas = 1", "pragmas must be true or false, not a number", ""),
    "true for a table": ("severity = true", "severity must be a table, not true", ""),
    "a huge number": ("fail-on = 0x" + "F" * 50_000, "fail-on must be a text, not a number", ""),
    "a huge decimal number": ("fail-on = " + "9" * 50_000, "is not TOML", ""),
    "a date": ("fail-on = 2024-01-01", "fail-on must be a text, not a date or time", ""),
    "a label's type": ('labels = {a = "x"}', "labels.a must be one of", ""),
    "a pattern": ('exclude = ["[a"]', "exclude holds no pattern of files", ""),
    "a pattern that is taken back": ('exclude = ["!a"]', "begins with !", ""),
    "options that are no table": ("rules = {IL101 = 1}", "rules.IL101 must be a table, not a number", ""),
    "a rule": ('ignore = ["IL9x"]', "imagelint.toml: IL9x: no such rule", ""),
    "a rule in options": ("[rules.IL9x]", "imagelint.toml: IL9x: no such rule", ""),
    "an option of none": (
        "[rules.IL101]\nx = 1",
        "imagelint.toml: the rule IL101 (apt-lists-kept) has no option x",
        "",
    ),
    "local rules that are not there": ('local-rules = ["x"]', "x: no such rules", ""),
    "no TOML": ("select = [", "imagelint.toml: is not TOML", ""),
    "no UTF-8": ("\udcff", "imagelint.toml: is not TOML", ""),
    "the same key twice": ("ignore = []\nignore = []", "is not TOML", ""),
}


@pytest.mark.parametrize(("text", "message", "hint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_one_clear_error(imagelint: Run, text: str, message: str, hint: str) -> None:
    Path("imagelint.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    Path("Dockerfile").write_text(BAD)
    done = imagelint("check", "--allow-local-rules")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert hint in done.stderr
    assert len(done.stderr) < 1_000
    assert done.stderr.startswith("imagelint: error: ")
    assert "Traceback" not in done.stderr


HOSTILE = {
    "deep": "x = " + "[" * 60_000,
    "a key of many parts": ".".join(["a"] * 30_000) + " = 1",
    "many keys of many parts": "\n".join(f"{'a.' * 900}b{number} = 1" for number in range(30)),
    "too large": "#" * 70_000,
    "many keys": "\n".join(f"k{number} = 1" for number in range(5_000)),
    "a long key": "k" * 60_000 + " = 1",
    "a file that never ends": None,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_an_error_in_time(text: str | None) -> None:
    if text is None:
        Path("imagelint.toml").symlink_to("/dev/zero")
    else:
        Path("imagelint.toml").write_text(text)
    started = time.monotonic()
    with pytest.raises(ImagelintError) as caught:
        config.load("imagelint.toml")
    assert time.monotonic() - started < 20
    assert len(caught.value.message) < 500


PRECEDENCE = {
    "the default set": ("", "", [], "IL101 IL103"),
    "a file": ("", 'ignore = ["IL101"]', [], "IL103"),
    "select over a file's ignore": ("", 'ignore = ["IL101"]', ["--select", "IL101"], "IL101"),
    "extend-select over a file's ignore": ("", 'ignore = ["IL101"]', ["--extend-select", "IL101"], "IL101 IL103"),
    "ignore over a file's select": ("", 'select = ["IL101", "IL103"]', ["--ignore", "IL1,IL2"], ""),
    "ignore adds to a file's": ("", 'ignore = ["IL101"]', ["--ignore", "IL103"], ""),
    "hadolint's ignored": ("ignored: [DL3009]", "", [], "IL103"),
    "hadolint's ignored, and a file that says nothing of it": ("ignored: [DL3009]", 'ignore = ["IL2"]', [], "IL103"),
    "a file over hadolint's ignored": ("ignored: [DL3009]", 'extend-select = ["IL101"]', [], "IL101 IL103"),
    "the command line over both": (
        "ignored: [DL3042]",
        'ignore = ["IL103"]',
        ["--select", "IL103"],
        "IL103",
    ),
    "isolated": ("ignored: [DL3009]", 'ignore = ["IL103"]', ["--isolated"], "IL101 IL103"),
    "one file and no other": ("ignored: [DL3009]", 'ignore = ["IL103"]', ["--config", "imagelint.toml"], "IL101"),
    "hadolint's and no other": ("ignored: [DL3009]", 'ignore = ["IL103"]', ["--config", ".hadolint.yaml"], "IL103"),
}


@pytest.mark.parametrize(("yaml", "toml", "arguments", "expected"), PRECEDENCE.values(), ids=PRECEDENCE)
def test_precedence(imagelint: Run, yaml: str, toml: str, arguments: list[str], expected: str) -> None:
    write("Dockerfile", BAD)
    if yaml:
        write(".hadolint.yaml", yaml)
    if toml:
        write("imagelint.toml", toml)
    report = json.loads(imagelint("check", "--output-format", "json", *arguments).stdout)
    found = [each["code"] for each in report["findings"] if each["code"] in ("IL101", "IL103")]
    assert " ".join(found) == expected


def test_a_severity_of_the_command_line_is_the_last_word(imagelint: Run) -> None:
    write("Dockerfile", BAD)
    write(".hadolint.yaml", "override: {error: [DL3042]}")
    write("imagelint.toml", 'fail-on = "warning"\nselect = ["IL103"]')
    assert imagelint("check").returncode == 1
    assert imagelint("check", "--severity", "IL=info").returncode == 0
    assert imagelint("check", "--severity", "IL=info", "--fail-on", "info").returncode == 1


def test_patterns_begin_in_the_folder_of_the_configuration(imagelint: Run) -> None:
    write("imagelint.toml", 'select = ["IL101"]\nexclude = ["vendor"]\nper-file-ignores = {"a/*" = ["IL1"]}')
    for name in ("Dockerfile", "a/Dockerfile", "b/Dockerfile", "b/vendor/x/Dockerfile"):
        write(name, BAD)
    here = Path.cwd()

    def failing(*arguments: object, cwd: str) -> set[str]:
        printed = imagelint("check", "--output-format", "json", *arguments, cwd=cwd).stdout
        paths = (os.path.join(cwd, each["path"]) for each in json.loads(printed)["findings"])
        return {os.path.relpath(each, here) for each in paths}

    assert failing(cwd=".") == {"Dockerfile", "b/Dockerfile"}
    assert failing(cwd="a") == set()
    assert failing("..", cwd="a") == {"Dockerfile", "b/Dockerfile"}
    assert failing(here / "a", here / "b", cwd=".") == {"b/Dockerfile"}
    assert failing("b/vendor/x/Dockerfile", cwd=".") == {"b/vendor/x/Dockerfile"}
    assert failing(here / "a/Dockerfile", cwd=".") == set()


def test_what_is_excluded_need_not_be_readable(imagelint: Run) -> None:
    write("Dockerfile", "FROM a:1\n")
    write("imagelint.toml", 'select = ["IL101"]\nexclude = ["locked"]')
    Path("locked").mkdir(mode=0)
    try:
        done = imagelint("check")
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        Path("locked").chmod(0o700)


def test_standard_input_has_the_settings_of_its_name(imagelint: Run) -> None:
    write("imagelint.toml", 'select = ["IL101"]\nper-file-ignores = {"a/*" = ["IL1"]}')
    assert imagelint("check", "-", stdin=BAD).returncode == 1
    assert imagelint("check", "--stdin-filename", "a/Dockerfile", stdin=BAD).returncode == 0
    assert "b/Dockerfile:2:5" in imagelint("check", "-", "--stdin-filename", "b/Dockerfile", stdin=BAD).stdout
    wrong = imagelint("check", "--stdin-filename", "b", "Dockerfile", stdin=BAD)
    assert (wrong.returncode, wrong.stdout) == (2, "")


RULE = '''
from imagelint.dockerfile.instructions import From
from imagelint.finding import Finding, Unpriced
from imagelint.rule import rule

print("ran")

@rule("MY101", blame=Unpriced("no bytes"))
def from_a(instruction: From, graph):
    """Built on a."""
    yield Finding(instruction.span, "built on a")
'''


def test_a_repositorys_configuration_alone_runs_no_code(imagelint: Run, home: Path) -> None:
    write("Dockerfile", "FROM scratch\n")
    write("lint/my.py", RULE)
    write("imagelint.toml", 'extend-select = ["IL101"]\nlocal-rules = ["lint"]')
    refused = imagelint("check")
    assert (refused.returncode, "ran" in refused.stdout) == (0, False)
    assert "do not run without --allow-local-rules" in refused.stderr
    assert "MY101" in imagelint("check", "--allow-local-rules").stdout
    Path("imagelint.toml").unlink()
    write(home / ".config/imagelint/imagelint.toml", f'local-rules = ["{Path.cwd()}/lint/my.py"]')
    assert "MY101" in imagelint("check").stdout


def test_a_file_without_a_table_is_an_error_if_it_is_named() -> None:
    write("pyproject.toml", "[project]\nname = 'imagelint-user'\n")
    with pytest.raises(ImagelintError, match="has no"):
        config.load("pyproject.toml")
    with pytest.raises(InputError, match="no such file"):
        config.load("nothing.toml")


def test_a_byte_order_mark_is_no_error() -> None:
    Path("imagelint.toml").write_bytes(b'\xef\xbb\xbfignore = ["IL1"]\r\n')
    assert config.load().selection.layers[0].ignore == ("IL1",)


@pytest.mark.parametrize("name", ["imagelint.toml", "pyproject.toml", ".hadolint.yaml"])
@pytest.mark.parametrize("kind", ["a link to nowhere", "a folder", "a pipe"])
def test_what_has_the_name_of_a_configuration_is_not_passed_over(imagelint: Run, name: str, kind: str) -> None:
    write("Dockerfile", BAD)
    {
        "a link to nowhere": lambda: Path(name).symlink_to("nowhere"),
        "a folder": lambda: Path(name).mkdir(),
        "a pipe": lambda: os.mkfifo(name),
    }[kind]()
    done = imagelint("check")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"imagelint: error: {name}: ")


def test_a_working_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    import subprocess
    import sys

    command = f'mkdir {tmp_path}/gone; cd {tmp_path}/gone; rmdir ../gone; exec "$0" -m imagelint check {tmp_path}'
    done = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "imagelint: error: the working folder is not there any more\n")
