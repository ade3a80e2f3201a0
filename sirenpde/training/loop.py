"""The training loop: draw points, add up the loss and its gradient in chunks, step, record.

This is the only file that calls ``step``. Non-finite losses are never stepped on: the run goes back to the last good
weights, tries again with shorter steps, and ends where that fails three times.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from sirenpde.regions.region import Sample
from sirenpde.training.balance import Balance
from sirenpde.training.causal import CausalWeights
from sirenpde.training.collocation import Collocation
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.objective import Objective, descend
from sirenpde.training.optimizer import Optimizer, Stepper
from sirenpde.training.progress import ProgressDisplay
from sirenpde.training.status import History, Status

#: Steps between two looks at held-out points, and between two copies of the weights; new points bring a look, too.
LOOK = 50

#: How often a run goes back to its last good weights before it counts as diverged.
ATTEMPTS = 3

#: By what part the held-out loss must fall between two stalls, or the stage has ended.
WORTHWHILE = 0.1

_WHERE_FIELDS_ARE = "The last good fields are in error.solution; solve(…, throw=False) returns them."


@dataclass(frozen=True)
class Budget:
    """What a run may spend.

    Attributes:
        steps: Steps in all; None leaves it to the stages.
        seconds: Wall time; None for no limit. A run ends at the first step after it, or within a line search.
        tolerance: The root mean square that every residual must reach on held-out points for the run to end early.
    """

    steps: int | None = None
    seconds: float | None = None
    tolerance: float | None = None


@dataclass
class Outcome:
    """How training ended.

    Attributes:
        status: The status.
        history: The record of the steps.
        trouble: Where a run diverged, the sentence that says how.
        notes: A sentence for each step at which the run went back to its last good weights, and how often it did.
    """

    status: Status
    history: History
    trouble: str = ""
    notes: tuple[str, ...] = ()


class _TimeIsUpError(Exception):
    """The seconds were spent in the middle of a step, which is undone."""


class _LostError(Exception):
    """The loss was no longer finite."""


class _LostGradientError(_LostError):
    """The weights after a step were no longer finite."""


@dataclass
class _Leg:
    """One stage under way: its stepper and the points in use."""

    stage: Optimizer
    stepper: Stepper
    objective: Objective | None = None
    taken: int = 0
    age: int = 0
    looked: float = -math.inf  # the step of the balance's last look at gradients that were finite
    stalled_at: float = math.inf

    @property
    def due(self) -> bool:
        """Whether new points are due."""
        return self.objective is None or self.age >= self.stage.kept

    @property
    def over(self) -> bool:
        """Whether the stage's own steps are spent."""
        return self.taken >= self.stage.steps


def _counted(found: str, times: int) -> str:
    """Return a note of what was found at one step, however often."""
    return found if times == 1 else f"{found} It was met {times} times there, with shorter steps each time."


