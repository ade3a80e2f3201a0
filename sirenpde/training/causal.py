"""Causal weights: an equation in time is learned from its start on, not at all times at once.

A network can lower the residual at late times before it knows what happened at early ones, and then holds on to a
solution of other initial values. Here a slab of time counts once the loss of all earlier ones has fallen. The weights
are a true change of what is trained on, not a choice of points: they are kept apart from the points' shares, and the
history reports the loss as it was stated. In the end, when every loss is small, all of them are 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sirenpde.errors import UsageError, finite_number, is_count, shown, suggestion
from sirenpde.regions.region import Sample
from sirenpde.statement.problem import Problem
from sirenpde.training.loss import IntegralLoss

#: Draws of points between two looks at the slabs, where the points are new at every step.
EVERY = 10

#: The least weight above which ε goes on to its next value.
SETTLED = 0.99


@dataclass(frozen=True)
class Causal:
    """Weights along a coordinate, by slabs: w_i = exp(−ε Σ_{k<i} L_k / L̄), on top of the balance of the terms.

    L_k is the mean of λ ρ(C) in slab k, summed over the constraints, those at the start included, and L̄ is the mean of
    L_k over the slabs before training. Constraints on given points, on integrals and at a single time stay as they are.

    Attributes:
        coordinate: The name of the coordinate, whose low end is the start.
        slabs: Into how many parts of equal length its extent is cut; at least 2.
        epsilon: The values of ε, rising. The next one is taken when no weight is below 0.99.

    Raises:
        UsageError: If there are fewer than two slabs, or ε does not rise from a positive number.

    Example:
        >>> Causal("t").slabs
        16

    References:
        Wang, Sankaran & Perdikaris 2024, Respecting Causality for Training Physics-informed Neural Networks, Sec. 3.
    """

    coordinate: str
    slabs: int = 16
    epsilon: tuple[float, ...] = (1.0, 10.0, 100.0)

    def __post_init__(self) -> None:
        """Refuse slabs and ε that give no weights."""
        if not isinstance(self.coordinate, str):
            msg = f'Causal(coordinate={shown(self.coordinate)}): expected the name of a coordinate, such as "t".'
            raise UsageError(msg)
        if not is_count(self.slabs, 10**4, least=2):
            msg = f"Causal(slabs={shown(self.slabs)}): expected an integer from 2 to 10000, such as slabs=16."
            raise UsageError(msg)
        values = self.epsilon if isinstance(self.epsilon, tuple | list) else ()
        steps = [finite_number(value) or 0.0 for value in values]
        if not steps or any(low >= high for low, high in zip([0.0, *steps], steps, strict=False)):
            msg = f"Causal(epsilon={self.epsilon!r}): expected positive numbers that rise, such as (1, 10, 100)."
            raise UsageError(msg)
        object.__setattr__(self, "epsilon", tuple(steps))


def require_evolution(causal: Causal, problem: Problem) -> None:
    """Refuse causal weights along what is no coordinate of a problem, or is one in which it is periodic."""
    names = problem.coordinates
    if causal.coordinate not in names:
        known, near = ", ".join(names), suggestion(causal.coordinate, names)
        msg = f"Causal(coordinate={causal.coordinate!r}): the coordinates of {problem.where} are {known}.{near}"
        raise UsageError(msg)
    if causal.coordinate in problem.periodic:
        msg = (
            f"Causal(coordinate={causal.coordinate!r}): {problem.where} is periodic in it, so it has no "
            "start. Name the coordinate in which the solution evolves."
        )
        raise UsageError(msg)
    if not any(_spreads(causal, problem)):
        msg = (
            f"Causal(coordinate={causal.coordinate!r}): no equation of {problem.where} extends in it, so there "
            'is nothing to weigh. Write balance="auto".'
        )
        raise UsageError(msg)


def _spreads(causal: Causal, problem: Problem) -> list[bool]:
    """Return which constraints are weighed: on regions of infinitely many points that extend in the coordinate."""
    ends = [each.on.bounds[causal.coordinate] for each in problem.constraints]
    return [each.pointwise and low < high for each, (low, high) in zip(problem.constraints, ends, strict=True)]


class CausalWeights:
    """The weights of one run.

    Attributes:
        weights: w, shape ``(slabs,)``, as of the last look.
        epsilon: ε, as of the last look.
    """

    def __init__(self, causal: Causal, problem: Problem) -> None:
        """Start with all weights 1, until the first look."""
        self._slabs = causal.slabs
        self._column = problem.coordinates.index(causal.coordinate)
        self._low, self._high = problem.bounds[self._column]
        self._spreads = _spreads(causal, problem)
        self._counts = tuple(each.pointwise for each in problem.constraints)
        self._rising = list(causal.epsilon)
        self._scale: float | None = None
        self._draws = 0
        self.epsilon = self._rising.pop(0)
        self.weights = torch.ones(causal.slabs, dtype=torch.float64)

    def emphasised(self, loss: IntegralLoss, samples: Sequence[Sample], kept: bool) -> list[Sample]:
        """Return new points with their weights, after a look at the losses where one is due.

        Args:
            loss: Whose residuals are looked at.
            samples: One per constraint.
            kept: Whether the points will stay for a while: then it is worth a look.
        """
        if kept or self._draws % EVERY == 0:
            self.update(self.slab_losses(loss, samples))
        self._draws += 1
        return [
            replace(sample, emphasis=self.weights.to(sample.points)[self._slab(sample)]) if spreads else sample
            for sample, spreads in zip(samples, self._spreads, strict=True)
        ]

    def slab_losses(self, loss: IntegralLoss, samples: Sequence[Sample]) -> Tensor:
        """Return L_k, the sum over the constraints of the mean of λ ρ(C) in each slab: shape ``(slabs,)``."""
        total = torch.zeros(self._slabs, dtype=torch.float64)
        for index, sample in enumerate(samples):
            if self._counts[index]:
                slab = self._slab(sample).cpu()
                empty = torch.zeros(self._slabs, dtype=torch.float64)
                sums = empty.index_add(0, slab, loss.densities(index, sample).cpu())
                total += sums / empty.index_add(0, slab, torch.ones(len(slab), dtype=torch.float64)).clamp_min(1.0)
        return total

    def update(self, losses: Sequence[float] | Tensor) -> None:
        """Take account of L_k; losses that are not finite say nothing."""
        values = torch.as_tensor(losses, dtype=torch.float64)
        if not torch.isfinite(values).all():
            return
        if self._scale is None:
            self._scale = float(values.mean()) or 1.0
        earlier = (values.cumsum(0) - values) / self._scale
        self.weights = torch.exp(-self.epsilon * earlier)
        while self._rising and float(self.weights.min()) > SETTLED:
            self.epsilon = self._rising.pop(0)
            self.weights = torch.exp(-self.epsilon * earlier)

    def _slab(self, sample: Sample) -> Tensor:
        """Return the number of the slab that each point is in, shape ``(n,)``."""
        places = (sample.points[:, self._column] - self._low) / (self._high - self._low)
        return (places * self._slabs).long().clamp(0, self._slabs - 1)
