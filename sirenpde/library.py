"""The shipped problems: where their files lie, and by which name each is found.

In the repository, and so in an editable install, they are the top-level folder ``problems/``; in a wheel the same files
are ``sirenpde/shipped/``. A file whose name begins with an underscore is no problem.

This is the only module that runs a problem file, and a problem file is a program: read it before you run it.

What a problem file may define:

| name | what it is |
| --- | --- |
| docstring | the formula and its source; its first line is the title |
| ``build(…) -> Problem`` | the statement; its parameters are what ``--set NAME=VALUE`` sets |
| a variable that holds a ``Problem`` | the same without parameters, in a user's file without ``build`` |
| ``RECIPE`` | arguments of ``solve``, as a dictionary; left out or empty where ``"auto"`` is best |
| ``scores(solution) -> dict[str, float]`` | more measured numbers, kept with the solution's own |
| ``figures(solution) -> dict[str, Figure]`` | more pictures, written as ``NAME.png`` beside the standard ones |

The last two are called after training, with what ``solve`` returned; ``solution.problem`` is the statement.
What they raise is reported, and costs no file but their own.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
import runpy
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sirenpde.errors import ProblemError, ResourceError, SirenPDEError, UsageError, suggestion
from sirenpde.solution.outputs import is_out_of_memory
from sirenpde.solution.schema import NAME

# What needs torch is imported where it is used: to list the problems takes no torch.
if TYPE_CHECKING:
    from sirenpde.statement.problem import Problem

_PACKAGE = Path(__file__).resolve().parent
_TYPES: dict[str, type] = {kind.__name__: kind for kind in (bool, int, float, str)}
_NAMED = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def problem_folder(package: Path = _PACKAGE) -> Path:
    """Return the folder that holds the shipped problems, one Python file each.

    Args:
        package: The folder of the package; another one only in tests.

    Raises:
        ResourceError: If the installation lost them.

    Example:
        >>> problem_folder().is_dir()
        True
    """
    installed = package / "shipped"
    if installed.is_dir():
        return installed
    root = package.parent
    # Beside an installed package, a folder `problems` could be anyone's: it is ours only next to our pyproject.toml.
    if (root / "pyproject.toml").is_file() and (root / "problems").is_dir():
        return root / "problems"
    message = (
        f"the shipped problems are missing: neither {installed} nor {root / 'problems'} is there.\n"
        "  Usual cause: a part of the package was moved or copied without the rest.\n"
        "  Install sirenpde again, or give the path of a problem file."
    )
    raise ResourceError(message)


def shipped(folder: Path | None = None) -> dict[str, Path]:
    """Return the shipped problems, name to file, sorted by name.

    Args:
        folder: Where to look; ``problem_folder()`` if left out.

    Example:
        >>> all(file.stem == name for name, file in shipped().items())
        True
    """
    files = (problem_folder() if folder is None else folder).glob("*.py")
    return {file.stem: file for file in sorted(files) if not file.name.startswith("_")}


def definitions(file: Path) -> dict[str, Any]:
    """Run a problem file and return what it defines: ``build``, ``RECIPE``, and the rest of its names.

    Its block below ``if __name__ == "__main__"`` does not run.

    Args:
        file: A Python file, shipped or the user's own.

    Raises:
        Exception: Whatever the file itself raises.
    """
    return runpy.run_path(str(file), run_name="sirenpde_problem")


def locate(target: str, folder: Path | None = None) -> Path:
    """Return the file that is meant by the name of a shipped problem or by a path.

    Args:
        target: A name such as ``fit_image``, or the path of a ``.py`` file.
        folder: Where the shipped problems lie; ``problem_folder()`` if left out.

    Raises:
        UsageError: If there is no such problem or file, or it is no Python file.
    """
    known = shipped(folder)
    if target in known:
        return known[target]
    path = Path(target)
    if path.suffix == ".py" and path.is_file():
        return path
    if path.suffix == ".py":
        fault = "is a folder" if path.is_dir() else "does not exist"
        msg = f"problem file {target!r} {fault}.{suggestion(path.stem, known)}"
    elif path.suffix == ".h5":
        msg = f"{target!r} is a solution, not a problem.\n  Write sirenpde plot {target}, or sirenpde export {target}."
    else:
        hint = suggestion(target, known) or f"\n  The shipped problems are {', '.join(known)}."
        msg = f"there is no problem {target!r}.{hint}\n  A problem of your own is the path of a file that ends in .py."
    raise UsageError(msg)


def docstring(file: Path) -> str:
    """Return what a problem file says of itself, without running it; empty if it says nothing or is no Python."""
    try:
        return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    except (SyntaxError, ValueError, OSError):
        return ""


@dataclass(frozen=True)
class ProblemFile:
    """A problem file that was run.

    Attributes:
        path: The file.
        names: What it defines.
    """

    path: Path
    names: dict[str, Any]

    @classmethod
    def run(cls, path: Path) -> ProblemFile:
        """Run a problem file.

        Raises:
            ProblemError: If the file fails.
        """
        return cls(path, _guarded(path, f'problem file "{path}" failed', lambda: definitions(path)))

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """What can be set: the parameters of ``build`` that have a name; none in a file without it."""
        return {name: each for name, each in self._signature.items() if each.kind in _NAMED}

    @property
    def _signature(self) -> dict[str, inspect.Parameter]:
        build = self.names.get("build")
        return dict(inspect.signature(build).parameters) if callable(build) else {}

    @property
    def recipe(self) -> dict[str, Any]:
        """The arguments of ``solve`` that the file asks for.

        Raises:
            ProblemError: If ``RECIPE`` is no dictionary of such arguments.
        """
        from sirenpde.solve import solve

        recipe = self.names.get("RECIPE", {})
        known = [name for name in inspect.signature(solve).parameters if name not in {"problem", "progress", "throw"}]
        if not isinstance(recipe, dict):
            msg = (
                f'RECIPE of "{self.path}" is a {type(recipe).__name__}; expected a dictionary of arguments of sp.solve.'
            )
            raise ProblemError(msg)
        for name in recipe:
            if name not in known:
                hint = suggestion(str(name), known) or f"\n  They are {', '.join(known)}."
                msg = f'RECIPE of "{self.path}" has {name!r}, which is no argument of sp.solve.{hint}'
                raise ProblemError(msg)
        return dict(recipe)

    def build(self, texts: Sequence[str] = ()) -> Problem:
        """Return the statement.

        Args:
            texts: What to set, each as ``NAME=VALUE``.

        Raises:
            UsageError: If a text names no parameter, or its value does not fit.
            ProblemError: If the file holds no problem or several, ``build`` fails, or a text asks for a parameter that
                cannot be given by name.
        """
        from sirenpde.statement.problem import Problem

        chosen = _chosen(texts, self._signature, f'build() of "{self.path}"')
        build = self.names.get("build")
        if not callable(build):
            return self._only_problem()
        what = f'build({", ".join(f"{name}={value!r}" for name, value in chosen.items())}) of "{self.path}" failed'
        problem = _guarded(self.path, what, lambda: build(**chosen))
        if not isinstance(problem, Problem):
            msg = f'build() of "{self.path}" returned a {type(problem).__name__}; expected an sp.Problem.'
            raise ProblemError(msg)
        return problem

    def scores(self, solution: object) -> dict[str, float]:
        """Return the numbers that the file measures of a solution; none if it has no ``scores``.

        Raises:
            ProblemError: If ``scores`` fails, or returns anything but a dictionary from names to numbers.
        """
        found = self._called("scores", solution)
        try:
            return {name: float(value) for name, value in found.items()}
        except (TypeError, ValueError) as error:
            msg = f'scores(solution) of "{self.path}" returned something that is no number: {error}.'
            raise ProblemError(msg) from error

    def figures(self, solution: object) -> dict[str, Any]:
        """Return the pictures that the file draws of a solution; none if it has no ``figures``.

        Raises:
            ProblemError: If ``figures`` fails, or returns anything but a dictionary from names to figures.
        """
        from matplotlib.figure import Figure

        found = self._called("figures", solution)
        for name, figure in found.items():
            if not isinstance(figure, Figure):
                msg = f'figures(solution) of "{self.path}" has {name!r}, a {type(figure).__name__}; expected a Figure.'
                raise ProblemError(msg)
        return found

    def _called(self, hook: str, solution: object) -> dict[str, Any]:
        function = self.names.get(hook)
        if not callable(function):
            return {}
        found = _guarded(self.path, f'{hook}(solution) of "{self.path}" failed', lambda: function(solution))
        if not isinstance(found, dict) or not all(isinstance(name, str) and re.fullmatch(NAME, name) for name in found):
            got = f'{hook}(solution) of "{self.path}" returned a {type(found).__name__}'
            msg = f"{got}; expected a dictionary from names."
            raise ProblemError(msg)
        return found

    def _only_problem(self) -> Problem:
        """Return the one problem that stands in a variable."""
        from sirenpde.statement.problem import Problem

        found = {name: value for name, value in self.names.items() if isinstance(value, Problem)}
        distinct = list({id(problem): problem for problem in found.values()}.values())
        if len(distinct) != 1:
            held = f"holds several problems: {', '.join(found)}" if found else "holds no problem"
            own = [name for name in self.names if not name.startswith("__")]
            listed = "" if found else f" It defines {', '.join(own) or 'nothing'}."
            msg = (
                f'"{self.path}" {held}; expected a function build() that returns one, or one variable that holds one.'
                f"{listed}"
            )
            raise ProblemError(msg)
        return distinct[0]


def _chosen(texts: Sequence[str], parameters: Mapping[str, inspect.Parameter], where: str) -> dict[str, Any]:
    """Return the arguments that texts of the form ``NAME=VALUE`` stand for."""
    chosen: dict[str, Any] = {}
    named = {name: each for name, each in parameters.items() if each.kind in _NAMED}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            msg = f"--set {text}: expected NAME=VALUE, such as --set size=128."
            raise UsageError(msg)
        if name not in named:
            _require_settable(text, name, parameters, where)
            listed = f"what can be set is {', '.join(named)}" if named else "it has nothing to set"
            msg = f"--set {text}: {where} has no parameter {name!r}; {listed}.{suggestion(name, named)}"
            raise UsageError(msg)
        if name in chosen:
            msg = f"--set {text}: {name} is set twice."
            raise UsageError(msg)
        chosen[name] = _value(text, value, _kind(parameters[name]))
    return chosen


def _require_settable(text: str, name: str, parameters: Mapping[str, inspect.Parameter], where: str) -> None:
    """Refuse a parameter that has no name of its own, or that a ``**`` would swallow."""
    swallowed = next((each for each in parameters.values() if each.kind is each.VAR_KEYWORD), None)
    parameter = parameters.get(name, swallowed)
    if parameter is None:
        return
    stars: dict[Any, str] = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    what = f"{name!r} by position only"
    if parameter.kind in stars:
        what = stars[parameter.kind] + parameter.name
    msg = (
        f"--set {text}: {where} takes {what}, which cannot be set.\n"
        f"  Give build() a parameter with a name and a default, such as {name}=1.0."
    )
    raise ProblemError(msg)


def _kind(parameter: inspect.Parameter) -> type:
    """Return the type of a parameter: its annotation's, or that of its default; text where neither tells."""
    text = parameter.annotation if isinstance(parameter.annotation, str) else str(parameter.annotation)
    for part in (getattr(parameter.annotation, "__name__", ""), *text.replace(" ", "").split("|")):
        if part in _TYPES:
            return _TYPES[part]
    kind = type(parameter.default)
    return kind if kind in _TYPES.values() else str


def _value(text: str, value: str, kind: type) -> Any:
    """Return a value of a type, read from text; refuse what is none, and what is not finite."""
    try:
        if kind is bool:
            return _TRUTH[value.lower()]
        number = kind(value)
    except (KeyError, ValueError):
        number = math.nan
    if kind is not str and not math.isfinite(number):
        words = {bool: "true or false", int: "an integer", float: "a finite number"}[kind]
        msg = f"--set {text}: {value!r} is not {words}."
        raise UsageError(msg)
    return number


def _guarded(path: Path, what: str, action: Callable[[], Any]) -> Any:
    """Run a user's code; turn whatever it raises, the package's own errors aside, into a ``ProblemError``."""
    try:
        return action()
    except SirenPDEError:
        raise
    except SyntaxError as error:
        msg = f"{what} at line {error.lineno}: {type(error).__name__}: {error.msg}"
        raise ProblemError(msg) from error
    except (Exception, SystemExit) as error:
        if is_out_of_memory(error):
            raise
        lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == str(path)]
        where = f" at line {lines[-1]}" if lines else ""
        msg = f"{what}{where}: {type(error).__name__}: {error}"
        raise ProblemError(msg) from error
