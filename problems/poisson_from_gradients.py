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

RECIPE = {
    "network": sp.Siren(first_omega=60),
    "optimizer": sp.Adam(steps=500, betas=(0.9, 0.99)),
    "points": 4096,
}


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
    """State that Φ differs from pixel to pixel as the photograph does."""
    across, up = photograph.face_differences("x"), photograph.face_differences("y")
    half = photograph.grid.spacing[0] / 2

    def matches_across(a, phi):
        return (phi.at(x=a.x + half).u - phi.at(x=a.x - half).u) / (2 * half) - a.across

    def matches_up(a, phi):
        return (phi.at(y=a.y + half).u - phi.at(y=a.y - half).u) / (2 * half) - a.up

    return sp.Problem(
        name="poisson_from_gradients",
        fields={"u": photograph.values[0, 0].size},
        given={"across": across, "up": up},
        constraints=[
            sp.Constraint("across", on=across.grid, residual=matches_across),
            sp.Constraint("up", on=up.grid, residual=matches_up),
        ],
        exact={"u": photograph},
    )


def scores(solution: sp.Solution) -> dict[str, float]:
    """Return the score of the classical solution of the same data, least squares by the cosine transform."""
    problem = solution.problem
    photograph = problem.references["u"].known
    spacing = photograph.grid.spacing[0]
    if "slope" in problem.knowns:
        classical = poisson_dct_gradient(problem.knowns["slope"].known.values, spacing)
    else:
        classical = poisson_dct(problem.knowns["across"].known.values, problem.knowns["up"].known.values, spacing)
    truth = photograph.values
    flat = np.reshape(classical, (truth.shape[0] * truth.shape[1], -1))
    return {"classical_psnr": psnr(without_offset(flat, truth.reshape(flat.shape)), truth.reshape(flat.shape))}


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("poisson_from_gradients.h5")
