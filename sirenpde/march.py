"""Time windows: ``march(problem)`` solves an evolution equation window by window, each from the end of the last."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import torch

from sirenpde.errors import NumericalError, SirenPDEError, TargetMissedError, UsageError
from sirenpde.fields.siren import SirenNetwork
from sirenpde.fields.windows import Continued, Start, WindowedNetwork
from sirenpde.regions.slab import Slab
from sirenpde.solution.rebuild import described, network_settings
from sirenpde.solution.score import awaited_score
from sirenpde.solution.solution import Solution
from sirenpde.solution.window_notes import window_notes
from sirenpde.solution.window_numbers import window_settings
from sirenpde.solve import solve
from sirenpde.statement.evolution import Evolution
from sirenpde.statement.problem import Problem
from sirenpde.statement.window import WindowProblem, window_problem
from sirenpde.training.collocation import Collocation, share_out
from sirenpde.training.correction import Correction
from sirenpde.training.refinement import AdaptivePoints
from sirenpde.training.reproducibility import derived_seed, require_seed
from sirenpde.training.share import Share
from sirenpde.training.status import History, Status

#: Points of every constraint on which the whole is scored.
HELD_OUT = 4096


def march(
    problem: Problem,
    *,
    coordinate: str = "t",
    windows: int | Sequence[float] = 5,
    points: Any = "auto",
    steps: int | None = None,
    max_seconds: float | None = None,
    tolerance: float | None = None,
    seed: int = 0,
    throw: bool = True,
    **options: Any,
) -> Solution:
    """Solve an evolution equation window by window, with a network for each.

    A window begins with the fields that the one before ended with, and with as many of their derivatives by the
    coordinate as the equations need: the solution has no jump between windows. Conditions at the start hold in the
    first; all others hold in each, on its part of their regions.

    Args:
        problem: The statement.
        coordinate: Along which windows follow each other.
        windows: How many of equal length; or where they begin and end, such as ``(0, 0.1, 0.5, 1)``.
        points: Per window, as in ``solve``, ``"auto"`` included.
        steps: A limit on the steps of all windows together; what one leaves is shared among those after it.
        max_seconds: A limit on the wall time of training, shared in the same way.
        tolerance: What every residual must reach in every window.
        seed: The same seed on the same machine, versions, device and number of threads gives the same bits.
        throw: Whether to raise where a window diverged or missed the tolerance.
        options: Further arguments of ``solve``, the same for every window. Without ``steps`` or ``max_seconds``, a
            window gets as much as ``solve`` would give a problem.

    Returns:
        The solution in all windows. ``solution.settings["notes"]`` says how each ended, and names those that ended much
        worse than the best. Where one diverged or was interrupted, those after it were not solved: the notes say where
        it ends, and beyond that the last network goes on as it will.

    Raises:
        UsageError: If an argument cannot be used.
        ProblemError: If the problem cannot be solved in one pass: it has unknown numbers, is periodic in the
            coordinate, has a condition after the start, an integral over it, or no derivative by it.
        NumericalError: If a window diverged and ``throw`` is true; its ``solution`` holds what was reached.
        TargetMissedError: If a tolerance was given and a window missed it, and ``throw`` is true; likewise.

    Example:
        >>> import sirenpde as sp
        >>> time = sp.Box(t=(0, 2))
        >>> decay = sp.Problem(
        ...     name="decay",
        ...     fields="u",
        ...     constraints=[
        ...         sp.Constraint("equation", on=time, residual=lambda a, phi: sp.partial(phi.u, "t") + phi.u),
        ...         sp.Constraint("start", on=time.at(t=0), residual=lambda a, phi: phi.u - 1),
        ...     ],
        ... )
        >>> small = sp.Siren(width=8, depth=1, omega=1, first_omega=1)
        >>> solution = sp.march(decay, windows=2, network=small, steps=10)
        >>> solution.u(t=[0.0, 1.0, 2.0]).shape
        (3,)
    """
    if not isinstance(problem, Problem):
        msg = f"march got a {type(problem).__name__}; expected an sp.Problem."
        raise UsageError(msg)
    _refuse_options(options)
    evolution = Evolution(problem, coordinate)
    edges = evolution.edges(windows)
    share = Share(steps, max_seconds, len(edges) - 1)
    seed = require_seed(seed)
    _require_named(points, problem)
    legs: list[_Leg] = []
    try:
        for number in range(1, len(edges)):
            window = window_problem(problem, *_place(evolution, edges, legs))
            own = {"points": _of_window(points, window), "tolerance": tolerance, "seed": _seed(seed, number)}
            leg = _solved(window, **own, **share.of(len(edges) - number), **options)
            share.spend(leg.solution.history)
            legs.append(leg)
            if leg.status in {Status.DIVERGED, Status.INTERRUPTED}:
                break
            options = _after(leg, options)
    except KeyboardInterrupt:  # between two windows; within one, solve returns what it has
        if not legs:
            raise
        legs[-1] = replace(legs[-1], cut=True)
    solution = _joined(evolution, edges, legs, seed)
    for number, leg in enumerate(legs, start=1):
        if throw and leg.error is not None:
            raise _told(leg.error, _named(coordinate, edges, number), solution) from leg.error
    return solution


@dataclass(frozen=True)
class _Leg:
    """A window that was solved, what was wrong with it, and whether the run was interrupted after it."""

    solution: Solution
    error: SirenPDEError | None
    cut: bool = False

    @property
    def status(self) -> Status:
        """How the run stood after it."""
        return Status.INTERRUPTED if self.cut else self.solution.status

    @property
    def network(self) -> torch.nn.Module:
        """Φ."""
        network = self.solution.network
        return network.network if isinstance(network, Continued) else network


def _refuse_options(options: Mapping[str, Any]) -> None:
    """Refuse what would not go on from where the last window ended."""
    if options.get("checkpoint") is not None:
        msg = "march keeps no checkpoints: its windows would overwrite each other's. Leave checkpoint out."
        raise UsageError(msg)
    stages = options.get("optimizer")
    if any(isinstance(stage, Correction) for stage in (stages if isinstance(stages, list | tuple) else [stages])):
        _refuse_correction()


def _refuse_correction() -> NoReturn:
    msg = (
        "march got a Correction among the stages. It is added to all of a window's fields, which would no longer begin "
        "where the window before ended.\n  Leave it out; more windows make the errors of each smaller too."
    )
    raise UsageError(msg)


def _place(evolution: Evolution, edges: Sequence[float], legs: Sequence[_Leg]) -> tuple[Slab, int, Start | None]:
    """Return the next window, its number, and what it begins with, frozen."""
    count = len(legs)
    low, high = edges[count : count + 2]
    slab = Slab(evolution.coordinate, low, high, closed=count == 0)
    if not legs:
        return slab, 1, None
    before = copy.deepcopy(_linked(evolution, edges, legs)).requires_grad_(False)
    return slab, count + 1, Start(before.windows[-1], evolution.axis, low, high - low, evolution.orders)


def _linked(evolution: Evolution, edges: Sequence[float], legs: Sequence[_Leg]) -> WindowedNetwork:
    networks = [leg.network for leg in legs]
    return WindowedNetwork(networks, evolution.axis, edges[: len(legs) + 1], evolution.orders)


def _require_named(points: Any, problem: Problem) -> None:
    """Refuse points by names that are none, before a window drops those of constraints that do not reach it."""
    counts = points.count if isinstance(points, AdaptivePoints) else points
    if isinstance(counts, Mapping):
        share_out(problem, counts)


def _of_window(points: Any, window: Problem) -> Any:
    """Return the points of the constraints that reach a window."""
    if isinstance(points, AdaptivePoints):
        return replace(points, count=_of_window(points.count, window))
    if isinstance(points, Mapping):
        return {each.name: points[each.name] for each in window.constraints if each.name in points}
    return points


def _after(leg: _Leg, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of all windows after one, with what was chosen for it."""
    weight = next(leg.solution.network.parameters())
    chosen = {**options, "device": weight.device, "dtype": weight.dtype}
    if isinstance(options.get("network", "auto"), str) and isinstance(leg.network, SirenNetwork):
        # What a window begins with is rough by the error of the last, which must not pass for its bandwidth.
        chosen["network"] = leg.network.declaration
    return chosen


