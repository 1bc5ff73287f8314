"""Variables that nothing defines, or that are not yet what they seem to be."""

import re
from collections.abc import Iterator

from imagelint.dockerfile.instructions import Arg, Env, Instruction, Pair
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.words import variables
from imagelint.finding import Finding, Severity, Unpriced
from imagelint.graph import BuildGraph
from imagelint.graph.stage import PLATFORM_ARGS
from imagelint.rule import rule
from imagelint_rules.shared import onbuild, spelling
from imagelint_rules.shared.expansions import Expansion, expansions
from imagelint_rules.shared.known import Known

_VALUE = Unpriced("a variable's value takes no bytes of a layer")
#: Variables that base images are known to set: nothing is said of them where the base image is not known.
_COMMON = r"""(?x)
    HOME|HOSTNAME|USER|LANG|LANGUAGE|LC_\w+|TZ|TERM|SHELL|PWD|TMPDIR|LD_LIBRARY_PATH|LD_PRELOAD|PKG_CONFIG_PATH|CPATH
    |DEBIAN_FRONTEND|(?:\w+_)?(?:UID|GID|USER|GROUP|VERSION|HOME|PATH|DIR)|PATH|GOROOT|NVIDIA_\w+|CUDA_\w+|NV_\w+
    |PYTHON\w*|PIP_\w+|NODE_\w+|NPM_\w+|YARN_\w+|GEM_\w+|BUNDLE_\w+|RUBY\w*|JAVA_\w+|CATALINA_\w+|PHP\w*|CONDA_\w+
    |RUSTUP_\w+|CARGO_\w+|DOTNET_\w+|ASPNET\w*|NGINX_\w+|PG\w+|POSTGRES_\w+|S6_\w+"""


