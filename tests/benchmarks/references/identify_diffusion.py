"""The diffusion coefficient ν = 0.1 of a rod from 400 measurements of its temperature with 1 % noise.

u = e^(−νπ²t) sin πx + ½ e^(−4νπ²t) sin 2πx in closed form; what is compared is the number ν.
"""

import numpy as np
from scipy.optimize import least_squares

from .reference import ROUNDING, Classical, Reference, grid, timed

AXIS = np.linspace(0, 1, 101)
DIFFUSION = 0.1


def temperature(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """u."""
    return sum(np.exp(-((k * np.pi) ** 2) * DIFFUSION * t) * np.sin(k * np.pi * x) / k for k in (1, 2))


def reference() -> Reference:
    """u on 101 × 101 points, and the number."""
    points = grid(AXIS, AXIS)
    return Reference(points, {"u": temperature(*points.T)}, ROUNDING, "closed form", numbers={"nu": DIFFUSION})


def measurements(noise: float, count: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Places and times ``(count, 2)``, and what was measured there: those of the shipped problem."""
    generator = np.random.default_rng(seed)
    points = generator.uniform(0, 1, (count, 2))
    return points, temperature(*points.T) + noise * generator.standard_normal(count)


def identify(points: np.ndarray, measured: np.ndarray, modes: int, initial: float = 1.0) -> float:
    """The ν of the best fit by ``modes`` sine modes, whose amplitudes at the start are sought as well.

    They are linear in the fit and solved for inside it (variable projection): one nonlinear unknown is left.
    """
    k = np.pi * np.arange(1, modes + 1)
    x, t = points.T
    waves = np.sin(np.outer(x, k))

    def misfit(log_nu: np.ndarray) -> np.ndarray:
        columns = waves * np.exp(-np.exp(log_nu) * np.outer(t, k**2))
        return columns @ np.linalg.lstsq(columns, measured)[0] - measured

    best = least_squares(misfit, np.log([initial]), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    return float(np.exp(best.x[0]))


def classical(noise: float = 0.01, modes: int = 4) -> Classical:
    """Sine modes and least squares."""
    points, measured = measurements(noise)
    nu, seconds, cpu = timed(lambda: identify(points, measured, modes))
    return Classical(f"{modes} sine modes, least squares", abs(nu / DIFFUSION - 1), seconds, cpu)
