"""What ``"auto"`` means: a row per kind of problem, each with the measurement that chose it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from sirenpde.errors import UsageError
from sirenpde.fields.forms import multi_indices, order
from sirenpde.fields.siren import Siren, SirenNetwork
from sirenpde.regions.grid import Grid
from sirenpde.regions.region import Region
from sirenpde.statement.problem import Problem
from sirenpde.training.adam import Adam
from sirenpde.training.bandwidth import bandwidth
from sirenpde.training.collocation import LEAST, share_out
from sirenpde.training.gauss_newton import GaussNewton
from sirenpde.training.lbfgs import LBFGS
from sirenpde.training.linearised import number_of_residuals
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.muon import Muon
from sirenpde.training.networks import network_for
from sirenpde.training.optimizer import Optimizer, siren_of
from sirenpde.training.quasi_newton import QuasiNewton, trained
from sirenpde.training.refinement import AdaptivePoints
from sirenpde.training.reproducibility import widest
from sirenpde.training.ssbroyden import SSBroyden

#: The most weights for which a matrix of their number squared is worth its time: 200 MB.
MOST_FOR_A_MATRIX = 5000

#: The most weights for which normal equations are worth theirs: a step of Gauss–Newton then takes a second or two.
MOST_FOR_NORMAL_EQUATIONS = 3000

#: Steps of quasi-Newton in the time of one of Gauss–Newton (docs/optimizers.md).
STEPS_PER_STEP = 12

#: The least number of steps of a warm-up, where there is one.
LEAST_WARM_UP = 20

#: Steps on fixed points where time ends the run.
ENDLESS = 10**6

#: Width times passes of a point times steps of quasi-Newton that an equation gets: about three minutes on one core.
WORK = 4e9

#: Multiplications, of normal equations and of streams, that Gauss–Newton gets: likewise.
DENSE_WORK = 2e12

#: From this wavenumber on a field needs more neurons, and how many.
WAVY, WIDER = 8.0, 26

#: Points inside, and on all boundaries, of which each gets a sixth at least.
INNER, OUTER = 3000, 600

#: Residuals per weight: with fewer Gauss–Newton fits the points and not the field, more cost time.
ROWS_PER_WEIGHT = 3.0

#: Passes that one evaluation takes per point where an expression is differentiated: those of a nested Laplacian.
AUTOGRAD = 18.0


@dataclass(frozen=True)
class Defaults:
    """A choice of everything that ``solve`` can be left to choose.

    Attributes:
        network: The declaration of Φ.
        stages: The optimizers.
        points: Points per step.
        dtype: The number type.
        reasons: Argument of ``solve`` → why it is what it is, in a clause.
        balanced: Whether the terms are balanced.
        adaptive: How points follow the residual; None where they do not.
    """

    network: Siren
    stages: tuple[Optimizer, ...]
    points: int | Mapping[str, int]
    dtype: str
    reasons: Mapping[str, str] = field(compare=False)
    balanced: bool = False
    adaptive: AdaptivePoints | None = None


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


def open_ended(stages: tuple[Optimizer, ...], seconds: float) -> tuple[Optimizer, ...]:
    """Return the stages for a run that time ends: the last goes on until then, if it has no schedule.

    A warm-up before it takes a step per second at most, but twenty: its steps are as slow as the machine is busy, and
    it is the last stage that lowers the loss fastest.
    """
    *first, last = stages
    if last.kept == 1:
        return stages
    most = max(LEAST_WARM_UP, int(seconds))
    return (*(replace(stage, steps=min(stage.steps, most)) for stage in first), replace(last, steps=ENDLESS))


def fitting_stages(stages: tuple[Optimizer, ...], module: nn.Module) -> tuple[Optimizer, ...]:
    """Return the chosen stages as they fit a module that was not chosen here.

    Gauss–Newton becomes as many steps of quasi-Newton as take its time where there is no SIREN, or one with many
    weights; SSBroyden becomes LBFGS with yet more weights; in float32 both do. Muon becomes Adam where there is no
    SIREN, whose hidden matrices it knows.
    """
    double, siren = next(module.parameters()).dtype == torch.float64, siren_of(module)
    closed = double and type(siren) is SirenNetwork and trained(module) <= MOST_FOR_NORMAL_EQUATIONS
    dense = double and trained(module) <= MOST_FOR_A_MATRIX
    fitted: list[Optimizer] = []
    for stage in stages:
        fit = stage
        if isinstance(fit, GaussNewton) and not closed:
            fit = SSBroyden(steps=STEPS_PER_STEP * fit.steps)
        if isinstance(fit, SSBroyden) and not dense:
            fit = LBFGS(steps=fit.steps, renew=fit.renew)
        if isinstance(fit, Muon) and siren is None:
            fit = Adam(steps=fit.steps, lr=fit.lr)
        if fitted and isinstance(fit, QuasiNewton) and type(fit) is type(fitted[-1]):  # it goes on with what it learned
            fit = replace(fit, steps=fit.steps + fitted.pop().steps)
        fitted.append(fit)
    return tuple(fitted)


def stages_within(
    stages: tuple[Optimizer, ...], module: nn.Module, steps: int | None, seconds: float | None
) -> tuple[Optimizer, ...]:
    """Return the chosen stages for a module and a budget: as many steps as are allowed, or until the time is spent."""
    fitted = fitting_stages(stages, module)
    if steps is not None:
        return shared_out_steps(fitted, steps)
    return fitted if seconds is None else open_ended(fitted, seconds)


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
    return Defaults(
        network,
        stages,
        4096,
        "float32",
        {"optimizer": "values of a picture: coarse parts in seconds, then accuracy"},
    )


def _picture_from_derivatives(count: int) -> Defaults:
    # Differences count as derivatives: they leave the field free by a constant. The same benchmark: from differences at
    # 128², Adam stands at 19 dB after 250 steps, Muon at 54, for differences weigh the coarse parts of a picture least,
    # and Muon learns all directions at one pace. From Sobel data at 256², ω₁ = 45 gains 0.9 dB over 30.
    network = Siren(first_omega=min(max(45.0, 0.18 * count), 180.0))
    return Defaults(
        network,
        (Muon(steps=250, lr=1e-3),),
        3072,
        "float32",
        {"optimizer": "derivatives of a picture weigh its coarse parts least: Muon learns all directions at one pace"},
    )


def _sound(count: int) -> Defaults:
    # tests/benchmarks/signals.py: at ω₁ = 3000 a step of 1e-3 would move a frequency by 3 rad per unit, and the network
    # falls to zero at once; with a rate of its own for the first layer it learns. Short pieces do with half the width.
    short = count <= 200_000
    network = Siren(width=128 if short else 256, first_omega=min(3000.0, max(30.0, 0.02 * count)))
    stage = Muon(steps=600 if short else 1200, lr=3e-3, adam_lr=1e-3, first_lr=0.03 / network.first_omega)
    return Defaults(
        network,
        (stage,),
        4096 if short else 8192,
        "float32",
        {"optimizer": "samples of a sound: the first layer, which holds the frequencies, has a rate of its own"},
    )


def _equation(problem: Problem) -> Defaults:
    # docs/decisions/0011 and 0017 have the measurements. ω₁ is the wavenumber of what is known; below 4 nothing is
    # gained.
    dimension, omega = len(problem.coordinates), min(max(bandwidth(problem), 4.0), 30.0)
    network = Siren(width=24 if omega < WAVY else WIDER, depth=2, omega=1.0, first_omega=omega)
    loss, counts = IntegralLoss(problem, problem.ansatz(network_for(problem, network))), equation_points(problem)
    if _closed(loss):
        counts = _rationed(problem, counts, ROWS_PER_WEIGHT * trained(loss.network))
        stages, why = _newton(loss, counts)
    else:
        stages, why = _quasi_newton(loss, counts)

    reasons = {
        "network": f"an equation in {dimension} coordinates, smooth between its walls: few neurons, more where "
        "it has many waves, hidden omega 1; first_omega is the wavenumber of what is known (sources, boundary values, "
        "coefficients), from 4 to 30",
        "optimizer": why,
        "points": "most inside, a sixth on the boundaries, denser where the residual is large",
        "dtype": "methods of second order need differences that single precision rounds away",
        "balance": "the gradients of all terms are brought to one size; measurements keep their weight",
    }
    return Defaults(network, stages, counts, "float64", reasons, balanced=True, adaptive=AdaptivePoints())


def _newton(loss: IntegralLoss, counts: Mapping[str, int]) -> tuple[tuple[Optimizer, ...], str]:
    """Return the stages for an equation whose residuals have a Jacobian in closed form, and why these."""
    shared = share_out(loss.problem, counts)
    size, rows = trained(loss.network), number_of_residuals(loss.problem, shared)
    steps = round(DENSE_WORK / (rows * size**2 + size**3 / 3 + 40.0 * _work(loss, shared)))
    why = (
        "Muon to start, then Gauss-Newton with second-order corrections: every residual has a Jacobian in closed form, "
        f"{rows:,} rows for {size:,} weights"
    )
    return (Muon(steps=100, lr=2e-3), GaussNewton(steps=min(max(steps, 50), 1500))), why


def _quasi_newton(loss: IntegralLoss, counts: Mapping[str, int]) -> tuple[tuple[Optimizer, ...], str]:
    """Return the stages for any other equation, and why these."""
    steps = min(max(round(WORK / _work(loss, share_out(loss.problem, counts))), 500), 6000)
    why = (
        "Muon to start, then self-scaled Broyden: a residual is evaluated by autograd, or a penalty is a function, "
        "which Gauss-Newton cannot take"
    )
    return (Muon(steps=300, lr=2e-3), SSBroyden(steps=steps)), why


def _closed(loss: IntegralLoss) -> bool:
    """Tell whether Gauss–Newton can take a loss."""
    try:
        GaussNewton().require_loss(loss)
    except UsageError:
        return False
    return True


def _rationed(problem: Problem, counts: Mapping[str, int], rows: float) -> dict[str, int]:
    """Return counts in the same proportions that give about as many residuals as wanted, component by component."""
    part = rows / number_of_residuals(problem, share_out(problem, counts))
    return {name: max(LEAST, round(part * count)) for name, count in counts.items()}


def _work(loss: IntegralLoss, counts: Mapping[str, int]) -> float:
    """Return the multiplications that one evaluation of loss and gradient takes, in units of a layer's width."""
    pairs = zip(loss.problem.constraints, loss.plans, strict=True)
    passes = [counts[each.name] * (math.fsum(way.cost for way in plan) if plan else AUTOGRAD) for each, plan in pairs]
    return widest(loss.network) * math.fsum(passes)


def equation_points(problem: Problem) -> dict[str, int]:
    """Return how many points each constraint of an equation gets.

    The inside gets most: a boundary has a dimension less. By measure alone, the square [-1, 1]² would get a third.
    Inside and boundaries are shared out by measure, but two constraints on one region get as many each.
    """
    infinite = [each for each in problem.constraints if each.on.size is None]
    finite = [each for each in problem.constraints if each.on.size is not None]
    highest = max((each.on.dimension for each in infinite), default=0)
    inside = [each for each in infinite if each.on.dimension == highest]
    counts = {each.name: INNER // 2 for each in finite}
    for group, total in ((inside, INNER), ([each for each in infinite if each not in inside], OUTER)):
        regions: list[Region] = []
        regions.extend(each.on for each in group if each.on not in regions)
        whole = math.fsum(region.measure for region in regions)
        counts |= {each.name: max(OUTER // 6, round(total * each.measure / whole)) for each in group}
    return counts
