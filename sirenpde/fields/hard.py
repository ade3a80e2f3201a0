"""Hard conditions: a function ``(a, u)`` gives the field that is used in place of the raw one, u.

The function is tried once, on a few points, before any training. Most are affine in u, point by point and component by
component: f + g u, with f and g functions of the coordinates. Leibniz' rule gives their derivatives from those of u.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from sirenpde.errors import ProblemError, SirenPDEError, kind_of
from sirenpde.fields.alignment import shape_text
from sirenpde.fields.autodiff import Autodiff
from sirenpde.fields.forms import multi_indices, order
from sirenpde.fields.layout import Layout
from sirenpde.fields.quantity import Quantity
from sirenpde.fields.scope import AutogradScope, Given, Record, Surroundings
from sirenpde.fields.siren import Siren
from sirenpde.fields.unknowns import UnknownNumbers

HardFunction = Callable[[Any, Any], Any]

#: A small, smooth network to try functions on, wide enough that no derivative vanishes by accident.
TRIAL = Siren(width=8, depth=1, omega=1.0, first_omega=1.0)

#: What random raw fields are multiplied by to try a function: it may be affine near zero, or on one side, alone.
_SIZES = (1.0, -1.0, 30.0, -30.0, 1000.0, -1000.0)

#: How far, relative to their sizes, f + g u may be from the function: rounding, and what a user's function adds to it.
_AFFINE = 1e-9

_EXAMPLE = "Write a function of (a, u), such as lambda a, u: (1 - a.x**2) * u."


class HardScope(AutogradScope):
    """Where a hard function runs: it reads the raw field, coordinates, knowns and unknown numbers."""

    def __init__(self, surroundings: Surroundings, raw: Autodiff, numbers: dict[str, Tensor]) -> None:
        """Bind a function's surroundings to the raw fields at points, and to the unknown numbers."""
        super().__init__(surroundings, cast(nn.Module, raw.network), raw.points)
        self.answers = [raw]
        self.numbers = numbers


@dataclass(frozen=True)
class HardField:
    """A hard function that was tried.

    Attributes:
        name: The field.
        function: The user's function of ``(a, u)``.
        surroundings: What it can read.
        layout: The fields of the problem.
        order: The highest derivative of the raw field that it takes; at least 1 where it differentiates anything.
        affine: Whether it is f + g u, point by point and component by component.
        knowns: The knowns that it reads.
        unknowns: The unknown numbers that it reads.
    """

    name: str
    function: HardFunction
    surroundings: Surroundings
    layout: Layout
    order: int = 0
    affine: bool = False
    knowns: frozenset[str] = frozenset()
    unknowns: frozenset[str] = frozenset()

    def scope(self, raw: Autodiff, numbers: dict[str, Tensor]) -> HardScope:
        """Return where to run it."""
        return HardScope(self.surroundings, raw, numbers)

    def of_raw(self, scope: HardScope) -> Tensor:
        """Return the final field, ``(n,)`` or ``(n, c)``, of the raw one."""
        return self._of(scope, Quantity(scope, forms=self.layout.forms(self.name)))

    def of_values(self, scope: HardScope, values: Tensor) -> Tensor:
        """Return the final field of given raw values, ``(n,)`` or ``(n, c)``."""
        return self._of(scope, Quantity(scope, values))

    def parts(self, scope: HardScope) -> tuple[Tensor, Tensor]:
        """Return f and g of f + g u, each ``(n,)`` or ``(n, c)``."""
        zero = torch.zeros_like(scope.points[:, 0]).reshape(-1, *[1] * len(self.layout.trailing(self.name)))
        zero = zero.expand(-1, *self.layout.trailing(self.name)).clone().requires_grad_()
        offset = self.of_values(scope, zero)
        (factor,) = torch.autograd.grad(offset.sum(), zero, create_graph=True)
        return offset, factor

    def _of(self, scope: HardScope, u: Quantity) -> Tensor:
        answer = self.function(Given(scope, self.surroundings, {}), u)
        if not isinstance(answer, Quantity):
            expected = shape_text(self.layout.trailing(self.name))
            msg = (
                f"{self.surroundings.where} returned {kind_of(answer)}; expected a quantity of shape "
                f"{expected}.\n  {_EXAMPLE}"
            )
            raise ProblemError(msg)
        return answer.tensor


