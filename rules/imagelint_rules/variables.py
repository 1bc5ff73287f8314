"""Variables that nothing defines, or that are not yet what they seem to be."""

import re
from collections.abc import Iterable, Iterator

from imagelint.dockerfile.instructions import Arg, Env, Instruction, Onbuild
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.words import variables
from imagelint.finding import Finding, Severity, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.graph.stage import PLATFORM_ARGS
from imagelint.rule import rule
from imagelint_rules import onbuild, spelling
from imagelint_rules.expansions import Expansion, expansions

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
    return _Walk(graph).findings()


class _Walk:
    """One walk over the tree that stages and their bases make, with the names that are known at each point.

    A stage begins with what its base ends with, and takes its own names off again when the walk leaves it; so the cost
    is that of the file, however long the chain of bases.
    """

    def __init__(self, graph: BuildGraph) -> None:
        self.graph = graph
        self.known: dict[str, int] = {"PATH": 1}
        self.defined: list[str] = []
        #: The last line of the stage at hand that defines a name.
        self.later: dict[str, int] = {}
        self._near: spelling.Index | None = None

    def findings(self) -> Iterator[Finding]:
        # (stage, None) is entered, (stage, names) is left with what it defined.
        todo: list[tuple[Stage, list[str] | None]] = [(stage, None) for stage in self.graph.stages if not stage.base]
        while todo:
            stage, defined = todo.pop()
            if defined is not None:
                for name in defined:
                    self.known[name] -= 1
                continue
            self.defined = []
            yield from self._stage(stage)
            todo.append((stage, self.defined))
            todo += ((each, None) for each in self.graph.built_on(stage))

    def _stage(self, stage: Stage) -> Iterator[Finding]:
        if stage.base is None and (image := self.graph.context.images.get(stage.image)):
            self._define(image.environment)
        self.later = {
            pair.key: each.start_line
            for each in stage.instructions
            if isinstance(each, Arg | Env)
            for pair in each.pairs
        }
        triggers = []
        for each in stage.instructions:
            if isinstance(each, Onbuild):
                triggers += [each.inner] if each.inner is not None else []
            else:
                yield from self._check(each)
        # A trigger runs where all of its stage is known; what it defines, the stages that are built on this one know.
        for inner in triggers:
            yield from self._check(inner)

    def _define(self, names: Iterable[str]) -> None:
        for name in names:
            self.known[name] = self.known.get(name, 0) + 1
            self.defined.append(name)

    def _check(self, instruction: Instruction) -> Iterator[Finding]:
        """What an instruction reads and nothing has defined; then what it defines is known."""
        taken = _defined_beside(instruction, self.graph) if isinstance(instruction, Env) else {}
        done = 0
        for each in expansions(instruction):
            if isinstance(instruction, Arg) and each.pair > done:  # its pairs see one another
                self._define(pair.key for pair in instruction.pairs[done : each.pair])
                done = each.pair
            for name in each.names:
                if not self.known.get(name) and name not in taken.get(each.pair, ()):  # else IL708 says it
                    yield from self._finding(instruction, each, name)
        if isinstance(instruction, Arg | Env):
            self._define(pair.key for pair in instruction.pairs[done:])

    def _finding(self, instruction: Instruction, expansion: Expansion, name: str) -> Iterator[Finding]:
        outside = self.graph.globals.defined(name, float("inf"))
        near = None if outside else self._nearest(name)
        late = self.later.get(name, 0) if not onbuild.is_trigger(instruction) else 0
        if not self.graph.closed(instruction):
            # `FROM tool:$TOOL_RELEASE` may well set the variable itself.
            if self._in_from(instruction, name) if outside else re.fullmatch(_COMMON, name) is not None:
                return
            if not (near or outside or late > instruction.start_line):
                return
        if late > instruction.start_line:
            help_ = f"line {late} defines it, too late for this one"
        elif name in PLATFORM_ARGS:
            help_ = f"BuildKit sets it where it is declared: add `ARG {name}` to this stage"
        elif outside:
            help_ = f"the ARG before the first FROM holds for FROM alone: declare `ARG {name}` in this stage"
        else:
            help_ = "define it with ARG or ENV above"
        yield Finding(
            expansion.span,
            f"${name[:60]} is not defined here, and stands for nothing" + (f" (did you mean ${near}?)" if near else ""),
            help=help_,
            aliases=onbuild.seen(instruction, self.graph, "UndefinedVar"),
        )

    def _nearest(self, name: str) -> str | None:
        """A defined name that is one slip of the fingers away."""
        if self._near is None:
            self._near = spelling.Index(self._names())
        return next((near for near in self._near.near(name) if self.known.get(near)), None)

    def _names(self) -> Iterator[str]:
        yield "PATH"
        for each in self.graph.dockerfile.instructions:
            if isinstance(each, Arg | Env):
                yield from (pair.key for pair in each.pairs)

    def _in_from(self, instruction: Instruction, name: str) -> bool:
        """Whether the FROM that a stage goes back to reads the name."""
        stage = self.graph.stage_of(instruction)
        return stage is not None and name in variables(self.graph.root(stage).from_.image.value)


def _defined_beside(env: Env, graph: BuildGraph) -> dict[int, frozenset[str]]:
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
            # A pair that reads its own name, `PATH=$PATH:/x`, means the value before; another one's does not.
            if len(setters) > (each.pair in setters[:2]) and not graph.defines(env, name):
                found.setdefault(each.pair, set()).add(name)
    return {number: frozenset(names) for number, names in found.items()}


@rule("IL708", blame=_VALUE, aliases=("DL3044", "UndefinedVar"), severity=Severity.ERROR)
def variable_in_its_own_env(env: Env, graph: BuildGraph) -> Iterator[Finding]:
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
    found = _defined_beside(env, graph)
    for number in sorted(found):
        pair = env.pairs[number]
        for name in sorted(found[number]):
            seen = re.search(rf"\$(?:\{{{re.escape(name)}\}}|{re.escape(name)}(?!\w))", pair.value or "") is not None
            closed = name != "PATH" and graph.closed(env)
            yield Finding(
                env.span_of(pair.word),
                f"${name[:60]} is what it was before this ENV, which defines it only now",
                help=f"define {name[:60]} in an ENV of its own before this one",
                aliases=(
                    *(("DL3044",) if seen else ()),
                    *(onbuild.seen(env, graph, "UndefinedVar") if closed else ()),
                ),
            )
