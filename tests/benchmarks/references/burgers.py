"""Burgers' equation, ν = 0.01/π, from −sin πx: Cole and Hopf's integrals by the trapezoidal rule."""

import numpy as np

from . import cole_hopf, etdrk4
from .reference import Classical, Reference, compare, grid, relative

# The shock is 0.006 wide: 101 places would have one point in it.
X, T = np.linspace(-1, 1, 513), np.linspace(0, 1, 51)


def quadrature(nodes: int, nu: float = etdrk4.NU) -> np.ndarray:
    """u on 513 × 51 points, x first; in parts, for memory."""
    points = grid(X, T)
    return np.concatenate([cole_hopf.burgers(*part.T, nu, nodes) for part in np.array_split(points, 27)])


def reference() -> Reference:
    """u by 200 nodes."""
    u = quadrature(200)
    # Both rules have converged: what is left is rounding, of exponents up to 100.
    error = relative(quadrature(100), u)
    return Reference(grid(X, T), {"u": u}, error, "Cole–Hopf, 200 trapezoids; against 100")


def spectral(modes: int, steps: int, nu: float = etdrk4.NU) -> np.ndarray:
    """u on the reference's points by Fourier modes and so many steps of each fiftieth."""
    rows = etdrk4.burgers(modes, steps, 50, nu)[:, :: modes // 512]
    return np.concatenate([rows, rows[:, :1]], axis=1).T.reshape(-1)


def classical() -> Classical:
    """Exponential time differencing, which knows nothing of Cole and Hopf."""
    return compare("ETDRK4, 2048 modes, 800 steps", lambda: {"u": spectral(2048, 16)}, reference())
