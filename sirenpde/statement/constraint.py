"""A constraint: what must vanish, where, how much it weighs, and in which norm it is measured."""

from __future__ import annotations

import keyword
import numbers
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
import torch
from torch import Tensor

from sirenpde.errors import ExpressionError, ProblemError, ResidualError, finite_number, is_count, kind_of, shown
from sirenpde.fields.trace import Residual
from sirenpde.regions.region import Region
from sirenpde.statement.symbolic.collect import expressions, holds_symbolic

Penalty = Callable[[Tensor], Tensor]

#: ρ by name: what is integrated, entry by entry.
PENALTIES: dict[str, Penalty] = {"squared": torch.square, "absolute": torch.abs}


@dataclass(frozen=True)
class Constraint:
    """C_m(a, Φ, ∇Φ, …) = 0 on Ω_m: one term λ_m ∫_Ω_m ρ(C_m) of the loss.

    Attributes:
        name: What messages, tables and the history call it.
        on: The region Ω_m.
        residual: What must vanish: a SymPy expression, an ``Eq`` or a list of such; or a function of ``(a, phi)``
            that returns ``(n,)``, ``(n, k)`` or a tuple of such.
        weight: λ_m, positive.
        penalty: ρ: ``"squared"``, ``"absolute"``, or a function from the residual's tensor to one of the same shape.
        points: How many points to draw per step; None leaves it to ``solve``.

    Raises:
        ProblemError: If the name, weight, penalty or number of points is none.

    Example:
        >>> import sirenpde as sp
        >>> walls = sp.Constraint("walls", on=sp.Box(x=(0, 1)).boundary, residual=lambda a, phi: phi.u)
        >>> walls.measure
        2.0
    """

    name: str
    on: Region
    residual: Residual | sympy.Basic | Sequence[sympy.Basic]
    weight: float = 1.0
    penalty: str | Penalty = "squared"
    points: int | None = None

    def __post_init__(self) -> None:
        """Refuse arguments that could not be used."""
        require_identifier(self.name, "a constraint")
        if not isinstance(self.on, Region):
            several = isinstance(self.on, list | tuple) and all(isinstance(each, Region) for each in self.on)
            hint = "Join them with |." if several else "Write on=sp.Box(…), one of its sides, or another region."
            msg = f'constraint "{self.name}" holds on {kind_of(self.on)}; expected a region.\n  {hint}'
            raise ProblemError(msg)
        if isinstance(self.residual, str):
            msg = (
                f'constraint "{self.name}" has the string {self.residual!r} for a residual. Strings are never '
                "evaluated: write the formula with SymPy's symbols, or as a function of (a, phi)."
            )
            raise ExpressionError(msg)
        listed = self.residual if isinstance(self.residual, list | tuple) else [self.residual]
        if holds_symbolic(self.residual) or any(isinstance(each, bool) for each in listed):
            expressions(self.residual, f'constraint "{self.name}"')
        elif not callable(self.residual) or isinstance(self.residual, type):
            msg = (
                f'constraint "{self.name}" has {kind_of(self.residual)} for a residual; expected a SymPy '
                f"expression, an Eq, a flat list of such, or a function of (a, phi).\n  {_advice(self.residual)}"
            )
            raise ResidualError(msg)
        self._check_numbers()
        if (isinstance(self.penalty, str) and self.penalty not in PENALTIES) or (
            not isinstance(self.penalty, str) and not callable(self.penalty)
        ):
            msg = (
                f'constraint "{self.name}" has penalty={self.penalty!r}; expected "squared", "absolute", or a function '
                "from the residual's tensor to one of the same shape."
            )
            raise ProblemError(msg)

    def _check_numbers(self) -> None:
        weight, points = self.weight, self.points
        if (finite_number(weight) or 0.0) <= 0:
            msg = (
                f'constraint "{self.name}" has weight={shown(weight)}; expected a positive number. To leave it out, '
                "drop the constraint."
            )
            raise ProblemError(msg)
        if points is not None and not is_count(points):
            msg = f'constraint "{self.name}" has points={points!r}; expected a positive integer, such as points=2000.'
            raise ProblemError(msg)

    @property
    def pointwise(self) -> bool:
        """Whether it holds at every one of infinitely many points: theirs can be chosen, and weighed."""
        return self.on.size is None

    @property
    def measure(self) -> float:
        """|Ω_m|."""
        return self.on.measure

    def reduced(self, parts: list[Tensor]) -> list[Tensor]:
        """Return what is penalised of the parts of a residual: the values at every point."""
        return parts

    def chunk(self, size: int, count: int) -> int:
        """Return how many of ``count`` points may be evaluated together, where ``size`` fit: points do not mix."""
        del count
        return size

    def penalised(self, residual: Tensor) -> Tensor:
        """Return ρ of a residual, summed over its components: ``(n,)`` or ``(n, k)`` → ``(n,)``.

        Raises:
            ProblemError: If the user's own penalty changes the shape.
        """
        function = PENALTIES[self.penalty] if isinstance(self.penalty, str) else self.penalty
        value: Any = function(residual)
        if not isinstance(value, Tensor) or value.shape != residual.shape:
            got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else kind_of(value)
            msg = (
                f'the penalty of constraint "{self.name}" returned {got} for a residual of shape '
                f"{tuple(residual.shape)}; expected the same shape."
            )
            raise ProblemError(msg)
        return value if value.ndim == 1 else value.sum(1)


