"""The front door: ``solve(problem)`` chooses what was left to it, trains, and returns the solution."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import torch
from torch import nn

from sirenpde.errors import DataError, NumericalError, SirenPDEError, SirenPDEWarning, TargetMissedError, UsageError
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.siren import Siren, SirenNetwork
from sirenpde.regions.region import Sample, arranged
from sirenpde.solution.provenance import provenance
from sirenpde.solution.rebuild import described
from sirenpde.solution.score import score
from sirenpde.solution.solution import Solution
from sirenpde.statement.problem import Problem
from sirenpde.statement.raster import Raster
from sirenpde.statement.waveform import Waveform
from sirenpde.training.balance import Balance
from sirenpde.training.collocation import Collocation, share_out
from sirenpde.training.defaults import Defaults, choose_defaults, stages_within
from sirenpde.training.loop import Budget, Outcome, Trainer
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.optimizer import Optimizer
from sirenpde.training.progress import ProgressDisplay
from sirenpde.training.reproducibility import (
    derived_seed,
    require_device,
    require_dtype,
    require_seed,
    suitable_threads,
    widest,
)
from sirenpde.training.status import Status

#: From here on, in units of a coordinate's extent, float32 leaves fewer than four digits of a place in the domain.
FAR = 1e3


def solve(
    problem: Problem,
    *,
    network: str | Siren | nn.Module = "auto",
    optimizer: str | Optimizer | Sequence[Optimizer] = "auto",
    points: str | int | Mapping[str, int] = "auto",
    steps: int | None = None,
    max_seconds: float | None = None,
    tolerance: float | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    balance: str | None = "auto",
    progress: bool = True,
    throw: bool = True,
) -> Solution:
    """Find the fields of a problem by minimising its integral loss.

    Args:
        problem: The statement.
        network: An ``sp.Siren``, or a torch module from ``(n, d)`` to ``(n, o)`` to start from, which is copied.
        optimizer: One optimizer, or a list of stages that follow each other.
        points: Points per step, shared out by measure, or a dictionary by constraint.
        steps: A limit on the steps of all stages together; where the optimizer is chosen here, its schedule fits it.
        max_seconds: A limit on the wall time of training.
        tolerance: The root mean square that every residual must reach on points that were not trained on.
        seed: The same seed on the same machine, versions, device and number of threads gives the same bits.
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, …; by default a GPU where there is one.
        dtype: ``"float32"`` or ``"float64"``.
        balance: ``"auto"`` multiplies the terms of an equation so that their gradients have one size; None leaves the
            weights as they are written.
        progress: Whether to show a bar; nothing is shown where there is no terminal.
        throw: Whether to raise where the run diverged or missed the tolerance.

    Returns:
        The solution; ``solution.status`` says how the run ended.

    Raises:
        UsageError: If an argument cannot be used.
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
    budget = _budget(steps, max_seconds, tolerance)
    balanced = _balanced(balance, defaults)
    counts = share_out(problem, defaults.points if isinstance(points, str) and points == "auto" else _points(points))
    place = require_device(device)
    number_type = _number_type(dtype, defaults, problem)
    _require_reachable(tolerance, number_type)
    module = problem.ansatz(_network(network, defaults, problem, seed)).to(place, number_type)
    stages = _stages(optimizer, defaults, module, budget)

    held_out = _held_out(problem, counts, seed, place, number_type)
    total = min(sum(stage.steps for stage in stages), budget.steps or 2**62)
    names = [constraint.name for constraint in problem.constraints]
    with (
        suitable_threads(widest(module), place),
        ProgressDisplay(problem.name, total, names, shown=progress) as display,
    ):
        loss, points_of_run = IntegralLoss(problem, module), Collocation(problem, counts, seed)
        trainer = Trainer(loss, points_of_run, held_out, budget, Balance() if balanced else None)
        outcome = trainer.run(stages, display)
        settings = {**_settings(problem, module, stages, counts, seed), "planned_steps": total, "balanced": balanced}
        settings |= {"notes": list(outcome.notes)} if outcome.notes else {}
        solution = _solution(problem, module, outcome, held_out, settings)
    if throw:
        _raise_failure(problem, solution, outcome, budget)
    return solution


def _number_type(dtype: object, defaults: Defaults, problem: Problem) -> torch.dtype:
    """Return the number type; where coordinates are far from zero for their extent, float32 would lose them."""
    offset = max(max(abs(low), abs(high)) / (high - low) for low, high in problem.bounds)
    far = offset > FAR
    if isinstance(dtype, str) and dtype == "auto":
        return require_dtype("float64" if far else defaults.dtype)
    chosen = require_dtype(dtype)
    if far and chosen == torch.float32:
        msg = (
            f"the coordinates of {problem.where} lie {offset:.0f} times their extent from zero; float32 keeps few of "
            'their digits. Shift them, or give dtype="float64".'
        )
        warnings.warn(msg, SirenPDEWarning, stacklevel=3)
    return chosen


def _balanced(balance: object, defaults: Defaults) -> bool:
    if balance is not None and not (isinstance(balance, str) and balance == "auto"):
        msg = f'balance={balance!r}: expected "auto", or None to leave the weights as they are written.'
        raise UsageError(msg)
    return balance is not None and defaults.balanced


