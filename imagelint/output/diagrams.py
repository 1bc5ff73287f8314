"""Build graphs as Mermaid flowcharts and as DOT, for what draws those."""

from __future__ import annotations

from imagelint.output.graphs import arrows, images, one_line, statuses, title
from imagelint.records import TYPE_CHECKING
from imagelint.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelint.graph import BuildGraph
    from imagelint.graph.wiring import Node

#: Longer instructions are cut.
MAX_WIDTH = 60

_LINKS = {"base": "==>", "copies_from": "-->", "mounts_from": "-.->", "reads": "-.->"}
_PLAIN = frozenset(" _-./,@+*")
_CLASSES = (
    "classDef target stroke:#1f2328,stroke-width:3px",
    "classDef unused fill:#ffffff,stroke:#8c959f,stroke-dasharray:4 3",
)


def mermaid(graph: BuildGraph) -> Iterator[str]:
    """A Mermaid flowchart: a subgraph for each stage, its instructions in a column."""
    # From top to bottom throughout: Mermaid forgets a subgraph's own direction as soon as a link leaves it.
    yield "flowchart TB"
    for name, head, nodes in _groups(graph):
        yield f"  subgraph {name}[{_quoted(head)}]"
        for node in nodes:
            yield f"    {_word(node.id)}[{_quoted(f'{node.line} {one_line(node.instruction, MAX_WIDTH)}')}]"
        yield "  end"
    for source, target, kind in graph.edges:
        if kind == "follows":
            yield f"  {_word(source)} --- {_word(target)}"
        elif kind == "triggers":
            yield f"  {_word(source)} -.->|triggers| {_word(target)}"
    for arrow in arrows(graph):
        link = f"{_LINKS[arrow.kind]}|{_quoted(arrow.label)}|"
        yield f"  {_word(arrow.source)} {link} {_word(arrow.target)}"
    names: dict[str, str] = {}
    for image, target, kind in images(graph):
        if image not in names:
            names[image] = f"image{len(names)}"
            yield f"  {names[image]}([{_quoted(image)}])"
        yield f"  {names[image]} {_LINKS[kind]} {_word(target)}"
    marked = {f"stage{stage.index}": word for stage, word in statuses(graph).items()}
    if marked:
        yield from (f"  {each}" for each in _CLASSES)
        yield from (f"  class {stage} {word}" for stage, word in marked.items())


def _groups(graph: BuildGraph) -> Iterator[tuple[str, str, list[Node]]]:
    """The stages as subgraphs: a name, a heading and the nodes; what is before the first FROM comes first."""
    groups: dict[int | None, list[Node]] = {}
    for node in graph.nodes.values():
        if node.kind != "variable":
            groups.setdefault(node.stage, []).append(node)
    words = statuses(graph)
    for index, nodes in groups.items():
        if index is None:
            yield "before", "before the first FROM", nodes
        else:
            stage = graph.stages[index]
            word = f" ({words[stage]})" if stage in words else ""
            yield f"stage{index}", title(stage) + word, nodes


def _word(node_id: str) -> str:
    """A node's id as both languages take it bare: `line:3` is `L3`."""
    kind, _, place = node_id.partition(":")
    return f"{kind[0].upper()}{place}"


def _quoted(text: str) -> str:
    """A label for Mermaid. Everything but letters and digits is written by its number: labels are Markdown and HTML."""
    return '"' + "".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in printable(text)) + '"'


def dot(graph: BuildGraph) -> Iterator[str]:
    """The graph in Graphviz's language: a cluster for each stage."""
    yield "digraph Dockerfile {"
    yield "  rankdir=TB"
    yield '  graph [fontname="Helvetica", fontsize=12, color="#57606a", fontcolor="#1f2328"]'
    yield '  node [shape=box, fontname="monospace", fontsize=10, color="#d0d7de", fontcolor="#1f2328"]'
    yield '  edge [fontname="Helvetica", fontsize=9, color="#57606a", fontcolor="#57606a"]'
    dashed = {f"stage{stage.index}" for stage, word in statuses(graph).items() if word == "unused"}
    for name, head, nodes in _groups(graph):
        yield f"  subgraph cluster_{name} {{"
        yield f"    label={_string(head)}"
        if name in dashed:
            yield "    style=dashed"
        for node in nodes:
            label = _string(f"{node.line} {one_line(node.instruction, MAX_WIDTH)}")
            yield f"    {_word(node.id)} [label={label}]"
        yield "  }"
    for source, target, kind in graph.edges:
        if kind == "follows":
            yield f"  {_word(source)} -> {_word(target)} [arrowhead=none]"
        elif kind == "triggers":
            yield f'  {_word(source)} -> {_word(target)} [label="triggers", style=dashed]'
    for arrow in arrows(graph):
        look = {"base": ", style=bold", "copies_from": ""}.get(arrow.kind, ", style=dashed")
        yield f"  {_word(arrow.source)} -> {_word(arrow.target)} [label={_string(arrow.label)}{look}]"
    names: dict[str, str] = {}
    for image, target, kind in images(graph):
        if image not in names:
            names[image] = f"image{len(names)}"
            yield f"  {names[image]} [label={_string(image)}, style=rounded]"
        yield f"  {names[image]} -> {_word(target)}" + (" [style=dashed]" if kind == "mounts_from" else "")
    yield "}"


def _string(text: str) -> str:
    """A label for DOT, in which a backslash begins an escape and an ampersand one of HTML's."""
    return '"' + printable(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') + '"'
