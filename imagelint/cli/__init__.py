"""The command line: what can be asked, and how errors end. Each command's work is in a module of its own."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from imagelint import __version__
from imagelint.cli.parser import Parser, complain, formatter
from imagelint.errors import ImagelintError
from imagelint.output import plain
from imagelint.output.formats import NAMES as FORMATS
from imagelint.records import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_STATUS = """exit status:
  0  clean, or held
  1  findings at or above --fail-on, or a broken budget
  2  the question could not be answered: bad usage, unreadable input, no engine"""


def main(argv: Sequence[str]) -> int:
    """Run a command; returns its exit status. Errors are one line on standard error, never a traceback."""
    arguments = _parser(argv[0] if argv else None).parse_args(argv)
    if sys.stdout is None:
        complain(ImagelintError("standard output is closed: there is nowhere to report to"))
        return 2
    # What the terminal's encoding lacks is no reason to stop. Names in an image are told exactly.
    signs = "backslashreplace" if arguments.command in ("cat", "ls", "parse") else plain.register()
    for stream, errors in ((sys.stdout, signs), (sys.stderr, plain.register())):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=errors)
    try:
        os.getcwd()
    except OSError:
        complain(ImagelintError("the working folder is not there any more"))
        return 2
    try:
        status: int = import_module(f"imagelint.cli.{arguments.command}").run(arguments)
        sys.stdout.flush()
    except ImagelintError as error:
        complain(error)
        return 2
    except BrokenPipeError:
        # Whoever read the report has seen enough. Python would complain again when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        complain(ImagelintError(f"the report cannot be written: {error.strerror or error}"))
        return 2
    except KeyboardInterrupt:
        print("imagelint: interrupted", file=sys.stderr)
        return 130
    return status


def _parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of the command line; with a command's name only that one's arguments are made."""
    parser = Parser(
        prog="imagelint",
        description="Lints Dockerfiles, weighs the images they make, and fails builds that grew.",
        epilog=EXIT_STATUS,
        formatter_class=formatter,
    )
    parser.add_argument("--version", action="version", version=f"imagelint {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=Parser, prog="imagelint"
    )
    makers = {
        "cache": _cache,
        "check": _check,
        "analyze": _analyze,
        "cat": _cat,
        "diff": _diff,
        "gate": _gate,
        "graph": _graph,
        "ls": _ls,
        "parse": _parse,
        "rule": _rule,
        "rules": _rules,
        "schema": _schema,
        "trend": _trend,
    }
    for make in [makers[command]] if command in makers else makers.values():
        make(commands)
    return parser


if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[Parser]


def _command(commands: _Commands, name: str, help_: str, **more: str) -> Parser:
    return commands.add_parser(
        name,
        help=help_,
        description=more.get("description", help_),
        epilog=more.get("epilog", EXIT_STATUS),
        formatter_class=formatter,
    )


def _cache(commands: _Commands) -> None:
    parser = _command(commands, "cache", "show or remove what earlier runs have read of images")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=Parser)
    info = actions.add_parser("info", help="where it is, and what it holds", formatter_class=formatter)
    _output(info)
    actions.add_parser("clean", help="remove it", formatter_class=formatter)


