"""What the quasi-Newton methods share: fixed points, one flat vector of weights, a line search, what to do on failure.

A method is a model of the inverse of the second derivatives, H. A step goes along −H ∇L as far as the line search
says; the change of the gradient along it corrects H.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sirenpde.training.line_search import LineTrial, strong_wolfe
from sirenpde.training.objective import Objective
from sirenpde.training.optimizer import OnKeptPoints, Stepper

#: Over this many steps on the same points the loss must fall by this part, or the stage has stalled.
PATIENCE = 100
PROGRESS = 1e-3

#: The first trial of a search is the last step times this, and at most 1.
LENGTHENED = 1.3


class InverseHessian(abc.ABC):
    """A model H of the inverse of the second derivatives, positive definite."""

    @abc.abstractmethod
    def direction(self, gradient: Tensor) -> Tensor:
        """Return −H g, of shape ``(P,)``."""

    @abc.abstractmethod
    def advance(self, direction: Tensor, step: float, before: Tensor, after: Tensor) -> Tensor:
        """Learn from a step and return −H₊ g₊.

        Args:
            direction: p = −H g, of shape ``(P,)``.
            step: α; the weights moved by α p.
            before: g, the gradient before the step.
            after: g₊, the gradient after it.
        """

    @abc.abstractmethod
    def reset(self) -> None:
        """Forget everything: H is the identity."""


@dataclass(frozen=True, kw_only=True)
class QuasiNewton(OnKeptPoints):
    """An optimizer that learns curvature from its own steps."""


class QuasiNewtonStepper(Stepper):
    """Steps along −H ∇L, each as long as the line search says."""

    def __init__(self, network: nn.Module, model: InverseHessian) -> None:
        """Start at the weights of a network."""
        self._weights = [weight for weight in network.parameters() if weight.requires_grad]
        self._model = model
        self._place = self._read()
        self._here: LineTrial | None = None
        self._direction: Tensor | None = None
        self._fresh = True  # H is the identity
        self._first = 1.0
        self._losses: list[float] = []

    def renewed(self) -> None:
        """Take note of other points: H stays, loss and gradient are those of other points."""
        self._here = self._direction = None
        self._losses = []
        self.stalled = False

    def soften(self) -> None:
        """Read the weights again and forget H: the first step after that is a short one."""
        self._place = self._read()
        self._model.reset()
        self._fresh = True
        self.renewed()

    def step(self, objective: Objective) -> float:
        """Search along the direction; return the loss before it.

        Whatever interrupts the search, the weights are those of the last step that was taken.
        """
        try:
            here = self._here or self._evaluate(objective, self._place, torch.zeros_like(self._place), 0.0)
            if not math.isfinite(here.loss) or not bool(torch.isfinite(here.gradient).all()):
                return math.nan
            self._here = here
            self._search(objective, here)
        finally:
            self._write(self._place)
        self._judge(here.loss)
        return here.loss

    def _search(self, objective: Objective, here: LineTrial) -> None:
        """Move to where a line search ends; where it fails, forget H, and where that was done before, stall."""
        direction = self._direction if self._direction is not None else self._model.direction(here.gradient)
        slope = float(direction @ here.gradient)
        if not slope < 0:
            self._fail()
            return
        first = min(1.0, 1.0 / float(here.gradient.abs().sum())) if self._fresh else self._first
        start = LineTrial(0.0, here.loss, slope, here.gradient)
        found = strong_wolfe(lambda step: self._evaluate(objective, self._place, direction, step), start, first)
        if found is start:
            self._fail()
            return
        self._place = self._place + found.step * direction
        self._direction = self._model.advance(direction, found.step, here.gradient, found.gradient)
        self._here = found
        self._first = 1.0 if self._fresh else min(1.0, LENGTHENED * found.step)
        self._fresh = False

    def _fail(self) -> None:
        """Forget H once; the second failure in a row is the end."""
        if self._fresh:
            self.stalled = True
        self._model.reset()
        self._fresh, self._direction = True, None

    def _judge(self, loss: float) -> None:
        """Stall where the loss has hardly fallen for long."""
        self._losses.append(loss)
        if len(self._losses) > PATIENCE and loss > (1.0 - PROGRESS) * self._losses[-1 - PATIENCE]:
            self.stalled = True

    def _evaluate(self, objective: Objective, place: Tensor, direction: Tensor, step: float) -> LineTrial:
        """Return loss, slope and gradient at a step from a place."""
        self._write(place + step * direction)
        loss = objective()
        gradient = torch.cat(
            [(torch.zeros_like(each) if each.grad is None else each.grad).flatten() for each in self._weights]
        ).to(torch.float64)
        return LineTrial(step, loss, float(gradient @ direction), gradient)

    def _read(self) -> Tensor:
        """Return the weights as one vector, of shape ``(P,)``, in float64."""
        return torch.cat([weight.detach().flatten() for weight in self._weights]).to(torch.float64)

    def _write(self, place: Tensor) -> None:
        """Set the weights to a copy of a vector: they are views of what they are set to."""
        with torch.no_grad():
            torch.nn.utils.vector_to_parameters(place.to(self._weights[0].dtype, copy=True), self._weights)


def trained(network: nn.Module) -> int:
    """Return P, the number of weights that are trained."""
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