def _stages(optimizer: object, defaults: Defaults, module: nn.Module, budget: Budget) -> tuple[Optimizer, ...]:
    """Return the stages; those that are chosen here fit the module, and the steps or seconds that are allowed."""
    if isinstance(optimizer, str) and optimizer == "auto":
        return stages_within(defaults.stages, module, budget.steps, budget.seconds)
    stages = (optimizer,) if isinstance(optimizer, Optimizer) else optimizer
    if (
        not isinstance(stages, Sequence)
        or isinstance(stages, str)
        or not stages
        or not all(isinstance(each, Optimizer) for each in stages)
    ):
        msg = f'optimizer={optimizer!r}: expected "auto", an optimizer such as sp.Adam(steps=1000), or a list of such.'
        raise UsageError(msg)
    return tuple(stages)


def _points(points: object) -> int | Mapping[str, int]:
    if isinstance(points, Mapping) or (isinstance(points, int) and not isinstance(points, bool)):
        return points
    msg = f'points={points!r}: expected "auto", a positive integer, or a dictionary from constraints to integers.'
    raise UsageError(msg)


def _budget(steps: object, max_seconds: object, tolerance: object) -> Budget:
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 10**9):
        msg = f"steps={steps!r}: expected a positive integer, or None to leave it to the optimizer."
        raise UsageError(msg)
    for name, value in (("max_seconds", max_seconds), ("tolerance", tolerance)):
        bad = isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf
        if value is not None and bad:
            msg = f"{name}={value!r}: expected a positive number, or None for no limit."
            raise UsageError(msg)
    return Budget(steps, max_seconds, tolerance)  # type: ignore[arg-type]


def _require_reachable(tolerance: float | None, dtype: torch.dtype) -> None:
    """Refuse a tolerance below the rounding of the number type."""
    floor = torch.finfo(dtype).eps
    if tolerance is not None and tolerance < floor:
        msg = (
            f"tolerance={tolerance:g}: {str(dtype).removeprefix('torch.')} rounds at {floor:.2g}, so no residual "
            'gets there. Ask for more, or write dtype="float64".'
        )
        raise UsageError(msg)


def _network(network: object, defaults: Defaults, problem: Problem, seed: int) -> nn.Module:
    if isinstance(network, nn.Module):
        if problem.periodic:
            msg = (
                f"{problem.where} is periodic in {', '.join(problem.periodic)}, which needs an sp.Siren; got a "
                f"{type(network).__name__}.\n  Build the periodicity into your module, and leave periodic out."
            )
            raise UsageError(msg)
        return _copied(network, problem)
    declaration = defaults.network if isinstance(network, str) and network == "auto" else network
    if not isinstance(declaration, Siren):
        msg = f'network={network!r}: expected "auto", an sp.Siren(…), or a torch module.'
        raise UsageError(msg)
    return declaration.build(
        len(problem.coordinates),
        problem.layout.outputs,
        seed=derived_seed(seed, "weights"),
        bounds=problem.bounds,
        periodic=problem.periodic_columns,
    )


def _copied(network: nn.Module, problem: Problem) -> nn.Module:
    """Return a copy of a user's module, after trying it on the problem's coordinates."""
    shape = (3, problem.layout.outputs)
    try:
        module = copy.deepcopy(network)
        weight = next((each for each in module.parameters() if each.requires_grad), None)
        like = torch.empty(0) if weight is None else weight
        answer = module(torch.zeros(3, len(problem.coordinates), dtype=like.dtype, device=like.device))
        got = tuple(answer.shape)
    except Exception as error:
        msg = f"the network failed on points of shape (3, {len(problem.coordinates)}): {type(error).__name__}: {error}"
        raise UsageError(msg) from error
    if weight is None:
        msg = (
            f"the network, a {type(network).__name__}, has no weights to train; expected some that require a gradient."
        )
        raise UsageError(msg)
    if got != shape:
        msg = f"the network gave shape {got} for 3 points; expected {shape}, one column per field component."
        raise UsageError(msg)
    return module


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
    problem: Problem, module: Ansatz, stages: Sequence[Optimizer], counts: Mapping[str, int], seed: int
) -> dict[str, object]:
    """Return what the run was made with, as plain numbers and text."""
    settings: dict[str, object] = {
        "seed": seed,
        "points": dict(counts),
        "optimizer": [{"name": type(stage).__name__, **asdict(stage)} for stage in stages],
        "evaluation": {
            constraint.name: [way.name for way in traced.plan(module)] or ["autograd"]
            for constraint, traced in zip(problem.constraints, problem.traced, strict=True)
        },
        "known_up_to_a_constant": sorted(problem.unpinned),
    }
    if type(module.network) is SirenNetwork:  # a subclass could not be built again from these numbers
        settings["network"] = asdict(module.network.declaration)
    settings |= described(problem, module)
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
        score=_score(problem, module, held_out),
        settings=settings,
        provenance=provenance(weight.device, weight.dtype),
        problem=problem,
    )


def _score(problem: Problem, module: nn.Module, held_out: Sequence[Sample]) -> dict[str, float]:
    """Score the fields; a user who interrupts that has seen enough, and gets them without scores."""
    try:
        return score(problem, module, held_out)
    except KeyboardInterrupt:
        return {}


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
