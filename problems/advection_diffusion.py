"""Carry warmth down a channel with cold walls, into a cold outlet: a boundary layer (Roos, Stynes & Tobiska 2008).

Find u: [0, 1]² → R such that

    u_x = ε (u_xx + u_yy),   u = sin πy at x = 0,   u = 0 at x = 1, y = 0 and y = 1,   ε = 1/50.

With r± = (1 ± √(1 + 4π²ε²))/(2ε) the solution is

    u = sin πy (e^(r₋x) − e^(r₋ + r₊(x − 1))) / (1 − e^(r₋ − r₊)):

it falls slowly along the channel, and to zero within a layer of width ε at the outlet.

The sides are built into the field. Half of the points lie in the last tenth of the channel, which holds the layer.

Measured by `sirenpde run advection_diffusion --seconds 120`, seed 0, on one core of a busy machine: a relative error of
2.4e-9.
"""

import sympy

import sirenpde as sp

RECIPE = {}


def build(epsilon: float = 0.02) -> sp.Problem:
    """State the problem for a diffusivity ``epsilon``, which is also the width of the layer."""
    x, y = sympy.symbols("x y")
    u = sympy.Function("u")(x, y)
    root = sympy.sqrt(1 + 4 * sympy.pi**2 * epsilon**2)
    fall, rise = (1 - root) / (2 * epsilon), (1 + root) / (2 * epsilon)
    along = (sympy.exp(fall * x) - sympy.exp(fall + rise * (x - 1))) / (1 - sympy.exp(fall - rise))
    residual = u.diff(x) - epsilon * (u.diff(x, 2) + u.diff(y, 2))
    return sp.Problem(
        name="advection_diffusion",
        constraints=[
            sp.Constraint("equation", on=sp.Box(x=(0, 1), y=(0, 1)), residual=residual),
            sp.Constraint("layer", on=sp.Box(x=(0.9, 1), y=(0, 1)), residual=residual, points=1000),
        ],
        hard={"u": (1 - x) * sympy.sin(sympy.pi * y) + x * (1 - x) * y * (1 - y) * u},
        exact={"u": along * sympy.sin(sympy.pi * y)},
    )


if __name__ == "__main__":
    sp.solve(build(), **RECIPE).save("advection_diffusion.h5")
