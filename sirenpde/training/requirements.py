"""What the optimizers of a run need, asked before any training: the number type, the memory, closed forms."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch

from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.correction import CorrectedNetwork
from sirenpde.statement.problem import Problem
from sirenpde.training.correction import Correction, Stage, optimizers_of
from sirenpde.training.linearised import number_of_residuals
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.networks import network_for


def require_trainable(stages: Sequence[Stage], problem: Problem, ansatz: Ansatz, counts: Mapping[str, int]) -> None:
    """Refuse a stage that could not train what it will be given: the first network, or a correction of it.

    Args:
        stages: All of them; those behind a correction train that.
        problem: Whose residuals are to vanish.
        ansatz: What the first stage trains.
        counts: Points per step, by constraint.

    Raises:
        UsageError: If an optimizer cannot train such a network or such a loss.
        ResourceError: If its matrices do not fit into the memory.
    """
    residuals = number_of_residuals(problem, counts)
    for stage in stages:
        ansatz = _corrected(problem, ansatz, stage) if isinstance(stage, Correction) else ansatz
        loss = IntegralLoss(problem, ansatz)
        for optimizer in optimizers_of([stage]):
            optimizer.require(ansatz, residuals)
            optimizer.require_loss(loss)


def _corrected(problem: Problem, ansatz: Ansatz, stage: Correction) -> Ansatz:
    """Return an ansatz as a correction will find it, up to the numbers in it; the one before stays trainable."""
    weight = next(ansatz.parameters())
    network = network_for(problem, stage.declared, dtype=weight.dtype, device=weight.device)
    scale = torch.ones(problem.layout.outputs, dtype=weight.dtype, device=weight.device)
    both = problem.ansatz(CorrectedNetwork(copy.deepcopy(ansatz.network), network, scale))
    return both.to(weight.device, weight.dtype)