def _seed(seed: int, number: int) -> int:
    return seed if number == 1 else derived_seed(seed, f"window {number}")


def _solved(window: WindowProblem, **arguments: Any) -> _Leg:
    """Solve a window; keep what went wrong in the end with what was reached."""
    try:
        solution = solve(window, **arguments)
        if window.start is not None and not isinstance(solution.network, Continued):
            _refuse_correction()  # one that nobody wrote
        return _Leg(solution, None)
    except (NumericalError, TargetMissedError) as error:
        reached = getattr(error, "solution", None)
        if reached is None:
            raise
        return _Leg(reached, error)


def _joined(evolution: Evolution, edges: Sequence[float], legs: Sequence[_Leg], seed: int) -> Solution:
    """Return the solution in all windows that were solved."""
    problem, last = evolution.problem, legs[-1].solution
    weight = next(last.network.parameters())
    network = _linked(evolution, edges, legs)
    ansatz = problem.ansatz(network).to(weight.device, weight.dtype)
    counts = share_out(problem, {each.name: HELD_OUT for each in problem.constraints})
    samples = Collocation(problem, counts, derived_seed(seed, "held out of all windows")).draw()
    held_out = [sample.to(weight.device, weight.dtype) for sample in samples]
    return Solution(
        name=problem.name,
        layout=problem.layout,
        ansatz=ansatz,
        status=_status([leg.status for leg in legs]),
        history=_history(problem, legs),
        score=awaited_score(problem, ansatz, held_out),
        settings=_settings(evolution, edges, legs, seed, network),
        provenance=last.provenance,
        problem=problem,
    )


