"""A second network for what the first leaves: Φ = Φ₁ + ε Φ₂, where Φ₁ has stalled and Φ₂ is trained on the same loss.

What Φ₁ leaves is small and varies fast. Φ₂ meets it at its own size and with its own frequencies: ε is what makes its
residual as large as the one that is left, and its first ω is that one's wavenumber.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sirenpde.errors import UsageError, kind_of
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.correction import CorrectedNetwork
from sirenpde.fields.siren import Siren, SirenNetwork
from sirenpde.regions.region import Sample
from sirenpde.statement.constraint import IntegralConstraint
from sirenpde.statement.problem import Problem
from sirenpde.training.bandwidth import residual_bandwidth
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.muon import Muon
from sirenpde.training.networks import network_for
from sirenpde.training.optimizer import Optimizer, siren_of
from sirenpde.training.ssbroyden import SSBroyden

#: Points per constraint on which the residual is measured.
POINTS = 1024

#: What is declared where nothing is said; its first ω is that of what is left.
AUTO = Siren(width=32, depth=2, omega=1.0, first_omega=4.0)

#: How Φ₂ is trained where nothing is said; the second stage ends by stalling.
AUTO_STAGES = (Muon(steps=300, lr=2e-3), SSBroyden(steps=2000))

#: The first ω is this part of the geometric mean of the one before and the wavenumber of what is left. For u'' = f that
#: is 10, and 8 is the best of 4, 8, 14, 25 and 45; for Poisson's equation on the square 7, and 8 is better than 16.
BETWEEN = 2 / 3

#: The bounds of the first ω.
LOWEST, HIGHEST = 4.0, 60.0

#: A displacement, as a part of half of a coordinate's extent, to measure how fast the residual varies: shorter than the
#: waves that matter, and so long that the difference of two small residuals is more than rounding.
DISPLACEMENT = 1e-2

#: A change of the field, as a part of its size, that is small for what is not linear and large for rounding.
CHANGE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A stage in which a second network corrects the first, whose weights are kept as they are.

    It stands in the list of stages behind those that trained the first network, alone or several in a row, each for
    what the one before leaves. One network in float64 stalls near 1e-8 of the field; this goes on below.

    Attributes:
        network: The declaration of Φ₂; ``"auto"`` takes its first ω from what is left.
        optimizer: How Φ₂ is trained: one optimizer or a list of stages.

    Raises:
        UsageError: If the network is no ``sp.Siren``, or a stage is no optimizer.

    Example:
        >>> from sirenpde.training.ssbroyden import SSBroyden
        >>> Correction(optimizer=SSBroyden(steps=500)).steps
        500

    References:
        Wang & Lai 2024, Multi-stage neural networks: Function approximator of machine precision, J. Comput. Phys. 504,
        112865.
    """

    network: Siren | str = "auto"
    optimizer: Optimizer | Sequence[Optimizer] | str = "auto"

    def __post_init__(self) -> None:
        """Refuse what is neither a declaration nor ``"auto"``."""
        if not _is_auto(self.network) and not isinstance(self.network, Siren):
            msg = f'Correction(network={kind_of(self.network)}): expected "auto" or an sp.Siren(…).'
            raise UsageError(msg)
        if not _is_auto(self.optimizer) and not all(isinstance(each, Optimizer) for each in self._listed or (None,)):
            msg = (
                f'Correction(optimizer={self.optimizer!r}): expected "auto", an optimizer such as '
                "sp.SSBroyden(steps=1000), or a list of such.\n  A second correction stands behind the first, in the "
                "list of stages of sp.solve."
            )
            raise UsageError(msg)

    @property
    def _listed(self) -> tuple[Any, ...]:
        given: Any = self.optimizer
        return tuple(given) if isinstance(given, list | tuple) else (given,)

    @property
    def stages(self) -> tuple[Optimizer, ...]:
        """The stages of Φ₂, up to what its size and the budget change in those that are chosen here."""
        return AUTO_STAGES if self.optimizer == "auto" else self._listed

    @property
    def declared(self) -> Siren:
        """The declaration of Φ₂, up to a first ω that is still to be chosen."""
        return self.network if isinstance(self.network, Siren) else AUTO

    @property
    def steps(self) -> int:
        """The steps of all its stages."""
        return sum(stage.steps for stage in self.stages)


Stage = Optimizer | Correction


def _is_auto(value: object) -> bool:
    return isinstance(value, str) and value == "auto"  # an array compares entry by entry


def optimizers_of(stages: Sequence[Stage]) -> tuple[Optimizer, ...]:
    """Return all optimizers of some stages, in their order."""
    return tuple(each for stage in stages for each in (stage.stages if isinstance(stage, Correction) else (stage,)))


def stage_settings(stage: Stage) -> dict[str, Any]:
    """Return what a stage was declared with, as plain numbers and text."""
    if isinstance(stage, Optimizer):
        return {"name": type(stage).__name__, **asdict(stage)}
    network = stage.network if isinstance(stage.network, str) else asdict(stage.network)
    return {"name": "Correction", "network": network, "optimizer": [stage_settings(each) for each in stage.stages]}


