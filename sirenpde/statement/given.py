"""Turn what ``given`` and ``exact`` accept into knowns: numbers, SymPy, functions of ``a``, pictures, sounds."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy
import torch
from torch import Tensor, nn

from sirenpde.errors import DataError, ExpressionError, ProblemError, SirenPDEError, finite_number, kind_of, shown
from sirenpde.fields.layout import Layout
from sirenpde.fields.quantity import Quantity
from sirenpde.fields.scope import AutogradScope, Given, Surroundings
from sirenpde.statement.known import Known
from sirenpde.statement.symbolic.collect import holds_symbolic
from sirenpde.statement.symbolic.program import KnownProgram, compile_known
from sirenpde.statement.symbolic.vocabulary import Vocabulary


@dataclass(frozen=True)
class Number(Known):
    """A known that is the same everywhere."""

    value: float

    @property
    def names(self) -> None:
        """None: it takes any coordinates."""

    @property
    def trailing(self) -> tuple[int, ...]:
        """A scalar."""
        return ()

    def __call__(self, points: Tensor) -> Tensor:
        """Return the number at every point, ``(n,)``."""
        return torch.full_like(points[:, 0], self.value)


@dataclass(frozen=True)
class Formula(Known):
    """A known that is written as a function of ``a``, reading coordinates alone.

    Attributes:
        function: The function.
        coordinates: The coordinates that it can read.
        where: What the user calls it, for messages.
        trailing: The shape of its value at one point.
    """

    function: Callable[[Any], Any]
    coordinates: tuple[str, ...]
    where: str
    trailing: tuple[int, ...] = ()

    @property
    def expression(self) -> sympy.Expr | None:
        """The SymPy formula of a scalar that was given as one."""
        return self.function.formula if isinstance(self.function, KnownProgram) else None

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates that it can read."""
        return self.coordinates

    def __call__(self, points: Tensor) -> Tensor:
        """Evaluate at points of shape ``(n, d)``, differentiable by them where they require it."""
        surroundings = Surroundings(self.where, Layout({}, self.coordinates))
        scope = AutogradScope(surroundings, nn.Identity(), points)
        with torch.enable_grad():  # a known may differentiate, even where the caller wants no graph
            answer = self.function(Given(scope, surroundings, {}))
            if isinstance(answer, Quantity):
                return answer.tensor if points.requires_grad else answer.tensor.detach()
        if isinstance(answer, int | float) and not isinstance(answer, bool):
            return torch.full_like(points[:, 0], float(answer))
        msg = (
            f"{self.where} returned {kind_of(answer)}; expected a quantity made of coordinates, such as torch.sin(a.x)."
        )
        raise ProblemError(msg)


def as_known(value: object, coordinates: tuple[str, ...], where: str, trial: Tensor) -> Known:
    """Return a known made of what a user gave.

    Args:
        value: A number, a SymPy expression of the coordinates, a list of such, a function of ``a``, or a known such
            as a ``Raster``.
        coordinates: The problem's coordinates.
        where: What the user calls it, such as ``given "f" of problem "poisson"``.
        trial: A few points ``(n, d)`` of the problem's domain, to try it on.

    Raises:
        ProblemError: If it is none of these, fails, or returns a wrong shape.
        DataError: If it is not finite on the trial points.
    """
    if isinstance(value, Known):
        missing = [name for name in value.names or () if name not in coordinates]
        if missing:
            msg = (
                f"{where} is a function of {', '.join(value.names or ())}; the coordinates of the problem are "
                f"{', '.join(coordinates)}."
            )
            raise ProblemError(msg)
        return value
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        number = finite_number(value)
        if number is None:
            msg = f"{where} is {shown(value)}; expected a finite number."
            raise DataError(msg)
        return Number(number)
    if isinstance(value, str):
        msg = f"{where} is the string {value!r}. Strings are never evaluated: write a SymPy expression or a function."
        raise ExpressionError(msg)
    if holds_symbolic(value):
        program = compile_known(value, Vocabulary(where, coordinates))
        if program.formula is not None and program.formula.is_number:
            return Number(float(program.formula))
        return _formula(program, coordinates, where, trial)
    if callable(value) and not isinstance(value, type):
        return _formula(value, coordinates, where, trial)
    msg = (
        f"{where} is {kind_of(value)}; expected a number, a SymPy expression, a function of a, an sp.Raster or "
        "an sp.Waveform."
    )
    raise ProblemError(msg)


def _formula(function: Callable[[Any], Any], coordinates: tuple[str, ...], where: str, trial: Tensor) -> Formula:
    """Try a function of ``a`` on two numbers of points, and return it with the shape of its value."""
    shapes = []
    for count in (2, 3):
        try:
            values = Formula(function, coordinates, where)(trial[:count])
        except SirenPDEError:
            raise
        except Exception as error:
            msg = (
                f"{where} failed when it was tried: {type(error).__name__}: {error}\n  Write a function of a, "
                "such as lambda a: torch.sin(a.x)."
            )
            raise ProblemError(msg) from error
        if values.shape[:1] != (count,) or values.ndim > 2:
            msg = f"{where} returned shape {tuple(values.shape)} at {count} points; expected (n,) or (n, k)."
            raise ProblemError(msg)
        if not torch.isfinite(values).all():
            msg = f"{where} is not finite at {trial[:count].tolist()}: {values.tolist()}."
            raise DataError(msg)
        shapes.append(tuple(values.shape[1:]))
    return Formula(function, coordinates, where, shapes[1])


@dataclass(frozen=True)
class Arranged:
    """A known read at points in the problem's coordinates: it is handed the columns that it is a function of."""

    known: Known
    columns: tuple[int, ...] | None

    def __call__(self, points: Tensor) -> Tensor:
        """Evaluate at points ``(n, d)`` in the problem's coordinates."""
        return self.known(points if self.columns is None else points[:, list(self.columns)])


def arranged(known: Known, coordinates: tuple[str, ...]) -> Arranged:
    """Return a known that takes points in the problem's coordinates."""
    if known.names is None or tuple(known.names) == coordinates:
        return Arranged(known, None)
    return Arranged(known, tuple(coordinates.index(name) for name in known.names))
