"""Commands that do not do what they look like: the state of a shell that ends with its RUN, and exec form's limits."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from imagelint.dockerfile.instructions import Cmd, Entrypoint, Healthcheck, Instruction, Onbuild, Run
from imagelint.dockerfile.parser import Dockerfile
from imagelint.dockerfile.shell import Command
from imagelint.dockerfile.syntax import Word
from imagelint.finding import Finding, Fix, Persona, Safety, Unpriced
from imagelint.graph import BuildGraph, Stage
from imagelint.rule import rule
from imagelint.text import Edit
from imagelint_rules.shared.known import Known

_METADATA = Unpriced("what a container runs is metadata and takes no bytes")
#: Builtins that change nothing but the shell that they run in.
_STATE = frozenset(". alias cd export readonly set shopt source ulimit umask unalias unset".split())
#: Scripts that are there to be sourced: they set variables. Any other may do anything.
_SETTINGS = r".*(?:activate|rc|profile|env|vars|setup|config)(?:\.(?:ba|z)?sh)?|.*/(?:nvm|conda|sdkman-init)\.sh"
_SHELL_FUNCTIONS = {"conda": "activate", "mamba": "activate", "micromamba": "activate", "nvm": "use", "pyenv": "shell"}
_PLAIN_ASSIGNMENT = r"export ([A-Za-z_]\w*=[\w./:@%+,${}-]+)"
_INSTEAD = {
    "alias": "write a script into /usr/local/bin, or the alias into a file that the shell reads",
    "conda": "put the environment's folder in front with `ENV PATH=`, or use `conda run`",
    "export": "use ENV, which holds for every instruction behind it and in the container",
    "su": "use USER, which holds for every instruction behind it",
    "ulimit": "limits are the container's: `docker run --ulimit`",
    "umask": "set the mode with `chmod`, or `COPY --chmod`",
}  # fmt: skip


@rule("IL811", programs=(*_STATE, *_SHELL_FUNCTIONS, *_INSTEAD, ""), blame=Unpriced("it is about what a command does"))
def run_without_effect(run: Run, graph: BuildGraph) -> Iterator[Finding]:
    """A RUN only changes the state of its shell, or ends with a change of it.

    Why: Each RUN has a shell of its own, and what is set in it, variables, aliases, limits, the umask, an environment
    that was activated, is gone with it. Only files are kept. The next RUN, and the container, know nothing of it.

    An `export`, an activated environment, a `su` at the end of other commands is reported too. A script that is sourced
    may do anything: unless its name says that it only sets variables, it is pedantic. A `cd` is IL802's.

    ```dockerfile bad
    FROM python:3.12
    RUN export FLASK_APP=app.py
    ```

    ```dockerfile good
    FROM python:3.12
    ENV FLASK_APP=app.py
    ```

    ```dockerfile bad
    FROM python:3.12
    RUN . /opt/venv/bin/activate
    RUN pip install flask
    ```

    ```dockerfile good
    FROM python:3.12
    ENV PATH=/opt/venv/bin:$PATH
    RUN pip install flask
    ```
    """
    commands = graph.commands(run)
    if run.json is not None or not commands or commands[-1].name == "cd":
        return
    if "<" in run.joined and commands[-1].name == "su":
        return  # it is given a script
    last = commands[-1]
    alone = all(_is_state(command) for command in commands)
    if not alone and not (_is_state(last) and _is_meant(last)):
        return
    if any(command.nested for command in (commands if alone else (last,))):
        return
    # Of several the one that somebody meant: `set -e` is there for it.
    meant = next((each for each in commands if alone and each.name not in ("set", "cd", "")), last)
    unknown = [each for each in commands if each.name in (".", "source") and not _sets_variables(each)]
    name = meant.name
    yield Finding(
        meant.span,
        f"{f'`{name}`' if name else 'an assignment'} has no effect: the shell that it is for ends here",
        note="each RUN has a shell of its own, and only files outlive it",
        help=_instead(meant),
        fix=_as_env(run),
        persona=Persona.PEDANTIC if alone and unknown else None,
    )


def _instead(command: Command) -> str:
    if command.name == "set" and len(command.args) > 1 and command.args[1].value[:1] not in "-+":
        return "it takes the words behind it for its own: a `;` or `&&` is missing"
    return _INSTEAD.get(command.name, "use ENV for variables, and do it in the RUN that needs it")


def _is_meant(command: Command) -> bool:
    """Whether a change of the shell at the end of a RUN is there for what comes behind, and no idiom like `set +x`."""
    if command.name in (".", "source"):
        return _sets_variables(command)
    return command.name in _INSTEAD or command.name in _SHELL_FUNCTIONS


def _is_state(command: Command) -> bool:
    """Whether a command changes nothing but its shell; one that prints may have its output stored."""
    name = command.name
    if not command.words:
        return True
    if name == "su":
        return command.operator in ("", "&&", ";", "\n") and not any(
            re.match(r"--(?:session-)?command|-[a-z]*c", word.value) for word in command.args
        )
    if name in _SHELL_FUNCTIONS:
        return [word.value for word in command.args[:1]] == [_SHELL_FUNCTIONS[name]]
    if name not in _STATE or command.has("-p", "-a"):
        return False
    if name == "alias":
        return any("=" in word.value for word in command.args)
    return bool(command.args) or name == "cd"


def _sets_variables(command: Command) -> bool:
    return bool(command.args) and re.fullmatch(_SETTINGS, command.args[0].value) is not None


def _as_env(run: Run) -> Fix | None:
    """ENV in place of a RUN that is nothing but `export NAME=value`; the variable is then in the container too."""
    found = re.fullmatch(_PLAIN_ASSIGNMENT, run.arguments)
    joined = run.line.joined
    if found is None or run.flags or not joined.contiguous(run.head.start, len(run.joined)):
        return None
    return Fix("use ENV", (Edit(run.span, f"ENV {found[1]}"),), Safety.UNSAFE)


#: Programs that expand variables themselves, or take a text in which `$` means something of its own.
_SHELLS = frozenset("ash bash busybox cmd cmd.exe csh dash fish ksh powershell powershell.exe pwsh sh tcsh zsh".split())
_EXPAND = _SHELLS | frozenset(
    "awk confd dockerize envsubst erl eval gawk grep jq julia lua make nginx node perl php r rscript ruby sed su"
    " supervisord tclsh".split()
)
_VARIABLE = r"(?<![\\$])\$(?:\{([A-Za-z_]\w*)(?:[:#%/^,+?=-][^{}]{0,200})?\}|([A-Za-z_]\w*))"


@rule("IL812", blame=_METADATA)
def variable_in_exec_form(dockerfile: Dockerfile, graph: BuildGraph) -> Iterator[Finding]:
    """A variable stands in exec form, where nothing expands it.

    Why: Exec form starts the program itself, without a shell, and neither the builder nor the engine puts a value into
    its words. The program gets the text `$PORT`, and says that this is no number, or makes a file of that name.

    Only variables that the file sets by ENV or ARG are certain to be meant; any other is pedantic. Nothing is said
    where one of the words before it is a shell, or a program that reads `$` in its own way, such as awk or envsubst.

    ```dockerfile bad
    FROM python:3.12
    ENV PORT=8000
    CMD ["gunicorn", "--bind", "0.0.0.0:$PORT", "app:app"]
    ```

    ```dockerfile good
    FROM python:3.12
    ENV PORT=8000
    CMD ["sh", "-c", "exec gunicorn --bind 0.0.0.0:$PORT app:app"]
    ```
    """
    if not any(each.json is not None and "$" in each.joined for each in _programs(dockerfile)):
        return
    known = Known(graph)
    for each in known.instructions():
        if isinstance(each, Run | Cmd | Entrypoint | Healthcheck) and each.json and "$" in each.joined:
            yield from _unexpanded(each, each.json, known, graph)


def _programs(dockerfile: Dockerfile) -> Iterator[Instruction]:
    for each in dockerfile.instructions:
        inner = each.inner if isinstance(each, Onbuild) else each
        if isinstance(inner, Run | Cmd | Entrypoint | Healthcheck):
            yield inner


def _unexpanded(
    instruction: Instruction, words: tuple[Word, ...], known: Known, graph: BuildGraph
) -> Iterator[Finding]:
    entry = _entrypoints(graph).get(graph.stage_of(instruction)) if isinstance(instruction, Cmd) else None
    script = False
    if entry is not None:
        # A shell gets what CMD says, or a script, which may well expand it; in shell form nothing gets it.
        if entry.json is None or any(_expands(word) for word in entry.json):
            return
        script = entry.json[0].value.endswith((".sh", ".py")) or "entrypoint" in entry.json[0].value
    for word in words:
        if _expands(word):
            return
        found = re.search(_VARIABLE, word.value)
        if found is None:
            continue
        certain = (found[1] or found[2]) in known and not script
        yield Finding(
            instruction.span_of(word),
            f"{found[0][:60]} is not expanded in exec form",
            note="no shell reads it: the program gets the text as it stands here",
            help=f'let a shell put the value in: `["sh", "-c", "exec program … {found[0][:60]}"]`',
            persona=None if certain else Persona.PEDANTIC,
        )


def _expands(word: Word) -> bool:
    name = word.value.replace("\\", "/").rpartition("/")[2].lower()
    return name in _EXPAND or name.startswith("python") or word.value in ("-c", "-e")


@lru_cache(maxsize=2)
def _entrypoints(graph: BuildGraph) -> Mapping[Stage | None, Entrypoint]:
    """The ENTRYPOINT of each stage that gets what CMD says, as far as the file shows; none where `[]` resets it."""
    found: dict[Stage | None, Entrypoint] = {}
    for stage in graph.parts:  # a stage stands below the one that it is built on
        if stage.base in found:
            found[stage] = found[stage.base]
        for each in stage.instructions:
            inner = each.inner if isinstance(each, Onbuild) else each
            if isinstance(inner, Entrypoint):
                found[stage] = inner
        if stage in found and found[stage].json == ():
            del found[stage]
    return found


_PLAIN_WORDS = r"[A-Za-z0-9_./:@%+-]+(?: +[A-Za-z0-9_./:@%+=,-]+)+"
_SHELL_SYNTAX = r"[$`*?;&|<>(){}~'\"]"


@rule("IL813", blame=_METADATA)
def command_line_in_one_string(
    instruction: Run | Cmd | Entrypoint | Healthcheck, graph: BuildGraph
) -> Iterator[Finding]:
    """Exec form has a whole command line where the program's name belongs.

    Why: Exec form is a list of words, and the first is the program. Nothing splits it: what is looked for is a program
    that is called `node app.js`, blank and all, and the container does not start. A CMD behind an ENTRYPOINT is a list
    of arguments, which may hold blanks.

    ```dockerfile bad
    FROM node:20
    CMD ["node app.js"]
    ```

    ```dockerfile good
    FROM node:20
    CMD ["node", "app.js"]
    ```
    """
    words = instruction.json
    if not words or not re.search(r"\S\s+\S", words[0].value) or re.search(r"\\|(?i:\.exe\b)", words[0].value):
        return
    if isinstance(instruction, Cmd) and graph.stage_of(instruction) in _entrypoints(graph):
        return
    word = words[0]
    help_ = "write each word as a string of its own"
    if re.search(_SHELL_SYNTAX, word.value):
        help_ = 'it needs a shell: `["sh", "-c", "exec program …"]`'
    span = instruction.span_of(word)
    fix = None
    if re.fullmatch(_PLAIN_WORDS, word.value) and instruction.source.text[span.start : span.end] == f'"{word.value}"':
        array = ", ".join(f'"{each}"' for each in word.value.split())
        fix = Fix("make each word a string", (Edit(span, array),), Safety.UNSAFE)
    yield Finding(
        span,
        f"no program is called `{word.value[:60]}`",
        note="exec form does not split a string: the first one is the program's name, blanks and all",
        help=help_,
        fix=fix,
    )
