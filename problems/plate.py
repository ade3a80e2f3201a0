"""The bending of a simply supported square plate (Navier 1823; Timoshenko & Woinowsky-Krieger 1959, Art. 27).

Find the deflection w: Ω = [0, 1]² → R with

    D Δ²w = q   in Ω,        w = 0 and Δw = 0   on ∂Ω,

for the load q = 4π⁴ D sin πx sin πy, under which w = sin πx sin πy. On a straight edge that is held, Δw is the bending
moment but for the factor −D. The deflection is x(1 − x) y(1 − y) times the network and vanishes on the edge by itself;
the moment is a term of the loss.

Measured by `sirenpde run plate --seconds 120`, seed 0, on one core of a busy machine: a relative error of 7.0e-11.
"""

import sympy

import sirenpde as sp

RECIPE = {}


def build() -> sp.Problem:
    """State the problem, divided by the stiffness D."""
    x, y = sympy.symbols("x y")
    w = sympy.Function("w")(x, y)
    exact = sympy.sin(sympy.pi * x) * sympy.sin(sympy.pi * y)
    domain = sp.Box(x=(0, 1), y=(0, 1))
    moment = w.diff(x, 2) + w.diff(y, 2)
    return sp.Problem(
        name="plate",
        constraints=[
            sp.Constraint(
                "equation",
                on=domain,
                residual=w.diff(x, 4) + 2 * w.diff(x, 2, y, 2) + w.diff(y, 4) - 4 * sympy.pi**4 * exact,
            ),
            sp.Constraint("moment", on=domain.boundary, residual=moment),
        ],
        hard={"w": x * (1 - x) * y * (1 - y) * w},
        exact={"w": exact},
    )


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("plate.h5")
