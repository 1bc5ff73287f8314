"""Linting many files: in chunks, on every processor, with progress; one bad file never stops the others."""

from __future__ import annotations

import gc
import os

from imagelint import files, linter
from imagelint.cli import signals
from imagelint.dockerfile.validate import is_dockerfile
from imagelint.errors import ImagelintError, InputError, NotADockerfileError, PluginError
from imagelint.graph import BuildContext, Demands, Folder
from imagelint.linter import Plan, Task
from imagelint.records import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from imagelint.finding import FileReport
    from imagelint.linter import Linted
    from imagelint.output.style import Style
    from imagelint.output.text import Page

#: Below this many files, more processes take longer to start than they save.
PARALLEL_FROM = 100
_CHUNK = 50


class Building(NamedTuple):
    """How the Dockerfiles are built, as the command line says, and what is asked of them."""

    target: str | None = None
    build_args: Mapping[str, str] = {}
    context_dir: str | None = None
    demands: Demands = Demands()
    stdin_name: str | None = None

    def context(self, path: str, folders: dict[str, Folder] | None = None) -> BuildContext:
        """The build context of the Dockerfile at a path; standard input has the folder of the name it was given."""
        named = self.stdin_name if path == "-" else path
        return BuildContext(self.target, self.build_args, self.context_dir, named, self.demands, folders=folders)


class Job(NamedTuple):
    """What is done with each file: linted by a plan, and perhaps fixed.

    With a `style` its findings are written as text right where they are found, which may be in another process.
    """

    plan: Plan
    building: Building
    fix: bool = False
    diff: bool = False
    unsafe: bool = False
    style: Style | None = None


class Outcome(NamedTuple):
    """What became of a file: its report or its error, what was fixed in it, and the patch that was asked for.

    Where the job has a style there is a `page` in place of the report: it is much less to hand over.
    `foreign` says that it is text of another kind than a Dockerfile; `unsettled` are the rules whose fixes undo each
    other, so that none was applied.
    """

    path: str
    report: FileReport | None = None
    error: str | None = None
    hint: str | None = None
    fixed: tuple[str, ...] = ()
    patch: bytes = b""
    foreign: bool = False
    unsettled: tuple[str, ...] = ()
    page: Page | None = None


def run(job: Job, paths: Sequence[str], start: Callable[[], Job], done: Callable[[int], None]) -> Iterator[Outcome]:
    """Lint the files and yield what became of each, in their order.

    `start` makes the same job anew in a process that does not share this one's memory; `done` is told of progress, in
    files.
    """
    chunks = [paths[at : at + _CHUNK] for at in range(0, len(paths), _CHUNK)]
    workers = min(processors(), 8)
    if len(paths) < PARALLEL_FROM or workers < 2 or "-" in paths:
        for chunk in chunks:
            yield from _chunk(job, chunk)
            done(len(chunk))
        return
    if job.style is not None:
        import imagelint.output.text  # noqa: F401 - here once, and not in each process
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children

    global _job  # what a forked process finds
    _job = job
    try:
        with ProcessPoolExecutor(workers, initializer=_begin, initargs=(start,)) as pool:
            try:
                for chunk, outcomes in zip(chunks, pool.map(_in_process, chunks), strict=True):
                    yield from outcomes
                    done(len(chunk))
            except BaseException:  # interrupted: without this, leaving the pool waits for all that it has begun
                pool.shutdown(wait=False, cancel_futures=True)
                for process in active_children():
                    process.terminate()
                raise
    except BrokenProcessPool as error:
        raise ImagelintError(
            "a process that linted files ended before it was done: killed, or out of memory"
        ) from error


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_job: Job | None = None


def _begin(start: Callable[[], Job]) -> None:
    global _job
    signals.be_a_worker()
    if _job is None:
        _job = start()
    # What is there now stays until the end. What a chunk leaves in circles goes behind it, all at once.
    gc.freeze()
    gc.disable()


def _in_process(chunk: Sequence[str]) -> list[Outcome]:
    assert _job is not None
    job = _job
    outcomes = signals.unless_ended(lambda: list(_chunk(job, chunk)))
    gc.collect()
    return outcomes


def _chunk(job: Job, paths: Sequence[str]) -> Iterator[Outcome]:
    """Lint some files at once; where a rule crashes, one by one, so that only the guilty file goes without."""
    tasks: list[Task | Outcome] = []
    folders: dict[str, Folder] = {}
    for path in paths:
        try:
            context = job.building.context(path, folders)
            name = job.building.stdin_name or path if path == "-" else path
            tasks.append(Task(name, files.read(path), context))
        except ImagelintError as error:
            tasks.append(Outcome(path, None, error.message, error.hint))
    readable = [task for task in tasks if isinstance(task, Task)]
    try:
        linted = iter(linter.run(job.plan, readable))
    except PluginError:
        linted = iter(())
    for path, task in zip(paths, tasks, strict=True):
        if isinstance(task, Outcome):
            yield task
            continue
        try:
            result = next(linted, None) or linter.run(job.plan, [task])[0]
            yield _finished(job, path, checked(result), task)
        except ImagelintError as error:
            foreign = isinstance(error, NotADockerfileError)
            yield Outcome(task.path, None, error.message, error.hint, foreign=foreign)


def checked(linted: Linted) -> Linted:
    """The result itself; raises InputError where the text is no Dockerfile, or lacks the target."""
    if linted.dockerfile.instructions and not is_dockerfile(linted.dockerfile.instructions):
        first = linted.dockerfile.instructions[0]
        raise NotADockerfileError(
            f"{linted.path}: is not a Dockerfile: no line is an instruction"
            f" (line {first.start_line}: {first.keyword[:40]})"
        )
    target = linted.graph.context.target
    if target is not None and linted.graph.final is None:
        raise InputError(f"{linted.path}: has no stage {target}")
    return linted


def _finished(job: Job, path: str, linted: Linted, task: Task) -> Outcome:
    """The outcome of a file, fixed first where that was asked for."""
    if not (job.fix or job.diff):
        return _told(job, task, linted)
    from imagelint import fixer

    fixed = fixer.fix(linted, job.plan, task.context, unsafe=job.unsafe)
    if not fixed.changed:
        return _told(job, task, linted)._replace(unsettled=fixed.unsettled)
    if job.diff:
        patch = fixed.diff().encode("utf-8", "surrogateescape")
        return _told(job, task, linted)._replace(patch=patch)
    if path == "-":
        raise InputError("standard input cannot be fixed in place", hint="--diff prints the patch")
    fixer.write(fixed)
    return _told(job, task, fixed.after)._replace(fixed=tuple(finding.code for finding in fixed.applied))


def _told(job: Job, task: Task, linted: Linted) -> Outcome:
    if job.style is None:
        return Outcome(task.path, linted.report)
    from imagelint.output import text

    return Outcome(task.path, page=text.page(linted.report, job.style))
