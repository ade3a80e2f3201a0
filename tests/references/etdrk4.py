"""Exponential time differencing of fourth order (Kassam & Trefethen 2005): periodic equations u_t = L u + N(u).

L is diagonal in Fourier space. The functions of L h that the steps need are means over a circle around it, which
avoids the cancellation near zero. With it: Allen–Cahn and Burgers, as references with their own error.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

Nonlinear = Callable[[np.ndarray], np.ndarray]

#: The viscosity of the benchmark of Raissi et al. 2019.
NU = 0.01 / np.pi


def etdrk4(linear: np.ndarray, nonlinear: Nonlinear, spectrum: np.ndarray, time: float, steps: int) -> np.ndarray:
    """Advance a spectrum by ``time`` in ``steps`` steps.

    Args:
        linear: L, one number per mode.
        nonlinear: Spectrum → spectrum of N(u).
        spectrum: Of u at the start.
    """
    h = time / steps
    whole, half = np.exp(h * linear), np.exp(h * linear / 2)
    circle = h * linear[:, None] + np.exp(1j * np.pi * (np.arange(32) + 0.5) / 16)
    mean = lambda values: h * values.mean(axis=1).real
    q = mean((np.exp(circle / 2) - 1) / circle)
    f1 = mean((-4 - circle + np.exp(circle) * (4 - 3 * circle + circle**2)) / circle**3)
    f2 = mean((2 + circle + np.exp(circle) * (circle - 2)) / circle**3)
    f3 = mean((-4 - 3 * circle - circle**2 + np.exp(circle) * (4 - circle)) / circle**3)
    for _ in range(steps):
        n0 = nonlinear(spectrum)
        first = half * spectrum + q * n0
        n1 = nonlinear(first)
        n2 = nonlinear(half * spectrum + q * n1)
        n3 = nonlinear(half * first + q * (2 * n2 - n0))
        spectrum = whole * spectrum + f1 * n0 + 2 * f2 * (n1 + n2) + f3 * n3
    return spectrum


def wavenumbers(modes: int) -> np.ndarray:
    """The wavenumbers of real Fourier series on [-1, 1] with ``modes`` points."""
    return np.pi * np.arange(modes // 2 + 1)


def circle_points(modes: int) -> np.ndarray:
    """``modes`` equally spaced points of [-1, 1), from −1."""
    return -1 + 2 * np.arange(modes) / modes


@lru_cache(maxsize=8)
def allen_cahn(modes: int, steps: int, times: int = 10) -> np.ndarray:
    """u of u_t = u_xx/10⁴ − 5u³ + 5u with u = x² cos πx at t = 0, at ``times`` + 1 times in [0, 1]: a row for each.

    ``steps`` are taken between two of the times.
    """
    k, x = wavenumbers(modes), circle_points(modes)
    linear = 5 - 1e-4 * k**2
    keep = k <= 2 / 3 * k.max()

    def nonlinear(spectrum: np.ndarray) -> np.ndarray:
        return keep * np.fft.rfft(-5 * np.fft.irfft(spectrum, modes) ** 3)

    rows = [np.fft.rfft(x**2 * np.cos(np.pi * x))]
    for _ in range(times):
        rows.append(etdrk4(linear, nonlinear, rows[-1], 1 / times, steps))
    return np.array([np.fft.irfft(row, modes) for row in rows])


def burgers(modes: int, steps: int, time: float = 1.0, nu: float = NU) -> np.ndarray:
    """u of u_t + u u_x = ν u_xx with u = −sin πx at t = 0, at one time."""
    k = wavenumbers(modes)
    keep = k <= 2 / 3 * k.max()

    def nonlinear(spectrum: np.ndarray) -> np.ndarray:
        return -0.5j * keep * k * np.fft.rfft(np.fft.irfft(spectrum, modes) ** 2)

    start = np.fft.rfft(-np.sin(np.pi * circle_points(modes)))
    return np.fft.irfft(etdrk4(-nu * k**2, nonlinear, start, time, steps), modes)
