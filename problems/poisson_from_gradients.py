"""Recover a photograph from its gradients alone (Sitzmann et al. 2020, Sec. 4.1).

Find Φ: Ω = [-1, 1]² → R that minimises

    L(Φ) = ∫_Ω |∇Φ(x) − ∇f(x)|² dx + λ Σ_paths |Φ(b) − Φ(a) − ∫_a^b ∇f · ds|² / N,

where only ∇f is known, the gradient of a photograph f. The first term is the paper's. A smooth error changes it by next
to nothing, so on its own it leaves the coarse parts of the picture wrong for long; the second term holds Φ to the
integrals of the same data along rows and columns, between pixels 2, 4, 8, … apart. No residual reads Φ itself, so Φ is
known up to a constant, which is removed before the score.

Three kinds of data: ``sobel``, the paper's, smooths the photograph by 1-2-1; ``spline`` is the gradient of the cubic
spline through the pixels; ``differences`` are those of neighbouring pixels, matched by the same differences of Φ, and
hold all of the photograph.

Measured on two CPU cores by tests/benchmarks/signals.py, seed 0: 34.3 dB at 256² from Sobel data in 36 s, where the
classical solution of the same data has 33.3 dB; 32.1 dB (30.9 dB) at 128²; 54.5 dB at 128² from differences, 41.3 dB
between the pixels.
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
    slopes = face_slopes(photograph, gradient)
    if gradient == "differences":
        given = {"across": slopes[0], "up": slopes[1]}
        constraints = [_difference("across", slopes[0], "x"), _difference("up", slopes[1], "y")]
    else:
        given = {"slope": photograph.gradient(gradient)}
        constraints = [sp.Constraint("gradient", on=photograph.grid, residual=matches_gradient)]
    weight = 0.2 / photograph.grid.spacing[0] ** 2  # a fifth of what makes a step of one pixel count as its slope does
    paths = sp.Constraint("paths", on=_paths(photograph.grid, slopes), residual=matches_path, weight=weight)
    return sp.Problem(
        name="poisson_from_gradients",
        fields={"u": photograph.values[0, 0].size},
        given=given,
        constraints=[*constraints, paths],
        exact={"u": photograph},
    )


def matches_gradient(a, phi):
    """Return ∇Φ − ∇f at a pixel, (n, 2)."""
    return sp.grad(phi.u) - a.slope


def matches_path(a, phi):
    """Return Φ(b) − Φ(a) − ∫ ∇f · ds for the two ends of a path."""
    ahead = phi.at(x=a.x + a.half_x, y=a.y + a.half_y).u
    behind = phi.at(x=a.x - a.half_x, y=a.y - a.half_y).u
    return ahead - behind - a.rise


def _difference(name: str, slope: sp.Raster, coordinate: str) -> sp.Constraint:
    """Return the constraint that Φ differs between neighbouring pixels as the photograph does."""
    half = abs(slope.grid.spacing[0]) / 2

    def matches_difference(a, phi):
        middle = getattr(a, coordinate)
        ahead, behind = (phi.at(**{coordinate: middle + side * half}).u for side in (1, -1))
        return (ahead - behind) / (2 * half) - getattr(a, name)

    return sp.Constraint(name, on=slope.grid, residual=matches_difference)


def face_slopes(photograph: sp.Raster, gradient: str) -> list[sp.Raster]:
    """Return ∂f/∂x and ∂f/∂y at the faces between pixels: the differences, or the mean of the two pixels' gradients."""
    faces = [photograph.face_differences(name) for name in photograph.names]
    if gradient == "differences":
        return faces
    slope = photograph.gradient(gradient).values
    across = (slope[:, 1:, ..., 0] + slope[:, :-1, ..., 0]) / 2
    up = (slope[1:, ..., 1] + slope[:-1, ..., 1]) / 2
    return [sp.Raster(values, face.grid) for values, face in zip((across, up), faces, strict=True)]


def _paths(grid: sp.Grid, slopes: list[sp.Raster]) -> sp.Points:
    """Return the paths along rows and columns, 2, 4, 8, … pixels long: their midpoints, half lengths and rises."""
    middles, halves, rises = [], [], []
    for axis, slope in enumerate(slopes):
        line = 1 - axis  # along x the columns of the array run, along y its rows
        first = np.zeros_like(slope.values.take([0], axis=line))
        height = np.concatenate([first, np.cumsum(slope.values * grid.spacing[axis], axis=line)], axis=line)
        for length in (2**power for power in range(1, int(np.log2(grid.shape[axis])))):
            ends = _midpoints(grid, axis, length)
            half = np.zeros((ends.size, 2))
            half[:, axis] = length * grid.spacing[axis] / 2
            count = grid.shape[axis]
            rise = height.take(range(length, count), axis=line) - height.take(range(count - length), axis=line)
            middles.append(ends.points)
            halves.append(half)
            rises.append(rise.reshape(ends.size, *rise.shape[2:]))
    half_x, half_y = np.concatenate(halves).T
    seen = {"half_x": half_x, "half_y": half_y, "rise": np.concatenate(rises)}
    return sp.Points(np.concatenate(middles), grid.names, seen)


def _midpoints(grid: sp.Grid, axis: int, length: int) -> sp.Grid:
    """Return the points halfway between grid points ``length`` apart along an axis."""
    origin, shape = list(grid.origin), list(grid.shape)
    origin[axis] += length * grid.spacing[axis] / 2
    shape[axis] -= length
    return sp.Grid(grid.names, tuple(origin), grid.spacing, tuple(shape))


def scores(solution: sp.Solution) -> dict[str, float]:
    """Return the score of the classical solution of the same data, least squares by the cosine transform."""
    problem = solution.problem
    photograph = problem.references["u"].known
    spacing = photograph.grid.spacing[0]
    if "slope" in problem.knowns:
        found = poisson_dct_gradient(problem.knowns["slope"].known.values, spacing)
    else:
        found = poisson_dct(problem.knowns["across"].known.values, problem.knowns["up"].known.values, spacing)
    truth = photograph.values.reshape(photograph.grid.size, -1)
    classical = found.reshape(truth.shape)
    return {"classical_psnr": psnr(without_offset(classical, truth), truth)}


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("poisson_from_gradients.h5")
