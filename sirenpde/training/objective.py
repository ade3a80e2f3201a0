"""What optimizers ask for: the balanced loss on points that stay, with its gradient, or as a sum of squares."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor

from sirenpde.errors import ResidualError, ResourceError
from sirenpde.fields.tangent import Weights
from sirenpde.regions.region import Sample
from sirenpde.training.linearised import LinearisedLoss, LinearSystem
from sirenpde.training.loss import IntegralLoss


class Objective:
    """The loss on one sample per constraint, each term times a multiplier.

    Attributes:
        samples: The points.
        stated: The terms λ_m ∫ ρ(C_m) of the last evaluation, as the user stated them.
    """

    def __init__(
        self, loss: IntegralLoss, samples: Sequence[Sample], multipliers: Sequence[float], before: Callable[[], None]
    ) -> None:
        """Bind the points; ``before`` is called before every evaluation, and may raise."""
        self.samples = samples
        self.stated: list[float] = []
        self._loss = loss
        self._multipliers = multipliers
        self._before = before
        self._evaluated: dict[float, list[float]] = {}
        self._earlier: dict[float, list[float]] = {}

    def __call__(self) -> float:
        """Return the loss at the present weights, and leave its gradient on them."""
        self._before()
        self._loss.network.zero_grad(set_to_none=True)
        count = len(self._multipliers)
        trained: list[Tensor | float] = [0.0] * count
        stated: list[Tensor | float] = [0.0] * count
        for index, sample in enumerate(self.samples):
            for part, share in self._loss.trained_and_stated(index, sample):
                descend(self._loss, index, self._multipliers[index] * part)
                trained[index] = trained[index] + part.detach().double()
                stated[index] = stated[index] + share.detach().double()
        total = math.fsum(factor * float(term) for factor, term in zip(self._multipliers, trained, strict=True))
        return self._remember(total, [float(term) for term in stated])

    def linearised(self, weights: Weights) -> LinearSystem:
        """Return residuals, and their Jacobian by all weights, at the present ones."""
        self._before()
        system = self._squares.system(self.samples, self._multipliers, weights)
        self._remember(system.loss, list(system.stated))

        def again() -> Tensor:
            self._before()
            return system.again()

        return replace(system, again=again)

    @cached_property
    def _squares(self) -> LinearisedLoss:
        return LinearisedLoss(self._loss)

    def terms_at(self, loss: float) -> list[float]:
        """Return the stated terms of the evaluation, since the call before this one, that gave a loss."""
        known = self._earlier | self._evaluated
        self._earlier, self._evaluated = self._evaluated | {loss: known[loss]}, {}
        return known[loss]

    def _remember(self, total: float, stated: list[float]) -> float:
        self.stated = stated
        self._evaluated[total] = stated
        return total


def descend(loss: IntegralLoss, index: int, part: Tensor) -> None:
    """Add the gradient of a part of a constraint's term to that of the weights."""
    try:
        part.backward()
    except RuntimeError as error:
        where = loss.problem.traced[index].surroundings.where
        if isinstance(error, torch.OutOfMemoryError):
            msg = f"{where} ran out of memory in the backward pass: {error}"
            raise ResourceError(msg) from error
        msg = (
            f"{where} gave a loss that cannot be differentiated: {error}\n  Usual cause: a quantity that was kept "
            "from an earlier call, or a residual or penalty that leaves the graph. Compute everything afresh."
        )
        raise ResidualError(msg) from error
