"""The conductivity k of every place of a plate from 1000 measurements of its temperature u, without noise.

∇·(k ∇u) = f and k = 1 on the edge; in closed form u = x + y/2 + ¼ sin πx sin πy and k = 1 + ½ (1 − x²)(1 − y²)
e^(x − y). What is compared is k.
"""

import numpy as np
from numpy.polynomial import chebyshev as series
from scipy.optimize import least_squares

from .reference import Classical, Reference, closed_form, compare

AXIS = np.linspace(-1, 1, 101)

Matrices = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def temperature(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """u."""
    return x + y / 2 + np.sin(np.pi * x) * np.sin(np.pi * y) / 4


def conductivity(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """k."""
    return 1 + (1 - x**2) * (1 - y**2) * np.exp(x - y) / 2


def source(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """f, differentiated by hand."""
    sin_x, cos_x, sin_y, cos_y = np.sin(np.pi * x), np.cos(np.pi * x), np.sin(np.pi * y), np.cos(np.pi * y)
    k_x = (1 - y**2) * np.exp(x - y) / 2 * (1 - x**2 - 2 * x)
    k_y = -(1 - x**2) * np.exp(x - y) / 2 * (1 - y**2 + 2 * y)
    u_x, u_y = 1 + np.pi * cos_x * sin_y / 4, 0.5 + np.pi * sin_x * cos_y / 4
    return k_x * u_x + k_y * u_y - conductivity(x, y) * np.pi**2 * sin_x * sin_y / 2


def reference() -> Reference:
    """k and u on 101 × 101 points."""
    return closed_form([AXIS, AXIS], "closed form", u=temperature, k=conductivity)


def measurements(count: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Places ``(count, 2)``, and what was measured there: those of the shipped problem."""
    points = np.random.default_rng(seed).uniform(-1, 1, (count, 2))
    return points, temperature(*points.T)


def basis(degree: int, points: np.ndarray, fade: bool) -> Matrices:
    """Products of Chebyshev polynomials at points, and their ∂x, ∂y and Δ, ``(n, (degree + 1)²)`` each.

    Args:
        degree: In each coordinate.
        points: Shape ``(n, 2)``.
        fade: Whether they are multiplied by (1 − x²)(1 − y²), to vanish on the edge.
    """
    one = np.eye(degree + 1)
    if fade:
        faded = [series.chebmul(row, [0.5, 0, -0.5]) for row in one]  # 1 − x² = ½ T₀ − ½ T₂
        one = np.array([np.pad(row, (0, degree + 3 - len(row))) for row in faded])
    tables = [[series.chebval(column, series.chebder(one, m, axis=1).T).T for m in range(3)] for column in points.T]
    pair = lambda i, j: np.einsum("ni,nj->nij", tables[0][i], tables[1][j]).reshape(len(points), -1)
    return pair(0, 0), pair(1, 0), pair(0, 1), pair(2, 0) + pair(0, 2)


def identify(degree_u: int, degree_k: int, places: int) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients of u and of (k − 1)/(1 − x²)(1 − y²) that fit measurements and equation best.

    The equation is bilinear in the two: Gauss and Newton's method, on ``places``² Chebyshev points.
    """
    points, measured = measurements()
    axis = np.cos(np.pi * (np.arange(places) + 0.5) / places)
    inside = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    seen, right = basis(degree_u, points, fade=False)[0], source(*inside.T)
    for_u, for_k = basis(degree_u, inside, fade=False), basis(degree_k, inside, fade=True)
    split = for_u[0].shape[1]

    def parts(both: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        return [matrix @ both[:split] for matrix in for_u], [matrix @ both[split:] for matrix in for_k]

    def misfit(both: np.ndarray) -> np.ndarray:
        (_, u_x, u_y, bend), (k, k_x, k_y, _) = parts(both)
        return np.concatenate([seen @ both[:split] - measured, (1 + k) * bend + k_x * u_x + k_y * u_y - right])

    def slopes(both: np.ndarray) -> np.ndarray:
        (_, u_x, u_y, bend), (k, k_x, k_y, _) = parts(both)
        column = lambda values: values[:, None]
        by_u = column(1 + k) * for_u[3] + column(k_x) * for_u[1] + column(k_y) * for_u[2]
        by_k = column(bend) * for_k[0] + column(u_x) * for_k[1] + column(u_y) * for_k[2]
        return np.block([[seen, np.zeros((len(seen), by_k.shape[1]))], [by_u, by_k]])

    start = np.concatenate([np.linalg.lstsq(seen, measured)[0], np.zeros(for_k[0].shape[1])])
    best = least_squares(misfit, start, slopes, method="lm", xtol=1e-14, ftol=1e-14, gtol=1e-14)
    return best.x[:split], best.x[split:]


def spectral(degree_u: int, degree_k: int, places: int) -> dict[str, np.ndarray]:
    """u and k on the reference's points."""
    of_u, of_k = identify(degree_u, degree_k, places)
    points = reference().points
    u = basis(degree_u, points, fade=False)[0] @ of_u
    return {"u": u, "k": 1 + basis(degree_k, points, fade=True)[0] @ of_k}


def classical() -> Classical:
    """Chebyshev series for both fields, least squares."""
    return compare("Chebyshev series, degrees 16, 10, least squares", lambda: spectral(16, 10, 20), reference())
