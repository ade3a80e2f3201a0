"""Kovasznay's flow, Re = 40, on [-½, 1] × [-½, 3/2]: closed form, with the pressure up to a constant."""

import numpy as np

from . import chebyshev, stream
from .reference import ROUNDING, Classical, Reference, compare, grid

X, Y = np.linspace(-0.5, 1, 101), np.linspace(-0.5, 1.5, 101)
REYNOLDS = 40.0
RATE = REYNOLDS / 2 - np.sqrt(REYNOLDS**2 / 4 + 4 * np.pi**2)


def psi(i: int, j: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂ψ of orders i, j ≤ 1 of ψ = y − e^(λx) sin 2πy/2π, which the velocities on the walls tell up to a constant."""
    wave = (np.sin(2 * np.pi * y) / (2 * np.pi), np.cos(2 * np.pi * y))[j]
    uniform = (y, 1.0)[j] if i == 0 else 0.0
    return uniform - RATE**i * np.exp(RATE * x) * wave


def reference() -> Reference:
    """u, v and p on 101 × 101 points."""
    points = grid(X, Y)
    x, y = points.T
    values = {"u": psi(0, 1, x, y), "v": -psi(1, 0, x, y), "p": (1 - np.exp(2 * RATE * x)) / 2}
    return Reference(points, values, ROUNDING, "closed form", up_to_constant=("p",))


def spectral(n: int, reynolds: float = REYNOLDS) -> dict[str, np.ndarray]:
    """u, v and p on the reference's points by polynomials of degree n, the walls being those of Re = 40."""
    axes = stream.axis(n, -0.5, 1.0), stream.axis(n, -0.5, 1.5)
    found = stream.flow(axes, psi, reynolds)
    places = [each.x for each in axes]
    fields = {"u": found.at(0, 1, *places), "v": -found.at(1, 0, *places), "p": pressure(found, reynolds)}
    return {name: chebyshev.on_grid(places, table, [X, Y]).reshape(-1) for name, table in fields.items()}


def pressure(found: stream.Flow, reynolds: float) -> np.ndarray:
    """p on the points of the axes, 0 at the first: its slope integrated along the floor, then upwards."""
    across, up = found.axes
    d = {(i, j): found.at(i, j, across.x, up.x) for i in range(4) for j in range(4) if i + j <= 3}
    slope_x = (d[2, 1] + d[0, 3]) / reynolds - d[0, 1] * d[1, 1] + d[1, 0] * d[0, 2]
    slope_y = -(d[3, 0] + d[1, 2]) / reynolds + d[0, 1] * d[2, 0] - d[1, 0] * d[1, 1]
    integral = [np.pad(np.linalg.inv(chebyshev.differentiation(a.x)[1:, 1:]), ((1, 0), (1, 0))) for a in found.axes]
    return (integral[0] @ slope_x[:, 0])[:, None] + slope_y @ integral[1].T


def classical() -> Classical:
    """Chebyshev collocation of the stream function."""
    return compare("Chebyshev stream function, degree 24, Newton", lambda: spectral(24), reference())
