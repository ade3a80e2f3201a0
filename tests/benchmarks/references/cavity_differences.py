"""The lid-driven cavity by finite differences: vorticity and stream function, second order, Newton's method.

ψ_y ω_x − ψ_x ω_y = (ω_xx + ω_yy)/Re and ψ_xx + ψ_yy = −ω on (n + 1)² points, u = ψ_y, v = −ψ_x; ψ = 0 on the walls,
where Thom's formula gives ω from the wall's own speed. The two upper corners, where the speed of the wall jumps, carry
no unknown: no difference reads them. Two grids, extrapolated, give a better one and an estimate of its error.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.interpolate import RectBivariateSpline
from scipy.sparse.linalg import splu

Matrix = sparse.csr_matrix


@dataclass(frozen=True)
class Flow:
    """u and v on (n + 1)² points of [0, 1]², ``[i, j]`` at x = i/n, y = j/n."""

    u: np.ndarray
    v: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """(u, v) at points ``(n, 2)``, by cubic splines."""
        axis = np.linspace(0, 1, len(self.u))
        return np.stack([RectBivariateSpline(axis, axis, each).ev(*points.T) for each in (self.u, self.v)], axis=1)


@lru_cache(maxsize=8)
def cavity(n: int, reynolds: float = 100.0) -> Flow:
    """The flow on a grid of n × n cells."""
    size, h = (n - 1) ** 2, 1 / n
    inner = sparse.diags([1.0, -1.0], [1, -1], shape=(n - 1, n - 1)) / (2 * h)
    second = sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(n - 1, n - 1)) / h**2
    one = sparse.identity(n - 1)
    dx, dy = sparse.kron(inner, one, "csr"), sparse.kron(one, inner, "csr")
    laplace = sparse.kron(second, one, "csr") + sparse.kron(one, second, "csr")
    walls, moving = _wall_vorticity(n)  # ω on the walls: walls @ ψ + moving
    dx_wall, dy_wall, laplace_wall = _wall_differences(n)

    psi, omega = np.zeros(size), np.zeros(size)
    for _ in range(30):
        edge = walls @ psi + moving
        omega_x, omega_y = dx @ omega + dx_wall @ edge, dy @ omega + dy_wall @ edge
        psi_x, psi_y = dx @ psi, dy @ psi
        transport = psi_y * omega_x - psi_x * omega_y - (laplace @ omega + laplace_wall @ edge) / reynolds
        poisson = laplace @ psi + omega
        by_omega = sparse.diags(psi_y) @ dx - sparse.diags(psi_x) @ dy - laplace / reynolds
        by_edge = sparse.diags(psi_y) @ dx_wall - sparse.diags(psi_x) @ dy_wall - laplace_wall / reynolds
        by_psi = sparse.diags(omega_x) @ dy - sparse.diags(omega_y) @ dx + by_edge @ walls
        # ω = −Δψ − (what is left of Poisson's equation) is put in, so that ψ alone is solved for.
        system = (by_psi - by_omega @ laplace).tocsc()
        step = splu(system).solve(by_omega @ poisson - transport)
        psi, omega = psi + step, omega - poisson - laplace @ step
        if np.abs(step).max() < 1e-12:
            break
    return _velocity(psi, n)


def _wall_vorticity(n: int) -> tuple[Matrix, np.ndarray]:
    """Thom's formula: on a wall ω = −2 ψ₁/h² − 2 U/h at the lid, with ψ₁ one cell inside and U the wall's speed.

    Walls in the order x = 0, x = 1, y = 0, y = 1, each with n − 1 points.
    """
    index = np.arange((n - 1) ** 2).reshape(n - 1, n - 1)
    near = np.concatenate([index[0], index[-1], index[:, 0], index[:, -1]])
    rows = np.arange(len(near))
    matrix = sparse.csr_matrix((np.full(len(near), -2.0 * n**2), (rows, near)), shape=(len(near), index.size))
    moving = np.zeros(len(near))
    moving[-(n - 1) :] = -2.0 * n
    return matrix, moving


def _wall_differences(n: int) -> tuple[Matrix, Matrix, Matrix]:
    """What the values on the walls add to ∂x, ∂y and Δ at the points inside."""
    index = np.arange((n - 1) ** 2).reshape(n - 1, n - 1)
    m = n - 1
    shape = (index.size, 4 * m)

    def matrix(entries: list[tuple[np.ndarray, int, float]]) -> Matrix:
        rows = np.concatenate([near for near, _, _ in entries])
        columns = np.concatenate([np.arange(wall * m, (wall + 1) * m) for _, wall, _ in entries])
        values = np.concatenate([np.full(m, value) for _, _, value in entries])
        return sparse.csr_matrix((values, (rows, columns)), shape=shape)

    left, right, bottom, top = index[0], index[-1], index[:, 0], index[:, -1]
    across = matrix([(left, 0, -n / 2), (right, 1, n / 2)])
    up = matrix([(bottom, 2, -n / 2), (top, 3, n / 2)])
    both = matrix([(near, wall, float(n**2)) for wall, near in enumerate((left, right, bottom, top))])
    return across, up, both


def _velocity(psi: np.ndarray, n: int) -> Flow:
    whole = np.zeros((n + 1, n + 1))
    whole[1:-1, 1:-1] = psi.reshape(n - 1, n - 1)
    u, v = np.zeros_like(whole), np.zeros_like(whole)
    u[:, 1:-1] = (whole[:, 2:] - whole[:, :-2]) * n / 2
    v[1:-1, :] = -(whole[2:, :] - whole[:-2, :]) * n / 2
    u[0] = u[-1] = 0.0
    v[:, 0] = v[:, -1] = 0.0
    u[1:-1, -1] = 1.0
    return Flow(u, v)


def extrapolated(n: int, reynolds: float = 100.0) -> Flow:
    """The flow on n × n cells, improved by that on 2n × 2n: second order falls out (Richardson)."""
    coarse, fine = cavity(n, reynolds), cavity(2 * n, reynolds)
    return Flow(*((4 * two[::2, ::2] - one) / 3 for one, two in ((coarse.u, fine.u), (coarse.v, fine.v))))
