"""Poisson's equation on [0, 1]⁵, −Δu = π² Σ cos πx_i: u = Σ cos πx_i in closed form."""

import numpy as np
from scipy.stats import qmc

from . import chebyshev
from .reference import ROUNDING, Classical, Reference, compare


def reference() -> Reference:
    """u at 2000 points of a scrambled Sobol sequence."""
    points = qmc.Sobol(5, rng=np.random.default_rng(0)).random_base2(11)[:2000]
    return Reference(points, {"u": np.cos(np.pi * points).sum(axis=1)}, ROUNDING, "closed form")


def spectral(n: int, points: np.ndarray) -> np.ndarray:
    """u at points ``(m, 5)`` by Chebyshev collocation of degree n in each coordinate: (n + 1)⁵ values."""
    x = chebyshev.nodes(n, 0.0, 1.0)
    exact = sum(np.meshgrid(*[np.cos(np.pi * x)] * 5, indexing="ij", sparse=True))
    u = chebyshev.poisson([x] * 5, -(np.pi**2) * exact, exact)
    return chebyshev.at_points([x] * 5, u, points)


def classical() -> Classical:
    """Chebyshev collocation with eigenvectors."""
    known = reference()
    return compare("Chebyshev collocation, degree 12", lambda: {"u": spectral(12, known.points)}, known)