def _status(found: Sequence[Status]) -> Status:
    """Return the status of a run by those of its windows: the one that ended it, else the least of all."""
    order = (Status.DIVERGED, Status.INTERRUPTED, Status.BUDGET_SPENT, Status.STALLED, Status.CONVERGED)
    return min(found, key=order.index)


def _history(problem: Problem, legs: Sequence[_Leg]) -> History:
    """Return the steps of all windows, one after the other; a term that a window does not have is 0 there."""
    history, before = History(tuple(each.name for each in problem.constraints)), 0.0
    for own in (leg.solution.history for leg in legs):
        for loss, terms, seconds in zip(own.loss, own.terms, own.seconds, strict=True):
            named = dict(zip(own.names, terms, strict=True))
            history.record(loss, [named.get(name, 0.0) for name in history.names], before + seconds)
        before = history.seconds[-1] if len(history) else 0.0
    return history


def _settings(
    evolution: Evolution, edges: Sequence[float], legs: Sequence[_Leg], seed: int, network: WindowedNetwork
) -> dict[str, Any]:
    """Return what the run was made with: what all windows share, and what each has of its own."""
    settings = {**legs[0].solution.settings, **described(evolution.problem), "seed": seed}
    settings.pop("network", None)
    settings |= {} if (built := network_settings(network)) is None else {"network": built}
    planned = [leg.solution.settings["planned_steps"] for leg in legs]
    whole = all(isinstance(each, int) for each in planned)
    settings["planned_steps"] = sum(planned) if whole else planned[0]
    settings["windows"] = window_settings(network, evolution.problem.layout)
    settings["notes"] = _notes(evolution.coordinate, edges, legs)
    return settings


def _notes(name: str, edges: Sequence[float], legs: Sequence[_Leg]) -> list[str]:
    """Return a sentence for everything that a window met, how it ended, and where the run ended before its time."""
    places = [_named(name, edges, number) for number in range(1, len(legs) + 1)]
    missed = [str(leg.error) if isinstance(leg.error, TargetMissedError) else "" for leg in legs]
    notes = window_notes(places, [leg.solution for leg in legs], missed)
    if len(legs) < len(edges) - 1:
        how = "was interrupted" if legs[-1].status is Status.INTERRUPTED else "diverged"
        notes.append(f"{places[-1]}, {how}; nothing was solved after {name}={edges[len(legs)]:g}.")
    return notes


def _named(name: str, edges: Sequence[float], number: int) -> str:
    low, high = edges[number - 1 : number + 1]
    return f"window {number} of {len(edges) - 1}, {name} from {low:g} to {high:g}"


def _told(error: SirenPDEError, where: str, solution: Solution) -> SirenPDEError:
    """Return an error of a window as one of the run, with the solution of all windows."""
    told = type(error)(f"{where}: {error}")
    told.solution = solution  # type: ignore[attr-defined]
    return told
