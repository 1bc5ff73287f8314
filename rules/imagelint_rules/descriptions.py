"""The comments that describe stages and arguments, as `docker build --call=outline` shows them."""

from collections.abc import Iterator

from imagelint.dockerfile.instructions import Arg, From
from imagelint.dockerfile.source import Source
from imagelint.finding import Finding, Unpriced
from imagelint.graph import BuildGraph
from imagelint.rule import rule

_NAME = "InvalidDefinitionDescription"


@rule("IL904", blame=Unpriced("it is about what is shown of the file"), aliases=(_NAME,), triggers=False)
def definition_description(definition: From | Arg, graph: BuildGraph, *, always: bool = False) -> Iterator[Finding]:
    """The comment above a stage or an argument does not begin with its name.

    Why: `docker build --call=outline` shows a comment as the description of what stands below it, but only where it
    begins with the name: `# name what it is`. BuildKit's check is experimental, and so is this: it runs where a
    `# check=experimental=…` in the file asks for it, or with the option `always`. An empty comment, `#`, separates a
    comment from what stands below.

    ```dockerfile bad
    # check=experimental=InvalidDefinitionDescription
    # the version to install
    ARG VERSION=1
    FROM scratch
    ```

    ```dockerfile good
    # check=experimental=InvalidDefinitionDescription
    # VERSION the version to install
    ARG VERSION=1
    # what is not a description
    #
    FROM scratch AS app
    ```
    """
    if isinstance(definition, From):
        names = [definition.name.value] if definition.name is not None else []
    else:
        names = [pair.key for pair in definition.pairs]
    source = definition.source
    block = _block(source, definition.line.lead)
    if not block or not names or not (always or _asked(source, block)):
        return
    last, text = block[-1]
    if text.split(" ")[0] not in names:
        wanted = names[0] if len(names) == 1 else "NAME"
        yield Finding(
            source.span_of_lines(last, last),
            f"the comment does not begin with {' or '.join(name[:60] for name in names[:4])}",
            help=f"write `# {wanted[:60]} …`, or an empty comment, #, below it",
        )


def _block(source: Source, lead: tuple[int, ...]) -> list[tuple[int, str]]:
    """The comment lines that describe what stands below: those behind the last empty one, without their `#`."""
    block: list[tuple[int, str]] = []
    for line in reversed(lead):
        text = source.index.line_text(line).strip()[1:].strip()
        if not text:
            break
        block.append((line, text))
    return block[::-1]


def _asked(source: Source, block: list[tuple[int, str]]) -> bool:
    """Whether the file's directive or the first `check=` of the comment block turns the check on."""
    directive = next((each.value for each in source.directives if each.name == "check"), "")
    if _turns_on(directive):
        return True
    for line, text in block:
        name, equals, value = text.partition("=")
        if equals and name.strip().lower() == "check" and source.index.line_text(line).startswith("#"):
            return _turns_on(value.lstrip())
    return False


def _turns_on(options: str) -> bool:
    """Whether `skip=…;experimental=…` names the check among the experimental ones; the last of two keys counts."""
    named = ""
    for part in options.split(" ")[0].split(";", 2):
        key, equals, value = part.strip().partition("=")
        if not equals or key not in ("skip", "experimental", "error"):
            return False
        if key == "experimental":
            named = value
    return any(name.strip() in ("all", _NAME) for name in named.split(","))
