"""Muon (Jordan et al. 2024) on the hidden matrices, Adam on all other weights.

Muon replaces the momentum of a matrix by the nearest orthogonal one, so that every direction of a layer learns at the
same pace. First and last layers and biases are no such maps between hidden spaces: they are left to Adam.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from sirenpde.errors import UsageError, kind_of
from sirenpde.training.optimizer import FirstOrder, FirstOrderStepper, own_network, require_rate, siren_of


@dataclass(frozen=True, kw_only=True)
class Muon(FirstOrder):
    """Muon with Nesterov momentum 0.95 and no weight decay on the hidden matrices; Adam on the rest.

    Attributes:
        steps: The stage's budget of steps.
        lr: The learning rate of the hidden matrices at the first step.
        schedule: ``"cosine"`` or ``"constant"``, of both rates.
        first_lr: The learning rate of the first layer; that of the rest if None.
        adam_lr: The learning rate of the rest at the first step; that of the hidden matrices if None.
    """

    adam_lr: float | None = None

    def __post_init__(self) -> None:
        """Refuse a rate that is not positive."""
        super().__post_init__()
        if self.adam_lr is not None:
            require_rate(self, "adam_lr", self.adam_lr)

    def start(self, network: nn.Module) -> FirstOrderStepper:
        """Return a stepper for all weights of a network.

        Raises:
            UsageError: If the network is no SIREN: which of its matrices are hidden is not known.
        """
        siren = siren_of(network)
        if siren is None:
            got = kind_of(own_network(network))
            msg = f"Muon needs an sp.Siren, whose hidden matrices it knows; got {got}. Use sp.Adam."
            raise UsageError(msg)
        hidden = siren.hidden_matrices
        rest = [weight for weight in network.parameters() if not any(weight is matrix for matrix in hidden)]
        muon = torch.optim.Muon(hidden, lr=self.lr, momentum=0.95, nesterov=True, weight_decay=0.0)
        return FirstOrderStepper(self, [muon, torch.optim.Adam(self.groups(network, rest, self.adam_lr or self.lr))])
