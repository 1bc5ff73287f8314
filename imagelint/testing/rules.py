"""Running the examples on a rule's page."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from imagelint import fixer
from imagelint.graph import BaseImage, BuildContext, Demands
from imagelint.linter import SYNTAX_NAME, lint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.rule import Example, Rule

#: Comments of an example that say what it is built with: `# context: .git/ app.py`, `# .dockerignore: *.md`.
_BUILT_WITH = r"(?m)^# (context|\.dockerignore): (.*)$"
#: Comments that say what is demanded or known: `# registries: a b`, `# labels: NAME=TYPE`, `# images: NAME=PLATFORM`;
#: with `# strict-labels: NAME=TYPE` there may be no others.
_GIVEN = r"(?m)^# (registries|labels|strict-labels|images): (.*)$"


def check_rule(rule: Rule) -> None:
    """Run every example of a rule; raises AssertionError with the example that does not do what it is there for.

    `bad` fires, and its fix gives the `fixed` block behind it and leaves nothing to report; a rule without a fix has
    no `fixed` block. `good` and `fixed` are silent. An example that is about the build context says in a comment what
    that holds (`# context: .git/ app.py`), and what its ignore file does (`# .dockerignore: *.md`). What is demanded or
    known is said likewise: `# registries: docker.io`, `# labels: version=semver`, `# images: debian:12=linux/arm64`.
    """
    kinds = [example.kind for example in rule.examples]
    assert "bad" in kinds and "good" in kinds, f"{rule.code}: its page needs a bad and a good example"  # noqa: PT018
    for example, following in zip(rule.examples, (*rule.examples[1:], None), strict=True):
        with context_of(example) as context:
            linted = lint("Dockerfile", example.text, [rule], context)
            fixed = fixer.fix(linted, [rule], context)
        wrong = "; ".join(problem.message for problem in linted.dockerfile.problems)
        # A page about files that do not parse shows one.
        assert not wrong or (rule.name == SYNTAX_NAME and example.kind == "bad"), (
            f"{rule.code}: the {example.kind} example does not parse: {wrong}\n{example.text}"
        )
        if example.kind != "bad":
            assert not linted.findings, f"{rule.code}: fires on its {example.kind} example\n{example.text}"
            continue
        assert linted.findings or rule.measured, f"{rule.code}: is silent on its bad example\n{example.text}"
        _check_fix(rule, fixed, following)


@contextmanager
def context_of(example: Example) -> Iterator[BuildContext | None]:
    """The build context that an example asks for, in a folder of its own; None where it asks for none."""
    wanted = re.findall(_BUILT_WITH, example.text)
    given = {kind: words.split() for kind, words in re.findall(_GIVEN, example.text)}
    labels = dict(word.split("=") for kind in ("labels", "strict-labels") for word in given.get(kind, ()))
    demands = Demands(tuple(given.get("registries", ())), labels, strict_labels="strict-labels" in given)
    images = {name: BaseImage({}, platform) for name, platform in (word.split("=") for word in given.get("images", ()))}
    if not wanted:
        yield BuildContext(demands=demands, images=images) if given else None
        return
    with tempfile.TemporaryDirectory() as folder:
        for kind, words in wanted:
            for word in words.split():
                path = Path(folder, word if kind == "context" else kind)
                if word.endswith("/") and kind == "context":
                    path.mkdir(parents=True)
                elif kind == "context":
                    path.touch()
                else:
                    with path.open("a") as file:
                        file.write(word + "\n")
        yield BuildContext(context_dir=folder, demands=demands, images=images)


def _check_fix(rule: Rule, fixed: fixer.Fixed, following: Example | None) -> None:
    expected = following.text if following is not None and following.kind == "fixed" else None
    text = fixed.after.source.text
    if expected is None:
        assert not fixed.changed, f"{rule.code}: its fix is not shown; it makes\n{text}"
    else:
        assert text == expected, f"{rule.code}: its fix makes\n{text}\nand not\n{expected}"
        assert not fixed.after.findings, f"{rule.code}: fires on what its fix made\n{text}"
