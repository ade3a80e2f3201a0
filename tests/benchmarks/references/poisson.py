"""Poisson's equation on [-1, 1]², −Δu = 2 (wπ)² sin wπx sin wπy, w = 1: u = sin wπx sin wπy in closed form."""

import numpy as np

from . import chebyshev
from .reference import Classical, Reference, closed_form, compare

AXIS = np.linspace(-1, 1, 101)


def reference(waves: int = 1) -> Reference:
    """u on 101 × 101 points."""
    k = waves * np.pi
    return closed_form([AXIS, AXIS], "closed form", u=lambda x, y: np.sin(k * x) * np.sin(k * y))


def spectral(n: int, waves: int = 1) -> np.ndarray:
    """u on the reference's points by Chebyshev collocation of degree n."""
    x = chebyshev.nodes(n)
    wave = np.sin(waves * np.pi * x)
    f = -2 * (waves * np.pi) ** 2 * np.outer(wave, wave)
    u = chebyshev.poisson([x, x], f, np.zeros_like(f))
    return chebyshev.on_grid([x, x], u, [AXIS, AXIS]).reshape(-1)


def classical(waves: int = 1) -> Classical:
    """Chebyshev collocation with eigenvectors."""
    n = 18 + 7 * waves
    return compare(f"Chebyshev collocation, degree {n}", lambda: {"u": spectral(n, waves)}, reference(waves))
