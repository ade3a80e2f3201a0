"""Self-scaled Broyden: a dense model of the inverse curvature, rescaled before every correction.

With p = −H g, s = α p, y = g₊ − g:

    b = −α sᵀg / sᵀy,  h = yᵀHy / sᵀy,  a = b h − 1,  c = √(a / (1 + a)),  ρ = min(1, h (1 − c)),
    θ = max((ρ − 1)/a, min(1/ρ, (1 − b)/b)),  σ = 1 + a θ,  φ = (1 − θ)/σ,  τ₁ = min(1, 1/b),
    τ = τ₁ min(σ^(−1/(P−1)), 1/θ) where θ > 0, else min(τ₁ σ^(−1/(P−1)), σ),
    H₊ = (H − Hy yᵀH / yᵀHy + φ v vᵀ)/τ + s sᵀ/sᵀy,   v = √(yᵀHy) (s / sᵀy − Hy / yᵀHy).

θ = 0 and τ = 1 is BFGS.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sirenpde.training.memory import require_memory
from sirenpde.training.optimizer import require_double
from sirenpde.training.quasi_newton import InverseHessian, QuasiNewton, QuasiNewtonStepper, trained

#: Below this, s and Hy are parallel, and all members of the family are one.
PARALLEL = 1e-14


@dataclass(frozen=True, kw_only=True)
class SSBroyden(QuasiNewton):
    """Self-scaled Broyden (Al-Baali 1998; Urban, Stefanou & Pons 2025), for small networks in float64.

    The most accurate finish for networks of up to some thousand weights, after a few hundred steps of ``Muon`` or
    ``Adam``. It keeps a matrix of 8 P² bytes for P weights: 8 MB for 1,000, 800 MB for 10,000.

    Attributes:
        steps: The stage's budget of steps. A step evaluates the loss once or a few times.
        renew: For how many steps the points stay the same.

    References:
        Urban, Stefanou & Pons 2025, Unveiling the optimization process of physics informed neural networks, J. Comput.
        Phys. 523, 113656. Al-Baali 1998, Numerical experience with a class of self-scaling quasi-Newton algorithms.
    """

    def require(self, network: nn.Module, residuals: int) -> None:
        """Refuse what this method cannot train.

        Raises:
            UsageError: If the weights are not float64.
            ResourceError: If the matrix does not fit into the memory.
        """
        del residuals
        weight = next(network.parameters())
        require_double("SSBroyden", weight.dtype, "in which differences of gradients are rounding")
        size = trained(network)
        formula = f"a matrix of 8 P² bytes for this network's P = {size:,} weights"
        require_memory("SSBroyden", 8 * size**2, formula, weight.device, "sp.LBFGS(…) in its place")

    def start(self, network: nn.Module) -> QuasiNewtonStepper:
        """Return a stepper for all weights of a network."""
        self.require(network, 0)
        return QuasiNewtonStepper(network, DenseInverseHessian(trained(network), next(network.parameters()).device))


class DenseInverseHessian(InverseHessian):
    """H as a dense symmetric matrix, corrected in place by one pass of rank two.

    Attributes:
        matrix: H, of shape ``(P, P)``.
    """

    def __init__(self, size: int, device: torch.device | str = "cpu") -> None:
        """Start from the identity."""
        self.matrix = torch.eye(size, dtype=torch.float64, device=device)
        self._untouched = True

    def reset(self) -> None:
        """Return to the identity."""
        self.matrix.zero_().fill_diagonal_(1.0)
        self._untouched = True

    def direction(self, gradient: Tensor) -> Tensor:
        """Return −H g."""
        return torch.mv(self.matrix, gradient).neg_()

    def advance(self, direction: Tensor, step: float, before: Tensor, after: Tensor) -> Tensor:
        """Correct H by a step; return −H₊ g₊.

        Where the slope did not rise along the step, and where the correction is beyond the range of numbers, H stays.
        """
        moved, change = step * direction, after - before
        turned = torch.mv(self.matrix, after)  # H g₊: the only product with the matrix
        image = turned + direction  # H y
        rise, spread = float(moved @ change), float(change @ image)
        if not (rise > 0 and spread > 0):
            return -turned
        b, h = -step * float(moved @ before) / rise, spread / rise
        if not (b > 0 and h > 0):
            return -turned
        phi, tau = first_scaling(b, h) if self._untouched else self_scaling(b, h, len(direction))
        if not tau > 0:
            return -turned
        factor, pair = 1.0 / tau, torch.stack([moved, image], dim=1)
        cross = -phi * factor / rise
        inner = torch.tensor(
            [[phi * h * factor / rise + 1.0 / rise, cross], [cross, (phi - 1.0) * factor / spread]],
            dtype=torch.float64,
        )
        if not self._correct(pair, inner, factor):
            return -turned
        self._untouched = False
        return -(turned * factor + pair @ (inner.to(pair.device) @ (pair.T @ after)))

    def _correct(self, pair: Tensor, inner: Tensor, factor: float) -> bool:
        """Set H to factor · H + pair · inner · pairᵀ; tell whether its entries are finite, and leave H where not."""
        if not bool(torch.isfinite(inner).all()):
            return False
        values, vectors = torch.linalg.eigh(inner)  # by eigenvectors, so that the two triangles of H round alike
        columns = pair @ (vectors * values.abs().sqrt()).to(pair.device)
        signed = columns * values.sign().to(pair.device)
        # H is positive definite: no entry is beyond the largest of its diagonal.
        if not bool(torch.isfinite(factor * self.matrix.diagonal() + (signed * columns).sum(1)).all()):
            return False
        self.matrix.addmm_(signed, columns.T, beta=factor)
        return True


def self_scaling(b: float, h: float, size: int) -> tuple[float, float]:
    """Return φ and τ of the self-scaled Broyden family.

    Args:
        b: sᵀH⁻¹s / sᵀy.
        h: yᵀHy / sᵀy.
        size: P, the number of weights.
    """
    theta, sigma = _member(b, h)
    root = sigma ** (-1.0 / (size - 1)) if size > 1 else 1.0
    scale = min(1.0, 1.0 / b)
    return (1.0 - theta) / sigma, scale * min(root, 1.0 / theta) if theta > 0 else min(scale * root, sigma)


def first_scaling(b: float, h: float) -> tuple[float, float]:
    """Return φ and τ where H is the identity, which takes the scale of the curvature (Oren & Luenberger): τ = h/σ."""
    theta, sigma = _member(b, h)
    return (1.0 - theta) / sigma, h / sigma


def _member(b: float, h: float) -> tuple[float, float]:
    """Return θ and σ; those of BFGS where all members are one, and where a or ρ is beyond the range of numbers."""
    a = b * h - 1.0
    if not PARALLEL <= a < math.inf:
        return 0.0, 1.0
    # h (1 − c) without its cancellation: 1 − c = 1 / ((1 + a) (1 + c)), and 1 + a = b h.
    rho = min(1.0, 1.0 / (b * (1.0 + math.sqrt(a / (1.0 + a)))))
    if rho < sys.float_info.min:
        return 0.0, 1.0
    theta = max((rho - 1.0) / a, min(1.0 / rho, (1.0 - b) / b))
    return theta, max(rho, 1.0 + a * theta)  # σ ≥ ρ follows from the first bound of θ, but for rounding