@rule("IL707", blame=_VALUE, aliases=("UndefinedVar",))
def undefined_variable(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """A variable is used that nothing has defined.

    Why: BuildKit puts nothing in its place. `COPY $SOURCE/app /app` then copies `/app`, and no error says so. An ARG
    before the first FROM holds for FROM alone: a stage that wants it has to declare it again.

    A base image may define variables, too, and the Dockerfile does not show them. Where the base image is not known,
    only what looks like a mistake is reported: a name that is spelt almost like one that is defined, one that is
    defined too late, and one that only an ARG before the first FROM, or BuildKit
    itself (`TARGETARCH`), defines. BuildKit asks the registry instead.

    ```dockerfile bad
    FROM scratch
    COPY $SOURCE/app /app
    ```

    ```dockerfile bad
    ARG RELEASE=1.2
    FROM debian:12
    COPY tool-$RELEASE.tar /opt/
    ```

    ```dockerfile good
    ARG RELEASE=1.2
    FROM debian:12
    ARG RELEASE
    COPY tool-$RELEASE.tar /opt/
    ```
    """
    known = Known(graph)
    outside = graph.globals.names()
    index: spelling.Index | None = None
    for instruction in known.instructions():
        for word, name in _undefined(instruction, known, graph):
            near = None
            if name not in outside:
                index = index or spelling.Index(_names(dockerfile))
                near = next((each for each in index.near(name) if each in known), None)
            late = 0 if onbuild.is_trigger(instruction) else known.later.get(name, 0)
            late = late if late > instruction.start_line else 0
            if not graph.closed(instruction) and not _likely(
                instruction, graph, name, slip=bool(near or late), outside=name in outside
            ):
                continue
            yield Finding(
                word.span,
                f"${name[:60]} is not defined here, and stands for nothing"
                + (f" (did you mean ${near}?)" if near else ""),
                help=_help(name, late, name in outside),
                aliases=onbuild.seen(instruction, graph, "UndefinedVar"),
            )


def _undefined(instruction: Instruction, known: Known, graph: BuildGraph) -> Iterator[tuple[Expansion, str]]:
    """What an instruction reads and nothing has defined; what IL708 says of an ENV is left to it."""
    if graph.stage_of(instruction) is graph.headless:
        return  # no build comes so far
    beside = _defined_beside(instruction, known) if isinstance(instruction, Env) else {}
    own: set[str] = set()
    done = 0
    for each in expansions(instruction):
        if isinstance(instruction, Arg) and each.pair > done:  # its pairs see those before them
            own.update(pair.key for pair in instruction.pairs[done : each.pair])
            done = each.pair
        for name in each.names:
            if name not in known and name not in own and name not in beside.get(each.pair, ()):
                yield each, name


def _likely(instruction: Instruction, graph: BuildGraph, name: str, *, slip: bool, outside: bool) -> bool:
    """Whether a name that nothing in the file defines looks like a mistake, and not like one of the base image's."""
    if outside:
        # `FROM tool:$TOOL_RELEASE` may well set the variable itself.
        stage = graph.stage_of(instruction)
        return stage is None or name not in variables(stage.root.from_.image.value)
    return slip and re.fullmatch(_COMMON, name) is None


def _help(name: str, late: int, outside: bool) -> str:
    if late:
        return f"line {late} defines it, too late for this one"
    if name in PLATFORM_ARGS:
        return f"BuildKit sets it where it is declared: add `ARG {name}` to this stage"
    if outside:
        return f"the ARG before the first FROM holds for FROM alone: declare `ARG {name}` in this stage"
    return "define it with ARG or ENV above"


def _names(dockerfile: Dockerfile) -> Iterator[str]:
    """Every name that is defined anywhere, for the one that was meant."""
    yield "PATH"
    for each in dockerfile.instructions:
        if isinstance(each, Arg | Env):
            yield from (pair.key for pair in each.pairs)


def _defined_beside(env: Env, known: Known) -> dict[int, frozenset[str]]:
    """For each pair of an ENV, the names in it that another pair of the same ENV defines, and nothing before it."""
    if len(env.pairs) < 2 or "$" not in env.joined:
        return {}
    by_name: dict[str, list[int]] = {}
    for number, pair in enumerate(env.pairs):
        by_name.setdefault(pair.key, []).append(number)
    found: dict[int, set[str]] = {}
    for each in expansions(env):
        for name in each.names:
            setters = by_name.get(name, ())
            # A pair that reads its own name, `X=$X:/x`, means the value before; another one's does not.
            if len(setters) > (each.pair in setters[:2]) and not known.set_before(name):
                found.setdefault(each.pair, set()).add(name)
    return {number: frozenset(names) for number, names in found.items()}


@rule("IL708", blame=_VALUE, aliases=("DL3044", "UndefinedVar"), severity=Severity.ERROR)
def variable_in_its_own_env(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    r"""An ENV uses a variable that it defines itself.

    Why: all values of one ENV are put together with what was known before it. `ENV A=1 B=$A` gives B what A was
    before, which most often is nothing.

    hadolint misses `${A:-x}`, and takes `\$A` and `'$A'` for a use.

    ```dockerfile bad
    FROM debian:12
    ENV PREFIX=/opt/tool BIN=$PREFIX/bin
    ```

    ```dockerfile good
    FROM debian:12
    ENV PREFIX=/opt/tool
    ENV BIN=$PREFIX/bin
    ```
    """
    known = Known(graph)
    for env in known.instructions():
        found = _defined_beside(env, known) if isinstance(env, Env) else {}
        for number in sorted(found):
            for name in sorted(found[number]):
                assert isinstance(env, Env)
                yield _beside(env, env.pairs[number], name, graph)


def _beside(env: Env, pair: Pair, name: str, graph: BuildGraph) -> Finding:
    # hadolint sees the name alone, and not with a default behind it.
    plain = re.search(rf"\$(?:\{{{re.escape(name)}\}}|{re.escape(name)}(?!\w))", pair.value or "") is not None
    closed = name != "PATH" and graph.closed(env)
    return Finding(
        env.span_of(pair.word),
        f"${name[:60]} is what it was before this ENV, which defines it only now",
        help=f"define {name[:60]} in an ENV of its own before this one",
        aliases=(*(("DL3044",) if plain else ()), *(onbuild.seen(env, graph, "UndefinedVar") if closed else ())),
    )
