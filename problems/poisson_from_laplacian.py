"""Recover a photograph from its Laplacian, and its values on the edge (Sitzmann et al. 2020, Sec. 4.1).

Find Φ: Ω = [-1, 1]² → R that minimises

    L(Φ) = ∫_Ω |ΔΦ(x) − Δf(x)|² dx + λ ∫_∂Ω |Φ(x) − f(x)|² dx,

where Δf is known inside and f on the edge alone. Without the second term Φ would be known only up to a harmonic
function: Δ says nothing of it.
"""

import numpy as np
from skimage import data

import sirenpde as sp
from sirenpde.solution.classical import poisson_dct_laplacian
from sirenpde.solution.metrics import psnr, without_offset

RECIPE = {
    "network": sp.Siren(first_omega=30),
    "optimizer": sp.Adam(steps=500, betas=(0.9, 0.99)),
    "points": {"laplacian": 4096, "edge": 512},
}


def build(path: str = "", size: int = 128) -> sp.Problem:
    """State the problem for a picture of the user's, or a photograph, with ``size`` pixels on its longer side."""
    photograph = sp.Raster.from_image(path or data.camera(), size=size)
    domain = sp.Box(**photograph.grid.bounds)

    return sp.Problem(
        name="poisson_from_laplacian",
        fields={"u": photograph.values[0, 0].size},
        given={"source": photograph.laplacian(), "f": photograph},
        constraints=[
            sp.Constraint("laplacian", on=photograph.grid, residual=lambda a, phi: sp.laplacian(phi.u) - a.source),
            sp.Constraint("edge", on=domain.boundary, residual=lambda a, phi: phi.u - a.f, weight=1e4),
        ],
        exact={"u": photograph},
    )


def scores(solution: sp.Solution) -> dict[str, float]:
    """Return the score of the classical solution, by the cosine transform, of the same Laplacian."""
    photograph = solution.problem.references["u"].known
    source = solution.problem.knowns["source"].known.values
    classical = poisson_dct_laplacian(source, photograph.grid.spacing[0])
    count = photograph.grid.size
    truth = photograph.values.reshape(count, -1)
    return {"classical_psnr": psnr(without_offset(np.reshape(classical, (count, -1)), truth), truth)}


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("poisson_from_laplacian.h5")
