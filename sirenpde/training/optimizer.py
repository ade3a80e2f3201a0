"""What an optimizer is: a declaration with a budget of steps, and the stepper that it starts on a network."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from sirenpde.errors import UsageError, finite_number, is_count, kind_of, shown
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.siren import SirenNetwork
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.objective import Objective

SCHEDULES = ("cosine", "constant")


class Stepper(abc.ABC):
    """An optimizer at work on one network.

    Attributes:
        stalled: Whether another step on the same points would bring nothing.
    """

    stalled: bool = False

    @abc.abstractmethod
    def step(self, objective: Objective) -> float:
        """Take one step; return the loss before it."""

    @abc.abstractmethod
    def renewed(self) -> None:
        """Take note that the objective is another one: other points, or other weights of its terms."""

    @abc.abstractmethod
    def soften(self) -> None:
        """Start anew from the present weights with shorter steps, after a loss that was not finite."""


@dataclass(frozen=True, kw_only=True)
class Optimizer(abc.ABC):
    """A declared optimizer, usable alone or as one of a list of stages.

    Attributes:
        steps: The stage's budget of steps.
    """

    steps: int = 1000

    def __post_init__(self) -> None:
        """Refuse a budget that is no positive integer."""
        require_count(self, "steps")

    @property
    def kept(self) -> int:
        """For how many steps the points stay the same."""
        return 1

    @property
    def remedy(self) -> str:
        """What to do where the loss was no longer finite."""
        return "It has no learning rate to lower: lower the weight, or train for longer with sp.Muon(…) before."

    def require(self, network: nn.Module, residuals: int) -> None:
        """Refuse a network that this method cannot train on so many residuals; ``solve`` asks before any training."""
        del network, residuals  # most methods take any

    def require_loss(self, loss: IntegralLoss) -> None:
        """Refuse a loss that this method cannot lower; ``solve`` asks before any training."""
        del loss  # most methods take any

    @abc.abstractmethod
    def start(self, network: nn.Module) -> Stepper:
        """Return a stepper for the weights of a module that holds the network."""


@dataclass(frozen=True, kw_only=True)
class OnKeptPoints(Optimizer):
    """An optimizer on points that stay the same for a while.

    Attributes:
        renew: For how many steps the points stay the same.
    """

    renew: int = 500

    def __post_init__(self) -> None:
        """Refuse an interval that is no positive integer."""
        super().__post_init__()
        require_count(self, "renew")

    @property
    def kept(self) -> int:
        """For how many steps the points stay the same."""
        return self.renew


@dataclass(frozen=True, kw_only=True)
class FirstOrder(Optimizer):
    """An optimizer with a learning rate.

    Attributes:
        lr: The learning rate at the first step.
        schedule: ``"cosine"`` lowers it to zero over the stage; ``"constant"`` keeps it.
        first_lr: The learning rate of the first layer, which holds the frequencies; ``lr`` if None. A step moves a
            frequency by up to first ω times this rate, in radians per unit, so a large first ω needs a small one.
    """

    lr: float = 1e-3
    schedule: str = "cosine"
    first_lr: float | None = None

    def __post_init__(self) -> None:
        """Refuse a rate that is not positive, and an unknown schedule."""
        super().__post_init__()
        require_rate(self, "lr", self.lr)
        if self.first_lr is not None:
            require_rate(self, "first_lr", self.first_lr)
        if self.schedule not in SCHEDULES:
            msg = f'{type(self).__name__}(schedule={self.schedule!r}): expected "cosine" or "constant".'
            raise UsageError(msg)

    @property
    def remedy(self) -> str:
        """What to do where the loss was no longer finite."""
        return "Lower the learning rate or its weight."

    def groups(self, network: nn.Module, weights: Sequence[nn.Parameter], lr: float) -> list[dict[str, Any]]:
        """Return weights as parameter groups of a torch optimizer: those of the first layer, and the others.

        Raises:
            UsageError: If a rate for the first layer is given and the network is no SIREN, whose first layer is known.
        """
        if self.first_lr is None:
            return [{"params": list(weights), "lr": lr}]
        siren = siren_of(network)
        if siren is None:
            got = kind_of(own_network(network))
            msg = f"{type(self).__name__}(first_lr={self.first_lr!r}) needs an sp.Siren; got {got}."
            raise UsageError(msg)
        layer, _ = siren.sine_layers[0]
        first = [weight for weight in weights if weight is layer.weight or weight is layer.bias]
        rest = [weight for weight in weights if not any(weight is other for other in first)]
        return [{"params": first, "lr": self.first_lr}, {"params": rest, "lr": lr}]

    def factor(self, step: int) -> float:
        """Return what the learning rate is multiplied by at a step of the stage, counted from 0."""
        if self.schedule == "constant":
            return 1.0
        return 0.5 * (1.0 + math.cos(math.pi * min(step, self.steps) / self.steps))


class FirstOrderStepper(Stepper):
    """Torch optimizers that each hold some of the weights, under one schedule."""

    def __init__(self, declaration: FirstOrder, optimizers: list[torch.optim.Optimizer]) -> None:
        """Start the schedule."""
        self._optimizers = optimizers
        self._softened = 1.0
        self._schedulers = [
            torch.optim.lr_scheduler.LambdaLR(each, lambda step: self._softened * declaration.factor(step))
            for each in optimizers
        ]

    def step(self, objective: Objective) -> float:
        """Evaluate once, and move along what the optimizers make of the gradient."""
        loss = objective()
        if math.isfinite(loss):
            for stepper in [*self._optimizers, *self._schedulers]:
                _advance(stepper)
        return loss

    def renewed(self) -> None:
        """Go on: each step evaluates anew."""

    def soften(self) -> None:
        """Halve the learning rates, and forget the moments."""
        self._softened /= 2.0
        for optimizer in self._optimizers:
            optimizer.state.clear()
            for group in optimizer.param_groups:
                group["lr"] /= 2.0


def siren_of(module: nn.Module) -> SirenNetwork | None:
    """Return the SIREN that a module is or holds and that is trained; None where there is none, or several."""
    sirens = [
        each
        for each in module.modules()
        if isinstance(each, SirenNetwork) and any(weight.requires_grad for weight in each.parameters())
    ]
    return sirens[0] if len(sirens) == 1 else None


def own_network(module: nn.Module) -> nn.Module:
    """Return the network that the user gave, without the conditions that are built in around it."""
    return module.network if isinstance(module, Ansatz) else module


def require_count(declaration: Optimizer, name: str, most: int = 10**9) -> None:
    """Refuse a number of a declaration that is no positive integer; its own default is the example."""
    count = getattr(declaration, name)
    if not is_count(count, most):
        kind = type(declaration)
        msg = f"{kind.__name__}({name}={count!r}): expected a positive integer, such as {name}={getattr(kind, name)}."
        raise UsageError(msg)


def require_double(what: str, number_type: torch.dtype, why: str) -> None:
    """Refuse a number type other than float64, and say what rounding would do."""
    if number_type != torch.float64:
        msg = f'{what} needs float64; got {str(number_type).removeprefix("torch.")}, {why}. Write dtype="float64".'
        raise UsageError(msg)


def require_rate(declaration: Optimizer, name: str, rate: object) -> None:
    """Refuse a learning rate that is no positive number."""
    if (finite_number(rate) or 0.0) <= 0:
        what = type(declaration).__name__
        msg = f"{what}({name}={shown(rate)}): expected a positive learning rate, such as {name}=1e-3."
        raise UsageError(msg)


def _advance(stepper: Any) -> None:
    stepper.step()