@dataclass(frozen=True)
class IntegralConstraint(Constraint):
    """∫_Ω_m C_m(a, Φ, ∇Φ, …) dx = 0: the residual need not vanish anywhere, its integral does.

    Its term of the loss is λ_m |Ω_m| ρ(mean of C_m over Ω_m), the mean over all of its points at once; what tables and
    scores show is the mean. Its accuracy is that of the mean, so it takes more points than a residual would.

    Attributes:
        name: What messages, tables and the history call it.
        on: The region Ω_m.
        residual: As for ``Constraint``. ``u - 2`` says that the mean of u over the region is 2; ``u - V/|Ω|`` that its
            integral is V.
        weight: λ_m, positive.
        penalty: ρ, of the mean.
        points: How many points to draw per step.

    Raises:
        ProblemError: If the name, weight, penalty or number of points is none.

    Example:
        >>> import sympy
        >>> import sirenpde as sp
        >>> x, y = sympy.symbols("x y")
        >>> p = sympy.Function("p")(x, y)
        >>> IntegralConstraint("mean_pressure", on=sp.Box(x=(0, 1), y=(0, 1)), residual=p).points
        4096
    """

    points: int | None = 4096

    @property
    def pointwise(self) -> bool:
        """False: its residual need not vanish anywhere."""
        return False

    def reduced(self, parts: list[Tensor]) -> list[Tensor]:
        """Return the mean of each part over the points, shape ``(1,)`` or ``(1, k)``."""
        return [part.mean(dim=0, keepdim=True) for part in parts]

    def chunk(self, size: int, count: int) -> int:
        """Return all of the points: the penalty is that of their mean."""
        del size
        return count


def _advice(residual: object) -> str:
    """Return what to write in place of what is no residual."""
    if isinstance(residual, list | tuple) and residual:
        if all(callable(each) for each in residual):
            return "Write one function that returns a tuple: lambda a, phi: (phi.u, phi.v)."
        return "Write the expressions one after the other, as in [u.diff(x) - v, v.diff(x) + u]."
    if isinstance(residual, np.ndarray) and residual.dtype == object:
        return "Write list(array.flat) for a list of its entries."
    if isinstance(residual, np.bool_):
        return "Usual cause: == was written in place of sympy.Eq."
    if isinstance(residual, numbers.Number | np.ndarray | Tensor):
        return "Write what must vanish, with the field in it: in SymPy u - 3, as a function lambda a, phi: phi.u - 3."
    return (
        "Write for example u.diff(x, 2) + u.diff(y, 2) - f in SymPy, or lambda a, phi: sp.laplacian(phi.u) - a.f "
        "as a function."
    )


def require_identifier(name: object, what: str) -> None:
    """Refuse a name that is no plain identifier of at most 64 ASCII characters, or is a Python keyword."""
    if (
        not isinstance(name, str)
        or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name)
        or keyword.iskeyword(name)
        or name.startswith("__")
    ):
        msg = (
            f"{name!r} is no name for {what}; expected letters, digits and underscores, at most 64, not beginning with "
            "a digit, and no Python keyword."
        )
        raise ProblemError(msg)
