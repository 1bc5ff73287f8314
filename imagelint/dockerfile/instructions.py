"""The instructions of a Dockerfile, each with what it means and where each of its parts stands."""

from __future__ import annotations

from imagelint.dockerfile.syntax import Word, quoted_words, words
from imagelint.dockerfile.words import unquote
from imagelint.records import TYPE_CHECKING, NamedTuple, cached_property

if TYPE_CHECKING:
    from typing import ClassVar

    from imagelint.dockerfile.shell import Script
    from imagelint.dockerfile.source import Heredoc, LogicalLine, Source
    from imagelint.text import Span


class Flag(NamedTuple):
    """`--name=value` behind a keyword; `value` is None where there is no `=`."""

    name: str
    value: str | None
    word: Word


class Pair(NamedTuple):
    """A key of ARG, ENV or LABEL and its value; `value` is None for an ARG without a default."""

    key: str
    value: str | None
    word: Word


class Instruction:
    """One instruction: its keyword (in capitals), flags, arguments, JSON array where it is in exec form, heredocs.

    Words hold ranges of the joined text; `span_of` turns them into ranges of the source.
    """

    KEYWORD: ClassVar[str] = ""

    def __init__(
        self,
        source: Source,
        line: LogicalLine,
        head: Word,
        flags: tuple[Flag, ...] = (),
        rest: int = 0,
        json: tuple[Word, ...] | None = None,
        heredocs: tuple[Heredoc, ...] = (),
    ) -> None:
        """`rest` is where the arguments begin in the joined text."""
        self.source = source
        self.line = line
        self.head = head
        self.flags = flags
        self.rest = rest
        self.json = json
        self.heredocs = heredocs

    @property
    def keyword(self) -> str:
        """The instruction's name in capitals."""
        return self.head.value

    @property
    def start_line(self) -> int:
        """The first physical line, from 1."""
        return self.line.start_line

    @property
    def end_line(self) -> int:
        """The last physical line, heredoc terminators and the comments of a dangling continuation included."""
        return self.line.end_line

    @property
    def joined(self) -> str:
        """The instruction's text with continuations put together."""
        return self.line.joined.text

    @cached_property
    def arguments(self) -> str:
        """What follows keyword and flags."""
        return self.joined[self.rest :]

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The arguments split at blanks, or the strings of the JSON array."""
        return self.json if self.json is not None else tuple(words(self.joined, self.rest))

    @property
    def span(self) -> Span:
        """From the keyword to the last argument, heredoc bodies left out."""
        return self.line.joined.span(self.head.start, len(self.joined))

    @property
    def keyword_span(self) -> Span:
        """The keyword alone."""
        return self.line.joined.span(self.head.start, self.head.end)

    def span_of(self, word: Word) -> Span:
        """Where a word of this instruction stands in the source."""
        return self.line.joined.span(word.start, word.end)

    def flag(self, name: str) -> Flag | None:
        """The first flag of that name (without its dashes)."""
        return next((flag for flag in self.flags if flag.name == name), None)


class From(Instruction):
    """`FROM [--platform=…] image [AS name]`: begins a stage."""

    KEYWORD = "FROM"

    @cached_property
    def image(self) -> Word:
        """The image or stage as written, variables unexpanded."""
        return self.words[0] if self.words else Word("", self.rest, self.rest)

    @cached_property
    def name(self) -> Word | None:
        """The stage's name in small letters, or None."""
        if len(self.words) == 3 and self.words[1].value.upper() == "AS":
            word = self.words[2]
            return Word(word.value.lower(), word.start, word.end)
        return None


class _Pairs(Instruction):
    """What ARG, ENV and LABEL share."""

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """The keys and values in order, quotes kept in the values."""
        parts = quoted_words(self.joined, self.rest, self.source.escape)
        if self.keyword != "ARG" and parts and "=" not in parts[0].value:
            key, last = parts[0], len(self.joined)
            start = key.end + len(self.joined[key.end :]) - len(self.joined[key.end :].lstrip())
            return (Pair(key.value, self.joined[start:last], Word(key.value, key.start, max(last, key.end))),)
        return tuple(self._pair(word) for word in parts)

    def _pair(self, word: Word) -> Pair:
        key, equals, value = word.value.partition("=")
        return Pair(unquote(key, escape=self.source.escape), value if equals else None, word)


class Arg(_Pairs):
    """`ARG name[=default] …`: declares build arguments."""

    KEYWORD = "ARG"