class Trainer:
    """One run of training: a network, its loss, the points, the stages and the budget."""

    def __init__(
        self,
        loss: IntegralLoss,
        collocation: Collocation,
        held_out: Sequence[Sample],
        budget: Budget,
        balance: Balance | None = None,
        *,
        causal: CausalWeights | None = None,
    ) -> None:
        """Bind what a run needs; ``balance`` multiplies the terms, ``causal`` weighs their points, where given."""
        self._loss = loss
        self._network: nn.Module = loss.network
        self._collocation = collocation
        self._held_out = held_out
        self._budget = budget
        self._balance = balance
        self._causal = causal
        weight = next(self._network.parameters())
        self._place = weight.device, weight.dtype
        self.history = History(tuple(constraint.name for constraint in loss.problem.constraints))
        self._multipliers = [1.0] * len(loss.weights)
        self._terms: list[float] = []
        self._good = self._snapshot()
        self._best: tuple[float, list[Tensor]] | None = None
        self._losses: Counter[str] = Counter()
        self._start = 0.0

    def run(self, stages: Sequence[Optimizer], progress: ProgressDisplay) -> Outcome:
        """Run the stages one after the other, until a budget is spent, the tolerance is met, or the loss is lost."""
        self._start = time.monotonic()
        status, trouble = Status.BUDGET_SPENT, ""
        try:
            for stage in stages:
                status, trouble, last = self._stage(_Leg(stage, stage.start(self._network)), progress)
                if last:
                    break
            if status in {Status.BUDGET_SPENT, Status.STALLED}:
                self._return_to_best()
                status = self._verdict(status)
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
        return Outcome(status, self.history, trouble, tuple(_counted(*each) for each in self._losses.items()))

    def _stage(self, leg: _Leg, progress: ProgressDisplay) -> tuple[Status, str, bool]:
        """Run one stage; return how it ended, what went wrong, and whether the run ends with it."""
        attempts = 0
        while not leg.over:
            try:
                self._step(leg, progress)
            except _TimeIsUpError:
                return Status.BUDGET_SPENT, "", True
            except _LostError as lost:
                found = self._lost(leg, isinstance(lost, _LostGradientError))
                self._losses[found] += 1
                attempts += 1
                if attempts > ATTEMPTS:
                    return Status.DIVERGED, f"{found} {_WHERE_FIELDS_ARE}", True
                continue
            looks = len(self.history) % LOOK == 0 or (leg.stage.kept > 1 and leg.due)
            if looks and self._verdict(Status.BUDGET_SPENT) is Status.CONVERGED:
                return Status.CONVERGED, "", True
            if self._spent(len(self.history)):
                return Status.BUDGET_SPENT, "", True
            if leg.stepper.stalled:
                if not self._worthwhile(leg):
                    return Status.STALLED, "", False
            elif leg.stage.kept > 1 and (leg.due or leg.over):
                self._weigh()
        return Status.BUDGET_SPENT, "", False

    def _step(self, leg: _Leg, progress: ProgressDisplay) -> None:
        """Take one step of a stage, on new points where they are due."""
        if leg.due:
            drawn = self._collocation.draw(self._loss.magnitudes if leg.stage.kept > 1 else None)
            samples = [sample.to(*self._place) for sample in drawn]
            if self._causal is not None:
                samples = self._causal.emphasised(self._loss, samples, kept=leg.stage.kept > 1)
            self._rebalance(leg, samples)
            leg.objective, leg.age = Objective(self._loss, samples, self._multipliers, self._interrupt), 0
            leg.stepper.renewed()
        objective = cast(Objective, leg.objective)
        loss = leg.stepper.step(objective)
        self._terms = objective.stated
        if not math.isfinite(loss):
            raise _LostError
        terms = objective.terms_at(loss)
        spent = leg.taken + 1 >= leg.stage.steps or self._spent(len(self.history) + 1)
        dear = leg.stage.kept > 1  # what such a step took is worth more than a copy
        if (dear or spent or (len(self.history) + 1) % LOOK == 0) and not self._keep():
            raise _LostGradientError
        leg.taken, leg.age = leg.taken + 1, leg.age + 1
        self.history.record(math.fsum(terms), terms, time.monotonic() - self._start)
        progress.update(len(self.history), self.history.loss[-1], terms)

    def _rebalance(self, leg: _Leg, samples: Sequence[Sample]) -> None:
        """Let the balance look at the gradients of the terms, on new points, where its last look is long enough ago."""
        if self._balance is None or len(self._multipliers) < 2 or leg.taken - leg.looked < Balance.every:
            return
        squares, terms = [0.0] * len(self._multipliers), [0.0] * len(self._multipliers)
        for index in range(len(self._multipliers)):
            self._network.zero_grad(set_to_none=True)
            for part in self._loss.parts_of(index, samples[index]):
                descend(self._loss, index, part)
                terms[index] += float(part.detach())
            slopes = [weight.grad for weight in self._network.parameters() if weight.grad is not None]
            squares[index] = math.fsum(float(slope.double().square().sum()) for slope in slopes)
        norms = [math.sqrt(square) / weight for square, weight in zip(squares, self._loss.weights, strict=True)]
        if all(math.isfinite(norm) for norm in norms):  # else the next points tell more
            leg.looked = leg.taken
        self._balance.update(norms, terms)
        self._multipliers = list(self._balance.multipliers) or self._multipliers

    def _spent(self, step: int) -> bool:
        return (self._budget.steps is not None and step >= self._budget.steps) or self._out_of_time()

    def _out_of_time(self) -> bool:
        seconds = self._budget.seconds
        return seconds is not None and time.monotonic() - self._start >= seconds

    def _interrupt(self) -> None:
        """End a run in the middle of a step where its time is up; the step is undone."""
        if len(self.history) > 0 and self._out_of_time():
            raise _TimeIsUpError

    def _verdict(self, otherwise: Status) -> Status:
        """Return ``converged`` where a tolerance was given and every residual meets it on held-out points."""
        if self._budget.tolerance is None:
            return otherwise
        errors = self._loss.root_mean_squares(self._held_out)
        return Status.CONVERGED if all(error <= self._budget.tolerance for error in errors) else otherwise

    def _worthwhile(self, leg: _Leg) -> bool:
        """Tell whether a stalled stage should go on with new points: where it got further than at its last stall."""
        reached = self._weigh()
        onwards = leg.stage.kept > 1 and reached < (1.0 - WORTHWHILE) * leg.stalled_at
        leg.stalled_at, leg.age = reached, leg.stage.kept
        return onwards

    def _lost(self, leg: _Leg, in_gradient: bool) -> str:
        """Go back to the last good weights and to shorter steps; return a sentence that says what was lost first."""
        self._set(self._good)
        leg.stepper.soften()
        leg.objective = None
        terms = zip(self.history.names, self._terms, strict=True)
        bad = next((name for name, term in terms if not math.isfinite(term)), None)
        what = "gradient" if in_gradient or bad is None else "loss"
        cause = (
            "Usual cause: a root, a power or a norm of something that is zero at a point, where the slope is infinite."
            if bad is None
            else f'The first term to go was "{bad}".'
        )
        return (
            f"the {what} of {self._loss.problem.where} was no longer finite at step {len(self.history) + 1} "
            f"({leg.stage}).\n  {cause}\n  {leg.stage.remedy}"
        )

    def _weigh(self) -> float:
        """Return the loss on held-out points; keep a copy of the weights where it is the lowest so far."""
        reached = math.fsum(self._loss.terms(self._held_out))
        if math.isfinite(reached) and (self._best is None or reached < self._best[0]):
            self._best = reached, self._snapshot()
        return reached

    def _return_to_best(self) -> None:
        """Take the lowest on held-out points of all weights at which points were left, and of those at the end."""
        if self._best is not None:
            self._weigh()
            self._set(self._best[1])

    def _keep(self) -> bool:
        """Copy the weights where all are finite; tell whether they are."""
        weights = self._snapshot()
        finite = all(bool(torch.isfinite(weight).all()) for weight in weights)
        self._good = weights if finite else self._good
        return finite

    def _set(self, weights: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for weight, wanted in zip(self._network.parameters(), weights, strict=True):
                weight.copy_(wanted)

    def _snapshot(self) -> list[Tensor]:
        return [weight.detach().clone() for weight in self._network.parameters()]
