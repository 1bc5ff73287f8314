"""What rules about failing builds share."""

from imagelint.dockerfile.instructions import Instruction
from imagelint.dockerfile.words import SubstitutionError, expand, variables
from imagelint.finding import Fails
from imagelint.graph import BuildGraph

FAILS = Fails()


def value_of(text: str, instruction: Instruction, graph: BuildGraph, *, quotes: bool = True) -> str | None:
    """A word expanded; None where a variable may come from a base image that the file does not show.

    Raises SubstitutionError where BuildKit refuses the word whatever its variables are.
    """
    env = graph.environment(instruction)
    escape = instruction.source.escape
    try:
        value = expand(text, env, escape=escape, quotes=quotes)
    except SubstitutionError:
        if ("?" in text) and not graph.closed(instruction):
            return None
        raise
    if all(name in env for name in variables(text, escape=escape)) or graph.closed(instruction):
        return value
    return None
