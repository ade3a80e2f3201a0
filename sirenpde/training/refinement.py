"""Points where the residual is large: drawn more often, and weighed so that the integral stays the integral.

A pool of fresh points is weighed by w_j = |r_j|^k / mean |r|^k + c, and point j goes into the sample with a probability
π_j ∝ w_j, at most 1. It then stands for 1/π_j points of the pool: Horvitz and Thompson's estimate, whose expectation is
the mean over the pool whatever the weights are. So the loss stays L, and only its error changes. The choice goes along
a curve that fills space, so that the points are spread as evenly as their density allows: for a smooth integrand the
error is a tenth of that of points chosen in random order, and that of low-discrepancy points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sirenpde.errors import UsageError, finite_number, is_count, shown
from sirenpde.regions.region import Sample
from sirenpde.statement.problem import Problem
from sirenpde.training.optimizer import Optimizer


@dataclass(frozen=True, kw_only=True)
class AdaptivePoints:
    """Points drawn where the residual is large, at every renewal of a stage that keeps its points.

    Every constraint on a region of infinitely many points takes part, boundaries too; one on an integral does not: its
    residual need not vanish anywhere. The points that training is judged by stay uniform.

    Attributes:
        count: Points per step, as ``points`` of ``solve``: ``"auto"``, a total, or a dictionary by constraint.
        power: k, how sharply the density follows the residual; positive.
        floor: c, the part of the density that is uniform, in units of the mean of the other part; from 0 to 1e9.
        pool: From how many times as many points the sample is chosen; at least 2. No part of a region gets more than
            this many times as many points as it would of uniform ones.

    Raises:
        UsageError: If a number is out of its range.

    Example:
        >>> AdaptivePoints(power=2).floor
        1.0

    References:
        Wu, Zhu, Tan, Kartha & Lu 2023, A Comprehensive Study of Non-adaptive and Residual-based Adaptive Sampling for
        Physics-informed Neural Networks, Sec. 2.3 (RAD). There, the points are not weighed, and L changes with them.
    """

    count: str | int | Mapping[str, int] = "auto"
    power: float = 1.0
    floor: float = 1.0
    pool: int = 5

    def __post_init__(self) -> None:
        """Refuse numbers that give no density."""
        if not _counts(self.count):
            msg = (
                f'AdaptivePoints(count={shown(self.count)}): expected "auto", a positive integer, or a dictionary from '
                "constraints to integers."
            )
            raise UsageError(msg)
        if (finite_number(self.power) or 0.0) <= 0:
            msg = f"AdaptivePoints(power={shown(self.power)}): expected a positive number, such as power=1."
            raise UsageError(msg)
        floor = finite_number(self.floor)
        if floor is None or not 0 <= floor <= 1e9:  # more is uniform, and would overflow in a sum
            msg = f"AdaptivePoints(floor={shown(self.floor)}): expected a number from 0 to 1e9, such as floor=1."
            raise UsageError(msg)
        if not is_count(self.pool, 1000, least=2):
            msg = f"AdaptivePoints(pool={shown(self.pool)}): expected an integer from 2 to 1000, such as pool=5."
            raise UsageError(msg)

    def density(self, magnitudes: Tensor) -> Tensor:
        """Return w, shape ``(n,)``, from |r| at the points of a pool; uniform where |r| is not finite or zero."""
        largest = magnitudes.max()
        if not (torch.isfinite(largest) and largest > 0):
            return torch.ones_like(magnitudes)
        # At least a little everywhere, or floor=0 could leave fewer points than are asked for.
        powers = ((magnitudes / largest) ** self.power).clamp_min(1e-12)
        return powers / powers.mean() + self.floor

    def choose(self, pool: Sample, count: int, magnitudes: Tensor, generator: torch.Generator) -> Sample:
        """Return ``count`` points of a pool with their shares.

        Args:
            pool: Points that are uniform in a region.
            count: How many to choose.
            magnitudes: |r| at the points of the pool, shape ``(n,)``.
            generator: Where the random numbers come from.
        """
        chances = inclusion(self.density(magnitudes), count)
        chosen = systematic(chances, count, along_curve(pool.points), generator)
        return replace(pool.pick(chosen), shares=count / (len(pool) * chances[chosen]))


def _counts(value: object) -> bool:
    """Tell whether a value says how many points there are to be; names of constraints are looked at later."""
    if isinstance(value, str):
        return value == "auto"
    each = list(value.values()) if isinstance(value, Mapping) else [value]
    return all(map(is_count, each))


def require_refinable(points: AdaptivePoints, problem: Problem, stages: Sequence[Optimizer]) -> None:
    """Refuse adaptive points where they would change nothing."""
    if not any(each.pointwise for each in problem.constraints):
        msg = (
            f"points={points!r}: no constraint of {problem.where} has points to choose from. Adaptive points are for "
            'constraints on regions of infinitely many points; give points="auto" or a number.'
        )
        raise UsageError(msg)
    if all(stage.kept == 1 for stage in stages):
        names = ", ".join(f"sp.{type(stage).__name__}" for stage in stages)
        msg = (
            f"points={points!r}: expected a stage that keeps its points for a while; got {names}, with fresh points at "
            'every step. Add such a stage, for example sp.GaussNewton(steps=300), or give points="auto" or a number.'
        )
        raise UsageError(msg)


def inclusion(density: Tensor, count: int) -> Tensor:
    """Return the probabilities ∝ density, at most 1, that sum to ``count``: shape ``(n,)``.

    Where a probability would be above 1, the point is sure, and the others share what is left.
    """
    chances = torch.zeros_like(density)
    sure = torch.zeros_like(density, dtype=torch.bool)
    while True:
        rest = torch.where(sure, 0.0, density)
        chances = torch.where(sure, 1.0, rest * ((count - int(sure.sum())) / rest.sum().clamp_min(1e-300)))
        over = (chances >= 1.0) & ~sure
        if not over.any():
            return chances
        sure |= over


def systematic(chances: Tensor, count: int, order: Tensor, generator: torch.Generator) -> Tensor:
    """Return ``count`` different numbers in which each is present with exactly its probability, shape ``(count,)``.

    The probabilities, in the ``order`` given, are laid end to end, and ticks one apart with a random start pick those
    that they fall on: none twice, since none is longer than 1.
    """
    ends = chances[order].cumsum(0)
    start = torch.rand((), generator=generator, dtype=ends.dtype)
    ticks = (torch.arange(count, dtype=ends.dtype) + start) * (ends[-1] / count)
    places = torch.searchsorted(ends, ticks, right=True).clamp_max(len(chances) - 1)
    return order[places]


def along_curve(points: Tensor) -> Tensor:
    """Return the numbers of points in the order in which Morton's curve meets them, so that neighbours are close.

    The place on the curve is the number whose bits are those of all coordinates in turn (Morton 1966).
    """
    low, high = points.min(0).values, points.max(0).values
    dimension = points.shape[1]
    bits = max(1, min(16, 62 // dimension))
    cells = ((points - low) / (high - low).clamp_min(1e-300) * (2**bits - 1)).long()
    place = torch.zeros(len(points), dtype=torch.int64)
    for bit in range(bits):
        for axis in range(min(dimension, 62)):
            place |= ((cells[:, axis] >> bit) & 1) << (bit * dimension + axis)
    return place.argsort(stable=True)
