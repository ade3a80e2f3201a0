"""The command ``sirenpde``: what it prints, and with which code it ends.

Results go to the standard output, remarks and errors to the error stream. An error is its sentence and its hint;
``--debug`` adds the traceback. The exit code is that of the error's class, 130 or 143 where a signal stopped a run.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import math
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from sirenpde import library, tables
from sirenpde.errors import FileError, NumericalError, SirenPDEError, SirenPDEWarning, TargetMissedError, UsageError
from sirenpde.solution import outputs

# What needs torch is imported inside the commands that use it: torch takes seconds, and reads OpenMP's environment.
if TYPE_CHECKING:
    from sirenpde.solution.archive import Archive
    from sirenpde.solution.solution import Solution
    from sirenpde.statement.problem import Problem
    from sirenpde.summary import Summary

app = typer.Typer(
    help="Solve partial differential equations, and fit pictures and sounds, with sinusoidal networks.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

#: Width of tables where there is no terminal, and COLUMNS does not say.
_WIDTH = 120


@dataclass
class Session:
    """One call of the command.

    Attributes:
        debug: Whether tracebacks are shown.
        out: Where results go.
        err: Where remarks and errors go.
    """

    debug: bool = False
    out: Console = field(default_factory=lambda: _console(stderr=False))
    err: Console = field(default_factory=lambda: _console(stderr=True))

    def say(self, text: str, style: str = "") -> None:
        """Print a remark, unchanged and unbroken."""
        self.err.print(Text(text, style=style), soft_wrap=True)

    def report(self, error: BaseException) -> int:
        """Print an error, and return its exit code."""
        if self.debug:
            self.say("".join(traceback.format_exception(error)))
        if outputs.is_out_of_memory(error):
            error = outputs.out_of_memory(error)
        if isinstance(error, SirenPDEError):
            self.say("\n  ".join([f"error: {error}", *getattr(error, "__notes__", ())]), "bold red")
            return error.exit_code
        if isinstance(error, OSError):  # the standard output: files raise the package's own errors
            self.say(f"error: {error.strerror or error}", "bold red")
            return 7
        advice = "This is a fault of sirenpde. Run sirenpde --debug … for the traceback, and report it."
        self.say(f"error: {type(error).__name__}: {error}\n  {advice}", "bold red")
        return 1


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    known = console.is_terminal or "COLUMNS" in os.environ
    return console if known else Console(stderr=stderr, highlight=False, width=_WIDTH)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and end the process.

    Args:
        arguments: What follows the command's name; that of the process if left out.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a symbol that the terminal cannot show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    _calm_openmp()
    session = Session()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: session.say(f"warning: {message}", "yellow")
            app(args=None if arguments is None else list(arguments), prog_name="sirenpde", obj=session)
    except KeyboardInterrupt:
        session.say("stopped.")
        raise SystemExit(130) from None
    except Exception as error:
        raise SystemExit(session.report(error)) from None
    raise SystemExit(0)


def _calm_openmp() -> None:
    """Let threads that wait for work sleep sooner; of effect only before torch is imported.

    By default they spin. Beside another busy process that takes the time of those that do work: a small step was
    measured at 500 ms, and at 6.4 ms with this.
    """
    if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")


def _show_version(value: bool) -> None:
    if value:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            typer.echo(f"sirenpde {importlib.metadata.version('sirenpde')}")
            raise typer.Exit
        typer.echo("sirenpde, not installed")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    del version
    context.obj.debug = debug
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


# What several commands take.
Target = Annotated[
    str, typer.Argument(metavar="NAME|FILE.py", help="A shipped problem, or a problem file of your own.")
]
Stored = Annotated[
    Path,
    typer.Argument(metavar="FILE.h5", help="A solution that a run or solution.save wrote, or the folder of a run."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Set a parameter of build(): a number, true or false, or text, as its default is. Repeatable; "
        "sirenpde show lists the parameters.",
    ),
]


@app.command("list")
def list_problems(context: typer.Context) -> None:
    """List the shipped problems."""
    titles = {name: library.docstring(file).partition("\n")[0] for name, file in library.shipped().items()}
    context.obj.out.print(tables.problems(titles))


@app.command()
def show(context: typer.Context, target: Target, settings: Settings = None) -> None:
    """Show a problem: its formula, what can be set, its constraints and how they are evaluated."""
    from sirenpde.training.defaults import choose_defaults

    session: Session = context.obj
    file = _opened(session, target)
    problem = file.build(settings or ())
    session.out.print(Text(f"{library.docstring(file.path)}\n"), soft_wrap=True)
    if file.parameters:
        session.out.print(tables.apart(tables.parameters(file.parameters)))
    defaults, summary = choose_defaults(problem), _summary(file, problem)
    auto = {
        "network": defaults.network,
        "optimizer": defaults.stages,
        "points": defaults.points,
        "dtype": defaults.dtype,
    }
    used = {each.name: each.points for each in summary.conditions}  # a finite region may have fewer than are asked for
    recipe, points = dict(file.recipe), file.recipe.get("points", defaults.points)
    (recipe if "points" in recipe else auto)["points"] = sum(used.values()) if isinstance(points, int) else used
    session.out.print(
        tables.apart(tables.recipe(auto, recipe, defaults.reasons), tables.regions(summary), tables.evaluation(summary))
    )


@app.command()
def check(context: typer.Context, target: Target, settings: Settings = None) -> None:
    """Check a problem without solving it: what is stated, where, which derivatives it takes, and what a step costs."""
    session: Session = context.obj
    file = _opened(session, target)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SirenPDEWarning)
        problem = file.build(settings or ())
    summary = _summary(file, problem, [str(each.message) for each in caught])
    session.out.print(tables.checked(summary))
    for remark in summary.remarks:
        session.say(f"warning: {remark}", "yellow")
    session.out.print(Text(_verdict(summary)))


def _summary(file: library.ProblemFile, problem: Problem, remarks: Sequence[str] = ()) -> Summary:
    """Return what a problem asks for, with the network and points of its file."""
    from sirenpde.summary import summarize

    chosen = {name: value for name, value in file.recipe.items() if name in {"network", "points"}}
    return summarize(problem, **chosen, remarks=remarks)


def _verdict(summary: Summary) -> str:
    """Return the last line of a check."""
    count = len(summary.conditions)
    numbers = ", ".join(summary.unknowns)
    also = f" and the unknown number{'s' if len(summary.unknowns) > 1 else ''} {numbers}" if numbers else ""
    found = f"{count} constraint{'s' if count > 1 else ''}, {', '.join(summary.fields)}{also} sought"
    told = (
        f"{len(summary.remarks)} warning{'s' if len(summary.remarks) > 1 else ''}" if summary.remarks else "no warnings"
    )
    return f"{summary.name}: the problem is well stated ({found}; {told}). F is one evaluation of the network."


@app.command()
def run(  # noqa: PLR0917 - options of the command
    context: typer.Context,
    target: Target,
    out: Annotated[Path | None, typer.Option(help="The folder to write; runs/NAME if left out.")] = None,
    seconds: Annotated[float | None, typer.Option(help="A limit on the seconds of training.")] = None,
    steps: Annotated[int | None, typer.Option(help="A limit on the steps of training.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same result.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, …")] = None,
    dtype: Annotated[str | None, typer.Option(help="float32 or float64.")] = None,
    settings: Settings = None,
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that holds something.")] = False,
) -> None:
    """Solve a problem; write solution.h5, pictures, sounds and summary.json into a folder."""
    session: Session = context.obj
    options = _options(seconds, steps, seed, device, dtype)
    path = library.locate(target)
    folder = Path("runs") / path.stem if out is None else out
    made = outputs.prepare(folder, force=force)
    kept = outputs.Outputs(folder)
    try:
        file = _opened(session, target)
        problem = file.build(settings or ())
        code = _solve_and_save(session, file, problem, file.recipe | options, kept)
    finally:
        outputs.remove_if_empty(made)
    session.out.print(Text(f"{folder}: {', '.join(kept.files) or 'nothing was written'}"), soft_wrap=True)
    raise typer.Exit(max([session.report(failure) for failure in kept.failures], default=code))


def _solve_and_save(
    session: Session,
    file: library.ProblemFile,
    problem: Problem,
    arguments: Mapping[str, Any],
    kept: outputs.Outputs,
) -> int:
    """Solve, write the folder, and return the exit code."""
    from sirenpde.solution.display import no_better_than_null

    most = _most_steps(problem, arguments)
    limit = f"until {arguments['max_seconds']:g} s are spent" if most is None else f"up to {most} steps"
    session.say(f"Solving {problem.name}: {limit}. Ctrl-C ends the run and saves what there is.")
    with _stoppable() as stop:
        solution, code = _solved(session, problem, arguments, stop)
        stop.saving = True
        seconds = solution.history.seconds[-1] if len(solution.history) else 0.0
        session.say(f"{len(solution.history)}{'' if most is None else f' of {most}'} steps in {seconds:.1f} s.")
        try:
            archive = outputs.save(kept, solution, file.scores, file.figures)
        except KeyboardInterrupt:
            session.say(f"stopped while saving; written into {kept.folder}: {', '.join(kept.files) or 'nothing'}")
            raise typer.Exit(stop.code) from None
    if archive is not None:
        session.out.print(tables.scores(archive))
        for sentence in no_better_than_null(archive):
            session.say(f"warning: {sentence}", "yellow")
    session.out.print(Text(f"{solution.name}: {solution.status}. {solution.status.message}"), soft_wrap=True)
    return stop.code if stop.asked else code


def _most_steps(problem: Problem, arguments: Mapping[str, Any]) -> int | None:
    """Return how many steps a run may take, None where time ends it; ``solve`` refuses what is no number."""
    from sirenpde.training.defaults import choose_defaults

    optimizer, limit = arguments.get("optimizer", "auto"), arguments.get("steps")
    stages = choose_defaults(problem).stages if isinstance(optimizer, str) else optimizer
    timed = isinstance(optimizer, str) and limit is None and isinstance(arguments.get("max_seconds"), int | float)
    if timed and stages[-1].kept > 1:
        return None
    total = sum(getattr(stage, "steps", 0) for stage in (stages if isinstance(stages, Sequence) else [stages]))
    if not isinstance(limit, int):
        return total
    return limit if isinstance(optimizer, str) else min(limit, total)


def _options(
    seconds: float | None, steps: int | None, seed: int | None, device: str | None, dtype: str | None
) -> dict[str, Any]:
    """Return the options that were given, by their names in ``solve``; refuse those that it would refuse."""
    from sirenpde.training.reproducibility import DTYPES, require_device, require_seed

    for name, value in (("--seconds", seconds), ("--steps", steps)):
        if value is not None and not 0 < value < math.inf:
            msg = f"{name} {value}: expected a positive number."
            raise UsageError(msg)
    if seed is not None:
        require_seed(seed)
    if device is not None:
        require_device(device)
    if dtype is not None and dtype not in DTYPES:
        msg = f"--dtype {dtype}: expected {' or '.join(DTYPES)}."
        raise UsageError(msg)
    given = {"max_seconds": seconds, "steps": steps, "seed": seed, "device": device, "dtype": dtype}
    return {name: value for name, value in given.items() if value is not None}


def _opened(session: Session, target: str) -> library.ProblemFile:
    """Run a problem file, after saying so where it is not one of ours."""
    path = library.locate(target)
    if path not in library.shipped().values():
        session.say(f"running {path} as a program; it can do what you can do.")
    return library.ProblemFile.run(path)


def _solved(session: Session, problem: Problem, arguments: Mapping[str, Any], stop: _Stop) -> tuple[Solution, int]:
    """Solve; return the solution, also of a run that failed or was stopped, and the exit code."""
    from sirenpde.solution.solution import Solution
    from sirenpde.solve import solve

    try:
        return solve(problem, **arguments), 0
    except (NumericalError, TargetMissedError) as error:
        found = getattr(error, "solution", None)
        if not isinstance(found, Solution):
            raise
        return found, session.report(error)
    except KeyboardInterrupt:
        session.say("stopped before there was anything to save.")
        raise typer.Exit(stop.code) from None


@dataclass
class _Stop:
    """Whether a signal asked a run to stop, whether it is being saved, and the exit code that this gives."""

    asked: bool = False
    saving: bool = False
    code: int = 130


@contextmanager
def _stoppable() -> Iterator[_Stop]:
    """Let Ctrl-C and SIGTERM stop a run so that it is saved; what was set before is restored.

    The first signal ends the training, or the scoring after it. While the run is saved it is only noted; the second
    one ends that too.
    """
    stop = _Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        again, stop.asked, stop.code = stop.asked, True, 128 + number
        del frame
        if again or not stop.saving:
            raise KeyboardInterrupt
        with contextlib.suppress(OSError):  # not through the console, which the signal may have interrupted
            os.write(2, b"saving what there is; a second Ctrl-C ends at once.\n")

    before = {}
    if threading.current_thread() is threading.main_thread():  # only the main thread may set handlers
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and the like stay in force
                before[number] = signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)


@app.command()
def plot(
    context: typer.Context,
    file: Stored,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to write; that of a run's solution.h5, else one beside the file, of its name."),
    ] = None,
) -> None:
    """Draw the pictures of a solution again; no code of the problem is run."""
    session: Session = context.obj
    file = _solution_file(file)
    archive = _read(file)
    own = file.parent if file.name == outputs.SOLUTION else file.with_suffix("")
    folder = own if out is None else out
    outputs.prepare(folder, force=True)
    from sirenpde.solution.figures import figures

    kept = outputs.Outputs(folder)
    outputs.write_pictures(kept, figures(archive))
    session.out.print(Text(f"{folder}: {', '.join(kept.files) or 'there is nothing to draw'}"), soft_wrap=True)
    if kept.failures:
        raise typer.Exit(max(session.report(failure) for failure in kept.failures))


@app.command()
def export(
    context: typer.Context,
    file: Stored,
    out: Annotated[Path | None, typer.Option(help="The file to write: .vtkhdf, .npz, .csv or .wav.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file.")] = False,
) -> None:
    """Write a solution for another program; for ParaView (.vtkhdf) if --out is left out."""
    from sirenpde.solution import export as formats

    file = _solution_file(file)
    archive = _read(file)
    path = file.with_suffix(".vtkhdf") if out is None else out
    if path.exists() and not force:
        msg = f'"{path}" exists.\n  Name another file with --out, or give --force to replace it.'
        raise UsageError(msg)
    if not path.parent.is_dir():
        msg = f'cannot write "{path}": there is no folder "{path.parent}".'
        raise UsageError(msg)
    formats.export(archive, path)
    context.obj.out.print(Text(str(path)), soft_wrap=True)


def _solution_file(path: Path) -> Path:
    """Return the file that is meant: in the folder of a run, its solution."""
    inside = path / outputs.SOLUTION
    return inside if inside.is_file() else path


def _read(file: Path) -> Archive:
    """Read a solution; a path that is none is the user's slip, not damage."""
    from sirenpde.solution import hdf5, schema

    if not file.is_file():
        kind = f"a folder without {outputs.SOLUTION}" if file.is_dir() else "not there"
        msg = f'"{file}" is {kind}; expected a solution, such as runs/NAME/{outputs.SOLUTION}.'
        raise UsageError(msg)
    with contextlib.suppress(OSError), file.open("rb") as stream:  # hdf5.read says what is wrong with such a file
        if stream.read(len(schema.SIGNATURE)) != schema.SIGNATURE:
            msg = f'"{file}" is no HDF5 solution file; expected one such as runs/NAME/{outputs.SOLUTION}.'
            raise FileError(msg)
    return hdf5.read(file)
