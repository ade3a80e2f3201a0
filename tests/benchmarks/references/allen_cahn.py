"""Allen–Cahn on a circle, u_t = u_xx/10⁴ − 5u³ + 5u from x² cos πx: exponential time differencing in Fourier space."""

import numpy as np

from . import etdrk4
from .reference import Classical, Reference, compare, grid, relative

X, T = np.linspace(-1, 1, 257), np.linspace(0, 1, 101)


def spectral(modes: int, steps: int, rate: float = 5.0) -> np.ndarray:
    """u on 257 × 101 points, x first, by so many modes and so many steps of each hundredth."""
    rows = etdrk4.allen_cahn.__wrapped__(modes, steps, 100, rate)[:, :: modes // 256]  # a clock needs fresh runs
    return np.concatenate([rows, rows[:, :1]], axis=1).T.reshape(-1)


def reference() -> Reference:
    """u by 2048 modes and 800 steps.

    The error is that of half the modes, 1e-7; the 2048 agree with 4096 to 1e-11.
    """
    u = spectral(2048, 8)
    error = max(relative(spectral(1024, 8), u), relative(spectral(2048, 4), u))
    note = "ETDRK4, 2048 modes, 800 steps; against half the modes, half the steps"
    return Reference(grid(X, T), {"u": u}, error, note)


def classical() -> Classical:
    """The same with fewer modes."""
    return compare("ETDRK4, 512 modes, 200 steps", lambda: {"u": spectral(512, 2)}, reference())
