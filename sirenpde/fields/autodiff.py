"""Derivatives by nested autograd: the definition, slow and obvious, for any module that maps points one by one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sirenpde.fields.forms import Derivative, Form, lowered


class Autodiff:
    """The derivatives of one module at one set of points; what was taken once is kept as long as the object.

    Everything it returns is differentiable by the weights and by the points.
    """

    def __init__(self, network: nn.Module, points: Tensor) -> None:
        """Bind a module to points.

        Args:
            network: Any module from ``(n, d)`` to ``(n, o)`` in which points do not mix.
            points: Shape ``(n, d)``; must require gradients, or be computed from something that does.
        """
        self._network = network
        self._points = points
        self._values: Tensor | None = None
        self._slopes: dict[Derivative, Tensor] = {}

    def form(self, form: Form) -> Tensor:
        """Return a linear form at each point, shape ``(n,)``; zero for an empty one."""
        terms = [factor * self._derivative(key) for key, factor in form]
        return sum(terms[1:], terms[0]) if terms else torch.zeros_like(self._points[:, 0])

    def _derivative(self, key: Derivative) -> Tensor:
        """Return ∂^α of a column, ``(n,)``: the slope of a derivative of one order less."""
        column, alpha = key
        axis = next((place for place, count in enumerate(alpha) if count), None)
        if axis is None:
            if self._values is None:
                self._values = self._network(self._points)
            return self._values[:, column]
        lower = (column, lowered(alpha, axis))
        if lower not in self._slopes:
            self._slopes[lower] = slope(self._derivative(lower), self._points)
        return self._slopes[lower][:, axis]


def evaluate_forms(network: nn.Module, points: Tensor, forms: Sequence[Form]) -> dict[Form, Tensor]:
    """Return form → shape ``(n,)``; the arguments are those of ``Autodiff``."""
    derivatives = Autodiff(network, points)
    return {form: derivatives.form(form) for form in forms}


def slope(quantity: Tensor, points: Tensor) -> Tensor:
    """Return the gradient, ``(n, d)``, of a scalar at each point, ``(n,)``; zero where it does not depend on them."""
    if not quantity.requires_grad:
        return torch.zeros_like(points)
    (gradient,) = torch.autograd.grad(quantity.sum(), points, create_graph=True, materialize_grads=True)
    return gradient
