"""The wave equation u_tt = 4 u_xx on [0, 1], ends fixed, u = sin πx + ½ sin 4πx at rest: each mode swings by itself."""

import numpy as np
from scipy import fft

from .reference import Classical, Reference, closed_form, compare

X = np.linspace(0, 1, 101)
T = np.linspace(0, 1, 101)


def start(x: np.ndarray) -> np.ndarray:
    """u at t = 0."""
    return np.sin(np.pi * x) + np.sin(4 * np.pi * x) / 2


def reference() -> Reference:
    """u on 101 × 101 points."""

    def string(x: np.ndarray, t: np.ndarray) -> np.ndarray:
        low, high = np.cos(2 * np.pi * t) * np.sin(np.pi * x), np.cos(8 * np.pi * t) * np.sin(4 * np.pi * x)
        return low + high / 2

    return closed_form([X, T], "closed form", u=string)


def spectral(modes: int, speed: float = 2.0) -> np.ndarray:
    """u on the reference's points by the sine transform of the start and d'Alembert's factor cos(c k π t)."""
    k = np.pi * np.arange(1, modes + 1)
    amplitudes = fft.dst(start(np.arange(1, modes + 1) / (modes + 1)), type=1) / (modes + 1)
    return ((np.sin(np.outer(X, k)) * amplitudes) @ np.cos(speed * np.outer(k, T))).reshape(-1)


def classical() -> Classical:
    """The sine transform."""
    return compare("sine transform, 31 modes", lambda: {"u": spectral(31)}, reference())
