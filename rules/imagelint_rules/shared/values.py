"""The value of a word, as far as the file shows it; and the blame of what ends a build."""

from imagelint.dockerfile.instructions import Instruction
from imagelint.dockerfile.words import SubstitutionError, expand, variables
from imagelint.finding import Fails
from imagelint.graph import BuildGraph

FAILS = Fails()


def value_of(text: str, instruction: Instruction, graph: BuildGraph, *, quotes: bool = True) -> str | None:
    """A word expanded; None where a variable may come from a base image that the file does not show.

    Raises SubstitutionError where BuildKit refuses the word whatever its variables are.
    """
    escape = instruction.source.escape
    if "$" not in text and escape not in text and not (quotes and ("'" in text or '"' in text)):
        return text
    env = graph.environment(instruction)
    try:
        value = expand(text, env, escape=escape, quotes=quotes)
    except SubstitutionError:
        if ("?" in text) and not graph.closed(instruction):
            return None
        raise
    if all(name in env for name in variables(text, escape=escape)) or graph.closed(instruction):
        return value
    return None
