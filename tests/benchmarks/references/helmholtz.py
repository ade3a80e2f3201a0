"""Helmholtz' equation on [-1, 1]², Δu + k² u = f, u = 0 on the edge, k = 1: u = sin πx sin 4πy in closed form."""

import numpy as np

from . import chebyshev
from .reference import Classical, Reference, closed_form, compare

AXIS = np.linspace(-1, 1, 101)


def reference() -> Reference:
    """u on 101 × 101 points."""
    return closed_form([AXIS, AXIS], "closed form", u=lambda x, y: np.sin(np.pi * x) * np.sin(4 * np.pi * y))


def spectral(n: int, m: int, k: float = 1.0) -> np.ndarray:
    """u on the reference's points by Chebyshev collocation of degree n in x and m in y, f being that of k = 1."""
    x, y = chebyshev.nodes(n), chebyshev.nodes(m)
    f = (1 - 17 * np.pi**2) * np.outer(np.sin(np.pi * x), np.sin(4 * np.pi * y))
    u = chebyshev.poisson([x, y], f, np.zeros_like(f), shift=k**2)
    return chebyshev.on_grid([x, y], u, [AXIS, AXIS]).reshape(-1)


def classical() -> Classical:
    """Chebyshev collocation with eigenvectors."""
    return compare("Chebyshev collocation, degrees 24, 46", lambda: {"u": spectral(24, 46)}, reference())
