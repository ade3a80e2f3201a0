"""The training loop: draw points, add up the loss and its gradient in chunks, step, record.

This is the only file that calls ``backward`` and ``step``. Non-finite losses are never stepped on: the run goes back to
the last good weights and ends.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from sirenpde.errors import ResidualError, ResourceError
from sirenpde.regions.region import Sample
from sirenpde.training.collocation import Collocation
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.optimizer import Optimizer
from sirenpde.training.progress import ProgressDisplay
from sirenpde.training.status import History, Status

#: Steps between two looks at held-out points, and between two copies of the weights.
LOOK = 50


@dataclass(frozen=True)
class Budget:
    """What a run may spend.

    Attributes:
        steps: Steps in all; None leaves it to the stages.
        seconds: Wall time; None for no limit. A run ends at the first step after it.
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
    """

    status: Status
    history: History
    trouble: str = ""


class Trainer:
    """One run of training: a network, its loss, the points, the stages and the budget."""

    def __init__(
        self, loss: IntegralLoss, collocation: Collocation, held_out: Sequence[Sample], budget: Budget
    ) -> None:
        """Bind what a run needs."""
        self._loss = loss
        self._network: nn.Module = loss.network
        self._collocation = collocation
        self._held_out = held_out
        self._budget = budget
        weight = next(self._network.parameters())
        self._place = weight.device, weight.dtype
        self.history = History(tuple(constraint.name for constraint in loss.problem.constraints))
        self._terms: list[float] = []
        self._good = self._snapshot()

    def run(self, stages: Sequence[Optimizer], progress: ProgressDisplay) -> Outcome:
        """Run the stages one after the other, until a budget is spent, the tolerance is met, or the loss is lost."""
        start = time.monotonic()
        status, trouble = Status.BUDGET_SPENT, ""
        try:
            for stage in stages:
                ended = self._stage(stage, start, progress)
                if ended is not None:
                    status, trouble = ended
                    break
            else:
                status = self._verdict(Status.BUDGET_SPENT)
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
        return Outcome(status, self.history, trouble)

    def _stage(self, stage: Optimizer, start: float, progress: ProgressDisplay) -> tuple[Status, str] | None:
        """Run one stage; return how the run ended, or None where the next stage goes on."""
        stepper = stage.start(self._network)
        for number in range(1, stage.steps + 1):
            samples = [sample.to(*self._place) for sample in self._collocation.draw()]
            loss = stepper.step(partial(self._objective, samples))
            if not math.isfinite(loss):
                return self._lost(stage)
            step = len(self.history) + 1
            self.history.record(loss, self._terms, time.monotonic() - start)
            progress.update(step, loss, self._terms)
            looks, spent = step % LOOK == 0, self._spent(step, self.history.seconds[-1])
            if (looks or spent or number == stage.steps) and not self._keep():
                return self._lost(stage)
            if looks and self._verdict(Status.BUDGET_SPENT) is Status.CONVERGED:
                return Status.CONVERGED, ""
            if spent:
                return self._verdict(Status.BUDGET_SPENT), ""
        return None

    def _objective(self, samples: Sequence[Sample]) -> float:
        """Return the loss on the samples, and leave its gradient on the weights."""
        self._network.zero_grad(set_to_none=True)
        terms: list[Tensor | float] = [0.0] * len(self._loss.weights)
        for index, part in self._loss.parts(samples):
            self._descend(index, part)
            terms[index] = terms[index] + part.detach().double()
        self._terms = [float(term) for term in terms]
        return math.fsum(self._terms)

    def _descend(self, index: int, part: Tensor) -> None:
        """Add the gradient of a part of the loss to that of the weights."""
        try:
            part.backward()
        except RuntimeError as error:
            where = self._loss.problem.traced[index].surroundings.where
            if isinstance(error, torch.OutOfMemoryError):
                msg = f"{where} ran out of memory in the backward pass: {error}"
                raise ResourceError(msg) from error
            msg = (
                f"{where} gave a loss that cannot be differentiated: {error}\n  Usual cause: a quantity that was kept "
                "from an earlier call, or a residual or penalty that leaves the graph. Compute everything afresh."
            )
            raise ResidualError(msg) from error

    def _spent(self, step: int, seconds: float) -> bool:
        steps, limit = self._budget.steps, self._budget.seconds
        return (steps is not None and step >= steps) or (limit is not None and seconds >= limit)

    def _verdict(self, otherwise: Status) -> Status:
        """Return ``converged`` where a tolerance was given and every residual meets it on held-out points."""
        if self._budget.tolerance is None:
            return otherwise
        errors = self._loss.root_mean_squares(self._held_out)
        return Status.CONVERGED if all(error <= self._budget.tolerance for error in errors) else otherwise

    def _lost(self, stage: Optimizer) -> tuple[Status, str]:
        """Go back to the last good weights, and say which term was lost first."""
        with torch.no_grad():
            for weight, good in zip(self._network.parameters(), self._good, strict=True):
                weight.copy_(good)
        terms = zip(self.history.names, self._terms, strict=True)
        bad = next((name for name, term in terms if not math.isfinite(term)), None)
        what, step = ("gradient", len(self.history)) if bad is None else ("loss", len(self.history) + 1)
        cause = (
            "Usual cause: a root, a power or a norm of something that is zero at a point, where the slope is infinite."
            if bad is None
            else f'The first term to go was "{bad}".'
        )
        return Status.DIVERGED, (
            f"the {what} of {self._loss.problem.where} was no longer finite at step {step} ({stage}).\n  {cause}\n"
            "  Lower the learning rate or its weight. The last good fields are in error.solution; "
            "solve(…, throw=False) returns them."
        )

    def _keep(self) -> bool:
        """Copy the weights where all are finite; tell whether they are."""
        weights = self._snapshot()
        finite = all(bool(torch.isfinite(weight).all()) for weight in weights)
        self._good = weights if finite else self._good
        return finite

    def _snapshot(self) -> list[Tensor]:
        return [weight.detach().clone() for weight in self._network.parameters()]