class Env(_Pairs):
    """`ENV key=value …`: sets variables of the image."""

    KEYWORD = "ENV"


class Label(_Pairs):
    """`LABEL key=value …`: sets the image's metadata."""

    KEYWORD = "LABEL"


class Run(Instruction):
    """`RUN command`: makes a layer by running a command in shell form, exec form or from a heredoc."""

    KEYWORD = "RUN"

    @cached_property
    def script(self) -> Script:
        """The commands that the RUN runs, as far as they are shell."""
        from imagelint.dockerfile.run import script_of

        return script_of(self)

    @cached_property
    def programs(self) -> frozenset[str]:
        """The names of the programs in its script, wrappers such as `sudo` too; an empty one for a bare assignment."""
        commands = self.script.commands
        names = [command.name for command in commands]
        return frozenset(names + [wrapper.name for command in commands for wrapper in command.wrappers])

    @cached_property
    def mounts(self) -> tuple[dict[str, str], ...]:
        """The `--mount` flags as mappings, keys in small letters; `target` stands for its synonyms too."""
        out: list[dict[str, str]] = []
        for flag in self.flags:
            if flag.name == "mount":
                fields: dict[str, str] = {}
                for part in (flag.value or "").split(","):
                    key, _, value = part.partition("=")
                    key = key.strip().lower()
                    fields["target" if key in ("dst", "destination") else key] = value.strip("\"'")
                fields.setdefault("type", "bind")
                out.append(fields)
        return tuple(out)


class _Transfer(Instruction):
    """What COPY and ADD share."""

    @cached_property
    def sources(self) -> tuple[Word, ...]:
        """The paths, URLs or inline files that are brought in."""
        return self.words[:-1]

    @cached_property
    def destination(self) -> Word | None:
        """Where they go."""
        return self.words[-1] if len(self.words) > 1 else None


class Copy(_Transfer):
    """`COPY [--from=…] source … destination`."""

    KEYWORD = "COPY"

    @cached_property
    def from_(self) -> str | None:
        """The stage, its number, or the image that `--from` names; None for the build context."""
        flag = self.flag("from")
        return flag.value if flag else None


class Add(_Transfer):
    """`ADD source … destination`: COPY that also downloads and unpacks."""

    KEYWORD = "ADD"


class Cmd(Instruction):
    """`CMD`: the default command, or the arguments of the entry point."""

    KEYWORD = "CMD"


class Entrypoint(Instruction):
    """`ENTRYPOINT`: what a container runs."""

    KEYWORD = "ENTRYPOINT"


class Shell(Instruction):
    """`SHELL ["…"]`: the shell of shell-form instructions from here on."""

    KEYWORD = "SHELL"


class Workdir(Instruction):
    """`WORKDIR path`: the working directory from here on."""

    KEYWORD = "WORKDIR"


class User(Instruction):
    """`USER name[:group]`: who runs from here on."""

    KEYWORD = "USER"


class Expose(Instruction):
    """`EXPOSE port[/protocol] …`."""

    KEYWORD = "EXPOSE"


class Volume(Instruction):
    """`VOLUME path …`."""

    KEYWORD = "VOLUME"


class Healthcheck(Instruction):
    """`HEALTHCHECK NONE` or `HEALTHCHECK CMD …`."""

    KEYWORD = "HEALTHCHECK"


class Stopsignal(Instruction):
    """`STOPSIGNAL signal`."""

    KEYWORD = "STOPSIGNAL"


class Maintainer(Instruction):
    """`MAINTAINER name`: deprecated in favour of a label."""

    KEYWORD = "MAINTAINER"


class Onbuild(Instruction):
    """`ONBUILD instruction`: runs when another image is built on this one."""

    KEYWORD = "ONBUILD"

    #: The instruction behind it; None where there is none, or where it is a trigger itself.
    inner: Instruction | None = None


class Unknown(Instruction):
    """An instruction that the language does not have; kept, so that nothing is lost."""


#: Every instruction of the language by its keyword.
INSTRUCTIONS: dict[str, type[Instruction]] = {
    kind.KEYWORD: kind
    for kind in (
        Add, Arg, Cmd, Copy, Entrypoint, Env, Expose, From, Healthcheck, Label, Maintainer, Onbuild, Run, Shell,
        Stopsignal, User, Volume, Workdir,
    )
}  # fmt: skip
