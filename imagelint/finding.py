"""What a rule reports: plain data, from the place it is about to the fix it proposes.

Named tuples and not dataclasses, here and in what a lint run reads: importing `dataclasses` and making twenty of them
takes longer than linting a file.
"""

from __future__ import annotations

from enum import Enum, IntEnum

from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from imagelint.text import Edit, LineIndex, Span


class Severity(IntEnum):
    """How much a finding matters, in the order of `--fail-on`."""

    STYLE = 0
    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The name in small letters, as people and JSON write it."""
        return _LABELS[self]


_LABELS = ("style", "info", "warning", "error")


class Safety(Enum):
    """Whether a fix keeps what the build does (`safe`), or may change it (`unsafe`)."""

    SAFE = "safe"
    UNSAFE = "unsafe"


class Persona(Enum):
    """Who wants to hear of it: everybody (`regular`), or those who ask for opinions too (`pedantic`).

    Pedantic is what is right for some and noise for most: versions pinned with apt, a tag that moves on purpose.
    """

    REGULAR = "regular"
    PEDANTIC = "pedantic"


class Paths:
    """The bytes that a finding is about: files that its layer stores, whose absolute path matches one of the globs.

    A `*` stands for any characters, slashes too.
    """

    __slots__ = ("globs",)

    def __init__(self, *globs: str) -> None:
        self.globs = globs


class Shadowed:
    """The bytes that a finding is about: what one of its RUNs stores and a later one of them stores again or removes.

    Its RUNs are the one that it stands at and those of its related places.
    """

    __slots__ = ()


class Hidden:
    """The bytes that a finding is about: what lower layers store and its own one stores again, moves or removes.

    With globs, only at paths that match one of them.
    """

    __slots__ = ("globs",)

    def __init__(self, *globs: str) -> None:
        self.globs = globs


class Duplicates:
    """The bytes that a finding is about: files of its layer whose content a lower one holds too, at another path."""

    __slots__ = ()


class WholeLayer:
    """The bytes that a finding is about: all of the layer."""

    __slots__ = ()


class Recommended:
    """The bytes that a finding is about: packages that its layer brought only because another one recommends them."""

    __slots__ = ()


class Unpriced:
    """A finding that is not about bytes, or whose bytes cannot be told; says why."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Fails(Unpriced):
    """A finding that ends the build: there is no image to weigh, and no `# check=skip=` keeps the build going."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("the build fails here")


Blame = Paths | Shadowed | Hidden | Duplicates | WholeLayer | Recommended | Unpriced


class Price(NamedTuple):
    """What a finding costs in an image, in bytes.

    `layer_bytes` are of uncompressed layers, `compressed_bytes` of the blobs that are pushed and pulled; None is not
    known, and `reason` says why, or what the number is. `how` is `measured`, `predicted`, `estimated` or `unknown`.
    `layers` are those that store the bytes, by index.
    """

    layer_bytes: int | None
    compressed_bytes: int | None = None
    how: str = "unknown"
    layers: tuple[int, ...] = ()
    reason: str | None = None


class Fix(NamedTuple):
    """Text edits over the source that do away with a finding; `title` completes "imagelint can …"."""

    title: str
    edits: tuple[Edit, ...]
    safety: Safety = Safety.SAFE


class Related(NamedTuple):
    """Another place that a finding is about, and what it has to do with it."""

    span: Span
    message: str


#: How many characters of a message, a note or a help are kept.
LONGEST_TEXT = 500


class Finding(NamedTuple):
    """One cause at one place. A rule gives place and words; the linter stamps the rule's own fields on it.

    `message` says what is wrong there, `note` why it costs something, `help` what to do. `aliases` are the ids under
    which other tools report the same at the same place; None takes the rule's, as with severity, persona and blame.
    """

    span: Span
    message: str
    note: str | None = None
    help: str | None = None
    fix: Fix | None = None
    related: tuple[Related, ...] = ()
    severity: Severity | None = None
    persona: Persona | None = None
    aliases: tuple[str, ...] | None = None
    blame: Blame | None = None
    code: str = ""
    name: str = ""
    price: Price | None = None

    @property
    def weight(self) -> Severity:
        """Its severity; a warning's, as long as nobody has said."""
        return Severity.WARNING if self.severity is None else self.severity


def clipped(finding: Finding) -> Finding:
    """The finding with its texts as long as somebody may read: a name in a stranger's file can have any length."""
    longest = max(len(finding.message), len(finding.note or ""), len(finding.help or ""))
    for each in finding.related:
        longest = max(longest, len(each.message))
    if longest <= LONGEST_TEXT:
        return finding
    return finding._replace(
        message=_clip(finding.message),
        note=finding.note and _clip(finding.note),
        help=finding.help and _clip(finding.help),
        related=tuple(Related(each.span, _clip(each.message)) for each in finding.related),
    )


def _clip(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT * 3 // 4]} … {text[-LONGEST_TEXT // 5 :]}"


def ids_of(finding: Finding, aliases: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What a finding is called: its code, its rule's name, and other tools' ids.

    `aliases` are its rule's ids: what only imagelint sees goes by another tool's id too, where the rule has just that
    one of that tool.
    """
    own = finding.aliases or ()
    ids = [finding.code, finding.name, *own]
    if aliases != own:
        for hadolint in (True, False):
            of_tool = [each for each in aliases if each.startswith("DL") is hadolint]
            if len(of_tool) == 1 and not any(each.startswith("DL") is hadolint for each in own):
                ids += of_tool
    return tuple(ids)


def names_of(finding: Finding, aliases: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Everything that a comment may call a finding: its ids, prefixes of its code, and ALL."""
    code = finding.code
    letters = len(code.rstrip("0123456789"))
    return (*ids_of(finding, aliases), "ALL", *(code[:end] for end in range(letters, len(code))))


class FileReport(NamedTuple):
    """What is reported of one file: its path as given, its lines, and the findings in the order of the file.

    Where an image was given to price them in, they are in the order of their bytes, and `total_bytes` is the sum, in
    which bytes that two of them are about count once.
    """

    path: str
    lines: LineIndex
    findings: tuple[Finding, ...]
    total_bytes: int | None = None


class FileError(NamedTuple):
    """A file that could not be read, and why."""

    path: str
    message: str


class RulePage(NamedTuple):
    """What a report says of a rule: its page, for those who only have the report."""

    code: str
    name: str
    summary: str
    documentation: str
    severity: Severity
    aliases: tuple[str, ...]
    url: str | None
