"""Steady flow in a box by its stream function: Chebyshev collocation and Newton's method.

ψ_y Δψ_x − ψ_x Δψ_y = Δ²ψ/Re, u = ψ_y, v = −ψ_x, with ψ and its normal slope given on all walls. In each coordinate the
polynomial of degree n is told by its values and slopes at both ends and its values at the n − 3 points that are neither
an end nor next to one; the equation holds at those. A part of ψ may be known, with whatever corners it has; the
polynomial is the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import chebyshev

#: ∂ψ for the orders (in x, in y), at places that broadcast.
Derivatives = Callable[[int, int, np.ndarray, np.ndarray], np.ndarray]

#: The orders of the derivatives that the equation reads.
ORDERS = [(1, 0), (0, 1), (3, 0), (1, 2), (2, 1), (0, 3), (4, 0), (2, 2), (0, 4)]


def nothing(i: int, j: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """No known part."""
    return np.zeros(np.broadcast_shapes(x.shape, y.shape))


@dataclass(frozen=True)
class Axis:
    """One coordinate: its points, and matrices from data (both ends, both end slopes, inner values) to values."""

    x: np.ndarray
    orders: tuple[np.ndarray, ...]  # derivatives of order 0, 1, … at all the points

    @property
    def inner(self) -> np.ndarray:
        """The points where the equation holds."""
        return self.x[2:-2]


def axis(n: int, low: float, high: float) -> Axis:
    """The coordinate on [low, high] with polynomials of degree n."""
    x = chebyshev.nodes(n, low, high)
    slope = chebyshev.differentiation(x)
    one = np.eye(n + 1)
    data = np.linalg.inv(np.concatenate([one[[0, -1]], slope[[0, -1]], one[2:-2]]))
    orders = [data]
    for _ in range(4):
        orders.append(slope @ orders[-1])
    return Axis(x, tuple(orders))


@dataclass(frozen=True)
class Flow:
    """A stream function: polynomial data on two axes, and the known part."""

    axes: tuple[Axis, Axis]
    data: np.ndarray
    known: Derivatives

    def at(self, i: int, j: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """∂ψ of orders i, j on the grid of x and y."""
        across, up = self.axes
        table = across.orders[i] @ self.data @ up.orders[j].T
        smooth = chebyshev.on_grid([across.x, up.x], table, [x, y])
        return smooth + self.known(i, j, x[:, None], y[None, :])


def flow(axes: tuple[Axis, Axis], walls: Derivatives, reynolds: float, known: Derivatives = nothing) -> Flow:
    """Solve for the flow.

    Args:
        axes: From ``axis``.
        walls: ψ, its slopes and its mixed slope on the walls, less what is known of them.
        reynolds: Re.
        known: The part of ψ that is known.

    Raises:
        ArithmeticError: If Newton's method does not converge.
    """
    across, up = axes
    data = _wall_data(across, up, walls)
    size = (len(across.inner), len(up.inner))
    # Rows: the equation at the inner points. Columns: the inner values.
    parts = lambda order, a: (a.orders[order][2:-2, 4:], a.orders[order][2:-2])
    pieces = {(i, j): (*parts(i, across), *parts(j, up)) for i, j in ORDERS}
    fixed = {(i, j): known(i, j, across.inner[:, None], up.inner[None, :]) for i, j in ORDERS}
    columns = {key: np.kron(left, right) for key, (left, _, right, _) in pieces.items()}
    for iteration in range(30):
        psi = {key: left @ data @ right.T + fixed[key] for key, (_, left, _, right) in pieces.items()}
        residual, by = _equation(psi, reynolds, inertia=float(iteration > 0))  # Stokes' flow to begin with
        jacobian = sum(factor.reshape(-1, 1) * columns[key] for key, factor in by.items())
        step = np.linalg.solve(jacobian, -residual.reshape(-1)).reshape(size)
        data[4:, 4:] += step
        if np.abs(step).max() < 1e-10:
            return Flow(axes, data, known)
    message = f"Newton's method has not converged in 30 steps: the last was {np.abs(step).max():.1e} long"
    raise ArithmeticError(message)


def _equation(psi: dict[tuple[int, int], np.ndarray], reynolds: float, inertia: float) -> tuple[np.ndarray, dict]:
    """The residual, and its derivative by each derivative of ψ; ``inertia`` multiplies the left-hand side."""
    spin_x, spin_y = psi[3, 0] + psi[1, 2], psi[2, 1] + psi[0, 3]
    friction = psi[4, 0] + 2 * psi[2, 2] + psi[0, 4]
    residual = inertia * (psi[0, 1] * spin_x - psi[1, 0] * spin_y) - friction / reynolds
    nu = np.full_like(residual, 1 / reynolds)
    return residual, {
        (0, 1): inertia * spin_x,
        (1, 0): -inertia * spin_y,
        (3, 0): inertia * psi[0, 1],
        (1, 2): inertia * psi[0, 1],
        (2, 1): -inertia * psi[1, 0],
        (0, 3): -inertia * psi[1, 0],
        (4, 0): -nu,
        (2, 2): -2 * nu,
        (0, 4): -nu,
    }


def _wall_data(across: Axis, up: Axis, walls: Derivatives) -> np.ndarray:
    """The table of data with zeros for the inner values."""
    data = np.zeros((len(across.x), len(up.x)))
    x, y = across.x[[0, -1]], up.x[[0, -1]]
    values, slopes = slice(0, 2), slice(2, 4)
    for i, rows in ((0, values), (1, slopes)):
        data[rows, 4:] = walls(i, 0, x[:, None], up.inner[None, :])
        for j, cols in ((0, values), (1, slopes)):
            data[rows, cols] = walls(i, j, x[:, None], y[None, :])
    for j, cols in ((0, values), (1, slopes)):
        data[4:, cols] = walls(0, j, across.inner[:, None], y[None, :])
    return data
