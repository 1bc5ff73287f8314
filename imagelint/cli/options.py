"""What `check` is asked for: the command line over the configuration, checked before any file is read."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

from imagelint import config, plugins, selection
from imagelint.cli.lintrun import Building, Job
from imagelint.cli.shared import build_context
from imagelint.dockerfile.globs import Glob
from imagelint.errors import InputError, UsageError
from imagelint.finding import Persona, RulePage, Severity
from imagelint.text import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from imagelint.config import Settings
    from imagelint.rule import Rule

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "checkstyle", "hadolint-json")


class Options:
    """A run of `check`, as it was asked for."""

    def __init__(self, arguments: argparse.Namespace, settings: Settings, job: Job) -> None:
        self.job = job
        self.output_format: str = arguments.output_format or settings.output_format or "text"
        if self.output_format not in FORMATS:
            raise UsageError(f"output-format: must be one of {', '.join(FORMATS)}, not {self.output_format}")
        self.output_file: str | None = arguments.output_file
        level = arguments.fail_on
        configured = Severity.INFO if settings.fail_on is None else settings.fail_on
        self.fail_on = Severity[level.upper()] if level else configured
        self.exit_zero: bool = arguments.exit_zero or settings.exit_zero
        self.colour = settings.colour
        self.quiet: bool = arguments.quiet
        self.baseline: str | None = arguments.baseline or settings.baseline
        self.update_baseline: bool = arguments.update_baseline
        self._excluded = [Glob(pattern) for pattern in settings.exclude]
        if self.update_baseline and self.baseline is None:
            raise UsageError("--update-baseline needs --baseline FILE")

    def excludes(self, path: str) -> bool:
        """Whether the configuration leaves out a file that was found in a folder."""
        plain = path.removeprefix("./").lstrip("/")
        return any(glob.matches(plain) for glob in self._excluded)

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
    settings = _settings(arguments)
    options = Options(arguments, settings, _job(arguments, settings))
    if arguments.diff and (options.output_format != "text" or arguments.statistics):
        if arguments.output_format or arguments.statistics:
            raise UsageError("--diff prints a patch, not a report")
        options.output_format = "text"
    return options


def job(arguments: argparse.Namespace) -> Job:
    """The job alone, for a process that does not share its parent's memory."""
    return _job(arguments, _settings(arguments))


def _settings(arguments: argparse.Namespace) -> Settings:
    if arguments.isolated:
        if arguments.config:
            raise UsageError("--isolated reads no configuration, and --config names one")
        return config.Settings()
    return config.load(arguments.config)


def _job(arguments: argparse.Namespace, settings: Settings) -> Job:
    chosen = settings.selection
    severities = dict(chosen.severities)
    for each in arguments.severity:
        name, equals, level = each.partition("=")
        if not equals or level not in config.LEVELS:
            raise UsageError(f"--severity {each}: must be RULE=LEVEL, such as IL101=error")
        severities[name] = config.LEVELS[level]
    chosen = chosen._replace(
        select=_names(arguments.select) or chosen.select,
        extend_select=chosen.extend_select + _names(arguments.extend_select),
        ignore=chosen.ignore + _names(arguments.ignore),
        persona=Persona(arguments.persona) if arguments.persona else chosen.persona,
        severities=severities,
        minimum=Severity[arguments.min_severity.upper()] if arguments.min_severity else chosen.minimum,
    )
    loaded = plugins.load(_local(arguments, settings))
    plan = selection.plan(loaded, chosen, pragmas=settings.pragmas and not arguments.no_pragmas)
    context = build_context(arguments)
    stdin_name = arguments.stdin_filename
    building = Building(context.target, context.build_args, arguments.context, settings.demands, stdin_name)
    return Job(plan, building, arguments.fix, arguments.diff, arguments.unsafe_fixes)


def _names(given: Sequence[str] | None) -> tuple[str, ...]:
    """The selectors of an option that may be repeated and hold several, separated by commas."""
    return tuple(name for each in given or () for part in each.split(",") if (name := part.strip()))


def _local(arguments: argparse.Namespace, settings: Settings) -> Sequence[str]:
    """The local rules that may run: a repository's configuration alone must not run code where it is checked."""
    if not settings.local_rules:
        return ()
    if settings.trusted or arguments.allow_local_rules:
        for path in settings.local_rules:
            if not os.path.exists(path):
                raise InputError(f"{path}: no such rules", hint=f"local-rules of {settings.sources[-1]} names them")
        return settings.local_rules
    source = printable(settings.sources[-1])
    print(f"imagelint: note: the local rules of {source} do not run without --allow-local-rules", file=sys.stderr)
    return ()
