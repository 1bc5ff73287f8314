"""A shell script as a linter sees it: its simple commands, their words, and where each of them stands."""

from __future__ import annotations

from imagelint.records import TYPE_CHECKING, NamedTuple, cached_property

if TYPE_CHECKING:
    from imagelint.text import OffsetMap, Span


class ShellWord(NamedTuple):
    """A word of a command: its text without quotes and escapes, and its range in the script."""

    value: str
    start: int
    end: int


class Wrapper(NamedTuple):
    """A program such as `sudo` that was looked through to the command that it runs, and where its name stands."""

    name: str
    span: Span


class _Command(NamedTuple):
    text: OffsetMap
    words: tuple[ShellWord, ...]
    assignments: tuple[ShellWord, ...]
    operator: str
    nested: bool
    start: int
    end: int
    wrappers: tuple[Wrapper, ...] = ()


class Command(_Command):
    """A simple command: its words without assignments and redirections, and how it hangs on the one before.

    `operator` stands before it (empty for the first of its list); `nested` says that it stands inside a subshell,
    a group, a compound command or a substitution; `wrappers` are what it was found behind, the outermost first.
    """

    # No slots: every rule asks for the name of every command, so that what is asked for is kept once it is known.

    @cached_property
    def name(self) -> str:
        """The program's name without its folder; empty for a bare assignment."""
        return self.words[0].value.rpartition("/")[2] if self.words else ""

    @cached_property
    def args(self) -> tuple[ShellWord, ...]:
        """The words behind the name."""
        return self.words[1:]

    @cached_property
    def span(self) -> Span:
        """Where the command stands in the source, assignments included."""
        return self.text.span(self.start, self.end)

    def span_of(self, word: ShellWord) -> Span:
        """Where one of its words stands in the source."""
        return self.text.span(word.start, word.end)

    def has(self, *values: str) -> bool:
        """Whether one of these stands among the arguments, exactly."""
        return any(word.value in values for word in self.args)

    def option(self, *names: str) -> bool:
        """Whether an option is given: `--name`, `--name=value`, or a letter within `-abc`; names have their dashes."""
        for word in self.args:
            value = word.value
            if value[:1] != "-":
                continue
            if value == "--":
                return False
            for name in names:
                if value == name or (name.startswith("--") and value.startswith(name + "=")):
                    return True
                if len(name) == 2 and value[1:2] not in ("", "-") and name[1] in value[1:]:
                    return True
        return False

    def operands(self, valued: frozenset[str] = frozenset()) -> tuple[ShellWord, ...]:
        """The arguments that are no options; the word behind an option of `valued` is that option's value."""
        out: list[ShellWord] = []
        words = iter(self.args)
        for word in words:
            if word.value == "--":
                out += words
            elif word.value.startswith("-") and word.value != "-":
                if word.value in valued:
                    next(words, None)
            else:
                out.append(word)
        return tuple(out)


class Script(NamedTuple):
    """The commands of a script in the order in which they stand.

    `chain` says that it is nothing but simple commands joined by `&&` and `|`; `open_end` that a command can be put
    behind it with `&&`, to run where all before it went well; `end` is where that command would go. `pipes` are the
    places of the pipe symbols in the source, those inside quoted scripts left out.
    """

    text: OffsetMap
    commands: tuple[Command, ...]
    chain: bool
    open_end: bool
    end: int
    pipes: tuple[Span, ...] = ()
