"""Exponential time differencing of fourth order (Kassam & Trefethen 2005): periodic equations u_t = L u + N(u).

L is diagonal in Fourier space. The functions of L h that the steps need are means over a circle around it, which
avoids the cancellation near zero. With it: Allen–Cahn, Burgers and KdV, at equally spaced times.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

Nonlinear = Callable[[np.ndarray], np.ndarray]

#: The viscosity of the benchmark of Raissi et al. 2019.
NU = 0.01 / np.pi


def stepper(linear: np.ndarray, nonlinear: Nonlinear, h: float) -> Callable[[np.ndarray], np.ndarray]:
    """One step of length h, spectrum → spectrum.

    Args:
        linear: L, one number per mode.
        nonlinear: Spectrum → spectrum of N(u).
        h: The step.
    """
    whole, half = np.exp(h * linear), np.exp(h * linear / 2)
    circle = h * linear[:, None] + np.exp(1j * np.pi * (np.arange(32) + 0.5) / 16)
    # For a real L the means are real but for rounding; for an imaginary one, as that of KdV, they are not.
    mean = lambda values: h * (values.mean(axis=1) if np.iscomplexobj(linear) else values.mean(axis=1).real)
    q = mean((np.exp(circle / 2) - 1) / circle)
    f1 = mean((-4 - circle + np.exp(circle) * (4 - 3 * circle + circle**2)) / circle**3)
    f2 = mean((2 + circle + np.exp(circle) * (circle - 2)) / circle**3)
    f3 = mean((-4 - 3 * circle - circle**2 + np.exp(circle) * (4 - circle)) / circle**3)

    def step(spectrum: np.ndarray) -> np.ndarray:
        n0 = nonlinear(spectrum)
        first = half * spectrum + q * n0
        n1 = nonlinear(first)
        n2 = nonlinear(half * spectrum + q * n1)
        n3 = nonlinear(half * first + q * (2 * n2 - n0))
        return whole * spectrum + f1 * n0 + 2 * f2 * (n1 + n2) + f3 * n3

    return step


def etdrk4(step: Callable[[np.ndarray], np.ndarray], spectrum: np.ndarray, rows: int, steps: int) -> np.ndarray:
    """The spectra at the start and after ``steps``, 2 ``steps``, …, ``rows`` · ``steps`` steps: a row for each."""
    spectra = [spectrum]
    for _ in range(rows):
        for _ in range(steps):
            spectrum = step(spectrum)
        spectra.append(spectrum)
    return np.array(spectra)


def wavenumbers(modes: int) -> np.ndarray:
    """The wavenumbers of real Fourier series on [-1, 1] with ``modes`` points."""
    return np.pi * np.arange(modes // 2 + 1)


def circle_points(modes: int) -> np.ndarray:
    """``modes`` equally spaced points of [-1, 1), from −1."""
    return -1 + 2 * np.arange(modes) / modes


@lru_cache(maxsize=8)
def allen_cahn(modes: int, steps: int, times: int = 10, rate: float = 5.0) -> np.ndarray:
    """u of u_t = u_xx/10⁴ − 5u³ + 5u with u = x² cos πx at t = 0, at ``times`` + 1 times in [0, 1]: a row for each.

    ``steps`` are taken between two of the times; ``rate`` is the 5. The start has a kink at the seam, and its Fourier
    coefficients are those of the integral: samples would alias it into all modes, two digits at 1024 of them.
    """
    k = wavenumbers(modes)
    linear = rate - 1e-4 * k**2
    nonlinear = lambda spectrum: np.fft.rfft(-rate * np.fft.irfft(spectrum, modes) ** 3)
    spectra = etdrk4(stepper(linear, nonlinear, 1 / times / steps), kinked_start(modes), times, steps)
    rows = np.fft.irfft(spectra, modes)
    rows[0] = circle_points(modes) ** 2 * np.cos(np.pi * circle_points(modes))
    return rows


def kinked_start(modes: int) -> np.ndarray:
    """The spectrum of x² cos πx on [-1, 1], by ∫₀¹ x² cos mπx dx = 2 (−1)^m/(mπ)², or ⅓ for m = 0."""

    def moment(m: np.ndarray) -> np.ndarray:
        return np.where(m == 0, 1 / 3, 2 * (-1.0) ** m / (np.pi * np.where(m == 0, 1, m)) ** 2)

    k = np.arange(modes // 2 + 1)
    return modes * (-1.0) ** k * (moment(k + 1) + moment(k - 1)) / 2  # (−1)^k, for the points begin at −1


def burgers(modes: int, steps: int, times: int = 1, nu: float = NU) -> np.ndarray:
    """u of u_t + u u_x = ν u_xx with u = −sin πx at t = 0, at ``times`` + 1 times in [0, 1]: a row for each.

    ``steps`` are taken between two of the times.
    """
    k = wavenumbers(modes)
    keep = k <= 2 / 3 * k.max()

    def nonlinear(spectrum: np.ndarray) -> np.ndarray:
        return -0.5j * keep * k * np.fft.rfft(np.fft.irfft(spectrum, modes) ** 2)

    start = np.fft.rfft(-np.sin(np.pi * circle_points(modes)))
    return np.fft.irfft(etdrk4(stepper(-nu * k**2, nonlinear, 1 / times / steps), start, times, steps), modes)


def kdv(start: np.ndarray, length: float, times: int, steps: int, time: float, factor: float = 6.0) -> np.ndarray:
    """u of u_t + 6 u u_x + u_xxx = 0 on a circle, at ``times`` + 1 times in [0, time]: a row for each.

    Args:
        start: u at equally spaced points of the circle.
        length: Of the circle.
        times: How many times, the start not counted.
        steps: Between two of the times.
        time: The last of them.
        factor: The 6.
    """
    k = 2 * np.pi / length * np.arange(len(start) // 2 + 1)
    keep = k <= 2 / 3 * k.max()

    def nonlinear(spectrum: np.ndarray) -> np.ndarray:
        return -0.5j * factor * keep * k * np.fft.rfft(np.fft.irfft(spectrum, len(start)) ** 2)

    step = stepper(1j * k**3, nonlinear, time / times / steps)
    return np.fft.irfft(etdrk4(step, np.fft.rfft(start), times, steps), len(start))
