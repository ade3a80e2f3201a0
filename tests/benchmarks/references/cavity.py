"""The lid-driven cavity, Re = 100: the stream function known at both upper corners, plus a polynomial.

At an upper corner the speed of the wall jumps and the vorticity grows like 1/r. The first two terms of the flow there
are known; what is left is smooth enough for polynomials. Pressure is left out: it grows like 1/r too, and has no L2
norm.
"""

import numpy as np

from . import cavity_corner, stream
from .reference import Classical, Reference, compare, grid, relative

#: The middles of 100 × 100 cells: no point lies on a corner, where the velocity has no value.
AXIS = (np.arange(100) + 0.5) / 100


def corners(reynolds: float) -> stream.Derivatives:
    """ψ of both upper corners: of the right one, by the distances from its own walls."""

    def known(i: int, j: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        total = 0.0
        for across, sign, inertia in ((x, 1, reynolds), (1 - x, -1, -reynolds)):
            # At the corner itself the values on the lid are taken, where derivatives up to one of each are constant.
            corner = (across == 0) & (y == 1)
            a, d = np.where(corner, 1.0, across), np.where(corner, 0.0, 1 - y)
            values = cavity_corner.scraper(i, j, a, d) + inertia * cavity_corner.inertia(i, j, a, d)
            total = total + sign**i * (-1) ** j * values
        return total

    return known


def flow(n: int, reynolds: float = 100.0) -> stream.Flow:
    """The flow by polynomials of degree n."""
    known = corners(reynolds)

    def rest(i: int, j: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        # Of ψ, ψ_x, ψ_y and ψ_xy on the walls only ψ_y = 1 on the lid is not zero.
        return ((y == 1) & ((i, j) == (0, 1))) - known(i, j, x, y)

    return stream.flow((stream.axis(n, 0.0, 1.0),) * 2, rest, reynolds, known)


def velocity(n: int, reynolds: float = 100.0) -> dict[str, np.ndarray]:
    """u and v on the reference's points."""
    found = flow(n, reynolds)
    return {"u": found.at(0, 1, AXIS, AXIS).reshape(-1), "v": -found.at(1, 0, AXIS, AXIS).reshape(-1)}


def reference() -> Reference:
    """u and v on 100 × 100 points by degree 48."""
    fine, coarse = velocity(48), velocity(40)
    error = max(relative(coarse[name], fine[name]) for name in fine)
    return Reference(grid(AXIS, AXIS), fine, error, "Chebyshev stream function, degree 48; against degree 40")


def classical() -> Classical:
    """The same with a lower degree: finite differences, which know nothing of the corners, are 100 times worse."""
    return compare("Chebyshev stream function, degree 30, Newton", lambda: velocity(30), reference())
