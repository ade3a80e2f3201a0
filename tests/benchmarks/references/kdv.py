"""Korteweg and de Vries' equation, u_t + 6 u u_x + u_xxx = 0: Hirota's two solitons in closed form."""

import numpy as np

from . import etdrk4
from .reference import Classical, Reference, closed_form, compare

X, T = np.linspace(-10, 10, 129), np.linspace(0, 4, 101)


def solitons(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """u = 2 ∂²/∂x² ln F as a mean and a variance of slopes: of F's four terms e^θ each has the slope k of its θ.

    (ln F)'' is the variance of k under the weights e^θ, and weights can be shifted: nothing overflows, and far away,
    where F F'' − F'² would cancel, the variance is small by itself.
    """
    k = np.array([0.0, 1.4, 1.0, 2.4])
    first, second = 1.4 * (x + 5) - 1.4**3 * t, (x + 1) - t
    theta = np.stack([np.zeros_like(first), first, second, first + second + 2 * np.log(0.4 / 2.4)], axis=-1)
    shares = np.exp(theta - theta.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    mean = shares @ k
    return 2 * (shares * (k - mean[..., None]) ** 2).sum(axis=-1)


def reference() -> Reference:
    """u on 129 × 101 points."""
    return closed_form([X, T], "closed form", u=solitons)


def spectral(modes: int, steps: int, factor: float = 6.0) -> np.ndarray:
    """u on the reference's points by Fourier modes on [-30, 30), where the solitons vanish at the seam.

    Args:
        modes: A multiple of 384, so that the reference's points are among theirs.
        steps: Of each twenty-fifth.
        factor: The 6 of the equation.
    """
    x = -30 + 60 * np.arange(modes) / modes
    rows = etdrk4.kdv(solitons(x, np.zeros_like(x)), 60.0, 100, steps, 4.0, factor)
    return rows[:, modes // 3 : 2 * modes // 3 + 1 : modes // 384].T.reshape(-1)


def classical() -> Classical:
    """Exponential time differencing on a circle three times as long."""
    return compare("ETDRK4, 384 modes, 800 steps", lambda: {"u": spectral(384, 8)}, reference())
