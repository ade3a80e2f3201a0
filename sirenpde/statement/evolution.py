"""Whether a problem can be solved in one pass along a coordinate, and what of its fields goes from window to window."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sirenpde.errors import ProblemError, UnknownNameError, UsageError, finite_number, is_count, shown, suggestion
from sirenpde.fields.scope import AutogradScope
from sirenpde.fields.siren import SirenNetwork
from sirenpde.fields.trace import run
from sirenpde.fields.windows import HIGHEST, MOST_WINDOWS, Continued, Start
from sirenpde.regions.slab import standing_at
from sirenpde.statement import trials
from sirenpde.statement.constraint import IntegralConstraint
from sirenpde.statement.problem import Problem


@dataclass(frozen=True)
class Evolution:
    """A problem, and the coordinate along which it is solved window by window.

    Attributes:
        problem: The problem.
        coordinate: The coordinate, such as ``"t"``.

    Raises:
        UnknownNameError: If the problem has no such coordinate.
        ProblemError: If one pass from the start to the end cannot solve it.
    """

    problem: Problem
    coordinate: str

    def __post_init__(self) -> None:
        """Refuse what one pass from the start to the end cannot solve."""
        self._check_coordinate()
        if self.problem.unknowns:
            msg = (
                f"{self.problem.where} has the unknown number {', '.join(self.problem.unknowns)}, which is one for all "
                "windows; a window on its own cannot find it.\n  Solve the problem at once, with sp.solve(problem)."
            )
            raise ProblemError(msg)
        for index in range(len(self.problem.constraints)):
            self._check_region(index)
            self._check_sites(index)
        if not any(self.orders):
            msg = (
                f"no residual of {self.problem.where} takes a derivative by {self.coordinate}, so nothing goes on from "
                "one window to the next.\n  Solve the problem at once, with sp.solve(problem)."
            )
            raise ProblemError(msg)

    @property
    def axis(self) -> int:
        """The column of the coordinate."""
        return self.problem.coordinates.index(self.coordinate)

    @property
    def ends(self) -> tuple[float, float]:
        """Where the first window begins, and where the last one ends."""
        return self.problem.bounds[self.axis]

    def edges(self, windows: object) -> tuple[float, ...]:
        """Return where windows begin and end, ascending, from their number or from a list of such places.

        Raises:
            UsageError: If it is neither, or the list does not go from one end of the coordinate to the other.
        """
        low, high = self.ends
        windows = windows.tolist() if isinstance(windows, np.ndarray | np.generic) else windows
        if is_count(windows, MOST_WINDOWS):
            return (*(low + (high - low) * place / windows for place in range(windows)), high)
        listed = list(windows) if isinstance(windows, Sequence) and not isinstance(windows, str) else []
        places = [place for place in map(finite_number, listed) if place is not None]
        whole = len(places) == len(listed) and 2 <= len(places) <= MOST_WINDOWS + 1
        near = 1e-12 * (high - low)
        if not (
            whole
            and abs(places[0] - low) <= near
            and abs(places[-1] - high) <= near
            and all(before < after for before, after in itertools.pairwise(places))
        ):
            msg = (
                f"windows={shown(windows)}: expected how many, from 1 to {MOST_WINDOWS}, or where they begin and end, "
                f"ascending from {self.coordinate}={low:g} to {self.coordinate}={high:g}, such as "
                f"windows=({low:g}, {(low + high) / 2:g}, {high:g})."
            )
            raise UsageError(msg)
        return (low, *places[1:-1], high)

    @cached_property
    def orders(self) -> tuple[int, ...]:
        """The order of the highest derivative by the coordinate, per output of the network; found by trying.

        Multiplied by (t − t_i)^k, a network is seen at t_i by residuals with k or more derivatives. Tried rather than
        read, because hard conditions take derivatives of raw fields too, and so do derivatives of expressions.
        """
        listed = range(len(self.problem.constraints))
        within = [index for index in listed if not self._at_the_start(index)]
        orders = [0] * self.problem.layout.outputs
        for k in range(1, HIGHEST + 1):
            seen = torch.stack([self._seen(index, k) for index in within]).any(0)
            orders = [k if each else before for each, before in zip(seen.tolist(), orders, strict=True)]
        return tuple(orders)

    def _seen(self, index: int, k: int) -> Tensor:
        """Tell which outputs a residual sees of a network multiplied by (t − t_i)^k, at t_i: booleans ``(o,)``."""
        trial = self._trial()
        parts, _ = self._tried(index, trial, k)
        attached = [part.sum() + part.square().sum() for part in parts if part.requires_grad]
        weight = trial.last.weight
        if not attached:
            return torch.zeros(len(weight), dtype=torch.bool)
        slopes = torch.autograd.grad(torch.stack(attached).sum(), weight, allow_unused=True, materialize_grads=True)
        return (slopes[0] != 0).any(1)

    def _tried(self, index: int, trial: SirenNetwork, k: int) -> tuple[list[Tensor], AutogradScope]:
        """Run a residual at one time on fields that go on from others at that time; return its parts and the scope."""
        problem, traced = self.problem, self.problem.traced[index]
        sample = trials.trial_samples(problem.constraints[index], problem.coordinates)[1]
        points = sample.points.clone()
        points[:, self.axis] = points[0, self.axis]
        orders = (k,) * problem.layout.outputs
        start = Start(self._trial(), self.axis, float(points[0, self.axis]), 1.0, orders)
        scope = AutogradScope(traced.surroundings, problem.ansatz(Continued(trial, start)), points)
        return run(traced.residual, scope, traced.surroundings, sample.local), scope

    def _trial(self) -> SirenNetwork:
        problem = self.problem
        return trials.trial_network(problem.layout, problem.bounds, problem.periodic_columns)

    def _at_the_start(self, index: int) -> bool:
        return self.problem.constraints[index].on.bounds[self.coordinate] == (self.ends[0], self.ends[0])

    def _check_coordinate(self) -> None:
        problem, name = self.problem, self.coordinate
        if name not in problem.coordinates:
            near = suggestion(str(name), problem.coordinates)
            msg = f"coordinate={name!r}: the coordinates of {problem.where} are {', '.join(problem.coordinates)}.{near}"
            raise UnknownNameError(msg)
        if name in problem.periodic:
            msg = (
                f'{problem.where} is periodic in "{name}", so it has no start in {name} from which windows could go '
                "on.\n  Solve it at once, with sp.solve(problem)."
            )
            raise ProblemError(msg)

    def _check_region(self, index: int) -> None:
        """Refuse what holds at one time after the start, which earlier windows would not see, and integrals over time.

        Raises:
            ProblemError: If there is such a condition.
        """
        constraint, name, (start, end) = self.problem.constraints[index], self.coordinate, self.ends
        where = f'constraint "{constraint.name}" of {self.problem.where}'
        later = [value for value in standing_at(constraint.on.bare, name) if value > start + 1e-12 * (end - start)]
        if later:
            msg = (
                f"{where} holds at {name}={max(later):g}; windows go on from the start, {name}={start:g}, and those "
                "before would not see it.\n  Usual cause: on=domain.boundary, which has the end of time in it. Name "
                "the sides, as in domain.at(x=0) | domain.at(x=1), or solve the problem at once: sp.solve(problem)."
            )
            raise ProblemError(msg)
        low, high = constraint.on.bounds[name]
        if isinstance(constraint, IntegralConstraint) and low < high:
            msg = (
                f"{where} is one integral over {name} from {low:g} to {high:g}, of which a window sees a part.\n"
                "  Solve the problem at once, with sp.solve(problem)."
            )
            raise ProblemError(msg)

    def _check_sites(self, index: int) -> None:
        """Refuse a residual that reads fields at another time, which may lie in another window."""
        _, scope = self._tried(index, self._trial(), 1)
        now = scope.points[:, self.axis]
        if any(bool((site[:, self.axis] != now).any()) for site in scope.sites[1:]):
            msg = (
                f"{self.problem.traced[index].surroundings.where} reads the fields at another {self.coordinate}, which "
                "may lie in a window that is not solved yet.\n  Solve the problem at once, with sp.solve(problem)."
            )
            raise ProblemError(msg)
