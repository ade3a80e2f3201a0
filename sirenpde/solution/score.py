"""How far a solution is from what is known of it: on the grid of the data, between its points, and in its slope.

A fit that is right at every pixel and wrong between them is no good fit, so whatever is scored on data points is scored
halfway between them too, against the cubic spline through the data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from sirenpde.regions.grid import Grid
from sirenpde.regions.region import Sample, arranged
from sirenpde.solution import metrics
from sirenpde.solution.evaluate import FieldFunction
from sirenpde.statement.given import Arranged
from sirenpde.statement.problem import Problem
from sirenpde.statement.raster import Raster
from sirenpde.statement.waveform import Waveform
from sirenpde.training.loss import IntegralLoss

#: Points on which a solution without a grid is scored, and at most as many between the points of a grid.
COUNT = 16384


def awaited_score(problem: Problem, network: nn.Module, held_out: Sequence[Sample]) -> dict[str, float]:
    """Score the fields; a user who interrupts that has seen enough, and gets them without scores."""
    try:
        return score(problem, network, held_out)
    except KeyboardInterrupt:
        return {}


def score(problem: Problem, network: nn.Module, held_out: Sequence[Sample]) -> dict[str, float]:
    """Return the measured errors of a solution.

    Args:
        problem: Whose exact fields are the reference, where it has any.
        network: Φ.
        held_out: Points per constraint that were not trained on; for data at given points, those points.

    Returns:
        ``residual_NAME``, the root mean square of each constraint's residual, of an ``IntegralConstraint`` the size of
        its mean over the region; and per field with a reference
        ``u_relative_l2``, ``u_max_error``, for a picture ``u_psnr`` (dB), for a sound ``u_snr`` (dB), and the same
        between the points of the grid, ``u_between_…``, with the relative L2 error of the gradient.
    """
    means = IntegralLoss(problem, network).root_mean_squares(held_out)
    found = {f"residual_{each.name}": value for each, value in zip(problem.constraints, means, strict=True)}
    for name, reference in problem.references.items():
        function = FieldFunction(network, problem.layout, name, problem.layout.forms(name))
        free = name in problem.unpinned
        domain = problem.domain_of(name)
        if isinstance(domain, Grid):
            found |= _errors(f"{name}", function, reference, _own_points(problem, domain), free=free)
            between = _between(problem, domain)
            if len(between):
                found |= _errors(f"{name}_between", function, reference, between, free=free)
                found |= _gradient_error(f"{name}_between", function, reference, between)
        else:
            points = arranged(domain.draw(COUNT, torch.Generator().manual_seed(7)), domain.names, problem.coordinates)
            found |= _errors(name, function, reference, points.points.numpy(), free=free)
            found |= _gradient_error(name, function, reference, points.points.numpy())
    return found


def _errors(
    label: str, function: FieldFunction, reference: Arranged, points: np.ndarray, *, free: bool
) -> dict[str, float]:
    with torch.no_grad():
        wanted = reference(torch.from_numpy(points)).numpy()
    got = np.asarray(function(points), dtype=float)
    if free:
        got = metrics.without_offset(got, wanted)
    found = {
        f"{label}_relative_l2": metrics.relative_l2(got, wanted),
        f"{label}_max_error": float(np.abs(got - wanted).max()),
    }
    if isinstance(reference.known, Raster):
        found[f"{label}_psnr"] = metrics.psnr(got, wanted)
    if isinstance(reference.known, Waveform):
        found[f"{label}_snr"] = metrics.snr(got, wanted)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _gradient_error(label: str, function: FieldFunction, reference: Arranged, points: np.ndarray) -> dict[str, float]:
    """Return the relative L2 error of the gradient, that of the reference taken by autograd; none of a constant."""
    place = torch.from_numpy(points).requires_grad_()
    values = reference(place).reshape(len(points), -1)
    if not values.requires_grad:
        return {}
    wanted = [torch.autograd.grad(values[:, k].sum(), place, retain_graph=True)[0] for k in range(values.shape[1])]
    got = np.asarray(function.grad(points)).reshape(len(points), values.shape[1], -1)
    error = metrics.relative_l2(got, torch.stack(wanted, dim=1).numpy())
    return {f"{label}_gradient_relative_l2": error} if math.isfinite(error) else {}


def _own_points(problem: Problem, grid: Grid) -> np.ndarray:
    return arranged(grid.take(torch.arange(grid.size)), grid.names, problem.coordinates).points.numpy()


def _between(problem: Problem, grid: Grid) -> np.ndarray:
    """Return up to ``COUNT`` of the points halfway between neighbours in every coordinate, evenly chosen."""
    inner = Grid(
        grid.coordinates,
        tuple(first + step / 2 for first, step in zip(grid.origin, grid.spacing, strict=True)),
        grid.spacing,
        tuple(max(1, count - 1) for count in grid.shape),
    )
    index = torch.linspace(0, inner.size - 1, min(COUNT, inner.size), dtype=torch.float64).round().long()
    return (
        arranged(inner.take(index), inner.names, problem.coordinates).points.numpy()
        if min(grid.shape) > 1
        else np.empty((0, 0))
    )
