"""What ``"auto"`` means: a row per kind of problem, each with the measurement that chose it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import nn

from sirenpde.fields.forms import multi_indices, order
from sirenpde.fields.siren import Siren
from sirenpde.regions.grid import Grid
from sirenpde.regions.region import Region
from sirenpde.statement.problem import Problem
from sirenpde.training.adam import Adam
from sirenpde.training.bandwidth import bandwidth
from sirenpde.training.collocation import share_out
from sirenpde.training.lbfgs import LBFGS
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.muon import Muon
from sirenpde.training.optimizer import Optimizer, siren_of
from sirenpde.training.quasi_newton import trained
from sirenpde.training.ssbroyden import SSBroyden

#: The most weights for which a matrix of their number squared is worth its time: 200 MB.
MOST_FOR_A_MATRIX = 5000

#: Steps on fixed points where time ends the run.
ENDLESS = 10**6

#: Width times passes of a point times steps that an equation gets: two to three minutes on two cores of 2020.
WORK = 4e9


#: Passes that one evaluation takes per point where an expression is differentiated: those of a nested Laplacian.
AUTOGRAD = 18.0


@dataclass(frozen=True)
class Defaults:
    """A choice of everything that ``solve`` can be left to choose.

    Attributes:
        declare: Returns the declaration of Φ; a function, since it may take a look at the residuals.
        stages: The optimizers.
        points: Points per step.
        dtype: The number type.
        reason: Why, in a sentence.
        balanced: Whether the terms are balanced.
    """

    declare: Callable[[], Siren] = field(compare=False)
    stages: tuple[Optimizer, ...]
    points: int | Mapping[str, int]
    dtype: str
    reason: str
    balanced: bool = False

    @cached_property
    def network(self) -> Siren:
        """The declaration of Φ."""
        return self.declare()


def choose_defaults(problem: Problem) -> Defaults:
    """Return what suits a problem, judged by its regions and by the derivatives that its residuals ask for."""
    grids = [constraint.on for constraint in problem.constraints if isinstance(constraint.on, Grid)]
    if not grids:
        return _equation(problem)
    count = max(max(grid.shape) for grid in grids)
    if len(problem.coordinates) == 1:
        return _sound(count)
    values = highest_order(problem) == 0 and not problem.unpinned
    return _picture(count) if values else _picture_from_derivatives(count)


def shared_out_steps(stages: tuple[Optimizer, ...], steps: int) -> tuple[Optimizer, ...]:
    """Return the stages with their steps changed so that together they take ``steps``; stages left without any go.

    Stages on fixed points give and take first: their warm-up shrinks only where it would be more than a third.
    """
    warm_up = sum(stage.steps for stage in stages if stage.kept == 1)
    if warm_up < sum(stage.steps for stage in stages):
        first = _scaled([stage for stage in stages if stage.kept == 1], min(warm_up, steps // 3))
        rest = _scaled([stage for stage in stages if stage.kept > 1], steps - sum(stage.steps for stage in first))
        return (*first, *rest)
    return _scaled(stages, steps)


def _scaled(stages: Sequence[Optimizer], steps: int) -> tuple[Optimizer, ...]:
    """Return the stages with their steps scaled so that together they take ``steps``."""
    total = sum(stage.steps for stage in stages)
    ends = [round(steps * sum(stage.steps for stage in stages[:place]) / total) for place in range(len(stages) + 1)]
    pairs = zip(stages, ends, ends[1:], strict=False)
    return tuple(replace(stage, steps=stop - start) for stage, start, stop in pairs if stop > start)


def open_ended(stages: tuple[Optimizer, ...]) -> tuple[Optimizer, ...]:
    """Return the stages for a run that time ends: those on fixed points, which have no schedule, go on until then."""
    return tuple(stage if stage.kept == 1 else replace(stage, steps=ENDLESS) for stage in stages)


def fitting_stages(stages: tuple[Optimizer, ...], module: nn.Module) -> tuple[Optimizer, ...]:
    """Return the chosen stages as they fit a module that was not: LBFGS for SSBroyden in float32 or with many weights.

    Muon becomes Adam where there is no SIREN, whose hidden matrices it knows.
    """
    small = next(module.parameters()).dtype == torch.float64 and trained(module) <= MOST_FOR_A_MATRIX
    fitted: list[Optimizer] = []
    for stage in stages:
        if isinstance(stage, SSBroyden) and not small:
            fitted.append(LBFGS(steps=stage.steps, renew=stage.renew))
        elif isinstance(stage, Muon) and siren_of(module) is None:
            fitted.append(Adam(steps=stage.steps, lr=stage.lr))
        else:
            fitted.append(stage)
    return tuple(fitted)


def stages_within(
    stages: tuple[Optimizer, ...], module: nn.Module, steps: int | None, seconds: float | None
) -> tuple[Optimizer, ...]:
    """Return the chosen stages for a module and a budget: as many steps as are allowed, or until the time is spent."""
    fitted = fitting_stages(stages, module)
    if steps is not None:
        return shared_out_steps(fitted, steps)
    return fitted if seconds is None else open_ended(fitted)


def highest_order(problem: Problem) -> int:
    """Return the highest order of derivative that any residual asks for."""
    forms = [form for traced in problem.traced for site in traced.sites for form in site]
    return max((order(alpha) for form in forms for alpha in multi_indices(form)), default=0)


def _picture(count: int) -> Defaults:
    # tests/benchmarks/signals.py, 256²: ω₁ = 90, a fifth of the Nyquist frequency π N / 2, carries the detail; at 30
    # the same steps give 3 dB less, at 120 no more. The first stage gives a picture in seconds, the second accuracy:
    # one cosine over all steps passes 35 dB three times later. A second stage at 1e-3 loses 7 dB to one at 6e-4.
    network = Siren(first_omega=min(max(30.0, 0.35 * count), 360.0))
    stages = (Adam(steps=160, betas=(0.9, 0.99)), Adam(steps=840, lr=6e-4, betas=(0.9, 0.99)))
    return Defaults(lambda: network, stages, 4096, "float32", "values of a picture")


def _picture_from_derivatives(count: int) -> Defaults:
    # Differences count as derivatives: they leave the field free by a constant. The same benchmark: from differences at
    # 128², Adam stands at 19 dB after 250 steps, Muon at 54, for differences weigh the coarse parts of a picture least,
    # and Muon learns all directions at one pace. From Sobel data at 256², ω₁ = 45 gains 0.9 dB over 30.
    network = Siren(first_omega=min(max(45.0, 0.18 * count), 180.0))
    return Defaults(lambda: network, (Muon(steps=250, lr=1e-3),), 3072, "float32", "derivatives of a picture")


def _sound(count: int) -> Defaults:
    # tests/benchmarks/signals.py: at ω₁ = 3000 a step of 1e-3 would move a frequency by 3 rad per unit, and the network
    # falls to zero at once; with a rate of its own for the first layer it learns. Short pieces do with half the width.
    short = count <= 200_000
    network = Siren(width=128 if short else 256, first_omega=min(3000.0, max(30.0, 0.02 * count)))
    stage = Muon(steps=600 if short else 1200, lr=3e-3, adam_lr=1e-3, first_lr=0.03 / network.first_omega)
    return Defaults(lambda: network, (stage,), 4096 if short else 8192, "float32", "samples of a sound")


def _equation(problem: Problem) -> Defaults:
    # docs/decisions/0011 has the measurements. ω₁ is the wavenumber of what is known; below 4 nothing is gained.
    width = 24 if len(problem.coordinates) < 3 else 32
    smooth = Siren(width=width, depth=2, omega=1.0, first_omega=4.0)
    points = equation_points(problem)
    steps = round(WORK / (width * _work(problem, smooth, points)))
    stages = (Muon(steps=300, lr=2e-3), SSBroyden(steps=min(max(steps, 500), 6000)))

    def declare() -> Siren:
        return replace(smooth, first_omega=min(max(bandwidth(problem), 4.0), 30.0))

    return Defaults(declare, stages, points, "float64", "an equation", balanced=True)


def _work(problem: Problem, network: Siren, points: Mapping[str, int]) -> float:
    """Return the passes of a point through the network that one evaluation of loss and gradient takes."""
    module = network.build(
        len(problem.coordinates), problem.layout.outputs, bounds=problem.bounds, periodic=problem.periodic_columns
    )
    counts = share_out(problem, points)
    plans = IntegralLoss(problem, problem.ansatz(module)).plans
    pairs = zip(problem.constraints, plans, strict=True)
    return math.fsum(
        counts[each.name] * (math.fsum(way.cost for way in plan) if plan else AUTOGRAD) for each, plan in pairs
    )


def equation_points(problem: Problem, inner: int = 3000, outer: int = 600) -> dict[str, int]:
    """Return how many points each constraint of an equation gets.

    The inside gets most: a boundary has a dimension less. By measure alone, the square [-1, 1]² would get a third.

    Args:
        problem: The statement.
        inner: Points of the inside, by measure where it has several parts. Two constraints on one region get as many
            each.
        outer: Points of all boundaries, by measure, at least a sixth of them each.
    """
    infinite = [each for each in problem.constraints if each.on.size is None]
    finite = [each for each in problem.constraints if each.on.size is not None]
    highest = max((each.on.dimension for each in infinite), default=0)
    inside = [each for each in infinite if each.on.dimension == highest]
    counts = {each.name: inner // 2 for each in finite}
    for group, total in ((inside, inner), ([each for each in infinite if each not in inside], outer)):
        regions: list[Region] = []
        regions.extend(each.on for each in group if each.on not in regions)
        whole = math.fsum(region.measure for region in regions)
        counts |= {each.name: max(outer // 6, round(total * each.measure / whole)) for each in group}
    return counts
