"""The front door: ``solve(problem)`` chooses what was left to it, trains, and returns the solution."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import torch
from torch import nn

from sirenpde.errors import DataError, NumericalError, SirenPDEError, TargetMissedError, UsageError
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.siren import Siren
from sirenpde.fields.windows import WindowedNetwork
from sirenpde.regions.region import Sample, arranged
from sirenpde.solution.provenance import provenance
from sirenpde.solution.rebuild import described, network_settings
from sirenpde.solution.score import awaited_score
from sirenpde.solution.solution import Solution
from sirenpde.solution.window_numbers import window_settings
from sirenpde.statement.constraint import IntegralConstraint
from sirenpde.statement.problem import Problem
from sirenpde.statement.raster import Raster
from sirenpde.statement.waveform import Waveform
from sirenpde.training import arguments
from sirenpde.training.balance import Balance
from sirenpde.training.causal import Causal
from sirenpde.training.collocation import Collocation, share_out
from sirenpde.training.correction import Stage, optimizers_of, stage_settings
from sirenpde.training.defaults import ENDLESS, choose_defaults
from sirenpde.training.loop import Budget, Outcome, Trainer
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.progress import ProgressDisplay
from sirenpde.training.refinement import AdaptivePoints
from sirenpde.training.reproducibility import (
    derived_seed,
    require_device,
    require_seed,
    suitable_threads,
    widest,
)
from sirenpde.training.requirements import require_trainable
from sirenpde.training.stages import Course
from sirenpde.training.status import Status


def solve(
    problem: Problem,
    *,
    network: str | Siren | nn.Module = "auto",
    optimizer: str | Stage | Sequence[Stage] = "auto",
    points: str | int | Mapping[str, int] | AdaptivePoints = "auto",
    steps: int | None = None,
    max_seconds: float | None = None,
    tolerance: float | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    balance: str | Causal | None = "auto",
    progress: bool = True,
    throw: bool = True,
) -> Solution:
    """Find the fields of a problem by minimising its integral loss.

    Args:
        problem: The statement.
        network: An ``sp.Siren``, or a torch module from ``(n, d)`` to ``(n, o)`` to start from, which is copied.
        optimizer: One optimizer, or a list of stages that follow each other: optimizers, and ``sp.Correction`` for what
            they leave.
        points: Points per step, shared out by measure, or a dictionary by constraint; as ``sp.AdaptivePoints(…)``, they
            are drawn more densely where the residual is large.
        steps: A limit on the steps of all stages together; where the optimizer is chosen here, its schedule fits it.
        max_seconds: A limit on the wall time of training.
        tolerance: The root mean square that every residual must reach on points that were not trained on.
        seed: The same seed on the same machine, versions, device and number of threads gives the same bits.
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, …; by default a GPU where there is one.
        dtype: ``"float32"`` or ``"float64"``.
        balance: ``"auto"`` multiplies the terms of an equation so that their gradients have one size; None leaves the
            weights as they are written. Terms on measurements (points with data) keep theirs. ``sp.Causal("t")`` also
            weighs early times before late ones.
        progress: Whether to show a bar; nothing is shown where there is no terminal.
        throw: Whether to raise where the run diverged or missed the tolerance.

    Returns:
        The solution; ``solution.status`` says how the run ended.

    Raises:
        UsageError: If an argument cannot be used.
        ResourceError: If the matrices of an optimizer do not fit into the memory.
        NumericalError: If the run diverged and ``throw`` is true; its ``solution`` holds the last good fields.
        TargetMissedError: If a tolerance was given and missed, and ``throw`` is true; likewise.

    Example:
        >>> import torch
        >>> import sirenpde as sp
        >>> time = sp.Box(t=(0, 1))
        >>> decay = sp.Problem(
        ...     name="decay",
        ...     fields="u",
        ...     constraints=[
        ...         sp.Constraint("equation", on=time, residual=lambda a, phi: sp.partial(phi.u, "t") + phi.u),
        ...         sp.Constraint("start", on=time.at(t=0), residual=lambda a, phi: phi.u - 1),
        ...     ],
        ... )
        >>> solution = sp.solve(decay, network=sp.Siren(width=16, depth=1, omega=1, first_omega=1), steps=5)
        >>> solution.u(t=[0.0, 0.5, 1.0]).shape
        (3,)
    """
    if not isinstance(problem, Problem):
        msg = f"solve got a {type(problem).__name__}; expected an sp.Problem."
        raise UsageError(msg)
    seed = require_seed(seed)
    defaults = choose_defaults(problem)
    budget = arguments.budget_of(steps, max_seconds, tolerance)
    balanced = arguments.balanced(balance, defaults)
    causal = arguments.causal_of(balance, problem)
    counts = share_out(problem, arguments.points_of(points, defaults))
    place = require_device(device)
    number_type = arguments.number_type(dtype, defaults, problem)
    arguments.require_reachable(tolerance, number_type)
    module = problem.ansatz(arguments.network_of(network, defaults, problem, seed)).to(place, number_type)
    stages = arguments.stages_of(optimizer, defaults, module, budget)
    arguments.require_correctable(stages, network)
    require_trainable(stages, problem, module, counts)
    adaptive = arguments.adaptive_of(points, defaults, problem, optimizers_of(stages))

    held_out = _held_out(problem, counts, seed, place, number_type)
    total = min(sum(stage.steps for stage in stages), budget.steps or 2**62)
    names = [constraint.name for constraint in problem.constraints]
    with (
        suitable_threads(widest(module), place),
        ProgressDisplay(problem.name, total, names, shown=progress) as display,
    ):
        measured = [bool(constraint.on.data_shapes) for constraint in problem.constraints]
        points_of_run = Collocation(problem, counts, seed, adaptive)

        def start(loss: IntegralLoss, left: Budget) -> Trainer:
            return Trainer(loss, points_of_run, held_out, left, Balance(measured) if balanced else None, causal=causal)

        outcome = Course(problem, module, held_out, budget, start, seed=seed).run(stages, display)
        settings = {**_settings(problem, module, stages, counts, seed), "balanced": balanced}
        settings |= {"causal": asdict(balance)} if isinstance(balance, Causal) else {}
        settings |= {"adaptive": asdict(adaptive)} if adaptive else {}
        left_open = {"network": network, "optimizer": optimizer, "points": points, "dtype": dtype, "balance": balance}
        settings["auto"] = arguments.chosen(left_open, defaults, stages)
        timed = budget.seconds is not None and any(stage.steps == ENDLESS for stage in optimizers_of(stages))
        settings["planned_steps"] = "until the time is spent" if timed else total
        settings |= {"notes": list(outcome.notes)} if outcome.notes else {}
        solution = _solution(problem, module, outcome, held_out, settings)
    if throw:
        _raise_failure(problem, solution, outcome, budget)
    return solution


def _held_out(
    problem: Problem, counts: Mapping[str, int], seed: int, device: torch.device, dtype: torch.dtype
) -> list[Sample]:
    """Return points per constraint that training never sees; of a finite region, a draw from its own points."""
    samples = []
    for constraint in problem.constraints:
        region = constraint.on
        generator = torch.Generator().manual_seed(derived_seed(seed, f"held out/{constraint.name}"))
        count = min(4 * counts[constraint.name], 16384)
        sample = (
            region.take(torch.arange(region.size))
            if region.size is not None and region.size <= count
            else region.draw(count, generator)
        )
        samples.append(arranged(sample, region.names, problem.coordinates).to(device, dtype))
        _require_finite(samples[-1], constraint.name, problem, dtype)
    return samples


def _require_finite(sample: Sample, name: str, problem: Problem, dtype: torch.dtype) -> None:
    """Refuse points and data that the number type cannot hold."""
    for what, values in {"points": sample.points, **sample.local}.items():
        if not torch.isfinite(values).all():
            msg = (
                f'the {what} of constraint "{name}" of {problem.where} do not fit into {str(dtype).split(".")[-1]}, '
                'whose largest number is 3.4e38.\n  Rescale them, or give dtype="float64".'
            )
            raise DataError(msg)


def _settings(
    problem: Problem, module: Ansatz, stages: Sequence[Stage], counts: Mapping[str, int], seed: int
) -> dict[str, object]:
    """Return what the run was made with, as plain numbers and text."""
    settings: dict[str, object] = {
        "seed": seed,
        "points": dict(counts),
        "optimizer": [stage_settings(stage) for stage in stages],
        "evaluation": {
            constraint.name: [way.name for way in traced.plan(module)] or ["autograd"]
            for constraint, traced in zip(problem.constraints, problem.traced, strict=True)
        },
        "known_up_to_a_constant": sorted(problem.unpinned),
    }
    network = network_settings(module.network)
    settings |= {"network": network} if network else {}
    if isinstance(module.network, WindowedNetwork):  # trained on, after sp.march
        settings["windows"] = window_settings(module.network, problem.layout)
    integrals = [each.name for each in problem.constraints if isinstance(each, IntegralConstraint)]
    settings |= described(problem) | ({"integrals": integrals} if integrals else {})
    knowns = [each.known for each in (*problem.references.values(), *problem.knowns.values())]
    sound = next((known for known in knowns if isinstance(known, Waveform)), None)
    if sound is not None:
        settings |= {"kind": "sound", "rate": sound.rate, "peak": sound.peak}
    elif any(isinstance(known, Raster) for known in knowns):
        settings["kind"] = "picture"
    else:
        settings["kind"] = "field"
    return settings


def _solution(
    problem: Problem, module: Ansatz, outcome: Outcome, held_out: Sequence[Sample], settings: dict[str, object]
) -> Solution:
    weight = next(module.parameters())
    return Solution(
        name=problem.name,
        layout=problem.layout,
        ansatz=module,
        status=outcome.status,
        history=outcome.history,
        score=awaited_score(problem, module, held_out),
        settings=settings,
        provenance=provenance(weight.device, weight.dtype),
        problem=problem,
    )


def _raise_failure(problem: Problem, solution: Solution, outcome: Outcome, budget: Budget) -> None:
    """Raise where the run diverged, or missed a tolerance that was given."""
    error: SirenPDEError | None = None
    if outcome.status is Status.DIVERGED:
        error = NumericalError(outcome.trouble)
    elif (
        budget.tolerance is not None
        and outcome.status is not Status.CONVERGED
        and outcome.status is not Status.INTERRUPTED
    ):
        ends = {each.name: solution.score.get(f"residual_{each.name}", math.inf) for each in problem.constraints}
        worst = max(ends, key=lambda name: ends[name])
        error = TargetMissedError(
            f'{problem.where} was to reach a residual of {budget.tolerance:g}; constraint "{worst}" ended at '
            f"{ends[worst]:.3g}.\n  Give more steps or seconds, or another network; the fields are in error.solution."
        )
    if error is not None:
        error.solution = solution  # type: ignore[attr-defined]
        raise error