def _check(commands: _Commands) -> None:
    parser = _command(commands, "check", "lint Dockerfiles")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="a Dockerfile, a folder, or - (default: this folder)")
    fixing = parser.add_argument_group("fixing")
    fixing.add_argument("--fix", action="store_true", help="apply every safe fix, then report what is left")
    fixing.add_argument("--diff", action="store_true", help="print what --fix would change, and change nothing")
    fixing.add_argument(
        "--unsafe-fixes", action="store_true", help="with --fix or --diff: those that may change the build too"
    )
    rules = parser.add_argument_group("rules", "RULES are codes, prefixes of codes, names, other tools' ids, or ALL")
    rules.add_argument("--select", metavar="RULES", action="append", help="run only these")
    rules.add_argument("--extend-select", metavar="RULES", action="append", help="run these too")
    rules.add_argument("--ignore", metavar="RULES", action="append", help="leave these out")
    rules.add_argument("--persona", choices=("regular", "pedantic"), help="pedantic: opinions too (default: regular)")
    rules.add_argument(
        "--severity", metavar="RULE=LEVEL", action="append", default=[], help="give a rule's findings another severity"
    )
    rules.add_argument("--min-severity", choices=_LEVELS, help="report nothing that matters less")
    rules.add_argument("--no-pragmas", action="store_true", help="pass over comments of hadolint and BuildKit")
    rules.add_argument(
        "--allow-local-rules", action="store_true", help="run the rules that the repository's configuration names"
    )
    failing = parser.add_argument_group("failing")
    failing.add_argument("--fail-on", choices=_LEVELS, help="the least that fails the run (default: info)")
    failing.add_argument("--exit-zero", action="store_true", help="exit 0 whatever is found")
    failing.add_argument("--baseline", metavar="FILE", help="pass over the findings that this file knows")
    failing.add_argument("--update-baseline", action="store_true", help="write the baseline file from what is found")
    reporting = parser.add_argument_group("reporting")
    reporting.add_argument("--output-format", choices=FORMATS, help="how to report (default: text)")
    reporting.add_argument("--output-file", metavar="FILE", help="where to (default: standard output)")
    reporting.add_argument("--statistics", action="store_true", help="count the findings by rule instead")
    pricing = parser.add_argument_group("pricing", "findings priced in the bytes of an image built from the Dockerfile")
    pricing.add_argument("--image", metavar="IMAGE", help="the image: in an engine, an archive, a layout, a registry")
    pricing.add_argument("--min-bytes", metavar="SIZE", help="report only what costs as much, such as 5MB")
    pricing.add_argument(
        "--compressed", action="store_true", help="measure compressed bytes too: compress layers without what is found"
    )
    pricing.add_argument("--platform", metavar="OS/ARCH", help="which of the image's platforms")
    pricing.add_argument("--plain-http", action="store_true", help="ask registries without TLS, where they have none")
    pricing.add_argument(
        "--max-layer-bytes", metavar="SIZE", help="the most that a layer may unpack to (default: 64GiB)"
    )
    pricing.add_argument("--no-cache", action="store_true", help="neither use nor keep what earlier runs have read")
    pricing.add_argument("--no-verify", action="store_true", help="do not check a local image's digests")
    reporting.add_argument("--quiet", "-q", action="store_true", help=_QUIET)
    reporting.add_argument("--stdin-filename", metavar="PATH", help="what standard input is called, and where it lies")
    configuration = parser.add_argument_group("configuration")
    configuration.add_argument(
        "--config", metavar="FILE", help="read this file and no other: imagelint.toml, pyproject.toml or hadolint's"
    )
    configuration.add_argument("--isolated", action="store_true", help="read no configuration")
    _dockerfile_options(parser)


def _analyze(commands: _Commands) -> None:
    parser = _command(commands, "analyze", "weigh an image: its layers, what they waste, and in which files")
    _image(parser)
    _tar_split(parser)
    parser.add_argument("--dockerfile", metavar="FILE", help="the image's Dockerfile: names the line behind each layer")
    parser.add_argument(
        "--sizes-only", action="store_true", help="read headers alone: no reasons, no packages; of local images at once"
    )
    parser.add_argument("--compat", choices=("dive",), help="print dive's numbers alone, in its words")
    parser.add_argument("--base", metavar="IMAGE", help="the base image, to tell its layers from one's own")
    parser.add_argument(
        "--base-candidate",
        metavar="IMAGE",
        action="append",
        default=[],
        help="another base image: the sizes on it",
    )
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many of each kind to list (default: 10)")
    _output(parser)
    _dockerfile_options(parser)


def _ls(commands: _Commands) -> None:
    parser = _command(commands, "ls", "list what is in an image, and in which of its layers")
    _image(parser)
    _tar_split(parser)
    parser.add_argument("path", nargs="?", default="/", metavar="PATH", help="a folder or a file in it (default: /)")
    parser.add_argument("--recursive", "-R", action="store_true", help="folders in the folder too")
    parser.add_argument("--all-layers", action="store_true", help="what later layers hide too")
    _output(parser)


