"""Comments that silence findings: whose count where, and what is said of those that silence nothing."""

from __future__ import annotations

import pytest

from imagelint import plugins
from imagelint.linter import Plan, lint
from imagelint.rule import Rule

RULES = plugins.load().rules
UPDATE = "RUN apt-get update"

CASES = {
    # imagelint's own
    "above": (f"FROM a\n# imagelint: ignore[IL101]\n{UPDATE}", ""),
    "by name, with a reason": (f"FROM a\n# imagelint: ignore[apt-lists-kept] they are needed\n{UPDATE}", ""),
    "by another tool's id": (f"FROM a\n# imagelint: ignore[DL3009]\n{UPDATE}", ""),
    "by prefix": (f"FROM a\n#imagelint:ignore[IL1]\n{UPDATE}", ""),
    "one of several": (f"FROM a\n# imagelint: ignore[IL103, IL101]\n{UPDATE}", "IL912:2"),
    "a blank line between": (f"FROM a\n# imagelint: ignore[IL101]\n\n# more\n{UPDATE}", ""),
    "inside a RUN, for the next line": (
        f"FROM a\n{UPDATE} \\\n# imagelint: ignore[IL103]\n && pip install x",
        "IL101:2",
    ),
    "inside a RUN, not for others": (
        "FROM a\nRUN a \\\n# imagelint: ignore[IL101]\n && b \\\n && apt-get update",
        "IL912:3 IL101:5",
    ),
    "another instruction": (f"FROM a\n# imagelint: ignore[IL101]\nUSER x\n{UPDATE}", "IL912:2 IL101:4"),
    "the whole file": (f"# imagelint: ignore-file[IL101]\nFROM a\n{UPDATE}\nUSER x\n{UPDATE}", ""),
    "at the file's end": (f"FROM a\n{UPDATE}\n# imagelint: ignore-file[IL101]", ""),
    "a second place that the finding is about": (
        f"FROM a\n{UPDATE}\n# imagelint: ignore[IL101]\nRUN rm -rf /var/lib/apt/lists/*",
        "",
    ),
    "unused": ("FROM a\n# imagelint: ignore[IL101]\nRUN x", "IL912:2"),
    "said twice": (f"FROM a\n# imagelint: ignore[IL101]\n# imagelint: ignore[IL101]\n{UPDATE}", "IL912:3"),
    "a rule that does not run": ("FROM a\n# imagelint: ignore[IL201]\nRUN x", ""),
    "no such rule": (f"FROM a\n# imagelint: ignore[IL191]\n{UPDATE}", "IL911:2 IL101:3"),
    "ShellCheck's code, where it does not run": ("FROM a\n# imagelint: ignore[SC2086]\nRUN x", ""),
    "hadolint's code, whether or not there is a rule": ("FROM a\n# imagelint: ignore[DL4002]\nRUN x", ""),
    "no brackets": (f"FROM a\n# imagelint: ignore IL101\n{UPDATE}", "IL911:2 IL101:3"),
    "hadolint's form of it": (f"FROM a\n# imagelint ignore=IL101\n{UPDATE}", "IL911:2 IL101:3"),
    "no colon": (f"FROM a\n# imagelint ignore[IL101]\n{UPDATE}", "IL911:2 IL101:3"),
    "capitals": (f"FROM a\n# Imagelint: Ignore[IL101]\n{UPDATE}", "IL911:2 IL101:3"),
    "nothing in the brackets": (f"FROM a\n# imagelint: ignore[ , ]\n{UPDATE}", "IL911:2 IL101:3"),
    "the comment about comments ignored": (
        "FROM a\n# imagelint: ignore[IL912]\n# imagelint: ignore[IL101]\nRUN x",
        "IL912:2 IL912:3",
    ),
    "prose about imagelint": (f"FROM a\n# imagelint says that these are kept\n{UPDATE}", "IL101:3"),
    "prose about ignoring": (f"FROM a\n# imagelint ignores what is not in it\n{UPDATE}", "IL101:3"),
    # hadolint's
    "hadolint, above": (f"FROM a\n# hadolint ignore=DL3009\n{UPDATE}", ""),
    "hadolint, several lines of them": (
        f"FROM a\n# hadolint ignore=DL3009\n# hadolint ignore=DL3008 # why\n{UPDATE}",
        "",
    ),
    "hadolint, a blank line between": (f"FROM a\n# hadolint ignore=DL3009\n\n{UPDATE}", "IL101:4"),
    "hadolint, a name that is none": (f"FROM a\n# hadolint ignore=dl3009\n{UPDATE}", "IL101:3"),
    "hadolint, the whole file": (f"FROM a\n{UPDATE}\n# hadolint global ignore=DL3009", ""),
    "hadolint, the stage above its FROM": (
        f"# hadolint stage ignore=DL3009\nFROM a\nUSER x\n{UPDATE}\nFROM a\n{UPDATE}",
        "IL101:6",
    ),
    "hadolint, the rest of a stage": (
        f"FROM a\n{UPDATE}\nUSER x\n# hadolint stage ignore=DL3009\nUSER y\n{UPDATE}",
        "IL101:2",
    ),
    "hadolint's unused ones": ("FROM a\n# hadolint ignore=DL3009\nRUN x", ""),
    # BuildKit's
    "skip all is about BuildKit's own": (f"# check=skip=all\nFROM a\n{UPDATE}", "IL101:3"),
}  # fmt: skip


def shown(text: str, plan: Plan) -> str:
    result = lint("Dockerfile", text + "\n", plan)
    found = [(result.source.index.position(each.span.start).line, each.code) for each in result.findings]
    return " ".join(f"{code}:{line}" for line, code in found)


def of(*prefixes: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if rule.code.startswith(prefixes))


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_comments(text: str, expected: str) -> None:
    assert shown(text, Plan(of("IL101", "IL103", "IL911", "IL912"), catalogue=RULES)) == expected


def test_others_unused_pragmas_are_said_on_request() -> None:
    text = "FROM a\n# hadolint ignore=DL3009\nRUN x\n# check=skip=all\nUSER y"
    assert shown(text, Plan(of("IL101", "IL913"))) == "IL913:2 IL913:4"


def test_others_pragmas_can_be_passed_over() -> None:
    text = f"FROM a\n# hadolint ignore=DL3009\n{UPDATE}\n# imagelint: ignore[IL101]\n{UPDATE}"
    assert shown(text, Plan(of("IL101"), pragmas=False)) == "IL101:3"


def test_many_comments_take_no_more_time_than_they_are_long() -> None:
    text = (
        "FROM a\n" + "# hadolint global ignore=DL3009\n# hadolint stage ignore=DL3008\n" * 20_000 + f"{UPDATE}\n" * 200
    )
    assert shown(text, Plan(of("IL101"))) == ""
