"""The stages of a run, one after the other: optimizers, and corrections by further networks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from sirenpde.fields.ansatz import Ansatz
from sirenpde.regions.region import Sample
from sirenpde.statement.problem import Problem
from sirenpde.training.correction import Correction, Stage, correct
from sirenpde.training.loop import Budget, Outcome, Trainer
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.optimizer import Optimizer
from sirenpde.training.progress import ProgressDisplay
from sirenpde.training.reproducibility import derived_seed
from sirenpde.training.status import History, Status

#: Return the training of one network, under its loss and what is left of the budget.
Start = Callable[[IntegralLoss, Budget], Trainer]


class Course:
    """One run through all stages: a training of the network, and one of each correction.

    A correction that ends no lower than it began, or whose loss was lost, is taken away again.
    """

    def __init__(
        self, problem: Problem, ansatz: Ansatz, held_out: Sequence[Sample], budget: Budget, start: Start, *, seed: int
    ) -> None:
        """Bind what a run needs; the network of the ansatz is replaced by the sum with each correction."""
        self._problem = problem
        self._ansatz = ansatz
        self._held_out = held_out
        self._budget = budget
        self._start = start
        self._seed = seed
        self._began = 0.0
        self._corrections = 0
        self.history = History(tuple(constraint.name for constraint in problem.constraints))
        self._notes: list[str] = []

    def run(self, stages: Sequence[Stage], progress: ProgressDisplay) -> Outcome:
        """Run all stages, until a budget is spent, the tolerance is met, or the loss of the first network is lost."""
        self._began = time.monotonic()
        outcome = Outcome(Status.BUDGET_SPENT, self.history)
        try:
            legs = _legs(stages)
            for number, (correction, optimizers) in enumerate(legs, start=1):
                if correction is None:
                    outcome = self._train(optimizers, IntegralLoss(self._problem, self._ansatz), 1.0, progress)
                else:
                    outcome = self._corrected(correction, optimizers, progress)
                if outcome.status not in {Status.BUDGET_SPENT, Status.STALLED}:
                    break
                if spent := self._spent():
                    self._note_left_out(len(legs) - number, spent)
                    break
        except KeyboardInterrupt:  # between two trainings, which look after themselves
            outcome = Outcome(Status.INTERRUPTED, self.history)
        return Outcome(outcome.status, self.history, outcome.trouble, tuple(self._notes))

    def _corrected(self, correction: Correction, optimizers: Sequence[Optimizer], progress: ProgressDisplay) -> Outcome:
        """Add a correction and train it; where that brought nothing, take it away."""
        before, take_away = self._reached(), self._undoing()
        self._corrections += 1
        seed = derived_seed(self._seed, f"weights of correction {self._corrections}")
        try:
            correct(self._ansatz, self._problem, correction, self._held_out, seed)
            scale = 2.0 ** -round(math.log2(before)) if 0 < before < math.inf else 1.0
            outcome = self._train(optimizers, IntegralLoss(self._problem, self._ansatz), scale, progress)
            after = self._reached()
        except KeyboardInterrupt:  # nobody knows yet whether it is any good
            take_away()
            raise
        if outcome.status is not Status.DIVERGED and after < before:
            self._notes.append(f"correction {self._corrections} lowered the loss from {before:.2g} to {after:.2g}.")
            return outcome
        self._notes.append(f"correction {self._corrections} was taken away: it left the loss at {after:.2g}.")
        take_away()
        # Where it diverged, what was corrected is as good as it was.
        return Outcome(Status.STALLED, self.history) if outcome.status is Status.DIVERGED else outcome

    def _note_left_out(self, left: int, spent: str) -> None:
        for number in range(self._corrections + 1, self._corrections + left + 1):
            self._notes.append(f"correction {number} did not begin: {spent} before it.")

    def _undoing(self) -> Callable[[], None]:
        """Return what takes the next correction away again."""
        network, numbers = self._ansatz.network, self._ansatz.unknowns
        trained = [weight for weight in network.parameters() if weight.requires_grad]

        def undo() -> None:
            self._ansatz.network, self._ansatz.unknowns = network, numbers
            for weight in trained:
                weight.requires_grad_()

        return undo

    def _train(
        self, optimizers: Sequence[Optimizer], loss: IntegralLoss, scale: float, progress: ProgressDisplay
    ) -> Outcome:
        """Train the present network, its loss multiplied by a scale: first-order steps stop at numbers near 1e-16."""
        loss.weights = [scale * weight for weight in loss.weights]
        trainer = self._start(loss, self._left())
        offset = time.monotonic() - self._began
        progress.resume(len(self.history), 1.0 / scale)
        outcome = trainer.run(optimizers, progress)
        self.history.extend(outcome.history, 1.0 / scale, offset)
        self._notes.extend(outcome.notes)
        return outcome

    def _reached(self) -> float:
        """Return the loss on held-out points."""
        return math.fsum(IntegralLoss(self._problem, self._ansatz).terms(self._held_out))

    def _left(self) -> Budget:
        steps, seconds = self._budget.steps, self._budget.seconds
        return Budget(
            None if steps is None else steps - len(self.history),
            None if seconds is None else max(0.0, seconds - (time.monotonic() - self._began)),
            self._budget.tolerance,
        )

    def _spent(self) -> str:
        """Return what was spent, in words; empty where there is some left of everything."""
        left = self._left()
        if left.steps is not None and left.steps <= 0:
            return "the steps were spent"
        return "the time was spent" if left.seconds is not None and left.seconds <= 0 else ""


def _legs(stages: Sequence[Stage]) -> list[tuple[Correction | None, list[Optimizer]]]:
    """Return the trainings: what is corrected, None for the first network, and by which optimizers."""
    legs: list[tuple[Correction | None, list[Optimizer]]] = []
    for stage in stages:
        if isinstance(stage, Correction):
            legs.append((stage, list(stage.stages)))
        elif legs:
            legs[-1][1].append(stage)
        else:
            legs.append((None, [stage]))
    return legs