def _cat(commands: _Commands) -> None:
    parser = _command(commands, "cat", "print a file of an image")
    _image(parser)
    parser.add_argument("path", metavar="PATH", help="a file in it; links are followed")
    parser.add_argument("--layer", type=int, metavar="N", help="as this layer has it, hidden or not")


def _diff(commands: _Commands) -> None:
    parser = _command(commands, "diff", "compare two images: what grew, and by which line, layer, package and file")
    parser.add_argument("old", metavar="OLD", help="the image as it was, named in any way that analyze takes")
    parser.add_argument("new", metavar="NEW", help="the image as it is")
    _image_options(parser)
    parser.add_argument("--dockerfile", metavar="FILE", help="the new image's Dockerfile: names the line behind layers")
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many of each kind to list (default: 10)")
    forms = ("text", "json", "markdown")
    parser.add_argument("--output-format", choices=forms, default="text", help="how to report (default: text)")
    _dockerfile_options(parser)


def _gate(commands: _Commands) -> None:
    parser = _command(commands, "gate", "fail when an image is too big or has grown")
    parser.takes_more = False  # `--max-size 500 MB` names no second image
    parser.add_argument(
        "images", metavar="IMAGE", nargs="*", help="an image, or several (default: those that the configuration names)"
    )
    _image_options(parser)
    _tar_split(parser)
    budgets = parser.add_argument_group("budgets", "sizes such as 500MB or 500MiB; over those of the configuration")
    budgets.add_argument("--max-size", metavar="SIZE", help="the most layer bytes")
    budgets.add_argument(
        "--max-growth", metavar="GROWTH", help="the most growth against the baseline: 5%% or 20MB (default: 1%%)"
    )
    budgets.add_argument("--min-growth", metavar="SIZE", help="growth that never counts, whatever share it is")
    budgets.add_argument("--max-layer", metavar="SIZE", help="the most that one layer may store")
    budgets.add_argument("--max-waste", metavar="SIZE", help="the most that may be stored in vain")
    budgets.add_argument("--min-efficiency", metavar="SHARE", type=float, help="the least share that is live: 0 to 1")
    budgets.add_argument("--max-layers", metavar="N", type=int, help="the most layers")
    budgets.add_argument("--max-reclaimable", metavar="SIZE", help="the most that the Dockerfile's findings may cost")
    budgets.add_argument("--forbid-path", metavar="GLOB", action="append", default=[], help="no live path may match")
    budgets.add_argument("--forbid-package", metavar="GLOB", action="append", default=[], help="no package may match")
    budgets.add_argument("--own-layers", action="store_true", help="leave the base image's layers out")
    budgets.add_argument("--compressed", action="store_true", help="judge the compressed sizes")
    compared = parser.add_argument_group("comparing")
    compared.add_argument("--baseline", metavar="FILE", help="what the image is compared with")
    compared.add_argument("--baseline-image", metavar="IMAGE", help="an image that it is compared with")
    compared.add_argument("--update-baseline", action="store_true", help="write the baseline file from this image")
    compared.add_argument("--ratchet", action="store_true", help="write it anew when the image has shrunk")
    dive = parser.add_argument_group("dive's rules", "by its numbers; .dive-ci is read where nothing else is asked for")
    dive.add_argument("--dive-ci", metavar="FILE", help="dive's file of rules")
    dive.add_argument("--lowestEfficiency", dest="lowest_efficiency", metavar="N", help="0 to 1, or disabled")
    dive.add_argument("--highestWastedBytes", dest="highest_wasted_bytes", metavar="SIZE", help="or disabled")
    dive.add_argument(
        "--highestUserWastedPercent", dest="highest_user_wasted_percent", metavar="N", help="0 to 1, or disabled"
    )
    kept = parser.add_argument_group("recording")
    kept.add_argument("--record", metavar="FILE", help="add this run to an SQLite file; imagelint trend shows it")
    kept.add_argument("--commit", metavar="ID", help="what the run is recorded as (default: from CI's environment)")
    parser.add_argument("--config", metavar="FILE", help="read budgets from this file and no other")
    parser.add_argument("--isolated", action="store_true", help="read no configuration, and no .dive-ci")
    parser.add_argument("--dockerfile", metavar="FILE", help="the image's Dockerfile: names the line behind each layer")
    parser.add_argument("--output-format", choices=GATE_FORMATS, default="text", help="how to report (default: text)")
    parser.add_argument(
        "--report", metavar="FORMAT=FILE", action="append", default=[], help="write this report too; may be repeated"
    )
    _dockerfile_options(parser)


