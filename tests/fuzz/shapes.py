"""Hostile shapes of a Dockerfile, each as large as one asks: what a careless reader takes the square of time for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FROM = "FROM debian:12\n"


def _lines(text: str) -> Callable[[int], str]:
    """`text` so many times, `{}` standing for the number."""
    return lambda count: FROM + "".join(text.replace("{}", str(number)) for number in range(count))


def _run(before: str, each: str, after: str = "") -> Callable[[int], str]:
    return lambda count: f"{FROM}RUN {before}{each * count}{after}\n"


def _stages(text: str) -> Callable[[int], str]:
    """Stage after stage, `{}` standing for its number and `{-}` for that of the one before."""
    first = "FROM debian:12 AS s0\n"
    return lambda count: (
        first + "".join(text.replace("{-}", str(number - 1)).replace("{}", str(number)) for number in range(1, count))
    )


#: A shape's name, and the text of so many pieces.
SHAPES: dict[str, Callable[[int], str]] = {
    "instructions": _lines("RUN apt-get update && apt-get install -y package-{}\nENV A{}=1\nCOPY a{} /b/\n"),
    "one RUN": _run("true", " \\\n    && echo line"),
    "one RUN of installs": _run("apt-get update", " && \\\n  apt-get install -y x"),
    "comments inside a RUN": _run("true", " \\\n# comment\n && x"),
    "only comments inside a RUN": lambda count: FROM + "RUN a \\\n" + "  # comment\n" * count + "  b\n",
    "blank lines inside a RUN": lambda count: FROM + "RUN a \\\n" + "  \n" * count + "  b\n",
    "comments": lambda count: "# comment\n" * count + FROM,
    "blank lines": lambda count: "\n" * count + FROM,
    "backslashes alone": lambda count: "\\\n" * count + FROM,
    "backslashes in a line": _run("echo ", "\\"),
    "trailing blanks": lambda count: FROM + "RUN a" + " " * count + "\\" + " " * count + "\n b\n",
    "heredocs": _lines("RUN <<EOF\necho {}\nEOF\n"),
    "heredocs of one RUN": lambda count: FROM + "RUN cat" + " <<E" * count + "\n" + "x\nE\n" * count,
    "heredoc's lines": lambda count: FROM + "RUN <<EOF\n" + "echo a && \\\n  apt-get install -y b\n" * count + "EOF\n",
    "heredocs within a heredoc": lambda count: FROM + "RUN <<EOF\n" + "cat <<E\nx\nE\n" * count + "EOF\n",
    "heredocs on a line of a heredoc": lambda count: FROM + "RUN <<EOF\ncat" + " <<E" * count + "\n\nEOF\n",
    "heredocs without an end": _lines("RUN <<E{}\n"),
    "COPY's heredocs": _lines("COPY <<-EOF /f{}\n\t$x\n\tEOF\n"),
    "less-than signs": _run("cat ", "<"),
    "words that look like heredocs": _run("cat", " <<"),
    "substitutions, nested": _run("echo ", "$(", " a"),
    "substitutions, nested and closed": lambda count: f"{FROM}RUN echo {'$(' * count}a{')' * count}\n",
    "substitutions": _run("echo ", "$(a) "),
    "substitutions in quotes, nested": _run("echo ", '"$('),
    "process substitutions, nested": _run("cat ", "<("),
    "arithmetic, nested": _run("echo ", "$(("),
    "parentheses": _run("", "( "),
    "parentheses, closed": lambda count: f"{FROM}RUN {'( ' * count}a{' )' * count}\n",
    "braces": _run("", "{ "),
    "backticks": _run("echo ", "`a` "),
    "backticks, escaped": _run("echo `", "\\`", "`"),
    "backticks, all": _run("echo ", "`"),
    "double quotes": _run("echo ", '"'),
    "double quotes, odd": _run('echo "', '""'),
    "single quotes": _run("echo ", "'a' "),
    "dollar braces": _run("echo ", "${"),
    "dollar braces, closed": _run("echo ", "${a} "),
    "dollar signs": _run("echo ", "$"),
    "sh -c in sh -c": _run("", "sh -c 'a' ; sh -c \"b\" ; "),
    "sh -c of much": lambda count: f"{FROM}RUN sh -c '{'a && ' * count}b'\n",
    "wrappers": _run("", "env A=1 ", "a"),
    "wrappers with operands": _run("", "timeout 5 ", "a"),
    "assignments": _run("", "A=1 ", "a"),
    "redirections": _run("a", " 2>&1 >/x"),
    "pipes": _run("a", " | b"),
    "semicolons": _run("a", " ; b"),
    "functions": _run("", "f() { a; }; "),
    "if": _run("", "if a; then ", "b"),
    "case": _run("case x in ", "a) b;; ", "esac"),
    "case, nested": _run("", "case x in a) "),
    "words of a RUN": _run("apt-get install -y", " package"),
    "options of a RUN": _run("apt-get install", " -y"),
    "words of a COPY": lambda count: FROM + "COPY" + " a" * count + " /b/\n",
    "strings of an array": lambda count: FROM + "CMD [" + '"a", ' * count + '"b"]\n',
    "brackets of an array": lambda count: FROM + "CMD " + "[" * count + "\n",
    "ENV instructions": _lines("ENV A{}=1\n"),
    "ENV of one name": _lines("ENV A={}\n"),
    "ENV that reads the one before": lambda count: FROM
    + "ENV A0=x\n"
    + "".join(f"ENV A{number}=$A{number - 1}\n" for number in range(1, count)),
    "ENV that doubles": _lines("ENV A=$A$A{}\n"),
    "ENV pairs": lambda count: FROM + "ENV " + " ".join(f"A{number}=$A" for number in range(count)) + "\n",
    "ENV, old form": _lines("ENV A{} a b\n"),
    "ENV of dollar braces": lambda count: FROM + "ENV A=" + "${a:-" * count + "\n",
    "ENV of quotes": lambda count: FROM + "ENV A=" + '"a"' * count + "\n",
    "ENV of a long value": lambda count: FROM + "ENV A=" + "a" * count + "\nENV B=${A#a} C=${A%a} D=${A//a/bb}\n",
    "ARG before FROM": lambda count: "".join(f"ARG A{number}=$A{number - 1}\n" for number in range(count)) + FROM,
    "ARG instructions": _lines("ARG A{}\n"),
    "LABEL of lines": lambda count: FROM + "LABEL a=1" + " \\\n  b=2" * count + "\n",
    "flags": lambda count: FROM + "RUN " + "--mount=type=cache,target=/x " * count + "a\n",
    "flags that are unknown": lambda count: FROM + "RUN " + "--mnt=x " * count + "a\n",
    "fields of a mount": lambda count: FROM + "RUN --mount=type=cache" + ",id=x" * count + " a\n",
    "stages": _lines("FROM debian:12 AS s{}\nRUN x\n"),
    "stages on one another": _stages("FROM s{-} AS s{}\nRUN x\n"),
    "stages that install, on one another": _stages("FROM s{-} AS s{}\nRUN apt-get update\n"),
    "stages with triggers on one": lambda count: (
        "FROM debian:12 AS a\n" + "ONBUILD RUN x\nONBUILD COPY x\n" * count + "FROM a\n" * count
    ),
    "stages that copy": _stages("FROM debian:12 AS s{}\nCOPY --from=s{-} /a /b\n"),
    "stages that copy by number": _stages("FROM debian:12 AS s{}\nCOPY --from={-} /a /b\n"),
    "stages that mount": _stages("FROM debian:12 AS s{}\nRUN --mount=from=s0,target=/x x\n"),
    "stages of one name": _lines("FROM debian:12 AS a\n"),
    "copies from one stage": lambda count: "FROM debian:12 AS a\n" + FROM + "COPY --from=a /x /y\n" * count,
    "ONBUILD instructions": _lines("ONBUILD RUN apt-get install x{}\n"),
    "ONBUILD in ONBUILD": lambda count: FROM + "ONBUILD " * count + "RUN a\n",
    "SHELL instructions": lambda count: FROM + 'SHELL ["/bin/bash", "-c"]\nRUN a\n' * count,
    "WORKDIR instructions": _lines("WORKDIR a\nRUN b{}\n"),
    "folders in one another": _lines("WORKDIR a\nCOPY a b{}\n"),
    "USER instructions": _lines("USER a{}\nRUN b\n"),
    "unknown instructions": _lines("INSTALL a{}\n"),
    "one unknown word": lambda count: FROM + "x" * count + "\n",
    "CRLF": lambda count: FROM + "RUN a \\\r\n && b\r\n" * count,
    "bytes that are no text": lambda count: FROM + "RUN " + "\udcff" * count + "\n",
}  # fmt: skip

#: Patterns that make a backtracking engine try every way: how often their piece stands in them.
GLOBS: dict[str, str] = {
    "${x#STARSb}": "*a",
    "${x##STARSb}": "*a",
    "${x%bSTARS}": "a*",
    "${x%%bSTARS}": "a*",
    "${x%STARSb}": "*a",
    "${x%%STARSb}": "*a",
    "${x/STARSb/y}": "*a",
    "${x//STARSb/y}": "*a",
    "${x//aSTARSb/y}": "*a",
    "${x#STARS}b": "*?",
    "${x##STARSb}c": "**",
}
