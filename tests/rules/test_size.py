"""What the rules' examples leave out: the cases in which a rule must hold its tongue, and those that look harmless."""

from __future__ import annotations

import pytest

from tests.rules import cases

OF_BYTES = ("IL101", "IL102", "IL103", "IL104", "IL201", "IL301")

LISTS = "rm -rf /var/lib/apt/lists/*"

CASES = {
    # apt's lists
    "removed in the same RUN": (f"FROM a\nRUN apt-get update && apt-get install x && {LISTS}", ""),
    "removed before they are fetched": (f"FROM a\nRUN {LISTS} && apt-get update", "IL101:2"),
    "by apt itself": ("FROM a\nRUN apt-get update; apt-get install x; apt-get dist-clean", ""),
    "the folder itself": ("FROM a\nRUN apt-get update && rm -r /var/lib/apt/lists", ""),
    "a parent": ("FROM a\nRUN apt-get update && rm -rf /var/lib/apt /var/cache", ""),
    "something else removed": ("FROM a\nRUN apt-get update && rm -rf /tmp/*", "IL101:2"),
    "braces": ("FROM a\nRUN apt-get update && rm -rf /var/{lib/apt/lists,cache}/*", ""),
    "by its path, behind sudo": ("FROM a\nRUN sudo /usr/bin/apt-get update", "IL101:2"),
    "inside sh -c": ("FROM a\nRUN sh -c 'apt-get update'", "IL101:2"),
    "in a heredoc": ("FROM a\nRUN <<EOF\napt-get update\napt-get install -y x\nEOF", "IL101:3"),
    "in a builder that nothing is built on": ("FROM a AS b\nRUN apt-get update\nFROM a\nCOPY --from=b /x /", ""),
    "in a stage that the final one is built on": ("FROM a AS b\nRUN apt-get update\nFROM b", "IL101:2"),
    "in a text": ("FROM a\nRUN echo 'apt-get update'", ""),
    "in another shell": ('FROM a\nSHELL ["pwsh"]\nRUN apt-get update', ""),
    "in a trigger": ("FROM a\nONBUILD RUN apt-get update", "IL101:2"),
    "a mount of another folder": ("FROM a\nRUN --mount=type=cache,target=/var/cache/apt apt-get update", "IL101:2"),
    # apk, pip, npm
    "apk with both": ("FROM a\nRUN apk update && apk --no-cache add x", "IL102:2"),
    "apk removed by hand": ("FROM a\nRUN apk upgrade && rm -rf /var/cache/apk/*", ""),
    "apk without the network": ("FROM a\nRUN x | xargs apk add --no-network", ""),
    "python -m pip": ("FROM a\nRUN python3 -m pip install x", "IL103:2"),
    "pip without install": ("FROM a\nRUN pip --version && pip download x", ""),
    "pip's variable": ("FROM a\nARG PIP_NO_CACHE_DIR=on\nRUN pip install x", ""),
    "pip's variable turned off": ("FROM a\nENV PIP_NO_CACHE_DIR=0\nRUN pip install x", "IL103:3"),
    "pip's variable before the command": ("FROM a\nRUN PIP_NO_CACHE_DIR=1 pip3 install x", ""),
    "pip's cache mounted": ("FROM a\nRUN --mount=type=cache,target=/root/.cache pip install x", ""),
    "pip's cache removed": ("FROM a\nRUN pip install x && rm -rf ~/.cache/pip", ""),
    "npm i": ("FROM a\nRUN cd /src; npm i", "IL104:2"),
    "npm's cache removed": ("FROM a\nRUN npm ci && rm -rf /root/.npm", ""),
    "npm run": ("FROM a\nRUN npm run build", ""),
    # RUNs that should be one
    "long ones with nothing in common": ("FROM a\nRUN a && b && c\nRUN d && e && f", ""),
    "long ones with a package manager": (
        "FROM a\nRUN apk add x && b && c\nRUN apk add y && e && f",
        "IL102 IL102 IL201",
    ),
    "removed a RUN later": ("FROM a\nRUN a && b && wget xyz.tgz\nRUN b && c && rm ./xyz.tgz", "IL201:2"),
    "removed by who made it": ("FROM a\nRUN a && b && c xyz\nRUN b && wget xyz && rm xyz", ""),
    "lists of one's own removed": (f"FROM a\nRUN a && b && c\nRUN apt-get update && x && {LISTS}", ""),
    "something between them": ("FROM a\nRUN a\nENV b=c\nRUN d", ""),
    "different flags": ("FROM a\nRUN a\nRUN --network=host b", ""),
    # a missed multi-stage build
    "tools that are removed again": ("FROM a\nRUN apk add --no-cache gcc && make && apk del gcc", ""),
    "go in the last stage": ("FROM golang\nCOPY . .\nRUN go build .", "IL301:3"),
    "go in a builder": ("FROM golang AS b\nCOPY . .\nRUN go build .\nFROM scratch\nCOPY --from=b /x /x", ""),
    "a compiler for pip": (
        f"FROM a\nRUN apt-get update && apt-get install gcc && {LISTS} && pip install --no-cache-dir x",
        "IL301:2",
    ),
    "only tools": (f"FROM a\nRUN apt-get update && apt-get install build-essential && {LISTS}", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_rules(text: str, expected: str) -> None:
    linted = cases.linted(text, *OF_BYTES)
    found = [(finding.code, linted.source.index.position(finding.span.start).line) for finding in linted.findings]
    codes, _, line = expected.partition(":")
    assert sorted(code for code, _ in found) == codes.split()
    if line and len(found) == 1:
        assert found[0][1] == int(line)


def test_findings_point_at_the_command() -> None:
    linted = cases.linted("FROM a\nRUN true \\\n  && sudo -E apt-get \\\n  update\n", "IL101")
    (finding,) = linted.findings
    assert linted.source.text[slice(*finding.span)] == "sudo -E apt-get \\\n  update"


def test_syntax_errors_are_findings_and_the_rest_is_linted() -> None:
    linted = cases.linted("FROM a\nRUNN x\nRUN pip install x\n", "IL103")
    assert [finding.code for finding in linted.findings] == ["IL001", "IL103"]
