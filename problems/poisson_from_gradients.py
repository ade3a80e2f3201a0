"""Recover a photograph from its gradients alone (Sitzmann et al. 2020, Sec. 4.1).

Find Φ: Ω = [-1, 1]² → R that minimises

    L(Φ) = ∫_Ω |∇Φ(x) − ∇f(x)|² dx,

where only ∇f is known, the gradient of a photograph f. No residual reads Φ itself, so Φ is known up to a constant,
which is removed before the score. Three kinds of data: ``sobel``, the paper's, smooths the photograph by 1-2-1
across, and so does every solution of it; ``spline`` is the gradient of the cubic spline through the pixels;
``differences`` are those of neighbouring pixels, matched by the same differences of Φ.
"""

import numpy as np
from skimage import data

import sirenpde as sp
from sirenpde.solution.classical import poisson_dct, poisson_dct_gradient
from sirenpde.solution.metrics import psnr, without_offset

RECIPE = {}


def build(path: str = "", size: int = 256, gradient: str = "sobel") -> sp.Problem:
    """State the problem for a picture of the user's, or a photograph, with ``size`` pixels on its longer side.

    Args:
        path: An image file; scikit-image's photograph if empty.
        size: Pixels on the longer side.
        gradient: What is known: ``"sobel"``, ``"spline"`` or ``"differences"``.
    """
    photograph = sp.Raster.from_image(path or data.camera(), size=size)
    if gradient == "differences":
        return _from_differences(photograph)

    def matches_gradient(a, phi):
        return sp.grad(phi.u) - a.slope  # (n, 2)

    return sp.Problem(
        name="poisson_from_gradients",
        fields={"u": photograph.values[0, 0].size},
        given={"slope": photograph.gradient(gradient)},
        constraints=[sp.Constraint("gradient", on=photograph.grid, residual=matches_gradient)],
        exact={"u": photograph},
    )


def _from_differences(photograph: sp.Raster) -> sp.Problem:
    """State that Φ differs from pixel to pixel as the photograph does.

    Neighbours alone would do, but slowly: a smooth error changes each of their differences by next to nothing. So
    pixels 2, 4, 8, … apart are compared too; their differences are sums of those between neighbours.
    """
    longest = int(np.log2(min(photograph.grid.shape)))

    def matches_difference(a, phi):
        ahead = phi.at(x=a.x + a.half_x, y=a.y + a.half_y).u
        behind = phi.at(x=a.x - a.half_x, y=a.y - a.half_y).u
        return ahead - behind - a.difference

    return sp.Problem(
        name="poisson_from_gradients",
        fields={"u": photograph.values[0, 0].size},
        constraints=[
            sp.Constraint("neighbours", on=_pairs(photograph, [1]), residual=matches_difference),
            sp.Constraint(
                "apart", on=_pairs(photograph, [2**k for k in range(1, longest)]), residual=matches_difference
            ),
        ],
        exact={"u": photograph},
    )


def _pairs(photograph: sp.Raster, distances: list[int]) -> sp.Points:
    """Return the midpoints of all pairs of pixels of a row or a column at some distances, with their differences."""
    middles, halves, differences = [], [], []
    for axis, name in enumerate(photograph.names):
        neighbours = photograph.face_differences(name)
        steps = np.cumsum(neighbours.values * neighbours.grid.spacing[axis], axis=1 - axis)
        sums = np.concatenate([np.zeros_like(steps).take([0], axis=1 - axis), steps], axis=1 - axis)
        for distance in distances:
            grid = _midpoints(photograph.grid, axis, distance)
            half = np.zeros((grid.size, 2))
            half[:, axis] = distance * photograph.grid.spacing[axis] / 2
            size = sums.shape[1 - axis]
            ahead, behind = np.arange(distance, size), np.arange(size - distance)
            difference = sums.take(ahead, axis=1 - axis) - sums.take(behind, axis=1 - axis)
            middles.append(grid.points)
            halves.append(half)
            differences.append(difference.reshape(grid.size, -1))
    half_x, half_y = np.concatenate(halves).T
    values = np.concatenate(differences)
    known = {"half_x": half_x, "half_y": half_y, "difference": values[:, 0] if values.shape[1] == 1 else values}
    return sp.Points(np.concatenate(middles), photograph.names, known)


def _midpoints(grid: sp.Grid, axis: int, distance: int) -> sp.Grid:
    """Return the points halfway between grid points ``distance`` apart along an axis."""
    origin, shape = list(grid.origin), list(grid.shape)
    origin[axis] += distance * grid.spacing[axis] / 2
    shape[axis] -= distance
    return sp.Grid(grid.names, tuple(origin), grid.spacing, tuple(shape))


def scores(solution: sp.Solution) -> dict[str, float]:
    """Return the score of the classical solution of the same data, least squares by the cosine transform."""
    problem = solution.problem
    photograph = problem.references["u"].known
    spacing = photograph.grid.spacing[0]
    if "slope" in problem.knowns:
        classical = poisson_dct_gradient(problem.knowns["slope"].known.values, spacing)
    else:
        across, up = (photograph.face_differences(name).values for name in ("x", "y"))
        classical = poisson_dct(across, up, spacing)
    truth = photograph.values
    flat = np.reshape(classical, (truth.shape[0] * truth.shape[1], -1))
    return {"classical_psnr": psnr(without_offset(flat, truth.reshape(flat.shape)), truth.reshape(flat.shape))}


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("poisson_from_gradients.h5")
