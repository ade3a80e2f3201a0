"""L-BFGS (Liu & Nocedal 1989): the inverse curvature from the last steps alone, for networks too large for a matrix."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from torch import Tensor, nn

from sirenpde.training.optimizer import require_count
from sirenpde.training.quasi_newton import InverseHessian, QuasiNewton, QuasiNewtonStepper


@dataclass(frozen=True, kw_only=True)
class LBFGS(QuasiNewton):
    """L-BFGS with a strong Wolfe line search.

    It keeps 16 m P bytes for P weights. Give ``dtype="float64"``: in float32 it works, but the line search fails, and
    the stage ends, as soon as differences of the loss are rounding, at a relative residual of about 1e-3.

    Attributes:
        steps: The stage's budget of steps. A step evaluates the loss once or a few times.
        memory: m, how many steps are remembered.
        renew: For how many steps the points stay the same.
    """

    memory: int = 50

    def __post_init__(self) -> None:
        """Refuse a memory that is no positive integer."""
        super().__post_init__()
        require_count(self, "memory", most=10**4)

    def start(self, network: nn.Module) -> QuasiNewtonStepper:
        """Return a stepper for all weights of a network."""
        return QuasiNewtonStepper(network, LimitedInverseHessian(self.memory))


class LimitedInverseHessian(InverseHessian):
    """H as the last m pairs (s, y), applied by the recursion in two loops."""

    def __init__(self, memory: int) -> None:
        """Start from the identity."""
        self._pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=memory)

    def reset(self) -> None:
        """Forget all pairs."""
        self._pairs.clear()

    def direction(self, gradient: Tensor) -> Tensor:
        """Return −H g."""
        vector, shares = -gradient, []
        for moved, change, rise in reversed(self._pairs):
            share = float(moved @ vector) / rise
            vector = vector - share * change
            shares.append(share)
        if self._pairs:
            _, change, rise = self._pairs[-1]
            vector = vector * (rise / float(change @ change))
        for (moved, change, rise), share in zip(self._pairs, reversed(shares), strict=True):
            vector = vector + (share - float(change @ vector) / rise) * moved
        return vector

    def advance(self, direction: Tensor, step: float, before: Tensor, after: Tensor) -> Tensor:
        """Remember a step along which the slope rose; return −H₊ g₊."""
        moved, change = step * direction, after - before
        rise = float(moved @ change)
        if rise > 0:
            self._pairs.append((moved, change, rise))
        return self.direction(after)