def tried(name: str, function: HardFunction, surroundings: Surroundings, layout: Layout, trial: Trial) -> HardField:
    """Try a hard function on a few points, and return it with what was seen.

    Raises:
        ProblemError: If it fails, returns another shape than its field has, is not finite, mixes points, or does not
            depend on the raw field.
    """
    field = HardField(name, function, surroundings, layout)
    values, scope = _guarded(field, trial.raw(), trial.numbers())
    _check_shape(field, values, scope)
    _check_finite(field, values, scope)
    _check_order(field, values, trial)
    _check_dependence(field, values, scope)
    record: Record = scope.record
    highest = max((order(alpha) for form in record.forms[0] for alpha in multi_indices(form)), default=0)
    highest += int(record.differentiates)
    return HardField(
        name,
        function,
        surroundings,
        layout,
        order=highest,
        affine=highest == 0 and all(_is_affine(field, trial, size) for size in _SIZES),
        knowns=frozenset(record.knowns),
        unknowns=frozenset(record.unknowns),
    )


class Trial:
    """What hard functions are tried with: points, a small random network, and unknown numbers moved from their start.

    Moved, because u**nu is affine in u only as long as nu is 1.
    """

    def __init__(self, layout: Layout, unknowns: UnknownNumbers, points: Tensor) -> None:
        """Choose a network and numbers; ``points`` has shape ``(n, d)``, at least three rows."""
        self.points = points.detach().double().cpu()
        self._network = TRIAL.build(len(layout.coordinates), layout.outputs, dtype=torch.float64)
        self._unknowns = copy.deepcopy(unknowns).double().cpu()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in self._unknowns.parameters():
                parameter.add_(0.1 + 0.5 * torch.rand((), generator=generator, dtype=torch.float64))

    def numbers(self) -> dict[str, Tensor]:
        """Return the unknown numbers."""
        return self._unknowns.values()

    def raw(self, rows: Tensor | None = None) -> Autodiff:
        """Return the raw fields at the points, or at some of them."""
        points = self.points if rows is None else self.points[rows]
        return Autodiff(self._network, points.clone().requires_grad_())


def _guarded(field: HardField, raw: Autodiff, numbers: dict[str, Tensor]) -> tuple[Tensor, HardScope]:
    """Run a hard function; turn whatever it raises into an error that names it."""
    scope = field.scope(raw, numbers)
    try:
        return field.of_raw(scope), scope
    except SirenPDEError:
        raise
    except Exception as error:
        msg = f"{scope.where} failed when it was tried: {type(error).__name__}: {error}\n  {_EXAMPLE}"
        raise ProblemError(msg) from error


def _check_shape(field: HardField, values: Tensor, scope: HardScope) -> None:
    expected = (scope.count, *field.layout.trailing(field.name))
    if tuple(values.shape) != expected:
        msg = (
            f'{scope.where} returned shape {tuple(values.shape)} at {scope.count} points; field "{field.name}" has '
            f"{expected}, {shape_text(expected[1:])}.\n  {_EXAMPLE}"
        )
        raise ProblemError(msg)


def _check_finite(field: HardField, values: Tensor, scope: HardScope) -> None:
    at = field.layout.not_finite(values, scope.points)
    if at is not None:
        msg = (
            f"{scope.where} is not finite at {at}.\n  Usual cause: a root or logarithm of a negative number, or a "
            "division by zero there."
        )
        raise ProblemError(msg)


def _check_order(field: HardField, values: Tensor, trial: Trial) -> None:
    """Refuse a function whose values at a point change when the others come in another order, or stay away."""
    turned = torch.arange(len(values)).roll(1)[:-1]  # one is missing: a mean does not see the order
    again, scope = _guarded(field, trial.raw(turned), trial.numbers())
    same = again.shape == values[turned].shape
    if not same or not torch.allclose(values[turned], again, rtol=1e-9, atol=1e-9 * (1 + values.abs().max().item())):
        msg = (
            f"{scope.where} mixes points, or is random: a point's values change with the others.\n"
            "  A hard condition sees each point alone."
        )
        raise ProblemError(msg)


def _check_dependence(field: HardField, values: Tensor, scope: HardScope) -> None:
    weights = list(scope.network.parameters())
    slopes = (
        torch.autograd.grad(values.square().sum() + values.sum(), weights, retain_graph=True, allow_unused=True)
        if values.requires_grad
        else ()
    )
    if not any(slope is not None and (slope != 0).any() for slope in slopes):
        msg = (
            f"{scope.where} does not depend on the raw field, so there is nothing to train.\n  The function's second "
            f"argument is the raw field: use it, as in lambda a, u: (1 - a.x**2) * u; what is known of "
            f'"{field.name}" everywhere belongs in given={{…}}.'
        )
        raise ProblemError(msg)


def _is_affine(field: HardField, trial: Trial, size: float) -> bool:
    """Tell whether f + g u gives the function at random raw values of a size."""
    scope = field.scope(trial.raw(), trial.numbers())
    shape = (scope.count, *field.layout.trailing(field.name))
    values = size * torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    offset, factor = field.parts(scope)
    error = (field.of_values(scope, values) - offset - factor * values).abs()
    return bool((error <= _AFFINE * (offset.abs() + (factor * values).abs())).all())
