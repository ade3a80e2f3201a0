"""Poisson's equation in five coordinates (Müller & Zeinhofer 2023).

Find u: Ω = [0, 1]⁵ → R with

    −Δu = π² Σ_i cos πx_i   in Ω,        u = Σ_i cos πx_i   on ∂Ω.

The right-hand side of the second equation is the solution. A grid of 32 points along each side would have 3·10⁷ of
them.

Measured by `sirenpde run poisson_5d --seconds 120`, seed 0, on one core of a busy machine: a relative error of 1.0e-6.
"""

import sympy

import sirenpde as sp

RECIPE = {}


def build(dimension: int = 5) -> sp.Problem:
    """State the problem in a number of coordinates."""
    coordinates = sympy.symbols(f"x1:{dimension + 1}")
    u = sympy.Function("u")(*coordinates)
    exact = sum(sympy.cos(sympy.pi * x) for x in coordinates)
    laplacian = sum(u.diff(x, 2) for x in coordinates)
    domain = sp.Box(**{x.name: (0, 1) for x in coordinates})
    return sp.Problem(
        name="poisson_5d",
        constraints=[
            sp.Constraint("equation", on=domain, residual=laplacian + sympy.pi**2 * exact),
            sp.Constraint("edge", on=domain.boundary, residual=u - exact),
        ],
        exact={"u": exact},
    )


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("poisson_5d.h5")
