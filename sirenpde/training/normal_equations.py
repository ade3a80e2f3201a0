"""The damped normal equations (JᵀJ + λ D) δ = −Jᵀr, in the smaller of two spaces.

For N ≥ P residuals they are solved as they stand. For N < P the same δ is −D⁻¹Jᵀw with (J D⁻¹ Jᵀ + λ) w = r (Woodbury).
"""

from __future__ import annotations

import abc

import scipy.linalg.blas
import torch
from torch import Tensor

from sirenpde.fields.rows import Metric
from sirenpde.training.linearised import LinearSystem


class NormalEquations(abc.ABC):
    """Damped normal equations, for one Jacobian and several λ and r: a symmetric matrix M, factorised as M + λ S."""

    def __init__(self, matrix: Tensor, shift: Tensor) -> None:
        """Bind M, and the diagonal S as a vector."""
        self._matrix = matrix
        self._shift = shift
        self._factor = torch.empty_like(matrix)

    def factorised(self, damping: float) -> bool:
        """Prepare for a λ; tell whether the matrix is positive definite beyond rounding."""
        self._factor.copy_(self._matrix).diagonal().add_(damping * self._shift)
        columns = self._factor.mT  # in place, for the matrix is symmetric and the columns of a factor lie in a row
        failed = torch.empty((), dtype=torch.int32, device=columns.device)
        torch.linalg.cholesky_ex(columns, out=(columns, failed))
        return not bool(failed)

    @abc.abstractmethod
    def solved(self, residuals: Tensor) -> Tensor:
        """Return δ, ``(P,)``, for residuals ``(N,)``."""

    @abc.abstractmethod
    def times(self, vector: Tensor) -> Tensor:
        """Return J p, ``(N,)``."""

    def _inverted(self, vector: Tensor) -> Tensor:
        return torch.cholesky_solve(vector[:, None], self._factor.mT)[:, 0]


class WeightSpace(NormalEquations):
    """The equations as they stand, ``(P, P)``."""

    def __init__(self, system: LinearSystem, metric: Metric) -> None:
        """Bind J and D."""
        self._jacobian = system.rows()
        super().__init__(gram(self._jacobian), metric.diagonal)

    def solved(self, residuals: Tensor) -> Tensor:
        """Return δ, ``(P,)``."""
        return -self._inverted(self._jacobian.T @ residuals)

    def times(self, vector: Tensor) -> Tensor:
        """Return J p, ``(N,)``."""
        return self._jacobian @ vector


class ResidualSpace(NormalEquations):
    """The equations in the space of the residuals, ``(N, N)``, with J stored."""

    def __init__(self, system: LinearSystem, metric: Metric) -> None:
        """Bind J and D."""
        self._roots = metric.diagonal.rsqrt()
        self._jacobian = system.rows().mul_(self._roots)
        super().__init__(gram(self._jacobian.T), torch.ones_like(system.residuals))

    def solved(self, residuals: Tensor) -> Tensor:
        """Return δ, ``(P,)``."""
        return -self._roots * (self._jacobian.T @ self._inverted(residuals))

    def times(self, vector: Tensor) -> Tensor:
        """Return J p, ``(N,)``."""
        return self._jacobian @ (vector / self._roots)


class KernelSpace(NormalEquations):
    """The equations in the space of the residuals, ``(N, N)``, without J."""

    def __init__(self, system: LinearSystem, metric: Metric) -> None:
        """Bind J in factors, and D."""
        self._system = system
        self._inverse = metric.inverse
        super().__init__(system.kernel(self._inverse), torch.ones_like(system.residuals))

    def solved(self, residuals: Tensor) -> Tensor:
        """Return δ, ``(P,)``."""
        return -self._inverse.diagonal * self._system.transposed(self._inverted(residuals))

    def times(self, vector: Tensor) -> Tensor:
        """Return J p, ``(N,)``."""
        return self._system.times(vector)


def gram(matrix: Tensor) -> Tensor:
    """Return AᵀA for A of shape ``(n, m)``: on a CPU one triangle is computed, and mirrored."""
    if matrix.device.type != "cpu":
        return matrix.T @ matrix
    array = matrix.numpy()
    rows = array.flags.c_contiguous  # BLAS takes columns that lie in a row: Aᵀ without a copy, or A itself
    lower = torch.from_numpy(scipy.linalg.blas.dsyrk(1.0, array.T if rows else array, trans=not rows, lower=1))
    return lower.add_(torch.tril(lower, -1).T)
