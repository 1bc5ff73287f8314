"""Text for the medium it goes to. What is reported comes from strangers' files: names, values, whole lines.

Everywhere, what would move a cursor, hide itself or turn the line around is made visible, and bytes that are no UTF-8
(kept as lone surrogates, which no encoder takes) are written as `\\xNN`.
"""

from __future__ import annotations

import re

from imagelint.text import printable

#: What XML 1.0 knows no way to write, beside what is made visible anyway.
_NOT_XML = "[\ufffe\uffff]"
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\n": "&#10;", "\t": "&#9;"}


def lines(text: str) -> str:
    """Text of several lines with nothing in it that is not seen."""
    return "\n".join(printable(line) for line in text.split("\n"))


def unicode(text: str) -> str:
    """A text that is to stay as it is, such as a path, but must be Unicode: only stray bytes are written otherwise."""
    return re.sub("[\ud800-\udfff]", lambda found: printable(found[0]), text)


def xml(text: str) -> str:
    """Text for an XML element or attribute, its line ends and tabs included."""
    seen = re.sub(_NOT_XML, lambda found: f"\\u{ord(found[0]):04x}", lines(text))
    return re.sub("[&<>\"'\n\t]", lambda found: _MARKUP[found[0]], seen)


def github_message(text: str) -> str:
    """Text behind the `::` of a GitHub workflow command, which is one line."""
    return lines(text).replace("%", "%25").replace("\n", "%0A")


def github_property(text: str) -> str:
    """The value of a property of a GitHub workflow command."""
    return github_message(text).replace(":", "%3A").replace(",", "%2C")


def sarif_message(text: str) -> str:
    """Text of a SARIF message, in which `[words](target)` would be a link."""
    return lines(text).replace("](", "] (")


def markdown(text: str) -> str:
    """Markdown in which no HTML is left: what looks like a tag outside code is shown as it is written."""
    out: list[str] = []
    fence = ""
    for line in lines(text).split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if fence:
            if mark and line.strip() == fence:
                fence = ""
            out.append(line)
        elif mark:
            fence = mark[1]
            out.append(line)
        else:
            # Every other piece between backticks is code, where entities are no entities.
            pieces = line.split("`")
            plain = range(0, len(pieces), 2) if len(pieces) % 2 else range(len(pieces))
            for number in plain:
                pieces[number] = pieces[number].replace("&", "&amp;").replace("<", "&lt;")
            out.append("`".join(pieces))
    return "\n".join(out)


def code_cell(text: str, longest: int = 120) -> str:
    """A stranger's text as code in a cell of a Markdown table: no markup, no mention, on one line.

    Inside of code nothing but a backtick has a meaning, and a bar ends the cell all the same; both are shown as
    characters that only look like them.
    """
    shown = printable(" ".join(text.split()))
    shown = shown if len(shown) <= longest else f"{shown[:longest]}…"
    return f"`{shown.replace('`', 'ˋ').replace('|', '∣')}`"
