"""Derivatives by nested autograd: the definition, slow and obvious, for any module that maps points one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sirenpde.fields.forms import Derivative, Form, lowered


class Autodiff:
    """The derivatives of one module at one set of points; what was taken once is kept as long as the object.

    Attributes:
        network: The module, or a function like one.
        points: Where, ``(n, d)``.

    Everything it returns is differentiable by the weights and by the points.
    """

    def __init__(self, network: Callable[[Tensor], Tensor], points: Tensor) -> None:
        """Bind a module to points.

        Args:
            network: Any module or function from ``(n, d)`` to ``(n, o)`` in which points do not mix.
            points: Shape ``(n, d)``; must require gradients, or be computed from something that does.
        """
        self.network = network
        self.points = points
        self._slopes: dict[Derivative, Tensor] = {}

    @cached_property
    def values(self) -> Tensor:
        """The values of every column, ``(n, o)``."""
        return self.network(self.points)

    def form(self, form: Form) -> Tensor:
        """Return a linear form at each point, shape ``(n,)``; zero for an empty one."""
        terms = [factor * self._derivative(key) for key, factor in form]
        return sum(terms[1:], terms[0]) if terms else torch.zeros_like(self.points[:, 0])

    def _derivative(self, key: Derivative) -> Tensor:
        """Return ∂^α of a column, ``(n,)``: the slope of a derivative of one order less."""
        column, alpha = key
        axis = next((place for place, count in enumerate(alpha) if count), None)
        if axis is None:
            return self.values[:, column]
        lower = (column, lowered(alpha, axis))
        if lower not in self._slopes:
            self._slopes[lower] = slope(self._derivative(lower), self.points)
        return self._slopes[lower][:, axis]


def evaluate_forms(network: Callable[[Tensor], Tensor], points: Tensor, forms: Sequence[Form]) -> dict[Form, Tensor]:
    """Return form → shape ``(n,)``; the arguments are those of ``Autodiff``."""
    derivatives = Autodiff(network, points)
    return {form: derivatives.form(form) for form in forms}


def slope(quantity: Tensor, points: Tensor) -> Tensor:
    """Return the gradient, ``(n, d)``, of a scalar at each point, ``(n,)``; zero where it does not depend on them."""
    if not quantity.requires_grad:
        return torch.zeros_like(points)
    (gradient,) = torch.autograd.grad(quantity.sum(), points, create_graph=True, materialize_grads=True)
    return gradient


@dataclass(frozen=True)
class KnownSlope:
    """The derivative of a function of the points by one coordinate, as such a function itself.

    Attributes:
        known: ``(n, d)`` → ``(n, …)``.
        axis: The column of the coordinate.
    """

    known: Callable[[Tensor], Tensor]
    axis: int

    def __call__(self, points: Tensor) -> Tensor:
        """Evaluate at points of shape ``(n, d)``, differentiable by them where they require it."""
        with torch.enable_grad():
            leaf = points if points.requires_grad else points.detach().requires_grad_()
            values = self.known(leaf)
            flat = values.reshape(len(points), -1)
            columns = [slope(flat[:, place], leaf)[:, self.axis] for place in range(flat.shape[1])]
            found = torch.stack(columns, dim=-1).reshape(values.shape)
        return found if points.requires_grad else found.detach()
