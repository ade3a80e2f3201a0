"""How fast what is known varies: the first guess at how fast the unknown field will."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from sirenpde.fields.siren import Siren
from sirenpde.regions.region import Sample, arranged
from sirenpde.statement.constraint import Constraint
from sirenpde.statement.problem import Problem
from sirenpde.training.loss import IntegralLoss

#: Points per constraint that are looked at.
POINTS = 512

#: A displacement, as a part of half of a coordinate's extent.
DISPLACEMENT = 1e-4

#: Values that vary by less than this part of their size are constant.
CONSTANT = 1e-6


def bandwidth(problem: Problem) -> float:
    """Return the largest wavenumber of what a problem's residuals are at the field that is zero everywhere.

    That is what the statement says without a solution: sources, boundary and initial values. The wavenumber along a
    coordinate is the root mean square of the slope over that of the deviation from the mean: k for sin kx. Given points
    of finite number say nothing, for there is nothing between them. ``exact`` is never looked at.

    Returns:
        Radians per unit of coordinates that are scaled to [-1, 1]; 0 where everything known is constant.
    """
    field = Siren(width=2, depth=1, omega=1.0, first_omega=1.0).build(
        len(problem.coordinates), problem.layout.outputs, dtype=torch.float64
    )
    with torch.no_grad():
        field.last.weight.zero_()
        field.last.bias.zero_()
    return residual_bandwidth(IntegralLoss(problem, problem.ansatz(field).to(torch.float64)))


def residual_bandwidth(
    loss: IntegralLoss, displacement: float = DISPLACEMENT, among: Collection[int] | None = None
) -> float:
    """Return the largest wavenumber of the residuals of a loss at the present field.

    Args:
        loss: Of a field in float64.
        displacement: By how much points are moved, as a part of half of a coordinate's extent: the longest that is
            short for the waves that matter, where the residual is near rounding.
        among: The numbers of the constraints to look at; all of them if left out.
    """
    listed = [(index, each) for index, each in enumerate(loss.problem.constraints) if each.on.size is None]
    looked = [pair for pair in listed if among is None or pair[0] in among]
    return max((_wavenumber(loss, index, each, displacement) for index, each in looked), default=0.0)


def _wavenumber(loss: IntegralLoss, index: int, constraint: Constraint, displacement: float) -> float:
    """Return the largest wavenumber of one constraint's residual along the coordinates that its region extends in."""
    region, problem = constraint.on, loss.problem
    drawn = arranged(region.draw(POINTS, torch.Generator().manual_seed(0)), region.names, problem.coordinates)
    sample = drawn.to(next(loss.network.parameters()).device, torch.float64)
    values = _residual(loss, index, sample)
    spread = float((values - values.mean(0)).square().sum().sqrt())
    if not spread > CONSTANT * float(values.square().sum().sqrt()):
        return 0.0
    largest = 0.0
    for axis, (name, (low, high)) in enumerate(zip(problem.coordinates, problem.bounds, strict=True)):
        if not region.bounds[name][0] < region.bounds[name][1]:
            continue
        half, centre = (high - low) / 2, (high + low) / 2
        points = sample.points.clone()
        points[:, axis] -= displacement * half * torch.where(points[:, axis] > centre, 1.0, -1.0)
        moved = _residual(loss, index, Sample(points, sample.normal, sample.data))
        largest = max(largest, float((moved - values).square().sum().sqrt()) / displacement / spread)
    return largest


def _residual(loss: IntegralLoss, index: int, sample: Sample) -> Tensor:
    """Return all parts of a residual side by side, ``(n, k)``."""
    return torch.cat([part.detach().reshape(len(sample), -1) for part in loss.residuals(index, sample)], dim=1)
