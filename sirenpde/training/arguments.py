"""The arguments of ``solve``, checked one by one, and what each of them or ``"auto"`` comes to."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import nn

from sirenpde.errors import SirenPDEWarning, UsageError, finite_number, is_count, shown
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.correction import MOST_PARTS, number_of_parts
from sirenpde.fields.siren import Siren
from sirenpde.fields.windows import WindowedNetwork
from sirenpde.statement.problem import Problem
from sirenpde.training.causal import Causal, CausalWeights, require_evolution
from sirenpde.training.correction import Correction, Stage
from sirenpde.training.defaults import Defaults, stages_within
from sirenpde.training.loop import Budget
from sirenpde.training.networks import network_for
from sirenpde.training.optimizer import Optimizer, require_double
from sirenpde.training.refinement import AdaptivePoints, require_refinable
from sirenpde.training.reproducibility import derived_seed, require_dtype

#: From here on, in units of a coordinate's extent, float32 leaves fewer than four digits of a place in the domain.
FAR = 1e3


def number_type(dtype: object, defaults: Defaults, problem: Problem) -> torch.dtype:
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
        warnings.warn(msg, SirenPDEWarning, stacklevel=4)
    return chosen


def balanced(balance: object, defaults: Defaults) -> bool:
    """Return whether the terms are balanced."""
    if balance is not None and not isinstance(balance, Causal) and not (isinstance(balance, str) and balance == "auto"):
        msg = f'balance={balance!r}: expected "auto", sp.Causal(…), or None to leave the weights as they are written.'
        raise UsageError(msg)
    return balance is not None and defaults.balanced


def causal_of(balance: object, problem: Problem) -> CausalWeights | None:
    """Return the causal weights, where there are any."""
    if not isinstance(balance, Causal):
        return None
    require_evolution(balance, problem)
    return CausalWeights(balance, problem)


def stages_of(optimizer: object, defaults: Defaults, module: Ansatz, budget: Budget) -> tuple[Stage, ...]:
    """Return the stages; those that are chosen here fit the module, and the steps or seconds that are allowed."""
    if isinstance(optimizer, str) and optimizer == "auto":
        return stages_within(defaults.stages, module, budget.steps, budget.seconds)
    stages = (optimizer,) if isinstance(optimizer, Optimizer | Correction) else optimizer
    if (
        not isinstance(stages, Sequence)
        or isinstance(stages, str)
        or not stages
        or not all(isinstance(each, Optimizer | Correction) for each in stages)
    ):
        msg = f'optimizer={optimizer!r}: expected "auto", an optimizer such as sp.Adam(steps=1000), or a list of such.'
        raise UsageError(msg)
    return tuple(_fitted(stage, module, budget, place == len(stages)) for place, stage in enumerate(stages, start=1))


def _fitted(stage: Stage, module: Ansatz, budget: Budget, last: bool) -> Stage:
    """Return a stage with the optimizers of its own that were left to choose; only the last one can end with time."""
    if not isinstance(stage, Correction):
        return stage
    number_type = next(module.parameters()).dtype
    require_double("sp.Correction", number_type, "whose rounding is larger than what it corrects")
    if stage.optimizer != "auto":
        return stage
    network = stage.declared.build(len(module.layout.coordinates), module.layout.outputs, dtype=number_type)
    seconds = budget.seconds if last else None
    return replace(stage, optimizer=stages_within(stage.stages, network, None, seconds))


def require_correctable(stages: Sequence[Stage], network: object) -> None:
    """Refuse to correct a network that has not been trained, and a sum that its file would not give back."""
    corrections = sum(isinstance(stage, Correction) for stage in stages)
    if corrections and isinstance(network, WindowedNetwork):
        msg = (
            "the network is that of sp.march, one for each of its windows, and the stages have an sp.Correction: no "
            "file would give their sum back.\n  Leave the sp.Correction out, or solve the problem in more windows: the "
            "errors of each are smaller then."
        )
        raise UsageError(msg)
    parts = corrections + number_of_parts(network)
    if corrections and parts > MOST_PARTS:
        msg = (
            f"the stages have {corrections} of sp.Correction, which would add up to {parts} networks; a sum has at "
            f"most {MOST_PARTS}.\n  Rounding ends what corrections gain after one or two. Leave the others out."
        )
        raise UsageError(msg)
    if isinstance(stages[0], Correction) and not isinstance(network, nn.Module):
        msg = (
            "the first of the stages is an sp.Correction, and there is nothing yet to correct: a network that was "
            "just drawn is no approximation.\n  Write optimizer=[sp.Muon(steps=300), sp.SSBroyden(steps=2000), "
            "sp.Correction()], or give a network that was trained, network=solution.network."
        )
        raise UsageError(msg)


def chosen(given: Mapping[str, object], defaults: Defaults, stages: Sequence[Stage]) -> dict[str, str]:
    """Return, for every argument that was left at ``"auto"``, why it is what it is."""
    reasons, meant = dict(defaults.reasons), _kinds(defaults.stages)
    if not set(_kinds(stages)) <= set(meant):  # the reason is that of stages which this network does not suit
        reasons["optimizer"] = (
            f"{', then '.join(_kinds(stages))}, in the place of {', then '.join(meant)}: what suits this network and "
            "its number type"
        )
    open_ones = [name for name, value in given.items() if isinstance(value, str) and value == "auto"]
    return {name: reasons[name] for name in open_ones if name in reasons}


def _kinds(stages: Sequence[Stage]) -> list[str]:
    return [type(stage).__name__ for stage in stages]


def points_of(points: object, defaults: Defaults) -> int | Mapping[str, int]:
    """Return how many points to draw per step, in all or by constraint."""
    if isinstance(points, AdaptivePoints):
        return points_of(points.count, defaults)
    if isinstance(points, str) and points == "auto":
        return defaults.points
    if isinstance(points, Mapping) or (isinstance(points, int) and not isinstance(points, bool)):
        return points
    msg = (
        f'points={points!r}: expected "auto", a positive integer, a dictionary from constraints to integers, or '
        "sp.AdaptivePoints(…) of such."
    )
    raise UsageError(msg)


def adaptive_of(
    points: object, defaults: Defaults, problem: Problem, stages: Sequence[Optimizer]
) -> AdaptivePoints | None:
    """Return how points are adapted to the residual, or None; refuse it where it was asked for and changes nothing."""
    if not isinstance(points, AdaptivePoints):
        suits = any(each.pointwise for each in problem.constraints) and any(stage.kept > 1 for stage in stages)
        return defaults.adaptive if isinstance(points, str) and suits else None
    require_refinable(points, problem, stages)
    return points


def budget_of(steps: object, max_seconds: object, tolerance: object) -> Budget:
    """Return the limits of a run."""
    if steps is not None and not is_count(steps):
        msg = f"steps={shown(steps)}: expected a positive integer, or None to leave it to the optimizer."
        raise UsageError(msg)
    for name, value in (("max_seconds", max_seconds), ("tolerance", tolerance)):
        if value is not None and (finite_number(value) or 0.0) <= 0:
            msg = f"{name}={shown(value)}: expected a positive, finite number, or None for no limit."
            raise UsageError(msg)
    return Budget(steps, max_seconds, tolerance)  # type: ignore[arg-type]


def require_reachable(tolerance: float | None, dtype: torch.dtype) -> None:
    """Refuse a tolerance below the rounding of the number type."""
    floor = torch.finfo(dtype).eps
    if tolerance is not None and tolerance < floor:
        msg = (
            f"tolerance={tolerance:g}: {str(dtype).removeprefix('torch.')} rounds at {floor:.2g}, so no residual "
            'gets there. Ask for more, or write dtype="float64".'
        )
        raise UsageError(msg)


def network_of(network: object, defaults: Defaults, problem: Problem, seed: int) -> nn.Module:
    """Return the module of the raw fields: built from a declaration, or a copy of the user's own."""
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
    # The ends of a periodic coordinate must be those of the domain, whatever number type comes after.
    return network_for(problem, declaration, seed=derived_seed(seed, "weights"), dtype=torch.float64)


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
