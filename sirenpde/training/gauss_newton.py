"""Gauss–Newton with damping: the residuals are taken as linear in the weights, which gives curvature for nothing.

A step solves (JᵀJ + λ D) δ = −Jᵀr, with D the diagonal of JᵀJ (Levenberg 1944; Marquardt 1963), averaged over each
layer so that it stands outside of the inner products of streams. After δ the residuals are not quite r + Jδ, as was
foretold. What they miss, e, is taken back by −(JᵀJ + λ D)⁻¹ Jᵀe, again and again with the same factorisation
(second-order corrections, Fletcher 1982), so that the weights follow the bent floor of a valley far beyond where it is
straight. λ falls where the model foretold the loss well, and rises where it did not, or where no place lowers the loss.

With fewer residuals than weights the same step is −D⁻¹Jᵀw, (J D⁻¹ Jᵀ + λ) w = r, in the space of the residuals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sirenpde.errors import UsageError, kind_of
from sirenpde.fields.ansatz import Ansatz
from sirenpde.fields.rows import Metric
from sirenpde.fields.tangent import Weights
from sirenpde.training.linearised import LinearisedLoss, LinearSystem
from sirenpde.training.loss import IntegralLoss
from sirenpde.training.memory import require_memory
from sirenpde.training.normal_equations import KernelSpace, NormalEquations, ResidualSpace, WeightSpace
from sirenpde.training.objective import Objective
from sirenpde.training.optimizer import OnKeptPoints, Stepper, own_network, require_double, siren_of

#: The first λ, and the least one.
FIRST, LEAST = 1e-3, 1e-15

#: Layers whose mean diagonal of JᵀJ is below this part of the largest count as this: nothing has moved them yet.
FLOOR = 1e-6

#: The longest correction, in units of δ: beyond, the path bends more than the step is long.
BEND = 0.375

#: The most corrections of a step. They go on as long as each leaves at most this part of what was missed, and end where
#: most of the gain that was foretold has come.
CORRECTIONS, CONTRACTION, MOST = 10, 0.9, 0.9

#: The part of D that is remembered from step to step, so that a direction that falls silent for a while stays damped.
REMEMBERED = 0.9

#: How often a step is tried with more damping before the stage has stalled.
TRIES = 30

#: The most weights per residual with which the Jacobian is stored in the space of the residuals: beyond, it would be
#: most of the memory, and its factors make the matrix in less than twice the time.
COLUMNS = 4

#: Over this many steps the loss must fall by this part, or the stage has stalled. They are ten renewals or so: new
#: points change the loss by as much as some steps do, and with 30 Burgers' equation stalled at 3.6e-5, 200 s too early.
PATIENCE, PROGRESS = 100, 1e-2


@dataclass(frozen=True, kw_only=True)
class GaussNewton(OnKeptPoints):
    """Damped Gauss–Newton with second-order corrections, in float64.

    The fastest finish for smooth problems, after some hundred steps of ``Muon`` or ``Adam``. A step costs as much as
    five to some twenty of ``SSBroyden``. For P weights and N residuals (components times points) it takes, at its peak,
    about 24 P (N + P) bytes where N ≥ P, and at most 24 N (N + P) where N < P. Beyond P = 4 N, and where that is
    cheaper, the Jacobian is never stored: 24 N² + 32 N W bytes, W being the inputs and outputs of all layers.

    Attributes:
        steps: The stage's budget of steps.
        renew: For how many steps the points stay the same. A step uses up what few points can say, so they are renewed
            more often than those of a quasi-Newton method.

    References:
        Fletcher 1982, Second order corrections for non-differentiable optimization, LNM 912. Transtrum & Sethna 2012,
        Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares minimization, arXiv 1201.5885,
        whose geodesic acceleration is the first correction of a short step. Müller & Zeinhofer 2023, Achieving High
        Accuracy with PINNs via Energy Natural Gradient Descent, ICML.
    """

    renew: int = 10

    def require(self, network: nn.Module, residuals: int) -> None:
        """Refuse what this method cannot train.

        Raises:
            UsageError: If the weights are not float64, or are not those of one SIREN.
            ResourceError: If its matrices do not fit into the memory.
        """
        weight = next(each for each in network.parameters() if each.requires_grad)
        require_double("GaussNewton", weight.dtype, "in which the squares of slopes are rounding")
        needed, what = memory_of(_weights(network), residuals)
        require_memory("GaussNewton", needed, what, weight.device, "sp.LBFGS(…) in its place, fewer points")

    def require_loss(self, loss: IntegralLoss) -> None:
        """Refuse a loss that is no sum of squares with slopes in closed form.

        Raises:
            UsageError: If a residual has no closed form, or a penalty is a function.
        """
        LinearisedLoss(loss)

    def start(self, network: nn.Module) -> GaussNewtonStepper:
        """Return a stepper for all weights of a network."""
        return GaussNewtonStepper(_weights(network))


def memory_of(weights: Weights, residuals: int) -> tuple[int, str]:
    """Return the bytes that a step takes at its peak, besides the evaluation of the loss, and their formula in words.

    Measured (docs/optimizers.md): a factorisation and what is made of its matrix are three matrices, J is there up to
    three times, in factors and parts as well. By factors there are four streams of each layer, as of a Laplacian in two
    coordinates. Where J is stored only if that is cheaper, this is the more of the two.

    Args:
        weights: Those of the network that is trained.
        residuals: N.
    """
    size, widths = sum(weights.sizes), sum(v + w for v, w in weights.shapes)
    rows, known = residuals, f"N = {residuals:,} residuals"
    if rows >= size:
        return 24 * size * (rows + size), f"24 P (N + P) bytes for {known} and P = {size:,} weights"
    if size <= COLUMNS * rows:
        return 24 * rows * (rows + size), f"24 N (N + P) bytes for {known} and P = {size:,} weights"
    what = f"24 N² + 32 N W bytes for {known} and W = {widths:,} inputs and outputs of all layers"
    return 24 * rows**2 + 32 * rows * widths, what


class GaussNewtonStepper(Stepper):
    """Steps of damped Gauss–Newton.

    Attributes:
        damping: λ.
    """

    def __init__(self, weights: Weights) -> None:
        """Start at the present weights."""
        self._weights = weights
        self.damping = FIRST
        self._peak: Tensor | None = None
        self._losses: list[float] = []

    def renewed(self) -> None:
        """Take note of other points: λ and D stay, for the curvature is nearly the same."""
        self.stalled = False

    def soften(self) -> None:
        """Start again with a damping as large as the curvature."""
        self.damping, self._peak, self._losses = 1.0, None, []
        self.stalled = False

    def step(self, objective: Objective) -> float:
        """Take the first step that lowers the loss, with more and more damping; return the loss before it.

        Whatever interrupts the step, the weights are those of the last one that was taken.
        """
        system = objective.linearised(self._weights)
        if not math.isfinite(system.loss):
            return math.nan
        here, damping = self._weights.read(), self.damping
        equations = self._equations(system)
        if self._peak is None or not bool(torch.isfinite(self._peak).all()):
            return math.nan  # an infinite slope, which more damping would not make finite
        step: _Step | None = None
        try:
            step = self._searched(system, equations, here)
        finally:
            self._weights.write(step.place if step else here)
            if step is None:
                self.damping = damping
        self.stalled = step is None or self._stalled_at(system.loss)
        return system.loss

    def _equations(self, system: LinearSystem) -> NormalEquations:
        """Return the normal equations in the smaller space; there by factors where J is dearer or too large."""
        sizes = self._weights.sizes
        means = system.mean_squares(sizes)
        self._peak = means if self._peak is None else torch.maximum(means, REMEMBERED * self._peak)
        metric = Metric(self._peak + FLOOR * self._peak.max(), sizes)
        count, size = len(system.residuals), sum(sizes)
        if count >= size:
            return WeightSpace(system, metric)
        cheaper = 2 * system.multiplications < count**2 * size  # a symmetric product does half the work
        return KernelSpace(system, metric) if cheaper or size > COLUMNS * count else ResidualSpace(system, metric)

    def _searched(self, system: LinearSystem, equations: NormalEquations, here: Tensor) -> _Step | None:
        """Return a step that lowers the loss, with more and more damping; None where there is none."""
        for _ in range(TRIES):
            step = self._corrected(system, equations, here) if equations.factorised(self.damping) else None
            if step is not None:
                self._adapt(step.gain)
                return step
            self.damping *= 4.0
        return None

    def _corrected(self, system: LinearSystem, equations: NormalEquations, here: Tensor) -> _Step | None:
        """Return the best place after δ and its corrections; None where none lowers the loss."""
        step = equations.solved(system.residuals)
        aim = system.residuals + equations.times(step)
        foretold = system.loss - system.loss_of(aim)
        place, longest, missed = here + step, BEND * float(step.norm()), math.inf
        best: _Step | None = None
        for left in reversed(range(1 + CORRECTIONS)):
            self._weights.write(place)
            residuals = system.again()
            gained = system.loss - system.loss_of(residuals)
            if gained > (best.gained if best else 0.0):
                best = _Step(place, gained, foretold)
            before, missed = missed, float((residuals - aim).norm())
            if not left or (best and best.gain > MOST) or not missed < CONTRACTION * before:
                break
            correction = equations.solved(residuals - aim)
            if not float(correction.norm()) <= longest:
                break
            place = place + correction
        return best

    def _adapt(self, gain: float) -> None:
        """Lower λ where the model foretold the gain, raise it where it promised four times too much."""
        if gain > 0.75:
            self.damping = max(self.damping / 2.0, LEAST)
        elif gain < 0.25:
            self.damping *= 2.0

    def _stalled_at(self, loss: float) -> bool:
        """Tell whether the least of the last losses is hardly below the least of those before, whatever the points."""
        self._losses.append(loss)
        earlier = self._losses[:-PATIENCE]
        if not earlier or min(self._losses[-PATIENCE:]) <= (1.0 - PROGRESS) * min(earlier):
            return False
        self._losses = []
        return True


@dataclass(frozen=True)
class _Step:
    """Weights that could be gone to, by how much the loss is lower there, and by how much the linear model says."""

    place: Tensor
    gained: float
    foretold: float

    @property
    def gain(self) -> float:
        """The part of what was foretold that came."""
        return self.gained / self.foretold if self.foretold > 0 else 0.0


def _weights(network: nn.Module) -> Weights:
    """Return the weights that are trained; refuse those that are not of one SIREN."""
    siren = siren_of(network)
    if siren is None:
        msg = f"GaussNewton needs an sp.Siren; got {kind_of(own_network(network))}. Write sp.LBFGS(…) in its place."
        raise UsageError(msg)
    frozen = sum(not weight.requires_grad for weight in siren.parameters())
    if frozen:
        msg = (
            f"GaussNewton trains all weights of a network; {frozen} of its tensors do not require a gradient.\n  Write "
            "sp.SSBroyden(…) or sp.LBFGS(…) in its place, which leave them as they are."
        )
        raise UsageError(msg)
    return Weights(siren, list(network.unknowns.raw) if isinstance(network, Ansatz) else [])
