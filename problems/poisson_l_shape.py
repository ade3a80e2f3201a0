"""Laplace's equation around a re-entrant corner, where the gradient is infinite.

Find u: Ω → R, Ω being [-1, 1]² without [0, 1] × [-1, 0], with

    Δu = 0   in Ω,        u = r^(2/3) sin(2θ/3)   on ∂Ω,

r and θ being polar coordinates around the corner at the origin, θ from 0 to 3π/2. That is the solution, and the
leading term of any solution at such a corner: it is continuous, and its gradient grows like r^(−1/3).

The equation is multiplied by r, or its square would weigh most what no network can follow: Δu next to the corner. With
``singular=True`` the field is the network plus c r^(2/3) sin(2θ/3), the amplitude c being sought as well: a way out
where the leading term is known, as it is at any corner between two straight edges.

Measured by `sirenpde run poisson_l_shape --seconds 120`, seed 0, on one core of a busy machine: a relative error of
2.4e-4.
Nearly all of it is next to the corner; with `--set singular=yes --seconds 60` it is 7.5e-10.
"""

import sympy

import sirenpde as sp

RECIPE = {}


def build(singular: bool = False) -> sp.Problem:
    """State the problem, with or without the ``singular`` function in the field."""
    x, y = sympy.symbols("x y")
    u = sympy.Function("u")(x, y)
    r = sympy.sqrt(x**2 + y**2)
    theta = 3 * sympy.pi / 4 + sympy.atan2(-x - y, y - x)  # from the middle of Ω: the jump of atan2 lies outside
    exact = r ** sympy.Rational(2, 3) * sympy.sin(2 * theta / 3)
    domain = sp.Box(x=(-1, 1), y=(-1, 1)) - sp.Box(x=(0, 1), y=(-1, 0))
    return sp.Problem(
        name="poisson_l_shape",
        constraints=[
            sp.Constraint("equation", on=domain, residual=r * (u.diff(x, 2) + u.diff(y, 2))),
            sp.Constraint("edge", on=domain.boundary, residual=u - exact),
        ],
        unknowns={"c": sp.Unknown(initial=0.0)} if singular else {},
        hard={"u": u + sympy.Symbol("c") * exact} if singular else {},
        exact={"u": exact},
    )


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("poisson_l_shape.h5")
