"""Adam (Kingma & Ba 2015), on every weight."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from sirenpde.errors import UsageError
from sirenpde.training.optimizer import FirstOrder, FirstOrderStepper


@dataclass(frozen=True, kw_only=True)
class Adam(FirstOrder):
    """Adam with bias-corrected moments.

    Attributes:
        steps: The stage's budget of steps.
        lr: The learning rate at the first step. At ω = 30 and width 256 a rate of 1e-3 changes a weight by a third of
            its spread per step: the network is fragile above it.
        schedule: ``"cosine"`` or ``"constant"``.
        first_lr: The learning rate of the first layer; ``lr`` if None.
        betas: How long the averages of the gradient and of its square remember.
    """

    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        """Refuse moments outside [0, 1)."""
        super().__post_init__()
        if (
            not isinstance(self.betas, tuple | list)
            or len(self.betas) != 2
            or not all(isinstance(beta, float | int) and 0 <= beta < 1 for beta in self.betas)
        ):
            msg = f"Adam(betas={self.betas!r}): expected two numbers from 0 to below 1, such as betas=(0.9, 0.999)."
            raise UsageError(msg)

    def start(self, network: nn.Module) -> FirstOrderStepper:
        """Return a stepper for all weights of a network."""
        groups = self.groups(network, list(network.parameters()), self.lr)
        return FirstOrderStepper(self, [torch.optim.Adam(groups, betas=self.betas)])