def correct(ansatz: Ansatz, problem: Problem, declaration: Correction, samples: Sequence[Sample], seed: int) -> None:
    """Replace the network of an ansatz by its sum with a correction, and let unknown numbers move by as little.

    Args:
        ansatz: What is trained.
        problem: Whose residuals are to fall.
        declaration: The correction.
        samples: Points of every constraint on which the residual is measured.
        seed: Of the weights of the correction.
    """
    left = Remainder(ansatz, problem, samples)
    declared = suited(ansatz, left.loss) if declaration.network == "auto" else declaration.declared
    network = left.built(declared, seed)
    steps, scale = left.steps(), left.scale(network)
    with torch.no_grad():  # the sum starts at what was reached
        network.last.weight.zero_()
        network.last.bias.zero_()
    ansatz.unknowns = ansatz.unknowns.nearby(steps)
    ansatz.network = CorrectedNetwork(ansatz.network, network, scale)


def suited(ansatz: Ansatz, loss: IntegralLoss) -> Siren:
    """Return the declaration of a correction of the present network.

    Its first ω lies between that of the network it corrects and the wavenumber of what is left, which is overstated by
    the places where the residual is steepest, such as the edges.
    """
    constraints = loss.problem.constraints
    whole = max(each.on.dimension for each in constraints)  # a point that moves leaves an edge
    wavenumber = residual_bandwidth(
        loss, DISPLACEMENT, [m for m, each in enumerate(constraints) if each.on.dimension == whole]
    )
    siren = siren_of(ansatz)
    before = LOWEST if siren is None else siren.declaration.first_omega
    return replace(AUTO, first_omega=min(max(BETWEEN * math.sqrt(before * wavenumber), LOWEST), HIGHEST))


class Remainder:
    """The residual that a field leaves at some points, and how it answers to small changes.

    Attributes:
        loss: Of the field.
    """

    def __init__(self, ansatz: Ansatz, problem: Problem, samples: Sequence[Sample]) -> None:
        """Evaluate the residual."""
        self.loss = IntegralLoss(problem, ansatz)
        self._ansatz = ansatz
        constraints = list(enumerate(problem.constraints))
        # Measurements are never met exactly, and what is averaged need not vanish at any point.
        posed = [m for m, each in constraints if not each.on.data_shapes and not isinstance(each, IntegralConstraint)]
        self._samples = {m: samples[m].part(0, POINTS) for m in posed or range(len(samples))}
        self._weights = {m: self.loss.weights[m] * constraints[m][1].measure for m in self._samples}
        self._values = self._residual()
        with torch.no_grad():
            fields = torch.cat([ansatz.network(sample.points) for sample in self._samples.values()])
        sizes = fields.square().mean(0).sqrt()
        self._changes = CHANGE * torch.where(sizes > 0, sizes, torch.ones_like(sizes))

    def built(self, declaration: Siren, seed: int) -> SirenNetwork:
        """Return a network of the same fields, in their number type and place."""
        like = self._changes
        return network_for(self.loss.problem, declaration, seed=seed, dtype=like.dtype, device=like.device)

    def scale(self, network: SirenNetwork) -> Tensor:
        """Return ε, shape ``(o,)``: what makes the residual of a correction as large as the one that is left."""
        found = [self._size / self._norm(self._answer(network, column)) for column in range(len(self._changes))]
        return torch.tensor(found, dtype=self._changes.dtype, device=self._changes.device)

    def steps(self) -> list[float]:
        """Return, per unknown number, the change of its parameter that changes the residual by its size."""
        found = []
        for parameter in self._ansatz.unknowns.raw:
            with torch.no_grad():
                before = parameter.clone()
                try:
                    parameter.add_(CHANGE)
                    found.append(self._size / self._norm((self._residual() - self._values) / CHANGE))
                finally:
                    parameter.copy_(before)
        return found

    @property
    def _size(self) -> float:
        return self._norm(self._values)

    def _norm(self, values: Tensor) -> float:
        """Return a norm; 1 where it says nothing."""
        size = float(values.norm())
        return size if 0 < size < math.inf else 1.0

    def _answer(self, network: SirenNetwork, column: int) -> Tensor:
        """Return the derivative of the residual along one component of a network."""
        base, change = self._ansatz.network, torch.zeros_like(self._changes)
        change[column] = self._changes[column]
        self._ansatz.network = CorrectedNetwork(base, network, change)
        try:
            return (self._residual() - self._values) / change[column]
        finally:
            self._ansatz.network = base

    def _residual(self) -> Tensor:
        """Return the residuals of all constraints in a row, so weighed that the sum of their squares is the loss."""
        loss, rows = IntegralLoss(self.loss.problem, self._ansatz), []
        with torch.no_grad():
            for m, sample in self._samples.items():
                factor = math.sqrt(self._weights[m] / len(sample))
                rows += [factor * part.flatten() for part in loss.residuals(m, sample)]
        return torch.cat(rows)