def _trend(commands: _Commands) -> None:
    parser = _command(commands, "trend", "show how images grew over the runs that gate --record kept")
    parser.add_argument("file", metavar="FILE", help="the SQLite file")
    parser.add_argument("--image", metavar="IMAGE", help="this image alone")
    parser.add_argument("--last", type=int, default=30, metavar="N", help="how many runs (default: 30)")
    parser.add_argument("--svg", metavar="FILE", help="draw a plot into this file")
    _output(parser)


def _graph(commands: _Commands) -> None:
    parser = _command(commands, "graph", "show a Dockerfile's stages, and what each takes from where")
    parser.add_argument("path", metavar="FILE", help="a Dockerfile, or -")
    forms = ("text", "mermaid", "dot", "svg", "json")
    parser.add_argument("--output-format", choices=forms, default="text", help="how to show it (default: text)")
    _dockerfile_options(parser)


def _parse(commands: _Commands) -> None:
    parser = _command(commands, "parse", "show a Dockerfile's instructions as BuildKit reads them")
    parser.add_argument("paths", nargs="+", metavar="FILE", help="a Dockerfile, or -")
    _output(parser)


def _rule(commands: _Commands) -> None:
    parser = _command(commands, "rule", "explain a rule")
    parser.add_argument("name", nargs="?", metavar="RULE", help="a code, a prefix, a name, or another tool's id for it")


def _rules(commands: _Commands) -> None:
    parser = _command(commands, "rules", "list the rules")
    _output(parser)


def _schema(commands: _Commands) -> None:
    parser = _command(commands, "schema", "print the JSON Schema of a report")
    parser.add_argument("name", nargs="?", metavar="REPORT", help="a report's name (default: list them)")


GATE_FORMATS = ("text", "json", "markdown", "github", "sarif", "gitlab", "junit", "openmetrics")
_QUIET = "show no progress, and no notes on how images are read"
_LEVELS = ("error", "warning", "info", "style")


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output-format", choices=("text", "json"), default="text", help="how to report (default: text)"
    )


def _image(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="an image: in an engine or registry, an archive, an OCI layout")
    _image_options(parser)


def _image_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--platform",
        metavar="OS/ARCH",
        help="which of an image's platforms (default: this machine's)",
    )
    parser.add_argument("--plain-http", action="store_true", help="ask registries without TLS, where they have none")
    parser.add_argument(
        "--max-layer-bytes", metavar="SIZE", help="the most that a layer may unpack to (default: 64GiB)"
    )
    parser.add_argument("--no-cache", action="store_true", help="neither use nor keep what earlier runs have read")
    parser.add_argument("--no-verify", action="store_true", help="do not check a local image's digests")
    parser.add_argument("--quiet", "-q", action="store_true", help=_QUIET)


def _tar_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tar-split",
        action="store_true",
        help="read a Docker engine's records of its layers, without an export: unverified, no packages; where they"
        " cannot be read from disk, a container with them mounted read-only is made, never started, and removed",
    )


def _dockerfile_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", metavar="STAGE", help="the stage that is built (default: the last)")
    parser.add_argument(
        "--build-arg", action="append", default=[], metavar="NAME=VALUE", help="a build argument, as given to the build"
    )
    parser.add_argument("--context", metavar="DIR", help="the build context (default: the Dockerfile's folder)")
