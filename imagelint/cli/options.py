"""What `check` is asked for: the command line over the configuration, checked before any file is read."""

from __future__ import annotations

import os
import sys
from functools import cached_property

from imagelint import config, plugins, selection
from imagelint.cli.lintrun import Building, Job
from imagelint.cli.shared import build_context
from imagelint.errors import InputError, UsageError
from imagelint.finding import Persona, RulePage, Severity
from imagelint.records import TYPE_CHECKING
from imagelint.selection import Layer
from imagelint.settings import LEVELS, Settings
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from imagelint.output.style import Style
    from imagelint.rule import Rule


class Options:
    """A run of `check`, as it was asked for."""

    def __init__(self, arguments: argparse.Namespace, settings: Settings, job: Job) -> None:
        self.job = job
        self.output_format = _output_format(arguments, settings)
        self.output_file = _output_file(arguments)
        #: How findings are written as text; None where they are not.
        self.style = _style(arguments, settings)
        level = arguments.fail_on
        configured = Severity.INFO if settings.fail_on is None else settings.fail_on
        self.fail_on = Severity[level.upper()] if level else configured
        self.exit_zero: bool = arguments.exit_zero or settings.exit_zero
        self.quiet: bool = arguments.quiet
        self.baseline: str | None = arguments.baseline or settings.baseline
        self.update_baseline: bool = arguments.update_baseline
        self.paths: Sequence[str] = arguments.paths or ["." if job.building.stdin_name is None else "-"]
        #: Whether the configuration leaves out a file or a folder that was found in another.
        self.excludes: Callable[[str], bool] | None = settings.exclude.matches if settings.exclude else None
        self._complete = arguments.min_severity is None
        if self.update_baseline and self.baseline is None:
            raise UsageError("--update-baseline needs --baseline FILE")

    def ran(self, code: str) -> bool:
        """Whether findings of a code are all here, if there are any."""
        return self._complete and (code in self._codes or any(batch.owns(code) for batch in self.job.plan.batches))

    @cached_property
    def _codes(self) -> frozenset[str]:
        return frozenset(rule.code for rule in self.job.plan.rules)

    @cached_property
    def pages(self) -> Mapping[str, RulePage]:
        """The pages of all rules by their codes."""
        return pages(self.job.plan.catalogue or ())


def pages(rules: Sequence[Rule]) -> dict[str, RulePage]:
    """What a report says of rules."""
    return {
        rule.code: RulePage(rule.code, rule.name, rule.summary, rule.documentation, rule.severity, rule.aliases, None)
        for rule in rules
    }


def read(arguments: argparse.Namespace) -> Options:
    """The options of a run; raises UsageError for what makes no sense, or names nothing."""
    if arguments.fix and arguments.diff:
        raise UsageError("--fix and --diff exclude each other", hint="--diff shows what --fix would do")
    if arguments.unsafe_fixes and not (arguments.fix or arguments.diff):
        raise UsageError("--unsafe-fixes needs --fix or --diff")
    if arguments.diff and arguments.update_baseline:
        raise UsageError("--diff changes nothing, and --update-baseline writes a file")
    if arguments.stdin_filename and arguments.paths and "-" not in arguments.paths:
        raise UsageError("--stdin-filename is about standard input: name it too, with -")
    for option in ("min_bytes", "compressed", "platform"):
        if getattr(arguments, option) and arguments.image is None:
            raise UsageError(f"--{option.replace('_', '-')} needs --image IMAGE")
    settings = _settings(arguments)
    for note in settings.notes:
        print(f"imagelint: note: {printable(note)}", file=sys.stderr)
    options = Options(arguments, settings, _job(arguments, settings))
    if arguments.diff and (arguments.statistics or (arguments.output_format or "text") != "text"):
        raise UsageError("--diff prints a patch, not a report")
    return options


def job(arguments: argparse.Namespace) -> Job:
    """The job alone, for a process that does not share its parent's memory."""
    return _job(arguments, _settings(arguments))


def _settings(arguments: argparse.Namespace) -> Settings:
    if arguments.isolated:
        if arguments.config:
            raise UsageError("--isolated reads no configuration, and --config names one")
        return Settings()
    settings = config.load(arguments.config)
    if settings.local_rules and not (settings.trusted or arguments.allow_local_rules):
        # A repository's configuration alone must not run code where it is checked.
        note = f"the local rules of {settings.sources[-1]} do not run without --allow-local-rules"
        return settings._replace(local_rules=(), notes=(*settings.notes, note))
    return settings


def _job(arguments: argparse.Namespace, settings: Settings) -> Job:
    for path in settings.local_rules:
        if not os.path.exists(path):
            raise InputError(f"{path}: no such rules", hint=f"local-rules of {settings.sources[-1]} names them")
    given = settings.selection
    wanted = given._replace(
        layers=(*given.layers, _layer(arguments)),
        persona=Persona(arguments.persona) if arguments.persona else given.persona,
        minimum=Severity[arguments.min_severity.upper()] if arguments.min_severity else given.minimum,
    )
    loaded = plugins.load(settings.local_rules)
    plan = selection.plan(loaded, wanted, pragmas=settings.pragmas and not arguments.no_pragmas)
    context = build_context(arguments)
    stdin_name = arguments.stdin_filename
    building = Building(context.target, context.build_args, arguments.context, settings.demands, stdin_name)
    # What a baseline knows is taken out first, which needs the findings of all files.
    compared = arguments.update_baseline or arguments.baseline or settings.baseline
    style = None if compared else _style(arguments, settings)
    return Job(plan, building, arguments.fix, arguments.diff, arguments.unsafe_fixes, style)


def _output_format(arguments: argparse.Namespace, settings: Settings) -> str:
    given: str | None = arguments.output_format or settings.output_format
    return given or "text"


def _output_file(arguments: argparse.Namespace) -> str | None:
    """Where the report goes; None for standard output."""
    return None if arguments.output_file == "-" else arguments.output_file


def _style(arguments: argparse.Namespace, settings: Settings) -> Style | None:
    """How findings are written as text; None where something else is printed."""
    if arguments.diff or arguments.statistics or _output_format(arguments, settings) != "text":
        return None
    from imagelint.output import plain
    from imagelint.output.style import Style, wants_colour

    if _output_file(arguments) is not None:
        return Style(colour=False)
    return Style(colour=settings.colour and wants_colour(sys.stdout), encoding=plain.encoding(sys.stdout))


def _layer(arguments: argparse.Namespace) -> Layer:
    """What the command line says of rules."""
    severities = {}
    for each in arguments.severity:
        name, equals, level = each.partition("=")
        if not equals or level not in LEVELS:
            raise UsageError(f"--severity {each}: must be RULE=LEVEL, such as IL101=error")
        severities[name] = LEVELS[level]
    select = None if arguments.select is None else _names(arguments.select)
    if select == ():
        raise UsageError("--select names no rule")
    return Layer(select, _names(arguments.extend_select), _names(arguments.ignore), severities)


def _names(given: Sequence[str] | None) -> tuple[str, ...]:
    """The selectors of an option that may be repeated and hold several, separated by commas."""
    return tuple(name for each in given or () for part in each.split(",") if (name := part.strip()))
